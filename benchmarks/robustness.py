"""What happens to the answer when an image is processed on its way: right, abstained, wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.core import NONE, Bench, answer_of, as_picture, rate, said, table, traced
from tracer.image import perturbations

TITLE = "Robustness"
Made = np.ndarray | bytes
CHANGES: dict[str, Callable[[np.ndarray], Made]] = {
    "as it is": lambda x: x,
    **{f"JPEG {q}": lambda x, q=q: perturbations.jpeg_file(x, q) for q in (95, 90, 85, 70, 50, 30)},
    **{f"WebP {q}": lambda x, q=q: perturbations.webp_file(x, q) for q in (95, 80)},
    **{f"resize {f:g}": lambda x, f=f: perturbations.scale(x, f, Image.Resampling.LANCZOS) for f in (0.9, 0.75, 0.5)},
    "crop at a random offset": lambda x: perturbations.crop(x, int(x.sum() % 997)),
    **{f"noise, sigma {s:g}": lambda x, s=s: perturbations.noise(x, s, 0) for s in (0.5, 1, 2, 4)},
    **{f"blur, sigma {s:g}": lambda x, s=s: perturbations.blur(x, s) for s in (0.5, 1)},
    **{f"brightness {f:g}": lambda x, f=f: perturbations.brighten(x, f) for f in (0.9, 1.1)},
    "screenshot": lambda x: perturbations.screenshot(x, int(x.sum() % 997)),
}
QUICK = ("as it is", "JPEG 90", "resize 0.75", "crop at a random offset", "noise, sigma 1")


def measure(bench: Bench) -> dict:
    """Per change, how many images of the families are named rightly, not named, called none, or named wrongly."""
    results = {}
    images = list(bench.images(bench.few(min(len(bench.pictures), 20), 1)))
    for change, make in CHANGES.items():
        if bench.quick and change not in QUICK:
            continue
        counts = {"right": 0, "abstained": 0, "none": 0, "wrong": 0}
        photographs = {"named": 0, "of": 0}
        own: dict[str, list[bool]] = {}
        for truth, name, pixels in images:

            def answer(pixels: np.ndarray = pixels, make=make) -> dict:
                made = make(pixels)
                return traced(made if isinstance(made, bytes) else as_picture(made))

            key = f"fast {truth} {name}" if change == "as it is" else f"{change} {truth} {name}"
            said_of = answer_of(bench.kept(key, answer))
            if truth == NONE:
                photographs["named"] += said_of not in (NONE, "undecided", "insufficient")
                photographs["of"] += 1
            else:
                kind = {truth: "right", NONE: "none", "undecided": "abstained", "insufficient": "abstained"}
                counts[kind.get(said_of, "wrong")] += 1
                own.setdefault(truth, []).append(said_of == truth)
        total = sum(counts.values())
        results[change] = {
            **{kind: rate(hits, total) for kind, hits in counts.items()},
            "photograph_named": rate(photographs["named"], photographs["of"]),
            "right_family": {family: rate(sum(hits), len(hits)) for family, hits in own.items()},
        }
    return results


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    kinds = ("right", "abstained", "none", "wrong")
    rows = [
        [
            change,
            *(f"{found[kind]['rate']:.0%}" for kind in kinds),
            said(found["wrong"]),
            said(found["photograph_named"]),
        ]
        for change, found in results.items()
    ]
    head = ["change", "right", "undecided or too little evidence", "none", "wrong family"]
    lines = table([*head, "wrong, images (95 % interval)", "photograph called made"], rows)
    families = list(dict.fromkeys(family for found in results.values() for family in found.get("right_family", ())))
    if not families:  # results of a version that did not tell them apart
        return lines
    own = [[change, *(said(found["right_family"][family]) for family in families)] for change, found in results.items()]
    return [*lines, "", "Named rightly, by family:", *table(["change", *families], own)]


def plots(results: dict, folder: Path) -> list[str]:
    """Stacked bars, one per change."""
    from benchmarks.plots import stacked

    kinds = ("right", "abstained", "none", "wrong")
    shares = {change: [found[kind]["rate"] for kind in kinds] for change, found in results.items()}
    return [stacked(shares, kinds, folder / "robustness.png")]
