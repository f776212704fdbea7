"""What a look at some windows found: the contrast of every block, how much it counts, and how sure their mean is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

BANDS = ((1, 3), (3, 9))  # detail between the means over squares of so many px: fine, and middle
# Energy that rounding to 8 bits leaves in each band, on the scale of [0, 1]: below it there is nothing to compare.
ROUNDING = tuple((1 / inner**2 - 1 / outer**2) / (12 * 255**2) for inner, outer in BANDS)
SPREAD = 0.02  # contrast by which pictures differ that no family made, where a family's own is not known
# Size of the contrast that nearly all of a family's own pictures show which nothing was done to, where a family's own
# is not known: the weakest of what autoencoders show that are the generator's own.
ANSWER = 0.3
LOCAL = 2.0  # how many times as much windows of a picture differ as pictures do


@dataclass(frozen=True)
class Reading:
    """How a code's contrasts are read.

    Attributes:
        bands: how much each of `BANDS` counts.
        spread: contrast by which pictures differ that the family did not make, for reasons that one picture's blocks do
            not show; no number of windows makes a fainter answer certain.
        answer: size of the contrast that nearly all of the family's own pictures show, if nothing was done to them.
    """

    bands: tuple[float, ...] = (1.0, 1.0)
    spread: float = SPREAD
    answer: float = ANSWER


PLAIN = Reading()


@dataclass(frozen=True)
class Contrast:
    """The contrast of each block of some windows, and how much it counts.

    Attributes:
        values: (windows, rows, columns), log energy on the grid less that beside it, mean of the bands.
        weights: the same shape: 0 where the error drowns in the noise of rounding, and else the error's amplitude in
            units of that noise. A decoder shows most where it has most to draw.
        chance: (windows,), variance of each window's contrast by where a grid happens to begin: how much the control
            offsets differ among themselves.
        reading: of the code.
    """

    values: np.ndarray
    weights: np.ndarray
    chance: np.ndarray
    reading: Reading = PLAIN

    @classmethod
    def of(cls, logs: np.ndarray, reading: Reading = PLAIN) -> Contrast:
        """From `grid.energies` whose first offset is the grid's and whose others are controls.

        Args:
            logs: (windows, offsets, bands, rows, columns).
            reading: of the code.
        """
        values = logs[:, 0] - logs[:, 1:].mean(axis=1)
        noise = np.log(np.array(ROUNDING, np.float32)).reshape(1, -1, 1, 1)
        above = (logs[:, 1:].mean(axis=1) - noise).clip(min=0)
        shares = np.array(reading.bands, np.float32).reshape(1, -1, 1, 1) / sum(reading.bands)
        weights = (1 - np.exp(-above)) * shares
        total = weights.sum(axis=1)
        values = (values * weights).sum(axis=1) / total.clip(min=1e-6)
        weights = total * np.exp((above * shares).sum(axis=1) / 2)
        beside = ((logs[:, 1:] * shares[:, None]).sum(axis=2) * weights[:, None]).sum(axis=(2, 3))
        beside /= weights.sum(axis=(1, 2)).clip(min=1e-6)[:, None]
        chance = beside.var(axis=1, ddof=1) * (1 + 1 / beside.shape[1])
        return cls(values, weights, chance, reading)

    def minus(self, other: Contrast) -> Contrast:
        """How much stronger this code answers than another one, in the windows that both were asked about."""
        both = min(len(self.values), len(other.values))
        reading = replace(self.reading, spread=math.hypot(self.reading.spread, other.reading.spread))
        weights = np.minimum(self.weights[:both], other.weights[:both])
        chance = self.chance[:both] + other.chance[:both]
        return Contrast(self.values[:both] - other.values[:both], weights, chance, reading)

    def joined(self, other: Contrast) -> Contrast:
        """With the windows of another look."""
        pairs = (self.values, other.values), (self.weights, other.weights), (self.chance, other.chance)
        return Contrast(*map(np.concatenate, pairs), self.reading)

    @property
    def means(self) -> np.ndarray:
        """Weighted mean of each window, (windows,)."""
        return (self.values * self.weights).sum(axis=(1, 2)) / self.weights.sum(axis=(1, 2)).clip(min=1e-6)

    @property
    def mean(self) -> float:
        """Weighted mean over all blocks."""
        return float((self.values * self.weights).sum() / max(self.weights.sum(), 1e-6))

    @property
    def error(self) -> float:
        """Standard error of the mean, from the spread of blocks and of control offsets; infinite without detail."""
        total, squares = float(self.weights.sum()), float((self.weights**2).sum())
        if total < 2 or total**2 < 2 * squares:  # fewer than two blocks have a say
            return math.inf
        blocks = total**2 / squares
        spread = (self.weights**2 * (self.values - self.mean) ** 2).sum() * blocks / (blocks - 1)
        by_offset = (self.weights.sum(axis=(1, 2)) ** 2 * self.chance).sum()
        return math.sqrt(spread + by_offset) / total

    @property
    def deviation(self) -> float:
        """Standard deviation of the mean over pictures like this one: its standard error, and the family's spread."""
        return self.deviation_after(len(self.values))

    def deviation_after(self, windows: int) -> float:
        """What `deviation` will be after so many windows in all, if they are like those so far."""
        error = self.error * math.sqrt(len(self.values) / windows)
        return math.hypot(error, self.reading.spread * math.sqrt(1 + LOCAL**2 / windows))
