"""What stands above the tabs, as HTML: the joint verdict, how well it is supported, and the agreement matrix."""
# ruff: noqa: RUF001 - a dash is meant

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.regeneration import ranking
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.verdict import Trace
from tracer.models import device, registry
from tracer.ui import glossary, hero
from tracer.ui.templates import render
from tracer.ui.words import frame
from tracer.verdict import combine, plain
from tracer.verdict.agreement import ANOTHER, KINDS, NO_ONE, SILENT, Cell, Row
from tracer.verdict.combine import Joint

TITLES = {"inversion": "Grid test", "artifacts": "Decoder marks", "regeneration": "Drawn again"}
NOBODY = {ANOTHER: "another decoder", NO_ONE: "no decoder: a photograph, a drawing, …"}
LOOKS = {  # glyph and words of what a kind of evidence says
    "for": ("✓", "for it"),
    "against": ("✕", "against it"),
    "open": ("~", "leaves it possible"),
    "silent": ("–", "cannot tell"),
    "missing": ("·", "not asked"),
}


@dataclass(frozen=True)
class Told:
    """What the kinds of evidence have said about the image on the page so far. Kept per visitor; plain data.

    Attributes:
        subject: what was inspected, in our own words.
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
        return combine.join(self.inversion, self.artifacts, drawn, self.unavailable)


def banner(told: Told, drawn: Regeneration | None = None) -> str:
    """The one line, how strong, why, and how sure."""
    found = told.joint(drawn)
    said = plain.answer(found)
    if told.doing:
        return frame("running", told.doing, [f"So far: {said.line}"] if found.evidence else [], told.subject)
    if not found.evidence:
        return ready()
    away = [f"{TITLES[name]}: not available here ({reason})." for name, reason in found.unavailable.items()]
    lines = [_strength(found), glossary.marked(" ".join(said.why)), said.sure, *away]
    return frame(said.kind, said.line, lines, told.subject)


def _strength(found: Joint) -> str:
    """How strong the grid test's answer is, as a word and a bar; "" where it names nobody."""
    trace = found.evidence.get("inversion")
    rows = [row for row in trace.evidence if row.family in found.verdict.families] if trace else []
    if found.verdict.kind != "family" or not rows or rows[0].mode != "grid":
        return ""
    word, level = plain.strength(rows[0].score, rows[0].threshold)
    places = [place < level for place in range(plain.LEVELS)]
    return render("strength.html", term=glossary.term("strength", "Strength"), word=word, places=places)


def ready() -> str:
    """The banner of an image that nothing is known about yet."""
    return frame("ready", "Choose a picture: the answer starts by itself.", [], "")


def refused(problem: str) -> str:
    """The banner of a file that cannot be used; the problem is one of `intake`'s constant sentences."""
    return frame("insufficient", problem, ["Choose another picture."], "", "Not a picture that can be read")


def offer(seconds: float | None) -> str:
    """What the button says that lets the models draw."""
    cost = "" if seconds is None else f" ({ranking.span(seconds)}, nothing to download)"
    return f"Let miniature models draw it, as a demonstration{cost}"


def seconds_to_draw() -> float | None:
    """How long regeneration will take with its usual settings; None where the machine's speed is not known yet."""
    import sys

    if "torch" not in sys.modules or device.zero_gpu():  # measuring it would load torch
        return None
    return ranking.seconds([row.id for row in registry.GENERATORS.values() if row.bundled], ranking.CANDIDATES)


def matrix(told: Told, drawn: Regeneration | None = None) -> str:
    """The agreement matrix: a plain table."""
    found = told.joint(drawn)
    heads = [glossary.term(kind, TITLES[kind]) for kind in KINDS]
    rows = [_row(row, found) for row in found.matrix]
    return render("agreement.html", heads=heads, rows=rows, looks=list(LOOKS.values()))


def _row(row: Row, found: Joint) -> dict[str, object]:
    """What the matrix shows of one candidate."""
    named = row.candidate in found.verdict.families and found.verdict.kind == "family"
    title = NOBODY.get(row.candidate) or hero.title(row.candidate)
    # Nothing that was not found speaks for a photograph.
    shown = {
        kind: replace(cell, says="open") if row.candidate == NO_ONE and cell.says == "for" else cell
        for kind, cell in row.cells.items()
    }
    cells = [_cell(shown[kind]) for kind in KINDS]
    return {"named": named, "title": title, "members": ", ".join(row.members), "cells": cells}


def _cell(cell: Cell) -> dict[str, str]:
    glyph, said = LOOKS[cell.says]
    return {"says": cell.says, "glyph": glyph, "said": said, "number": "" if cell.says in SILENT else cell.number}
