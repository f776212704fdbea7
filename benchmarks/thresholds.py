"""How a threshold is best set: Grubbs, conformal, kernel density or fixed, by the number of calibration images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.core import SIDE, Bench, table
from tracer.evidence import conformal
from tracer.evidence.inversion import calibration, optimization
from tracer.evidence.inversion.settings import FAST
from tracer.image import samples
from tracer.models import autoencoder, cache, registry

TITLE = "Thresholds by number of calibration images"
COUNTS = (20, 50, 100, 200, 500)
DRAWS = 40
FIXED = calibration.CEILING
START = replace(FAST, steps=0)  # the score before any step, which decides most images


def kernel_density(scores: np.ndarray, alpha: float = conformal.ALPHA) -> float:
    """Upper `alpha` quantile of a Gaussian kernel density over the scores' logarithms (Scott's bandwidth)."""
    from scipy import stats

    density = stats.gaussian_kde(np.log(scores))
    grid = np.linspace(np.log(scores).min() - 3, np.log(scores).max() + 3, 2001)
    mass = np.cumsum(density(grid))
    return float(np.exp(grid[np.searchsorted(mass / mass[-1], 1 - alpha)]))


METHODS: dict[str, Callable[[np.ndarray], float]] = {
    "Grubbs": lambda scores: conformal.grubbs_threshold(scores, log=True),
    "conformal": lambda s: conformal.conformal_threshold(s, max(conformal.ALPHA, 1 / (len(s) + 1))),
    "kernel density": kernel_density,
    f"fixed at {FIXED:g}": lambda scores: FIXED,
}


def measure(bench: Bench) -> dict:
    """Share of own images missed and of others' taken in, over random draws of calibration images."""
    row = registry.family("mini-kl")
    model = cache.load(row)

    def score(pixels: np.ndarray) -> float:
        return optimization.scores(pixels, model, START)[0]

    # The pool is large enough that 500 images leave some that were not drawn.
    size = bench.few(600, 60)
    tiles = samples.bundled_photographs(size, SIDE)
    pool = np.array(bench.kept(f"pool {size}", lambda: [score(autoencoder.reconstruct(tile, model)) for tile in tiles]))
    own, others = [], []
    for truth, name, pixels in bench.images(bench.few(min(len(bench.pictures), 100), 4)):
        found = bench.kept(f"start {truth} {name}", lambda pixels=pixels: score(pixels))
        (own if truth == row.id else others).append(found)
    own, others, rng, rows = np.array(own), np.array(others), np.random.default_rng(0), []
    for count in (each for each in COUNTS if each < size):
        for method, threshold in METHODS.items():
            limits = np.array([threshold(rng.choice(pool, count, replace=False)) for _ in range(DRAWS)])
            missed = [float((own > limit).mean()) for limit in limits]
            taken = [float((others <= limit).mean()) for limit in limits]
            rows.append([count, method, float(np.mean(missed)), float(np.max(missed)), float(np.mean(taken))])
    return {"family": row.id, "own": len(own), "others": len(others), "rows": rows}


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    text = f"Score of {results['family']} before any step, {results['own']} own test images and {results['others']} "
    rows = [[n, method, f"{a:.2%}", f"{b:.2%}", f"{c:.2%}"] for n, method, a, b, c in results["rows"]]
    head = ["calibration images", "threshold", "own missed, mean", "own missed, worst draw", "others taken in, mean"]
    return [
        "",
        f"{text}of others; calibration images drawn {DRAWS} times from scikit-image's tiles.",
        *table(head, rows),
    ]
