"""What the file says about itself, apart from the evidence and labelled as what anyone can forge."""

from __future__ import annotations

from html import escape
from pathlib import Path

import gradio as gr

from tracer.image import provenance
from tracer.reports.html import claims_table

TITLE = "The file's own claims, which anyone can forge"


def build(image: gr.Image) -> gr.HTML:
    """The block, closed at first; it follows what is in `image`, whose function gets a path."""
    with gr.Accordion(TITLE, open=False, elem_id="claims"):
        block = gr.HTML(shown(image.value["path"] if isinstance(image.value, dict) else image.value))
    # Each takes a process of up to 200 MB, which may be busy for two seconds.
    image.change(shown, image, block, concurrency_limit=2, show_progress="hidden", api_visibility="private")
    return block


def line(path: str | Path | None) -> str:
    """What the file says about itself in one line, beside the answer."""
    if path is None:
        return ""
    said = provenance.read(path).summary.removesuffix(provenance.FORGEABLE).strip()
    return f"<p class='claim'>{escape(said)} <span class='fine'>Anyone can write or remove that.</span></p>"


def shown(path: str | Path | None) -> str:
    """The claims of one file as HTML; everything from the file is escaped."""
    if path is None:
        return f"<p class='fine'>Nothing to read yet. {provenance.FORGEABLE}</p>"
    return claims_table(provenance.read(path))
