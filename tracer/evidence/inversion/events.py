"""What a trace tells while it goes on: the events that page, command line and tests read from the same stream.

Besides these, `inspection.Looked` and `inspection.Searched`, which need torch's results.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.evidence.verdict import Evidence

if TYPE_CHECKING:  # the page starts without torch
    from tracer.evidence.inversion.optimization import Step


@dataclass(frozen=True)
class Loading:
    """A family is being loaded: `done` of `total` bytes have been downloaded."""

    family: str
    done: int = 0
    total: int = 0

    def words(self) -> str:
        """How far it is, in half a sentence."""
        if not self.total:
            return "loading its weights"
        return f"downloading, {self.done / 1e6:.1f} of {self.total / 1e6:.1f} MB"


@dataclass(frozen=True)
class Stepped:
    """One step of one family's descent, and the loss up to which an image belongs."""

    family: str
    step: Step
    threshold: float


@dataclass(frozen=True)
class Answered:
    """A family's evidence is complete."""

    evidence: Evidence


@dataclass(frozen=True)
class Unavailable:
    """A family of the line-up cannot be inspected; the others are."""

    family: str
    reason: str
