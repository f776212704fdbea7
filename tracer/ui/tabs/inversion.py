"""Tab 1: latent inversion, live."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr

from tracer import api
from tracer.evidence.inversion import settings
from tracer.image import intake
from tracer.models import registry
from tracer.reports.figures import maps
from tracer.ui import chooser, explain, parameters, playback, reports, running, words
from tracer.ui.components import ONE_AT_A_TIME, Wish, budget, on_gpu, readable_errors, upload
from tracer.ui.parameters import as_sent
from tracer.ui.record import Run
from tracer.verdict import wording

PAUSE = 0.25  # seconds between two updates of the page, apart from those at the checkpoints
MODES = [("Grid test", "grid"), ("LatentTracer's own rule", "paper"), ("The same from noise (slow)", "paper-random")]


def trace_inversion(
    image: str, mode: Literal["grid", "paper", "paper-random"] = "grid", families: list[str] | None = None
) -> dict[str, Any]:
    """Find out which autoencoder family's decoder can reproduce an image (latent inversion).

    Args:
        image: the image file, inspected at its native size; at least 64 pixels a side.
        mode: "grid" compares the image with itself, on and off the latent grid; "paper" uses LatentTracer's own
            settings, "paper-random" the same from a random start.
        families: ids of the autoencoder families to inspect; the first line-up by default. Others are downloaded.

    Returns:
        The verdict with its sentence, and per family the score, threshold, p-value and weights' revision.
    """
    with readable_errors():
        parameters.image(image)
        parameters.one_of("mode", mode, settings.MODES)
        chosen = parameters.some_of("families", families, registry.FAMILIES)
        return on_gpu(_traced)(image, mode, chosen, budget())


def _traced(image: str, mode: str, families: list[str], stop: Wish) -> dict[str, Any]:
    return wording.document(api.trace(image, mode=mode, families=families or None, stop=stop))


@dataclass(frozen=True)
class Panel:
    """What a run fills."""

    banner: gr.HTML
    strips: gr.HTML
    curves: gr.Plot
    curve_words: gr.HTML
    shown: gr.Radio
    pair: gr.ImageSlider
    residual: gr.Plot
    pair_words: gr.HTML
    explainer: gr.HTML
    among: gr.Plot
    among_words: gr.HTML
    document: gr.JSON
    run: gr.State

    @property
    def outputs(self) -> list[gr.components.Component]:
        """All of them."""
        return list(vars(self).values())

    def live(self, run: Run) -> dict[gr.components.Component, Any]:
        """What changes while a run goes on."""
        return {
            self.banner: words.banner(run),
            self.strips: words.strips(run),
            self.curves: run.figure(),
            self.curve_words: words.curve_words(run),
            **self.pictures(run, run.current),
        }

    def final(self, run: Run) -> dict[gr.components.Component, Any]:
        """Everything, for a finished run."""
        best = run.best()
        choices = list(run.trajectories)
        return {
            **self.live(run),
            **self.pictures(run, best),
            self.shown: gr.Radio(choices=choices, value=best or None, interactive=bool(choices)),
            **self.placed(run, best),
            self.document: wording.document(run.trace),
            self.run: run,
        }

    def blank(self, run: Run | None) -> dict[gr.components.Component, Any]:
        """A run that has just begun, or will: nothing of an earlier image stays on screen."""
        cleared = dict.fromkeys(self.outputs)
        banner = words.banner(run) if run else words.empty()
        return {**cleared, self.banner: banner, self.shown: gr.Radio(choices=[], value=None)}

    def placed(self, run: Run, family: str) -> dict[gr.components.Component, Any]:
        """What explains one family's number: the formula, and where the image lies among the calibration's."""
        return {
            self.explainer: words.explainer(run, family),
            self.among: explain.among(run, family),
            self.among_words: explain.among_words(run, family),
        }

    def pictures(self, run: Run, family: str) -> dict[gr.components.Component, Any]:
        """Original, reconstruction and residual of one family; nothing where its first step is still to come."""
        trajectory = run.trajectories.get(family)
        if trajectory is None or trajectory.reconstruction is None:
            return {}
        return {
            self.pair: (trajectory.original, trajectory.reconstruction),
            self.residual: maps.residual_map(trajectory.original, trajectory.reconstruction),
            self.pair_words: words.pair_words(trajectory),
        }


@dataclass(frozen=True)
class Tab:
    """What the desk above the tabs needs of this one.

    Attributes:
        panel: what shows answers.
        settings: inputs of a run.
        later: figures of the stored run, for after the page has opened: Plotly is large, and would keep it waiting.
    """

    panel: Panel
    settings: tuple[gr.components.Component, ...]
    later: dict[gr.components.Component, Any]


def build(image: gr.Image, run: Run | None) -> Tab:
    """Lay the tab out, with what is stored about the first example, and wire what is its own.

    Args:
        image: what is inspected.
        run: the stored run, or None.
    """
    best = run.best() if run else ""
    with gr.Column(elem_classes="tab"):
        banner = gr.HTML(words.banner(run) if run else words.empty(), elem_id="verdict")
        curves = _curves(run)
        gr.HTML("<h2>What each decoder draws, and what it cannot</h2>")
        pictures = _pictures(run)
        gr.HTML("<h2>How to read this</h2>")
        explainer = gr.HTML(words.explainer(run, best) if run else None, elem_id="explainer")
        gr.HTML("<h2 class='small'>Where this image lies among those of the calibration</h2>")
        among = gr.Plot(show_label=False, container=False, elem_id="scores-among")
        among_words = gr.HTML(explain.among_words(run, best), elem_id="scores-among-words")
        kept = gr.State(run, time_to_live=3600)
        playback.build(image, kept, playback.stored_first())
        gr.HTML("<h2>Settings and limits</h2>")
        chosen = chooser.build()
        with gr.Accordion("Settings", open=False):
            mode = gr.Radio(MODES, value="grid", label="Mode", elem_id="mode")
            watch = gr.Checkbox(False, label="Keep stepping after the decision", info="Slower; shows the whole curve.")
            gr.HTML("<p class='fine'>They hold from the next Trace on.</p>")
        with gr.Accordion("What this can and cannot say", open=False):
            gr.HTML(words.LIMITS)
        with gr.Accordion("The settings of both modes", open=False):
            gr.Markdown(words.settings_table(), elem_classes="settings")
        with gr.Accordion("Full result", open=False):
            document = gr.JSON(
                wording.document(run.trace) if run else None, label="Result", max_height=500, elem_id="document"
            )
        reports.build(image, kept)
    panel = Panel(banner, *curves, *pictures, explainer, among, among_words, document, kept)
    _wire(image, mode, panel)
    later = {panel.curves: run.figure(), **panel.pictures(run, best), **panel.placed(run, best)} if run else {}
    drawn_later = {plot: figure for plot, figure in later.items() if isinstance(plot, gr.Plot)}
    return Tab(panel, (mode, chosen.families, watch), drawn_later)


def _curves(run: Run | None) -> tuple[gr.HTML, gr.Plot, gr.HTML]:
    strips = gr.HTML(words.strips(run) if run else None, elem_id="strips")
    gr.HTML("<h2 class='small'>How close each decoder gets, step by step</h2>")
    curves = gr.Plot(show_label=False, container=False, elem_id="curves")
    return strips, curves, gr.HTML(words.curve_words(run) if run else None, elem_id="curve-words")


def _pictures(run: Run | None) -> tuple[gr.Radio, gr.ImageSlider, gr.Plot, gr.HTML]:
    best = run.best() if run else ""
    seen = run.trajectories.get(best) if run else None
    with gr.Row(elem_classes="pictures"):
        with gr.Column(min_width=250):
            names = list(run.trajectories) if run else []
            shown = gr.Radio(names, value=best or None, label="Decoder", elem_id="shown")
            pair_words = gr.HTML(words.pair_words(seen), elem_id="pair-words")
            position = gr.Slider(0, 100, 50, step=1, label="Divider between them", buttons=[], elem_id="divider")
        with gr.Column(min_width=250):
            pair = gr.ImageSlider(
                (seen.original, seen.reconstruction) if seen else None,
                label="Original | reconstruction",
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                max_height=420,
                elem_id="pair",
            )
        with gr.Column(min_width=250):
            gr.HTML(words.legend())
            residual = gr.Plot(show_label=False, container=False, elem_id="residual")
    position.input(
        _move, position, pair, queue=False, show_progress="hidden", trigger_mode="always_last", api_visibility="private"
    )
    return shown, pair, residual, pair_words


def _move(position: float) -> dict:
    """Set the divider, for those who cannot drag it."""
    return gr.update(slider_position=position)


def _wire(image: gr.Image, mode: gr.Radio, panel: Panel) -> None:
    def show(run: Run | None, family: str) -> dict:
        return {**panel.pictures(run, family), **panel.placed(run, family)} if run else {panel.pair: gr.skip()}

    shown = [panel.pair, panel.residual, panel.pair_words, panel.explainer, panel.among, panel.among_words]
    panel.shown.input(show, [panel.run, panel.shown], shown, api_visibility="private", show_progress="hidden")
    # Programs may name any family, whatever line-up the page shows.
    every = as_sent(gr.CheckboxGroup, choices=list(registry.FAMILIES), label="Families")
    modes = as_sent(gr.Radio, choices=list(settings.MODES), value="grid", label="Mode")
    endpoint = gr.Button(visible=False)  # carries the public endpoint, which is typed and documented like a function
    endpoint.click(
        running.endpoint(trace_inversion),
        [upload(label="Image", visible=False), modes, every],
        gr.JSON(visible=False),
        api_name="trace_inversion",
        **ONE_AT_A_TIME,
    )


def followed(run: Run, picture: intake.Picture, stop: Wish, watch: bool) -> Iterator[Run]:
    """Yield the run whenever the page should show it: at every checkpoint, and else every `PAUSE` seconds."""
    shown = 0.0
    for update in api.trace_stream(picture, families=run.families, mode=run.mode, stop=stop, watch=watch):
        if run.take(update, picture) or time.monotonic() - shown > PAUSE:
            run.draw()
            yield run
            shown = time.monotonic()
