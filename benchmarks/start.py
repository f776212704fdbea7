"""What the encoder's start and the gradient-free step are worth: steps until the score falls below the threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.core import Bench, digest, table
from tracer.evidence.inversion import calibration, optimization
from tracer.evidence.inversion.settings import FAST
from tracer.models import autoencoder, cache, registry

TITLE = "Start and step"
WAYS = {
    "encoder, forward": FAST,
    "random, forward": replace(FAST, start="random"),
    "encoder, Adam at 0.05": replace(FAST, schedule="constant", rate=0.05),
    "random, Adam at 0.05": replace(FAST, schedule="constant", rate=0.05, start="random"),
}


def measure(bench: Bench) -> dict:
    """Median steps and seconds to the last step's threshold, on each family's own images."""
    most, found = bench.few(100, 12), {}
    photographs = bench.pictures[: bench.few(5, 1)]
    for row in registry.families("minis")[: bench.few(4, 1)]:
        model = cache.load(row)
        known = calibration.stored(row.id, FAST.record(), model.digest)
        limit = known.threshold(known.checkpoints[-1])
        for way, settings in WAYS.items():
            for photograph in photographs:

                def until(photograph: np.ndarray = photograph, settings=settings, model=model, limit=limit) -> list:
                    own = autoencoder.reconstruct(photograph, model)
                    for step in optimization.invert(own, model, replace(settings, steps=most)):
                        if step.relative <= limit:
                            return [step.index, step.seconds]
                    return [None, step.seconds]

                found.setdefault(way, []).append(bench.kept(f"{way} {row.id} {digest(photograph)} {most}", until))
    return {"most": most, "ways": found}


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    rows = []
    for way, runs in results["ways"].items():
        arrived = [steps for steps, _ in runs if steps is not None]
        median = f"{np.median(arrived):.0f}" if arrived else "-"
        seconds = f"{np.median([seconds for _, seconds in runs]):.2f}"
        rows.append([way, f"{len(arrived)} of {len(runs)}", median, seconds])
    head = [f"start, step; at most {results['most']} steps", "arrived", "median steps of those", "median seconds"]
    return table(head, rows)
