"""What a file keeps of a decoder's picture: only what it would show can count as evidence against the decoder.

A lossless file keeps 8 bit and cuts off at black and white. A JPEG file keeps of each 8 x 8 block of luminance which
multiple of a known table every coefficient is nearest to (ITU-T T.81), so many pictures give the same file: those whose
coefficients lie within half a table entry of the kept ones. A belonging image's decoder drew one of them. The distance
of a decoded picture to that set is what the file shows of a difference, and the nearest picture of the set is what a
step aims at (projection onto the quantisation constraint set, Zakhor, IEEE TCSVT 1992). Colour is left out of the
score, since most files keep it at half the size; a step follows its coarse part.

A picture that was resized since is a weighted sum of what the decoder drew, by weights that the two sizes tell. Here
too the pictures that give it are known, and the nearest one of them is what a step aims at.
"""

from __future__ import annotations

import copy
import functools
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d, interpolate, pad

BLOCK = 8
# Full-range YCbCr of JFIF from RGB.
_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


class Kept(Protocol):
    """How one kind of file keeps pictures; all images are float (n, 3, height, width) in [0, 1] unless said."""

    def saved(self, decoded: torch.Tensor) -> Kept:
        """The same kind of file of a decoded picture."""

    def image(self) -> torch.Tensor:
        """What the file shows."""

    def energy(self) -> torch.Tensor:
        """What there is to lose, which a difference is compared with, (n, 3, height, width)."""

    def difference(self, decoded: torch.Tensor) -> torch.Tensor:
        """Decoded minus shown, 0 where the file could not show it."""

    def rounding(self, decoded: torch.Tensor) -> torch.Tensor:
        """What of the way from a decoded picture to this file of it is counted as a difference, though it is none."""

    def nearest(self, decoded: torch.Tensor) -> torch.Tensor:
        """The picture nearest to a decoded one that would have given this file."""

    def shown(self, decoded: torch.Tensor) -> torch.Tensor:
        """A decoded picture at the size of the file's."""


class Lossless:
    """Pixels of 8 bit. What a decoder draws brighter than white is kept as white and says nothing against it."""

    def __init__(self, target: torch.Tensor) -> None:
        self.target = target

    def saved(self, decoded: torch.Tensor) -> Lossless:
        """The picture in 8 bit."""
        return Lossless(_rounded(decoded))

    def image(self) -> torch.Tensor:
        """The pixels themselves."""
        return self.target

    def energy(self) -> torch.Tensor:
        """All of the image."""
        return self.target

    def difference(self, decoded: torch.Tensor) -> torch.Tensor:
        """Decoded minus shown, 0 beyond black and white."""
        difference = decoded - self.target
        hidden = ((self.target >= 1) & (difference > 0)) | ((self.target <= 0) & (difference < 0))
        return difference.masked_fill(hidden, 0)

    def rounding(self, decoded: torch.Tensor) -> torch.Tensor:
        """What 8 bit round away, but not what they cut off."""
        return decoded.clamp(0, 1) - self.target

    def nearest(self, decoded: torch.Tensor) -> torch.Tensor:
        """The pixels themselves: rounding leaves no room worth the trouble."""
        return self.target

    def shown(self, decoded: torch.Tensor) -> torch.Tensor:
        """The decoded picture."""
        return decoded


