"""What is looked at: an image as it is, shifted, or brought back to a size; and what a code makes of its windows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tracer.evidence.inversion import grid, neutral, search
from tracer.evidence.inversion.contrast import Contrast
from tracer.evidence.inversion.grid import Code, Layout, Offset


@dataclass(frozen=True)
class View:
    """The pixels that are inspected: the image as it is, shifted, or brought back to another size.

    Attributes:
        pixels: uint8 RGB (height, width, 3).
        plan: its windows.
        offset: where the grid begins, rows down and columns right.
        size: height and width that a resized picture was brought back to, or None.
        origin: rows and columns of a plain frame above and on the left, which a screenshot may have, left out first.
    """

    pixels: np.ndarray
    plan: Layout
    offset: Offset = (0, 0)
    size: tuple[int, int] | None = None
    origin: Offset = (0, 0)

    @property
    def controls(self) -> int:
        """Offsets beside the grid that every window is reconstructed at: more of them where there is one window."""
        return grid.CONTROLS if len(self.plan.places) > 1 else 2 * grid.CONTROLS


def contrast_of(view: View, code: Code, places: list[Offset], first: int) -> Contrast:
    """The contrast of some windows."""
    found = []
    for index, place in enumerate(places, start=first):
        beside = [
            ((down + view.offset[0]) % code.stride, (right + view.offset[1]) % code.stride)
            for down, right in grid.controls(code.stride, index, view.controls)
        ]
        offsets = [(view.offset[0] % code.stride, view.offset[1] % code.stride), *beside]
        found.append(grid.energies(view.pixels, code, view.plan, [place], offsets))
    return Contrast.of(np.concatenate(found), code.reading)


class OwnLattice:
    """What a lattice of the image's own accounts for, by codes that know no decoder; each window is asked once."""

    def __init__(self, view: View, stride: int) -> None:
        self._view, self._codes, self._seen = view, neutral.codes(stride), 0
        self._contrasts: list[Contrast] = []
        self._anywhere: float | None = None

    def explains(self, places: list[Offset]) -> float:
        """The contrast of so many windows that it explains, at most 0.

        Where the image clearly has a lattice, that is all that a neutral code shows of it, and else its share.
        """
        fresh = [contrast_of(self._view, code, places[self._seen :], self._seen) for code in self._codes]
        pairs = zip(self._contrasts, fresh, strict=True)
        self._contrasts = [before.joined(more) for before, more in pairs] if self._seen else fresh
        self._seen = len(places)
        pairs = zip(self._codes, self._contrasts, strict=True)
        means = [(code.share, each.mean) for code, each in pairs if math.isfinite(each.error)]
        lowest = min(self._lowest(places[0]), *(mean for _, mean in means), 0.0)
        return lowest if lowest < neutral.LATTICE else min(0.0, *(share * mean for share, mean in means))

    def _lowest(self, place: Offset) -> float:
        """The lowest contrast of a window at any offset: an autoencoder may answer half a cell beside a lattice."""
        if self._anywhere is None:
            found = (search.fit_offsets(self._view.pixels, code, self._view.plan, place) for code in self._codes)
            self._anywhere = min(each.lowest for each in found)
        return self._anywhere
