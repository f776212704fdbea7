"""Tab 1: latent inversion, live."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import gradio as gr

from tracer import api, figures, intake, lineup
from tracer.ui import chooser, claims, links, record, reports, words
from tracer.ui.common import ONE_AT_A_TIME, Stops, Wish, budget, on_gpu, readable_errors, upload, upload_problem
from tracer.ui.record import Run

PAUSE = 0.25  # seconds between two updates of the page, apart from those at the checkpoints
FAST, PAPER = "fast", "paper"
SHOW_VERDICT = "() => document.querySelector('#verdict').scrollIntoView({block: 'nearest'})"

_stops = Stops()


def trace_inversion(
    image: str, mode: Literal["fast", "paper"] = "fast", families: list[str] | None = None
) -> dict[str, Any]:
    """Find out which autoencoder family's decoder can reproduce an image (latent inversion).

    Args:
        image: the image file, inspected at its native size; at least 64 pixels a side.
        mode: "fast" scores the relative loss and stops when it is decided, "paper" uses LatentTracer's own settings.
        families: ids of the autoencoder families to inspect; all bundled ones by default. Others are downloaded.

    Returns:
        The verdict with its sentence, and per family the score, threshold, p-value and weights' revision.
    """
    with readable_errors():
        return api.trace(image, mode=mode, families=families or None, stop=budget()).document()


def check(image: str | None, mode: str, families: list[str], *rest: object) -> list[dict]:
    """Validate the inputs of a run; one answer per input."""
    chosen = gr.validate(bool(families), "Choose at least one family.")
    return [upload_problem(image), gr.validate(True, ""), chosen, *(gr.validate(True, "") for _ in rest)]


@dataclass(frozen=True)
class Controls:
    """What a visitor sets."""

    image: gr.Image
    start: gr.Button
    stop: gr.Button
    examples: dict[str, gr.Button]
    mode: gr.Radio
    families: gr.CheckboxGroup
    watch: gr.Checkbox

    @property
    def inputs(self) -> list[gr.components.Component]:
        """The inputs of a run, in the order of `check`."""
        return [self.image, self.mode, self.families, self.watch]


@dataclass(frozen=True)
class Panel:
    """What a run fills."""

    banner: gr.HTML
    strips: gr.HTML
    curves: gr.Plot
    curve_words: gr.HTML
    shown: gr.Radio
    pair: gr.ImageSlider
    residual: gr.Image
    pair_words: gr.HTML
    explainer: gr.HTML
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
            self.explainer: words.explainer(run, best),
            self.document: run.trace,
            self.run: run,
        }

    def blank(self, run: Run) -> dict[gr.components.Component, Any]:
        """A run that has just begun: nothing of an earlier image stays on screen."""
        cleared = dict.fromkeys(self.outputs)
        return {**cleared, self.banner: words.banner(run), self.shown: gr.Radio(choices=[], value=None)}

    def pictures(self, run: Run, family: str) -> dict[gr.components.Component, Any]:
        """Original, reconstruction and residual of one family; nothing where its first step is still to come."""
        trajectory = run.trajectories.get(family)
        if trajectory is None or trajectory.reconstruction is None:
            return {}
        return {
            self.pair: (trajectory.original, trajectory.reconstruction),
            self.residual: figures.residual(trajectory.original, trajectory.reconstruction),
            self.pair_words: words.pair_words(trajectory),
        }


def build(page: gr.Blocks) -> None:
    """Lay the tab out with the first stored example in it, and wire it."""
    stored = {example.name: example for example in record.examples()}
    first = next(iter(stored.values()), None)
    run = record.load(first) if first else None
    with gr.Column(elem_classes="tab"):
        banner = gr.HTML(words.banner(run) if run else words.empty(), elem_id="verdict")
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=1, min_width=300):
                controls = _controls(stored, first)
            with gr.Column(scale=2, min_width=300):
                curves = _curves(run)
        gr.HTML("<h2>What each decoder draws, and what it cannot</h2>")
        pictures = _pictures(run)
        gr.HTML("<h2>How to read this</h2>")
        explainer = gr.HTML(words.explainer(run, run.best()) if run else None, elem_id="explainer")
        with gr.Accordion("What this can and cannot say", open=False):
            gr.HTML(words.LIMITS)
        with gr.Accordion("The settings of both modes", open=False):
            gr.Markdown(words.settings_table(), elem_classes="settings")
        with gr.Accordion("Full result", open=False):
            document = gr.JSON(run.trace if run else None, label="Result", max_height=500, elem_id="document")
        kept = gr.State(run, time_to_live=3600)
        claims.build(controls.image)
        reports.build(controls.image, kept)
    panel = Panel(banner, *curves, *pictures, explainer, document, kept)
    _wire(page, controls, panel, stored)


def _controls(stored: dict[str, record.Example], first: record.Example | None) -> Controls:
    image = upload(
        value=str(first.file) if first else None,
        label="Image to inspect",
        height=230,
        buttons=[],
        alt_text="The image to inspect",
        elem_id="upload",
    )
    gr.HTML(f"<p class='fine'>{words.PRIVACY}</p>")
    with gr.Row(elem_classes="buttons"):
        start = gr.Button("Trace", variant="primary", min_width=120, elem_id="trace")
        stop = gr.Button("Stop", variant="stop", interactive=False, min_width=80, elem_id="stop")
    if stored:
        gr.HTML("<h2 class='small'>Or look at an example, answered already</h2>")
    with gr.Column(elem_classes="examples"):
        examples = {name: _card(example) for name, example in stored.items()}
    chosen = chooser.build()
    with gr.Accordion("Settings", open=False):
        mode = gr.Radio([("Fast", FAST), ("Paper's settings", PAPER)], value=FAST, label="Mode", elem_id="mode")
        watch = gr.Checkbox(False, label="Keep stepping after the decision", info="Slower; shows the whole curve.")
    return Controls(image, start, stop, examples, mode, chosen.families, watch)


def _card(example: record.Example) -> gr.Button:
    return gr.Button(
        f"{example.title}. {example.lesson}",
        icon=str(example.file),
        elem_classes="card",
        elem_id=f"example-{example.name}",
    )


def _curves(run: Run | None) -> tuple[gr.HTML, gr.Plot, gr.HTML]:
    strips = gr.HTML(words.strips(run) if run else None, elem_id="strips")
    gr.HTML("<h2 class='small'>How close each decoder gets, step by step</h2>")
    curves = gr.Plot(run.figure() if run else None, show_label=False, container=False, elem_id="curves")
    return strips, curves, gr.HTML(words.curve_words(run) if run else None, elem_id="curve-words")


def _pictures(run: Run | None) -> tuple[gr.Radio, gr.ImageSlider, gr.Image, gr.HTML]:
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
            residual = gr.Image(
                figures.residual(seen.original, seen.reconstruction) if seen else None,
                label="Residual",
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                alt_text="Map of the differences between original and reconstruction; a sentence beside it sums it up",
                elem_id="residual",
            )
            gr.HTML(words.legend())
    position.input(
        _move, position, pair, queue=False, show_progress="hidden", trigger_mode="always_last", api_visibility="private"
    )
    return shown, pair, residual, pair_words


def _move(position: float) -> dict:
    """Set the divider, for those who cannot drag it."""
    return gr.update(slider_position=position)


def _wire(page: gr.Blocks, controls: Controls, panel: Panel, stored: dict[str, record.Example]) -> None:
    # Examples wait while a run goes on: it would draw over them.
    resting = [controls.start, *controls.examples.values()]
    buttons = [*resting, controls.stop]
    hidden = {"api_visibility": "private", "show_progress": "hidden"}

    def prepare(image: str, mode: str, families: list[str], watch: bool, request: gr.Request) -> list[Any]:
        _stops.prepare(request.session_hash)
        return [words.waiting(), *switched(running=True)]

    followed = on_gpu(_followed)

    def stream(image: str, mode: str, families: list[str], watch: bool, request: gr.Request) -> Iterator[dict]:
        with readable_errors(), _stops.running(request.session_hash) as stop:
            picture = intake.read(image)
            run = Run("Your image", mode, families, picture.sha256, picture.width, picture.height)
            yield panel.blank(run)
            for run in followed(run, picture, stop, watch):  # noqa: B020 - a copy, where another process made it
                yield panel.live(run)
            yield panel.final(run)

    def stop(request: gr.Request) -> dict:
        _stops.stop(request.session_hash)
        return gr.update(interactive=False)

    def switched(running: bool) -> list[dict]:
        return [*(gr.update(interactive=not running) for _ in resting), gr.update(interactive=running)]

    def settle() -> list[dict]:
        chooser.forget()
        return switched(running=False)

    def fail() -> list[Any]:
        return [words.failed(), *settle()]

    def choose(name: str) -> dict:
        example = stored[name]
        return {controls.image: str(example.file), **panel.final(record.load(example))}

    def show(run: Run | None, family: str) -> dict:
        return {**panel.pictures(run, family), panel.explainer: words.explainer(run, family)} if run else {}

    for button in (controls.start, *controls.examples.values()):
        button.click(None, js=SHOW_VERDICT)  # on a phone it is above the buttons
    ready = controls.start.click(
        prepare, controls.inputs, [panel.banner, *buttons], validator=check, concurrency_limit=None, **hidden
    )
    traced = ready.success(stream, controls.inputs, panel.outputs, **hidden, **ONE_AT_A_TIME)
    traced.success(settle, None, buttons, queue=False, **hidden)
    traced.failure(fail, None, [panel.banner, *buttons], queue=False, **hidden)
    controls.stop.click(stop, None, controls.stop, queue=False, **hidden)
    for name, button in controls.examples.items():
        button.click(partial(choose, name), None, [controls.image, *panel.outputs], queue=False, **hidden)
    panel.shown.input(
        show, [panel.run, panel.shown], [panel.pair, panel.residual, panel.pair_words, panel.explainer], **hidden
    )
    # Programs may name any family, whatever line-up the page shows.
    every = gr.CheckboxGroup(list(lineup.FAMILIES), label="Families", visible=False)
    endpoint = gr.Button(visible=False)  # carries the public endpoint, which is typed and documented like a function
    endpoint.click(
        on_gpu(trace_inversion),
        [controls.image, controls.mode, every],
        gr.JSON(visible=False),
        api_name="trace_inversion",
        **ONE_AT_A_TIME,
    )

    def opened(request: gr.Request) -> dict:
        name = links.example(request.query_params, stored)
        return choose(name) if name else {panel.curves: gr.skip()}

    page.load(opened, None, [controls.image, *panel.outputs], queue=False, **hidden)


def _followed(run: Run, picture: intake.Picture, stop: Wish, watch: bool) -> Iterator[Run]:
    """Yield the run whenever the page should show it: at every checkpoint, and else every `PAUSE` seconds."""
    shown = 0.0
    for update in api.trace_stream(picture, families=run.families, mode=run.mode, stop=stop, watch=watch):
        if run.take(update, picture) or time.monotonic() - shown > PAUSE:
            run.draw()
            yield run
            shown = time.monotonic()
