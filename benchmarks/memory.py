"""What a full-size autoencoder takes of memory when large pictures are inspected.

Stable Diffusion's shape with random weights, through the same calls as a trace. Each row runs in a process of its own,
whose peak is everything: Python, libraries, weights and the work.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np

from benchmarks.core import Bench, table
from benchmarks.process import peak
from benchmarks.speed import full_size, inspected

TITLE = "Memory of a full-size autoencoder"
SIZES = (512, 1024)
WINDOWS = 4  # more need no more memory
LIMIT = 4096  # MiB that a small machine has
MODES = ("grid", "paper")


def one(side: int, mode: str) -> dict:
    """Peak memory in MiB of a picture of `side` px: the grid test's windows, or two gradient steps of the paper's."""
    from tracer.evidence.inversion import optimization, settings

    model = full_size()
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    before = peak()
    if mode == "grid":
        inspected(pixels, model, WINDOWS)
    else:  # a third step needs no more
        optimization.invert(pixels, model, replace(settings.PAPER, steps=2))
    return {"loaded_mb": before, "peak_mb": peak()}


def measure(bench: Bench) -> dict:
    """Every size in both modes; --quick: the smaller one in grid mode."""
    results = {}
    for side in SIZES[:1] if bench.quick else SIZES:
        for mode in MODES[:1] if bench.quick else MODES:
            code = f"import json; from benchmarks import memory; print(json.dumps(memory.one({side}, {mode!r})))"

            def run(code: str = code) -> dict:
                done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
                return json.loads(done.stdout.strip().splitlines()[-1])

            results[f"{side} px, {mode} mode"] = bench.kept(f"memory {side} {mode}", run)
    return results


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    rows = [
        [name, f"{found['loaded_mb']:.0f}", f"{found['peak_mb']:.0f}", "yes" if found["peak_mb"] <= LIMIT else "no"]
        for name, found in results.items()
    ]
    text = "Stable Diffusion's shape (83.65 million weights, 32 bit), random weights, on windows, on the CPU."
    return ["", text, *table(["picture", "MiB once loaded", "peak MiB", f"within {LIMIT} MiB"], rows)]
