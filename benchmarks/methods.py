"""The grid test, double reconstruction and LatentTracer's loss on the same pictures, with error rates matched.

Each method gives a family one number a picture, large where the family made it: the family's standing in the line-up;
the second reconstruction's error over the first's (AEDR, arXiv 2507.18988); the smallest loss of a few steps of the
paper's descent (arXiv 2405.13360), negated. A family's threshold is what one negative in a hundred exceeds, so all
methods are wrong equally often, and what differs is how many of the family's own pictures they find.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from benchmarks import tables
from benchmarks.core import MATCHED, Bench, as_picture, edge, rate, thin
from benchmarks.grid import key_of
from benchmarks.lineups import Asked, lineups
from benchmarks.pictures import AS_IT_IS, Sample, collected, drawings, lattices, photographs, reconstructions
from tracer.evidence.inversion import inspection, optimization
from tracer.evidence.inversion.settings import PAPER
from tracer.evidence.inversion.trace import code_of
from tracer.models.autoencoder import Autoencoder, as_tensor

TITLE = "Methods at the same error rate"
CHANGES = (AS_IT_IS, "JPEG 85")
SIDE = 256  # px a side of what is looked at
CODE = ("optimization", "settings")
STEPS = 10  # of the paper's 100: enough to order pictures, and what time allows

page = tables.methods


def grid_scores(pixels: np.ndarray, asked: Asked) -> dict[str, float]:
    """Every family's standing after all windows, without search; 0 where there is nothing to look at."""
    codes = {each.name: code_of(each) for each in asked.suspects}
    lineup = inspection.Lineup(
        codes,
        {name: load().stride for name, load in codes.items()},
        threshold=math.inf,
        search=False,
    )
    looked = inspection.inspect(pixels, lineup).looked
    return {name: looked.standings[name].score if looked else 0.0 for name in codes}


@torch.inference_mode()
def double(pixels: np.ndarray, model: Autoencoder) -> float:
    """Error of the second reconstruction over that of the first: near 1 for what the decoder drew, else smaller."""
    height, width = (length // model.stride * model.stride for length in pixels.shape[:2])
    image = as_tensor(pixels[:height, :width])[None].to(model.device)
    first = model.decode(model.encode(image)).clamp(0, 1)
    second = model.decode(model.encode(first)).clamp(0, 1)
    return float((second - first).square().mean() / (first - image).square().mean().clamp(min=1e-9))


def loss(pixels: np.ndarray, model: Autoencoder) -> float:
    """LatentTracer's loss after a few steps."""
    return optimization.invert(pixels, model, replace(PAPER, steps=STEPS), control=False).best


def by_family(function: Callable[[np.ndarray, Autoencoder], float], sign: int = 1):
    """A number of one autoencoder, asked of all of a line-up."""
    return lambda pixels, asked: {each.name: sign * function(pixels, each.load()) for each in asked.suspects}


METHODS: dict[str, Callable[[np.ndarray, Asked], dict[str, float]]] = {
    "grid test": grid_scores,
    "double reconstruction": by_family(double),
    f"LatentTracer's loss, {STEPS} steps": by_family(loss, -1),
}
FEW = tuple(METHODS)[2:]  # methods so slow that they see a part of the pictures, beside which the others are repeated


def samples(bench: Bench, asked: Asked) -> list[Sample]:
    """Own pictures and negatives, of large ones the middle."""
    photos = photographs(bench, max(bench.count // 2, 1), asked.native)
    found = [*photos]
    real = bench.data is not None and any(asked.speaks_for.values())
    if not (real and asked.surrogates):
        found += reconstructions(asked, photos[: max(bench.count // 4, 1)])
    found += drawings(asked, max(bench.count // 20, 1))
    found += lattices(bench, max(bench.count // 50, 1))
    if real:
        every = [each for each in collected(asked, bench.data) if not each.makers or each.format == "untouched"]
        found += [_middle(each) for each in thin(every, 8 if bench.quick else 2 * bench.count)]
    return found


def _middle(sample: Sample) -> Sample:
    """As much of a picture as all methods have time for, on its grid."""

    def pixels() -> np.ndarray:
        whole = sample.pixels()
        top, left = (max(length - SIDE, 0) // 2 // 16 * 16 for length in whole.shape[:2])
        return np.ascontiguousarray(whole[top : top + SIDE, left : left + SIDE])

    return replace(sample, pixels=pixels, file=None)


def measure(bench: Bench) -> dict:
    """Results by line-up, then by change and method."""
    return {asked.name: _of(bench, asked) for asked in lineups(bench)}


def _of(bench: Bench, asked: Asked) -> dict:
    key = key_of(asked, "benchmarks/methods.py", *(f"tracer/evidence/inversion/{name}.py" for name in CODE))
    every = samples(bench, asked)
    few = {each.name for each in thin(every, bench.few(30, 6))}
    every = bench.by_lot(every)
    changes = CHANGES[:1] if bench.quick else CHANGES
    found: dict[str, dict[str, list]] = {change: {} for change in changes}
    for sample in every:
        for change, method in itertools.product(changes, METHODS):
            if method in FEW and sample.name not in few:
                continue

            def work(sample: Sample = sample, change: str = change, method: str = method) -> dict:
                pixels = as_picture(sample.made(change)).pixels
                began = time.perf_counter()
                return {"scores": METHODS[method](pixels, asked), "seconds": time.perf_counter() - began}

            row = bench.kept_in_time(f"{method} {change}: {sample.name}", work, key)
            if row is not None:
                found[change].setdefault(method, []).append((sample, row))
    return {change: _methods(rows) for change, rows in found.items() if set(rows) == set(METHODS)}


def _methods(found: dict[str, list]) -> dict:
    """One change: every method, and the quick ones again on those pictures that a slow one saw."""
    seen = {sample.name for method in FEW for sample, _ in found[method]}
    part = {
        f"{method}, the same part": [each for each in rows if each[0].name in seen]
        for method, rows in found.items()
        if method not in FEW
    }
    return {method: matched(rows) for method, rows in (found | part).items()}


def matched(rows: Sequence[tuple[Sample, dict]]) -> dict:
    """Own pictures found at each family's threshold, and all families' together."""
    families, hits, count = {}, 0, 0
    for name in rows[0][1]["scores"]:
        own = np.array([row["scores"][name] for sample, row in rows if name in sample.makers])
        others = np.array([row["scores"][name] for sample, row in rows if name not in sample.makers])
        if not len(own) or not len(others):
            continue
        limit = edge(others, MATCHED)
        found = int((own > limit).sum())
        families[name] = {"found": rate(found, len(own)), "negatives": len(others), "limit": limit}
        hits, count = hits + found, count + len(own)
    seconds = float(np.median([row["seconds"] for _, row in rows]))
    return {"all": rate(hits, count), "families": families, "pictures": len(rows), "median_seconds": seconds}
