"""Which pixels of an image are inspected: all of a small one, tiles of a large one; never a resized copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Box = tuple[int, int, int, int]  # top, left, bottom, right, in pixels
SMALLEST = 64  # pixels a side below which nothing is left inside a frame


@dataclass(frozen=True)
class Window:
    """One tile: the part that is decoded, and the part of it that is scored."""

    box: Box
    scored: Box


def windows(pixels: np.ndarray, stride: int, whole: int, tile: int, margin: int, count: int) -> list[Window]:
    """The parts of an image to inspect, all on the latent grid that starts at its upper left corner.

    Args:
        pixels: uint8 RGB (height, width, 3).
        stride: the autoencoder's total stride, in pixels.
        whole: largest side up to which an image is read whole (what is left over beyond the grid, less than one stride
            on the right and at the bottom, is not read).
        tile: side of a tile's scored part.
        margin: pixels around it that are decoded too, but not scored: a tile cannot know what lay outside it.
        count: number of tiles of a larger image; those with the most detail are taken, and none overlap.

    Returns:
        One window, or up to `count` windows of equal size.
    """
    height, width = (length // stride * stride for length in pixels.shape[:2])
    if max(height, width) <= whole:
        return [Window((0, 0, height, width), (0, 0, height, width))]
    tile, margin = (max(length // stride, 1) * stride for length in (tile, margin))
    high, wide = min(tile, height), min(tile, width)
    columns = width // wide
    chosen = np.argsort(-_detail(pixels, height, width, high, wide), kind="stable")[:count]
    # Windows at the frame's edge move inwards instead of shrinking, so that all tiles fit in one batch.
    box_high, box_wide = min(high + 2 * margin, height), min(wide + 2 * margin, width)
    result = []
    for place in sorted(chosen.tolist()):
        top, left = place // columns * high, place % columns * wide
        box_top = min(max(top - margin, 0), height - box_high)
        box_left = min(max(left - margin, 0), width - box_wide)
        box = (box_top, box_left, box_top + box_high, box_left + box_wide)
        result.append(Window(box, (top, left, top + high, left + wide)))
    return result


def framed(pixels: np.ndarray) -> Box:
    """Where the picture is in a plain frame, as a screenshot has it around one: the whole image if there is none.

    Rows and columns count as frame from the edge inwards as long as they show one colour throughout, the same on all
    sides.

    Args:
        pixels: uint8 RGB (height, width, 3).
    """
    other = (pixels != pixels[0, 0]).any(axis=2)
    rows, columns = (np.flatnonzero(other.any(axis=axis)) for axis in (1, 0))
    whole = (0, 0, *pixels.shape[:2])
    if not len(rows):
        return whole
    box = (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return box if min(box[2] - box[0], box[3] - box[1]) >= SMALLEST else whole


def _detail(pixels: np.ndarray, height: int, width: int, high: int, wide: int) -> np.ndarray:
    """Mean gradient of each tile in reading order. Flat sky is easy for every decoder and says little."""
    grey = pixels[:height, :width].mean(axis=2)
    energy = np.abs(np.diff(grey, axis=0, prepend=grey[:1])) + np.abs(np.diff(grey, axis=1, prepend=grey[:, :1]))
    rows, columns = height // high, width // wide
    blocks = energy[: rows * high, : columns * wide].reshape(rows, high, columns, wide)
    return blocks.mean(axis=(1, 3)).ravel()
