"""The tab "Degrade it yourself": picture, phase pictures and answer change together, and flip where they must."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from tracer import api
from tracer.image import intake
from tracer.image.intake import IntakeError, Picture
from tracer.reports import robustness
from tracer.reports.robustness import CHANGES, Point
from tracer.ui import degraded
from tracer.ui.components import Wish, on_gpu, upload_problem
from tracer.ui.controls import HIDDEN, run_controls
from tracer.ui.degraded import Tried
from tracer.ui.record import examples
from tracer.ui.templates import status

NAMES = {"JPEG": "jpeg", "Size": "resize", "Crop": "crop", "Blur": "blur", "Screenshot": "screenshot"}
ABOUT = (
    "<p>Do to the picture above what happens to pictures on their way, and see what is left to find. “Ask again” asks "
    "at every strength (on at most 384 px a side). An honest method ends at “cannot tell”, not at a wrong name.</p>"
)


@dataclass(frozen=True)
class Parts:
    """What stands in the tab."""

    tried: gr.State
    change: gr.Radio
    strength: gr.Slider
    words: gr.HTML
    view: gr.HTML
    plot: gr.Plot
    rows: gr.HTML

    @property
    def shown(self) -> list[gr.components.Component]:
        """What an answer changes."""
        return [self.tried, self.strength, self.words, self.view, self.plot, self.rows]

    def all(self, picture: Picture | None, tried: Tried, key: str, strength: float, words: str) -> list[Any]:
        """The values of `shown`."""
        points = tried.of(key)
        plot = degraded.figure(points, key)
        view, rows = degraded.view(picture, tried, key, strength), degraded.table(points, key) if points else ""
        return [tried, _slider(key, strength), words, view, plot, rows]


def build(image: gr.Image) -> None:
    """Lay the tab out, with what is stored about the first example, and wire it."""
    first = next((each.file for each in examples()), None)
    tried, key = degraded.load(first), next(iter(NAMES.values()))
    picture, points = (intake.read(first) if first else None), tried.of(key)
    strength = CHANGES[key].strengths[0]
    with gr.Column(elem_classes="tab"):
        gr.HTML(ABOUT)
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=1, min_width=280):
                change = gr.Radio(list(NAMES), value=next(iter(NAMES)), label="What happens to it", elem_id="change")
                slider = gr.Slider(**_range(key), value=0, elem_id="degree", buttons=[])
                with gr.Row(elem_classes="buttons"):
                    start = gr.Button("Ask again", variant="primary", min_width=120, elem_id="degrade")
                    stop = gr.Button("Stop", variant="stop", interactive=False, min_width=80, elem_id="stop-degrading")
                words = gr.HTML(degraded.told(points, key, over=True), elem_id="degrade-words")
            with gr.Column(scale=2, min_width=300):
                view = gr.HTML(degraded.view(picture, tried, key, strength), elem_id="degraded")
        with gr.Accordion("Strength by strength", open=False):
            rows = gr.HTML(degraded.table(points, key) if points else None, elem_id="degrade-table")
            plot = gr.Plot(degraded.figure(points, key), show_label=False, container=False, elem_id="degrade-curve")
            gr.HTML("<p class='caption'>Every line is one decoder: from 1 on, it is named.</p>")
    _wire(image, Parts(gr.State(tried, time_to_live=3600), change, slider, words, view, plot, rows), start, stop)


def _range(key: str) -> dict[str, Any]:
    """A slider's ends and label."""
    how = CHANGES[key]
    return {"minimum": 0, "maximum": len(how.strengths) - 1, "step": 1, "label": "How much", "info": _marks(key)}


def _marks(key: str) -> str:
    return f"{CHANGES[key].title}, step by step: " + ", ".join(f"{each:g}" for each in CHANGES[key].strengths)


def _slider(key: str, strength: float) -> dict:
    """The slider at the step nearest to a strength."""
    steps = CHANGES[key].strengths
    return gr.update(**_range(key), value=min(range(len(steps)), key=lambda place: abs(steps[place] - strength)))


def _asked(picture: Picture, key: str, families: list[str] | None, stop: Wish) -> Iterator[object]:
    yield from api.streamed(lambda progress: robustness.curve(picture, key, families, progress), stop)


def _wire(image: gr.Image, parts: Parts, start: gr.Button, stop: gr.Button) -> None:
    work = on_gpu(_asked)

    def find(path: str, tried: Tried, change: str, step: float, wish: Wish) -> Iterator[list]:
        picture, key, began = intake.read(path), NAMES[change], time.monotonic()
        points: list[Point] = []
        for update in work(picture, key, list(tried.families) if tried.families else None, wish):
            if isinstance(update, Point):
                points.append(update)
                tried = replace(tried, sha256=picture.sha256, points={**tried.points, key: tuple(points)})
                said = degraded.told(points, key, time.monotonic() - began)
                yield parts.all(picture, tried, key, update.strength, said)
        said = degraded.told(points, key, time.monotonic() - began, over=True, stopped=wish())
        yield [gr.skip(), gr.skip(), said, gr.skip(), gr.skip(), gr.skip()]

    def check(path: str | None, *others: object) -> list[dict]:
        return [upload_problem(path), *(gr.validate(True, "") for _ in others)]

    waiting = status("Waiting for a place in the queue …")
    failed = status("That did not work; what there is stays.")
    inputs = [image, parts.tried, parts.change, parts.strength]
    told = parts.words
    end = run_controls(
        start, stop, find, inputs, parts.shown, check=check, waiting={told: waiting}, failed={told: failed}
    )
    _follow(image, parts, inputs, end)


def _follow(image: gr.Image, parts: Parts, inputs: list[gr.components.Component], end: Callable[[str], None]) -> None:
    """Let the slider, the choice and a new picture change what is shown; nothing of that asks a model."""

    def laid(path: str | None, change: str, request: gr.Request) -> list[Any]:
        end(request.session_hash)  # what runs is about another picture
        tried, key = degraded.load(path), NAMES[change]
        said = degraded.told(tried.of(key), key, over=True)
        return parts.all(_read(path), tried, key, CHANGES[key].strengths[0], said)

    def chosen(path: str | None, tried: Tried, change: str, step: float) -> list[Any]:
        key = NAMES[change]
        return parts.all(
            _read(path), tried, key, CHANGES[key].strengths[0], degraded.told(tried.of(key), key, over=True)
        )

    def moved(path: str | None, tried: Tried, change: str, step: float) -> str:
        key = NAMES[change]
        return degraded.view(
            _read(path), tried, key, CHANGES[key].strengths[min(int(step), len(CHANGES[key].strengths) - 1)]
        )

    quick = {"queue": False, "trigger_mode": "always_last", **HIDDEN}
    image.change(laid, [image, parts.change], parts.shown, **quick)
    parts.change.input(chosen, inputs, parts.shown, **quick)
    parts.strength.input(moved, inputs, parts.view, **quick)


def _read(path: str | None) -> Picture | None:
    try:
        return intake.read(path) if path else None
    except IntakeError:
        return None
