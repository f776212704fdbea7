"""Addresses that open a state of the page: `?tab=artifacts&example=3`. Unknown values are ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import gradio as gr


def tab(query: Mapping[str, str], titles: Iterable[str]) -> str | None:
    """The title of the tab that an address names by a word of it, or None."""
    word = query.get("tab", "").lower()
    return next((title for title in titles if word in re.findall(r"\w+", title.lower())), None)


def example(query: Mapping[str, str], names: Iterable[str]) -> str | None:
    """The example that an address names, by its name or by its number from 1 on, or None."""
    asked, names = query.get("example", ""), list(names)
    if asked in names:
        return asked
    numbers = [str(number) for number in range(1, len(names) + 1)]
    return names[numbers.index(asked)] if asked in numbers else None


def mount(page: gr.Blocks, tabs: gr.Tabs, titles: Iterable[str]) -> None:
    """Open the tab that the address names. Every tab's id has to be its title."""
    titles = list(titles)

    def opened(request: gr.Request) -> dict:
        title = tab(request.query_params, titles)
        return gr.Tabs(selected=title) if title else gr.skip()

    page.load(opened, None, tabs, queue=False, show_progress="hidden", api_visibility="private")
