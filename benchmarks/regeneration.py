"""How often prompt regeneration is right, on prompts, seeds and pictures that its null distribution never saw.

Every test drawing is treated as an unknown image: as it is, after JPEG and blur, with its caption inferred and with its
true prompt. So are pictures that no model drew.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.core import SIDE, Bench, rate, said, table
from benchmarks.pictures import photographs
from tracer import api
from tracer.evidence.regeneration import calibration, decision, ranking
from tracer.evidence.regeneration.ranking import CANDIDATES, Drawn
from tracer.evidence.verdict import Verdict
from tracer.image import intake, perturbations
from tracer.models import registry
from tracer.verdict import combine

TITLE = "Prompt regeneration"
GAMMAS = (1, 2, 4, 8)
BLANK = np.zeros((1, 1, 3), np.uint8)
CHANGES = {
    "JPEG 70": lambda pixels: perturbations.jpeg(pixels, 70),
    "blur, sigma 1": lambda pixels: perturbations.blur(pixels, 1),
}


def measure(bench: Bench) -> dict:
    """All tables of tab 3."""
    per_model, few = bench.few(30, 1), bench.few(50, 1)
    makers, prompts, images = map(list, zip(*calibration.drawings("test", per_model), strict=True))
    written = calibration.captions(images)
    traced = [api.trace(intake.from_array(image, ""), lineup="minis").verdict for image in images]
    known = dict(file=bench.out / "similarities.jsonl", progress=bench.progress)
    found = calibration.scores(images, written, **known)
    told = calibration.scores(images, prompts, **known)
    result = {
        "images": len(images),
        "right_caption": _share(np.array(written) == prompts),
        "inferred": [_row(makers, found, written, gamma) for gamma in GAMMAS],
        "told": [_row(makers, told, prompts, gamma) for gamma in GAMMAS],
        "robust": {},
        "joint": _joint(makers, found, written, traced),
        "inside": _inside(makers, found, written, traced),
        "negatives": {},
    }
    for name, change in CHANGES.items():
        changed = [change(image) for image in images]
        words = calibration.captions(changed)
        row = _row(makers, calibration.scores(changed, words, CANDIDATES, **known), words, CANDIDATES)
        result["robust"][name] = row | {"right_caption": _share(np.array(words) == prompts)}
    for kind, pictures in {
        "photographs": [each.pixels() for each in photographs(bench, few, SIDE)],
        **bench.drawings(),
    }.items():
        pictures = pictures[:: max(len(pictures) // few, 1)][:few]
        words = calibration.captions(pictures)
        scores = calibration.scores(pictures, words, CANDIDATES, **known)
        alone = [_verdict(each[..., 0], word) for each, word in zip(scores, words, strict=True)]
        fused = [_fused(one, image) for one, image in zip(alone, pictures, strict=True)]
        result["negatives"][kind] = {"images": len(pictures), "alone": _kinds(alone), "fused": _kinds(fused)}
    result["seconds"] = _seconds(images[0])
    return result


def _share(hits: Sequence[bool] | np.ndarray) -> dict:
    hits = np.asarray(hits, bool)
    return rate(int(hits.sum()), len(hits))


def _row(makers: Sequence[str], scores: np.ndarray, captions: Sequence[str], gamma: int) -> dict:
    """Accuracy with so many candidates: of the largest mean, by cosine and by SSIM, and of the calibrated verdict."""
    names, truth = np.array(calibration.generators()), np.array(makers)
    means = scores[:, :, :gamma].mean(axis=2)
    verdicts = [_verdict(each[:, :gamma, 0], word) for each, word in zip(scores, captions, strict=True)]
    named = np.array([each.members[0] if each.kind == "family" else "" for each in verdicts])
    left = np.array([each.members[0] if len(each.members) == 1 else "" for each in verdicts])
    return {
        "gamma": gamma,
        "first": _share(names[means[..., 0].argmax(axis=1)] == truth),
        "first_by_ssim": _share(names[means[..., 1].argmax(axis=1)] == truth),
        "only_right": _share(left == truth),
        "only_wrong": _share((left != "") & (left != truth)),
        "named_right": _share(named == truth),
        "named_wrong": _share((named != "") & (named != truth)),
    }


def _verdict(
    similarities: np.ndarray, caption: str, names: Sequence[str] | None = None, alone: bool = False
) -> Verdict:
    """The verdict on one image from its similarities (models, candidates)."""
    names = names or calibration.generators()
    count = similarities.shape[1]
    null = ranking.null_distribution_for(names, count, alone)
    drawn = [
        Drawn(name, number, BLANK, float(value), 0.0)
        for name, row in zip(names, similarities, strict=True)
        for number, value in enumerate(row)
    ]
    return decision.decide(ranking.rank(drawn, null), null, caption)


def _fused(verdict: Verdict, image: np.ndarray) -> Verdict:
    """The joint verdict of inversion and of a comparison of all models."""
    return combine.fuse(
        api.trace(intake.from_array(image, ""), lineup="minis").verdict, verdict, calibration.generators()
    )


def _kinds(verdicts: Sequence[Verdict]) -> dict:
    """How often a model is named, none is, and the answer is left open."""
    named = [bool(each.kind == "family" and each.members) for each in verdicts]
    return {"named": _share(named), "none": _share([each.kind == "none" for each in verdicts])}


def _joint(makers: Sequence[str], scores: np.ndarray, captions: Sequence[str], traced: Sequence[Verdict]) -> dict:
    """The page's way: inversion is asked first, and regeneration among the models that it leaves."""
    names, answers = calibration.generators(), []
    for each, caption, inverted in zip(scores[:, :, :CANDIDATES, 0], captions, traced, strict=True):
        left = combine.candidates(inverted, names)
        chosen = each[[names.index(name) for name in left]]
        verdict = _verdict(chosen, caption, left, alone=True) if len(left) < len(names) else _verdict(each, caption)
        answers.append(combine.fuse(inverted, verdict, names))
    named = [each.members if each.kind == "family" and len(each.members) == 1 else () for each in answers]
    return {
        "named_right": _share([one == (maker,) for one, maker in zip(named, makers, strict=True)]),
        "named_wrong": _share([one not in ((), (maker,)) for one, maker in zip(named, makers, strict=True)]),
    }


