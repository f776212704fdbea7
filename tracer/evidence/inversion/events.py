"""What a trace tells while it goes on: the updates that page, command line and tests read from the same stream."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tracer.evidence.verdict import Evidence

if TYPE_CHECKING:  # the page starts without torch
    from tracer.evidence.inversion.calibration import Calibration
    from tracer.evidence.inversion.optimization import Settings, Step


@dataclass(frozen=True)
class Loading:
    """A family is being loaded: `done` of `total` "bytes" have been downloaded, or "images" calibrated on the spot."""

    family: str
    done: int = 0
    total: int = 0
    unit: Literal["bytes", "images"] = "bytes"

    def words(self) -> str:
        """How far it is, in half a sentence."""
        if not self.total:
            return "loading its weights"
        if self.unit == "images":
            return f"calibrating, {self.done} of {self.total} images"
        return f"downloading, {self.done / 1e6:.1f} of {self.total / 1e6:.1f} MB"


@dataclass(frozen=True)
class Stepped:
    """One step of one family's inversion."""

    family: str
    step: Step
    settings: Settings
    calibration: Calibration

    @property
    def standing(self) -> float:
        """How the family stands at this step: its score in thresholds, so 1 or less where it fits."""
        places = [place for place in self.calibration.checkpoints if place <= self.step.index]
        place = places[-1] if places else self.calibration.checkpoints[0]
        faint = self.step.faint(self.calibration.condition)
        return self.step.score(self.settings.mode) / self.calibration.threshold(place, faint=faint)


@dataclass(frozen=True)
class Answered:
    """A family's evidence is complete."""

    evidence: Evidence


@dataclass(frozen=True)
class Shifted:
    """A family that did not fit may fit as a crop, resized, or on the whole picture: steps and answer come once more.

    Attributes:
        family: which.
        offset: rows and columns that are left out above and on the left.
        cropped: False where the picture was only read whole instead of on a tile, or taken as resized.
        drawn: height and width at which it may have been drawn, where it was resized since; else (0, 0).
        frame: top, left, bottom and right of the picture inside a plain frame, which is left out first; else zeros.
    """

    family: str
    offset: tuple[int, int] = (0, 0)
    cropped: bool = True
    drawn: tuple[int, int] = (0, 0)
    frame: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True)
class Unavailable:
    """A family of the line-up cannot be inspected; the others are."""

    family: str
    reason: str


def passed_on(work: Generator, update: Callable, told: bool = True):
    """Yield an update for everything that a generator yields, unless it is not to be told; return what it returns."""
    while True:
        try:
            item = next(work)
        except StopIteration as finished:
            return finished.value
        said = update(item)
        if told:
            yield said
