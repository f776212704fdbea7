"""How well the detector of autoencoder marks tells real generators' pictures from everything that no decoder drew.

Positives are collected pictures by real models, negatives test photographs and collected art, renders, scans and other
hard cases, all of sources that nothing was trained or chosen with. Without the folder of pictures, photographs through
the bundled autoencoders stand in for generators' pictures.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.core import SIDE, Bench, as_picture, code_key, edge, rate, said, table, thin
from benchmarks.pictures import middle, photograph_files, photographs
from tracer import api
from tracer.image import perturbations
from tracer.models import autoencoder, cache, registry
from training import real

TITLE = "Autoencoder artifacts"
LEVELS = (0.01, 0.05)  # false-positive rates; 0.1 % would take 999 negatives
KINDS = ("autoencoder", "none", "undecided", "insufficient")
AS_IT_IS, CUT = "as it is", "middle 256 px"
CHANGES: dict[str, Callable[[np.ndarray], np.ndarray | bytes]] = {
    AS_IT_IS: lambda x: x,
    **{f"JPEG {q}": lambda x, q=q: perturbations.jpeg_file(x, q) for q in (90, 75)},
    "WebP 80": lambda x: perturbations.webp_file(x, 80),
    "resize 0.75": lambda x: perturbations.scale(x, 0.75),
    CUT: lambda x: middle(x, 256),
}


@dataclass(frozen=True)
class Shown:
    """One image.

    Attributes:
        kind: of a made image its autoencoder family, of others their category.
        source: where it comes from.
        format: "lossless" as the decoder wrote it, "PNG" of unknown history, "JPEG" or "WEBP".
        image: file or pixels.
    """

    kind: str
    source: str
    format: str
    image: Path | np.ndarray


@dataclass(frozen=True)
class Seen:
    """One image's answer.

    Attributes:
        kind, source, format: see `Shown`.
        score: mean logit.
        verdict: one of `KINDS`.
    """

    kind: str
    source: str
    format: str
    score: float
    verdict: str


def measure(bench: Bench) -> dict:
    """Figures as found by family, source and format; after changes; of negatives by category; seconds."""
    others, made = _others(bench), _made(bench)
    negative = [_seen(bench, each) for each in others]
    positive = [_seen(bench, each) for each in made]
    result = {
        "made": "real generators' pictures" if bench.data else "photographs through the bundled autoencoders",
        "overall": _figures(_scores(negative), _scores(positive)),
        "by family": _by(negative, positive, "kind"),
        "by source": _by(negative, positive, "source"),
        "by format": _by(negative, positive, "format"),
        "verdicts": {"made": _verdicts(positive), "others": _verdicts(negative)},
        "negatives": {
            kind: _verdicts([each for each in negative if each.kind == kind])
            for kind in sorted({each.kind for each in negative})
        },
        "cut": _verdicts([_seen(bench, each, CUT) for each in others]),
        "changed": {},
        "seconds": _seconds(),
    }
    lossless = [each for each in made if each.format == "lossless"]
    some = [thin(each, bench.few(40, 4)) for each in (others, lossless)]
    for change in CHANGES if not bench.quick else (AS_IT_IS, "JPEG 75"):
        seen = [[_seen(bench, each, change) for each in kind] for kind in some]
        result["changed"][change] = {
            **_figures(*(_scores(each) for each in seen)),
            "made": _verdicts(seen[1]),
            "others": _verdicts(seen[0]),
        }
    return result


def _others(bench: Bench) -> list[Shown]:
    """Test photographs, and collected pictures that no model made."""
    if bench.data is None:
        return [Shown("photographs", "", "PNG", each.pixels()) for each in photographs(bench, bench.few(100, 6), SIDE)]
    found = []
    for kind, files in photograph_files(bench.data).items():
        files = thin(files, 52) if kind == "cc-by" else files  # small and sharp ones stay under a fifth
        found += [Shown(f"photograph, {kind}", kind, _format(file), file) for file in files]
    for each in real.pictures(bench.data):
        if not each.generated and each.split == "report":
            found.append(Shown(each.family, each.source, _format(each.path), each.path))
    return thin(found, 6) if bench.quick else found


def _made(bench: Bench) -> list[Shown]:
    if bench.data is None:
        models = {row.id: cache.load(row) for row in registry.families("minis")}
        originals = [each.pixels() for each in photographs(bench, bench.few(25, 2), SIDE)]
        return [
            Shown(name, name, "lossless", autoencoder.reconstruct(pixels, model))
            for name, model in models.items()
            for pixels in originals
        ]
    found = []
    for each in real.pictures(bench.data):
        if each.generated and each.split == "report":
            untouched = each.untouched == "yes" and each.path.suffix == ".png"
            found.append(Shown(each.family, each.source, "lossless" if untouched else _format(each.path), each.path))
    return thin(found, 8) if bench.quick else found


def _format(file: Path) -> str:
    return {".jpg": "JPEG", ".webp": "WebP"}.get(file.suffix, "PNG")


def _pixels(source: Path | np.ndarray) -> np.ndarray:
    return source if isinstance(source, np.ndarray) else np.asarray(Image.open(source).convert("RGB"))


def _seen(bench: Bench, shown: Shown, change: str = AS_IT_IS) -> Seen:
    image = shown.image

    def look() -> list:
        if change == AS_IT_IS:
            taken = as_picture(image) if isinstance(image, np.ndarray) else image
        else:
            changed = CHANGES[change](_pixels(image))
            taken = changed if isinstance(changed, bytes) else as_picture(changed)
        found = api.artifacts(taken)
        return [found.score, found.verdict.kind]

    name = image.name if isinstance(image, Path) else hashlib.sha256(image.tobytes()).hexdigest()[:10]
    key = code_key("tracer/evidence/artifacts/*.py", "tracer/image/perturbations.py", thresholds="artifacts.*")
    answer = bench.kept(f"artifacts {shown.kind} {name} {change}", look, key)
    return Seen(shown.kind, shown.source, shown.format, *answer)


def _scores(seen: Sequence[Seen]) -> np.ndarray:
    return np.array([each.score for each in seen])


def area(negative: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties counting half."""
    order = np.sort(negative)
    below = (np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")) / 2
    return float(below.mean() / len(negative))


def interval(negative: np.ndarray, positive: np.ndarray, rounds: int = 1000) -> tuple[float, float]:
    """95 % interval of the area by resampling both classes (percentile bootstrap, seeded)."""
    rng = np.random.default_rng(0)
    found = [area(rng.choice(negative, len(negative)), rng.choice(positive, len(positive))) for _ in range(rounds)]
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def _figures(negative: np.ndarray, positive: np.ndarray) -> dict:
    """AUC, and true positive rates at the scores that at most so many of these negatives exceed."""
    low, high = interval(negative, positive)
    edges = {level: edge(negative, level) for level in LEVELS}
    return {
        "images": len(positive),
        "negatives": len(negative),
        "auc": {"value": area(negative, positive), "low": low, "high": high},
        "tpr": {f"{level:g}": rate(int((positive > edge).sum()), len(positive)) for level, edge in edges.items()},
    }


def _by(negative: Sequence[Seen], positive: Sequence[Seen], key: str) -> dict:
    """Figures of every group of the positives; of formats, against negatives that were compressed likewise."""
    result = {}
    for name in sorted({getattr(each, key) for each in positive}):
        chosen = [each for each in positive if getattr(each, key) == name]
        lossy = name in ("JPEG", "WebP")
        like = [each for each in negative if key != "format" or (each.format in ("JPEG", "WebP")) == lossy]
        result[name] = _figures(_scores(like or negative), _scores(chosen)) | {"verdicts": _verdicts(chosen)}
    return result


def _verdicts(seen: Sequence[Seen]) -> dict:
    return {kind: rate(sum(each.verdict == kind for each in seen), len(seen)) for kind in KINDS}


def _seconds() -> dict:
    """Ten tries and a whole map of a 1024 px picture, once the detector is loaded."""
    from skimage import data

    pixels = np.asarray(Image.fromarray(data.astronaut()).resize((1024, 1024), Image.Resampling.LANCZOS))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    api.artifacts(buffer.getvalue())
    began = time.perf_counter()
    api.artifacts(buffer.getvalue())
    middle = time.perf_counter()
    *_, _last = api.artifacts_map(buffer.getvalue())
    return {"tries": round(middle - began, 2), "map": round(time.perf_counter() - middle, 2)}


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    overall = results["overall"]
    head = ["", "images", "AUC (95 % interval)", *(f"found at {level:.0%} of negatives" for level in LEVELS), "marked"]
    rows = [["all", *_row(overall | {"verdicts": results["verdicts"]["made"]})]]
    for group in ("by format", "by family", "by source"):
        rows += [[name, *_row(found)] for name, found in results[group].items()]
    lines = [
        "",
        f"Positives are {results['made']} as they were found; the {overall['negatives']} negatives are photographs and "
        "art of sources that nothing was trained, calibrated or chosen with. Rows of a format have negatives that were "
        "compressed likewise. “Found” counts at scores that so many of these negatives exceed, “marked” what the tab "
        "says.",
    ]
    lines += table(head, rows)
    lines += ["", "After a change, of both classes alike (every n-th picture; the positives were lossless):"]
    rows = [
        [change, found["negatives"], *_row(found | {"verdicts": found["made"]}), said(found["others"]["autoencoder"])]
        for change, found in results["changed"].items()
    ]
    lines += table(["change", "negatives", *head[1:], "negatives marked"], rows)
    lines += ["", "What the tab answers about negatives, by category:"]
    answers = ["", "autoencoder involved", "no marks", "undecided", "too little evidence"]
    rows = [["all", *(said(results["verdicts"]["others"][kind]) for kind in KINDS)]]
    rows += [[name, *(found[kind]["hits"] for kind in KINDS)] for name, found in results["negatives"].items()]
    lines += table(answers, rows)
    if "cut" in results:  # not in those of earlier versions
        lines += ["", f"Of the negatives' {CUT} alone, {said(results['cut']['autoencoder'])} are marked."]
    seconds = results["seconds"]
    return [
        *lines,
        "",
        f"Ten tries on a 1024 px image take {seconds['tries']} s warm, the whole map {seconds['map']} s.",
    ]


def _row(found: dict) -> list[object]:
    auc = found["auc"]
    shares = [
        f"{share['rate']:.0%} ({share['low']:.0%} to {share['high']:.0%})"
        for share in (*(found["tpr"][f"{level:g}"] for level in LEVELS), found["verdicts"]["autoencoder"])
    ]
    return [found["images"], f"{auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})", *shares]


def plots(results: dict, folder: Path) -> list[str]:
    """What becomes of made images under every change."""
    from benchmarks.plots import stacked

    shares = {
        change: [
            found["made"]["autoencoder"]["rate"],
            found["made"]["undecided"]["rate"] + found["made"]["insufficient"]["rate"],
            found["made"]["none"]["rate"],
        ]
        for change, found in results["changed"].items()
    }
    return [stacked(shares, ("found", "left open", "missed"), folder / "artifacts.png")]
