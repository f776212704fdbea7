"""Tab 1: latent inversion, live: the figure that answers, and on demand everything behind it."""

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
from tracer.reports.figures import curves
from tracer.ui import chooser, explain, hero, parameters, playback, reports, running, words
from tracer.ui.components import ONE_AT_A_TIME, Wish, budget, on_gpu, readable_errors, upload, upload_problem
from tracer.ui.controls import run_controls
from tracer.ui.documents import document
from tracer.ui.parameters import as_sent
from tracer.ui.record import Run
from tracer.ui.shown import SHOWN
from tracer.ui.templates import render
from tracer.verdict import wording

PAUSE = 0.25  # seconds between two updates of the page, apart from those that matter
MAPPED_FIRST = "surrogate-flux1"  # family that a program's map is of where it names none
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
    asked = {"families": families} if families else {"lineup": api.LINEUP}
    return document(api.trace(image, mode=mode, stop=stop, **asked), image)


def map_grid(image: str, family: str = MAPPED_FIRST) -> dict[str, Any]:
    """Show where in an image an autoencoder family's decoder drew, window by window (latent inversion).

    Args:
        image: the image file, inspected at its native size; at least 64 pixels a side.
        family: id of the autoencoder family; others than the bundled ones are downloaded.

    Returns:
        The windows (top, left, bottom, right in pixels), and the contrast of each: below 0 where the decoder drew.
    """
    with readable_errors():
        parameters.image(image)
        parameters.one_of("family", family, registry.FAMILIES)
        return on_gpu(_mapped)(image, family, budget())


def _mapped(image: str, family: str, stop: Wish) -> dict[str, Any]:
    told = [*api.grid_map(intake.read(image).pixels, family, stop)]
    windows, contrasts = (told[-1].boxes, told[-1].by_window[family]) if told else ((), ())
    return {"family": family, "windows": windows, "contrasts": contrasts}


@dataclass(frozen=True)
class Panel:
    """What a run fills."""

    banner: gr.HTML
    hero: gr.HTML
    curves: gr.Plot
    curve_words: gr.HTML
    closer: gr.Button
    everywhere: gr.Button
    stop: gr.Button
    numbers: gr.HTML
    explainer: gr.HTML
    among_panel: gr.Accordion
    shown: gr.Radio
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
        found = {self.banner: words.banner(run), self.hero: hero.figure(run)}
        if run.mode != "grid":
            found[self.curves] = gr.Plot(descents(run), visible=True)
            found[self.curve_words] = words.descent_words(run)
        return found

    def final(self, run: Run) -> dict[gr.components.Component, Any]:
        """Everything, for a finished run."""
        best, choices = run.best(), [(hero.title(name), name) for name in run.evidence]
        grid = run.mode == "grid"
        return {
            **self.live(run),
            **({self.curves: gr.Plot(None, visible=False), self.curve_words: None} if grid else {}),
            **{each: gr.Button(visible=bool(grid and run.look)) for each in (self.closer, self.everywhere, self.stop)},
            self.numbers: words.numbers(run),
            self.explainer: words.explainer(run, best),
            self.among_panel: gr.Accordion(open=False),
            self.shown: gr.Radio(choices=choices, value=best or None),
            self.among: None,
            self.among_words: explain.among_words(run, best),
            self.document: wording.document(run.trace),
            self.run: run,
        }

    def blank(self, run: Run | None) -> dict[gr.components.Component, Any]:
        """A run that has just begun, or will: nothing of an earlier image stays on screen."""
        return {
            **dict.fromkeys(self.outputs),
            self.banner: words.banner(run) if run else words.empty(),
            self.hero: hero.figure(run),
            self.curves: gr.Plot(None, visible=False),
            **{each: gr.Button(visible=False) for each in (self.closer, self.everywhere, self.stop)},
            self.numbers: words.numbers(None),
            self.explainer: words.explainer(None, ""),
            self.among_panel: gr.Accordion(open=False),
            self.shown: gr.Radio(choices=[], value=None),
            self.among_words: explain.among_words(None, ""),
        }


@dataclass(frozen=True)
class Tab:
    """What the desk above the tabs needs of this one.

    Attributes:
        panel: what shows answers.
        settings: inputs of a run.
        chooser: which models it asks.
        report: its buttons.
    """

    panel: Panel
    settings: tuple[gr.components.Component, ...]
    chooser: chooser.Chooser
    report: list[gr.components.Component]


