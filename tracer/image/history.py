"""What was done to an image before it was saved, from its pixels: a PNG may hold what was once a JPEG, or was resized.

Compression: a JPEG keeps the cosine coefficients of blocks of 8 px as multiples of a step, and these multiples are
still there wherever the blocks begin (Fan and de Queiroz 2003 look for the same in a file's own blocks). A decoder that
draws in cells of 8 px leaves no such multiples.

Resizing: between two samples of the original, interpolated pixels are more predictable than on them, with a period
(Gallagher 2005, Kirchner 2008). Decoders and JPEG have periods of 8 px and less of their own, so frequencies that are
multiples of 1/8 are left out: enlargements by 2, 1.6 and the like cannot be told from these.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from tracer.image import jpeg
from tracer.image.windows import Box, framed

LUMA = np.array((0.299, 0.587, 0.114), np.float32)
BLOCK = 8
COEFFICIENTS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2), (0, 3), (3, 0), (1, 3), (3, 1))
AGREEING = 4  # coefficients that have to lie on multiples
STEPS = np.arange(2, 60)  # between multiples, in grey levels; rounding to 8 bits hides those of 1
BIN, BINS = 0.25, 640  # of a histogram of coefficients: width in grey levels, and number
LEAST = 64  # px a side below which nothing is said
BLOCKS_SIDE, PERIOD_SIDE = 320, 1024  # px a side of the part that is looked at for each of the two
# Scores from which it is said; `docs/method.md` has what they were chosen on.
COMPRESSED, RESIZED = 11.0, 5.0
ERROR = 2.0  # grey levels of a prediction error by which a pixel counts as hard to predict
LOWEST = 0.06  # frequency below which a picture's contents are periodic themselves
AROUND = 24  # frequencies on each side that a peak is compared with


@dataclass(frozen=True)
class History:
    """What an image shows of its past.

    Attributes:
        compression: score of an earlier JPEG.
        quality: its estimated IJG quality, or None where there is no trace of one.
        offset: rows and columns at which its blocks begin.
        resizing: score of an earlier change of size.
    """

    compression: float = 0.0
    quality: int | None = None
    offset: tuple[int, int] = (0, 0)
    resizing: float = 0.0

    @property
    def resized(self) -> bool:
        """Whether it was brought to another size."""
        return self.resizing >= RESIZED


def read(pixels: np.ndarray, blocks: bool = True) -> History:
    """What an image shows of its past; a plain frame around it is left out first.

    Args:
        pixels: uint8 RGB (height, width, 3).
        blocks: whether an earlier JPEG is looked for; of a file that is one it is known.
    """
    top, left, bottom, right = framed(pixels)
    pixels = pixels[top:bottom, left:right]
    if min(pixels.shape[:2]) < LEAST:
        return History()
    resizing = periodicity(_luminance(pixels, _middle(pixels, PERIOD_SIDE)))
    if not blocks:
        return History(resizing=resizing)
    box = _most_detailed(pixels, BLOCKS_SIDE)
    scores, steps = multiples(_luminance(pixels, box))
    best = int(scores.argmax())
    if scores[best] < COMPRESSED:
        return History(round(float(scores[best]), 2), resizing=resizing)
    offset = (best // BLOCK + box[0] + top) % BLOCK, (best % BLOCK + box[1] + left) % BLOCK
    quality = jpeg.nearest_quality([row * BLOCK + column for row, column in steps[best]], list(steps[best].values()))
    return History(round(float(scores[best]), 2), quality, offset, resizing)


def multiples(grey: np.ndarray) -> tuple[np.ndarray, list[dict[tuple[int, int], int]]]:
    """How clearly the coefficients of blocks lie on multiples of a step, for every place that blocks may begin at.

    Each coefficient c, other than those rounded to 0, votes for a step q with cos(2 pi c / q): a smooth distribution
    gives 0 or less, however wide it is, so no image needs another one to compare with.

    Args:
        grey: float (height, width).

    Returns:
        The score of each of the 64 places, row by row, and the steps that are clear there, by coefficient.
    """
    from scipy.fft import dct
    from scipy.ndimage import correlate1d

    votes, squares = _votes()
    basis = dct(np.eye(BLOCK, dtype=np.float32), norm="ortho", axis=0)
    height, width = (length - BLOCK + 1 for length in grey.shape)
    rows, columns = np.arange(height) % BLOCK, np.arange(width) % BLOCK
    first = (rows[:, None] * BLOCK + columns) * BINS
    down = {
        row: correlate1d(grey, basis[row], axis=0, origin=-BLOCK // 2)[:height] for row in {r for r, _ in COEFFICIENTS}
    }
    scores = []
    for row, column in COEFFICIENTS:
        found = correlate1d(down[row], basis[column], axis=1, origin=-BLOCK // 2)[:, :width]
        bins = (np.abs(found) / BIN).astype(np.int32).clip(max=BINS - 1)
        counts = np.bincount((bins + first).ravel(), minlength=BLOCK**2 * BINS).reshape(-1, BINS).astype(np.float32)
        counts[:, -1] = 0  # whatever is larger
        scores.append((counts @ votes) / np.sqrt(counts @ squares).clip(min=1))
    best, steps = np.max(scores, axis=2), STEPS[np.argmax(scores, axis=2)]
    clear = [
        {name: int(steps[index, place]) for index, name in enumerate(COEFFICIENTS) if best[index, place] >= COMPRESSED}
        for place in range(BLOCK**2)
    ]
    return np.sort(best, axis=0)[-AGREEING], clear


@functools.cache
def _votes() -> tuple[np.ndarray, np.ndarray]:
    """The vote of each bin for each step, and its square."""
    sizes = (np.arange(BINS, dtype=np.float32)[:, None] + 0.5) * BIN
    votes = np.cos(2 * np.pi * sizes / STEPS) * (sizes > STEPS / 2)
    return votes.astype(np.float32), (votes**2).astype(np.float32)


def periodicity(grey: np.ndarray) -> float:
    """How far the strongest period of the predictability of pixels stands out, the same across and down."""
    around = 0.5 * (grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1])
    around -= 0.25 * (grey[:-2, :-2] + grey[:-2, 2:] + grey[2:, :-2] + grey[2:, 2:])
    predictable = np.exp(-np.abs(grey[1:-1, 1:-1] - around) / ERROR)
    shortest = min(predictable.shape)
    peaks = np.sqrt(_peaks(predictable.mean(axis=0), shortest) * _peaks(predictable.mean(axis=1), shortest))
    frequency = np.arange(len(peaks)) / (2 * PERIOD_SIDE)
    eighth = np.abs(frequency - np.rint(frequency * BLOCK) / BLOCK)
    peaks[(eighth <= 3 / shortest) | (frequency <= LOWEST)] = 0
    return round(float(peaks.max()), 2)


def _peaks(signal: np.ndarray, shortest: int) -> np.ndarray:
    """Spectrum of a signal over the level around each frequency; the same frequencies whatever its length."""
    from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter1d

    count = len(signal)
    signal = (signal - uniform_filter1d(signal, 17)) * np.hanning(count)
    spectrum = np.abs(np.fft.rfft(signal, 2 * PERIOD_SIDE))
    step = max(2 * PERIOD_SIDE // (2 * count), 1)  # neighbours closer than that are one and the same
    level = np.interp(
        np.arange(len(spectrum)),
        np.arange(0, len(spectrum), step),
        median_filter(spectrum[::step], 2 * AROUND + 1, mode="reflect"),
    )
    tolerance = max(PERIOD_SIDE // shortest, 1)  # both sides were rounded to whole pixels
    return maximum_filter1d(spectrum / level.clip(min=1e-9), 2 * tolerance + 1)


def _luminance(pixels: np.ndarray, box: Box) -> np.ndarray:
    top, left, bottom, right = box
    return pixels[top:bottom, left:right].astype(np.float32) @ LUMA


def _middle(pixels: np.ndarray, side: int) -> Box:
    (top, high), (left, wide) = ((max(length - side, 0) // 2, min(length, side)) for length in pixels.shape[:2])
    return top, left, top + high, left + wide


def _most_detailed(pixels: np.ndarray, side: int) -> Box:
    """The square of so many pixels a side with the most detail, among those that lie side by side."""
    grey = pixels[..., 1].astype(np.int16)
    energy = np.abs(np.diff(grey, axis=1)).clip(max=20)
    height, width = grey.shape
    places = [(top, left) for top in _starts(height, side) for left in _starts(width, side)]
    top, left = max(places, key=lambda at: energy[at[0] : at[0] + side : 2, at[1] : at[1] + side : 2].mean())
    return top, left, min(top + side, height), min(left + side, width)


def _starts(length: int, side: int) -> list[int]:
    count = max(length // side, 1)
    return [round(each) for each in np.linspace(0, max(length - side, 0), count)]
