"""What it means that nothing was found: in a file that shows how its traces were lost, nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Doubt, Evidence, Verdict
from tracer.image import history
from tracer.image.intake import Picture

WORTHLESS = (Reason.NOTHING_AFTER_RESIZING, Reason.NOTHING_AFTER_COMPRESSION)


def doubt(picture: Picture) -> Doubt | None:
    """Why an absence says nothing about a picture, whatever file it is kept in; None where it does say something."""
    now_jpeg = picture.jpeg_quality is not None
    found = history.read(picture.pixels, blocks=not now_jpeg)
    if found.resized:
        return Doubt(Reason.NOTHING_AFTER_RESIZING)
    if now_jpeg:
        return Doubt(Reason.NOTHING_AFTER_COMPRESSION, {"format": "JPEG", "quality": picture.jpeg_quality})
    if found.quality is not None:
        return Doubt(Reason.NOTHING_AFTER_COMPRESSION, {"format": "", "quality": found.quality})
    if picture.lossy:
        return Doubt(Reason.NOTHING_AFTER_COMPRESSION, {"format": picture.format, "quality": 0})
    return None


def weighed(verdict: Verdict, evidence: Sequence[Evidence], picture: Picture) -> tuple[Verdict, tuple[Evidence, ...]]:
    """Inversion's answer, with what its absence means; one that found something stays as it is."""
    if verdict.reason is not Reason.NO_FAMILY_FITS or (found := doubt(picture)) is None:
        return verdict, tuple(evidence)
    details = {**verdict.details, **found.details}
    open_now = tuple(replace(row, belongs=None) for row in evidence)
    return replace(verdict, kind="insufficient", reason=found.reason, details=details), open_now


def before_doubt(verdict: Verdict) -> Verdict:
    """The verdict before its absence was weighed: what was not found, whatever that is worth."""
    if verdict.reason not in WORTHLESS:
        return verdict
    return replace(verdict, kind="none", reason=Reason.NO_FAMILY_FITS)
