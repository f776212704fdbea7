"""The three kinds of evidence together: one verdict, how well it is supported, and who says what about whom.

Nothing is averaged. Each kind of evidence says what it can say, and no more:

- Inversion names an autoencoder, or rules the inspected ones out. It decides.
- Artifacts say whether *an* autoencoder was involved, never which. They support or contradict.
- Regeneration compares models, by what they draw. It decides inside a family (`fusion.py`).

Where two of them contradict each other, the answer is "undecided", and the sentence says who says what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tracer.evidence.conformal import ALPHA
from tracer.evidence.regeneration.null_distribution import ALPHA_FIT
from tracer.evidence.regeneration.ranking import ALPHA_LEAD
from tracer.evidence.verdict import Verdict
from tracer.verdict import fusion
from tracer.verdict.agreement import KINDS, Row, matrix, stopped

_MARKS = {
    "autoencoder": "marks of an autoencoder are in the image, says the detector",
    "none": "the detector finds no marks of any autoencoder",
    "undecided": "whether it has marks of an autoencoder stays open",
    "insufficient": "the detector cannot tell in this file",
}


@dataclass(frozen=True)
class Joint:
    """Everything that is known about one image; `document()` is the command line's JSON.

    Attributes:
        image: what the result says about the file.
        verdict: the joint answer.
        support: how sure, in one sentence that counts the kinds of evidence and states their error rates.
        agreeing, contradicting: kinds of evidence that say the same as the verdict, and that contradict another.
        missing: kinds of evidence that were not asked, or have not answered yet.
        matrix: who says what about whom.
        unavailable: why a kind of evidence cannot be had, by kind.
        evidence: the full documents, by kind.
    """

    image: dict[str, Any]
    verdict: Verdict
    support: str
    agreeing: tuple[str, ...]
    contradicting: tuple[str, ...]
    missing: tuple[str, ...]
    matrix: tuple[Row, ...]
    unavailable: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, dict[str, Any]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """A JSON document, as the README describes it."""
        return asdict(self)


def weigh(
    inversion: dict[str, Any] | None = None,
    artifacts: dict[str, Any] | None = None,
    regeneration: dict[str, Any] | None = None,
    unavailable: dict[str, str] | None = None,
) -> Joint:
    """The joint answer from the documents of the kinds of evidence that there are.

    Args:
        inversion: document of a `Trace`.
        artifacts: document of an `Artifacts`.
        regeneration: document of a `Regeneration`.
        unavailable: why a kind of evidence cannot be had, by kind.

    Raises:
        ValueError: the documents are about different files.
    """
    given = {
        name: each for name, each in zip(KINDS, (inversion, artifacts, regeneration), strict=True) if each is not None
    }
    if len({each["image"]["sha256"] for each in given.values()}) > 1:
        raise ValueError("the kinds of evidence are about different images")
    verdict, contradicting = _verdict(inversion, artifacts, regeneration)
    agreeing = _agreeing(verdict, inversion, artifacts, regeneration)
    missing = tuple(name for name in KINDS if name not in given)
    return Joint(
        image=next((each["image"] for each in given.values()), {}),
        verdict=verdict,
        support=_support(verdict, given, agreeing, contradicting),
        agreeing=agreeing,
        contradicting=contradicting,
        missing=missing,
        matrix=matrix(inversion, artifacts, regeneration),
        unavailable=dict(unavailable or {}),
        evidence=given,
    )


def verdict_of(document: dict[str, Any]) -> Verdict:
    """The verdict of a document, as it was before it became JSON."""
    raw = document["verdict"]
    return Verdict(raw["kind"], tuple(raw["families"]), tuple(raw["members"]), raw["sentence"])


def _verdict(
    inversion: dict[str, Any] | None, artifacts: dict[str, Any] | None, regeneration: dict[str, Any] | None
) -> tuple[Verdict, tuple[str, ...]]:
    """The joint verdict, and the kinds of evidence that contradict each other."""
    marks = artifacts["verdict"]["kind"] if artifacts else ""
    if inversion is None:
        return _without_inversion(marks, regeneration)
    alone = verdict_of(inversion)
    joined = alone
    if regeneration and not stopped(regeneration):
        names = [row["generator"] for row in regeneration["ranking"]]
        first = Verdict(**_plain(regeneration["inversion"])) if "inversion" in regeneration else None
        # A document that asked inversion itself holds the joint verdict of the two already.
        joined = verdict_of(regeneration) if first else fusion.fuse(alone, verdict_of(regeneration), names)
    # `fuse` says "undecided" of a family that inversion named only where regeneration contradicts it.
    apart = joined.kind == "undecided" and (alone.kind == "family" or "disagrees" in joined.sentence)
    clash = ("inversion", "regeneration") if apart else ()
    if joined.kind == "family" and marks == "none":
        who = "inversion" if alone.kind == "family" else "regeneration"
        what = f"{who} says {joined.families[0]}, but {_MARKS['none']}"
        return Verdict("undecided", joined.families, joined.members, f"Undecided: the evidence disagrees; {what}."), (
            who,
            "artifacts",
        )
    return _with_marks(joined, marks, compressed=alone.kind == "insufficient"), clash


def _with_marks(verdict: Verdict, marks: str, compressed: bool) -> Verdict:
    """The verdict with what the detector adds to its sentence."""
    if not marks:
        return verdict
    said, kind = verdict.sentence.rstrip("."), verdict.kind
    if kind == "none" and marks == "autoencoder":
        why = "An autoencoder was involved, but none of those inspected can reproduce the image: another one, or the "
        return Verdict("none", (), verdict.members, f"{why}picture was changed afterwards.")
    if kind == "none" and marks == "none":
        return Verdict("none", (), verdict.members, f"{said}, and {_MARKS['none']}.")
    if kind == "insufficient" and compressed and marks == "autoencoder":
        return Verdict(kind, verdict.families, verdict.members, f"{said}; but {_MARKS[marks]}.")
    if kind == "undecided" and marks == "none":
        return Verdict(kind, verdict.families, verdict.members, f"{said}; {_MARKS[marks]}.")
    return verdict


def _without_inversion(marks: str, regeneration: dict[str, Any] | None) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict where the evidence that could name an autoencoder has not answered."""
    if regeneration is None:
        sentence = {
            "": "No evidence has been asked yet.",
            "autoencoder": "An autoencoder was involved; which one has not been asked yet.",
            "none": "No marks of an autoencoder so far; the line-up has not been asked yet.",
        }.get(marks, "The detector cannot tell; the line-up has not been asked yet.")
        return Verdict("undecided" if marks else "insufficient", (), (), sentence), ()
    alone = verdict_of(regeneration)
    if alone.kind == "family" and marks == "none":
        what = f"regeneration says {alone.members[0]}, but {_MARKS['none']}"
        return Verdict("undecided", (), (), f"Undecided: the evidence disagrees; {what}."), (
            "artifacts",
            "regeneration",
        )
    if alone.kind == "family":
        sentence = f"{alone.sentence.rstrip('.')}; its autoencoder has not been asked."
        return Verdict("undecided", alone.families, alone.members, sentence), ()
    return alone, ()


