"""The desk above the tabs, wired to them: new pictures, stored examples, and one run for all kinds of evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from tracer import api
from tracer.evidence.regeneration.decision import Regeneration
from tracer.image import intake
from tracer.image.provenance import AT_ONCE
from tracer.ui import chooser, further, joined, links, parameters, provenance, record, reports, running, stored, words
from tracer.ui.components import ONE_AT_A_TIME, Stops, Wish, budget, on_gpu, readable_errors, upload, upload_problem
from tracer.ui.controls import HIDDEN
from tracer.ui.documents import document
from tracer.ui.joined import Told
from tracer.ui.parameters import as_sent
from tracer.ui.record import Run
from tracer.ui.shown import SHOWN, digest
from tracer.ui.subject import Desk
from tracer.ui.tracing import Tabs, traced

SHOW_ANSWER = "() => document.querySelector('#joint').scrollIntoView({block: 'nearest'})"
# After the first paint, which should not wait for an example that the address names.
WHEN_IDLE = """(...given) => new Promise(resolve => {
  const soon = () => resolve(given);
  window.requestIdleCallback ? requestIdleCallback(soon, {timeout: 2000}) : setTimeout(soon, 500);
})"""
OWN = "() => { document.dispatchEvent(new Event('own-picture')) }"  # what is shown is no example any more: `links.js`
# The tab may have to be drawn first.
PRESS_DRAW = """() => new Promise(done => { let left = 100; const look = setInterval(() => {
  const button = document.querySelector('#draw');
  if (button || !left--) { clearInterval(look); button && button.click(); done(); } }, 100); })"""

_stops = Stops()
SHOWN.stopping(_stops)


def give_verdict(image: str, draw: bool = False) -> dict[str, Any]:
    """Find out which latent generative model, if any, made an image, from all kinds of evidence together.

    Args:
        image: the image file, inspected at its native size; at least 64 pixels a side.
        draw: whether the generators draw the image's caption too, which takes about half a minute.

    Returns:
        The joint verdict with its sentence, how well it is supported, which kinds of evidence agree or contradict each
        other, who says what about which family, the full document of every kind of evidence, the answer in plain
        words, and what the file claims about itself.
    """
    with readable_errors():
        parameters.image(image)
        return on_gpu(_answered)(image, parameters.yes_or_no("draw", draw), budget())


def _answered(image: str, draw: bool, stop: Wish) -> dict[str, Any]:
    return document(api.verdict(image, draw=draw, stop=stop), image)


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
    laid_down = _pictures(page, desk, tabs)
    _runs(desk, tabs, laid_down)
    tabs.regeneration.follow(laid_down)
    tabs.artifacts.draw_maps(desk.told)
    drawn = tabs.regeneration.panel.answer
    reports.wire_card(desk.make_card, desk.card, desk.image, desk.told, drawn)
    reports.wire(
        tabs.inversion.report, desk.image, tabs.inversion.panel.run, desk.told, drawn, tabs.regeneration.panel.document
    )
    tabs.regeneration.panel.document.change(
        desk.answer, [desk.told, tabs.regeneration.panel.answer], desk.shown, queue=False, **HIDDEN
    )
    shown = desk.draw.click(lambda: gr.Tabs(selected=drawing_tab), None, frame, queue=False, **HIDDEN)
    shown.then(None, js=PRESS_DRAW)
    endpoint = gr.Button(visible=False)  # carries the public endpoint, which is typed and documented like a function
    endpoint.click(
        running.endpoint(give_verdict),
        [upload(label="Image", visible=False), as_sent(gr.Checkbox, value=False, label="Draw")],
        gr.JSON(visible=False),
        api_name="give_verdict",
        **ONE_AT_A_TIME,
    )


def _pictures(page: gr.Blocks, desk: Desk, tabs: Tabs) -> gr.events.Dependency:
    """Show what is stored about an example, and nothing about a new picture; returns the event of the latter.

    There is one order for every new picture: what runs is stopped, all that is said about an earlier one goes, and
    only then begins what is about the new one.
    """
    caption = tabs.regeneration.controls.caption
    files = {each.name: each.file for each in record.examples()}
    shown_first = stored.first()[0]
    first = shown_first.sha256 if shown_first else ""

    def choose(name: str, session: str) -> dict:
        run, looked, drawn, told = stored.everything(name)
        if session:
            SHOWN.set(session, run.sha256)
        # Not blanked first: a component that is in both would lose its update.
        shown = {**tabs.blank(), **tabs.inversion.panel.final(run)}
        shown |= tabs.artifacts.panel.finished(looked) if looked else {}
        shown |= tabs.regeneration.panel.final(drawn) if drawn else {}
        file = {desk.image: str(files[name]), caption: drawn.caption if drawn else ""}
        file |= {desk.claim: "", desk.claims: provenance.told(None)[1]}
        return {**shown, **file, **desk.answer(told, drawn.answer if drawn else None)}

    def choosing(name: str) -> Callable[[gr.Request], dict]:
        def chosen(request: gr.Request) -> dict:
            return choose(name, request.session_hash)

        return chosen

    def fresh(image: str | None, request: gr.Request) -> dict:
        SHOWN.set(request.session_hash, digest(image))
        shown = {**tabs.blank(), **desk.answer(Told()), desk.claim: "", desk.claims: provenance.told(None)[1]}
        if image and (problem := intake.problem_with(image)):
            shown[desk.banner] = joined.refused(problem)
        return shown

    def told(image: str | None, request: gr.Request) -> dict:
        line, table = provenance.told(image)
        same = SHOWN.same(request.session_hash, digest(image))
        return {desk.claim: line, desk.claims: table} if same else {desk.claim: gr.skip()}

    def opened(run: Run | None, request: gr.Request) -> dict:
        if run is None or run.sha256 != first:  # a visitor was quicker, and looks at something else already
            return {desk.queue: gr.skip()}
        name = links.example(request.query_params, desk.cards)
        return choose(name, request.session_hash) if name else {desk.queue: gr.skip()}

    claims = [desk.claim, desk.claims]
    emptied = [*tabs.outputs, *desk.shown, *claims]
    everything = [desk.image, *emptied]
    quiet = {"queue": False, **HIDDEN}
    changed = [button.click(choosing(name), None, everything, **quiet) for name, button in desk.cards.items()]
    changed.append(page.load(opened, tabs.inversion.panel.run, [*everything, desk.queue], js=WHEN_IDLE, **quiet))
    gr.on([desk.image.clear, desk.image.upload], None, js=OWN, **quiet)
    desk.image.clear(fresh, desk.image, emptied, **quiet)
    laid_down = desk.image.upload(fresh, desk.image, emptied, **quiet)
    for event in (*changed, laid_down):
        event.then(told, desk.image, claims, concurrency_limit=AT_ONCE, **HIDDEN)
    return laid_down


def _runs(desk: Desk, tabs: Tabs, laid_down: gr.events.Dependency) -> None:
    """Start a run with every new picture and at the button; stop it at the other one."""
    resting = [desk.start, *desk.cards.values()]  # a run would draw over an example
    buttons = [*resting, desk.stop]
    inputs = [desk.image, *tabs.settings, tabs.regeneration.panel.answer]
    outputs = [*tabs.outputs, *desk.shown]

    def switched(running: bool) -> list[dict]:
        return [*(gr.update(interactive=not running) for _ in resting), gr.update(interactive=running)]

    def prepare(request: gr.Request, image: str, *settings: Any) -> list[Any]:
        _stops.prepare(request.session_hash)
        return [words.waiting(), *switched(running=True)]

    def trace_all(
        image: str, mode: str, families: list[str], count: float, random: bool, drawn: Regeneration | None,
        request: gr.Request,
    ) -> Iterator[dict]:  # fmt: skip
        session = request.session_hash
        with readable_errors(), _stops.running(session) as stop:
            picture = intake.read(image)
            run = Run.of(picture, mode, families)
            found = traced(desk, tabs, run, picture, int(count), random, drawn, stop)
            yield from SHOWN.updates(session, image, found)

    def stop(request: gr.Request) -> dict:
        _stops.stop(request.session_hash)
        return gr.update(interactive=False)

    def settle(request: gr.Request) -> dict:
        chooser.forget()
        session = request.session_hash
        if _stops.busy(session):  # a newer picture's run has taken over
            return {desk.stop: gr.skip()}
        # The last update may have crossed with the picture's removal on its way.
        gone = {**tabs.blank(), **desk.answer(Told())} if SHOWN.cleared(session) else {}
        return {**gone, **dict(zip(buttons, switched(running=False), strict=True))}

    def fail(request: gr.Request) -> dict:
        over = SHOWN.cleared(request.session_hash) or _stops.busy(request.session_hash)
        return {**({} if over else {desk.banner: words.failed()}), **settle(request)}

    for button in resting:
        button.click(None, js=SHOW_ANSWER)  # on a phone it is above the buttons
    begun = {"inputs": inputs, "outputs": [desk.banner, *buttons], "validator": check, "concurrency_limit": None}
    waiting = {"show_progress": "full", "show_progress_on": [desk.queue], "api_visibility": "private"}
    stream = {"trigger_mode": "multiple", **waiting, **ONE_AT_A_TIME}  # the run before may still be ending
    chosen = tabs.inversion.chooser
    asked = desk.further.click(
        lambda told: further.choose(told.inversion, chosen), desk.told, list(vars(chosen).values()), **HIDDEN
    )
    for ready in (
        desk.start.click(prepare, **begun, **HIDDEN),
        laid_down.then(prepare, **begun, **HIDDEN),
        asked.success(prepare, **begun, **HIDDEN),
    ):
        ran = ready.success(running.stream(trace_all), inputs, outputs, **stream)
        ran.success(settle, None, [*outputs, *buttons], queue=False, **HIDDEN)
        ran.failure(fail, None, [*outputs, *buttons], queue=False, **HIDDEN)
    desk.stop.click(stop, None, desk.stop, queue=False, **HIDDEN)