class Jpeg:
    """A JPEG file, as its decoded pixels and its luminance table tell it.

    Args:
        target: decoded pixels, (n, 3, height, width); sides are multiples of 8, and the blocks begin with them.
        table: quantisation of luminance, 64 entries row by row, in grey levels of 255.
    """

    def __init__(self, target: torch.Tensor, table: torch.Tensor) -> None:
        self.target, self.table = target, table.to(target).reshape(BLOCK, BLOCK)
        self.luminance, self.colour = _ycc(target).split((1, 2), dim=1)
        self.coefficients = self._quantised(_blocks(self.luminance))

    def saved(self, decoded: torch.Tensor) -> Jpeg:
        """The picture as the same software would save it, colour at half the size."""
        luminance, colour = _ycc(_rounded(decoded)).split((1, 2), dim=1)
        shown = torch.cat([_unblocked(self._quantised(_blocks(luminance)), luminance.shape), _coarse(colour)], dim=1)
        return Jpeg(_rounded(_rgb(shown)), self.table)

    def image(self) -> torch.Tensor:
        """The pixels as decoded from the file."""
        return self.target

    def energy(self) -> torch.Tensor:
        """What the file would show of a picture that has lost its fine detail: nothing, where rounding hides it."""
        return self.difference(self.target - fine_detail(self.target))

    def difference(self, decoded: torch.Tensor) -> torch.Tensor:
        """How far luminance lies outside the set of pictures that give this file; the same in all channels."""
        return self._outside(_ycc(decoded.clamp(0, 1))[:, :1]).expand_as(decoded)

    def rounding(self, decoded: torch.Tensor) -> torch.Tensor:
        """Coefficients that 8 bit, before or after the file, pushed across a border."""
        return self.difference(decoded)

    def nearest(self, decoded: torch.Tensor) -> torch.Tensor:
        """Luminance from that set, the file's coarse colour, and the decoded picture's fine one."""
        luminance, colour = _ycc(decoded.clamp(0, 1)).split((1, 2), dim=1)
        nearest = luminance - self._outside(luminance)
        return _rgb(torch.cat([nearest, colour + _coarse(self.colour - colour)], dim=1)).clamp(0, 1)

    def shown(self, decoded: torch.Tensor) -> torch.Tensor:
        """The decoded picture."""
        return decoded

    def _quantised(self, blocks: torch.Tensor) -> torch.Tensor:
        return (blocks / self.table).round() * self.table

    def _outside(self, luminance: torch.Tensor) -> torch.Tensor:
        difference = _blocks(luminance) - self.coefficients
        half = self.table / 2
        outside = difference - torch.minimum(torch.maximum(difference, -half), half)
        return _unblocked(outside, luminance.shape, middle=0)


class Resized:
    """A lossless picture, or its upper left corner, of something that was drawn at another size.

    Bicubic resampling is assumed, as Pillow does it; what another filter leaves is little beside another picture.

    Args:
        target: pixels, (1, 3, height, width).
        down, right: weights of the drawn rows in every row, (height, drawn height), and the same of columns.
    """

    def __init__(self, target: torch.Tensor, down: torch.Tensor, right: torch.Tensor) -> None:
        self.target, self.down, self.right = target, down, right
        self._back = [_inverse(each) for each in (down, right)]

    def saved(self, decoded: torch.Tensor) -> Resized:
        """The picture, resized and in 8 bit."""
        other = copy.copy(self)  # with the same weights and their inverses
        other.target = _rounded(self.shown(decoded.clamp(0, 1)))
        return other

    def image(self) -> torch.Tensor:
        """The smoothest picture that gives this one."""
        return self._enlarged(self.target).clamp(0, 1)

    def energy(self) -> torch.Tensor:
        """All of the image."""
        return self.target

    def difference(self, decoded: torch.Tensor) -> torch.Tensor:
        """Decoded, resized, minus shown; 0 beyond black and white."""
        return Lossless(self.target).difference(self.shown(decoded))

    def rounding(self, decoded: torch.Tensor) -> torch.Tensor:
        """What 8 bit round away."""
        return self.shown(decoded.clamp(0, 1)).clamp(0, 1) - self.target

    def nearest(self, decoded: torch.Tensor) -> torch.Tensor:
        """The decoded picture with what is missing of this one added, spread as resampling gathers it."""
        return (decoded + self._enlarged(self.target - self.shown(decoded))).clamp(0, 1)

    def shown(self, decoded: torch.Tensor) -> torch.Tensor:
        """The decoded picture, resized."""
        return self.down @ decoded @ self.right.T

    def _enlarged(self, small: torch.Tensor) -> torch.Tensor:
        return self._back[0] @ small @ self._back[1].T


