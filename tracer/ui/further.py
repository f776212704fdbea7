"""What could be asked next, and what that costs: the next line-up, until the models' own decoders have been asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import gradio as gr

from tracer.evidence.regeneration import ranking
from tracer.evidence.verdict import Trace
from tracer.models import hub, registry
from tracer.ui import chooser
from tracer.ui.chooser import Chooser

NEXT = {"minis": "real", "real": "tiny", "tiny": "full"}
OFFERS = {
    "real": "Ask about {count} real families of models",
    "tiny": "Ask {count} more stand-ins for real models",
    "full": "Ask {count} real decoders themselves",
}


def lineup_after(trace: Trace | None) -> str:
    """The line-up to ask after this result; "" for none: there is no answer yet, or it needs no better one."""
    if trace is None:
        return ""
    asked = {row.family for row in trace.evidence} | trace.unavailable.keys()
    now = next((name for name in registry.LINEUPS if asked <= {row.id for row in registry.families(name)}), "")
    if now == "minis" and trace.verdict.kind == "family":  # they made it: nobody else has to be asked
        return ""
    return NEXT.get(now, "")


def label(name: str) -> str:
    """What the button says: what is asked, how long that takes here, and what has to be downloaded."""
    rows = registry.families(name)
    away = sum(row.megabytes for row in rows if not row.bundled and not hub.cached(row.repository))
    size = f"{away:.0f} MB" if away < 1000 else f"{away / 1000:.1f} GB"
    load = f"{size} to download" if away else "nothing to download"
    return f"{OFFERS[name].format(count=len(rows))} ({', '.join(filter(None, (_time(rows), load)))})"


def _time(rows: Sequence[registry.Family]) -> str:
    """How long they take together if their first windows decide; "" where the machine's speed is not known yet."""
    if "torch" not in sys.modules:  # measuring it would load torch
        return ""
    known = [chooser.seconds(row) for row in rows]
    return ranking.span(sum(once for once, _ in filter(None, known))) if all(known) else ""


def offer(trace: Trace | None) -> gr.Button:
    """The button after a result."""
    name = lineup_after(trace)
    return gr.Button(label(name) if name else "", visible=bool(name))


def choose(trace: Trace | None, chosen: Chooser) -> dict[gr.components.Component, Any]:
    """Choose the next line-up; says why where nobody of it can be asked."""
    name = lineup_after(trace)
    if not name:
        raise gr.Error("There is nobody else to ask.", print_exception=False)
    usable, families, table = chooser.chosen(name)
    if not usable:
        raise gr.Error(f"None of them can be asked here and now. {chooser.reason(name)}", print_exception=False)
    return {chosen.lineup: name, chosen.families: families, chosen.table: table}
