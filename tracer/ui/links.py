"""Addresses that open a state of the page: `?tab=artifacts&example=3&lineup=minis`. Unknown values are ignored.

What is clicked is written into the address in the browser, by `links.js`, where Back and Forward click it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import gradio as gr

from tracer import api
from tracer.models import registry
from tracer.ui import chooser
from tracer.ui.chooser import Chooser

SCRIPT = Path(__file__).with_name("links.js")


def tab(query: Mapping[str, str], titles: Mapping[str, str]) -> str | None:
    """The tab that an address names, by its own word or by one of its title, or None."""
    word = query.get("tab", "").lower()
    if word in titles:
        return word
    return next((name for name, title in titles.items() if word in re.findall(r"\w+", title.lower())), None)


def example(query: Mapping[str, str], names: Iterable[str]) -> str | None:
    """The example that an address names, by its name or by its number from 1 on, or None."""
    asked, names = query.get("example", ""), list(names)
    if asked in names:
        return asked
    numbers = [str(number) for number in range(1, len(names) + 1)]
    return names[numbers.index(asked)] if asked in numbers else None


def lineup(query: Mapping[str, str]) -> str | None:
    """The line-up that an address names, or None where it is the one that is asked anyway."""
    asked = query.get("lineup", "")
    return asked if asked in registry.LINEUPS and asked != api.LINEUP else None


def mount(page: gr.Blocks, tabs: gr.Tabs, titles: Mapping[str, str], chosen: Chooser) -> None:
    """Open what the address names. Every tab's id has to be its word."""
    hidden = {"show_progress": "hidden", "api_visibility": "private"}

    def opened(request: gr.Request) -> dict:
        name = tab(request.query_params, titles)
        return gr.Tabs(selected=name) if name else gr.skip()

    def asked(request: gr.Request) -> dict:
        name = lineup(request.query_params)
        if not name:
            return {chosen.lineup: gr.skip()}
        _, families, table = chooser.chosen(name)  # the Hub may be asked
        return {chosen.lineup: name, chosen.families: families, chosen.table: table}

    page.load(opened, None, tabs, queue=False, **hidden)
    page.load(asked, None, list(vars(chosen).values()), concurrency_limit=4, **hidden)
