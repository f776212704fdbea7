"""How the tries of evidence 2 become an answer, and when there is none."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tracer.evidence import absence, conditions, store
from tracer.evidence.artifacts import detection, null_distribution
from tracer.evidence.artifacts.detection import Settings, Try
from tracer.evidence.artifacts.null_distribution import LEVELS, POWER, SMALL, SOFT, WEBP, NullDistribution, Scores
from tracer.evidence.conditions import LOSSLESS
from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Doubt, ImageFacts, Verdict
from tracer.image.intake import Picture
from tracer.image.windows import Box

LEAST_DETAIL = 3 / (12 * 255**2)  # mean square of fine detail: three times the noise of keeping an image in 8 bit


@dataclass(frozen=True)
class Crop:
    """What the detector says about one crop.

    Attributes:
        box: top, left, bottom, right in pixels.
        logit: of the network.
        probability: of this crop alone, as calibrated for so many tries.
    """

    box: Box
    logit: float
    probability: float


@dataclass(frozen=True)
class Artifacts:
    """Everything that evidence 2 says about one image.

    Attributes:
        image: what the result says about the file.
        probability: that an autoencoder was involved, if that were as likely as not beforehand.
        threshold: of the probability; above it the answer is yes.
        fpr: share of photographs that exceed the threshold, at most.
        made_by_autoencoder: True, False, or None where it is open.
        tries: in the order of looking.
        detector: what identifies its weights.
        verdict: the answer.
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

    image: ImageFacts
    probability: float
    threshold: float
    fpr: float
    made_by_autoencoder: bool | None
    tries: tuple[Crop, ...]
    detector: str
    verdict: Verdict
    score: float
    p_value: float
    thresholds: dict[str, float | None]
    calibrated_on: int
    found: float
    condition: str
    sharpness: float
    settings: Settings
    seconds: float
    versions: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON values, without the sentence (`wording.document` adds it)."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Known:
    """What an image is judged by.

    Attributes:
        null: scores of photographs and reconstructions in the image's condition.
        floor: the sharpness below which it is too smooth to tell.
        void: what about the file leaves every answer without meaning; None where nothing does.
    """

    null: NullDistribution
    floor: float
    void: Doubt | None

    def scores(self, picture: Picture, tries: int) -> Scores:
        """What the mean of so many tries of a picture is compared with."""
        return self.null.scores(tries, max(min(picture.width, picture.height), SMALL[-1]))


def known(picture: Picture, settings: Settings) -> Known:
    """What is stored for an image like this.

    Raises:
        ModelUnavailable: the detector is missing.
        ThresholdMismatch: nothing is stored for this detector and these settings.
    """
    found, void = condition(picture)
    stored, lossless, soft = (
        null_distribution.stored(each, detection.revision(), settings.record()) for each in (found, LOSSLESS, SOFT)
    )
    if min(picture.width, picture.height) < SMALL[-1]:
        void = Doubt(Reason.IMAGE_TOO_SMALL, {"side": SMALL[-1]})
    return Known(stored, _floor(stored, lossless, soft), void)


def condition(picture: Picture) -> tuple[str, Doubt | None]:
    """The stored condition that is nearest to a file, and why no answer would mean anything; None where one does."""
    if picture.format == "WEBP" and picture.lossy:
        return WEBP, None
    found = conditions.condition_of(picture.lossy, picture.jpeg_quality)
    if found:
        return found, None
    if picture.jpeg_quality is not None:
        worst = f"jpeg-{conditions.JPEG_LEVELS[-1]}"
        return worst, Doubt(Reason.MARKS_LOST_IN_JPEG, {"quality": picture.jpeg_quality})
    return LOSSLESS, Doubt(Reason.FORMAT_WITHOUT_THRESHOLD, {"format": picture.format})


@functools.lru_cache(maxsize=16)
def _floor(stored: NullDistribution, lossless: NullDistribution, soft: NullDistribution) -> float:
    """The sharpness floor, lowered by as much as compression itself lowers the sharpness of the same photographs."""
    floor = null_distribution.sharpness_floor(lossless, soft)
    lost = _median(stored.sharpness[0]) / _median(lossless.sharpness[0])
    return floor * min(lost, 1.0)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def conclude(picture: Picture, tries: Sequence[Try], settings: Settings, judged_by: Known) -> Artifacts:
    """The answer from the tries so far.

    Args:
        picture: the image.
        tries: at least one.
        settings: how they were made.
        judged_by: what `known` found for the image.
    """
    score, stored = tries[-1].score, judged_by.null
    detail, sharpness = detection.sharpness(picture.pixels, settings)
    void = judged_by.void
    if detail < LEAST_DETAIL:
        void = Doubt(Reason.NOWHERE_FOR_MARKS)
    elif not void and sharpness < judged_by.floor:
        void = Doubt(Reason.TOO_SMOOTH)
    scores = judged_by.scores(picture, len(tries))
    made, verdict = decide(score, scores, stored.condition, void)
    if made is False and (found := absence.doubt(picture)) is not None:
        made, verdict = None, _without_meaning(found)
    limits = {level: scores.threshold(level) for level in LEVELS}
    return Artifacts(
        image=ImageFacts.of(picture),
        probability=_short(scores.probability(score)),
        threshold=_short(scores.probability(scores.edge)),
        fpr=scores.level,
        made_by_autoencoder=made,
        tries=tuple(Crop(each.box, each.logit, _short(scores.probability(each.logit))) for each in tries),
        detector=stored.detector,
        verdict=verdict,
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
        settings=settings,
        seconds=tries[-1].seconds,
        versions=store.versions(),
    )


def decide(score: float, scores: Scores, condition: str, void: Doubt | None = None) -> tuple[bool | None, Verdict]:
    """Whether an autoencoder was involved, and the verdict.

    Args:
        score: mean logit.
        scores: those stored for images in the same condition, looked at in the same way.
        condition: lossless, or how the file was compressed.
        void: why no answer would mean anything; None where one does.
    """
    made = scores.decide(score)
    if not void and made is not True and scores.found < POWER:
        void = Doubt(Reason.MARKS_RARELY_RECOGNISED, {"condition": condition})
    if not void and made is False and condition != LOSSLESS:
        # The benchmark's robustness table: from most real generators' pictures even mild compression removes them.
        void = Doubt(Reason.NO_MARKS_AFTER_COMPRESSION, {"condition": condition})
    if void:
        return None, Verdict("insufficient", void.reason, details=void.details)
    if made is None:
        return made, Verdict("undecided", Reason.MARKS_OPEN, details={"low": scores.level, "high": LEVELS[-1]})
    return made, Verdict("autoencoder", Reason.MARKS_FOUND) if made else Verdict("none", Reason.NO_MARKS)


def _without_meaning(found: Doubt) -> Verdict:
    """No marks, in a file that shows how they were lost."""
    if found.reason is Reason.NOTHING_AFTER_RESIZING:
        return Verdict("insufficient", Reason.NO_MARKS_AFTER_RESIZING)
    levels = conditions.JPEG_LEVELS
    near = conditions.condition_of(True, max(int(found.details["quality"]), levels[-1])) or f"jpeg-{levels[0]}"
    return Verdict("insufficient", Reason.NO_MARKS_AFTER_COMPRESSION, details={"condition": near})


def _short(value: float) -> float:
    return round(float(value), 4)
