"""What evidence says about an image, as data: results and verdicts. The sentences are made in `verdict/wording.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from tracer.evidence.reasons import Reason
from tracer.image.intake import Picture

NEARLY = 0.01  # p-value at or below which a family fits worse than its own images, though better than others do

VerdictKind = Literal["family", "none", "undecided", "insufficient", "autoencoder"]
Detail = str | int | float | tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """An answer, of one kind of evidence or of several.

    Attributes:
        kind: "family", "none", "undecided" or "insufficient"; of artifacts "autoencoder" instead of "family".
        reason: why.
        families: the family, or the families that cannot be told apart.
        members: the models known to use these families' autoencoders.
        details: names and numbers that belong to the reason.
        stopped: whether the run was cancelled before its decision.
        rests_on: the verdicts that this one was made of.
    """

    kind: VerdictKind
    reason: Reason
    families: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    details: Mapping[str, Detail] = field(default_factory=dict)
    stopped: bool = False
    rests_on: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class ImageFacts:
    """What a result says about the file that it is about.

    Attributes:
        file: name; never a path.
        sha256: of its bytes.
        width, height: in pixels.
        format: such as "PNG"; "" where there was no file.
        jpeg_quality: 1 to 100; None where it is no JPEG file.
        notes: what was done to it before inspection.
    """

    file: str
    sha256: str
    width: int = 0
    height: int = 0
    format: str = ""
    jpeg_quality: int | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, picture: Picture) -> ImageFacts:
        """Those of a picture."""
        size = picture.width, picture.height
        return cls(picture.name, picture.sha256, *size, picture.format, picture.jpeg_quality, tuple(picture.notes))


@dataclass(frozen=True)
class Evidence:
    """One family's answer to one image.

    Attributes:
        family: registry id, or the folder of the inspected autoencoder.
        method: "inversion".
        mode: "fast", "paper" or "paper-random".
        score: fast mode: the relative loss of fine detail (`optimization.Step.relative`); paper modes: the smallest
            reconstruction loss. Small means that the decoder can make the image.
        threshold: largest score at which the image still belongs (`calibration.Calibration.threshold`).
        p_value: conformal p-value, (1 + belonging images that score at least as high) / (N + 1); None where the run was
            stopped before there was anything to compare.
        belongs: True, False, or None where the score lies between the two thresholds or the run was stopped.
        steps: gradient steps behind the score.
        seconds: time until then, without loading.
        revision: what identifies the weights.
        dtype: data type of the weights.
        calibrated_on: number of belonging images behind the threshold.
        condition: what was done to those images, as to this one: "lossless", "jpeg-85", or "resized".
        detail: mean square of the fine detail of the inspected pixels, on the scale of [0, 1].
        faint: whether that is hardly any, so that the threshold is what others' images with as little leave of it.
        stopped: whether the run was cancelled before its decision.
        gave_way: whether it ended open because another family fits and this one is outside its corridor, if narrowly,
            or had only its grid to speak for it.
        offset: rows and columns left out above and on the left, where the picture was cropped off its latent grid.
        drawn: height and width at which the decoder would have drawn it, where it was resized since; else (0, 0).
        frame: top, left, bottom and right of the inspected picture inside a plain frame; else zeros.
        off_grid: how many times worse the picture fits half a cell off its latent grid (`optimization.off_grid`), where
            that was asked because the score alone left it open, or was hardly better than others'; else 0.

    `belongs` None with a small p-value is an image that scores worse than belonging ones, yet better than others do.
    """

    family: str
    method: str
    mode: str
    score: float
    threshold: float
    p_value: float | None
    belongs: bool | None
    steps: int
    seconds: float
    revision: str
    dtype: str = "float32"
    calibrated_on: int = 0
    condition: str = "lossless"
    detail: float = 1.0
    faint: bool = False
    stopped: bool = False
    gave_way: bool = False
    offset: tuple[int, int] = (0, 0)
    drawn: tuple[int, int] = (0, 0)
    frame: tuple[int, int, int, int] = (0, 0, 0, 0)
    off_grid: float = 0.0

    @property
    def by_score(self) -> bool:
        """Whether the image belongs, and not for its grid alone."""
        return self.belongs is True and self.score <= self.threshold

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class QuickLook:
    """What the tiny line-up guesses besides its verdict; no evidence, and no part of it.

    Attributes:
        answer: "sd", "sdxl", "sd3", "flux1", "photograph", or "" where it cannot tell.
        sentence: the answer in one sentence.
        caution: how often such answers were wrong, in words; "" where there was no look.
        probabilities: per class, as the regression has them; empty where there was no look.
    """

    answer: str
    sentence: str
    caution: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """Everything that inversion says about one image.

    Attributes:
        image: what the result says about the file.
        verdict: the answer.
        evidence: one entry per inspected family.
        versions: of the libraries involved.
        unavailable: why a family of the line-up was not inspected, by id.
        quick_look: with the tiny line-up, what it guesses.
    """

    image: ImageFacts
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    versions: dict[str, str] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    quick_look: QuickLook | None = None

    def document(self) -> dict[str, Any]:
        """As JSON values, without sentences (`wording.document` adds them); what few traces have, only where it is."""
        some = ("unavailable", "quick_look")
        return {key: value for key, value in asdict(self).items() if value or key not in some}


@dataclass(frozen=True)
class Doubt:
    """What about a file limits its answer, and the names and numbers that belong to that."""

    reason: Reason
    details: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True)
class Doubts:
    """What about the file limits the answer of inversion; None where nothing does.

    Attributes:
        void: why no answer would mean anything.
        miss: why a "no" would mean nothing.
        between: why a score may be neither clearly in nor out.
    """

    void: Doubt | None = None
    miss: Doubt | None = None
    between: Doubt | None = None


def judge(
    evidence: Sequence[Evidence], members: dict[str, tuple[str, ...]], skipped: int = 0, doubts: Doubts | None = None
) -> Verdict:
    """The verdict from the families' evidence.

    Args:
        evidence: one entry per inspected family.
        members: models per family, for those known.
        skipped: families that were to be inspected when the run was stopped.
        doubts: what about the file limits the answer.

    Returns:
        A family only where exactly one belongs; several, or a score in the grey band, are undecided. Where compression
        explains the grey band, or leaves a "no" without meaning, the answer is "insufficient".
    """
    doubts = doubts or Doubts()

    def verdict(kind: VerdictKind, reason: Reason, families: Sequence[str] = (), **details: Detail) -> Verdict:
        known = tuple(member for name in families for member in members.get(name, ()))
        return Verdict(kind, reason, tuple(families), known, details, reason is Reason.INSPECTION_STOPPED)

    inspected = tuple(e.family for e in evidence)
    belonging = [e.family for e in evidence if e.belongs]
    unsure = [e.family for e in evidence if e.belongs is None and not e.gave_way]
    if doubts.void:
        return verdict("insufficient", doubts.void.reason, **doubts.void.details)
    if skipped or any(e.stopped for e in evidence):
        return verdict("undecided", Reason.INSPECTION_STOPPED, belonging)
    if not evidence:
        return verdict("insufficient", Reason.NOTHING_INSPECTED)
    if len(belonging) == 1 and (doubts.between or not _rivals(evidence)):
        return verdict("family", Reason.ONE_FAMILY_FITS, belonging, inspected=inspected)
    if unsure and not belonging and doubts.between:
        return verdict("insufficient", doubts.between.reason, unsure, **doubts.between.details)
    if len(belonging + unsure) > 1:
        return verdict("undecided", Reason.SEVERAL_FAMILIES_OPEN, belonging + unsure)
    if unsure:
        (only,) = (e for e in evidence if e.family in unsure)
        changed = (only.p_value or 1) <= NEARLY
        return verdict("undecided", Reason.NEARLY_FITS_CHANGED if changed else Reason.NEARLY_FITS, unsure)
    if doubts.miss:
        return verdict("insufficient", doubts.miss.reason, **doubts.miss.details)
    return verdict("none", Reason.NO_FAMILY_FITS, inspected=inspected)


def _rivals(evidence: Sequence[Evidence]) -> bool:
    """Whether an open family keeps one that fits from being named.

    A family that only nearly fits gives way to one that does, if that does by its score.
    """
    by_score = all(e.by_score for e in evidence if e.belongs)
    open_ = [e for e in evidence if e.belongs is None and not e.gave_way and not any(e.drawn)]
    return any(e.p_value is None or e.p_value > NEARLY or not by_score for e in open_)


def settled(evidence: list[Evidence]) -> list[Evidence]:
    """The same evidence, where one family fits by its score: another one that only fits its grid gives way to it.

    That other one scores worse than belonging images do (p of at most `NEARLY`).
    """
    if not any(each.by_score for each in evidence):
        return evidence
    nearly = [each.belongs and not each.by_score and (each.p_value or 1) <= NEARLY for each in evidence]
    return [
        replace(each, belongs=None, gave_way=True) if gives else each
        for each, gives in zip(evidence, nearly, strict=True)
    ]


def fit(row: Evidence) -> tuple[bool, float]:
    """What evidence is ordered by, the best first: whether the image belongs, then the score in thresholds."""
    return row.belongs is not True, row.score / row.threshold


def listed(names: Sequence[str]) -> str:
    """Names as running text."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
