"""Inside tab 1: every step of an inversion, to watch as it runs and to wind back and forth afterwards."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from html import escape
from io import BytesIO
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image
from plotly.graph_objects import Figure

from tracer.evidence.inversion import playback
from tracer.evidence.inversion.playback import Frame
from tracer.image import intake
from tracer.reports.figures import curves
from tracer.ui import running, words
from tracer.ui.components import ONE_AT_A_TIME, Stops, on_gpu, readable_errors, upload_problem
from tracer.ui.record import STORED, Run, examples

PAUSE = 0.3  # seconds between two updates of the page
WAYS = {"Every step of fast mode": "fast", "Race: encoder start against random start": "race"}
TITLES = {"encoder": "Encoder start", "random": "Random start"}
_stops = Stops()


@dataclass
class Reel:
    """The frames of one inversion, small enough to be kept for a visitor.

    Attributes:
        family: whose decoder draws.
        way: "fast" or "race".
        of: steps that there will be.
        original: data address of what is to be drawn.
        losses: by start, one per step.
        pictures: by start, data addresses, one per step.
    """

    family: str
    way: str
    of: int = 0
    original: str = ""
    losses: dict[str, list[float]] = field(default_factory=dict)
    pictures: dict[str, list[str]] = field(default_factory=dict)

    def take(self, frame: Frame, quality: int | None = None) -> None:
        """Add a frame, without loss or in a WebP quality."""
        self.original = self.original or address(frame.original)
        self.of = frame.of
        self.losses.setdefault(frame.start, []).append(frame.loss)
        self.pictures.setdefault(frame.start, []).append(address(frame.drawn, quality))

    @property
    def last(self) -> int:
        """The last step that all starts have taken."""
        return min(map(len, self.losses.values()), default=1) - 1


def address(image: np.ndarray, quality: int | None = None) -> str:
    """An image as a data address: without loss, or as a stored illustration."""
    buffer, image = BytesIO(), Image.fromarray(np.ascontiguousarray(image))
    options = {"lossless": True, "quality": 0, "method": 0} if quality is None else {"quality": quality, "method": 6}
    image.save(buffer, "WEBP", **options)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


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
    """The pictures at a step, side by side, each with its loss."""
    if not reel or not reel.losses:
        return "<p class='caption'>Run it, and every step can be looked at here again.</p>"
    index = min(int(index), reel.last)
    cells = [("What is to be drawn", reel.original, "")]
    for start, values in reel.losses.items():
        title = f"{TITLES[start]}, step {index}"
        cells.append((title, reel.pictures[start][index], f"loss {words.number(values[index])}"))
    shown = "".join(
        f"<figure><img src='{escape(picture)}' width='160' height='160' alt='{escape(title)}{', ' * bool(said)}{said}'>"
        f"<figcaption>{escape(title)}<br><b>{said or '&nbsp;'}</b></figcaption></figure>"
        for title, picture, said in cells
    )
    return f"<div class='reel'>{shown}</div>"


def curve(reel: Reel | None) -> Figure:
    """The losses so far."""
    if not reel:
        return curves.race([], [], [], 20)
    encoder, random = (reel.losses.get(start, []) for start in ("encoder", "random"))
    return curves.race(range(reel.of + 1), encoder, random, reel.of)


def in_words(reel: Reel | None) -> str:
    """The curve in a sentence."""
    if not reel or not reel.losses:
        return ""
    ends = [
        f"{TITLES[start].lower()} falls from {words.number(values[0])} to {words.number(min(values))}"
        for start, values in reel.losses.items()
    ]
    ahead = ""
    if len(reel.losses) == 2:
        begun, best = reel.losses["encoder"][0], min(reel.losses["random"])
        ahead = (
            " Even at its best, the random start has not come to where the encoder's begins: that is why LatentTracer "
            "starts at the encoder's latent."
            if best > begun
            else " The random start catches up with where the encoder's begins."
        )
    return f"<p class='caption'>{escape(reel.family)}, {reel.last} steps: {'; '.join(ends)}.{ahead}</p>"


def build(image: gr.Image, run: gr.State, first: Reel | None = None) -> None:
    """Lay it out and wire it.

    Args:
        image: what is inspected.
        run: the finished run, whose best family's decoder draws.
        first: a stored reel to show at first.
    """
    gr.HTML("<h2>Step by step, to wind back and forth</h2>")
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=1, min_width=300):
            way = gr.Radio(list(WAYS), value=list(WAYS)[1], label="What to run, on up to 128 px", elem_id="way")
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
    _wire([image, run, way], start, stop, {"place": place, "plot": plot, "pictures": pictures, "told": told}, kept)


def _wire(
    inputs: list[gr.components.Component], start: gr.Button, stop: gr.Button, shown: dict[str, Any], kept: gr.State
) -> None:
    hidden = {"api_visibility": "private", "show_progress": "hidden"}
    work = on_gpu(playback.frames)

    def prepare(image: str, run: Run | None, way: str, request: gr.Request) -> list[dict]:
        _stops.prepare(request.session_hash)
        return switched(running=True)

    def stream(image: str, run: Run | None, way: str, request: gr.Request) -> Iterator[dict]:
        with readable_errors(), _stops.running(request.session_hash) as wish:
            picture = intake.read(image)
            family = (run.best() if run else "") or "mini-kl"
            reel, drawn = Reel(family, WAYS[way]), 0.0
            yield {shown["pictures"]: f"<p class='caption'>Loading {escape(family)} …</p>", kept: None}
            for frame in work(picture, family, WAYS[way], wish):
                reel.take(frame)
                if reel.last >= 0 and time.monotonic() - drawn > PAUSE and len({*map(len, reel.losses.values())}) == 1:
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

    def end(request: gr.Request) -> dict:
        _stops.stop(request.session_hash)
        return gr.update(interactive=False)

    def switched(running: bool) -> list[dict]:
        return [gr.update(interactive=not running), gr.update(interactive=running)]

    def check(image: str | None, run: Run | None, way: str) -> list[dict]:
        return [upload_problem(image), gr.validate(True, ""), gr.validate(True, "")]

    buttons = [start, stop]
    ready = start.click(prepare, inputs, buttons, validator=check, concurrency_limit=None, **hidden)
    ran = ready.success(running.stream(stream), inputs, [*shown.values(), kept], **hidden, **ONE_AT_A_TIME)
    for over in (ran.success, ran.failure):
        over(lambda: switched(running=False), None, buttons, queue=False, **hidden)
    stop.click(end, None, stop, queue=False, **hidden)
    quiet = {"queue": False, "trigger_mode": "always_last", **hidden}
    shown["place"].input(strip, [kept, shown["place"]], shown["pictures"], **quiet)
