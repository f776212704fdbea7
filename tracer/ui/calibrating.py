"""Below the line-up: calibrate a full-size family once, in the background, and hand out the files to commit."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from tracer.evidence.inversion import background
from tracer.models import device
from tracer.ui.components import readable_errors

EVERY = 2.0  # seconds between two looks at a running job
ABOUT = (
    "A full-size family has to be calibrated before it can answer: its own reconstructions of 100 photographs, and 50 "
    "pictures that it did not make, are scored. This runs on the server while the page goes on working, once per "
    "family; the files it makes belong in <code>tracer/assets/calibration/</code>, so that a restart finds them."
)


def build(name: gr.Radio) -> None:
    """Lay out what is shown with the full line-up, and wire it to the chooser's radio."""
    with gr.Column(visible=False, elem_id="calibrating") as panel:
        gr.HTML(f"<h2 class='small'>Calibrate a family</h2><p class='fine'>{ABOUT}</p>")
        with gr.Row():
            family = gr.Dropdown([], label="Family without a threshold", elem_id="to-calibrate", min_width=160)
            begin = gr.Button("Calibrate", min_width=100, elem_id="calibrate")
            stop = gr.Button("Stop", variant="stop", interactive=False, min_width=80, elem_id="stop-calibrating")
        state = gr.HTML(elem_id="calibration-state")
        files = gr.File(label="To commit", file_count="multiple", interactive=False, visible=False)
    clock = gr.Timer(EVERY, active=False)
    outputs = [panel, family, begin, stop, state, files, clock]
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}

    def shown(lineup_name: str) -> list:
        return look(offered=lineup_name == "full")

    def started(chosen: str | None) -> list:
        with readable_errors():
            if not chosen:
                raise gr.Error("Choose a family first.", print_exception=False)
            try:
                background.start(chosen)
            except (KeyError, ValueError) as error:
                raise gr.Error(str(error.args[0]), print_exception=False) from None
        return look()

    def stopped() -> list:
        job = background.current()
        if job:
            job.stopped.set()
        return look()

    name.change(shown, name, outputs, **quiet)
    begin.click(started, family, outputs, **quiet)
    stop.click(stopped, None, outputs, **quiet)
    clock.tick(look, None, outputs, **quiet)


def look(offered: bool = True) -> list:
    """The state of everything, in the order of the outputs."""
    job, names = background.current(), background.missing("full")
    running = bool(job and not job.finished)
    possible = not device.zero_gpu()  # its GPU is only there during a visitor's call
    words = (
        describe(job) if possible else "<p class='fine'>Not on this hardware: run the command where a GPU stays.</p>"
    )
    return [
        gr.update(visible=offered),
        gr.update(choices=names, interactive=bool(names) and not running),
        gr.update(interactive=possible and bool(names) and not running),
        gr.update(interactive=running),
        words,
        gr.update(value=[str(each) for each in job.files] if job else None, visible=bool(job and job.files)),
        gr.update(active=running and offered),
    ]


def describe(job: background.Job | None) -> str:
    """How far a calibration is, as HTML."""
    if job is None:
        return ""
    if job.error:
        return f"<p class='fine' role='status'>{escape(job.family)}: {escape(job.error)}.</p>"
    if job.finished:
        return f"<p class='fine' role='status'>{escape(job.family)} is calibrated, and can be asked now.</p>"
    if not job.done:
        return f"<p class='fine' role='status'>{escape(job.family)}: loading its weights.</p>"
    left = job.seconds_left() or 0
    time_left = f"about {left / 60:.0f} min left" if left > 90 else f"about {left:.0f} s left"
    return (
        f"<p class='fine' role='status'>{escape(job.family)}: {job.done} of {job.total} images, {time_left}. "
        f"<progress value='{job.done}' max='{job.total}'></progress></p>"
    )
