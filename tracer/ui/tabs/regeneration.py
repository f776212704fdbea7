"""Tab 3: prompt regeneration. The models draw side by side, and the grid fills as they do."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tracer import api
from tracer.evidence.regeneration import ranking
from tracer.image import intake
from tracer.models import device, prompt_filter, registry
from tracer.models.errors import ModelUnavailable
from tracer.ui import chooser, drawing, parameters, running, words
from tracer.ui.components import BUDGET, ONE_AT_A_TIME, Wish, budget, readable_errors, upload, upload_problem
from tracer.ui.controls import HIDDEN, run_controls
from tracer.ui.documents import document
from tracer.ui.drawing import Board
from tracer.ui.parameters import as_sent
from tracer.ui.shown import SHOWN, digest
from tracer.ui.templates import caption
from tracer.verdict import wording

_ALL = [row.id for row in registry.GENERATORS.values() if row.bundled]
SHOW_ANSWER = "() => document.querySelector('#drawn').scrollIntoView({block: 'nearest'})"


def regenerate_image(
    image: str,
    caption: str = "",
    candidates: int = ranking.CANDIDATES,
    seed: int = ranking.SEED,
    fused: bool = True,
) -> dict[str, Any]:
    """Find out which model draws something most like an image when it is asked for the image's caption.

    Args:
        image: the image file.
        caption: what to draw; written by the bundled captioner if empty.
        candidates: drawings per model, 1 to 16.
        seed: seed of the first drawing; the next ones count up.
        fused: ask latent inversion first. Where it names an autoencoder that several of the models have, only those
            draw, and the verdict is that of both kinds of evidence.

    Returns:
        The caption, the ranking with mean similarities, and the verdict with its sentence; with fused also inversion's
        own verdict.
    """
    with readable_errors():
        parameters.image(image)
        options = {
            "caption": parameters.text("caption", caption, ranking.LONGEST_CAPTION).strip() or None,
            "candidates": parameters.whole("candidates", candidates, 1, ranking.MOST),
            "seed": parameters.whole("seed", seed, 0, 2**32 - 1),
            "fused": parameters.yes_or_no("fused", fused),
            "stop": budget(),
        }
        options["budget"] = None if device.zero_gpu() else BUDGET
        return document(api.regenerate(image, **options), image)


def estimate(generators: list[str], candidates: float) -> str:
    """How long the chosen models will take on this machine, or why they are not asked to draw that much."""
    if device.zero_gpu() or not generators:
        return ""
    try:
        needed = ranking.check_time(generators, int(candidates), BUDGET)
    except ranking.OverBudget as error:
        return caption(f"{error}.", "fine")
    large = any(not registry.generator(name).bundled for name in generators)
    also = ", and what has to be downloaded and read first" if large else ""
    return caption(f"Drawing will take {ranking.span(needed)} on this machine{also}.", "fine")


def check(image: str | None, caption: str, generators: list[str], candidates: float = 1, *rest: object) -> list[dict]:
    """Validate the inputs of a run; one answer per input."""
    chosen = gr.validate(len(generators) > 1, "Choose at least two models.")
    soon = gr.validate(True, "")
    if not device.zero_gpu():
        try:
            ranking.check_time(generators, int(candidates), BUDGET)
        except ranking.OverBudget as error:
            soon = gr.validate(False, f"{error}.")
    longest = ranking.LONGEST_CAPTION
    said = gr.validate(len(caption or "") <= longest, f"At most {longest} characters.")
    if prompt_filter.blocked(caption or ""):
        said = gr.validate(False, f"{prompt_filter.REFUSAL[0].upper()}{prompt_filter.REFUSAL[1:]}.")
    return [upload_problem(image), said, chosen, soon, *(gr.validate(True, "") for _ in rest)]


@functools.cache
def warm() -> None:
    """Begin to load what tab 3 needs, so that the first drawing does not wait for it."""
    threading.Thread(target=_load, name="load tab 3", daemon=True).start()


def _load() -> None:
    from skimage import metrics  # noqa: F401 - takes a second

    from tracer.models import captioning
    from tracer.models import generators as generation

    try:
        captioning.captioner(), captioning.matcher()
        for name in _ALL:
            generation.load(name)
    except ModelUnavailable:  # told to whoever asks for it
        pass


def describe(image: str | None) -> str:
    """The captioner's words for a new image, to be edited before the models draw; "" for what cannot be read."""
    if intake.problem_with(image):
        return ""
    from tracer.models import captioning

    with readable_errors():
        return captioning.caption(intake.read(image).pixels)


