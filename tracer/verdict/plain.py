"""The joint answer for somebody who has never heard of the method: one line, why, and how sure.

Page, reports, batches and programs all say these lines; `wording` says the same in the field's terms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.inversion.decision import ALPHA
from tracer.evidence.reasons import Reason
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.verdict import Evidence, Trace, Verdict, listed
from tracer.models import registry
from tracer.verdict.combine import Joint
from tracer.verdict.names import titles

NAMES = {"inversion": "the grid test", "artifacts": "the detector of marks", "regeneration": "what the models draw"}
UNNAMED = (Reason.ANOTHER_AUTOENCODER, Reason.MARKS_ALONE, Reason.TOO_LITTLE_BUT_MARKS)
BECAUSE = {
    Reason.IMAGE_TOO_SMALL: "it is too small",
    Reason.NO_FINE_DETAIL: "it has no fine detail",
    Reason.NOWHERE_FOR_MARKS: "it has no fine detail",
    Reason.TOO_SMOOTH: "it is too smooth, as after blur or enlargement",
    Reason.ANSWER_NOT_VISIBLE: "no decoder's grid clearly shows in it",
    Reason.OWN_LATTICE: "its own blocks or cells hide a decoder's",
    Reason.DRAWN_BY_A_PROGRAM: "its pixels are too even, as in an interface or a page of text",
    Reason.NOTHING_AFTER_RESIZING: "the picture was resized",
    Reason.NOTHING_AFTER_COMPRESSION: "compression can take a model's trace away",
    Reason.NO_MARKS_AFTER_RESIZING: "the picture was resized",
    Reason.NO_MARKS_AFTER_COMPRESSION: "compression can take a model's trace away",
    Reason.MARKS_LOST_IN_JPEG: "compression has taken its fine detail",
}
MEASURED = ("minis", "real")  # line-ups that the grid test's error was measured for
PROVES_NOTHING = (
    "It may be a photograph or a drawing, by a model that was not asked (Midjourney, GPT-image, Gemini and others), or "
    "resized since."
)
LOST = set(BECAUSE) - {Reason.DRAWN_BY_A_PROGRAM, Reason.NO_FINE_DETAIL, Reason.NOWHERE_FOR_MARKS}
BETTER_COPY = "The file as it was first saved, not resized and not compressed again, may get an answer."
NEITHER = "That speaks neither for a photograph nor for AI."
SENT_THROUGH = "A photograph that was only edited or enlarged with that decoder looks the same."

STRENGTHS = (  # share of the threshold from which an answer of the grid test is called so
    (4.0, "very strong"),
    (2.0, "strong"),
    (1.0, "moderate"),
    (0.5, "weak: could be chance"),
    (-math.inf, "no sign"),
)
LEVELS = len(STRENGTHS) - 1  # of a strength's bar


@dataclass(frozen=True)
class Answer:
    """What a visitor is told.

    Attributes:
        kind: "family", "autoencoder" (of a model that cannot be named), "none", "undecided" or "insufficient".
        line: the answer.
        why: a sentence for every kind of evidence that was asked.
        sure: who says so, and how often they err; "" where nothing was found, which nobody can be sure of.
    """

    kind: str
    line: str
    why: tuple[str, ...]
    sure: str


def strength(score: float, threshold: float) -> tuple[str, int]:
    """A score of the grid test as a word, and as a number of `LEVELS`."""
    place = next(place for place, (share, _) in enumerate(STRENGTHS) if score >= share * threshold)
    return STRENGTHS[place][1], LEVELS - place


def answer(joint: Joint) -> Answer:
    """The joint answer in plain words."""
    kind, line = _line(joint)
    said = {"inversion": _grid, "artifacts": _marks, "regeneration": _drawings}
    why = [said[name](found) for name, found in joint.evidence.items()]
    if kind == "none":
        why.append(PROVES_NOTHING)
    if kind == "family":
        why = [*_miniature(joint.verdict), *why, SENT_THROUGH]
    if kind == "insufficient":
        why += [NEITHER, BETTER_COPY] if _because(joint) in LOST else [NEITHER]
    if joint.verdict.reason is Reason.ANOTHER_AUTOENCODER:
        why.append("So another model drew it, or it was resized since.")
    return Answer(kind, line, tuple(why), _sure(joint, kind))


def _line(joint: Joint) -> tuple[str, str]:
    verdict = joint.verdict
    if verdict.kind == "family":
        if len(verdict.members) == 1 and "regeneration" in joint.agreeing:
            return "family", f"Made by {verdict.members[0]}."
        return "family", f"Made or edited by {titles(verdict.families)}, or by a model with its decoder."
    if verdict.reason in UNNAMED:
        return "autoencoder", "Decoded by an AI image model that we cannot name."
    if verdict.kind == "none":
        return "none", "No sign of an AI image model that we know, which proves nothing."
    if verdict.reason is Reason.SEVERAL_FAMILIES_OPEN:
        return "undecided", f"Made by a model with one of these decoders: {titles(verdict.families, 'or')}."
    if verdict.kind == "insufficient":
        because = _because(joint)
        return "insufficient", f"Cannot tell from this file{f', because {BECAUSE[because]}' if because else ''}."
    if verdict.reason is Reason.INSPECTION_STOPPED:
        return "undecided", "Stopped before there was an answer."
    if joint.contradicting:
        names = " and ".join(NAMES[name] for name in joint.contradicting)
        return "undecided", f"Cannot decide: {names} contradict each other."
    return "undecided", "Cannot decide yet." if joint.missing else "Cannot decide."


def _miniature(verdict: Verdict) -> list[str]:
    """What a miniature is, for those who have only heard of real models."""
    rows = [registry.FAMILIES.get(family) for family in verdict.families]
    if not all(row and row.lineup == "minis" for row in rows):
        return []
    if len(verdict.members) == 1:
        return [f"{verdict.members[0]} is a miniature model, made to show how this works."]
    return [f"{titles(verdict.families)} is the decoder of miniature models, made to show how this works."]


def _because(joint: Joint) -> Reason | None:
    """Why nothing can be told: the joint verdict's own reason, or that of what it rests on."""
    asked = [joint.verdict, *joint.verdict.rests_on, *(found.verdict for found in joint.evidence.values())]
    return next((each.reason for each in asked if each.reason in BECAUSE), None)


