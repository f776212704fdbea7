"""One Trace for all tabs: the cheap kinds of evidence one after another, each into its tab as it arrives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from tracer import api
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.store import ThresholdMismatch
from tracer.image import intake
from tracer.models.errors import ModelUnavailable
from tracer.ui import artifact_views, chooser, joined, links, parameters, record, running, stored, words
from tracer.ui.components import ONE_AT_A_TIME, Stops, Wish, budget, on_gpu, readable_errors, upload, upload_problem
from tracer.ui.joined import Told
from tracer.ui.parameters import as_sent
from tracer.ui.record import Run
from tracer.ui.subject import Desk
from tracer.ui.tabs import artifacts, inversion, regeneration
from tracer.verdict import wording

PAUSE = 0.25  # seconds between two updates of the page, apart from those at the checkpoints
SHOW_ANSWER = "() => document.querySelector('#joint').scrollIntoView({block: 'nearest'})"
# After the first paint: Plotly is over a megabyte of script, and nothing else happens while the browser reads it.
WHEN_IDLE = """(...given) => new Promise(resolve => {
  const soon = () => resolve(given);
  window.requestIdleCallback ? requestIdleCallback(soon, {timeout: 2000}) : setTimeout(soon, 500);
})"""
# The tab may have to be drawn first.
PRESS_DRAW = """() => new Promise(done => { let left = 100; const look = setInterval(() => {
  const button = document.querySelector('#draw');
  if (button || !left--) { clearInterval(look); button && button.click(); done(); } }, 100); })"""

_stops = Stops()


def give_verdict(image: str, draw: bool = False) -> dict[str, Any]:
    """Find out which latent generative model, if any, made an image, from all kinds of evidence together.

    Args:
        image: the image file, inspected at its native size; at least 64 pixels a side.
        draw: whether the generators draw the image's caption too, which takes about half a minute.

    Returns:
        The joint verdict with its sentence, how well it is supported, which kinds of evidence agree or contradict each
        other, who says what about which family, and the full document of every kind of evidence.
    """
    with readable_errors():
        parameters.image(image)
        return on_gpu(_answered)(image, parameters.yes_or_no("draw", draw), budget())


def _answered(image: str, draw: bool, stop: Wish) -> dict[str, Any]:
    return wording.document(api.verdict(image, draw=draw, stop=stop))


@dataclass(frozen=True)
class Tabs:
    """The panels that a Trace fills, and the settings that it obeys."""

    inversion: inversion.Tab
    artifacts: artifacts.Tab
    regeneration: regeneration.Tab

    @property
    def outputs(self) -> list[gr.components.Component]:
        """All components of the three."""
        drawn = list(vars(self.regeneration.panel).values())
        return [
            *self.inversion.panel.outputs,
            *self.artifacts.panel.outputs,
            *drawn,
            self.regeneration.controls.caption,
        ]

    @property
    def settings(self) -> list[gr.components.Component]:
        """What a visitor may have set."""
        return [*self.inversion.settings, *self.artifacts.settings]

    def blank(self, run: Run | None = None) -> dict[gr.components.Component, Any]:
        """Nothing of an earlier image stays on screen."""
        return {
            **self.inversion.panel.blank(run),
            **self.artifacts.panel.blank(),
            **self.regeneration.blank(),
        }


def check(image: str | None, mode: str, families: list[str], *rest: object) -> list[dict]:
    """Validate the inputs of a run; one answer per input."""
    chosen = gr.validate(bool(families), "Choose at least one family.")
    return [upload_problem(image), gr.validate(True, ""), chosen, *(gr.validate(True, "") for _ in rest)]


def mount(page: gr.Blocks, desk: Desk, tabs: Tabs, frame: gr.Tabs, drawing_tab: str) -> None:
    """Wire the desk to the tabs.

    Args:
        page: the page.
        desk: what stands above the tabs.
        tabs: their panels.
        frame: the tabs themselves.
        drawing_tab: id of the tab in which the models draw.
    """
    hidden = {"api_visibility": "private", "show_progress": "hidden"}
    resting = [desk.start, *desk.cards.values()]  # a run would draw over an example
    buttons = [*resting, desk.stop]
    inputs = [desk.image, *tabs.settings]
    followed = on_gpu(inversion.followed)
    files = {each.name: each.file for each in record.examples()}
    shown_first = stored.first()[0]
    first = shown_first.sha256 if shown_first else ""

    def switched(running: bool) -> list[dict]:
        return [*(gr.update(interactive=not running) for _ in resting), gr.update(interactive=running)]

    def prepare(
        image: str, mode: str, families: list[str], watch: bool, count: float, random: bool, request: gr.Request
    ) -> list[Any]:
        _stops.prepare(request.session_hash)
        return [words.waiting(), *switched(running=True)]

    def trace_all(
        image: str, mode: str, families: list[str], watch: bool, count: float, random: bool, request: gr.Request
    ) -> Iterator[dict]:
        with readable_errors(), _stops.running(request.session_hash) as stop:
            picture = intake.read(image)
            run = Run("Your image", mode, families, picture.sha256, picture.width, picture.height)
            told = Told(words.subject(run), doing="1 of 2: did any autoencoder leave marks here?")
            yield {**tabs.blank(run), **desk.answer(told)}
            board, why = None, None
            try:
                board = artifact_views.begun(picture, int(count))
                yield from _looked(tabs, board, random, stop)
                told = told.also(artifacts=board.answer)
            except (ModelUnavailable, ThresholdMismatch) as error:
                why = error
                told = told.also(unavailable={"artifacts": str(error)})
                yield {tabs.artifacts.panel.banner: artifact_views.missing(str(error))}
            told = told.also(doing=f"2 of 2: can one of {len(families)} decoders draw it again?")
            yield desk.answer(told)
            try:
                for run in followed(run, picture, stop, watch):  # noqa: B020 - a copy, where another process made it
                    yield tabs.inversion.panel.live(run)
            except (ModelUnavailable, ThresholdMismatch) as error:
                if why:
                    raise
                told = told.also(unavailable={"inversion": str(error)}, doing="")
                yield desk.answer(told)
            else:
                told = told.also(inversion=run.trace, doing="")
                yield {**tabs.inversion.panel.final(run), **desk.answer(told), **_offer(desk)}
            if board:
                yield from _mapped(tabs, board, stop)

    def stop(request: gr.Request) -> dict:
        _stops.stop(request.session_hash)
        return gr.update(interactive=False)

    def settle() -> list[dict]:
        chooser.forget()
        return switched(running=False)

    def fail() -> list[Any]:
        return [words.failed(), *settle()]

    def choose(name: str) -> dict:
        run, looked, drawn, told = stored.everything(name)
        # Not blanked first: a component that is in both would lose its update.
        shown = {**tabs.blank(), **tabs.inversion.panel.final(run)}
        shown |= tabs.artifacts.panel.finished(looked) if looked else {}
        shown |= tabs.regeneration.panel.final(drawn) if drawn else {}
        file = {desk.image: str(files[name]), caption: drawn.caption if drawn else ""}
        return {**shown, **file, **desk.answer(told, drawn.answer if drawn else None)}

    def fresh() -> dict:
        shown = {**tabs.blank(), **desk.answer(Told())}
        del shown[caption]  # which is being written at the same time
        return shown

    def joined_again(told: Told, drawn: Regeneration | None) -> tuple[str, str]:
        return joined.banner(told, drawn), joined.matrix(told, drawn)

    caption = tabs.regeneration.controls.caption
    for button in resting:
        button.click(None, js=SHOW_ANSWER)  # on a phone it is above the buttons
    ready = desk.start.click(
        prepare,
        inputs,
        [desk.banner, *buttons],
        validator=check,
        concurrency_limit=None,
        **hidden,
    )
    waiting = {"show_progress": "full", "show_progress_on": [desk.queue], "api_visibility": "private"}
    traced = ready.success(running.stream(trace_all), inputs, [*tabs.outputs, *desk.shown], **waiting, **ONE_AT_A_TIME)
    traced.success(settle, None, buttons, queue=False, **hidden)
    traced.failure(fail, None, [desk.banner, *buttons], queue=False, **hidden)
    desk.stop.click(stop, None, desk.stop, queue=False, **hidden)
    for name, button in desk.cards.items():
        button.click(partial(choose, name), None, [desk.image, *tabs.outputs, *desk.shown], queue=False, **hidden)
    for changed in (desk.image.upload, desk.image.clear):
        emptied = [each for each in (*tabs.outputs, *desk.shown) if each is not caption]
        changed(fresh, None, emptied, queue=False, **hidden)
    tabs.regeneration.panel.document.change(
        joined_again, [desk.told, tabs.regeneration.panel.answer], [desk.banner, desk.matrix], queue=False, **hidden
    )
    shown = desk.draw.click(lambda: gr.Tabs(selected=drawing_tab), None, frame, queue=False, **hidden)
    shown.then(None, js=PRESS_DRAW)

    def opened(run: Run | None, request: gr.Request) -> dict:
        if run is None or run.sha256 != first:  # a visitor was quicker, and looks at something else already
            return {desk.queue: gr.skip()}
        name = links.example(request.query_params, desk.cards)
        return choose(name) if name else {desk.queue: gr.skip(), **tabs.inversion.later}

    everything = [desk.image, *tabs.outputs, *desk.shown, desk.queue]
    page.load(opened, tabs.inversion.panel.run, everything, js=WHEN_IDLE, queue=False, **hidden)
    endpoint = gr.Button(visible=False)  # carries the public endpoint, which is typed and documented like a function
    endpoint.click(
        running.endpoint(give_verdict),
        [upload(label="Image", visible=False), as_sent(gr.Checkbox, value=False, label="Draw")],
        gr.JSON(visible=False),
        api_name="give_verdict",
        **ONE_AT_A_TIME,
    )


def _looked(tabs: Tabs, board: artifact_views.Board, random: bool, stop: Wish) -> Iterator[dict]:
    """What the detector sees, try by try."""
    panel, shown = tabs.artifacts.panel, time.monotonic()
    yield panel.begun(board)
    seed = time.time_ns() % 2**32 if random else None
    for update in api.artifacts_stream(board.picture, tries=board.total, seed=seed, stop=stop):
        board.take(update)
        if not board.answer and time.monotonic() - shown > PAUSE:
            yield panel.live(board)
            shown = time.monotonic()
    yield {**panel.answered(board), **panel.drawn(board)}


def _mapped(tabs: Tabs, board: artifact_views.Board, stop: Wish) -> Iterator[dict]:
    """Where it sees it, row by row."""
    shown = time.monotonic()
    for update in api.artifacts_map(board.picture):
        board.take(update)
        if update.done == 1 or time.monotonic() - shown > 4 * PAUSE:
            yield tabs.artifacts.panel.drawn(board)
            shown = time.monotonic()
        if stop():
            break


def _offer(desk: Desk) -> dict[gr.components.Component, Any]:
    """What the third kind of evidence would cost, once the machine's speed can be told."""
    return {desk.draw: joined.offer(joined.seconds_to_draw())}
