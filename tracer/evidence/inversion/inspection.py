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

from tracer.evidence.inversion import decision, grid, neutral, search
from tracer.evidence.inversion.contrast import ANSWER, Contrast
from tracer.evidence.inversion.decision import Standing
from tracer.evidence.inversion.grid import Code, Offset
from tracer.evidence.inversion.views import OwnLattice, View, contrast_of
from tracer.image.windows import framed
from tracer.models.progress import SILENT, Progress

LEAST = 2  # windows that are inspected before a family is named, if there are as many
MOST, FURTHER = 16, 36  # windows that are inspected at most; and where a family is noticed by then
AT_ONCE = 4  # windows a family is asked about at once where not all families fit into memory together
# Share of neighbouring pixels that are exactly alike from which a window was drawn by a program: interfaces, text. What
# a decoder draws is nowhere exactly even.
EVEN = 0.5
LEAST_RANGE = 1  # largest range of the most detailed window, in grey levels, that counts as flat
CONFIRMED = 4  # windows that a shifted grid or another size is confirmed on


class Ending(Enum):
    """How an inspection ended."""

    NAMED = "one family answers"
    SEVERAL = "several families answer alike"
    NONE = "every family is answered clearly less than by its own images"
    SMALL = "the image is too small"
    FEATURELESS = "the image has no detail to tell by"
    NOT_VISIBLE = "an answer could not have been told from chance"
    LATTICE = "the image has a lattice of its own"
    EVEN = "a program drew the image"
    STOPPED = "stopped before it was decided"


@dataclass(frozen=True)
class Looked:
    """Every family that may still be named has been asked about one more window.

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
        ending: how it ended.
        families: the family that is named, or those that answer alike.
        looked: the decisive looks; None where there was nothing to look at.
        fits: by family, where the grid was looked for.
        seconds: by family, time spent reconstructing.
        best: largest score of any look, corrected for the number of offsets or sizes that were tried: what a null
            distribution is made of.
        windows: windows looked at, all views together.
        cut: whether it was stopped before everything was looked at.
    """

    ending: Ending = Ending.STOPPED
    families: tuple[str, ...] = ()
    looked: Looked | None = None
    fits: dict[str, search.OffsetFits] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    best: float = 0.0
    windows: int = 0
    cut: bool = False


@dataclass
class Lineup:
    """What is asked, and how.

    Attributes:
        load: by family, what loads its code; asked again before every window.
        strides: by family, pixels a cell and side.
        threshold: score from which a family is named; infinite to look at everything.
        together: whether all codes fit into memory together.
        native: sides in pixels that the families' generators draw at.
        most: windows at most, unless a family is noticed by then.
        search: whether a shifted grid and other sizes are looked for.
        answers: by family, size of the contrast that its own pictures show (`Reading.answer`).
    """

    load: dict[str, Callable[[], Code]]
    strides: dict[str, int]
    threshold: float
    together: bool = True
    native: tuple[int, ...] = ()
    most: int = MOST
    search: bool = True
    answers: dict[str, float] = field(default_factory=dict)

    def answer(self, family: str) -> float:
        """Size of the contrast that a family's own pictures show."""
        return self.answers.get(family, ANSWER)

    @property
    def findable(self) -> dict[str, Callable[[], Code]]:
        """Families whose answer is strong enough to be found on one small window."""
        return {name: load for name, load in self.load.items() if self.answer(name) >= ANSWER}


def inspect(pixels: np.ndarray, lineup: Lineup, progress: Progress = SILENT) -> Inspection:
    """Put an image in front of a line-up.

    Args:
        pixels: uint8 RGB (height, width, 3), at native size.
        lineup: who is asked.
        progress: told `Looked` and `Searched`; asked whether to stop before every family of a window.
    """
    result = Inspection(seconds=dict.fromkeys(lineup.load, 0.0))
    top, left, bottom, right = framed(pixels)
    pixels, origin = pixels[top:bottom, left:right], (top, left)
    plan = grid.layout(pixels, max(lineup.strides.values()))
    if not plan.places:
        result.ending = Ending.SMALL
        return result
    top, left = plan.places[0]
    if np.ptp(pixels[top : top + plan.tile, left : left + plan.tile], axis=(0, 1)).max() <= LEAST_RANGE:
        result.ending = Ending.FEATURELESS  # on and beside the grid it is the same picture
        return result
    places = tuple(place for place in plan.places if _evenness(pixels, place, plan.tile) <= EVEN)
    if not places:
        result.ending = Ending.EVEN
        return result
    whole = View(pixels, replace(plan, places=places), origin=origin)
    result.looked = _look(whole, lineup, progress, result)
    if not result.cut:
        _decide(result, lineup.threshold)
    if lineup.search and result.ending in (Ending.NONE, Ending.NOT_VISIBLE):
        _shifted(whole, lineup, progress, result)
        if result.ending is not Ending.NAMED:
            _resized(pixels, lineup, progress, result)
        if result.cut and result.ending is not Ending.NAMED:
            result.ending = Ending.STOPPED
    return result