def _grid(trace: Trace) -> str:
    verdict, asked = trace.verdict, [row.family for row in trace.evidence]
    cropped = any(any(row.offset) for row in trace.evidence if row.family in verdict.families)
    where = f"{' (moved, as after a crop)' if cropped else ''}"
    if any(row.mode != "grid" for row in trace.evidence):
        return f"By LatentTracer's rule: {_fits(verdict)}."
    if verdict.kind == "family":
        others = ", and on no other's" if len(asked) > 1 else ""
        return f"It lies on the grid of {titles(verdict.families)}'s decoder{where}{others}."
    if verdict.kind == "none":
        names = f": {titles(asked, 'or')}" if asked else ""
        return f"It does not lie on the grid of any decoder that was asked{names}."
    if verdict.kind == "undecided" and verdict.families:
        return f"It may lie on the grid of {titles(verdict.families, 'or')}."
    return "The grid test was stopped." if verdict.reason is Reason.INSPECTION_STOPPED else "The grid test cannot tell."


def _fits(verdict: Verdict) -> str:
    if verdict.kind == "family":
        return f"{titles(verdict.families)}'s decoder can redraw it"
    return "no decoder that was asked can redraw it" if verdict.kind == "none" else "that does not tell"


def _marks(found: Artifacts) -> str:
    return {
        "autoencoder": "A detector sees a decoder's marks in it.",
        "none": "A detector sees no decoder's marks in it.",
        "undecided": "The detector of a decoder's marks cannot decide.",
        "insufficient": "The detector of a decoder's marks cannot tell.",
    }[found.verdict.kind]


def _drawings(found: Regeneration) -> str:
    alone = found.by_drawings
    if alone.kind == "family":
        return f"Of the models that drew it again, {found.ranking[0].generator} comes clearly closest."
    if alone.kind == "none":
        return "None of the models that drew it again comes close."
    return "What the models draw does not tell."


def _sure(joint: Joint, kind: str) -> str:
    """Who says so, and how often the grid test errs, or the detector where it is alone: their stated errors."""
    named = joint.agreeing if kind == "family" else ("artifacts",) if kind == "autoencoder" else ()
    if not named:
        return ""
    who = listed([NAMES[name] for name in named])
    said = f"{who[0].upper()}{who[1:]} say{'s' * (len(named) == 1)} so, and nothing disagrees."
    if kind == "autoencoder" and "artifacts" in joint.evidence:
        said += f" It errs on about {_in(joint.evidence['artifacts'].fpr)} photographs."
    asked = joint.evidence["inversion"].evidence if "inversion" in named else ()
    if measured(asked):
        said += f" For about {_in(ALPHA)} pictures by none of the models asked, the grid test names one by mistake."
    return said


def measured(asked: Sequence[Evidence]) -> bool:
    """Whether the grid test's error was measured for those who were asked; not for an autoencoder from a folder."""
    rows = [registry.FAMILIES.get(each.family) for each in asked if each.mode == "grid"]
    return 0 < len(rows) == len(asked) and all(row is not None and row.lineup in MEASURED for row in rows)


def _in(share: float) -> str:
    """A small share as people say it: 1 in 100."""
    return f"1 in {1 / share:.0f}"
