"""At which size a resized picture may have been drawn: generators draw at few sizes, and only one of them fits.

A decoder's picture that was made larger or smaller fits its decoder as well as before, once the inversion knows from
which size (`tracer.kept.Resized`); eight pixels off, it fits no better than anybody else's picture. So every size that
a generator may have used is tried for a step, and the best one is inspected in full.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracer.autoencoder import Autoencoder
from tracer.settings import COMPRESSED

GRID = 64  # generators draw at multiples of this many pixels a side
FACTORS = (0.4, 2.5)  # by how much a picture may have been made smaller or larger
CORNER = 192  # drawn pixels a side that a trial looks at


def sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Heights and widths at which a picture of this size may have been drawn, its own left out."""
    found = []
    for tall in range(GRID, int(height / FACTORS[0]) + 1, GRID):
        factor = height / tall
        wide = max(round(width / factor / GRID), 1) * GRID
        # Software rounds sides to whole pixels, one way or the other.
        alike = abs(wide * factor - width) <= max(1, factor) and (tall, wide) != (height, width)
        if FACTORS[0] <= factor <= FACTORS[1] and factor != 1 and alike:
            found.append((tall, wide))
    return found


def search(pixels: np.ndarray, autoencoder: Autoencoder) -> tuple[tuple[int, int], float] | None:
    """The likeliest size, and the score there after one step.

    Args:
        pixels: uint8 RGB (height, width, 3), at the size to which the picture was resized.
        autoencoder: the inspected model.

    Returns:
        (height, width) and the score; None where no generator's size has this shape.
    """
    from tracer import inversion

    trial = replace(COMPRESSED, steps=1, whole=CORNER)
    found = []
    for size in sizes(*pixels.shape[:2]):
        if all(side % autoencoder.stride == 0 for side in size):
            *_, last = inversion.invert(pixels, autoencoder, trial, drawn=size)
            found.append((last.relative, size))
    if not found:
        return None
    score, size = min(found)
    return size, score
