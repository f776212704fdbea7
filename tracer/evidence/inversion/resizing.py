"""At which size a resized picture may have been drawn: generators draw at few sizes, and only one of them fits.

A decoder's picture that was made larger or smaller fits its decoder as well as before, once the inversion knows from
which size (`observation.Resized`); eight pixels off, it fits no better than anybody else's picture. So every size that
a generator may have used is tried, and the best one is inspected in full.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tracer.evidence.inversion.settings import COMPRESSED

if TYPE_CHECKING:  # the page starts without torch
    from tracer.models.autoencoder import Autoencoder

GRID = 64  # generators draw at multiples of this many pixels a side
FACTORS = (0.7, 1.6)  # by how much a picture may have been made smaller or larger; calibration has 0.5 to 1.5
# The same at the side that a family's generators draw at. Elsewhere a picture of half the size leaves a decoder so much
# freedom that it draws others' pictures too, where those are soft.
SMALLEST = 0.48
CORNER = 128  # drawn pixels a side that a trial looks at


def sizes(height: int, width: int, native: int = 0) -> list[tuple[int, int]]:
    """Heights and widths at which a picture of this size may have been drawn, its own left out.

    Args:
        height, width: in pixels.
        native: side that the family's generators usually draw at; 0 where they differ.
    """
    found = []
    for tall in range(GRID, int(height / SMALLEST) + 1, GRID):
        factor = height / tall
        wide = max(round(width / factor / GRID), 1) * GRID
        # Software rounds sides to whole pixels, one way or the other.
        alike = abs(wide * factor - width) <= max(1, factor) and (tall, wide) != (height, width)
        least = SMALLEST if native in (tall, wide) else FACTORS[0]
        if least <= factor <= FACTORS[1] and factor != 1 and alike:
            found.append((tall, wide))
    return found


def search(pixels: np.ndarray, autoencoder: Autoencoder, native: int = 0) -> tuple[int, int] | None:
    """The likeliest size: the one at which the decoder fits the picture best.

    Args:
        pixels: uint8 RGB (height, width, 3), at the size to which the picture was resized.
        autoencoder: the inspected model.
        native: as `sizes` takes it.

    Returns:
        Height and width; None where no size that generators draw at has this shape.
    """
    from tracer.evidence.inversion import optimization

    trial, found = replace(COMPRESSED, steps=0, whole=CORNER), []
    for size in sizes(*pixels.shape[:2], native):
        if not any(side % autoencoder.stride for side in size):
            start = next(optimization.invert(pixels, autoencoder, trial, drawn=size))
            found.append((start.relative, size))
    return min(found)[1] if found else None