def _agreeing(
    verdict: Verdict,
    inversion: dict[str, Any] | None,
    artifacts: dict[str, Any] | None,
    regeneration: dict[str, Any] | None,
) -> tuple[str, ...]:
    """The kinds of evidence that by themselves say what the verdict says, or for artifacts what it implies."""
    found = []
    if inversion and inversion["verdict"]["kind"] == verdict.kind in ("family", "none"):
        found.append("inversion")
    if artifacts and (verdict.kind, artifacts["verdict"]["kind"]) in (("family", "autoencoder"), ("none", "none")):
        found.append("artifacts")
    if regeneration and not stopped(regeneration) and verdict.kind in ("family", "none"):
        best = regeneration["ranking"][0]
        named = regeneration["verdict"]
        same = named["kind"] == verdict.kind == "none"
        if verdict.kind == "family" and named["kind"] == "family":
            same = best["family"] in verdict.families and bool(set(named["members"]) & set(verdict.members))
        if same:
            found.append("regeneration")
    return tuple(found)


def _support(verdict: Verdict, given: dict[str, Any], agreeing: Sequence[str], contradicting: Sequence[str]) -> str:
    """How sure, in one sentence."""
    if contradicting:
        return f"Not sure: {' and '.join(contradicting)} contradict each other, so neither is believed."
    have = "has" if len(given) == 1 else "have"
    asked = "all have been asked" if len(given) == 3 else f"{len(given)} of the 3 kinds of evidence {have} been asked"
    if verdict.kind not in ("family", "none") or not agreeing:
        return f"Not sure: {asked}, and none decides." if given else "Nothing has been asked yet."
    rates = {
        "inversion": f"inversion misses a family's own picture in about {ALPHA:.0%} of cases",
        "artifacts": _fpr(given.get("artifacts")),
        "regeneration": f"regeneration at most {ALPHA_FIT:.0%} of a model's own pictures, and a lead like this one is "
        f"had on at most {ALPHA_LEAD:.0%} of others' pictures",
    }
    count = {1: "one kind of evidence says", 2: "two kinds of evidence say", 3: "all three kinds of evidence say"}
    how = {1: "Fairly sure", 2: "Sure", 3: "Very sure"}[len(agreeing)]
    return (
        f"{how}: {count[len(agreeing)]} so ({', '.join(agreeing)}), none disagrees, {asked}. How often they err on "
        f"clean files: {'; '.join(rates[name] for name in agreeing)}."
    )


def _fpr(artifacts: dict[str, Any] | None) -> str:
    return f"the detector calls at most {artifacts['fpr']:.0%} of photographs marked" if artifacts else ""


def _plain(raw: dict[str, Any]) -> dict[str, Any]:
    return {**raw, "families": tuple(raw["families"]), "members": tuple(raw["members"])}
