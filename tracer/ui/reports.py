"""The report on the image that a tab shows, to take away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from tracer.evidence.verdict import Trace
from tracer.image import intake, provenance
from tracer.reports import report
from tracer.ui import running, temporary
from tracer.ui.components import ONE_AT_A_TIME, on_gpu, readable_errors
from tracer.ui.record import Run

_CHANGED = "The image is another one than that of the result. Trace it first."


def build(image: gr.Image, run: gr.State) -> None:
    """A button that makes the report on the finished run about `image`, and the two files that it makes."""
    with gr.Row(elem_classes="buttons"):
        make = gr.Button("Make a report", min_width=140, elem_id="make-report")
        files = [
            gr.DownloadButton("Report as HTML", interactive=False, min_width=140, elem_id="report-html"),
            gr.DownloadButton("Report as JSON", interactive=False, min_width=140, elem_id="report-json"),
        ]
    hidden = {"api_visibility": "private", "show_progress": "minimal"}
    for changed in (image.change, run.change):  # a report belongs to one image
        changed(_none, None, files, queue=False, **hidden)
    make.click(running.stream(_made), [image, run], files, **hidden, **ONE_AT_A_TIME)


def _none() -> list[dict]:
    return [gr.DownloadButton(value=None, interactive=False)] * 2


def _made(image: str | None, run: Run | None) -> Iterator[list[dict]]:
    """Both forms, in files that last until the page has copied them."""
    with readable_errors(), temporary.directory() as folder:
        if run is None or run.trace is None:
            raise intake.IntakeError("There is no finished result to report on yet.")
        texts = on_gpu(_texts)(image, run.trace, run.mode)
        paths = []
        for suffix, text in zip(report.SUFFIXES, texts, strict=True):
            paths.append(Path(folder) / f"report-{run.trace.image.sha256[:12]}{suffix}")
            paths[-1].write_text(text, encoding="utf-8")
        yield [gr.DownloadButton(value=str(path), interactive=True) for path in paths]


def _texts(image: str | None, trace: Trace, mode: str) -> tuple[str, str]:
    """HTML and JSON of the report on one file."""
    if image is None:
        raise intake.IntakeError(_CHANGED)
    picture = intake.read(image)
    if picture.sha256 != trace.image.sha256:
        raise intake.IntakeError(_CHANGED)
    made = report.report(trace, mode, provenance.read(image))
    return made.text(".html", report.figures(trace, picture)), made.text(".json")
