"""The report on the image that a tab shows, to take away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from tracer.evidence.regeneration.decision import Regeneration
from tracer.image import intake, provenance
from tracer.reports import card, report
from tracer.ui import running, temporary
from tracer.ui.components import ONE_AT_A_TIME, on_gpu, readable_errors
from tracer.ui.joined import Told
from tracer.ui.record import Run
from tracer.verdict.combine import Joint

_CHANGED = "The image is another one than that of the result. Trace it first."


def build() -> list[gr.components.Component]:
    """A button that makes the report on the finished run, and the two files that it makes."""
    with gr.Row(elem_classes="buttons"):
        return [
            gr.Button("Make a report", min_width=140, elem_id="make-report"),
            gr.DownloadButton("Report as HTML", interactive=False, min_width=140, elem_id="report-html"),
            gr.DownloadButton("Report as JSON", interactive=False, min_width=140, elem_id="report-json"),
        ]


def wire(
    buttons: list[gr.components.Component],
    image: gr.Image,
    run: gr.State,
    told: gr.State,
    drawn: gr.State,
    document: gr.JSON,
) -> None:
    """Make the report at a click.

    Args:
        buttons: as built.
        image: the picture.
        run: the finished run of the grid test.
        told: what has been said about the picture (`Told`).
        drawn: what the models have drawn for it, or None.
        document: of that; unlike the state, it tells when it changes.
    """
    make, *files = buttons
    hidden = {"api_visibility": "private", "show_progress": "minimal"}
    for changed in (image.change, run.change, document.change):  # a report belongs to one answer about one image
        changed(_none, None, files, queue=False, **hidden)
    make.click(running.stream(_made), [image, run, told, drawn], files, **hidden, **ONE_AT_A_TIME)


def wire_card(make: gr.Button, file: gr.DownloadButton, image: gr.Image, told: gr.State, drawn: gr.State) -> None:
    """Make a card of the joint answer at a click, and show the file then.

    Args:
        make, file: the buttons.
        image: the picture.
        told: what has been said about it (`Told`).
        drawn: what the models have drawn for it, or None.
    """
    hidden = {"api_visibility": "private", "show_progress": "hidden"}
    make.click(_card, [image, told, drawn], file, concurrency_limit=2, **hidden)


def _card(image: str | None, told: Told, drawn: Regeneration | None) -> Iterator[dict]:
    """The card, in a file that lasts until the page has copied it."""
    with readable_errors(), temporary.directory() as folder:
        found = told.joint(drawn)
        if not found.evidence or told.doing:
            raise intake.IntakeError("There is no answer to share yet.")
        if image is None or intake.read(image).sha256 != found.image.sha256:
            raise intake.IntakeError(_CHANGED)
        path = Path(folder) / f"latent-lineup-{found.image.sha256[:12]}.png"
        card.write(path, found, intake.read(image))
        yield gr.DownloadButton(value=str(path), visible=True)


def _none() -> list[dict]:
    return [gr.DownloadButton(value=None, interactive=False)] * 2


def _made(image: str | None, run: Run | None, told: Told, drawn: Regeneration | None) -> Iterator[list[dict]]:
    """Both forms, in files that last until the page has copied them."""
    with readable_errors(), temporary.directory() as folder:
        if run is None or run.trace is None:
            raise intake.IntakeError("There is no finished result to report on yet.")
        texts = on_gpu(_texts)(image, told.also(inversion=run.trace).joint(drawn), run.mode)
        paths = []
        for suffix, text in zip(report.SUFFIXES, texts, strict=True):
            paths.append(Path(folder) / f"report-{run.trace.image.sha256[:12]}{suffix}")
            paths[-1].write_text(text, encoding="utf-8")
        yield [gr.DownloadButton(value=str(path), interactive=True) for path in paths]


def _texts(image: str | None, joint: Joint, mode: str) -> tuple[str, str]:
    """HTML and JSON of the report on one file."""
    if image is None:
        raise intake.IntakeError(_CHANGED)
    picture = intake.read(image)
    if picture.sha256 != joint.image.sha256:
        raise intake.IntakeError(_CHANGED)
    made = report.report(joint, mode, provenance.read(image))
    return made.text(".html", report.figures(made.trace, picture)), made.text(".json")
