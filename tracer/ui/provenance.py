"""What the file says about itself, apart from the evidence and labelled as what anyone can forge."""

from __future__ import annotations

from html import escape
from pathlib import Path

import gradio as gr

from tracer.image import provenance
from tracer.reports.html import claims_table

TITLE = "The file's own claims, which anyone can forge"


def build(image: gr.Image, beside: gr.HTML) -> gr.HTML:
    """The block, closed at first.

    Args:
        image: what the block follows; its function gets a path.
        beside: follows it too, with the same in one line.
    """
    with gr.Accordion(TITLE, open=False, elem_id="claims"):
        block = gr.HTML(told(image.value["path"] if isinstance(image.value, dict) else image.value)[1])
    # A file is read once, in a process that may take two seconds: others wait in the queue, not in the page's threads.
    image.change(
        told, image, [beside, block], concurrency_limit=provenance.AT_ONCE, show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip
    return block


def told(path: str | Path | None) -> tuple[str, str]:
    """The claims of one file as HTML, in one line and in full; everything from the file is escaped."""
    if path is None:
        return "", f"<p class='fine'>Nothing to read yet. {provenance.FORGEABLE}</p>"
    found = provenance.read(path)
    said = escape(found.summary.removesuffix(provenance.FORGEABLE).strip())
    line = f"<p class='claim'>{said} <span class='fine'>Anyone can write or remove that.</span></p>"
    return line, claims_table(found)
