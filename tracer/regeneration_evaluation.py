"""How often prompt regeneration is right, on prompts, seeds and pictures that its reference never saw.

Part of `python -m tracer benchmark`. Every test drawing is treated as an unknown image: as it is, after JPEG and blur,
with its caption inferred and with its true prompt. So are pictures that no model drew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tracer import api, fusion, intake, lineup, perturb, regeneration, regeneration_measure
from tracer.evidence import Verdict
from tracer.regeneration import Drawn

GAMMAS = (1, 2, 4, 8)
BLANK = np.zeros((1, 1, 3), np.uint8)

Progress = Callable[[str], None]


def evaluate(
    per_model: int,
    strangers: dict[str, list[np.ndarray]],
    file: Path | None = None,
    progress: Progress = lambda line: None,
) -> dict:
    """All tables of tab 3.

    Args:
        per_model: test drawings by each model.
        strangers: pictures that no model drew, uint8 RGB, by kind.
        file: where similarities are kept, so that a run that was cut off goes on.
        progress: called with a line of text.
    """
    makers, prompts, images = map(list, zip(*regeneration_measure.drawings("test", per_model), strict=True))
    written = regeneration_measure.captions(images)
    found = regeneration_measure.scores(images, written, file=file, progress=progress)
    told = regeneration_measure.scores(images, prompts, file=file, progress=progress)
    result = {
        "images": len(images),
        "right_caption": _share(np.array(written) == prompts),
        "inferred": [_row(makers, found, written, gamma) for gamma in GAMMAS],
        "told": [_row(makers, told, prompts, gamma) for gamma in GAMMAS],
        "robust": {},
        "inside": _inside(makers, found, written, images),
        "strangers": {},
    }
    for name, change in {
        "JPEG 70": lambda image: perturb.jpeg(image, 70),
        "blur 1": lambda image: perturb.blur(image, 1),
    }.items():
        changed = [change(image) for image in images]
        words = regeneration_measure.captions(changed)
        row = _row(makers, regeneration_measure.scores(changed, words, file=file, progress=progress), words, 4)
        result["robust"][name] = row | {"right_caption": _share(np.array(words) == prompts)}
    for kind, pictures in strangers.items():
        words = regeneration_measure.captions(pictures)
        scores = regeneration_measure.scores(pictures, words, file=file, progress=progress)
        alone = [_verdict(each[:, :4, 0], word) for each, word in zip(scores, words, strict=True)]
        fused = [_fused(one, image) for one, image in zip(alone, pictures, strict=True)]
        result["strangers"][kind] = {"images": len(pictures), "alone": _kinds(alone), "fused": _kinds(fused)}
    result["seconds"] = _seconds(images[0])
    return result


def _share(hits: Sequence[bool] | np.ndarray) -> dict:
    from tracer.benchmark import interval

    hits = np.asarray(hits, bool)
    return {"hits": int(hits.sum()), "of": len(hits), "interval": interval(int(hits.sum()), len(hits))}


def _row(makers: Sequence[str], scores: np.ndarray, captions: Sequence[str], gamma: int) -> dict:
    """Accuracy with so many candidates: of the largest mean, by cosine and by SSIM, and of the calibrated verdict."""
    names, truth = np.array(regeneration_measure.generators()), np.array(makers)
    means = scores[:, :, :gamma].mean(axis=2)
    verdicts = [_verdict(each[:, :gamma, 0], word) for each, word in zip(scores, captions, strict=True)]
    named = np.array([each.members[0] if each.kind == "family" else "" for each in verdicts])
    return {
        "gamma": gamma,
        "first": _share(names[means[..., 0].argmax(axis=1)] == truth),
        "first_by_ssim": _share(names[means[..., 1].argmax(axis=1)] == truth),
        "named_right": _share(named == truth),
        "named_wrong": _share((named != "") & (named != truth)),
    }


def _verdict(
    similarities: np.ndarray, caption: str, names: Sequence[str] | None = None, alone: bool = False
) -> Verdict:
    """The verdict on one image from its similarities (models, candidates)."""
    names = names or regeneration_measure.generators()
    count = similarities.shape[1]
    reference = regeneration.reference_for(names, count, alone)
    drawn = [
        Drawn(name, number, BLANK, float(value), 0.0)
        for name, row in zip(names, similarities, strict=True)
        for number, value in enumerate(row)
    ]
    return regeneration.judge(regeneration.rank(drawn, reference), reference, caption)


def _fused(verdict: Verdict, image: np.ndarray) -> Verdict:
    """The joint verdict of inversion and of a comparison of all models."""
    return fusion.fuse(api.trace(intake.from_array(image, "")).verdict, verdict, regeneration_measure.generators())


def _kinds(verdicts: Sequence[Verdict]) -> dict:
    """How often a model is named, none is, and the answer is left open."""
    named = [bool(each.kind == "family" and each.members) for each in verdicts]
    return {"named": _share(named), "none": _share([each.kind == "none" for each in verdicts])}


def _inside(makers: list[str], scores: np.ndarray, captions: list[str], images: list[np.ndarray]) -> dict:
    """Inside a family whose members share an autoencoder: regeneration among them alone, and inversion."""
    names = regeneration_measure.generators()
    families = [lineup.generator(name).family for name in names]
    result = {}
    for family in dict.fromkeys(families):
        members = [name for name in names if lineup.generator(name).family == family]
        if len(members) < 2:
            continue
        rows = [index for index, maker in enumerate(makers) if maker in members]
        columns = [names.index(name) for name in members]
        truth = np.array(makers)[rows]
        inside = scores[rows][:, columns, :4, 0]
        first = np.array(members)[inside.mean(axis=2).argmax(axis=1)]
        verdicts = [_verdict(each, captions[i], members, alone=True) for i, each in zip(rows, inside, strict=True)]
        traced = [api.trace(intake.from_array(images[index], "")).verdict for index in rows]
        joint = [fusion.fuse(by, verdict, names) for by, verdict in zip(traced, verdicts, strict=True)]
        result[family] = {
            "members": members,
            "first": _share(first == truth),
            "named_right": _share([v.members == (name,) for v, name in zip(verdicts, truth, strict=True)]),
            "inversion_names_family": _share([by.families == (family,) for by in traced]),
            "inversion_picks_member": 1 / len(members),  # the same decoder, so the same score: a guess
            "fused_right": _share(
                [v.kind == "family" and v.members == (name,) for v, name in zip(joint, truth, strict=True)]
            ),
        }
    return result


def _seconds(image: np.ndarray) -> dict:
    """How long one image takes with four candidates of a caption never drawn before, models loaded."""
    regeneration.candidate.cache_clear()
    began, first = time.perf_counter(), 0.0
    for update in api.regenerate_stream(intake.from_array(image, ""), seed=77_000):
        if isinstance(update, Drawn) and not first:
            first = time.perf_counter() - began
    return {"first_candidate": round(first, 2), "all": round(time.perf_counter() - began, 2)}


def markdown(result: dict) -> str:
    """The tables as Markdown."""
    lines = [
        f"Drawings by every model from prompts and seeds that the reference never saw ({result['images']} images).",
        f"Of the inferred captions {_percent(result['right_caption'])} are the prompt itself.",
        "“First” is the model with the largest mean similarity; “named” is the calibrated answer, which may also be "
        "none or undecided.",
        "",
        "| images | candidates | first, cosine | first, SSIM | named right | named wrong |",
        "|---|---|---|---|---|---|",
    ]
    for title, rows in (
        ("caption inferred", result["inferred"]),
        ("true prompt given", result["told"]),
        *((f"{name}, caption inferred", [row]) for name, row in result["robust"].items()),
    ):
        for row in rows:
            cells = (row[key] for key in ("first", "first_by_ssim", "named_right", "named_wrong"))
            lines.append(f"| {title} | {row['gamma']} | {' | '.join(_percent(cell) for cell in cells)} |")
    count = len(regeneration_measure.generators())
    lines += ["", f"Guessing among {count} models would be right in {1 / count:.0%}.", ""]
    for family, row in result["inside"].items():
        lines += [
            f"Inside {family}, whose models {' and '.join(row['members'])} share one autoencoder (4 candidates):",
            "",
            "| evidence | right model |",
            "|---|---|",
            f"| inversion | {row['inversion_picks_member']:.0%}, by construction; it names the family in "
            f"{_percent(row['inversion_names_family'])} |",
            f"| regeneration, the more alike | {_percent(row['first'])} |",
            f"| regeneration, calibrated | {_percent(row['named_right'])} |",
            f"| both, calibrated | {_percent(row['fused_right'])} |",
            "",
        ]
    lines += ["| pictures that no model drew | regeneration names a model | with inversion |", "|---|---|---|"]
    for kind, row in result["strangers"].items():
        lines.append(f"| {kind} | {_percent(row['alone']['named'])} | {_percent(row['fused']['named'])} |")
    seconds = result["seconds"]
    first, whole = seconds["first_candidate"], seconds["all"]
    lines += ["", f"One image against {count} models with 4 candidates each: the first drawing after {first} s,"]
    lines.append(f"the answer after {whole} s.")
    return "\n".join(lines) + "\n"


def _percent(share: dict) -> str:
    low, high = share["interval"]
    return f"{share['hits']}/{share['of']} ({share['hits'] / share['of']:.0%}, {low:.0%} to {high:.0%})"
