"""Where an image's latent grid begins: a crop moves it, and a decoder is only recognised on its own grid.

A decoder of stride s draws with period s: how strong edges are, in luminance and chroma, depends a little on the place
within the cell. That periodic pattern, learnt per family from belonging images, is found in an inspected image by
correlation over all s x s offsets at once, as template matching does, for the price of a few differences of pixels. The
best few offsets are then tried with the autoencoder on one small tile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracer import assets

if TYPE_CHECKING:
    from tracer.models.autoencoder import Autoencoder

FOLDER = assets.CALIBRATION
LARGEST = 512  # pixels a side that are looked at; more would only cost time
CANDIDATES = 16  # offsets that the autoencoder tries
FINALISTS = 4  # of them, those that are told apart by one step of inversion
OUTSTANDING = 1.5  # how many times better than the next one an offset is that is believed, though it fits badly
TILE = 64  # pixels a side that it tries them on, of which the border is not scored
BORDER = 8
FEWEST = 6  # grid cells a side below which there is no period to see
# Grey levels of 255: keep flat cells, whose differences are rounding noise, from counting as much as textured ones.
_FLAT, _LEAST = 0.25, 0.05

Offset = tuple[int, int]  # rows and columns to drop, so that what remains begins with a whole cell


@dataclass(frozen=True)
class Pattern:
    """What a family's grid looks like.

    Attributes:
        family: registry id.
        revision: what identifies the weights.
        weights: matched filter, (features, stride, stride).
        count: number of belonging images behind it.
        images: in words, which images they are.
        date: ISO date.
    """

    family: str
    revision: str
    weights: np.ndarray
    count: int
    images: str
    date: str

    @property
    def stride(self) -> int:
        """Pixels per cell and side."""
        return self.weights.shape[-1]


def features(pixels: np.ndarray, stride: int) -> np.ndarray:
    """How strong six kinds of differences are at each place within a cell, per channel.

    Args:
        pixels: uint8 RGB (height, width, 3).
        stride: pixels per cell and side.

    Returns:
        (18, stride, stride): means over cells of absolute differences, divided by their mean around the pixel so that
        busy places do not outweigh the rest; the mean over the places is 0.

    Raises:
        ValueError: fewer than `FEWEST` cells a side.
    """
    from scipy.ndimage import uniform_filter

    rows, columns = (min(length, LARGEST) // stride for length in pixels.shape[:2])
    if min(rows, columns) < FEWEST:
        raise ValueError(f"fewer than {FEWEST} cells of {stride} px a side")
    rgb = pixels[: rows * stride, : columns * stride].astype(np.float32)
    luma = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    found = []
    for channel in (luma, rgb[..., 2] - luma, rgb[..., 0] - luma):
        for difference in _differences(channel):
            strength = np.abs(difference)
            # Around each pixel, not per cell: the same pixels must give the same numbers wherever the grid begins.
            strength = (strength + _LEAST) / (uniform_filter(strength, stride) + _FLAT)
            cells = strength.reshape(rows, stride, columns, stride).transpose(0, 2, 1, 3)
            cells = cells[1:-1, 1:-1]  # at the frame's edge, neighbours are made up
            found.append(cells.mean(axis=(0, 1)))
    result = np.stack(found)
    return result - result.mean(axis=(1, 2), keepdims=True)


def _differences(channel: np.ndarray) -> list[np.ndarray]:
    """From the 3 x 3 mean, the right and the lower neighbour, across and down twice, and of the diagonal."""
    padded = np.pad(channel, 1, mode="reflect")
    height, width = channel.shape

    def beside(down: int, right: int) -> np.ndarray:
        return padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]

    around = sum(beside(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)) / 9
    return [
        channel - around,
        beside(0, 1) - channel,
        beside(1, 0) - channel,
        beside(0, 1) + beside(0, -1) - 2 * channel,
        beside(1, 0) + beside(-1, 0) - 2 * channel,
        beside(1, 1) + channel - beside(0, 1) - beside(1, 0),
    ]


def learn(images: Iterable[np.ndarray], stride: int) -> np.ndarray:
    """The matched filter of a family: the mean pattern of belonging images, whitened over the features.

    Args:
        images: uint8 RGB, all beginning with a whole cell; at least 10.
        stride: pixels per cell and side.

    Raises:
        ValueError: too few images.
    """
    seen = np.stack([features(image, stride) for image in images])
    if len(seen) < 10:
        raise ValueError(f"a grid's pattern takes at least 10 belonging images, not {len(seen)}")
    mean = seen.mean(axis=0)
    rest = (seen - mean).transpose(0, 2, 3, 1).reshape(-1, len(mean))
    covariance = np.cov(rest, rowvar=False) + 1e-6 * np.eye(len(mean))
    return np.einsum("ab,bij->aij", np.linalg.inv(covariance), mean)


def ranked(pixels: np.ndarray, pattern: Pattern, count: int = CANDIDATES) -> list[Offset]:
    """The offsets at which an image shows a family's pattern, the likeliest first; none for a very small image.

    Args:
        pixels: uint8 RGB (height, width, 3).
        pattern: the family's.
        count: number of offsets; "not cropped", which is looked at anyhow, is never among them.
    """
    stride = pattern.stride
    try:
        seen = np.fft.fft2(features(pixels, stride))
    except ValueError:
        return []
    # At (a, b): the correlation with an image whose first pixel is row a, column b of its cell.
    match = np.fft.ifft2((np.conj(seen) * np.fft.fft2(pattern.weights)).sum(axis=0)).real
    best = np.argsort(-match, axis=None, kind="stable")
    offsets = [
        (-int(row) % stride, -int(column) % stride) for row, column in zip(*np.divmod(best, stride), strict=True)
    ]
    return [offset for offset in offsets if offset != (0, 0)][:count]


def search(
    pixels: np.ndarray, autoencoder: Autoencoder, pattern: Pattern, plainly: float, count: int = CANDIDATES
) -> Offset | None:
    """The offset at which a cropped picture's grid most likely begins; None for a very small image.

    That is where the autoencoder reproduces one small, detailed tile best, if it does so plainly or `OUTSTANDING` times
    better than at the next best offset. Otherwise such a tile says too little (some decoders normalise over the whole
    picture), and it is where the pattern fits best.

    Args:
        pixels: uint8 RGB (height, width, 3).
        autoencoder: the inspected model.
        pattern: its grid's.
        plainly: relative loss after one step (`optimization.Step.relative`) up to which a tile counts as reproduced.
        count: number of offsets to try besides (0, 0), where a crop left the grid in place; each costs one encoding and
            decoding of a tile of `TILE` px, the best `FINALISTS` two more.
    """
    import torch

    from tracer.evidence.inversion.observation import Lossless, fine_detail
    from tracer.evidence.inversion.optimization import LEAST, ROUNDING
    from tracer.image.windows import windows

    stride = pattern.stride
    side = max(TILE // stride, 1) * stride
    offsets = [(0, 0), *ranked(pixels, pattern, count)]
    if len(offsets) == 1 or min(pixels.shape[:2]) < side + stride:
        return None
    # Where the scored part has most detail, with one cell of room below and to the right for every offset.
    scored = max((side - 2 * BORDER) // stride, 1) * stride
    last = scored - side - stride + BORDER
    inner = pixels[BORDER:last, BORDER:last]
    top, left = windows(inner, stride, 0, scored, 0, 1)[0].scored[:2]
    tiles = [pixels[top + down : top + down + side, left + right : left + right + side] for down, right in offsets]
    target = torch.from_numpy(np.stack(tiles).astype(np.float32) / 255).permute(0, 3, 1, 2).to(autoencoder.device)

    def energy(images: torch.Tensor, least: float) -> torch.Tensor:
        inside = slice(BORDER, -BORDER)
        found = fine_detail(images)[..., inside, inside].square().mean(dim=(1, 2, 3)) - ROUNDING
        return found.clamp(min=least * ROUNDING)

    with torch.no_grad():
        encoded = autoencoder.encode(target)
        decoded, detail = autoencoder.decode(encoded), energy(target, 1)
        finalists = (energy(Lossless(target).difference(decoded), LEAST) / detail).argsort()[:FINALISTS]
        target, encoded, decoded, detail = (each[finalists] for each in (target, encoded, decoded, detail))
        saved = (decoded.clamp(0, 1) * 255).round() / 255
        reencoded = autoencoder.encode(saved)
        losses = energy(Lossless(target).difference(autoencoder.decode(2 * encoded - reencoded)), LEAST)
        second = energy(Lossless(saved).difference(autoencoder.decode(reencoded)), 1)
        relative = losses / (second * detail).sqrt()
    best, next_best = relative.argsort()[:2].tolist()
    found = relative[best] <= plainly or relative[best] * OUTSTANDING <= relative[next_best]
    return offsets[int(finalists[best])] if found else offsets[1]


def path_of(family: str, folder: Path = FOLDER) -> Path:
    """Where a family's pattern is stored."""
    return folder / f"{family}.grid.json"


def save(pattern: Pattern, path: Path) -> None:
    """Store a pattern as JSON, four digits a weight."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = [[[float(f"{value:.4g}") for value in row] for row in each] for each in pattern.weights]
    path.write_text(json.dumps({**asdict(pattern), "weights": rounded}) + "\n")


def stored(family: str, revision: str, folder: Path = FOLDER) -> Pattern | None:
    """A family's pattern, or None where there is none for these weights."""
    try:
        raw = json.loads(path_of(family, folder).read_text())
        pattern = Pattern(**{**raw, "weights": np.array(raw["weights"])})
    except (OSError, TypeError, ValueError, KeyError):
        return None
    return pattern if pattern.revision == revision else None
