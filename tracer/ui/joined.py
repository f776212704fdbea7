"""What stands above the tabs, as HTML: the joint verdict, how well it is supported, and the agreement matrix."""
# ruff: noqa: RUF001 - a dash is meant

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.reasons import Reason
from tracer.evidence.regeneration import ranking
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.verdict import Trace
from tracer.models import device, registry
from tracer.ui import hero
from tracer.ui.words import frame
from tracer.verdict import combine, wording
from tracer.verdict.agreement import ANOTHER, KINDS, NO_ONE, Cell, Row
from tracer.verdict.combine import Joint

TITLES = {"inversion": "Latent inversion", "artifacts": "Artifacts", "regeneration": "Regeneration"}
NOBODY = {ANOTHER: "another decoder", NO_ONE: "no decoder: a photograph, a drawing, …"}
LOOKS = {  # glyph and words of what a kind of evidence says
    "for": ("✓", "for it"),
    "against": ("✕", "against it"),
    "open": ("~", "leaves it possible"),
    "silent": ("–", "cannot tell"),
    "missing": ("·", "not asked"),
}
UNNAMED = (Reason.ANOTHER_AUTOENCODER, Reason.MARKS_ALONE, Reason.TOO_LITTLE_BUT_MARKS)
BECAUSE = {
    Reason.IMAGE_TOO_SMALL: "Cannot tell from this file, because it is too small.",
    Reason.NO_FINE_DETAIL: "Cannot tell from this file, because it has no fine detail.",
    Reason.NOWHERE_FOR_MARKS: "Cannot tell from this file, because it has no fine detail.",
    Reason.TOO_SMOOTH: "Cannot tell from this file, because it is too smooth, as after blur or enlargement.",
    Reason.ANSWER_NOT_VISIBLE: "Cannot tell from this file, because too little of its detail is left.",
    Reason.OWN_LATTICE: "Cannot tell from this file, because its own blocks or cells hide a decoder's.",
    Reason.NOTHING_AFTER_RESIZING: "Cannot tell from this file, because the picture was resized.",
    Reason.NOTHING_AFTER_COMPRESSION: "Cannot tell from this file, because compression can take a model's trace away.",
    Reason.NO_MARKS_AFTER_RESIZING: "Cannot tell from this file, because the picture was resized.",
    Reason.NO_MARKS_AFTER_COMPRESSION: "Cannot tell from this file, because compression can take a model's trace away.",
    Reason.MARKS_LOST_IN_JPEG: "Cannot tell from this file, because compression has taken its fine detail.",
}


@dataclass(frozen=True)
class Told:
    """What the kinds of evidence have said about the image on the page so far. Kept per visitor; plain data.

    Attributes:
        subject: what was inspected, in our own words (HTML).
        inversion, artifacts: their results, or None.
        unavailable: why a kind of evidence cannot be had.
        doing: what is going on, in a sentence; "" once it is over.
    """

    subject: str = ""
    inversion: Trace | None = None
    artifacts: Artifacts | None = None
    unavailable: dict[str, str] = field(default_factory=dict)
    doing: str = ""

    def also(self, **changes: Any) -> Told:
        """The same with something new."""
        return replace(self, **changes)

    def joint(self, drawn: Regeneration | None = None) -> Joint:
        """The joint answer; drawings of another image do not count."""
        own = next((each for each in (self.inversion, self.artifacts) if each), None)
        if drawn and own and drawn.image.sha256 != own.image.sha256:
            drawn = None
        return combine.weigh(self.inversion, self.artifacts, drawn, self.unavailable)


