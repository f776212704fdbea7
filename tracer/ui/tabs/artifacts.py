"""Tab 2: autoencoder artifacts. The tries arrive one by one; the map is drawn on demand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tracer import api
from tracer.evidence.artifacts import detection as evidence
from tracer.evidence.artifacts import heatmap
from tracer.evidence.artifacts.decision import Artifacts
from tracer.image import intake
from tracer.ui import artifact_views, explain, parameters, running
from tracer.ui.artifact_views import Board
from tracer.ui.components import ONE_AT_A_TIME, Wish, budget, readable_errors, upload, upload_problem
from tracer.ui.controls import run_controls
from tracer.ui.documents import document
from tracer.ui.joined import Told
from tracer.ui.parameters import as_sent
from tracer.verdict import wording

PAUSE = 1.0  # seconds between two updates of the map


def find_artifacts(image: str, tries: int = evidence.TRIES) -> dict[str, Any]:
    """Find out whether an image went through any latent model's autoencoder (autoencoder artifacts).

    Args:
        image: the image file, inspected at its native size; at least 96 pixels a side for an answer.
        tries: crops to look at, 1 to 100.

    Returns:
        The probability with its threshold and false-positive rate, the tries, and the verdict with its sentence.
    """
    with readable_errors():
        parameters.image(image)
        count = parameters.whole("tries", tries, 1, evidence.MOST_TRIES)
        return document(api.artifacts(image, tries=count, stop=budget()), image)


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
    numbers: gr.Plot
    map_words: gr.HTML
    spectrum: gr.Plot
    peaks: gr.Plot
    spectrum_words: gr.HTML
    explainer: gr.HTML
    document: gr.JSON

    @property
    def outputs(self) -> list[gr.components.Component]:
        """All of them."""
        return list(vars(self).values())

    def live(self, board: Board) -> dict[gr.components.Component, Any]:
        """What changes with every try."""
        return {
            self.banner: artifact_views.banner(board),
            self.gauge: artifact_views.gauge(board),
            self.tries: artifact_views.tries(board),
            self.tries_words: artifact_views.tries_words(board),
            self.histogram: artifact_views.histogram(board),
        }

    @property
    def drawn_parts(self) -> tuple[gr.components.Component, ...]:
        """What the map fills."""
        return self.pair, self.numbers, self.map_words

    def drawn(self, board: Board) -> dict[gr.components.Component, Any]:
        """What changes with every piece of the map."""
        return {
            self.pair: artifact_views.pair(board),
            self.numbers: artifact_views.numbers(board),
            self.map_words: artifact_views.map_words(board),
        }

    def begun(self, board: Board) -> dict[gr.components.Component, Any]:
        """Everything, for a run that has just begun: nothing of an earlier image stays on screen."""
        spectrum, peaks = artifact_views.spectra(board)
        return {
            **self.live(board),
            **self.drawn(board),
            self.spectrum: spectrum,
            self.peaks: peaks,
            self.spectrum_words: artifact_views.spectrum_words(board),
            self.histogram_words: artifact_views.histogram_words(board),
            self.explainer: explain.marks(None),
            self.document: None,
        }

    def answered(self, board: Board) -> dict[gr.components.Component, Any]:
        """What an answer brings."""
        return {
            **self.live(board),
            self.histogram_words: artifact_views.histogram_words(board),
            self.explainer: explain.marks(board),
            self.document: board.answer and wording.document(board.answer),
        }

    def finished(self, board: Board) -> dict[gr.components.Component, Any]:
        """Everything, for a look that has ended."""
        return {**self.begun(board), **self.answered(board)}

    def blank(self) -> dict[gr.components.Component, Any]:
        """Before an image has been looked at."""
        spectrum, peaks = artifact_views.spectra(None)
        return {
            self.banner: artifact_views.empty(),
            self.gauge: artifact_views.gauge(None),
            self.tries: artifact_views.tries(None),
            self.tries_words: None,
            self.histogram: artifact_views.histogram(None),
            self.histogram_words: artifact_views.histogram_words(None),
            self.pair: None,
            self.numbers: artifact_views.numbers(None),
            self.map_words: artifact_views.map_words(None),
            self.spectrum: spectrum,
            self.peaks: peaks,
            self.spectrum_words: artifact_views.spectrum_words(None),
            self.explainer: explain.marks(None),
            self.document: None,
        }


@dataclass(frozen=True)
class Tab:
    """What the desk above the tabs needs of this one."""

    panel: Panel
    settings: tuple[gr.components.Component, ...]
    image: gr.Image
    draw: gr.Button
    stop: gr.Button

    @property
    def outputs(self) -> list[gr.components.Component]:
        """What a new picture changes."""
        return [*self.panel.outputs, self.draw, self.stop]

    def blank(self) -> dict[gr.components.Component, Any]:
        """Before an image has been looked at."""
        return {**self.panel.blank(), self.draw: gr.Button(visible=False), self.stop: gr.Button(visible=False)}

    def offered(self, found: Artifacts) -> dict[gr.components.Component, Any]:
        """The map, with what it will cost: as many windows as it has cells."""
        cells = heatmap.cells_of(found.image.height, found.image.width)
        seconds = found.seconds / len(found.tries) * cells if found.tries else 0
        label = f"Show where in the picture (about {max(seconds, 1):.0f} s)"
        there = bool(found.tries)
        return {self.draw: gr.Button(label, visible=there), self.stop: gr.Button(visible=there)}

    def draw_maps(self, told: gr.State) -> None:
        """Wire the map, which is drawn on demand: it takes as long as many looks.

        Args:
            told: what has been said about the picture so far (`Told`).
        """

        def mapped(image: str, found: Told, stop: Wish) -> Iterator[dict]:
            picture = intake.read(image)
            if not found.artifacts or found.artifacts.image.sha256 != picture.sha256:
                raise intake.IntakeError("The detector has not answered about this picture yet.")
            board, drawn = artifact_views.again(picture, found.artifacts), time.monotonic()
            for update in api.artifacts_map(picture):
                board.take(update)
                if update.done == 1 or time.monotonic() - drawn > PAUSE:
                    yield self.panel.drawn(board)
                    drawn = time.monotonic()
                if stop():
                    break

        def check(image: str | None, found: Told) -> list[dict]:
            return [upload_problem(image), gr.validate(True, "")]

        shown = list(self.panel.drawn_parts)
        run_controls(self.draw, self.stop, mapped, [self.image, told], shown, check=check)


def build(image: gr.Image, first: Board | None) -> Tab:
    """Lay the tab out, with what is stored about the first example.

    Args:
        image: what is looked at.
        first: the stored look, or None.
    """
    with gr.Column(elem_classes="tab"):
        banner = gr.HTML(artifact_views.banner(first) if first else artifact_views.empty(), elem_id="marks")
        gauge = gr.HTML(artifact_views.gauge(first), elem_id="gauge")
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=1, min_width=300):
                gr.HTML("<h2 class='small'>Try by try</h2>")
                tries = gr.Plot(artifact_views.tries(first), show_label=False, container=False, elem_id="tries")
                tries_words = gr.HTML(artifact_views.tries_words(first) if first else None, elem_id="tries-words")
            with gr.Column(scale=1, min_width=300):
                gr.HTML("<h2 class='small'>Among photographs</h2>")
                histogram = gr.Plot(artifact_views.histogram(first), show_label=False, container=False, elem_id="among")
                histogram_words = gr.HTML(artifact_views.histogram_words(first), elem_id="among-words")
        gr.HTML("<h2>Where in the image</h2>")
        with gr.Row(elem_classes="buttons"):
            draw = gr.Button("Show where in the picture", visible=False, min_width=240, elem_id="draw-map")
            stop = gr.Button("Stop", variant="stop", visible=False, interactive=False, min_width=80, elem_id="stop-map")
        places = _map(first)
        gr.HTML("<h2>Its spectrum, as supporting evidence</h2>")
        shown = artifact_views.spectra(first)
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                spectrum = gr.Plot(shown[0], show_label=False, container=False, elem_id="spectrum")
            with gr.Column(scale=1, min_width=300):
                peaks = gr.Plot(shown[1], show_label=False, container=False, elem_id="peaks")
        spectrum_words = gr.HTML(artifact_views.spectrum_words(first), elem_id="spectrum-words")
        gr.HTML("<h2>How to read this</h2>")
        explainer = gr.HTML(explain.marks(first), elem_id="marks-explainer")
        with gr.Accordion("Settings of the detector", open=False):
            count = gr.Slider(1, 30, evidence.TRIES, step=1, label="Tries", buttons=[])
            random = gr.Checkbox(False, label="At random places", info="Otherwise spread evenly.")
        with gr.Accordion("Full result of the detector", open=False):
            kept = wording.document(first.answer) if first else None
            document = gr.JSON(kept, label="Result", max_height=500, elem_id="marks-document")
    endpoint = gr.Button(visible=False)  # carries the public endpoint, which is typed and documented like a function
    asked = [upload(label="Image", visible=False), as_sent(gr.Number, value=evidence.TRIES, label="Tries")]
    found = running.endpoint(find_artifacts)
    endpoint.click(found, asked, gr.JSON(visible=False), api_name="find_artifacts", **ONE_AT_A_TIME)
    figures = (tries, tries_words, histogram, histogram_words, *places, spectrum, peaks, spectrum_words, explainer)
    return Tab(Panel(banner, gauge, *figures, document), (count, random), image, draw, stop)


def _map(first: Board | None) -> tuple[gr.ImageSlider, gr.Plot, gr.HTML]:
    with gr.Row(elem_classes="pictures"):
        with gr.Column(scale=1, min_width=250):
            map_words = gr.HTML(artifact_views.map_words(first), elem_id="map-words")
            gr.HTML(artifact_views.legend())
            position = gr.Slider(0, 100, 50, step=1, label="Divider between them", buttons=[], elem_id="map-divider")
        with gr.Column(scale=1, min_width=250):
            pair = gr.ImageSlider(
                artifact_views.pair(first) if first else None,
                label="Image with its tries | map",
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                max_height=420,
                elem_id="map",
            )
        with gr.Column(scale=1, min_width=250):
            gr.HTML("<p class='caption'>The same map with its numbers</p>")
            numbers = gr.Plot(artifact_views.numbers(first), show_label=False, container=False, elem_id="map-numbers")
    position.input(
        lambda place: gr.update(slider_position=place),
        position,
        pair,
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    return pair, numbers, map_words
