"""Inside tab 1: LatentTracer's descent, to watch as it runs and to wind back and forth afterwards."""
# ruff: noqa: RUF001 - times is meant

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import gradio as gr
import numpy as np
from plotly.graph_objects import Figure

from tracer import api
from tracer.evidence.inversion import playback
from tracer.image import intake
from tracer.models import registry
from tracer.reports.figures import curves
from tracer.ui import hero, words
from tracer.ui.components import Wish, on_gpu, upload_problem
from tracer.ui.controls import HIDDEN, run_controls
from tracer.ui.record import GAIN, STORED, Run, address, examples
from tracer.ui.templates import caption, render

PAUSE = 0.3  # seconds between two updates of the page


@dataclass
class Reel:
    """A descent, small enough to be kept for a visitor.

    Attributes:
        family: whose decoder draws.
        of: steps that there will be.
        original: data address of what is to be drawn.
        on, beside: losses on the decoder's grid and beside it, one per step.
        drawn, left: data addresses of what the decoder draws, and of the amplified difference, one per step.
    """

    family: str
    of: int = 0
    original: str = ""
    on: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def take(self, step: Any, quality: int | None = None) -> None:
        """Add an `optimization.Step`, without loss or in a WebP quality."""
        self.original, self.of = self.original or address(step.original, quality), step.of
        for values, value in ((self.on, step.on), (self.beside, step.beside)):
            values.append(float(f"{value:.5g}"))
        difference = step.original.astype(np.float32) - step.decoded
        self.drawn.append(address(step.decoded, quality))
        self.left.append(address((128 + GAIN * difference).clip(0, 255).astype(np.uint8), quality))

    @property
    def last(self) -> int:
        """The last step taken."""
        return max(len(self.on) - 1, 0)


def stored(name: str) -> Reel | None:
    """The stored reel of an example; None where there is none."""
    path = STORED / name / "reel.json"
    return Reel(**json.loads(path.read_text())) if path.exists() else None


def stored_first() -> Reel | None:
    """That of the example which the page opens with."""
    shown = examples()[:1]
    return stored(shown[0].name) if shown else None


def save(reel: Reel, name: str) -> None:
    """Store a reel with an example."""
    (STORED / name / "reel.json").write_text(json.dumps(asdict(reel), separators=(",", ":")) + "\n")


def strip(reel: Reel | None, index: int) -> str:
    """The pictures at a step, side by side."""
    if not reel or not reel.on:
        return caption("Run it, and every step can be looked at here again.")
    index, name = min(int(index), reel.last), hero.title(reel.family)
    cells = (
        ("What is to be drawn", reel.original, ""),
        (f"Drawn by {name}, step {index}", reel.drawn[index], f"loss {words.number(reel.on[index])}"),
        (f"What is left over, × {GAIN}", reel.left[index], ""),
    )
    return render("reel.html", cells=cells)


def curve(reel: Reel | None) -> Figure:
    """The losses so far."""
    if not reel:
        return curves.descents({}, playback.SETTINGS.steps)
    return curves.descents({hero.title(reel.family): (reel.on, reel.beside)}, reel.of)


def in_words(reel: Reel | None) -> str:
    """The curves in a sentence."""
    if not reel or not reel.on:
        return ""
    on, beside = reel.on[-1], reel.beside[-1]
    ends = f"after {reel.last} steps, the loss is {words.number(on)} on its grid"
    if beside == beside:  # NaN where the picture is too small for a control
        parted = beside > 1.5 * on
        told = "The curves part: this decoder drew the picture" if parted else "The curves stay together"
        ends += f" and {words.number(beside)} beside it. {told}"
    return caption(f"{hero.title(reel.family)}: {ends}.")


def steps(picture: intake.Picture, family: str, stop: Wish) -> Iterator[Any]:
    """Every step of the descent."""
    for step in api.streamed(lambda progress: playback.film(picture, family, progress), stop):
        if step is not None:
            yield step


def build(image: gr.Image, run: gr.State, first: Reel | None = None) -> None:
    """Lay it out and wire it.

    Args:
        image: what is inspected.
        run: the finished run, whose best family's decoder draws.
        first: a stored reel to show at first.
    """
    gr.HTML(
        "<p>The decoder is made to draw the picture, step by step, once with its cells where they lie and once beside "
        "(LatentTracer, on at most 128 px). If it drew the picture, the two curves part.</p>"
    )
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=1, min_width=300):
            with gr.Row(elem_classes="buttons"):
                start = gr.Button("Run it", min_width=100, elem_id="run-reel")
                stop = gr.Button("Stop", variant="stop", interactive=False, min_width=80, elem_id="stop-reel")
            last = first.last if first else 0
            place = gr.Slider(0, max(last, 1), last, step=1, label="Step", buttons=[], elem_id="reel-step")
            plot = gr.Plot(curve(first), show_label=False, container=False, elem_id="reel-curve")
        with gr.Column(scale=2, min_width=300):
            pictures = gr.HTML(strip(first, last), elem_id="reel")
            told = gr.HTML(in_words(first), elem_id="reel-words")
    kept = gr.State(first, time_to_live=3600)
    _wire([image, run], start, stop, {"place": place, "plot": plot, "pictures": pictures, "told": told}, kept)


def _wire(
    inputs: list[gr.components.Component], start: gr.Button, stop: gr.Button, shown: dict[str, Any], kept: gr.State
) -> None:
    work = on_gpu(steps)

    def check(image: str | None, run: Run | None) -> list[dict]:
        return [upload_problem(image), gr.validate(True, "")]

    def play(image: str, run: Run | None, wish: Wish) -> Iterator[dict]:
        picture = intake.read(image)
        family = (run.best() if run else "") or registry.families(registry.LINEUPS[0])[0].id
        reel, drawn = Reel(family), 0.0
        yield {shown["pictures"]: caption(f"Loading {hero.title(family)} …"), kept: None}
        for step in work(picture, family, wish):
            reel.take(step)
            if time.monotonic() - drawn > PAUSE:
                yield live(reel)
                drawn = time.monotonic()
        yield {**live(reel), kept: reel}

    def live(reel: Reel) -> dict:
        return {
            shown["pictures"]: strip(reel, reel.last),
            shown["plot"]: curve(reel),
            shown["told"]: in_words(reel),
            shown["place"]: gr.Slider(maximum=max(reel.last, 1), value=reel.last),
        }

    run_controls(start, stop, play, inputs, [*shown.values(), kept], check=check)
    quiet = {"queue": False, "trigger_mode": "always_last", **HIDDEN}
    shown["place"].input(strip, [kept, shown["place"]], shown["pictures"], **quiet)
