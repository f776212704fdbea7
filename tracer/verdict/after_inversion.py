"""Drawing after inversion was asked: only the models that it leaves draw, and the verdict is that of both."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tracer.evidence import store
from tracer.evidence.reasons import Reason
from tracer.evidence.regeneration import comparison
from tracer.evidence.regeneration.comparison import Request
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.verdict import Verdict
from tracer.image.intake import Picture
from tracer.models import registry
from tracer.models.errors import ModelUnavailable
from tracer.models.progress import SILENT, Progress
from tracer.verdict import combine


@dataclass(frozen=True)
class Inverted:
    """What inversion says, before the models draw, and which of them it leaves."""

    verdict: Verdict
    generators: tuple[str, ...]


def regenerate(picture: Picture, request: Request, progress: Progress = SILENT) -> Regeneration:
    """Compare the models that inversion leaves; the verdict is that of both kinds of evidence.

    Args:
        picture: the image.
        request: who draws what, and how often.
        progress: told `Inverted`, and what `comparison.compare` tells.

    Raises:
        Exception: as `comparison.compare`; and where bundled models alone are asked, as `inversion.trace.trace`.
    """
    inverted = _inverted(picture, request.generators, progress)
    names = tuple(combine.candidates(inverted, request.generators))
    progress.emit(Inverted(inverted, names))
    narrowed = replace(request, generators=names, alone=names != request.generators)
    found = replace(comparison.compare(picture, narrowed, progress), inversion=inverted)
    # Drawings by models that are not calibrated add nothing, unless inversion named a family.
    silent = found.verdict.reason in (Reason.MODELS_NOT_CALIBRATED, Reason.NOTHING_DRAWN)
    if found.verdict.stopped or (silent and inverted.kind != "family"):
        return found
    return replace(found, verdict=combine.fuse(inverted, found.verdict, request.generators))


def _inverted(picture: Picture, names: tuple[str, ...], progress: Progress) -> Verdict:
    """What inversion says about the families of some models; where it knows none of them, that."""
    from tracer.evidence.inversion import trace as inversion  # torch from here on

    families = dict.fromkeys(registry.generator(name).family for name in names)
    try:
        return inversion.trace(
            picture, [registry.family(name) for name in families], progress=Progress(progress.stop)
        ).verdict
    except (ModelUnavailable, store.ThresholdMismatch) as error:
        if all(registry.generator(name).bundled for name in names):
            raise
        return Verdict("insufficient", Reason.INVERSION_UNAVAILABLE, details={"error": str(error)})
