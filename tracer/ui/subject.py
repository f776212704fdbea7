"""Above the tabs: the image that all of them are about, the examples, and the joint verdict."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from tracer.evidence.regeneration.decision import Regeneration
from tracer.ui import joined, provenance, record, stored, words
from tracer.ui.components import upload
from tracer.ui.joined import Told


@dataclass(frozen=True)
class Desk:
    """What stands there."""

    image: gr.Image
    start: gr.Button
    stop: gr.Button
    draw: gr.Button
    cards: dict[str, gr.Button]
    queue: gr.HTML
    banner: gr.HTML
    matrix: gr.HTML
    told: gr.State

    @property
    def shown(self) -> list[gr.components.Component]:
        """What a new answer changes."""
        return [self.banner, self.matrix, self.draw, self.told]

    def answer(self, told: Told, drawn: Regeneration | None = None) -> dict[gr.components.Component, object]:
        """A new answer, or how far it is."""
        return {
            self.banner: joined.banner(told, drawn),
            self.matrix: joined.matrix(told, drawn),
            self.told: told,
        }


def build() -> Desk:
    """Lay it out, with the first stored example on it."""
    examples = record.examples()
    first = examples[0] if examples else None
    _, _, drawn, told = stored.everything(first.name) if first else (None, None, None, Told())
    answer = drawn.answer if drawn else None
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=1, min_width=300, elem_classes="hand-in"):
            image = upload(
                value=str(first.file) if first else None,
                label="Image to inspect",
                height=230,
                buttons=[],
                alt_text="The image to inspect",
                elem_id="upload",
            )
            with gr.Row(elem_classes="buttons"):
                start = gr.Button("Trace", variant="primary", min_width=120, elem_id="trace")
                stop = gr.Button("Stop", variant="stop", interactive=False, min_width=80, elem_id="stop")
            queue = gr.HTML(elem_id="queue")
            gr.HTML(f"<p class='fine'>{words.PRIVACY}</p>")
        with gr.Column(scale=2, min_width=300, elem_classes="answer"):
            banner = gr.HTML(joined.banner(told, answer), elem_id="joint")
            matrix = gr.HTML(joined.matrix(told, answer), elem_id="agreement")
            draw = gr.Button(joined.offer(None), size="sm", elem_id="ask-drawing")
    if examples:
        gr.HTML("<h2 class='small'>Or look at an example: each teaches one thing, and is answered already</h2>")
    with gr.Row(elem_classes="examples shelf"):
        cards = {each.name: _card(each) for each in examples}
    provenance.build(image)
    return Desk(image, start, stop, draw, cards, queue, banner, matrix, gr.State(told, time_to_live=3600))


def _card(example: record.Example) -> gr.Button:
    return gr.Button(
        f"{example.title}. {example.lesson}",
        icon=str(example.file),
        elem_classes="card",
        elem_id=f"example-{example.name}",
        min_width=250,
    )
