"""The page: layout and wiring only. What it shows is made in `tracer/`."""

from __future__ import annotations

import contextlib
import os

with contextlib.suppress(ImportError):
    import spaces  # noqa: F401 - on a ZeroGPU Space it has to come before everything that loads torch

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr

from tracer import lineup, machine, weights
from tracer.ui import artifacts, common, inversion, links, many, regeneration, words

TABS = {  # a new kind of evidence is one more line
    "Latent inversion": inversion.build,
    "Autoencoder artifacts": artifacts.build,
    regeneration.TITLE: regeneration.build,
    "Many images": many.build,
}
LAUNCH = {
    "theme": common.theme(),
    "css_paths": common.CSS,
    "max_file_size": "20mb",
    "show_error": False,  # unexpected errors show a generic text
    "run_history": False,  # would keep visitors' images in their browsers
    "enable_monitoring": False,
    "strict_cors": True,
    "footer_links": ["api", "settings"],
    "mcp_server": True,
    "state_session_capacity": 500,
}


if machine.zero_gpu():
    weights.preload(lineup.families("minis") + lineup.families("tiny"))


def build() -> gr.Blocks:
    """The whole page."""
    with gr.Blocks(title="Latent Lineup", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.HTML(words.heading(lineup.families("minis")))
        with gr.Tabs() as tabs:
            for title, tab in TABS.items():
                with gr.Tab(title, id=title) as shown:
                    opened = tab(page)
                if opened:
                    shown.select(opened, queue=False, show_progress="hidden", api_visibility="private")
        links.mount(page, tabs, TABS)
    return page.queue(max_size=16)


if __name__ == "__main__":
    build().launch(**LAUNCH)
