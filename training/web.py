"""What pictures of both classes meet on the way from whoever made them to the detector: the histories of the web.

A pair's two members meet the same steps with the same numbers, so that nothing but the autoencoder tells them apart.
All functions take and return uint8 RGB arrays (height, width, 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tracer.image import perturbations
from training import innocent

SMALLEST, LARGEST = 0.4, 1.6  # factors of resizing
RESIZED, TOUCHED, STORED, TWICE = 0.45, 0.12, 0.72, 0.25  # shares of pictures that meet a step of that kind
WEBP = 0.2  # of those stored


@dataclass(frozen=True)
class Plan:
    """A history, drawn once for a pair.

    Attributes:
        factor: of resizing; 1 for none.
        resampling: the filter of that.
        seed: of everything else.
    """

    factor: float
    resampling: Image.Resampling
    seed: int

    def needed(self, side: int) -> int:
        """Pixels a side to begin with, so that `side` are left."""
        return int(np.ceil((side + 8) / self.factor)) if self.factor != 1 else side + 8


def plan(rng: np.random.Generator, smallest: float = SMALLEST) -> Plan:
    """A random history; none for a fifth of the pictures.

    Args:
        rng: of all choices.
        smallest: factor of resizing that the picture at hand has pixels for.
    """
    factor = 1.0
    if rng.random() < RESIZED:
        factor = float(rng.choice((0.5, 0.75, 1.25, 1.5)) if rng.random() < 0.2 else rng.uniform(SMALLEST, LARGEST))
    filters = perturbations.FILTERS[1:]
    return Plan(max(factor, smallest), filters[rng.integers(len(filters))], int(rng.integers(2**32)))


def along(pixels: np.ndarray, steps: Plan) -> np.ndarray:
    """A picture after its history, a little larger than asked for: its grid of 8 pixels is where JPEG put it."""
    rng = np.random.default_rng(steps.seed)
    if steps.factor != 1:
        pixels = perturbations.scale(pixels, steps.factor, steps.resampling)
    if rng.random() < TOUCHED:
        pixels = innocent.grain(pixels, rng) if rng.random() < 0.4 else innocent.sharpen(pixels, rng)
    if rng.random() < STORED:
        if rng.random() < TWICE:  # re-posted: stored, perhaps cut, and stored again
            pixels = _stored(pixels, rng)
            down, right = rng.integers(8, size=2) * (rng.random() < 0.5)
            pixels = pixels[down:, right:]
        pixels = _stored(pixels, rng)
    return pixels


def _stored(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    quality = int(rng.integers(60, 99)) if rng.random() < 0.8 else int(rng.integers(30, 60))
    if rng.random() < WEBP:
        return perturbations.webp(pixels, quality)
    return perturbations.jpeg(np.ascontiguousarray(pixels), quality, int(rng.choice((0, 1, 2, 2))))
