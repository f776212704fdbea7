"""One Trace for all tabs: the cheap kinds of evidence one after another, each into its tab as it arrives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from tracer.ui.subject import Desk, Shown
from tracer.ui.tabs import artifacts, inversion, regeneration
from tracer.verdict import wording

PAUSE = 0.25  # seconds between two updates of the page, apart from those at the checkpoints
SHOW_ANSWER = "() => document.querySelector('#joint').scrollIntoView({block: 'nearest'})"
# After the first paint, which should not wait for an example that the address names.
WHEN_IDLE = """(...given) => new Promise(resolve => {
  const soon = () => resolve(given);
  window.requestIdleCallback ? requestIdleCallback(soon, {timeout: 2000}) : setTimeout(soon, 500);
})"""
# The tab may have to be drawn first.
PRESS_DRAW = """() => new Promise(done => { let left = 100; const look = setInterval(() => {
  const button = document.querySelector('#draw');
  if (button || !left--) { clearInterval(look); button && button.click(); done(); } }, 100); })"""

_stops, _shown = Stops(), Shown()


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
    """Validate the inputs of a run; one answer per input. All is said beside the picture, where it is seen."""
    picture = upload_problem(image)
    if picture["is_valid"] and not families:
        picture = gr.validate(False, "No model is chosen: open “Which models to ask”.")
    return [picture, *(gr.validate(True, "") for _ in (mode, families, *rest))]


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
        image: str, mode: str, families: list[str], count: float, random: bool, request: gr.Request
    ) -> list[Any]:
        _stops.prepare(request.session_hash)
        _shown.set(request.session_hash, intake.read(image).sha256)
        return [words.waiting(), *switched(running=True)]

    def trace_all(
        image: str, mode: str, families: list[str], count: float, random: bool, request: gr.Request
    ) -> Iterator[dict]:
        session = request.session_hash
        with readable_errors(), _stops.running(session) as stop:
            picture = intake.read(image)
            for update in inspected(picture, mode, families, int(count), random, stop):
                if not _shown.same(session, picture.sha256):  # another picture lies there by now
                    return
                yield update

    def inspected(
        picture: intake.Picture, mode: str, families: list[str], count: int, random: bool, stop: Wish
    ) -> Iterator[dict]:
        run = Run.of(picture, mode, families)
        told = Told(words.subject(run), doing="1 of 2: did any AI image model's decoder leave marks here?")
        yield {**tabs.blank(run), **desk.answer(told)}
        board, why = None, None
        try:
            board = artifact_views.begun(picture, count)
            yield from _looked(tabs, board, random, stop)
            told = told.also(artifacts=board.answer)
        except (ModelUnavailable, ThresholdMismatch) as error:
            why = error
            told = told.also(unavailable={"artifacts": str(error)})
            yield {tabs.artifacts.panel.banner: artifact_views.missing(str(error))}
        told = told.also(doing="2 of 2: does the picture lie on a decoder's grid?")
        yield desk.answer(told)
        try:
            for run in followed(run, picture, stop):  # noqa: B020 - a copy, where another process made it
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

    def settle(request: gr.Request) -> list[dict]:
        chooser.forget()
        if _stops.busy(request.session_hash):  # a newer picture's run has taken over
            return [gr.skip() for _ in buttons]
        return switched(running=False)

    def fail(request: gr.Request) -> list[Any]:
        settled = settle(request)
        return [gr.skip() if _stops.busy(request.session_hash) else words.failed(), *settled]

    def choose(name: str, session: str = "") -> dict:
        run, looked, drawn, told = stored.everything(name)
        if session:
            _shown.set(session, run.sha256)
        # Not blanked first: a component that is in both would lose its update.
        shown = {**tabs.blank(), **tabs.inversion.panel.final(run)}
        shown |= tabs.artifacts.panel.finished(looked) if looked else {}
        shown |= tabs.regeneration.panel.final(drawn) if drawn else {}
        file = {desk.image: str(files[name]), caption: drawn.caption if drawn else ""}
        return {**shown, **file, **desk.answer(told, drawn.answer if drawn else None)}

    def choosing(name: str) -> Callable[[gr.Request], dict]:
        def chosen(request: gr.Request) -> dict:
            return choose(name, request.session_hash)

        return chosen

    def fresh(request: gr.Request) -> dict:
        _stops.stop(request.session_hash)  # what runs is about another picture
        _shown.set(request.session_hash, "")
        shown = {**tabs.blank(), **desk.answer(Told())}
        del shown[caption]  # which is being written at the same time
        return shown

    def joined_again(told: Told, drawn: Regeneration | None) -> dict:
        return desk.answer(told, drawn)

    caption = tabs.regeneration.controls.caption
    for button in resting:
        button.click(None, js=SHOW_ANSWER)  # on a phone it is above the buttons
    emptied = [each for each in (*tabs.outputs, *desk.shown) if each is not caption]
    desk.image.clear(fresh, None, emptied, queue=False, **hidden)
    laid_down = desk.image.upload(fresh, None, emptied, queue=False, **hidden)
    begun = {"inputs": inputs, "outputs": [desk.banner, *buttons], "validator": check, "concurrency_limit": None}
    waiting = {"show_progress": "full", "show_progress_on": [desk.queue], "api_visibility": "private"}
    # "multiple": the run about an earlier picture may still be ending.
    for ready in (desk.start.click(prepare, **begun, **hidden), laid_down.then(prepare, **begun, **hidden)):
        traced = ready.success(
            running.stream(trace_all),
            inputs,
            [*tabs.outputs, *desk.shown],
            trigger_mode="multiple",
            **waiting,
            **ONE_AT_A_TIME,
        )
        traced.success(settle, None, buttons, queue=False, **hidden)
        traced.failure(fail, None, [desk.banner, *buttons], queue=False, **hidden)
    desk.stop.click(stop, None, desk.stop, queue=False, **hidden)
    for name, button in desk.cards.items():
        button.click(choosing(name), None, [desk.image, *tabs.outputs, *desk.shown], queue=False, **hidden)
    tabs.regeneration.panel.document.change(
        joined_again, [desk.told, tabs.regeneration.panel.answer], desk.shown, queue=False, **hidden
    )
    shown = desk.draw.click(lambda: gr.Tabs(selected=drawing_tab), None, frame, queue=False, **hidden)
    shown.then(None, js=PRESS_DRAW)

    def opened(run: Run | None, request: gr.Request) -> dict:
        if run is None or run.sha256 != first:  # a visitor was quicker, and looks at something else already
            return {desk.queue: gr.skip()}
        name = links.example(request.query_params, desk.cards)
        return choose(name, request.session_hash) if name else {desk.queue: gr.skip()}

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
    return {desk.draw: gr.Button(joined.offer(joined.seconds_to_draw()), visible=True)}
