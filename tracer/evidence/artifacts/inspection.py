"""The detector in front of one image: from the tries to the answer, of our detector and of the published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tracer.evidence import store
from tracer.evidence.artifacts import decision, detection, published
from tracer.evidence.artifacts.decision import Artifacts, Crop
from tracer.evidence.artifacts.detection import Settings
from tracer.evidence.artifacts.published import PublishedArtifacts
from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import ImageFacts, Verdict
from tracer.image import intake
from tracer.image.intake import Picture
from tracer.models.progress import SILENT, Progress


def inspect(picture: Picture, settings: Settings, progress: Progress = SILENT) -> Artifacts:
    """Look for an autoencoder's marks.

    Args:
        picture: the image.
        settings: how many crops, and where.
        progress: told every `detection.Try`; once stopped, the answer rests on those so far.

    Raises:
        ModelUnavailable: the detector is missing or damaged.
        ThresholdMismatch: no stored threshold fits the detector.
    """
    known = decision.known(picture, settings)
    tries = detection.look(picture.pixels, detection.load(), settings, progress)
    return decision.conclude(picture, tries, settings, known)


def inspect_published(picture: Picture, detector: Path, settings: Settings) -> PublishedArtifacts:
    """What one of the authors' published detectors says; there is no threshold for it.

    Args:
        picture: the image.
        detector: the published pickle, its conversion to safetensors, or a folder with one of them.
        settings: how many crops, and where; their size is the detector's own.

    Raises:
        IntakeError: the image is smaller than the detector's crops.
        ValueError: the detector is refused, or not one of `published.PUBLISHED`.
        OSError: a file cannot be read, or the conversion not be written.
    """
    found, row = published.find(detector)
    if min(picture.width, picture.height) < row.side:
        raise intake.IntakeError(f"{row.id} looks at {row.side} x {row.side} pixels, and nothing is enlarged.")
    settings = Settings(settings.tries, row.side, settings.placing, settings.seed)
    kept = published.converted(found)
    ask, boxes = published.detector(kept, row), detection.boxes(*picture.pixels.shape[:2], settings)
    logits = [
        float(ask(np.ascontiguousarray(picture.pixels[top:bottom, left:right])[None])[0])
        for top, left, bottom, right in boxes
    ]
    probability = _chance(float(np.mean(logits)))
    details = {"detector": row.id, "probability": probability}
    return PublishedArtifacts(
        image=ImageFacts.of(picture),
        probability=probability,
        tries=tuple(Crop(box, round(each, 4), _chance(each)) for box, each in zip(boxes, logits, strict=True)),
        detector=f"{row.id} {published.digest(kept)}",
        verdict=Verdict("undecided", Reason.DETECTOR_NOT_CALIBRATED, details=details),
        versions=store.versions(),
    )


def _chance(logit: float) -> float:
    return round(1 / (1 + float(np.exp(-logit))), 4)
