"""Tab 2: autoencoder artifacts. The tries arrive one by one, then the map."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from tracer import api, intake
from tracer import artifacts as evidence
from tracer.ui import marks, record, words
from tracer.ui.common import ONE_AT_A_TIME, Stops, budget, readable_errors, upload, upload_problem
from tracer.ui.marks import Board

PAUSE = 0.25  # seconds between two updates of the page
EXAMPLES = ("photograph", "coffee-through-mini-kl", "photograph-jpeg", "koala-by-mini-dc-flat")
SHOW_ANSWER = "() => document.querySelector('#marks').scrollIntoView({block: 'nearest'})"

_stops = Stops()


def find_artifacts(image: str, tries: int = evidence.TRIES) -> dict[str, Any]:
    """Find out whether an image went through any latent model's autoencoder (autoencoder artifacts).

    Args:
        image: the image file, inspected at its native size; at least 96 pixels a side for an answer.
        tries: crops to look at, 1 to 100.

    Returns:
        The probability with its threshold and false-positive rate, the tries, and the verdict with its sentence.
    """
    with readable_errors():
        return api.artifacts(image, tries=int(tries), stop=budget()).document()


def check(image: str | None, *rest: object) -> list[dict]:
    """Validate the inputs of a run; one answer per input."""
    return [upload_problem(image), *(gr.validate(True, "") for _ in rest)]


@dataclass(frozen=True)
class Panel:
    """What a run fills."""

    banner: gr.HTML
    gauge: gr.HTML
    tries: gr.Plot
    tries_words: gr.HTML
    histogram: gr.Plot
    histogram_words: gr.HTML
    pair: gr.ImageSlider
    map_words: gr.HTML
    spectrum: gr.Plot
    peaks: gr.Plot
    spectrum_words: gr.HTML
    document: gr.JSON

    @property
    def outputs(self) -> list[gr.components.Component]:
        """All of them."""
        return list(vars(self).values())

    def live(self, board: Board) -> dict[gr.components.Component, Any]:
        """What changes with every try."""
        return {
            self.banner: marks.banner(board),
            self.gauge: marks.gauge(board),
            self.tries: marks.tries(board),
            self.tries_words: marks.tries_words(board),
            self.histogram: marks.histogram(board),
        }

    def drawn(self, board: Board) -> dict[gr.components.Component, Any]:
        """What changes with every piece of the map."""
        return {self.pair: marks.pair(board), self.map_words: marks.map_words(board)}

    def begun(self, board: Board) -> dict[gr.components.Component, Any]:
        """Everything, for a run that has just begun: nothing of an earlier image stays on screen."""
        spectrum, peaks = marks.spectra(board)
        return {
            **self.live(board),
            **self.drawn(board),
            self.spectrum: spectrum,
            self.peaks: peaks,
            self.spectrum_words: marks.spectrum_words(board),
            self.histogram_words: marks.histogram_words(board),
            self.document: None,
        }

    def answered(self, board: Board) -> dict[gr.components.Component, Any]:
        """What an answer brings."""
        return {
            **self.live(board),
            self.histogram_words: marks.histogram_words(board),
            self.document: board.document,
        }


def build(page: gr.Blocks) -> None:
    """Lay the tab out and wire it."""
    with gr.Column(elem_classes="tab"):
        banner = gr.HTML(marks.empty(), elem_id="marks")
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=1, min_width=300):
                image = upload(
                    label="Image to look at",
                    height=230,
                    buttons=[],
                    alt_text="The image to look at",
                    elem_id="looked-at",
                )
                gr.HTML(f"<p class='fine'>{words.PRIVACY}</p>")
                with gr.Row(elem_classes="buttons"):
                    start = gr.Button("Look for marks", variant="primary", min_width=120, elem_id="look")
                    stop = gr.Button("Stop", variant="stop", interactive=False, min_width=80, elem_id="stop-looking")
                cards = _cards()
                with gr.Accordion("Settings", open=False):
                    count = gr.Slider(1, 30, evidence.TRIES, step=1, label="Tries", buttons=[])
                    random = gr.Checkbox(False, label="At random places", info="Otherwise spread evenly.")
            with gr.Column(scale=2, min_width=300):
                gauge = gr.HTML(marks.gauge(None), elem_id="gauge")
                gr.HTML("<h2 class='small'>Try by try</h2>")
                tries = gr.Plot(marks.tries(None), show_label=False, container=False, elem_id="tries")
                tries_words = gr.HTML(elem_id="tries-words")
                gr.HTML("<h2 class='small'>Among photographs</h2>")
                histogram = gr.Plot(marks.histogram(None), show_label=False, container=False, elem_id="among")
                histogram_words = gr.HTML(marks.histogram_words(None), elem_id="among-words")
        gr.HTML("<h2>Where in the image</h2>")
        pair, map_words = _map()
        gr.HTML("<h2>Its spectrum, as supporting evidence</h2>")
        shown = marks.spectra(None)
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                spectrum = gr.Plot(shown[0], show_label=False, container=False, elem_id="spectrum")
            with gr.Column(scale=1, min_width=300):
                peaks = gr.Plot(shown[1], show_label=False, container=False, elem_id="peaks")
        spectrum_words = gr.HTML(marks.spectrum_words(None), elem_id="spectrum-words")
        gr.HTML("<h2>How to read this</h2>")
        gr.HTML(marks.EXPLAINER)
        with gr.Accordion("Full result", open=False):
            document = gr.JSON(label="Result", max_height=500, elem_id="marks-document")
    figures = (tries, tries_words, histogram, histogram_words, pair, map_words, spectrum, peaks, spectrum_words)
    _wire(image, count, random, start, stop, cards, Panel(banner, gauge, *figures, document))


def _cards() -> dict[str, gr.Button]:
    """One button per example, which starts the look at it."""
    chosen = {each.name: each for each in record.examples() if each.name in EXAMPLES}
    if chosen:
        gr.HTML("<h2 class='small'>Or try it on an example</h2>")
    with gr.Column(elem_classes="examples"):
        return {
            str(each.file): gr.Button(each.title, icon=str(each.file), elem_classes="card", elem_id=f"marks-{name}")
            for name, each in sorted(chosen.items(), key=lambda pair: EXAMPLES.index(pair[0]))
        }


def _map() -> tuple[gr.ImageSlider, gr.HTML]:
    with gr.Row(elem_classes="pictures"):
        with gr.Column(scale=1, min_width=250):
            map_words = gr.HTML(marks.map_words(None), elem_id="map-words")
            gr.HTML(marks.legend())
            position = gr.Slider(0, 100, 50, step=1, label="Divider between them", buttons=[], elem_id="map-divider")
        with gr.Column(scale=2, min_width=300):
            pair = gr.ImageSlider(
                label="Image with its tries | map",
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                max_height=520,
                elem_id="map",
            )
    position.input(
        lambda place: gr.update(slider_position=place),
        position,
        pair,
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    return pair, map_words


def _wire(
    image: gr.Image,
    count: gr.Slider,
    random: gr.Checkbox,
    start: gr.Button,
    stop: gr.Button,
    cards: dict[str, gr.Button],
    panel: Panel,
) -> None:
    hidden = {"api_visibility": "private", "show_progress": "hidden"}
    inputs, resting = [image, count, random], [start, *cards.values()]
    buttons = [*resting, stop]

    def switched(running: bool) -> list[dict]:
        return [*(gr.update(interactive=not running) for _ in resting), gr.update(interactive=running)]

    def prepare(image: str, count: float, random: bool, request: gr.Request) -> list[Any]:
        _stops.prepare(request.session_hash)
        return [words.waiting(), *switched(running=True)]

    def look(image: str, count: float, random: bool, request: gr.Request) -> Iterator[dict]:
        with readable_errors(), _stops.running(request.session_hash) as stopped:
            board = marks.begun(intake.read(image), int(count))
            yield panel.begun(board)
            seed = time.time_ns() % 2**32 if random else None
            shown = time.monotonic()
            for update in api.artifacts_stream(board.picture, tries=board.total, seed=seed, stop=stopped):
                board.take(update)
                if not board.document and time.monotonic() - shown > PAUSE:
                    yield panel.live(board)
                    shown = time.monotonic()
            yield {**panel.answered(board), **panel.drawn(board)}
            for update in api.artifacts_map(board.picture):
                board.take(update)
                if update.done == 1 or time.monotonic() - shown > 2 * PAUSE:
                    yield panel.drawn(board)
                    shown = time.monotonic()
                if stopped():
                    break

    def end(request: gr.Request) -> dict:
        _stops.stop(request.session_hash)
        return gr.update(interactive=False)

    def fail() -> list[Any]:
        return [words.failed(), *switched(running=False)]

    def run(chosen: gr.events.Dependency | gr.Button) -> None:
        trigger = chosen.click if isinstance(chosen, gr.Button) else chosen.success
        ready = trigger(prepare, inputs, [panel.banner, *buttons], validator=check, concurrency_limit=None, **hidden)
        looked = ready.success(look, inputs, panel.outputs, **hidden, **ONE_AT_A_TIME)
        looked.success(partial(switched, running=False), None, buttons, queue=False, **hidden)
        looked.failure(fail, None, [panel.banner, *buttons], queue=False, **hidden)

    for button in resting:
        button.click(None, js=SHOW_ANSWER)  # on a phone it is above the buttons
    run(start)
    for file, button in cards.items():
        run(button.click(partial(str, file), None, image, queue=False, **hidden))
    stop.click(end, None, stop, queue=False, **hidden)
    endpoint = gr.Button(visible=False)  # carries the public endpoint, which is typed and documented like a function
    endpoint.click(find_artifacts, [image, count], gr.JSON(visible=False), api_name="find_artifacts", **ONE_AT_A_TIME)
