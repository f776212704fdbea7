"""Where does it break? The verdict on an image that is changed more and more, and where it flips."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tracer import api
from tracer.evidence.store import ThresholdMismatch
from tracer.image import intake, perturbations
from tracer.image.intake import Picture
from tracer.models.errors import ModelUnavailable
from tracer.verdict import combine

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


def _made(work: Callable[[np.ndarray, float], np.ndarray]) -> Callable[[np.ndarray, float], Picture]:
    return lambda pixels, strength: intake.from_array(np.ascontiguousarray(work(pixels, strength)), "changed")


def _jpeg(pixels: np.ndarray, quality: float) -> Picture:
    if quality > 95:
        return intake.from_array(pixels, "as it is")
    return intake.read(perturbations.jpeg_file(pixels, round(quality)))  # as a file, which says how it was compressed


CHANGES = {
    "jpeg": Change("JPEG quality (100: not compressed)", (100, 95, 90, 80, 70, 60, 50, 35, 20), True, _jpeg),
    "resize": Change(
        "Size after resizing, in %",
        (100, 99, 97, 95, 90, 80, 70, 60, 50),
        True,
        _made(lambda pixels, size: pixels if size == 100 else perturbations.scale(pixels, size / 100)),
    ),
    "crop": Change(
        "Pixels cut off above and on the left",
        (0, 1, 2, 3, 5, 8, 11, 16, 19),
        True,
        _made(lambda pixels, cut: pixels[round(cut) :, round(cut) :]),
    ),
    "noise": Change(
        "Standard deviation of the noise, in grey levels",
        (0, 0.5, 1, 2, 3, 5, 8, 12),
        False,
        _made(lambda pixels, sigma: perturbations.noise(pixels, sigma, 0) if sigma else pixels),
    ),
    "blur": Change(
        "Radius of the blur, in pixels",
        (0, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2),
        False,
        _made(lambda pixels, radius: perturbations.blur(pixels, radius) if radius else pixels),
    ),
}


@dataclass(frozen=True)
class Point:
    """What is said about the image at one strength.

    Attributes:
        strength: of the change.
        kind: of the joint verdict.
        families: that it names.
        ratios: score over threshold, by family; from 1 up it is named. Empty where there was too little evidence.
        probability: the detector's, or None.
    """

    strength: float
    kind: str
    families: tuple[str, ...]
    ratios: dict[str, float]
    probability: float | None

    def same(self, other: Point) -> bool:
        """Whether the two say the same."""
        return (self.kind, self.families) == (other.kind, other.families)


def curve(
    source: Picture, change: str, families: list[str] | None = None, stop: Callable[[], bool] = lambda: False
) -> Iterator[Point]:
    """The verdict at every strength, then closer to where it changes; sort by strength before drawing.

    Args:
        source: the image.
        change: a key of `CHANGES`.
        families: registry ids; the first line-up by default.
        stop: asked between strengths.

    Raises:
        KeyError: there is no such change.
        IntakeError: a changed image is too small.
    """
    if change not in CHANGES:
        raise KeyError(f"no change called {change!r}; there are: {', '.join(CHANGES)}")
    how, pixels = CHANGES[change], source.pixels[:LARGEST, :LARGEST]
    points: list[Point] = []
    for strength in how.strengths:
        if stop():
            return
        points.append(_point(how.apply(pixels, strength), strength, families, stop))
        if stop():  # what was cut off says nothing
            return
        yield points[-1]
    for before, after in flips(points):
        for _ in range(CLOSER):
            middle = (before.strength + after.strength) / 2
            middle = round(middle) if how.exact else round(middle, 3)
            if stop() or middle in (before.strength, after.strength):
                break
            point = _point(how.apply(pixels, middle), middle, families, stop)
            if stop():
                return
            yield point
            before, after = (point, after) if point.same(before) else (before, point)


def flips(points: list[Point]) -> list[tuple[Point, Point]]:
    """Neighbouring points between which the verdict changes, in the order given."""
    return [(a, b) for a, b in itertools.pairwise(points) if not a.same(b)]


def ordered(points: list[Point], change: str) -> list[Point]:
    """Points in the order of the axis, harmless first."""
    first, *_, last = CHANGES[change].strengths
    return sorted(points, key=lambda point: point.strength, reverse=first > last)


def _point(picture: Picture, strength: float, families: list[str] | None, stop: Callable[[], bool]) -> Point:
    trace = api.trace(picture, families=families, stop=stop)
    try:
        marks = api.artifacts(picture, tries=TRIES, stop=stop)
    except (ModelUnavailable, ThresholdMismatch):
        marks = None
    found = combine.weigh(trace, marks).verdict
    return Point(
        strength=strength,
        kind=found.kind,
        families=found.families,
        ratios={
            row.family: row.score / row.threshold for row in trace.evidence if trace.verdict.kind != "insufficient"
        },
        probability=marks.probability if marks else None,
    )
