"""The map of evidence 2: where in an image the detector sees an autoencoder's marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.evidence.artifacts.detection import GRID, Settings, tensor
from tracer.models.progress import SILENT, Progress

if TYPE_CHECKING:
    from tracer.evidence.artifacts.network import Detector

CELL = 32  # pixels, at least
MOST_CELLS = 144  # so that a map takes seconds


@dataclass(frozen=True)
class Heatmap:
    """A map of the evidence, as far as it has been drawn.

    Attributes:
        logits: (rows, columns), NaN where nothing has been looked at yet; each is the detector's, of its window.
        cell: pixels a side of a cell; those at the right and lower edge may be cut.
        window: pixels a side of what a cell's value rests on, around the cell; moved inwards at the image's edge.
        done: share of the map, 0 to 1.
    """

    logits: np.ndarray
    cell: int
    window: int
    done: float


def cell_of(height: int, width: int) -> int:
    """Pixels a side of a map's cells: the smallest multiple of 8 of which no more than `MOST_CELLS` are needed."""
    cell = CELL
    while _count(height, width, cell) > MOST_CELLS:
        cell += GRID
    return cell


def cells_of(height: int, width: int) -> int:
    """How many cells a map has."""
    return _count(height, width, cell_of(height, width))


def _count(height: int, width: int, cell: int) -> int:
    return -(-height // cell) * -(-width // cell)


def measure(pixels: np.ndarray, detector: Detector, progress: Progress = SILENT) -> Heatmap:
    """The evidence over an image, row of cells by row of cells; as much of it as there is when it is stopped.

    Every cell shows what a try (`detection.look`) around it would say: crops of native pixels on the 8-pixel grid.

    Args:
        pixels: uint8 RGB (height, width, 3), at native size.
        detector: the network.
        progress: told a `Heatmap` after every row but the last one; asked whether to go on.
    """
    import torch

    height, width = pixels.shape[:2]
    cell, window = cell_of(height, width), Settings.side
    high, wide = min(window, height), min(window, width)
    logits = np.full((-(-height // cell), -(-width // cell)), np.nan)
    for row in range(len(logits)):
        top = _start(row, cell, high, height)
        for column in range(logits.shape[1]):
            left = _start(column, cell, wide, width)
            with torch.inference_mode():
                logits[row, column] = detector(tensor(pixels, (top, left, top + high, left + wide))).item()
        found = Heatmap(logits.copy(), cell, window, (row + 1) / len(logits))
        if row + 1 == len(logits) or progress.stop():
            break
        progress.emit(found)
    return found


def _start(index: int, cell: int, window: int, length: int) -> int:
    """Where the window around a cell begins, inside the image and on the grid."""
    return int(np.clip((index + 0.5) * cell - window / 2, 0, length - window)) // GRID * GRID
