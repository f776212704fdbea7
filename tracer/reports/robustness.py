"""Degrade it yourself: what is said about an image that is changed more and more, and where the verdict flips."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tracer import api
from tracer.evidence.inversion.inspection import Searched
from tracer.evidence.store import ThresholdMismatch
from tracer.evidence.verdict import Trace
from tracer.image import intake, perturbations
from tracer.image.intake import Picture
from tracer.image.windows import framed
from tracer.models import registry
from tracer.models.errors import ModelUnavailable
from tracer.models.progress import SILENT, Progress
from tracer.verdict import combine, wording

TRIES = 3  # of the detector per strength
CLOSER = 2  # halvings of the gap in which the verdict changes
LARGEST = 384  # pixels a side of what is changed: a larger picture is cut, on its grid, so that a curve takes seconds


@dataclass(frozen=True)
class Change:
    """One way to change an image.

    Attributes:
        title: with its unit, for the axis.
        strengths: harmless first.
        exact: whether only whole numbers make sense.
        apply: (pixels, strength) -> a picture.
    """

    title: str
    strengths: tuple[float, ...]
    exact: bool
    apply: Callable[[np.ndarray, float], Picture]

    def made(self, source: Picture, strength: float) -> Picture:
        """A picture, or as much of a large one as is changed, at a strength."""
        return self.apply(source.pixels[:LARGEST, :LARGEST], strength)


def _made(work: Callable[[np.ndarray, float], np.ndarray]) -> Callable[[np.ndarray, float], Picture]:
    return lambda pixels, strength: intake.from_array(np.ascontiguousarray(work(pixels, strength)), "changed")


def _jpeg(pixels: np.ndarray, quality: float) -> Picture:
    if quality > 95:
        return intake.from_array(pixels, "as it is")
    return intake.read(perturbations.jpeg_file(pixels, round(quality)))  # as a file, which says how it was compressed


CHANGES = {
    "jpeg": Change("JPEG quality (100: not compressed)", (100, 95, 90, 80, 65, 50, 25), True, _jpeg),
    "resize": Change(
        "Size after resizing, in %",
        (100, 99, 90, 75, 50),
        True,
        _made(lambda pixels, size: pixels if size == 100 else perturbations.scale(pixels, size / 100)),
    ),
    "crop": Change(
        "Pixels cut off above and on the left",
        (0, 1, 3, 8, 13),
        True,
        _made(lambda pixels, cut: pixels[round(cut) :, round(cut) :]),
    ),
    "blur": Change(
        "Radius of the blur, in pixels",
        (0, 0.35, 0.5, 0.75, 1, 2),
        False,
        _made(lambda pixels, radius: perturbations.blur(pixels, radius) if radius else pixels),
    ),
    "screenshot": Change(
        "Scale of the screen in a screenshot, in % (0: no screenshot)",
        (0, 100, 125, 150, 200),
        True,
        _made(lambda pixels, scale: perturbations.screenshot(pixels, 0, scale / 100) if scale else pixels),
    ),
}


@dataclass(frozen=True)
class Point:
    """What is said about the image at one strength.

    Attributes:
        strength: of the change.
        kind, reason: of the joint verdict.
        families, members: that it names.
        sentence: the joint verdict in words.
        ratios: score over threshold, by family; from 1 up it is named. Empty where there was too little evidence.
        probability: the detector's, or None.
        phases: by family, its fit at every offset of its grid; lower is better.
    """

    strength: float
    kind: str
    reason: str
    families: tuple[str, ...]
    members: tuple[str, ...]
    sentence: str
    ratios: dict[str, float]
    probability: float | None
    phases: dict[str, tuple[tuple[float, ...], ...]]

    def same(self, other: Point) -> bool:
        """Whether the two say the same."""
        return (self.kind, self.families) == (other.kind, other.families)


def curve(source: Picture, change: str, families: list[str] | None = None, progress: Progress = SILENT) -> list[Point]:
    """The verdict at every strength, then closer to where it changes; in the order of asking (see `ordered`).

    Args:
        source: the image.
        change: a key of `CHANGES`.
        families: registry ids; the first line-up by default.
        progress: told every `Point`; once stopped, what there is.

    Raises:
        KeyError: there is no such change.
        IntakeError: a changed image is too small.
    """
    if change not in CHANGES:
        raise KeyError(f"no change called {change!r}; there are: {', '.join(CHANGES)}")
    how, points = CHANGES[change], []

    def ask(strength: float) -> Point | None:
        point = None if progress.stop() else asked(how.made(source, strength), strength, families, progress.stop)
        if point is None or progress.stop():  # what was cut off says nothing
            return None
        points.append(point)
        progress.emit(point)
        return point

    for strength in how.strengths:
        if ask(strength) is None:
            return points
    for before, after in flips(points.copy()):
        for _ in range(CLOSER):
            middle = (before.strength + after.strength) / 2
            middle = round(middle) if how.exact else round(middle, 3)
            if middle in (before.strength, after.strength):
                break
            if (point := ask(middle)) is None:
                return points
            before, after = (point, after) if point.same(before) else (before, point)
    return points


def flips(points: list[Point]) -> list[tuple[Point, Point]]:
    """Neighbouring points between which the verdict changes, in the order given."""
    return [(a, b) for a, b in itertools.pairwise(points) if not a.same(b)]


def ordered(points: Sequence[Point], change: str) -> list[Point]:
    """Points in the order of the axis, harmless first."""
    first, *_, last = CHANGES[change].strengths
    return sorted(points, key=lambda point: point.strength, reverse=first > last)


def asked(picture: Picture, strength: float, families: list[str] | None, stop: Callable[[], bool]) -> Point:
    """What the line-up and the detector say about a picture, as they say it of any other."""
    searched: dict[str, np.ndarray] = {}
    for update in api.trace_stream(picture, families=families, stop=stop):
        if isinstance(update, Searched):
            searched[update.family] = update.fits.contrasts
    trace: Trace = update
    try:
        marks = api.artifacts(picture, tries=TRIES, stop=stop)
    except (ModelUnavailable, ThresholdMismatch):
        marks = None
    found = combine.join(trace, marks).verdict
    if not stop():
        searched |= _phases(picture, trace, searched)
    rows = trace.evidence if trace.verdict.kind != "insufficient" else ()
    return Point(
        strength=strength,
        kind=found.kind,
        reason=str(found.reason),
        families=tuple(found.families),
        members=tuple(found.members),
        sentence=wording.sentence(found),
        ratios={row.family: row.score / row.threshold for row in rows},
        probability=marks.probability if marks else None,
        phases={row.family: _rounded(searched[row.family]) for row in trace.evidence if row.family in searched},
    )


def _phases(picture: Picture, trace: Trace, known: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The fit at every offset for the families whose grid was not searched for."""
    from tracer.evidence.inversion import grid, search
    from tracer.evidence.inversion.trace import Suspect, code_of  # torch from here on

    top, left, bottom, right = framed(picture.pixels)
    pixels, found = picture.pixels[top:bottom, left:right], {}
    for row in trace.evidence:
        if row.family in known:
            continue
        code = code_of(Suspect.of(registry.family(row.family)))().unrefined
        if grid.layout(pixels, code.stride, search.SIDE).places:
            found[row.family] = search.fit_offsets(pixels, code).contrasts
    return found


def _rounded(contrasts: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(value), 2) for value in line) for line in contrasts)