def resized(
    pixels: np.ndarray, drawn: tuple[int, int], most: int, margin: int, stride: int
) -> tuple[Resized, int, int]:
    """A picture that was drawn at another size.

    Args:
        pixels: uint8 RGB (height, width, 3).
        drawn: height and width that the decoder drew, multiples of its stride.
        most: of more drawn pixels a side, only this many from the upper left corner are looked at.
        margin: how many drawn pixels at the cut are drawn, but not scored.
        stride: of the latent grid.

    Returns:
        The picture, and how many of its rows and columns are to be scored.
    """
    weights, scored = [], []
    for length, size in zip(pixels.shape, drawn, strict=False):
        matrix, whole = _resampling(size, length, most), size <= most
        cut = size if whole else most - most % stride
        inside = [(matrix[:, last:].abs().sum(1) < 1e-6).sum().item() for last in (cut, cut if whole else cut - margin)]
        weights.append(matrix[: inside[0], :cut])
        scored.append(int(inside[1]))
    height, width = (len(each) for each in weights)
    target = torch.from_numpy(pixels[:height, :width].astype(np.float32) / 255).permute(2, 0, 1)[None]
    return Resized(target, *weights), *scored


@functools.lru_cache(maxsize=64)
def _resampling(drawn: int, length: int, most: int) -> torch.Tensor:
    """What Pillow's bicubic resampling of so many values to so many others weighs them by, (rows, columns).

    Of more than `most` drawn values, only the first of both: all weights of a large picture would fill the memory.
    """
    scale = drawn / length
    reach = 8 * max(1, int(np.ceil(scale)))  # drawn values beyond which a filter of this scale sees nothing
    columns = min(drawn, most + 2 * reach)
    rows = length if columns == drawn else int((columns - reach) / scale)
    unit = Image.fromarray(np.eye(columns, dtype=np.float32))
    box = (0, 0, columns, min(rows * scale, columns))
    return torch.from_numpy(np.array(unit.resize((columns, rows), Image.Resampling.BICUBIC, box=box)))


def _inverse(weights: torch.Tensor) -> torch.Tensor:
    """A pseudo-inverse, damped a little: what resampling hardly lets through is not guessed at."""
    return weights.T @ torch.linalg.inv(weights @ weights.T + 1e-3 * torch.eye(len(weights), device=weights.device))


def kept(target: torch.Tensor, table: np.ndarray | None) -> Kept:
    """The file that an image came from: a JPEG with this luminance table, or lossless where there is none."""
    return Lossless(target) if table is None else Jpeg(target, torch.from_numpy(np.asarray(table, np.float32)))


def fine_detail(images: torch.Tensor) -> torch.Tensor:
    """Images minus their local 3 x 3 mean, (n, 3, height, width)."""
    padded = pad(images, (1, 1, 1, 1), mode="reflect")
    return images - avg_pool2d(padded, 3, stride=1)


def _rounded(images: torch.Tensor) -> torch.Tensor:
    """Clamped and rounded to 8 bit by way of integers, so that they are exactly what a file brings back."""
    levels = (images.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    return torch.from_numpy(levels.astype(np.float32) / 255).to(images.device)


def _ycc(images: torch.Tensor) -> torch.Tensor:
    return torch.einsum("ab,nbhw->nahw", torch.tensor(_YCC).to(images), images)


def _rgb(images: torch.Tensor) -> torch.Tensor:
    return torch.einsum("ab,nbhw->nahw", torch.linalg.inv(torch.tensor(_YCC)).to(images), images)


def _coarse(colour: torch.Tensor) -> torch.Tensor:
    """Halved and enlarged again."""
    return interpolate(avg_pool2d(colour, 2), scale_factor=2, mode="bilinear")


def _cosines() -> torch.Tensor:
    """The orthonormal cosine transform of 8 values (DCT-II), (8, 8)."""
    places = torch.arange(BLOCK)
    rows = torch.cos((2 * places + 1) * places[:, None] * torch.pi / (2 * BLOCK)) * (2 / BLOCK) ** 0.5
    rows[0] /= 2**0.5
    return rows


def _blocks(luminance: torch.Tensor) -> torch.Tensor:
    """Coefficients in grey levels of 255, (n, rows, columns, 8, 8), of (n, 1, height, width) in [0, 1]."""
    count, _, height, width = luminance.shape
    cells = (luminance * 255 - 128).reshape(count, height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(2, 3)
    cosines = _cosines().to(luminance)
    return cosines @ cells @ cosines.T


def _unblocked(coefficients: torch.Tensor, shape: torch.Size, middle: float = 128) -> torch.Tensor:
    """Back from coefficients to (n, 1, height, width); `middle` is 0 for differences."""
    cosines = _cosines().to(coefficients)
    return ((cosines.T @ coefficients @ cosines).transpose(2, 3).reshape(shape) + middle) / 255
