"""What a kind of evidence says about an image, and how evidence becomes a verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

NEARLY = 0.01  # p-value at or below which a family fits worse than its own images, though better than others do

VerdictKind = Literal["family", "none", "undecided", "insufficient"]


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
        revision: what a reader finds the weights by: the Hub's commit, or `weights_digest` where there is none.
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
        weights_digest: what the threshold is tied to; "" in results of earlier versions.
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
    weights_digest: str = ""

    @property
    def by_score(self) -> bool:
        """Whether the image belongs, and not for its grid alone."""
        return self.belongs is True and self.score <= self.threshold


@dataclass(frozen=True)
class Verdict:
    """The joint answer.

    Attributes:
        kind: "family", "none", "undecided" or "insufficient".
        families: the family, or the families that cannot be told apart.
        members: the models known to use these families' autoencoders.
        sentence: the answer in one plain sentence.
    """

    kind: VerdictKind
    families: tuple[str, ...]
    members: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class Trace:
    """Everything `trace` says about one image; `document()` is the command line's JSON.

    Attributes:
        image: file name, hash, size and what was done to it.
        verdict: the joint answer.
        evidence: one entry per inspected family.
        versions: of the libraries involved.
        unavailable: why a family of the line-up was not inspected, by id.
        quick_look: with the tiny line-up, what its `quick_look.Look` says; no part of the verdict.
    """

    image: dict[str, Any]
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    versions: dict[str, str] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    quick_look: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """A JSON document, as the README describes it; what only some traces have is only there where it is needed."""
        some = ("unavailable", "quick_look")
        return {key: value for key, value in asdict(self).items() if value or key not in some}


@dataclass(frozen=True)
class Doubts:
    """What about the file limits the answer, as half a sentence each; "" where nothing does.

    Attributes:
        void: why no answer would mean anything ("the picture has no fine detail").
        miss: why a "no" would mean nothing ("JPEG quality 30 has destroyed the traces").
        between: why a score may be neither clearly in nor out ("after JPEG compression of quality 80").
    """

    void: str = ""
    miss: str = ""
    between: str = ""


def judge(
    evidence: list[Evidence], members: dict[str, tuple[str, ...]], skipped: int = 0, doubts: Doubts | None = None
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

    def verdict(kind: VerdictKind, families: list[str], sentence: str) -> Verdict:
        return Verdict(kind, tuple(families), tuple(m for name in families for m in members.get(name, ())), sentence)

    belonging = [e.family for e in evidence if e.belongs]
    unsure = [e.family for e in evidence if e.belongs is None and not e.gave_way]
    # A family that only nearly fits gives way to one that does, if that does by its score; so does any open one after
    # compression or resizing, where a family only fits if it does better than with what others made.
    by_score = all(e.by_score for e in evidence if e.belongs)
    rivals = [
        e.family
        for e in evidence
        if e.family in unsure and not any(e.drawn) and (e.p_value is None or e.p_value > NEARLY or not by_score)
    ]
    others, doubts = len(evidence) - 1, doubts or Doubts()
    rivals = [] if doubts.between else rivals
    if doubts.void:
        return verdict("insufficient", [], f"Too little evidence: {doubts.void}.")
    if skipped or any(e.stopped for e in evidence):
        found = f"it fits {listed(belonging)}" if belonging else "nothing fits so far"
        return verdict("undecided", belonging, f"Stopped before every family was inspected: {found}.")
    if not evidence:
        return verdict("insufficient", [], "No family was inspected, so there is nothing to say about this image.")
    if len(belonging) == 1 and not rivals:
        rest = ("", "; the other one inspected does not fit", f"; none of the {others} others fits")[min(others, 2)]
        return verdict("family", belonging, f"Made by a model that uses the {belonging[0]} autoencoder{rest}.")
    if unsure and not belonging and doubts.between:
        why = f"{doubts.between} {listed(unsure)} can be neither named nor ruled out"
        return verdict("insufficient", unsure, f"Too little evidence: {why}.")
    if len(belonging + unsure) > 1:
        return verdict("undecided", belonging + unsure, f"Undecided between {listed(belonging + unsure)}.")
    if unsure:
        (only,) = [e for e in evidence if e.family in unsure]
        why = "; the picture may have been changed after it was made" if (only.p_value or 1) <= NEARLY else ""
        return verdict(
            "undecided", unsure, f"Undecided: the {unsure[0]} autoencoder nearly fits, but not clearly{why}."
        )
    if doubts.miss:
        return verdict("insufficient", [], f"Too little evidence: {doubts.miss}.")
    if not others:
        return verdict("none", [], f"Not made by a model that uses the {evidence[0].family} autoencoder.")
    counted = "Neither of the 2" if len(evidence) == 2 else f"None of the {len(evidence)}"
    return verdict("none", [], f"{counted} autoencoders inspected can reproduce this image.")


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


def fit(row: dict[str, Any]) -> tuple[bool, float]:
    """What the rows of a document are ordered by, the best first: whether they belong, then score in thresholds."""
    return row["belongs"] is not True, row["score"] / row["threshold"]


def listed(names: list[str]) -> str:
    """Names as running text."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
