"""The map of evidence 2: where in an image the detector sees an autoencoder's marks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.artifacts import GRID, tensor

if TYPE_CHECKING:
    from tracer.detector import Detector

CELL, WINDOW = 32, 96  # pixels: a cell of the map, and what its value is the mean over
TILE, CONTEXT = 384, 32  # pixels: of the map, what is read at once, and around it
MAP_PIXELS = 2_500_000  # of larger images the map looks at windows apart from each other


@dataclass(frozen=True)
class Survey:
    """A map of the evidence, as far as it has been drawn.

    Attributes:
        logits: (rows, columns), NaN where nothing has been looked at yet; each is the mean over its window.
        cell: pixels a side of a cell; those at the right and lower edge may be cut.
        window: pixels a side of what a cell's value rests on; smaller than the cell in large images.
        done: share of the map, 0 to 1.
    """

    logits: np.ndarray
    cell: int
    window: int
    done: float


def survey(pixels: np.ndarray, detector: Detector) -> Iterator[Survey]:
    """The evidence over the image, tile by tile, ever more of it.

    The network's logit of an image is the mean of those of its places, so a cell of the map is the mean of the places
    within its window. Images beyond `MAP_PIXELS` are looked at in windows apart from each other, one per cell.
    """
    import torch

    height, width = pixels.shape[:2]
    with torch.inference_mode():
        yield from _dense(pixels, detector) if height * width <= MAP_PIXELS else _sparse(pixels, detector)


def _dense(pixels: np.ndarray, detector: Detector) -> Iterator[Survey]:
    height, width = pixels.shape[:2]
    corners = list(itertools.product(range(0, height, TILE), range(0, width, TILE)))
    places = np.full((-(-height // GRID), -(-width // GRID)), np.nan)
    for count, (top, left) in enumerate(corners, 1):
        up, over = max(top - CONTEXT, 0), max(left - CONTEXT, 0)
        down, right = min(top + TILE + CONTEXT, height), min(left + TILE + CONTEXT, width)
        found = detector.places(tensor(pixels, (up, over, down, right)))[0].float().numpy()
        rows, columns = (-(-(min(at + TILE, end) - at) // GRID) for at, end in ((top, height), (left, width)))
        inner = found[(top - up) // GRID :, (left - over) // GRID :][:rows, :columns]
        places[top // GRID : top // GRID + rows, left // GRID : left // GRID + columns] = inner
        yield Survey(_smoothed(places), CELL, WINDOW, count / len(corners))


def _smoothed(places: np.ndarray) -> np.ndarray:
    """Means of the known places within the window around each cell; NaN for cells of which nothing is known."""
    every, reach = CELL // GRID, (WINDOW - CELL) // GRID // 2
    known = ~np.isnan(places)
    sums, counts = (_summed(values) for values in (np.where(known, places, 0.0), known.astype(float)))
    rows, columns = places.shape
    top, left = np.arange(0, rows, every), np.arange(0, columns, every)
    ends = [(np.clip(at - reach, 0, n), np.clip(at + every + reach, 0, n)) for at, n in ((top, rows), (left, columns))]
    (up, down), (over, right) = ends
    total, count = (
        each[np.ix_(down, right)] - each[np.ix_(up, right)] - each[np.ix_(down, over)] + each[np.ix_(up, over)]
        for each in (sums, counts)
    )
    return np.where(known[np.ix_(top, left)] & (count > 0), total / np.maximum(count, 1), np.nan)


def _summed(values: np.ndarray) -> np.ndarray:
    return np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _sparse(pixels: np.ndarray, detector: Detector) -> Iterator[Survey]:
    height, width = pixels.shape[:2]
    window = WINDOW + 2 * CONTEXT // GRID * GRID
    cell = int(np.ceil(np.sqrt(height * width * window**2 / MAP_PIXELS) / GRID)) * GRID
    rows, columns = -(-height // cell), -(-width // cell)
    logits = np.full((rows, columns), np.nan)
    for count, (row, column) in enumerate(itertools.product(range(rows), range(columns)), 1):
        middle = (row + 0.5) * cell, (column + 0.5) * cell
        top, left = (
            int(np.clip(at - window / 2, 0, n - window)) // GRID * GRID
            for at, n in zip(middle, (height, width), strict=True)
        )
        logits[row, column] = detector(tensor(pixels, (top, left, top + window, left + window))).item()
        if column == columns - 1:
            yield Survey(logits.copy(), cell, window, count / logits.size)
