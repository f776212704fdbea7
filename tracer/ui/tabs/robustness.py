"""The tab "Where does it break?": change the image ever more, and see where the verdict flips."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from html import escape

import gradio as gr
from plotly.graph_objects import Figure

from tracer.image import intake
from tracer.reports import robustness
from tracer.reports.figures import curves
from tracer.reports.robustness import CHANGES, Point, flips, ordered
from tracer.ui.components import Wish, on_gpu, upload_problem
from tracer.ui.controls import run_controls
from tracer.ui.record import STORED, examples
from tracer.ui.templates import render

NAMES = {"JPEG compression": "jpeg", "Resizing": "resize", "Cropping": "crop", "Noise": "noise", "Blur": "blur"}
_WORDS = {"family": "match", "none": "no match", "undecided": "undecided", "insufficient": "too little evidence"}


def save(points: list[Point], change: str, name: str) -> None:
    """Store a finished curve with an example."""
    text = {"change": change, "points": [asdict(point) for point in points]}
    (STORED / name / "breaks.json").write_text(json.dumps(text, separators=(",", ":")) + "\n")


def first() -> tuple[list[Point], str]:
    """The stored curve of the example that the page opens with, and what it changes; no points where there is none."""
    shown = examples()[:1]
    path = STORED / shown[0].name / "breaks.json" if shown else STORED / "breaks.json"
    if not path.exists():
        return [], "jpeg"
    stored = json.loads(path.read_text())
    return [Point(**{**row, "families": tuple(row["families"])}) for row in stored["points"]], stored["change"]


def figure(points: list[Point], change: str) -> Figure:
    """The curve so far."""
    shown, how = ordered(points, change), CHANGES[change]
    ratios: dict[str, list[float | None]] = {}
    for place, point in enumerate(shown):
        for name, value in point.ratios.items():
            ratios.setdefault(name, [None] * len(shown))[place] = value
    changes = [(before.strength, after.strength) for before, after in flips(shown)]
    kinds = [point.kind for point in shown]
    ends = how.strengths[0], how.strengths[-1]
    return curves.sweep([each.strength for each in shown], ratios, kinds, how.title, *ends, changes)


def table(points: list[Point], change: str) -> str:
    """The verdict at every strength."""
    shown = ordered(points, change)
    turned = [after for _, after in flips(shown)]
    return render("sweep.html", title=CHANGES[change].title, points=shown, turned=turned, words=_WORDS)


def told(points: list[Point], change: str, seconds: float = 0, over: bool = False, stopped: bool = False) -> str:
    """How far it is, and where the verdict flips."""
    shown = ordered(points, change)
    parts = []
    for before, after in flips(shown):
        parts.append(f"between {before.strength:g} and {after.strength:g}, from {_said(before)} to {_said(after)}")
    where = f"The verdict flips {'; '.join(parts)}." if parts else "The verdict has not changed."
    count = len(CHANGES[change].strengths)
    if stopped:
        state = f"Stopped after {len(points)} strengths."
    elif over:
        state = f"Done in {seconds:.0f} s."
    else:
        left = f", about {seconds / len(points) * max(count - len(points), 1):.0f} s to go" if points else ""
        state = f"{min(len(points), count)} of {count}{left}." if len(points) < count else "Looking closer …"
    return f"<p class='caption' role='status'><b>{escape(where) if points else 'Starting …'}</b> {state}</p>"


def _said(point: Point) -> str:
    return " ".join([_WORDS[point.kind], *point.families])


def build(image: gr.Image) -> None:
    """Lay the tab out, with the stored curve of the first example, and wire it."""
    points, key = first()
    with gr.Column(elem_classes="tab"):
        gr.HTML(
            "<p>Pick one way to change the image above. It is changed ever more, and every time the detector and the "
            "bundled line-up are asked again (on at most 384 px a side). Where the verdict flips, the method breaks; "
            "an honest one flips to “too little evidence”, not to a wrong name.</p>"
        )
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=1, min_width=300):
                change = gr.Radio(list(NAMES), value=next(iter(NAMES)), label="Change", elem_id="change")
                with gr.Row(elem_classes="buttons"):
                    start = gr.Button("Find where it breaks", variant="primary", min_width=150, elem_id="break")
                    stop = gr.Button("Stop", variant="stop", interactive=False, min_width=80, elem_id="stop-breaking")
                progress = gr.HTML(_begun(points, key), elem_id="break-words")
                rows = gr.HTML(table(points, key) if points else None, elem_id="break-table")
            with gr.Column(scale=2, min_width=300):
                plot = gr.Plot(figure(points, key), show_label=False, container=False, elem_id="break-curve")
                gr.HTML(
                    "<p class='caption'>Every line is one decoder: from 1 on, it is named. The table holds the joint "
                    "verdicts, to which the detector belongs too.</p>"
                )
    _wire([image, change], start, stop, [progress, plot, rows])


def _begun(points: list[Point], change: str) -> str:
    if not points:
        return "<p class='caption' role='status'>Nothing yet.</p>"
    where = told(points, change, over=True).replace(" Done in 0 s.", "")
    return f"<p class='fine'>Stored, for the example that the page opens with:</p>{where}"


def _wire(
    inputs: list[gr.components.Component], start: gr.Button, stop: gr.Button, shown: list[gr.components.Component]
) -> None:
    work = on_gpu(robustness.curve)

    def check(image: str | None, change: str) -> list[dict]:
        return [upload_problem(image), gr.validate(True, "")]

    def find(image: str, change: str, wish: Wish) -> Iterator[list]:
        key, points, begun = NAMES[change], [], time.monotonic()
        picture = intake.read(image)
        yield [told(points, key), figure(points, key), ""]
        for point in work(picture, key, None, wish):
            points.append(point)
            now = time.monotonic() - begun
            yield [told(points, key, now), figure(points, key), table(points, key)]
        over = told(points, key, time.monotonic() - begun, over=True, stopped=wish())
        yield [over, figure(points, key), table(points, key)]

    waiting = "<p class='caption' role='status'>Waiting for a place in the queue …</p>"
    failed = "<p class='caption' role='status'>That did not work; what there is stays.</p>"
    run_controls(start, stop, find, inputs, shown, check=check, waiting={shown[0]: waiting}, failed={shown[0]: failed})