def build(image: gr.Image, run: Run | None) -> Tab:
    """Lay the tab out, with what is stored about the first example, and wire what is its own.

    Args:
        image: what is inspected.
        run: the stored run, or None.
    """
    best = run.best() if run else ""
    with gr.Column(elem_classes="tab"):
        shown = gr.HTML(hero.figure(run), elem_id="hero")
        curves = gr.Plot(show_label=False, container=False, visible=False, elem_id="curves")
        curve_words = gr.HTML(elem_id="curve-words")
        there = bool(run and run.look)
        with gr.Row(elem_classes="buttons"):
            everywhere = gr.Button("Map the whole picture", size="sm", min_width=150, visible=there, elem_id="map-grid")
            stop = gr.Button(
                "Stop",
                variant="stop",
                size="sm",
                min_width=60,
                visible=there,
                interactive=False,
                elem_id="stop-map-grid",
            )
            closer = gr.Button(
                "Look at every place of every decoder's grid", size="sm", min_width=150, visible=there, elem_id="closer"
            )
        banner = gr.HTML(words.banner(run) if run else words.empty(), elem_id="verdict")
        with gr.Accordion("The numbers", open=False, elem_id="numbers-panel"):
            numbers = gr.HTML(words.numbers(run), elem_id="numbers")
        with gr.Accordion("How it works, with this picture's numbers", open=False):
            explainer = gr.HTML(words.explainer(run, best), elem_id="explainer")
        with gr.Accordion("Among other pictures", open=False, elem_id="among-others") as among_panel:
            names = [(hero.title(name), name) for name in run.evidence] if run else []
            family = gr.Radio(names, value=best or None, label="Decoder", elem_id="shown")
            among = gr.Plot(show_label=False, container=False, elem_id="scores-among")
            among_words = gr.HTML(explain.among_words(run, best), elem_id="scores-among-words")
        kept = gr.State(run, time_to_live=3600)
        with gr.Accordion("Watch a decoder try, step by step", open=False, elem_id="watch"):
            playback.build(image, kept, playback.stored_first())
        chosen = chooser.build()
        with gr.Accordion("Settings and limits", open=False, elem_id="settings"):
            mode = gr.Radio(MODES, value="grid", label="Mode, from the next run on", elem_id="mode")
            gr.HTML(render("limits.html"))
            gr.Markdown(words.settings_table(), elem_classes="settings")
        with gr.Accordion("Full result and report", open=False):
            document = gr.JSON(
                wording.document(run.trace) if run else None, label="Result", max_height=500, elem_id="document"
            )
            report = reports.build()
    panel = Panel(
        banner, shown, curves, curve_words, closer, everywhere, stop, numbers, explainer, among_panel, family,
        among, among_words, document, kept,
    )  # fmt: skip
    _wire(image, mode, panel)
    return Tab(panel, (mode, chosen.families), chosen, report)


def descents(run: Run):
    """The paper's curves so far."""
    pairs = {hero.title(name): (known.on, known.beside) for name, known in run.descents.items()}
    return curves.descents(pairs, max((each.of for each in run.descents.values()), default=100))


def _wire(image: gr.Image, mode: gr.Radio, panel: Panel) -> None:
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    work = on_gpu(looked_at)

    def among(run: Run | None, family: str | None) -> list:
        return [explain.among(run, family or ""), explain.among_words(run, family or "")]

    def explained(run: Run | None, family: str | None) -> str:
        return words.explainer(run, family or "")

    def every_place(image: str, run: Run) -> Iterator[dict]:
        for name in run.families:
            run = work(run, intake.read(image), [name])
            yield {panel.hero: hero.figure(run), panel.run: run}

    def come_closer(image: str | None, run: Run | None, request: gr.Request) -> Iterator[dict]:
        with readable_errors():
            if image is None or run is None or run.trace is None or intake.read(image).sha256 != run.sha256:
                raise intake.IntakeError("The picture is another one than that of the result.")
            yield from SHOWN.updates(request.session_hash, image, every_place(image, run))

    asked = [panel.run, panel.shown]
    panel.among_panel.expand(among, asked, [panel.among, panel.among_words], **quiet)
    panel.shown.input(among, asked, [panel.among, panel.among_words], **quiet)
    panel.shown.input(explained, asked, panel.explainer, **quiet)
    closer = running.stream(come_closer)
    panel.closer.click(closer, [image, panel.run], [panel.hero, panel.run], **quiet, **ONE_AT_A_TIME)

    whole = on_gpu(everywhere)

    def mapped(image: str, run: Run | None, stop: Wish) -> Iterator[dict]:
        picture = intake.read(image)
        if run is None or run.look is None or picture.sha256 != run.sha256:
            raise intake.IntakeError("The picture is another one than that of the result.")
        for run in whole(run, picture, stop):  # noqa: B020 - a copy, where another process made it
            yield {panel.hero: hero.figure(run), panel.run: run}

    checked = lambda image, run: [upload_problem(image), gr.validate(True, "")]  # noqa: E731 - of one line
    run_controls(panel.everywhere, panel.stop, mapped, [image, panel.run], [panel.hero, panel.run], check=checked)
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
    one = as_sent(gr.Radio, choices=list(registry.FAMILIES), value=MAPPED_FIRST, label="Family")
    gr.Button(visible=False).click(
        running.endpoint(map_grid),
        [upload(label="Image", visible=False), one],
        gr.JSON(visible=False),
        api_name="map_grid",
        **ONE_AT_A_TIME,
    )


def followed(run: Run, picture: intake.Picture, stop: Wish) -> Iterator[Run]:
    """Yield the run whenever the page should show it: at every window, and else every `PAUSE` seconds."""
    shown = 0.0
    for update in api.trace_stream(picture, families=run.families, mode=run.mode, stop=stop):
        if run.take(update) or time.monotonic() - shown > PAUSE:
            yield run
            shown = time.monotonic()
    if run.mode == "grid" and run.look and not stop():
        from tracer.models import cache  # torch from here on

        named = run.trace.verdict.families if run.trace.verdict.kind == "family" else ()
        # Where nobody is named, what the best leaves over is enough, and not worth loading a large model again.
        for name in named or ([run.best()] if cache.loaded(registry.family(run.best())) else []):
            run.come_closer(picture, name, every_offset=bool(named))
        yield run


def everywhere(run: Run, picture: intake.Picture, stop: Wish) -> Iterator[Run]:
    """Yield the run while its best family is asked about every window."""
    shown = 0.0
    for _ in run.everywhere(picture, stop):
        if time.monotonic() - shown > PAUSE:
            yield run
            shown = time.monotonic()
    yield run


def looked_at(run: Run, picture: intake.Picture, families: list[str] | tuple[str, ...]) -> Run:
    """The run after a closer look at some of its families."""
    for name in families:
        run.come_closer(picture, name)
    return run
