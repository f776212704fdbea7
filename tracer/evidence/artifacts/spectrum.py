"""The power spectrum of an image, averaged over directions, and its peaks on the grid of 8 pixels.

Decoders enlarge a latent eightfold, which can leave peaks at multiples of 1/8 cycle per pixel (Zhang et al., WIFS 2019;
Corvi et al., CVPR workshops 2023). JPEG works on blocks of 8 pixels too and leaves the same peaks, so the spectrum
supports an answer and never makes one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PERIOD = 8  # pixels: the grid of most latents, and of JPEG
RINGS = 32  # frequencies from 1 / 64 to 1 / 2 cycle per pixel
FREQUENCIES = np.arange(1, RINGS + 1) / (2 * RINGS)
BLOCK, BLOCKS = 128, 36  # pixels a side, and how many are looked at
_LEVEL = slice(1, 8)  # the rings whose mean is 0 dB: 1 / 32 to 1 / 8 cycle per pixel


@dataclass(frozen=True)
class Spectrum:
    """What the spectrum of an image shows.

    Attributes:
        power: azimuthal average in dB at `FREQUENCIES`, (32,); 0 is its mean from 1/32 to 1/8 cycle per pixel.
        peaks: by how many dB the frequencies at 1/8, 2/8, 3/8 and 4/8 cycle per pixel, on the grid of both directions,
            stand out from their neighbours, (4,).
    """

    power: np.ndarray
    peaks: np.ndarray


def measure(pixels: np.ndarray) -> Spectrum:
    """Azimuthal average and grid peaks.

    Args:
        pixels: uint8 RGB (height, width, 3), at least 64 pixels a side.
    """
    side = BLOCK if min(pixels.shape[:2]) >= BLOCK else BLOCK // 2
    power = _periodogram(pixels, side)
    frequency = np.fft.fftfreq(side)
    ring = np.rint(np.hypot(frequency[:, None], frequency) * 2 * RINGS).astype(int)
    sums, counts = (np.bincount(ring.ravel(), weights)[1 : RINGS + 1] for weights in (power.ravel(), None))
    decibels = _decibels(sums / counts)
    return Spectrum(decibels - decibels[_LEVEL].mean(), _peaks(_decibels(power)))


def _periodogram(pixels: np.ndarray, side: int) -> np.ndarray:
    """Mean power of Hann-windowed grey blocks, spread over the image on its 8-pixel grid: (side, side)."""
    window = np.hanning(side + 1)[:side]
    window = window[:, None] * window
    total = np.zeros((side, side))
    for top in _starts(pixels.shape[0], side):
        for left in _starts(pixels.shape[1], side):
            block = pixels[top : top + side, left : left + side].mean(axis=2) / 255
            total += np.abs(np.fft.fft2((block - block.mean()) * window)) ** 2
    return total


def _starts(length: int, side: int) -> np.ndarray:
    count = min(int(np.sqrt(BLOCKS)), 1 + 2 * (length - side) // side)
    return np.unique(np.linspace(0, length - side, count).astype(int) // PERIOD * PERIOD)


def _peaks(decibels: np.ndarray) -> np.ndarray:
    """Excess of grid frequencies over the median of those three bins away (a Hann window blurs over one)."""
    side, half = len(decibels), PERIOD // 2
    away = [(down, right) for down in range(-3, 4) for right in range(-3, 4) if max(abs(down), abs(right)) == 3]
    found: list[list[float]] = [[] for _ in range(half)]
    for row in range(half + 1):
        for column in range(-half + 1, half + 1):
            if row == column == 0:
                continue
            y, x = row * side // PERIOD, column * side // PERIOD
            around = [decibels[(y + down) % side, (x + right) % side] for down, right in away]
            found[max(row, abs(column)) - 1].append(decibels[y % side, x % side] - np.median(around))
    return np.array([np.mean(each) for each in found])


def _decibels(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(power + 1e-12)
