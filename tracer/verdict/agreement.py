"""The agreement matrix: what every kind of evidence says about every candidate, in one word and one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.regeneration.null_distribution import ALPHA_FIT
from tracer.evidence.verdict import Trace
from tracer.models import registry

KINDS = ("inversion", "artifacts", "regeneration")
ANOTHER, NO_ONE = "another autoencoder", "no autoencoder"
SILENT = ("silent", "missing")  # a number beside one of these would look like an answer

Says = Literal["for", "against", "open", "silent", "missing"]


@dataclass(frozen=True)
class Cell:
    """What one kind of evidence says about one candidate.

    Attributes:
        says: "for" it; "against" it; "open": it leaves it possible; "silent": it cannot say anything here; "missing":
            it was not asked, or has not answered yet.
        number: the number behind it, in a few words; "" where there is none, or where it cannot tell anything.
    """

    says: Says
    number: str = ""


@dataclass(frozen=True)
class Row:
    """One candidate's row of the agreement matrix.

    Attributes:
        candidate: a family's id, or `ANOTHER` or `NO_ONE`.
        members: generators of the line-up that draw with it.
        cells: by kind of evidence, in the order of `KINDS`.
    """

    candidate: str
    members: tuple[str, ...]
    cells: dict[str, Cell]


def matrix(inversion: Trace | None, artifacts: Artifacts | None, regeneration: Regeneration | None) -> tuple[Row, ...]:
    """Every inspected family, or the first line-up's before there are any, and the two ways to be none of them."""
    asked = [row.family for row in inversion.evidence] if inversion else []
    names = asked or [row.id for row in registry.families(registry.LINEUPS[0])]
    drawn = {row.family for row in regeneration.ranking} if regeneration else set()
    names += [name for name in registry.FAMILIES if name in drawn - {*names}]
    rows = []
    for name in (*names, ANOTHER, NO_ONE):
        members = tuple(row.id for row in registry.GENERATORS.values() if row.family == name)
        cells = {
            "inversion": _inverted(name, inversion),
            "artifacts": _marked(name, artifacts),
            "regeneration": _drawn(name, regeneration),
        }
        rows.append(Row(name, members, cells))
    return tuple(rows)


def _inverted(name: str, trace: Trace | None) -> Cell:
    if trace is None:
        return Cell("missing")
    verdict = trace.verdict
    if name in (ANOTHER, NO_ONE):  # a decoder that can make these very pixels leaves neither
        return Cell({"family": "against", "none": "open", "undecided": "open"}.get(verdict.kind, "silent"))
    row = next((each for each in trace.evidence if each.family == name), None)
    if row is None:
        return Cell("missing")
    if verdict.kind == "insufficient" or row.stopped:
        return Cell("silent")
    # Only the grid's p-value is small where the family made the image; the paper's rule is a loss and its limit.
    number = f"p = {row.p_value:.2g}" if row.mode == "grid" else f"loss {row.score / row.threshold:.2g} of the limit"
    return Cell({True: "for", False: "against", None: "open"}[row.belongs], number)


def _marked(name: str, artifacts: Artifacts | None) -> Cell:
    if artifacts is None:
        return Cell("missing")
    kind, number = artifacts.verdict.kind, f"{artifacts.probability:.2f}"
    if kind == "insufficient":
        return Cell("silent")
    if kind == "undecided":
        return Cell("open", number)
    if name == NO_ONE:
        return Cell("against" if kind == "autoencoder" else "for", number)
    return Cell("open" if kind == "autoencoder" else "against", number)  # any autoencoder, not this one


def _drawn(name: str, regeneration: Regeneration | None) -> Cell:
    if regeneration is None:
        return Cell("missing")
    if name in (ANOTHER, NO_ONE):
        return Cell("open")
    best = next((row for row in regeneration.ranking if row.family == name), None)
    if best is None:
        return Cell("missing")
    if regeneration.by_drawings.stopped or best.p_value is None:
        return Cell("silent")
    number = f"{best.similarity:.2f}, {best.generator.removeprefix(f'{name}-')}"
    if best.p_value < ALPHA_FIT:
        return Cell("against", number)
    if regeneration.by_drawings.kind != "family":
        return Cell("open", number)
    first = best is regeneration.ranking[0]
    return Cell("for" if first else "against", number)  # it is only named where its lead is more than chance
