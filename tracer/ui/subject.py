"""Above the tabs: the image that all of them are about, and the joint verdict; below them: the examples."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from tracer.evidence.regeneration.decision import Regeneration
from tracer.ui import further, joined, provenance, record, stored, words
from tracer.ui.components import upload
from tracer.ui.joined import Told
from tracer.ui.templates import caption


@dataclass(frozen=True)
class Desk:
    """What stands there."""

    image: gr.Image
    start: gr.Button
    stop: gr.Button
    draw: gr.Button
    further: gr.Button
    make_card: gr.Button
    card: gr.DownloadButton
    cards: dict[str, gr.Button]
    queue: gr.HTML
    banner: gr.HTML
    claim: gr.HTML
    claims: gr.HTML
    matrix: gr.HTML
    told: gr.State

    @property
    def shown(self) -> list[gr.components.Component]:
        """What a new answer changes."""
        return [self.banner, self.matrix, self.draw, self.further, self.card, self.told]

    def answer(self, told: Told, drawn: Regeneration | None = None) -> dict[gr.components.Component, object]:
        """A new answer, or how far it is."""
        return {
            self.banner: joined.banner(told, drawn),
            self.matrix: joined.matrix(told, drawn),
            self.draw: gr.Button(
                joined.offer(joined.seconds_to_draw()),
                visible=not told.doing and "regeneration" in told.joint(drawn).missing,
            ),
            self.further: further.offer(None if told.doing else told.inversion),
            self.card: gr.DownloadButton(value=None, visible=False),  # it belongs to one answer
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
                label="The picture",
                height=200,
                buttons=[],
                alt_text="The picture to inspect",
                elem_id="upload",
            )
            with gr.Row(elem_classes="buttons"):
                gr.Button("Choose a picture", variant="primary", min_width=150, elem_id="choose")  # `links.js`
                start = gr.Button("Look again", min_width=100, elem_id="trace")
                stop = gr.Button("Stop", variant="stop", interactive=False, min_width=70, elem_id="stop")
            gr.HTML(caption(words.PRIVACY, "fine"))
            queue = gr.HTML(elem_id="queue")
        with gr.Column(scale=2, min_width=300, elem_classes="answer"):
            banner = gr.HTML(joined.banner(told, answer), elem_id="joint")
            claim = gr.HTML(provenance.told(first.file if first else None)[0], elem_id="claim")
            open_still = "regeneration" in told.joint(answer).missing
            with gr.Row(elem_classes="buttons next"):
                after = further.lineup_after(told.inversion)
                label = further.label(after) if after else ""
                ask = gr.Button(label, size="sm", visible=bool(after), elem_id="ask-further")
                draw = gr.Button(joined.offer(None), size="sm", visible=open_still, elem_id="ask-drawing")
                make = gr.Button("Make a card to share", size="sm", elem_id="make-card")
                file = gr.DownloadButton("Download the card", size="sm", visible=False, elem_id="card")
    claims = gr.HTML(provenance.told(first.file if first else None)[1], render=False)
    matrix = gr.HTML(joined.matrix(told, answer), elem_id="agreement", render=False)
    cards = {each.name: _card(each) for each in examples}
    kept = gr.State(told, time_to_live=3600)
    return Desk(image, start, stop, draw, ask, make, file, cards, queue, banner, claim, claims, matrix, kept)


def build_below(desk: Desk) -> None:
    """Lay out what stands below the tabs: who says what, the file's claims, and the examples."""
    with gr.Accordion("Which evidence says what", open=False, elem_id="who-says-what"):
        desk.matrix.render()
    with gr.Accordion(provenance.TITLE, open=False, elem_id="claims"):
        desk.claims.render()
    if desk.cards:
        gr.HTML("<h2 class='small'>How it works: pictures whose maker is known</h2>")
    with gr.Row(elem_classes="examples shelf"):
        for card in desk.cards.values():
            card.render()


def _card(example: record.Example) -> gr.Button:
    return gr.Button(
        example.title.replace("-", "\N{NON-BREAKING HYPHEN}"),
        icon=str(example.file),
        elem_classes="card",
        elem_id=f"example-{example.name}",
        min_width=140,
        render=False,
    )
