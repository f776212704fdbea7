"""The grid test of a whole line-up on one image: windows come in until the answer is decided.

First the grid that begins at the upper left corner. Where nobody answers there, the grid of a crop is looked for, and
then the size that the picture was drawn at before it was resized.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from tracer.evidence.inversion import decision, grid, search
from tracer.evidence.inversion.contrast import ANSWER, Contrast
from tracer.evidence.inversion.decision import Standing
from tracer.evidence.inversion.grid import Code
from tracer.evidence.inversion.views import OwnLattice, View, contrast_of
from tracer.image.windows import framed
from tracer.models.progress import SILENT, Progress

LEAST, MOST = 2, 16  # windows that are inspected before a family is named, if there are as many, and at most
AT_ONCE = 4  # windows a family is asked about at once where not all families fit into memory together
FOLLOWED = 1  # families whose shifted grid, or size, is inspected further
LEAST_RANGE = 1  # grey levels between which the window with the most detail is nothing but rounding
CONFIRMED = 4  # windows that a shifted grid or another size is confirmed on


class Found(Enum):
    """How an inspection ended."""

    NAMED = "one family answers"
    SEVERAL = "several families answer alike"
    NONE = "every family is answered clearly less than by its own images"
    SMALL = "the image is too small"
    FEATURELESS = "the image has no detail to tell by"
    WIDE = "an answer could not have been told from chance"
    LATTICE = "the image has a lattice of its own"
    STOPPED = "stopped before it was decided"


@dataclass(frozen=True)
class Looked:
    """Every family that is not out has been asked about one more window.

    Attributes:
        view: what is inspected.
        windows: how many windows have been looked at, in the order of `view.plan.places`.
        standings: by family.
        contrasts: of each family's blocks, all windows so far.
        threshold: score from which a family is named.
    """

    view: View
    windows: int
    standings: dict[str, Standing]
    contrasts: dict[str, Contrast]
    threshold: float

    @property
    def boxes(self) -> tuple[tuple[int, int, int, int], ...]:
        """Top, left, bottom and right of the scored part of every window, in the image, or in its restored size."""
        tile, (down, right) = self.view.plan.tile, (0, 0) if self.view.size else self.view.origin
        places = [(top + down, left + right) for top, left in self.view.plan.places[: self.windows]]
        return tuple((top, left, top + tile, left + tile) for top, left in places)

    @property
    def by_window(self) -> dict[str, tuple[float, ...]]:
        """Mean contrast of each window, by family."""
        return {name: tuple(each.means.round(4).tolist()) for name, each in self.contrasts.items()}


@dataclass(frozen=True)
class Searched:
    """One family's fit at every offset of its grid is known."""

    family: str
    fits: search.OffsetFits


@dataclass
class Inspection:
    """The outcome.

    Attributes:
        found: how it ended.
        families: the family that is named, or those that answer alike.
        looked: the decisive looks; None where there was nothing to look at.
        fits: by family, where the grid was looked for.
        seconds: by family, time spent reconstructing.
        best: largest score of any look, corrected for its chances: what a null distribution is made of.
        windows: windows looked at, all views together.
    """

    found: Found = Found.STOPPED
    families: tuple[str, ...] = ()
    looked: Looked | None = None
    fits: dict[str, search.OffsetFits] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    best: float = 0.0
    windows: int = 0


@dataclass
class Lineup:
    """What is asked, and how.

    Attributes:
        load: by family, what loads its code; asked again before every look.
        strides: by family, pixels a cell and side.
        threshold: score from which a family is named; infinite to look at everything.
        together: whether all codes fit into memory together.
        native: sides in pixels that the families' generators draw at.
        most: windows at most.
        search: whether a shifted grid and other sizes are looked for.
    """

    load: dict[str, Callable[[], Code]]
    strides: dict[str, int]
    threshold: float
    together: bool = True
    native: tuple[int, ...] = ()
    most: int = MOST
    search: bool = True

    @property
    def findable(self) -> dict[str, Callable[[], Code]]:
        """Families whose answer is strong enough to be found on one small window."""
        return {name: load for name, load in self.load.items() if load().reading.answer >= ANSWER}


def inspect(pixels: np.ndarray, lineup: Lineup, progress: Progress = SILENT) -> Inspection:
    """Put an image in front of a line-up.

    Args:
        pixels: uint8 RGB (height, width, 3), at native size.
        lineup: who is asked.
        progress: told `Looked` and `Searched`; asked whether to stop between windows.
    """
    result = Inspection(seconds=dict.fromkeys(lineup.load, 0.0))
    top, left, bottom, right = framed(pixels)
    pixels = pixels[top:bottom, left:right]
    whole = View(pixels, grid.layout(pixels, max(lineup.strides.values())), origin=(top, left))
    plan = whole.plan
    if not plan.places:
        result.found = Found.SMALL
        return result
    top, left = plan.places[0]
    if np.ptp(pixels[top : top + plan.tile, left : left + plan.tile], axis=(0, 1)).max() <= LEAST_RANGE:
        result.found = Found.FEATURELESS  # on and beside the grid it is the same picture
        return result
    result.looked = _look(whole, lineup, progress, result)
    if result.looked is not None:
        _decide(result, lineup.threshold)
    if lineup.search and result.found in (Found.NONE, Found.WIDE) and not progress.stop():
        _shifted(whole, lineup, progress, result)
        if result.found is not Found.NAMED and not progress.stop():
            _resized(pixels, lineup, progress, result)
    if progress.stop() and result.found is not Found.NAMED:
        result.found = Found.STOPPED
    return result


