"""The kinds of evidence together: one verdict, and who says what about whom.

Nothing is averaged. Each kind of evidence says what it can say, and no more:

- Inversion names an autoencoder: it decides, since a decoder's grid is in the pixels whatever the picture shows. Not to
  find any of the inspected ones proves nothing: others were not asked, and resizing removes the trace.
- Artifacts say whether *an* autoencoder was involved, never which. They support or contradict.
- Regeneration compares models, by what they draw. It decides inside a family, whose models no other evidence tells
  apart.

Where two of them contradict each other, the answer is "undecided", and its reason says who says what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tracer.evidence import absence
from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.reasons import Reason
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.verdict import Detail, ImageFacts, Trace, Verdict, VerdictKind
from tracer.models import registry
from tracer.verdict.agreement import KINDS, Row, matrix

CONTRADICTIONS = (Reason.FAMILY_AGAINST_MODEL, Reason.OPEN_FAMILIES_AGAINST_MODEL)  # of inversion and regeneration


@dataclass(frozen=True)
class Joint:
    """Everything that is known about one image.

    Attributes:
        image: what the result says about the file; None before there is any evidence.
        verdict: the joint answer.
        agreeing, contradicting: kinds of evidence that say the same as the verdict, and that contradict another.
        missing: kinds of evidence that were not asked, or have not answered yet.
        matrix: who says what about whom.
        unavailable: why a kind of evidence cannot be had, by kind.
        evidence: the full results, by kind.
    """

    image: ImageFacts | None
    verdict: Verdict
    agreeing: tuple[str, ...]
    contradicting: tuple[str, ...]
    missing: tuple[str, ...]
    matrix: tuple[Row, ...]
    unavailable: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, Trace | Artifacts | Regeneration] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON values, without sentences (`wording.document` adds them)."""
        told, evidence = asdict(self), {kind: each.document() for kind, each in self.evidence.items()}
        return told | {"image": told["image"] or {}, "evidence": evidence}


def as_joint(result: Trace | Artifacts | Regeneration | Joint) -> Joint:
    """The joint answer where there is no other kind of evidence."""
    match result:
        case Trace():
            return join(inversion=result)
        case Artifacts():
            return join(artifacts=result)
        case Regeneration():
            return join(regeneration=result)
    return result


def join(
    inversion: Trace | None = None,
    artifacts: Artifacts | None = None,
    regeneration: Regeneration | None = None,
    unavailable: dict[str, str] | None = None,
) -> Joint:
    """The joint answer from the kinds of evidence that there are.

    Args:
        inversion, artifacts, regeneration: their results.
        unavailable: why a kind of evidence cannot be had, by kind.

    Raises:
        ValueError: the results are about different files.
    """
    results = zip(KINDS, (inversion, artifacts, regeneration), strict=True)
    given = {name: each for name, each in results if each is not None}
    if len({each.image.sha256 for each in given.values()}) > 1:
        raise ValueError("the kinds of evidence are about different images")
    marks = artifacts.verdict.kind if artifacts else ""
    if inversion:
        verdict, contradicting = _with_inversion(inversion.verdict, marks, regeneration)
    else:
        verdict, contradicting = _without_inversion(marks, regeneration)
    return Joint(
        image=next((each.image for each in given.values()), None),
        verdict=verdict,
        agreeing=_agreeing(verdict, inversion, marks, regeneration),
        contradicting=contradicting,
        missing=tuple(name for name in KINDS if name not in given),
        matrix=matrix(inversion, artifacts, regeneration),
        unavailable=dict(unavailable or {}),
        evidence=given,
    )


def _with_inversion(told: Verdict, marks: str, regeneration: Regeneration | None) -> tuple[Verdict, tuple[str, ...]]:
    """The joint verdict, and the kinds of evidence that contradict each other."""
    joined, contradicting = _joined(absence.before_doubt(told), marks, regeneration)
    if told.reason in absence.WORTHLESS and joined.kind == "none" and joined.reason is not Reason.ANOTHER_AUTOENCODER:
        return told, contradicting  # `told` already says why nothing can be found in this file
    return joined, contradicting


def _joined(alone: Verdict, marks: str, regeneration: Regeneration | None) -> tuple[Verdict, tuple[str, ...]]:
    """Both, where every absence is taken at its word."""
    joined = alone
    if regeneration and not regeneration.by_drawings.stopped:
        joined = fuse(alone, regeneration.by_drawings, [row.generator for row in regeneration.ranking])
    if joined.kind == "family" and marks == "none":
        return _without_marks(joined, "inversion" if alone.kind == "family" else "regeneration")
    clash = ("inversion", "regeneration") if joined.reason in CONTRADICTIONS else ()
    return _with_marks(joined, marks, compressed=alone.kind == "insufficient"), clash


def _without_inversion(marks: str, regeneration: Regeneration | None) -> tuple[Verdict, tuple[str, ...]]:
    """The joint verdict, and what contradicts, where inversion's own result is not at hand."""
    if regeneration is None:
        reasons = {"": Reason.NOTHING_ASKED, "autoencoder": Reason.MARKS_ALONE, "none": Reason.NO_MARKS_SO_FAR}
        reason = reasons.get(marks, Reason.DETECTOR_ALONE_OPEN)
        return Verdict("undecided" if marks else "insufficient", reason), ()
    found, before = regeneration.verdict, regeneration.inversion  # which it may have been fused with already
    if found.kind == "family" and marks == "none":
        return _without_marks(found, "inversion" if before and before.kind == "family" else "regeneration")
    if found.kind == "family" and before is None:
        return _on(found, "undecided", Reason.INVERSION_NOT_ASKED), ()
    return found, ()