def plain(found: Joint) -> tuple[str, str]:
    """Kind and words of the one line that answers a visitor's question."""
    verdict = found.verdict
    if verdict.kind == "family":
        if len(verdict.members) == 1 and "regeneration" in found.agreeing:
            return "family", f"Made by {verdict.members[0]}."
        return "family", f"Made by {hero.title(verdict.families[0])}, or another model with its decoder."
    if verdict.reason in UNNAMED:
        return "autoencoder", "Decoded by an AI image model that we cannot name."
    if verdict.kind == "none":
        return "none", "No sign of an AI image model that we know, which proves nothing."
    if verdict.reason is Reason.SEVERAL_FAMILIES_OPEN:
        names = " or ".join(hero.title(name) for name in verdict.families)
        return "undecided", f"Made by a model with one of these decoders: {names}."
    if verdict.kind == "insufficient":
        return "insufficient", BECAUSE.get(verdict.reason, "Cannot tell from this file.")
    if verdict.reason is Reason.INSPECTION_STOPPED:
        return "undecided", "Stopped before there was an answer."
    if found.contradicting:
        return "undecided", "Cannot decide: the kinds of evidence contradict each other."
    return "undecided", "Cannot decide yet."


def banner(told: Told, drawn: Regeneration | None = None) -> str:
    """The one line, why, how sure, and what it would still need."""
    found = told.joint(drawn)
    kind, line = plain(found)
    if told.doing:
        return frame("running", told.doing, [f"So far: {escape(line)}"] if found.evidence else [], told.subject)
    if not found.evidence:
        return ready()
    lines = [escape(wording.sentence(found.verdict))]
    lines += [escape(wording.support(found))] if kind == "family" or found.contradicting else []
    lines += [f"{TITLES[name]} is not available here: {escape(reason)}." for name, reason in found.unavailable.items()]
    needed = [TITLES[name].lower() for name in found.missing if name not in found.unavailable]
    if needed:
        lines.append(f"Not asked yet: {escape(' and '.join(needed))}.")
    return frame(kind, line, lines, told.subject)


def ready() -> str:
    """The banner of an image that nothing is known about yet."""
    return frame("ready", "Choose a picture: the answer starts by itself.", [], "")


def offer(seconds: float | None) -> str:
    """What the button says that lets the models draw."""
    cost = "" if seconds is None else f" (about {max(round(seconds), 1)} s here)"
    return f"Ask more: let the miniature models draw what it shows{cost}"


def seconds_to_draw() -> float | None:
    """How long regeneration will take with its usual settings; None where the machine's speed is not known yet."""
    import sys

    if "torch" not in sys.modules or device.zero_gpu():  # measuring it would load torch
        return None
    return ranking.seconds([row.id for row in registry.GENERATORS.values() if row.bundled], ranking.CANDIDATES)


def matrix(told: Told, drawn: Regeneration | None = None) -> str:
    """The agreement matrix: a plain table."""
    found = told.joint(drawn)
    heads = "".join(f"<th scope='col'>{TITLES[kind]}</th>" for kind in KINDS)
    rows = "".join(_row(row, found) for row in found.matrix)
    return (
        "<table class='agreement'><caption>Which evidence says what</caption>"
        f"<thead><tr><th scope='col'>Made with</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p class='fine key'>{' '.join(f'<span><b>{glyph}</b> {said}</span>' for glyph, said in LOOKS.values())}</p>"
    )


def _row(row: Row, found: Joint) -> str:
    named = row.candidate in found.verdict.families and found.verdict.kind == "family"
    title = NOBODY.get(row.candidate) or hero.title(row.candidate)
    members = f"<span>{escape(', '.join(row.members))}</span>" if row.members else ""
    # Nothing that was not found speaks for a photograph.
    shown = {
        kind: replace(cell, says="open") if row.candidate == NO_ONE and cell.says == "for" else cell
        for kind, cell in row.cells.items()
    }
    cells = "".join(_cell(shown[kind]) for kind in KINDS)
    return f"<tr{' class=named' if named else ''}><th scope='row'>{escape(title)}{members}</th>{cells}</tr>"


def _cell(cell: Cell) -> str:
    glyph, said = LOOKS[cell.says]
    silent = cell.says in ("silent", "missing")  # a number would look like an answer
    number = f"<span>{escape(cell.number)}</span>" if cell.number and not silent else ""
    return f"<td class='{cell.says}'><b aria-hidden='true'>{glyph}</b><span class='unseen'>{said}</span>{number}</td>"
