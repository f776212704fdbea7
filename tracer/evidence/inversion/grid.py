"""The grid test: does a decoder reproduce an image better on its latent grid than beside it?

A decoder draws in cells of its stride. The image is reconstructed, D(E(x)), once with the frame on that grid and a few
times with the frame moved off it, and the errors are compared over the same pixels:

    c = log e(on) - mean over control offsets of log e(off),    e = mean of |band(x - D(E(x)))|^2 over a block

What an image shows, and what was done to its file, is the same on and off the grid, and cancels. What the decoder drew
fits better on its own grid, so c is below 0; for anything else the grid makes no difference, and c is about 0. Taken
block by block, the contrast brings its own standard error along: every image is its own control. Double reconstruction
(arXiv 2507.18988) and the loss of an inversion (arXiv 2405.13360) compare an image with other images instead.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tracer.evidence.inversion.contrast import BANDS, PLAIN, ROUNDING, Reading

if TYPE_CHECKING:  # the page starts without torch
    import torch

    from tracer.models.autoencoder import Autoencoder

TILE, BLOCK = 96, 8  # px a side: scored part of a window; piece of it that is one observation
SMALLEST = 32  # px a side of a scored part, below which there is too little to compare
MARGIN = 8  # px around a tile that are reconstructed but not scored
LUMA = (0.299, 0.587, 0.114)
CONTROLS = 3  # offsets beside the grid that a window is reconstructed at
BATCH = 300_000  # pixels that are reconstructed at once

Offset = tuple[int, int]  # rows down and columns right


class Code(Protocol):
    """Anything that reconstructs images in cells: an autoencoder, or a neutral code."""

    stride: int
    reading: Reading

    def reconstruct(self, images: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, height, width) in [0, 1], both sides multiples of the stride, as the code keeps them."""


@dataclass(frozen=True)
class Layout:
    """Where an image is inspected: square windows on native pixels, those with the most detail first.

    Attributes:
        tile: px a side of the scored part of a window.
        places: top and left of the scored parts.
    """

    tile: int
    places: tuple[Offset, ...]

    def side(self, stride: int) -> int:
        """Px a side of what is reconstructed: room for every offset."""
        return math.ceil((self.tile + 2 * MARGIN) / stride) * stride + stride


def layout(pixels: np.ndarray, stride: int, largest: int = TILE) -> Layout:
    """Windows of an image for codes of up to some stride, none overlapping; no places where it is too small.

    Args:
        pixels: uint8 RGB (height, width, 3).
        stride: largest stride of the codes that are asked.
        largest: px a side that a scored part has at most; a small image has smaller ones.
    """
    shortest = min(pixels.shape[:2])
    tile = min(shortest - 2 * MARGIN - 2 * stride, largest) // BLOCK * BLOCK
    while tile >= SMALLEST and 2 * Layout(tile, ()).side(stride) > shortest + tile + 2 * MARGIN:
        tile -= BLOCK  # windows come in whole cells
    if tile < SMALLEST:
        return Layout(0, ())
    side = Layout(tile, ()).side(stride)
    detail = _detail(pixels)
    corners = itertools.product(*(_starts(length, tile, side) for length in pixels.shape[:2]))
    found = [(float(detail[top : top + tile, left : left + tile].mean()), top, left) for top, left in corners]
    found.sort(key=lambda each: (-each[0], each[1:]))
    return Layout(tile, tuple((top, left) for _, top, left in found))


