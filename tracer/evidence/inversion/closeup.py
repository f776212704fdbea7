"""One family's answer, to look at: its fit at every offset of its grid, what it leaves over, and where it answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tracer.evidence.inversion import grid, inspection, search
from tracer.evidence.inversion.grid import Offset, Reconstruction
from tracer.evidence.inversion.inspection import Inspection, Lineup
from tracer.evidence.inversion.search import OffsetFits
from tracer.models.progress import SILENT, Progress

SIDE = 96  # px a side of what is shown
MAPPED = 64  # windows of a map at most, those with the most detail


@dataclass(frozen=True)
class Closeup:
    """What one code does to the part of an image that has the most detail.

    Attributes:
        fits: its fit at every offset of its grid; None where that was not asked.
        original: the part that is shown, uint8 RGB (height, width, 3).
        latents: its code in false colours, uint8 RGB, one pixel a cell.
        on, beside: what the code draws of it on the grid and half a cell beside it, of the same shape.
    """

    fits: OffsetFits | None
    original: np.ndarray
    latents: np.ndarray
    on: np.ndarray
    beside: np.ndarray


def close_up(
    pixels: np.ndarray, code: Reconstruction, offset: Offset = (0, 0), every_offset: bool = True
) -> Closeup | None:
    """One code's answer, close up; None where the image is too small.

    Args:
        pixels: uint8 RGB (height, width, 3).
        code: what reconstructs.
        offset: where its grid begins, rows down and columns right.
        every_offset: whether it is asked at every offset of its grid, which takes most of the time.
    """
    plan = grid.layout(pixels, code.stride, SIDE)
    if not plan.places:
        return None
    half = code.stride // 2
    beside = (offset[0] + half - 1) % code.stride, (offset[1] + half + 1) % code.stride  # half a cell answers too
    top, left = plan.places[0]
    return Closeup(
        fits=search.fit_offsets(pixels, code.unrefined) if every_offset else None,
        original=pixels[top : top + plan.tile, left : left + plan.tile].copy(),
        latents=false_colours(_latents(pixels, code, plan, offset)),
        on=_redrawn(pixels, code, plan, offset),
        beside=_redrawn(pixels, code, plan, beside),
    )


def false_colours(latents: np.ndarray) -> np.ndarray:
    """Latents (channels, rows, columns) to look at: their three principal components as red, green and blue, uint8."""
    channels, rows, columns = latents.shape
    values = latents.reshape(channels, -1).T
    values = values - values.mean(axis=0)
    found, strengths, _ = np.linalg.svd(values, full_matrices=False)
    colours = np.zeros((rows * columns, 3))
    colours[:, : min(channels, 3)] = (found * strengths)[:, :3]
    colours /= 4 * max(float(colours.std(axis=0).max()), 1e-6)  # two deviations of the first span the range
    return np.rint(255 * (colours + 0.5).clip(0, 1)).astype(np.uint8).reshape(rows, columns, 3)


def _crop(pixels: np.ndarray, code: Reconstruction, plan: grid.Layout, offset: Offset):
    """The first window with the grid at an offset, (1, 3, side, side) in [0, 1], and where its scored part begins."""
    import torch

    side, place, stride = plan.side(code.stride), plan.places[0], code.stride
    start = [place[axis] - grid.MARGIN - (place[axis] - grid.MARGIN - offset[axis]) % stride for axis in (0, 1)]
    crop = torch.tensor(pixels[start[0] : start[0] + side, start[1] : start[1] + side]).permute(2, 0, 1)[None]
    return crop.float() / 255, [place[axis] - start[axis] for axis in (0, 1)]


def _latents(pixels: np.ndarray, code: Reconstruction, plan: grid.Layout, offset: Offset) -> np.ndarray:
    """Latents (channels, rows, columns) of the cells that the scored part of the first window lies in."""
    import torch

    crop, corner = _crop(pixels, code, plan, offset)
    with torch.inference_mode():
        encoded = code.autoencoder.encode(crop)[0].float().cpu().numpy()
    cells = (slice(first // code.stride, -(-(first + plan.tile) // code.stride)) for first in corner)
    return encoded[:, *cells]


def _redrawn(pixels: np.ndarray, code: Reconstruction, plan: grid.Layout, offset: Offset) -> np.ndarray:
    """What a code draws of the scored part of the first window, with its grid at an offset."""
    import torch

    crop, (top, left) = _crop(pixels, code, plan, offset)
    with torch.inference_mode():
        decoded = code.reconstruct(crop)[0].clamp(0, 1).permute(1, 2, 0).float().cpu().numpy()
    return np.rint(decoded[top : top + plan.tile, left : left + plan.tile] * 255).astype(np.uint8)


def everywhere(
    pixels: np.ndarray, family: str, load: Callable[[], Reconstruction], progress: Progress = SILENT
) -> Inspection:
    """One family asked about every window of an image, whatever it answers: a map of where its decoder drew.

    Args:
        pixels: uint8 RGB (height, width, 3); its grid begins at the upper left corner.
        family: what it is called.
        load: what loads its code.
        progress: told `inspection.Looked` after every window.
    """
    lineup = Lineup({family: load}, {family: load().stride}, math.inf, most=MAPPED, search=False)
    return inspection.inspect(pixels, lineup, progress)
