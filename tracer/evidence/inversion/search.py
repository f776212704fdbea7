"""Where an image's latent grid begins, and at which size it was drawn. A crop moves the grid; resizing hides it.

Offset and size are found by the grid test itself, on one window, at every place where the grid could lie. Both pay for
their chances: the strength of the best of many is corrected (`corrected`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tracer.evidence.inversion import grid
from tracer.evidence.inversion.contrast import ROUNDING
from tracer.evidence.inversion.grid import Code, Layout, Offset

SIDE = 32  # px a side of the window on which every offset is tried
SIZES = 4  # sizes that are tried at most, the nearest first
FACTORS = (0.5, 1.6)  # how many times smaller or larger than drawn a picture may be
RASTER = 64  # px that the sides of what generators draw are multiples of


@dataclass(frozen=True)
class OffsetFits:
    """How well one code fits one window at every offset of its grid.

    Attributes:
        box: top, left, bottom and right of the scored part.
        logs: (stride, stride), mean log energy of the reconstruction error by rows and columns of the offset.
    """

    box: tuple[int, int, int, int]
    logs: np.ndarray

    @property
    def contrasts(self) -> np.ndarray:
        """For every offset, its log energy less the mean of those at its control offsets: (stride, stride)."""
        stride = len(self.logs)
        count = (stride // 2) ** 2
        shifts = grid.controls(stride, 0, min(count, 16))
        beside = np.mean([np.roll(self.logs, (-down, -right), (0, 1)) for down, right in shifts], axis=0)
        return self.logs - beside

    @property
    def lowest(self) -> float:
        """The lowest contrast of any offset."""
        return float(self.contrasts.min())

    @property
    def best(self) -> Offset:
        """The offset that fits best."""
        down, right = np.unravel_index(int(self.contrasts.argmin()), self.logs.shape)
        return int(down), int(right)


def fit_offsets(pixels: np.ndarray, code: Code, plan: Layout | None = None, place: Offset | None = None) -> OffsetFits:
    """Reconstruct a window at every offset of a code's grid.

    Args:
        pixels: uint8 RGB (height, width, 3), large enough for a window (`grid.layout`).
        code: what reconstructs.
        plan, place: which window; by default the small one with the most detail.
    """
    plan = plan or grid.layout(pixels, code.stride, SIDE)
    place = place or plan.places[0]
    stride = code.stride
    offsets = [(down, right) for down in range(stride) for right in range(stride)]
    found = grid.energies(pixels, code, plan, [place], offsets)[0]
    noise = np.log(np.array(ROUNDING, np.float32)).reshape(1, -1, 1, 1)
    weights = 1 - np.exp(noise - found.mean(axis=0, keepdims=True)).clip(max=1)
    logs = (found * weights).sum(axis=(1, 2, 3)) / max(float(weights.sum()), 1e-6)
    top, left = place
    return OffsetFits((top, left, top + plan.tile, left + plan.tile), logs.reshape(stride, stride))


def drawn_sizes(height: int, width: int, native: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    """Sizes that a picture may have been drawn at before it was resized: height and width, the likeliest first.

    Args:
        height, width: of the picture, in pixels.
        native: sides in pixels of the squares that the families' generators draw at; only such areas are taken.

    Returns:
        Up to `SIZES` sizes with sides in multiples of `RASTER` and the picture's shape.
    """
    found = []
    for high in range(RASTER, int(height / FACTORS[0]) + 1, RASTER):
        factor = height / high
        wide = round(width / factor / RASTER) * RASTER
        if not wide or not FACTORS[0] <= factor <= FACTORS[1] or (high, wide) == (height, width):
            continue
        if abs(wide * factor - width) <= max(1.0, 0.004 * width):
            found.append((high, wide))

    def usual(size: tuple[int, int]) -> bool:
        return not native or any(0.8 < size[0] * size[1] / side**2 < 1.25 for side in native)

    return sorted(filter(usual, found), key=lambda size: abs(np.log(size[0] / height)))[:SIZES]


def undone(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture brought back to a size, uint8 RGB, by bicubic interpolation."""
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC))


def corrected(strength: float, chances: int) -> float:
    """A strength that was the best of so many chances, as one that was looked at alone (Bonferroni, normal tails)."""
    if chances == 1:
        return strength
    from scipy import stats

    logarithm = min(stats.norm.logsf(strength) + np.log(chances), np.log(0.5))
    return float(stats.norm.isf(np.exp(logarithm))) if logarithm > -700 else strength