def _captioned(image: str | None, request: gr.Request) -> str | dict:
    """The caption of a new picture, unless another one lies there by now."""
    written = describe(image)
    return written if SHOWN.same(request.session_hash, digest(image)) else gr.skip()


@dataclass(frozen=True)
class Controls:
    """What a visitor sets."""

    image: gr.Image
    caption: gr.Textbox
    start: gr.Button
    stop: gr.Button
    fused: gr.Checkbox
    settings: gr.Accordion
    generators: gr.CheckboxGroup
    full_size: gr.HTML
    estimate: gr.HTML
    candidates: gr.Slider
    seed: gr.Number

    @property
    def inputs(self) -> list[gr.components.Component]:
        """The inputs of a run, in the order of `check`."""
        return [self.image, self.caption, self.generators, self.candidates, self.seed, self.fused]


@dataclass(frozen=True)
class Panel:
    """What a run fills."""

    banner: gr.HTML
    grid: gr.HTML
    plot: gr.Plot
    plot_words: gr.HTML
    document: gr.JSON
    answer: gr.State

    def live(self, board: Board) -> dict[gr.components.Component, Any]:
        """What changes with every drawing."""
        return {
            self.banner: drawing.banner(board),
            self.grid: drawing.grid(board),
            self.plot: drawing.similarities(board),
            self.plot_words: drawing.in_words(board),
        }

    def final(self, board: Board) -> dict[gr.components.Component, Any]:
        """Everything, for a finished run."""
        told = board.answer and wording.document(board.answer)
        return {**self.live(board), self.document: told, self.answer: board.answer}


@dataclass(frozen=True)
class Tab:
    """What the desk above the tabs needs of this one."""

    controls: Controls
    panel: Panel

    def follow(self, laid_down: gr.events.Dependency) -> None:
        """After a new picture has been laid down and everything of an earlier one is gone: write its caption."""
        controls = self.controls
        laid_down.then(_captioned, controls.image, controls.caption, concurrency_limit=2, **HIDDEN)
        told = [controls.generators, controls.candidates]
        laid_down.then(estimate, told, controls.estimate, concurrency_limit=4, **HIDDEN)

    def blank(self) -> dict[gr.components.Component, Any]:
        """Before anything has been drawn for an image."""
        empty = Board("", _ALL, ranking.CANDIDATES)
        return {**self.panel.final(empty), self.panel.banner: drawing.invitation(), self.controls.caption: ""}


def build(image: gr.Image, first: Board | None) -> Tab:
    """Lay the tab out, with what is stored about the first example, and wire it.

    Args:
        image: what the models are to explain.
        first: the stored drawings, or None.
    """
    empty = first or Board("", _ALL, ranking.CANDIDATES)
    with gr.Column(elem_classes="tab"):
        banner = gr.HTML(drawing.banner(first) if first else drawing.invitation(), elem_id="drawn")
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=1, min_width=300):
                controls = _controls(image, first.caption if first else "")
            with gr.Column(scale=2, min_width=300):
                grid = gr.HTML(drawing.grid(empty), elem_id="drawings")
                gr.HTML("<h2 class='small'>How alike: every drawing, and each model's mean</h2>")
                plot = gr.Plot(drawing.similarities(empty), show_label=False, container=False, elem_id="similarities")
                plot_words = gr.HTML(drawing.in_words(empty), elem_id="similarity-words")
        gr.HTML("<h2>How to read this</h2>")
        gr.HTML(drawing.explainer())
        with gr.Accordion("Full result of the drawing", open=False):
            told = empty.answer and wording.document(empty.answer)
            document = gr.JSON(told, label="Result", max_height=500, elem_id="drawn-document")
    answer = gr.State(empty.answer, time_to_live=3600)
    panel = Panel(banner, grid, plot, plot_words, document, answer)
    _wire(controls, panel)
    _endpoint()
    return Tab(controls, panel)


