"""The agreement matrix: what every kind of evidence says about every candidate, in one word and one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tracer.evidence.regeneration.null_distribution import ALPHA_FIT
from tracer.models import registry

KINDS = ("inversion", "artifacts", "regeneration")
ANOTHER, NO_ONE = "another autoencoder", "no autoencoder"

Says = Literal["for", "against", "open", "silent", "missing"]


@dataclass(frozen=True)
class Cell:
    """What one kind of evidence says about one candidate.

    Attributes:
        says: "for" it; "against" it; "open": it leaves it possible; "silent": it cannot say anything here; "missing":
            it was not asked, or has not answered yet.
        number: the number behind it, in a few words; "" where there is none.
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


def matrix(
    inversion: dict[str, Any] | None, artifacts: dict[str, Any] | None, regeneration: dict[str, Any] | None
) -> tuple[Row, ...]:
    """Every inspected family, or the bundled ones before there are any, and the two ways to be none of them."""
    asked = [row["family"] for row in inversion["evidence"]] if inversion else []
    names = asked or [row.id for row in registry.families("minis")]
    drawn = {row["family"] for row in regeneration["ranking"]} if regeneration else set()
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


def _inverted(name: str, document: dict[str, Any] | None) -> Cell:
    if document is None:
        return Cell("missing")
    kind = document["verdict"]["kind"]
    if name in (ANOTHER, NO_ONE):  # a decoder that can make these very pixels leaves neither
        return Cell({"family": "against", "none": "open", "undecided": "open"}.get(kind, "silent"))
    row = next((each for each in document["evidence"] if each["family"] == name), None)
    if row is None:
        return Cell("missing")
    number = "" if row["p_value"] is None else f"p = {row['p_value']:.2g}"
    if kind == "insufficient" and name not in document["verdict"]["families"] and not row["belongs"]:
        return Cell("silent", number)
    return Cell({True: "for", False: "against", None: "open"}[row["belongs"]], number)


def _marked(name: str, document: dict[str, Any] | None) -> Cell:
    if document is None:
        return Cell("missing")
    kind, number = document["verdict"]["kind"], f"{document['probability']:.2f}"
    if kind in ("undecided", "insufficient"):
        return Cell("open" if kind == "undecided" else "silent", number)
    if name == NO_ONE:
        return Cell("against" if kind == "autoencoder" else "for", number)
    return Cell("open" if kind == "autoencoder" else "against", number)  # any autoencoder, not this one


def _drawn(name: str, document: dict[str, Any] | None) -> Cell:
    if document is None:
        return Cell("missing")
    if name in (ANOTHER, NO_ONE):
        return Cell("open")
    rows = [row for row in document["ranking"] if row["family"] == name]
    if not rows:
        return Cell("missing")
    best = rows[0]
    alone, number = document["verdict"], f"{best['similarity']:.2f}, {best['generator'].removeprefix(f'{name}-')}"
    if stopped(document) or best["p_value"] is None:
        return Cell("silent", number)
    if best["p_value"] < ALPHA_FIT:
        return Cell("against", number)
    first = best["generator"] == document["ranking"][0]["generator"]
    if alone["kind"] != "family":
        return Cell("open", number)
    return Cell("for" if first else "against", number)  # it is only named where its lead is more than chance


def stopped(regeneration: dict[str, Any]) -> bool:
    """Whether the drawing was stopped before its end, which leaves a ranking without a verdict."""
    return regeneration["verdict"]["sentence"].startswith("Stopped")
