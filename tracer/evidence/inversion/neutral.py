"""Codes with cells and no decoder: what answers in them is a lattice of the image's own.

Pixel art, an enlargement, a halftone or JPEG's blocks fit a grid of 8 px without any decoder having drawn there, and an
autoencoder answers to them too, more weakly than these codes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.evidence.inversion.contrast import PLAIN, Reading

if TYPE_CHECKING:  # the page starts without torch
    import torch


# Shares of a neutral code's contrast that autoencoders show on a lattice that no decoder drew: the largest that any
# showed, and some more (`docs/method.md`).
BLOCKY, SMOOTH = 0.15, 0.45
# Contrast of a neutral code beyond which the image has a lattice of its own: a family then has to answer more than that
# code does, and not only more than a share of it. Decoders draw lattices too, weaker than their own answer to them.
# JPEG of quality 50 shows about -0.5, stronger compression and the weakest enlargements by eight -0.8 and more.
LATTICE = -0.7


@dataclass(frozen=True)
class BlockMean:
    """Keeps the mean of every block of `block` px a side."""

    stride: int
    block: int
    share: float = BLOCKY
    reading: Reading = PLAIN

    def reconstruct(self, images: torch.Tensor) -> torch.Tensor:
        """See `grid.Code`."""
        from torch.nn.functional import avg_pool2d, interpolate

        return interpolate(avg_pool2d(images, self.block), scale_factor=self.block, mode="nearest")


@dataclass(frozen=True)
class Enlarged:
    """Keeps the middle of every block, and draws a smooth surface through them, as an enlargement does."""

    stride: int
    block: int
    mode: str
    share: float = SMOOTH
    reading: Reading = PLAIN

    def reconstruct(self, images: torch.Tensor) -> torch.Tensor:
        """See `grid.Code`."""
        from torch.nn.functional import avg_pool2d, interpolate

        middle = self.block // 2 - 1
        samples = avg_pool2d(images[..., middle:, middle:], 2, self.block)
        return interpolate(samples, scale_factor=self.block, mode=self.mode)


@dataclass(frozen=True)
class Cosine:
    """Keeps the lowest frequencies of every cell, `kept` down and across, as JPEG keeps most of them."""

    stride: int
    kept: int
    share: float = BLOCKY
    reading: Reading = PLAIN

    def reconstruct(self, images: torch.Tensor) -> torch.Tensor:
        """See `grid.Code`."""
        import torch
        from scipy.fft import dct

        basis = torch.from_numpy(dct(np.eye(self.stride), norm="ortho", axis=0)[: self.kept]).to(images)
        low = basis.T @ basis
        count, channels, height, width = images.shape
        cells = images.reshape(count, channels, height // self.stride, self.stride, width // self.stride, self.stride)
        return torch.einsum("ij,ncajbk,kl->ncaibl", low, cells, low).reshape(images.shape)


def codes(stride: int) -> tuple[BlockMean | Enlarged | Cosine, ...]:
    """The neutral codes that a family of this stride is compared with."""
    blocks = [block for block in (2, 4, 8, 16) if stride % block == 0]
    return (
        *(BlockMean(stride, block) for block in blocks),
        *(Enlarged(stride, block, mode) for block in blocks if block > 2 for mode in ("bilinear", "bicubic")),
        Cosine(stride, stride * 3 // 8),
    )