def _look(
    view: View, lineup: Lineup, progress: Progress, result: Inspection, chances: int = 1, most: int | None = None
) -> Looked | None:
    """Ask families about one window after another until one is named or all are out; None if stopped at once."""
    contrasts: dict[str, Contrast] = {}
    looked, places = None, view.plan.places[: most or lineup.most]
    step = 1 if lineup.together else AT_ONCE
    asked, own = list(lineup.load), OwnLattice(view, min(lineup.strides.values()))
    for first in range(0, len(places), step):
        if progress.stop():
            break
        group = list(places[first : first + step])
        for name in asked:
            began = time.perf_counter()
            found = contrast_of(view, lineup.load[name](), group, first)
            contrasts[name] = contrasts[name].joined(found) if name in contrasts else found
            result.seconds[name] += time.perf_counter() - began
        answering = max(decision.strength(each) for each in contrasts.values()) >= decision.NOTICEABLE
        explained = own.explains(list(places[: first + step])) if answering else 0.0
        standings = {
            name: replace(each, alone=search.corrected(each.alone, chances))
            for name, each in decision.standings(contrasts, explained).items()
        }
        result.windows += len(group)
        looked = Looked(view, first + len(group), standings, dict(contrasts), lineup.threshold)
        progress.emit(looked)
        if looked.windows < min(LEAST, len(places)):
            continue
        score = max(each.score for each in standings.values())
        result.best = max(result.best, score)
        if score >= lineup.threshold:
            break
        if math.isfinite(lineup.threshold):
            asked = [name for name in asked if not standings[name].absent]
        if not asked or not math.isfinite(explained):
            break
    return looked


def _decide(result: Inspection, threshold: float) -> None:
    """Settle how the looks so far end."""
    looked = result.looked
    standings = looked.standings
    named = [name for name, each in standings.items() if each.score >= threshold]
    answering = [name for name, each in standings.items() if each.alone >= threshold]
    if named:
        result.found, result.families = Found.NAMED, (max(named, key=lambda name: standings[name].score),)
    elif answering:  # but no more clearly than another one, which may be below the threshold itself
        strongest = sorted(standings, key=lambda name: -standings[name].alone)
        result.found, result.families = Found.SEVERAL, tuple(strongest[: max(len(answering), 2)])
    elif all(each.error == math.inf for each in standings.values()):
        result.found = Found.FEATURELESS
    elif any(decision.strength(each) >= threshold for each in looked.contrasts.values()):
        result.found = Found.LATTICE  # what answers is explained by a code that knows no decoder
    elif not all(each.absent for each in standings.values()):
        result.found = Found.WIDE
    else:
        result.found = Found.NONE


def _shifted(whole: View, lineup: Lineup, progress: Progress, result: Inspection) -> None:
    """Look for the offset at which a crop's grid begins, and inspect the likeliest."""
    for name, load in lineup.findable.items():
        if progress.stop():
            return
        began = time.perf_counter()
        result.fits[name] = search.fit_offsets(whole.pixels, load().plain)
        result.seconds[name] += time.perf_counter() - began
        progress.emit(Searched(name, result.fits[name]))
    ranked = sorted(result.fits, key=lambda name: result.fits[name].standing)
    for name in ranked[:FOLLOWED]:
        offset, contrast = result.fits[name].best, result.fits[name].standing
        if offset == (0, 0) or contrast > -lineup.findable[name]().reading.answer / 2 or progress.stop():
            continue
        view = replace(whole, offset=offset)
        if _accept(view, lineup, progress, result, lineup.strides[name] ** 2):
            return


def _resized(pixels: np.ndarray, lineup: Lineup, progress: Progress, result: Inspection) -> None:
    """Try the sizes that generators draw at, and inspect the likeliest on more windows."""
    sizes = search.drawn_sizes(*pixels.shape[:2], lineup.native) if lineup.findable else []
    stride, found = max(lineup.strides.values()), []
    for size in sizes:
        if progress.stop():
            return
        restored = search.undone(pixels, size)
        view = View(restored, grid.layout(restored, stride), size=size)
        if view.plan.places:
            contrasts = (contrast_of(view, load(), [view.plan.places[0]], 0) for load in lineup.findable.values())
            found.append((max(map(decision.strength, contrasts)), view))
    strongest, view = max(found, key=lambda each: each[0], default=(0.0, None))
    if view and strongest >= decision.NOTICEABLE:
        _accept(view, lineup, progress, result, len(sizes))


def _accept(view: View, lineup: Lineup, progress: Progress, result: Inspection, chances: int) -> bool:
    """Ask about another view those families that can be found there; keep it where it names one."""
    asked = replace(lineup, load=lineup.findable)
    trial = Inspection(looked=_look(view, asked, progress, result, chances, CONFIRMED))
    if trial.looked:
        _decide(trial, lineup.threshold)
    if trial.found is Found.NAMED:
        result.found, result.families, result.looked = trial.found, trial.families, trial.looked
    return trial.found is Found.NAMED
