"""A small adaptive attacker: noise against the detector, the best of a few, at several strengths.

The attacker knows the autoencoder and asks for its score: of four kinds of noise of equal power (white, a
checkerboard, the sign of the reconstruction's residual, and that of its fine detail) each image gets the one that moves
its own score most. That is a lower bound on what an attacker can do: none here follows a gradient.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.core import Bench, as_picture, digest, rate, said, table, traced
from tracer.evidence.inversion import optimization
from tracer.evidence.inversion.settings import FAST
from tracer.models import autoencoder, cache, registry

TITLE = "An adaptive attacker"
DECIBELS = (55, 50, 45, 40, 35)


def attacked(pixels: np.ndarray, model, decibels: float) -> np.ndarray:
    """The image with the noise of a given PSNR that most raises its score under the model."""
    from scipy.ndimage import uniform_filter

    drawn = autoencoder.reconstruct(pixels, model).astype(np.float32)
    height, width = drawn.shape[:2]
    residual = np.zeros(pixels.shape, np.float32)
    residual[:height, :width] = pixels[:height, :width] - drawn
    rows, columns = np.indices(pixels.shape[:2])
    kinds = [
        np.random.default_rng(0).standard_normal(pixels.shape),
        np.where((rows + columns) % 2, 1.0, -1.0)[..., None] * np.ones(3),
        np.sign(residual),
        np.sign(residual - uniform_filter(residual, (3, 3, 1))),
    ]
    made = []
    for kind in kinds:
        power = np.sqrt(max((kind**2).mean(), 1e-9))
        changed = pixels + kind * (255 * 10 ** (-decibels / 20) / power)
        made.append(np.clip(np.rint(changed), 0, 255).astype(np.uint8))
    return max(made, key=lambda image: optimization.scores(image, model, replace(FAST, steps=1))[-1])


def measure(bench: Bench) -> dict:
    """Per strength: PSNR reached, and how many images are still named, called none, or named wrongly."""
    results = {}
    images = bench.pictures[: bench.few(8, 1)]
    for decibels in DECIBELS if not bench.quick else DECIBELS[1::2]:
        rows = []
        for row in registry.families("minis"):
            model = cache.load(row)
            for photograph in images:

                def answer(photograph: np.ndarray = photograph, model=model, decibels: float = decibels) -> dict:
                    own = autoencoder.reconstruct(photograph, model)
                    image = attacked(own, model, decibels)
                    error = ((image.astype(np.float32) - own) ** 2).mean()
                    return {**traced(as_picture(image)), "psnr": float(10 * np.log10(255**2 / max(error, 1e-9)))}

                found = bench.kept(f"attack {decibels} {row.id} {digest(photograph)}", answer)
                rows.append((found["psnr"], found["kind"], found["families"] == [row.id]))
        results[str(decibels)] = {
            "psnr": float(np.mean([psnr for psnr, _, _ in rows])),
            "right": rate(sum(kind == "family" and right for _, kind, right in rows), len(rows)),
            "none": rate(sum(kind == "none" for _, kind, _ in rows), len(rows)),
            "wrong": rate(sum(kind == "family" and not right for _, kind, right in rows), len(rows)),
        }
    return results


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    rows = [
        [f"{found['psnr']:.1f} dB", said(found["right"]), said(found["none"]), said(found["wrong"])]
        for found in results.values()
    ]
    return table(["PSNR of the attacked image", "still named", "called none", "wrong family"], rows)


def plots(results: dict, folder: Path) -> list[str]:
    """Detection against PSNR."""
    from benchmarks.plots import lines

    curves = {kind: [found[kind]["rate"] for found in results.values()] for kind in ("right", "none", "wrong")}
    places = [found["psnr"] for found in results.values()]
    return [lines(places, curves, "PSNR of the attacked image (dB)", folder / "attacker.png")]
