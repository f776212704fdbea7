"""How well the detector of autoencoder marks tells real generators' pictures from photographs it never saw.

Without a folder of generators' pictures, photographs through the bundled autoencoders stand in for them.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.core import SIDE, Bench, as_picture, code_key, edge, rate, said, table
from benchmarks.pictures import photograph_files, photographs
from tracer import api
from tracer.image import perturbations
from tracer.models import autoencoder, cache, registry
from training import real

TITLE = "Autoencoder artifacts"
LEVELS = (0.001, 0.01, 0.05)  # false-positive rates
KINDS = ("autoencoder", "none", "undecided", "insufficient")
CHANGES: dict[str, Callable[[np.ndarray], np.ndarray | bytes]] = {
    "as it is": lambda x: x,
    **{f"JPEG {q}": lambda x, q=q: perturbations.jpeg_file(x, q) for q in (95, 90, 85, 70, 50)},
    **{f"WebP {q}": lambda x, q=q: perturbations.webp_file(x, q) for q in (95, 80)},
    **{f"resize {f:g}": lambda x, f=f: perturbations.scale(x, f) for f in (0.5, 0.75, 0.9, 1.1, 1.25, 1.5)},
}


@dataclass(frozen=True)
class Seen:
    """One image's answer.

    Attributes:
        kind: of photograph; of a made image, its autoencoder family.
        source: where it comes from.
        score: mean logit.
        verdict: one of `KINDS`.
    """

    kind: str
    source: str
    score: float
    verdict: str


def measure(bench: Bench) -> dict:
    """Figures overall, per family and per source; curves; seconds."""
    photographs, made = _photographs(bench), _made(bench)
    negative = [_seen(bench, *each) for each in photographs]
    positive = [_seen(bench, *each) for each in made]
    scores, others = (np.array([each.score for each in some]) for some in (negative, positive))
    result = {
        "made": "real generators' pictures" if bench.data else "photographs through the bundled autoencoders",
        "photographs": Counter(each.kind for each in negative),
        "overall": _figures(scores, others),
        "by family": _by(scores, positive, "kind"),
        "by source": _by(scores, positive, "source"),
        "by photograph": {
            kind: _figures(scores[[each.kind == kind for each in negative]], others)
            for kind in dict.fromkeys(each.kind for each in negative)
        },
        "verdicts": {"made": _verdicts(positive), "photographs": _verdicts(negative)},
        "robust": {},
        "seconds": _seconds(),
        "scores": {"photographs": scores.tolist(), "made": others.tolist()},
    }
    few = bench.few(40, 4)
    some = [each[:: max(len(each) // few, 1)][:few] for each in (photographs, made)]
    for change in CHANGES if not bench.quick else ("as it is", "JPEG 85"):
        seen = [[_seen(bench, *each, change) for each in kind] for kind in some]
        scores, others = (np.array([each.score for each in kind]) for kind in seen)
        result["robust"][change] = {
            "auc": area(scores, others),
            "made": _verdicts(seen[1]),
            "photographs": _verdicts(seen[0]),
        }
    return result


def _photographs(bench: Bench) -> list[tuple[str, str, Path | np.ndarray]]:
    """(kind, source, file or pixels) of the test photographs."""
    if bench.data is None:
        return [("photographs", "", each.pixels()) for each in photographs(bench, bench.few(100, 6), SIDE)]
    found = [(kind, kind, file) for kind, files in photograph_files(bench.data).items() for file in files]
    return found[:: max(len(found) // 6, 1)] if bench.quick else found


def _made(bench: Bench) -> list[tuple[str, str, Path | np.ndarray]]:
    if bench.data is None:
        models = {row.id: cache.load(row) for row in registry.families("minis")}
        originals = [each.pixels() for each in photographs(bench, bench.few(25, 2), SIDE)]
        return [
            (name, name, autoencoder.reconstruct(pixels, model))
            for name, model in models.items()
            for pixels in originals
        ]
    rows = [
        (each.family, each.source, each.path)
        for each in real.pictures(bench.data)
        if each.generated and each.split == "report"
    ]
    return rows[:: max(len(rows) // 8, 1)] if bench.quick else rows


def _pixels(source: Path | np.ndarray) -> np.ndarray:
    return source if isinstance(source, np.ndarray) else np.asarray(Image.open(source).convert("RGB"))


def _seen(bench: Bench, kind: str, source: str, image: Path | np.ndarray, change: str = "as it is") -> Seen:
    def look() -> list:
        if change == "as it is":
            taken = as_picture(image) if isinstance(image, np.ndarray) else image
        else:
            changed = CHANGES[change](_pixels(image))
            taken = changed if isinstance(changed, bytes) else as_picture(changed)
        found = api.artifacts(taken)
        return [found.score, found.verdict.kind]

    name = image.name if isinstance(image, Path) else hashlib.sha256(image.tobytes()).hexdigest()[:10]
    key = code_key("tracer/evidence/artifacts/*.py", "tracer/image/perturbations.py", thresholds="artifacts.*")
    return Seen(kind, source, *bench.kept(f"artifacts {kind} {name} {change}", look, key))


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
    """AUC, and true positive rates at the scores that at most so many of these photographs exceed."""
    low, high = interval(negative, positive)
    edges = {level: edge(negative, level) for level in LEVELS}
    return {
        "images": len(positive),
        "auc": {"value": area(negative, positive), "low": low, "high": high},
        "tpr": {f"{level:g}": rate(int((positive > edge).sum()), len(positive)) for level, edge in edges.items()},
    }


def _by(negative: np.ndarray, positive: Sequence[Seen], key: str) -> dict:
    names = sorted({getattr(each, key) for each in positive})
    chosen = {name: np.array([each.score for each in positive if getattr(each, key) == name]) for name in names}
    return {name: _figures(negative, values) for name, values in chosen.items()}


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
    counts = ", ".join(f"{count} {kind}" for kind, count in results["photographs"].items())
    head = ["", "images", "AUC (95 % interval)", *(f"found at {level:.1%} of photographs" for level in LEVELS)]
    rows = [["all", *_row(results["overall"])]]
    for group in ("by family", "by source"):
        rows += [[name, *_row(found)] for name, found in results[group].items()]
    rows += [[f"against {name} alone", *_row(found)] for name, found in results["by photograph"].items()]
    lines = [
        "",
        f"Positives are {results['made']}; negatives are photographs never trained or calibrated on ({counts}). The "
        f"rates are at scores that so many of these photographs exceed; of {sum(results['photographs'].values())}, "
        "0.1 % is none.",
    ]
    lines += table(head, rows)
    lines += ["", "What the tab answers, by thresholds from the calibration photographs:"]
    answers = ["", "autoencoder involved", "no marks", "undecided", "too little evidence"]
    verdicts = results["verdicts"]
    lines += table(answers, [[name, *(said(found[kind]) for kind in KINDS)] for name, found in verdicts.items()])
    lines += ["", "After processing (every n-th image):"]
    rows = []
    for change, found in results["robust"].items():
        shares = [
            " / ".join(f"{found[who][kind]['rate']:.0%}" for kind in ("autoencoder", "none"))
            for who in ("made", "photographs")
        ]
        left = f"{1 - found['made']['autoencoder']['rate'] - found['made']['none']['rate']:.0%}"
        rows.append([change, f"{found['auc']:.3f}", shares[0], left, shares[1]])
    lines += table(["change", "AUC", "made: found / missed", "made: left open", "photographs: mistaken / right"], rows)
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
        for share in (found["tpr"][f"{level:g}"] for level in LEVELS)
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
        for change, found in results["robust"].items()
    }
    return [stacked(shares, ("found", "left open", "missed"), folder / "artifacts.png")]
