"""The events of a trace, for page, command line and tests alike; `inspection` has two more, `Looked` and `Searched`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.evidence.events import Loading, Unavailable
from tracer.evidence.verdict import Evidence

if TYPE_CHECKING:  # the page starts without torch
    from tracer.evidence.inversion.optimization import Step

__all__ = ["Answered", "Loading", "Stepped", "Unavailable"]


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
