"""What the encoder's start is worth to LatentTracer's descent: steps until the loss falls to the family's threshold."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.core import SIDE, Bench, code_key, table
from benchmarks.pictures import photographs
from tracer.evidence.inversion import calibration, optimization
from tracer.evidence.inversion.settings import DESCENTS, Settings
from tracer.evidence.store import ThresholdMismatch
from tracer.models import autoencoder, cache, registry
from tracer.models.progress import Progress

TITLE = "Start of the descent"
WAYS = {"encoder": "paper", "random": "paper-random"}


def until(pixels: np.ndarray, model: autoencoder.Autoencoder, settings: Settings, limit: float) -> list:
    """The first step whose loss is at most `limit`, or None, and the seconds that went by."""
    seen: list[optimization.Step] = []
    began = time.perf_counter()
    progress = Progress(lambda: bool(seen) and seen[-1].best <= limit, seen.append)
    last = optimization.invert(pixels, model, settings, progress, control=False)
    return [last.index if last.best <= limit else None, time.perf_counter() - began]


def measure(bench: Bench) -> dict:
    """Median steps and seconds, on reconstructions by each bundled mini."""
    key = code_key("tracer/evidence/inversion/*.py", "benchmarks/start.py", thresholds="mini-*.paper")
    found: dict[str, list] = {}
    for row in registry.families("minis")[: bench.few(4, 1)]:
        model = cache.load(row)
        try:  # one threshold for both starts: what the family's own pictures lose from the encoder's
            limit = calibration.losses(row.id, "paper", model.weights_digest).threshold
        except ThresholdMismatch as error:
            bench.progress(str(error))
            continue
        for photo in photographs(bench, bench.few(5, 1), SIDE):
            for way, mode in WAYS.items():

                def work(photo=photo, model=model, mode=mode, limit=limit) -> list:
                    return until(autoencoder.reconstruct(photo.pixels(), model), model, DESCENTS[mode], limit)

                found.setdefault(way, []).append(bench.kept(f"start {way} {row.id} {photo.name}", work, key))
    return found


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    rows = []
    for way, runs in results.items():
        arrived = [steps for steps, _ in runs if steps is not None]
        median = f"{np.median(arrived):.0f}" if arrived else "-"
        seconds = f"{np.median([seconds for _, seconds in runs]):.2f}"
        rows.append([way, f"{len(arrived)} of {len(runs)}", median, seconds])
    return table(["start", "arrived at the threshold", "median steps of those", "median seconds"], rows)