def _starts(length: int, tile: int, side: int) -> list[int]:
    """First pixels of the scored parts along one axis, spread evenly, each with room for its window at any offset."""
    first, last = side - tile - MARGIN, length - side + MARGIN
    return [round(value) for value in np.linspace(first, last, (last - first) // tile + 1)]


def _detail(pixels: np.ndarray) -> np.ndarray:
    """Gradient of each pixel in grey levels, (height, width); no edge counts for more than 20."""
    grey = pixels.astype(np.float32).mean(axis=2)
    down, right = np.abs(np.diff(grey, axis=0, prepend=grey[:1])), np.abs(np.diff(grey, axis=1, prepend=grey[:, :1]))
    return (down + right).clip(max=20)


def controls(stride: int, turn: int = 0, count: int = CONTROLS) -> list[Offset]:
    """Offsets beside the grid: two pixels or more away from it, and off the multiples of half the stride.

    Fine detail answers at half the stride too. Different turns give different offsets, as far as there are any.
    """
    near = 2 if stride > 4 else 1  # in small cells nothing is two pixels away
    steps = [each for each in range(near, stride - near + 1) if each % (stride // 2)] or [1]
    pairs = [
        (down, steps[(index + shift) % len(steps)]) for shift in range(len(steps)) for index, down in enumerate(steps)
    ]
    # Neighbours in the list differ in both coordinates; a step that shares no factor with the length visits all.
    jump = next(each for each in range(len(pairs) // 3 + 1, len(pairs) + 2) if math.gcd(each, len(pairs)) == 1)
    return [pairs[(turn * count + index) * jump % len(pairs)] for index in range(count)]


def energies(pixels: np.ndarray, code: Code, plan: Layout, places: list[Offset], offsets: list[Offset]) -> np.ndarray:
    """Log energy of the reconstruction error in every block, for every window and offset of the grid.

    Args:
        pixels: uint8 RGB (height, width, 3).
        code: what reconstructs.
        plan: the windows' size.
        places: top and left of the scored parts to measure.
        offsets: where the code's first cell begins, modulo the stride.

    Returns:
        float32 (places, offsets, bands, rows, columns).
    """
    import torch

    side, tile, stride = plan.side(code.stride), plan.tile, code.stride
    image = torch.tensor(pixels).permute(2, 0, 1)
    starts = [
        tuple(place[axis] - MARGIN - (place[axis] - MARGIN - offset[axis]) % stride for axis in (0, 1))
        for place in places
        for offset in offsets
    ]
    scored = [place for place in places for _ in offsets]
    found = []
    size = max(BATCH // side**2, 1)
    with torch.inference_mode():
        for first in range(0, len(starts), size):
            batch = list(zip(starts[first : first + size], scored[first : first + size], strict=True))
            crops = torch.stack([image[:, top : top + side, left : left + side] for (top, left), _ in batch])
            crops = crops.float() / 255
            error = luminance(crops - code.reconstruct(crops))
            corners = [(place[0] - start[0], place[1] - start[1]) for start, place in batch]
            found.append(block_energies(error, corners, tile))
    return torch.cat(found).reshape(len(places), len(offsets), *found[0].shape[1:]).log().numpy()


def luminance(images: torch.Tensor) -> torch.Tensor:
    """Luminance (n, 1, height, width) of RGB (n, 3, height, width)."""
    return sum(weight * images[:, index : index + 1] for index, weight in enumerate(LUMA))


def block_energies(error: torch.Tensor, corners: list[Offset], tile: int) -> torch.Tensor:
    """Energy of each band in each block of the scored parts: (n, bands, rows, columns)."""
    import torch
    from torch.nn.functional import avg_pool2d

    sides = sorted({side for band in BANDS for side in band})
    means = {side: avg_pool2d(error, side, 1, side // 2, count_include_pad=False) for side in sides}
    found = []
    for index, (top, left) in enumerate(corners):
        inside = (index, slice(None), slice(top, top + tile), slice(left, left + tile))
        bands = torch.cat([means[inner][inside] - means[outer][inside] for inner, outer in BANDS])
        found.append(avg_pool2d(bands.square(), BLOCK))
    return torch.stack(found) + torch.tensor(ROUNDING).reshape(1, -1, 1, 1)


@dataclass(frozen=True)
class Reconstruction:
    """An autoencoder as a `Code`.

    Attributes:
        autoencoder: the inspected model.
        reading: how its contrasts are read.
        refinements: gradient-free steps z += E(x) - E(D(z)) after the encoding (arXiv 2409.18442). They sharpen the
            answer where the decoder is the generator's own; a stand-in's do not converge, and take the answer away.
    """

    autoencoder: Autoencoder
    refinements: int = 0
    reading: Reading = PLAIN

    @property
    def stride(self) -> int:
        """Pixels per latent cell and side."""
        return self.autoencoder.stride

    @property
    def unrefined(self) -> Reconstruction:
        """The same without refinements: a single pass, for when many places are asked."""
        return replace(self, refinements=0)

    def reconstruct(self, images: torch.Tensor) -> torch.Tensor:
        """See `Code`."""
        if self.autoencoder.large and len(images) > 1:
            import torch

            return torch.cat([self.reconstruct(each) for each in images.split(1)])
        encoded = latents = self.autoencoder.encode(images)
        drawn = self.autoencoder.decode(latents)
        for _ in range(self.refinements):
            latents = latents + encoded - self.autoencoder.encode(drawn.clamp(0, 1))
            drawn = self.autoencoder.decode(latents)
        return drawn.to(images.device)
