"""On the latent grid and half a cell beside it: what settles the pictures that a score alone leaves open."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.core import NONE, Bench, rate, said, table
from tracer.evidence.inversion import belonging, calibration, optimization
from tracer.evidence.inversion.calibration import ON_GRID, SURE, Calibration
from tracer.evidence.inversion.optimization import GRID_STEPS
from tracer.evidence.inversion.settings import FAST
from tracer.models import cache, registry

TITLE = "On the latent grid and beside it"
OWN, DRAWN, SOFT = "its own reconstructions", "its generators' drawings", "others' pictures, enlarged or as screenshots"


def measure(bench: Bench) -> dict:
    """Per family and kind of picture, how many times worse it fits off the grid, and how many are left open.

    --quick: the first two families.
    """
    results = {}
    for row in registry.families("minis")[: bench.few(4, 2)]:
        model = cache.load(row)
        known = calibration.stored(row.id, FAST.record(), model.digest)
        found: dict[str, list] = {OWN: [], DRAWN: [], SOFT: []}
        for kind, name, pixels in _images(bench, row.id):

            def answer(pixels: np.ndarray = pixels, model=model) -> list[float]:
                return [optimization.scores(pixels, model, FAST)[-1], optimization.off_grid(pixels, model)]

            found[kind].append(bench.kept(f"grid {row.id} {name}", answer))
        results[row.id] = {kind: _summary(rows, known) for kind, rows in found.items()}
    return results


def _images(bench: Bench, family: str) -> Iterator[tuple[str, str, np.ndarray]]:
    count = bench.few(10, 1)
    for truth, name, pixels in bench.images(count):
        if truth == family:
            yield OWN, f"{truth} {name}", pixels
        else:
            change = int(name.split("-")[0]) % len(belonging.SOFTENED)
            yield (
                SOFT,
                f"{truth if truth != NONE else 'photograph'} {name} {change}",
                belonging.SOFTENED[change](pixels),
            )
    for truth, name, pixels in bench.generated(count):
        if truth == family:
            yield DRAWN, name, pixels


def _summary(rows: list, known: Calibration) -> dict:
    ratios = [ratio for _, ratio in rows]
    last = known.checkpoints[-1]
    open_ones = [ratio for score, ratio in rows if known.decide(score, last) is None and score <= known.inside(last)]
    return {
        "images": len(rows),
        "least": min(ratios),
        "median": float(np.median(ratios)),
        "most": max(ratios),
        "open": len(open_ones),
        "settled": rate(sum(ratio >= ON_GRID for ratio in open_ones), len(open_ones)),
    }


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    text = (
        "How many times worse a picture fits half a cell off its latent grid than on it, after "
        f"{GRID_STEPS} steps. Lossless pictures that the score leaves open, and that score better than any of the "
        f"calibration's pictures by others, belong where that is at least {ON_GRID}, and a match that is less than "
        f"{SURE:g} times better than those has to reach it too (not counted here). (A picture of others that "
        "a decoder fits without measurable loss can exceed it too; its own score then rules it out.)"
    )
    rows = [
        [
            family,
            kind,
            found["images"],
            *(f"{found[key]:.2f}" for key in ("least", "median", "most")),
            found["open"],
            said(found["settled"]) if found["open"] else "-",
        ]
        for family, kinds in results.items()
        for kind, found in kinds.items()
        if found["images"]
    ]
    head = [
        "family",
        "pictures",
        "number",
        "least",
        "median",
        "most",
        "of these left open",
        "settled as its own",
    ]
    return ["", text, *table(head, rows)]