def _evenness(pixels: np.ndarray, place: Offset, tile: int) -> float:
    """Share of a window's pixels that are exactly as their right neighbour is."""
    window = pixels[place[0] : place[0] + tile, place[1] : place[1] + tile]
    return float((window[:, 1:] == window[:, :-1]).all(axis=2).mean())


def _look(
    view: View, lineup: Lineup, progress: Progress, result: Inspection, chances: int = 1, most: int | None = None
) -> Looked | None:
    """Ask families about one window after another until one is named or none can be; None if stopped at once."""
    contrasts: dict[str, Contrast] = {}
    standings: dict[str, Standing] = {}
    usual = most or lineup.most
    further = usual if most or math.isinf(lineup.threshold) else max(usual, FURTHER)
    looked, places = None, view.plan.places[:further]
    step = 1 if lineup.together else AT_ONCE
    asked, own = list(lineup.load), OwnLattice(view, min(lineup.strides.values()))
    for first in range(0, len(places), step):
        if first >= usual:
            asked = [name for name in asked if standings[name].strength >= decision.NOTICEABLE]
            if not asked:
                break
        group = list(places[first : first + step])
        for name in asked:
            if progress.stop():
                result.cut = True
                return looked
            began = time.perf_counter()
            found = contrast_of(view, lineup.load[name](), group, first)
            contrasts[name] = contrasts[name].joined(found) if name in contrasts else found
            result.seconds[name] += time.perf_counter() - began
        answering = max(decision.strength(each) for each in contrasts.values()) >= decision.NOTICEABLE
        explained = own.explains(list(places[: first + step])) if answering else 0.0
        standings = {
            name: replace(each, strength=search.corrected(each.strength, chances))
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
        if math.isinf(lineup.threshold):
            continue
        asked = [
            name
            for name in asked
            if not (standings[name].absent or decision.hopeless(contrasts[name], min(len(places), usual)))
        ]
        if not asked or (explained < neutral.LATTICE and score < decision.NOTICEABLE):
            break
    return looked


def _decide(result: Inspection, threshold: float) -> None:
    """Settle how the looks so far end."""
    looked = result.looked
    standings = looked.standings
    named = [name for name, each in standings.items() if each.score >= threshold]
    answering = [name for name, each in standings.items() if each.strength >= threshold]
    if named:
        result.ending, result.families = Ending.NAMED, (max(named, key=lambda name: standings[name].score),)
    elif answering:  # but no more clearly than another one, which may be below the threshold itself
        strongest = sorted(standings, key=lambda name: -standings[name].strength)
        result.ending, result.families = Ending.SEVERAL, tuple(strongest[: max(len(answering), 2)])
    elif all(each.error == math.inf for each in standings.values()):
        result.ending = Ending.FEATURELESS
    elif any(decision.strength(each) >= threshold for each in looked.contrasts.values()):
        result.ending = Ending.LATTICE  # what answers is explained by a neutral code
    elif not all(each.absent for each in standings.values()):
        result.ending = Ending.NOT_VISIBLE
    else:
        result.ending = Ending.NONE


def _shifted(whole: View, lineup: Lineup, progress: Progress, result: Inspection) -> None:
    """Look for the offset at which a crop's grid begins, and inspect the likeliest."""
    for name, load in lineup.findable.items():
        if progress.stop():
            result.cut = True
            return
        began = time.perf_counter()
        result.fits[name] = search.fit_offsets(whole.pixels, load().unrefined)
        result.seconds[name] += time.perf_counter() - began
        progress.emit(Searched(name, result.fits[name]))
    name = min(result.fits, key=lambda name: result.fits[name].lowest, default=None)
    if name is None or result.fits[name].best == (0, 0) or result.fits[name].lowest > -lineup.answer(name) / 2:
        return
    view = replace(whole, offset=result.fits[name].best)
    _accept(view, lineup, progress, result, lineup.strides[name] ** 2)


def _resized(pixels: np.ndarray, lineup: Lineup, progress: Progress, result: Inspection) -> None:
    """Try the sizes that generators draw at, and inspect the likeliest on more windows."""
    sizes = search.drawn_sizes(*pixels.shape[:2], lineup.native) if lineup.findable else []
    stride, found = max(lineup.strides.values()), []
    for size in sizes:
        if progress.stop():
            result.cut = True
            return
        restored = search.undone(pixels, size)
        view = View(restored, grid.layout(restored, stride), size=size)
        if view.plan.places:
            contrasts = (contrast_of(view, load(), [view.plan.places[0]], 0) for load in lineup.findable.values())
            found.append((max(map(decision.strength, contrasts)), view))
    strongest, view = max(found, key=lambda each: each[0], default=(0.0, None))
    if view and strongest >= decision.NOTICEABLE:
        _accept(view, lineup, progress, result, len(sizes))


def _accept(view: View, lineup: Lineup, progress: Progress, result: Inspection, chances: int) -> None:
    """Ask about another view those families that can be found there; keep it where it names one."""
    asked = replace(lineup, load=lineup.findable)
    trial = Inspection(looked=_look(view, asked, progress, result, chances, CONFIRMED))
    if trial.looked and not result.cut:
        _decide(trial, lineup.threshold)
    if trial.ending is Ending.NAMED:
        result.ending, result.families, result.looked = trial.ending, trial.families, trial.looked