def _inside(makers: list[str], scores: np.ndarray, captions: list[str], by_inversion: list[Verdict]) -> dict:
    """Inside a family whose members share an autoencoder: regeneration among them alone, and inversion."""
    names = calibration.generators()
    families = [registry.generator(name).family for name in names]
    result = {}
    for family in dict.fromkeys(families):
        members = [name for name in names if registry.generator(name).family == family]
        if len(members) < 2:
            continue
        rows = [index for index, maker in enumerate(makers) if maker in members]
        columns = [names.index(name) for name in members]
        truth = np.array(makers)[rows]
        inside = scores[..., 0][rows][:, columns, :CANDIDATES]
        first = np.array(members)[inside.mean(axis=2).argmax(axis=1)]
        verdicts = [_verdict(each, captions[i], members, alone=True) for i, each in zip(rows, inside, strict=True)]
        traced = [by_inversion[index] for index in rows]
        joint = [combine.fuse(by, verdict, names) for by, verdict in zip(traced, verdicts, strict=True)]
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
    ranking.candidate.cache_clear()
    began, first = time.perf_counter(), 0.0
    for event in api.regenerate_stream(intake.from_array(image, ""), seed=77_000):
        if isinstance(event, Drawn) and not first:
            first = time.perf_counter() - began
    return {"first_candidate": round(first, 2), "all": round(time.perf_counter() - began, 2)}


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    lines = [
        "",
        "Drawings by every model from prompts and seeds that the null distribution never saw "
        f"({results['images']} images). Of the inferred captions {said(results['right_caption'])} are the prompt "
        "itself. “First” is the model with the largest mean similarity; “only one left” is the model that the "
        "calibrated answer leaves if one of them drew the image; “named” is the calibrated answer itself, which may "
        "also be none or undecided.",
    ]
    keys = ("first", "first_by_ssim", "only_right", "only_wrong", "named_right", "named_wrong")
    rows = [
        [title, row["gamma"], *(said(row[key]) for key in keys)]
        for title, found in (
            ("caption inferred", results["inferred"]),
            ("true prompt given", results["told"]),
            *((f"{name}, caption inferred", [row]) for name, row in results["robust"].items()),
        )
        for row in found
    ]
    only, named = ("only one left, right", "wrong"), ("named right", "named wrong")
    lines += table(["images", "candidates", "first, cosine", "first, SSIM", *only, *named], rows)
    count = len(calibration.generators())
    lines += [
        "",
        f"Guessing among {count} models would be right in {1 / count:.0%}. Alone, regeneration names few of them: an "
        "original drawing of the set that a model learned from is nearly as much like its drawings, and must not be "
        f"taken for one. With inversion asked first, as on the page, {said(results['joint']['named_right'])} are named "
        f"rightly and {said(results['joint']['named_wrong'])} wrongly.",
    ]
    for family, row in results["inside"].items():
        lines += [
            "",
            f"Inside {family}, whose models {' and '.join(row['members'])} share one autoencoder "
            f"({CANDIDATES} candidates):",
        ]
        guess = f"{row['inversion_picks_member']:.0%}, by construction"
        lines += table(
            ["evidence", "right model"],
            [
                ["inversion", f"{guess}; it names the family in {said(row['inversion_names_family'])}"],
                ["regeneration, the more alike", said(row["first"])],
                ["regeneration, calibrated", said(row["named_right"])],
                ["both, calibrated", said(row["fused_right"])],
            ],
        )
    lines += table(
        ["pictures that no model drew", "regeneration names a model", "with inversion"],
        [
            [kind, said(row["alone"]["named"]), said(row["fused"]["named"])]
            for kind, row in results["negatives"].items()
        ],
    )
    seconds = results["seconds"]
    told = f"the first drawing after {seconds['first_candidate']} s, the answer after {seconds['all']} s"
    return [*lines, "", f"One image against {count} models with {CANDIDATES} candidates each: {told}."]


def plots(results: dict, folder: Path) -> list[str]:
    """The share of right models over the number of candidates."""
    from benchmarks.plots import lines

    shown = {
        "the more alike, caption inferred": [row["first"]["rate"] for row in results["inferred"]],
        "the more alike, true prompt": [row["first"]["rate"] for row in results["told"]],
        "named, caption inferred": [row["named_right"]["rate"] for row in results["inferred"]],
        "guessing": [1 / len(calibration.generators())] * len(GAMMAS),
    }
    return [lines(GAMMAS, shown, "candidates per model", folder / "regeneration.png")]
