"""One family's answer, to look at: how well it fits at every offset of its grid, and what it leaves over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracer.evidence.inversion import grid, search
from tracer.evidence.inversion.grid import Offset, Reconstruction
from tracer.evidence.inversion.search import OffsetFits
from tracer.image.windows import Box

SIDE = 96  # px a side of what is shown


@dataclass(frozen=True)
class Closeup:
    """What one code does to the part of an image that has the most detail.

    Attributes:
        fits: its fit at every offset of its grid.
        box: top, left, bottom and right of the part that is shown.
        original: that part, uint8 RGB (height, width, 3).
        on, beside: what the code draws of it on the grid and half a cell beside it, of the same shape.
    """

    fits: OffsetFits
    box: Box
    original: np.ndarray
    on: np.ndarray
    beside: np.ndarray


def close_up(pixels: np.ndarray, code: Reconstruction, offset: Offset = (0, 0)) -> Closeup | None:
    """One code's answer, close up; None where the image is too small.

    Args:
        pixels: uint8 RGB (height, width, 3).
        code: what reconstructs.
        offset: where its grid begins, rows down and columns right.
    """
    plan = grid.layout(pixels, code.stride, SIDE)
    if not plan.places:
        return None
    half = code.stride // 2
    beside = (offset[0] + half - 1) % code.stride, (offset[1] + half + 1) % code.stride  # half a cell answers too
    top, left = plan.places[0]
    return Closeup(
        fits=search.fit_offsets(pixels, code.unrefined),
        box=(top, left, top + plan.tile, left + plan.tile),
        original=pixels[top : top + plan.tile, left : left + plan.tile].copy(),
        on=_decoded(pixels, code, plan, offset),
        beside=_decoded(pixels, code, plan, beside),
    )


def _decoded(pixels: np.ndarray, code: Reconstruction, plan: grid.Layout, offset: Offset) -> np.ndarray:
    """What a code draws of the scored part of the first window, with its grid at an offset."""
    import torch

    side, place = plan.side(code.stride), plan.places[0]
    start = [place[axis] - grid.MARGIN - (place[axis] - grid.MARGIN - offset[axis]) % code.stride for axis in (0, 1)]
    crop = torch.tensor(pixels[start[0] : start[0] + side, start[1] : start[1] + side]).permute(2, 0, 1)[None]
    with torch.inference_mode():
        decoded = code.reconstruct(crop.float() / 255)[0].clamp(0, 1).permute(1, 2, 0).float().cpu().numpy()
    top, left = (place[axis] - start[axis] for axis in (0, 1))
    return np.rint(decoded[top : top + plan.tile, left : left + plan.tile] * 255).astype(np.uint8)
