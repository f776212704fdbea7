"""Tab 3: prompt regeneration. The models draw side by side, and the grid fills as they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tracer import api, intake, lineup, regeneration
from tracer.ui import drawing, words
from tracer.ui.common import ONE_AT_A_TIME, Stops, budget, readable_errors, upload, upload_problem
from tracer.ui.drawing import Board

_stops = Stops()
_ALL = [row.id for row in lineup.GENERATORS.values() if row.bundled]


def regenerate_image(
    image: str, caption: str = "", candidates: int = regeneration.CANDIDATES, seed: int = 0
) -> dict[str, Any]:
    """Find out which model draws something most like an image when it is asked for the image's caption.

    Args:
        image: the image file.
        caption: what to draw; written by the bundled captioner if empty.
        candidates: drawings per model, 1 to 16.
        seed: seed of the first drawing; the next ones count up.

    Returns:
        The caption, the ranking with mean similarities, and the verdict with its sentence.
    """
    with readable_errors():
        options = dict(caption=caption.strip() or None, candidates=candidates, seed=seed, stop=budget())
        return api.regenerate(image, **options).document()


def check(image: str | None, caption: str, generators: list[str], *rest: object) -> list[dict]:
    """Validate the inputs of a run; one answer per input."""
    chosen = gr.validate(len(generators) > 1, "Choose at least two models.")
    longest = regeneration.LONGEST_CAPTION
    short = gr.validate(len(caption or "") <= longest, f"At most {longest} characters.")
    return [upload_problem(image), short, chosen, *(gr.validate(True, "") for _ in rest)]


@dataclass(frozen=True)
class Panel:
    """What a run fills."""

    banner: gr.HTML
    grid: gr.HTML
    plot: gr.Plot
    plot_words: gr.HTML
    caption: gr.Textbox
    document: gr.JSON

    def live(self, board: Board) -> dict[gr.components.Component, Any]:
        """What changes with every drawing."""
        return {
            self.banner: drawing.banner(board),
            self.grid: drawing.grid(board),
            self.plot: drawing.similarities(board),
            self.plot_words: drawing.in_words(board),
        }

    def final(self, board: Board) -> dict[gr.components.Component, Any]:
        """Everything, for a finished run; the caption appears where it can be edited."""
        return {**self.live(board), self.caption: board.caption, self.document: board.document}


def build(page: gr.Blocks) -> None:
    """Lay the tab out and wire it."""
    empty = Board("", _ALL, regeneration.CANDIDATES)
    with gr.Column(elem_classes="tab"):
        banner = gr.HTML(words.frame("running", "Choose an image, then let the models draw.", [], ""), elem_id="drawn")
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=1, min_width=300):
                image = upload(
                    label="Image", height=230, buttons=[], alt_text="The image to explain", elem_id="subject"
                )
                caption = gr.Textbox(
                    label="Caption",
                    placeholder="left empty, the captioner writes it",
                    info="What the models are asked to draw. Edit it and draw again if it is wrong.",
                    max_length=regeneration.LONGEST_CAPTION,
                    elem_id="caption",
                )
                with gr.Row(elem_classes="buttons"):
                    start = gr.Button("Draw", variant="primary", min_width=120, elem_id="draw")
                    stop = gr.Button("Stop", variant="stop", interactive=False, min_width=80, elem_id="stop-drawing")
                gr.HTML(f"<p class='fine'>{words.PRIVACY}</p>")
                with gr.Accordion("Settings", open=False):
                    generators = gr.CheckboxGroup(_ALL, value=_ALL, label="Models")
                    candidates = gr.Slider(
                        1, regeneration.MOST, regeneration.CANDIDATES, step=1, label="Drawings per model", buttons=[]
                    )
                    seed = gr.Number(0, precision=0, minimum=0, maximum=2**31, label="Seed of the first drawing")
            with gr.Column(scale=2, min_width=300):
                grid = gr.HTML(drawing.grid(empty), elem_id="drawings")
        gr.HTML("<h2>How alike</h2>")
        plot = gr.Plot(drawing.similarities(empty), show_label=False, container=False, elem_id="similarities")
        plot_words = gr.HTML(elem_id="similarity-words")
        gr.HTML("<h2>How to read this</h2>")
        gr.HTML(drawing.EXPLAINER)
        with gr.Accordion("Full result", open=False):
            document = gr.JSON(label="Result", max_height=500)
    inputs = [image, caption, generators, candidates, seed]
    _wire(inputs, start, stop, Panel(banner, grid, plot, plot_words, caption, document))


def _wire(inputs: list[gr.components.Component], start: gr.Button, stop: gr.Button, panel: Panel) -> None:
    hidden = {"api_visibility": "private", "show_progress": "hidden"}
    buttons = [start, stop]

    def prepare(*_: object, request: gr.Request) -> list[Any]:
        _stops.prepare(request.session_hash)
        return [words.waiting(), gr.update(interactive=False), gr.update(interactive=True)]

    def stream(
        image: str, caption: str, generators: list[str], candidates: float, seed: float, request: gr.Request
    ) -> Iterator[dict]:
        with readable_errors(), _stops.running(request.session_hash) as stopped:
            picture = intake.read(image)
            board = Board("Your image", generators, int(candidates))
            yield panel.live(board)
            options = dict(caption=caption.strip() or None, candidates=int(candidates), seed=int(seed), stop=stopped)
            for update in api.regenerate_stream(picture, generators=generators, **options):
                board = drawing.taken(board, update)
                yield panel.final(board) if board.document else panel.live(board)

    def end(request: gr.Request) -> dict:
        _stops.stop(request.session_hash)
        return gr.update(interactive=False)

    def settle() -> list[dict]:
        return [gr.update(interactive=True), gr.update(interactive=False)]

    def fail() -> list[Any]:
        return [words.failed(), *settle()]

    ready = start.click(prepare, inputs, [panel.banner, *buttons], validator=check, concurrency_limit=None, **hidden)
    drawn = ready.success(stream, inputs, list(vars(panel).values()), **hidden, **ONE_AT_A_TIME)
    drawn.success(settle, None, buttons, queue=False, **hidden)
    drawn.failure(fail, None, [panel.banner, *buttons], queue=False, **hidden)
    stop.click(end, None, stop, queue=False, **hidden)
    endpoint = gr.Button(visible=False)  # carries the public endpoint, which is typed and documented like a function
    endpoint.click(
        regenerate_image,
        [inputs[0], inputs[1], inputs[3], inputs[4]],
        gr.JSON(visible=False),
        api_name="regenerate_image",
        **ONE_AT_A_TIME,
    )
