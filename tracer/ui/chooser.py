"""Which models to ask: the line-up chooser, and what there is to know about each family before it is asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tracer import api
from tracer.evidence.inversion import grid, inspection
from tracer.models import registry as lineup
from tracer.reports.availability import Availability, check, check_generators
from tracer.ui.templates import caption, render

KNOWN_FOR = 60  # seconds for which the Hub is not asked again
TITLES = {
    "real": "Real models (bundled stand-ins)",
    "minis": "How it works (miniatures)",
    "tiny": "Tiny stand-ins",
    "full": "Full size",
}
ABOUT = {
    "real": "Small stand-ins for the decoders of real models, trained by this project and bundled.",
    "minis": "Miniature models that this project trained: they show the method, and made only their own pictures.",
    "tiny": "Small stand-ins for the decoders of the same models, as published, from the Hub on first use.",
    "full": "The real models' own decoders, from the Hub on first use: sharpest, and slow without a GPU.",
}
DRAWERS = (
    "Full-size models, from the Hub on first use. They are not calibrated here: the ranking is shown, but nothing is "
)
DRAWERS += "decided with them. Times are rough estimates."
TIMES = "Times are rough estimates: if the first window decides, and at most."
_STATUS = {
    "bundled": "bundled",
    "cached": "cached",
    "download": "download",
    "gated": "gated",
    "gone": "gone",
    "missing": "file missing",
    "unreachable": "not reachable",
}
_found: dict[str, tuple[float, list[Availability]]] = {}


@dataclass(frozen=True)
class Chooser:
    """Its components."""

    lineup: gr.Radio
    families: gr.CheckboxGroup
    table: gr.HTML


def build() -> Chooser:
    """Lay the chooser out, with the first line-up chosen; nothing is asked or measured before a reader opens it."""
    with gr.Accordion("Which models to ask", open=False, elem_id="lineup") as panel:
        names = [(TITLES.get(each, each), each) for each in lineup.LINEUPS]
        name = gr.Radio(names, value=api.LINEUP, label="Line-up", elem_id="lineup-name")
        rows = lineup.families(api.LINEUP)
        families = gr.CheckboxGroup(
            _choices(rows), value=[row.id for row in rows], label="Families", elem_id="families"
        )
        table = gr.HTML(_waiting(api.LINEUP), elem_id="availability")
    quiet = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 4}
    panel.expand(_table, name, table, **quiet)
    name.input(_waiting, name, table, queue=False, api_visibility="private", show_progress="hidden").then(
        lambda name: chosen(name)[1:], name, [families, table], **quiet
    )
    return Chooser(name, families, table)


def chosen(name: str) -> tuple[list[str], dict, str]:
    """The families of a line-up that can be inspected here and now, their checkboxes, and the list of all of them."""
    found = {each.family: each for each in _availability(name)}
    usable = [row for row in lineup.families(name) if not found[row.id].reason]
    none = None if usable else "None of them can be inspected here and now."
    update = gr.CheckboxGroup(choices=_choices(usable), value=[row.id for row in usable], info=none)
    return [row.id for row in usable], update, _table(name)


def reason(name: str) -> str:
    """Why a line-up's first family that cannot be inspected cannot be; "" where all can."""
    return next((each.reason for each in _availability(name) if each.reason), "")


def _table(name: str) -> str:
    found = {each.family: each for each in _availability(name)}
    times = Counter(each.reason for each in found.values() if each.reason)
    shared = {reason for reason, count in times.items() if count > 1}  # said once: a Hub that is away is away for all
    rows = [_row(row, found[row.id], seconds(row), shared) for row in lineup.families(name)]
    return render("availability.html", about=f"{ABOUT.get(name, '')} {TIMES}", shared=sorted(shared), rows=rows)


def _row(
    row: lineup.Family, found: Availability, seconds: tuple[float, float] | None, shared: Collection[str] = ()
) -> dict[str, object]:
    """What the list shows of one family."""
    alike = f"built like {row.stands_for}" if row.bundled else f"shares latents with {row.stands_for}"
    models = ", ".join(row.members) or alike
    times = f"{_span(seconds[0])}, at most {_span(seconds[1])}" if seconds else "time not estimated"
    return _listed(row.title, found, f"{models} · {times}", shared)


def _listed(title: str, found: Availability, facts: str, shared: Collection[str] = ()) -> dict[str, object]:
    size = f" of {found.megabytes:.0f} MB" if found.status == "download" and found.megabytes else ""
    reason, state = "" if found.reason in shared else found.reason, _STATUS[found.status] + size
    return {"title": title, "state": state, "facts": facts, "reason": reason, "off": bool(found.reason)}


def seconds(row: lineup.Family) -> tuple[float, float] | None:
    """How long the grid test of a family takes, for one window and for all; None where that cannot be told."""
    from tracer.models import device  # measures the speed, for which it needs torch

    work = row.encoder_work + row.decoder_work
    if not work or machine_is_unknown():
        return None
    side = grid.TILE + 2 * grid.MARGIN + 2 * row.stride
    once = (1 + row.refinements) * (1 + grid.CONTROLS) * work * 1e6 * side**2 / device.speed()
    return once, inspection.MOST * once


def drawers() -> tuple[list[tuple[str, str]], str]:
    """The generators that can draw here and now, as choices, and the list of the full-size ones with what keeps others.

    The Hub is asked, but not more often than once a minute.
    """
    from tracer.evidence.regeneration import ranking

    rows = list(lineup.GENERATORS.values())
    when, found = _found.get("drawers", (float("-inf"), []))
    if time.monotonic() - when > KNOWN_FOR:
        found = check_generators(rows)
        _found["drawers"] = time.monotonic(), found
    by_name = {each.family: each for each in found}
    lines = []
    for row in (row for row in rows if not row.bundled):
        time_ = (
            "time not estimated" if machine_is_unknown() else f"{ranking.span(ranking.seconds([row.id], 1))} a drawing"
        )
        lines.append(_listed(row.title, by_name[row.id], f"{row.side} px · {row.licence} licence · {time_}"))
    usable = [(row.title, row.id) for row in rows if not by_name[row.id].reason]
    return usable, render("availability.html", about=DRAWERS, shared=[], rows=lines)


def machine_is_unknown() -> bool:
    """Whether there is nothing to measure before a run, as on ZeroGPU."""
    from tracer.models import device

    return device.zero_gpu()


def _availability(name: str) -> list[Availability]:
    """As `availability.check`, but not more often than once a minute, however many visitors ask."""
    when, found = _found.get(name, (float("-inf"), []))
    if time.monotonic() - when > KNOWN_FOR:
        found = check(lineup.families(name))
        _found[name] = time.monotonic(), found
    return found


def forget() -> None:
    """After a run, which may have downloaded something."""
    _found.clear()


def _waiting(name: str) -> str:
    return caption(f"{ABOUT.get(name, '')} Looking up what is here …", "fine")


def _choices(rows: list[lineup.Family]) -> list[tuple[str, Any]]:
    return [(row.title, row.id) for row in rows]


def _span(seconds: float) -> str:
    """A time in words, as rough as the estimate is."""
    if seconds < 1:
        return "less than 1 s"
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
