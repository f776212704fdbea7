"""How the tries of evidence 2 become an answer, and when there is none."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tracer.evidence import conditions, store
from tracer.evidence.artifacts import detection
from tracer.evidence.artifacts import null_distribution as reference
from tracer.evidence.artifacts.detection import Settings, Try
from tracer.evidence.artifacts.null_distribution import LEVELS, POWER, SMALL, SOFT, WEBP, Reference, Scores
from tracer.evidence.conditions import LOSSLESS
from tracer.image.intake import Picture

FLAT = 3 / (12 * 255**2)  # mean square of fine detail: three times the noise of keeping an image in 8 bit
_KINDS = {True: "autoencoder", False: "none", None: "undecided"}


@dataclass(frozen=True)
class Answer:
    """The verdict on one image.

    Attributes:
        kind: "autoencoder", "none", "undecided" or "insufficient".
        sentence: the answer in one plain sentence.
    """

    kind: str
    sentence: str


@dataclass(frozen=True)
class Artifacts:
    """Everything that evidence 2 says about one image; `document()` is the command line's JSON.

    Attributes:
        image: file name, hash, size and what was done to it.
        probability: that an autoencoder was involved, if that were as likely as not beforehand.
        threshold: of the probability; above it the answer is yes.
        fpr: share of photographs that exceed the threshold, at most.
        made_by_autoencoder: True, False, or None where it is open.
        tries: per crop, its "box" (top, left, bottom, right in pixels), "logit" and "probability".
        detector: what identifies its weights.
        verdict: the answer in words.
        score: mean logit of the tries.
        p_value: (1 + calibration photographs that score at least as high) / (N + 1).
        thresholds: of the probability, by false-positive rate; None where too few photographs were there to know it.
        calibrated_on: number of photographs behind the thresholds.
        found: share of the calibration's reconstructions that exceed the threshold.
        condition: what was done to those, as to this image.
        sharpness: energy of the finest octave over that of the next.
        settings: how the image was looked at.
        seconds: for all tries.
        versions: of the libraries involved.
    """

    image: dict[str, Any]
    probability: float
    threshold: float
    fpr: float
    made_by_autoencoder: bool | None
    tries: tuple[dict[str, Any], ...]
    detector: str
    verdict: Answer
    score: float
    p_value: float
    thresholds: dict[str, float | None]
    calibrated_on: int
    found: float
    condition: str
    sharpness: float
    settings: dict[str, Any]
    seconds: float
    versions: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """A JSON document, as the README describes it."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Known:
    """What an image is judged by.

    Attributes:
        reference: scores of photographs and reconstructions in the image's condition.
        floor: the sharpness below which it is too smooth to tell.
        void: what about the file leaves every answer without meaning, as half a sentence; "" where nothing does.
    """

    reference: Reference
    floor: float
    void: str

    def scores(self, picture: Picture, tries: int) -> Scores:
        """What the mean of so many tries of a picture is compared with."""
        return self.reference.scores(tries, max(min(picture.width, picture.height), SMALL[-1]))


def known(picture: Picture, settings: Settings) -> Known:
    """What is stored for an image like this.

    Raises:
        ModelUnavailable: the detector is missing.
        ThresholdMismatch: nothing is stored for this detector and these settings.
    """
    found, void = condition(picture)
    stored, lossless, soft = (
        reference.stored(each, detection.revision(), settings.record()) for each in (found, LOSSLESS, SOFT)
    )
    if min(picture.width, picture.height) < SMALL[-1]:
        void = f"the image is smaller than {SMALL[-1]} pixels"
    return Known(stored, _floor(stored, lossless, soft), void)


def condition(picture: Picture) -> tuple[str, str]:
    """The stored condition that is nearest to a file, and why no answer would mean anything; "" where one does."""
    if picture.format == "WEBP" and picture.lossy:
        return WEBP, ""
    found = conditions.condition_of(picture.lossy, picture.jpeg_quality)
    if found:
        return found, ""
    if picture.jpeg_quality is not None:
        worst = f"jpeg-{conditions.JPEG_LEVELS[-1]}"
        return worst, f"JPEG quality {picture.jpeg_quality} has destroyed the marks that an autoencoder leaves"
    return LOSSLESS, f"there is no threshold for {picture.format} with lost colours or details"