def _controls(image: gr.Image, written: str) -> Controls:
    caption = gr.Textbox(
        written,
        label="Caption: what the models are asked to draw",
        placeholder="written here once there is an image",
        info="Wrong? Correct it, and draw again.",
        max_length=ranking.LONGEST_CAPTION,
        elem_id="caption",
    )
    fused = gr.Checkbox(
        True,
        label="Ask inversion first",
        info="Where it names an autoencoder, only the models that have it draw.",
        elem_id="ask-inversion",
    )
    estimated = gr.HTML("", elem_id="drawing-estimate")
    with gr.Row(elem_classes="buttons"):
        start = gr.Button("Draw", variant="primary", min_width=120, elem_id="draw")
        stop = gr.Button("Stop", variant="stop", interactive=False, min_width=80, elem_id="stop-drawing")
    with gr.Accordion("Settings of the drawing", open=False) as settings:
        generators = gr.CheckboxGroup(_ALL, value=_ALL, label="Models", elem_id="drawers")
        full_size = gr.HTML(f"<p class='fine'>{chooser.DRAWERS}</p>", elem_id="full-size")
        candidates = gr.Slider(
            1,
            ranking.MOST,
            ranking.CANDIDATES,
            step=1,
            label="Drawings per model",
            buttons=[],
            elem_id="drawings-per-model",
        )
        seed = gr.Number(
            ranking.SEED, precision=0, minimum=0, maximum=2**31, label="Seed of every model's first drawing"
        )
    return Controls(image, caption, start, stop, fused, settings, generators, full_size, estimated, candidates, seed)


def _wire(controls: Controls, panel: Panel) -> None:
    told = {"inputs": [controls.generators, controls.candidates], "outputs": controls.estimate, **HIDDEN}
    for changed in (controls.generators.change, controls.candidates.change):
        changed(estimate, concurrency_limit=4, **told)
    controls.settings.expand(_choices, None, [controls.generators, controls.full_size], concurrency_limit=4, **HIDDEN)

    def draw(
        image: str, caption: str, generators: list[str], candidates: float, seed: float, fused: bool, stop: Wish
    ) -> Iterator[dict]:
        picture = intake.read(image)
        board = Board(f"Your image · {picture.width} × {picture.height} px", generators, int(candidates), fused)  # noqa: RUF001
        yield panel.final(board)
        written = describe(image)
        asked = caption.strip() if caption.strip() != written else ""
        options = dict(caption=asked or None, candidates=int(candidates), seed=int(seed), fused=fused, stop=stop)
        options["budget"] = None if device.zero_gpu() else BUDGET
        for update in api.regenerate_stream(picture, generators=generators, **options):
            board = drawing.taken(board, update)
            yield panel.final(board) if board.answer else panel.live(board)

    run_controls(
        controls.start,
        controls.stop,
        draw,
        controls.inputs,
        list(vars(panel).values()),
        check=check,
        waiting={panel.banner: words.waiting()},
        failed={panel.banner: words.failed()},
    )
    controls.start.click(None, js=SHOW_ANSWER)  # on a phone it is above the button


def _endpoint() -> None:
    carrier = gr.Button(visible=False)  # of the public endpoint, which is typed and documented like a function
    asked = [
        upload(label="Image", visible=False),
        as_sent(gr.Textbox, value="", label="Caption"),
        as_sent(gr.Number, value=ranking.CANDIDATES, label="Candidates"),
        as_sent(gr.Number, value=ranking.SEED, label="Seed"),
        as_sent(gr.Checkbox, value=True, label="Fused"),
    ]
    found = running.endpoint(regenerate_image)
    carrier.click(found, asked, gr.JSON(visible=False), api_name="regenerate_image", **ONE_AT_A_TIME)


def _choices() -> tuple[dict, str]:
    """The models that can draw here and now, and the list of all full-size ones."""
    usable, table = chooser.drawers()
    return gr.CheckboxGroup(choices=usable), table