def _without_marks(named: Verdict, who: str) -> tuple[Verdict, tuple[str, ...]]:
    """The answer where one kind of evidence names a family and the detector finds no marks of any."""
    verdict = _on(named, "undecided", Reason.NAMED_WITHOUT_MARKS, who=who, what=named.families[0])
    return verdict, (who, "artifacts")


def _on(verdict: Verdict, kind: VerdictKind, reason: Reason, **details: Detail) -> Verdict:
    """A verdict about the same families and models that rests on another one."""
    return replace(verdict, kind=kind, reason=reason, details=details, rests_on=(verdict,))


def _with_marks(verdict: Verdict, marks: str, compressed: bool) -> Verdict:
    """The verdict with what the detector adds to its reason."""
    if verdict.kind == "none" and marks == "autoencoder":
        return _on(verdict, "none", Reason.ANOTHER_AUTOENCODER)
    if verdict.kind == "none" and marks == "none":
        return _on(verdict, "none", Reason.NONE_AND_NO_MARKS)
    if verdict.kind == "insufficient" and compressed and marks == "autoencoder":
        return _on(verdict, "insufficient", Reason.TOO_LITTLE_BUT_MARKS)
    if verdict.kind == "undecided" and marks == "none":
        return _on(verdict, "undecided", Reason.OPEN_WITHOUT_MARKS)
    return verdict


def _agreeing(
    verdict: Verdict, inversion: Trace | None, marks: str, regeneration: Regeneration | None
) -> tuple[str, ...]:
    """The kinds of evidence that by themselves say what the verdict says, or for artifacts what it implies."""
    found = []
    if verdict.reason is Reason.ANOTHER_AUTOENCODER:
        return ("artifacts",)  # which says so; inversion only says which autoencoders show no trace
    if inversion and inversion.verdict.kind == verdict.kind in ("family", "none"):
        found.append("inversion")
    if (verdict.kind, marks) in (("family", "autoencoder"), ("none", "none")):
        found.append("artifacts")
    if regeneration and regeneration.by_drawings.kind == verdict.kind in ("family", "none"):
        named = regeneration.by_drawings
        same = set(named.families) <= set(verdict.families) and set(named.members) & set(verdict.members)
        if verdict.kind == "none" or same:
            found.append("regeneration")
    return tuple(found)


def candidates(inversion: Verdict, generators: Sequence[str]) -> list[str]:
    """Which generators are worth comparing after inversion.

    Args:
        inversion: the verdict of latent inversion.
        generators: registry ids of all that could be compared.

    Returns:
        The members of the family that inversion named, where there are several; otherwise all of them, since then
        regeneration has nothing to decide inside a family, and is worth most as independent evidence.
    """
    members = [name for name in generators if registry.generator(name).family in inversion.families]
    return members if inversion.kind == "family" and len(members) > 1 else list(generators)


def fuse(inversion: Verdict, regeneration: Verdict, generators: Sequence[str]) -> Verdict:
    """The joint verdict of inversion and regeneration.

    Args:
        inversion: the verdict of latent inversion.
        regeneration: the verdict of prompt regeneration among `candidates`.
        generators: registry ids of all that could be compared.
    """
    told, inversion = inversion, absence.before_doubt(inversion)
    both = told, regeneration
    named = regeneration.members[0] if regeneration.kind == "family" else ""
    if inversion.kind == "family":
        members = [name for name in generators if registry.generator(name).family in inversion.families]
        return replace(_inside(inversion.families[0], members, regeneration), rests_on=both)
    if inversion.kind == "none":
        if told.reason in absence.WORTHLESS:
            return replace(told, rests_on=both)
        if not named:
            return Verdict("none", Reason.NONE_REPRODUCES, rests_on=both)
        return Verdict("none", Reason.LIKENESS_OF_STYLE, details={"model": named}, rests_on=both)
    if not named:
        nobody = regeneration.kind == "none"
        reason = Reason.OPEN_AND_NONE_DRAWS_ALIKE if nobody else Reason.OPEN_AND_DRAWING_OPEN
        return replace(inversion, reason=reason, details={}, rests_on=both)
    if inversion.families and regeneration.families[0] not in inversion.families:
        details = {"open": inversion.families, "model": named}
        return Verdict("undecided", Reason.OPEN_FAMILIES_AGAINST_MODEL, details=details, rests_on=both)
    reason = Reason.MODEL_OF_OPEN_FAMILIES if inversion.families else Reason.MODEL_WITHOUT_INVERSION
    return Verdict("family", reason, regeneration.families, (named,), {"model": named}, rests_on=both)


def _inside(family: str, members: Sequence[str], regeneration: Verdict) -> Verdict:
    """The verdict where inversion named a family, some of whose models may have drawn."""
    if regeneration.kind == "family":
        named = regeneration.members[0]
        if named not in members:
            return Verdict("undecided", Reason.FAMILY_AGAINST_MODEL, (family,), details={"model": named})
        details = {"model": named, "models": len(members)}
        reason = Reason.MODEL_OF_FAMILY if len(members) > 1 else Reason.ONLY_MODEL_OF_FAMILY
        return Verdict("family", reason, (family,), (named,), details)
    if not members:
        return Verdict("family", Reason.FAMILY_NOT_DRAWN, (family,))
    if regeneration.kind == "none":
        return Verdict("family", Reason.FAMILY_WITHOUT_MODEL, (family,))
    if len(members) == 1:
        return Verdict("family", Reason.ONLY_MODEL_UNCONFIRMED, (family,), tuple(members))
    left = tuple(name for name in regeneration.members if name in members) or tuple(members)
    return Verdict("family", Reason.MODELS_OF_FAMILY_OPEN, (family,), left)