@functools.lru_cache(maxsize=16)
def _floor(stored: Reference, lossless: Reference, soft: Reference) -> float:
    """The sharpness floor, lowered by as much as compression itself lowers the sharpness of the same photographs."""
    floor = reference.sharpness_floor(lossless, soft)
    lost = _median(stored.sharpness[0]) / _median(lossless.sharpness[0])
    return floor * min(lost, 1.0)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def conclude(
    picture: Picture, image: dict[str, Any], tries: Sequence[Try], settings: Settings, judged_by: Known
) -> Artifacts:
    """The answer from the tries so far.

    Args:
        picture: the image.
        image: what the document says about it.
        tries: at least one.
        settings: how they were made.
        judged_by: what `known` found for the image.
    """
    score, stored = tries[-1].score, judged_by.reference
    detail, sharpness = detection.sharpness(picture.pixels, settings)
    void = judged_by.void
    if detail < FLAT:
        void = "without fine detail, there is nowhere for marks to be"
    elif not void and sharpness < judged_by.floor:
        void = "the image is so smooth, as if it had been enlarged or blurred, that marks would be lost"
    scores = judged_by.scores(picture, len(tries))
    made, answer = judge(score, scores, stored.condition, void)
    limits = {level: scores.threshold(level) for level in LEVELS}
    return Artifacts(
        image=image,
        probability=_short(scores.probability(score)),
        threshold=_short(scores.probability(scores.edge)),
        fpr=scores.level,
        made_by_autoencoder=made,
        tries=tuple(
            {"box": each.box, "logit": each.logit, "probability": _short(scores.probability(each.logit))}
            for each in tries
        ),
        detector=stored.detector,
        verdict=answer,
        score=score,
        p_value=_short(scores.p_value(score)),
        thresholds={
            f"{level:g}": None if limit is None else _short(scores.probability(limit))
            for level, limit in limits.items()
        },
        calibrated_on=len(scores.negative),
        found=_short(scores.found),
        condition=stored.condition,
        sharpness=_short(sharpness),
        settings=asdict(settings),
        seconds=tries[-1].seconds,
        versions=store.versions(),
    )


def judge(score: float, scores: Scores, condition: str, void: str = "") -> tuple[bool | None, Answer]:
    """Whether an autoencoder was involved, and the answer in words.

    Args:
        score: mean logit.
        scores: those stored for images in the same condition, looked at in the same way.
        condition: lossless, or how the file was compressed.
        void: why no answer would mean anything, as half a sentence; "" where one does.
    """
    made = scores.decide(score)
    if not void and made is not True and scores.found < POWER:
        void = f"in {said(condition)}, most pictures that did go through an autoencoder are not recognised either"
    if not void and made is False and condition != LOSSLESS:
        # The benchmark's robustness table: from most real generators' pictures even mild compression removes them.
        void = f"no marks are left, but in {said(condition)} real generators' pictures mostly show none either"
    if void:
        return None, Answer("insufficient", f"Too little evidence: {void}.")
    low, high = scores.level, LEVELS[-1]
    sentences = {
        True: "An autoencoder was involved: its marks are in this image.",
        False: "No marks of an autoencoder were found in this image.",
        None: f"Undecided, leaning to an autoencoder: of photographs, only {low:.0%} to {high:.0%} look as decoded.",
    }
    return made, Answer(_KINDS[made], sentences[made])


def said(name: str) -> str:
    """A condition in words."""
    if name.startswith("jpeg-"):
        return f"JPEG files of quality {name.removeprefix('jpeg-')}"
    return {LOSSLESS: "lossless images", WEBP: "lossy WebP files"}[name]


def _short(value: float) -> float:
    return round(float(value), 4)
