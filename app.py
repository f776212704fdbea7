"""The page: layout and wiring only. What it shows is made in `tracer/`."""

from __future__ import annotations

import contextlib
import os

with contextlib.suppress(ImportError):
    import spaces  # noqa: F401 - on a ZeroGPU Space it has to come before everything that loads torch

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr
from starlette.middleware import Middleware

from tracer.models import cache, device, registry
from tracer.ui import components, explain, limits, links, stored, subject, temporary, tracing, wiring, words
from tracer.ui.page import Page
from tracer.ui.tabs import artifacts, inversion, lesson, many, regeneration, robustness

TABS = {  # word of an address: title
    "inversion": "Grid test",
    "artifacts": "Decoder marks",
    "regeneration": "Drawn again",
    "degrade": "Degrade it yourself",
    "lesson": "A lesson",
    "many": "Many pictures",
}
LAUNCH = {
    "theme": components.theme(),
    "css_paths": components.CSS,
    "js": links.SCRIPT.read_text(),
    "max_file_size": "20mb",
    "show_error": False,  # unexpected errors show a generic text
    "run_history": False,  # would keep visitors' images in their browsers
    "enable_monitoring": False,
    "strict_cors": True,
    "footer_links": ["api", "settings"],
    "mcp_server": True,
    "app_kwargs": {"middleware": [Middleware(limits.BodyLimit)]},
    "state_session_capacity": 64,  # each takes two or three MB, and stays until as many newer ones have come
}
DELETE = (temporary.EVERY, temporary.AGE)

if device.zero_gpu():
    cache.preload(registry.families("real") + registry.families("minis") + registry.families("tiny"))


def tab(word: str) -> gr.Tab:
    """A tab that addresses can name."""
    return gr.Tab(TABS[word], id=word, elem_id=f"tab-{word}")


def build() -> gr.Blocks:
    """The whole page."""
    temporary.folder()  # named before any component asks for it
    with Page(title="Latent Lineup", analytics_enabled=False, delete_cache=DELETE) as page:
        gr.HTML(words.heading(registry.families(registry.LINEUPS[0])))
        desk = subject.build()
        run, looked, drawn = stored.first()
        with gr.Tabs() as tabs:
            with tab("inversion"):
                inverted = inversion.build(desk.image, run)
            with tab("artifacts"):
                marked = artifacts.build(desk.image, looked)
            with tab("regeneration") as drawing_tab:
                regenerated = regeneration.build(desk.image, drawn)
                explain.follow(regenerated.panel.document, regenerated.panel.answer)
            with tab("degrade"):
                robustness.build(desk.image)
            with tab("lesson"):
                lesson.build()
            with tab("many"):
                many.build(page)
        subject.build_below(desk)
        opened = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        drawing_tab.select(regeneration.warm, **opened)
        wiring.mount(page, desk, tracing.Tabs(inverted, marked, regenerated), tabs, "regeneration")
        links.mount(page, tabs, TABS, inverted.chooser)
    return page.queue(max_size=64, api_open=False)  # or a program could call past the queue


if __name__ == "__main__":
    page = build()
    temporary.tidy(page)
    page.launch(**LAUNCH, prevent_thread_lock=True)
    tracing.warm()
    page.block_thread()
