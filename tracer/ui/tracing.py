"""A Trace as updates of the page: the cheap kinds of evidence one after another, each into its tab as it arrives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tracer import api
from tracer.evidence.store import ThresholdMismatch
from tracer.image import intake
from tracer.models.errors import ModelUnavailable
from tracer.ui import artifact_views, joined, words
from tracer.ui.components import Wish, on_gpu
from tracer.ui.joined import Told
from tracer.ui.record import Run
from tracer.ui.subject import Desk
from tracer.ui.tabs import artifacts, inversion, regeneration

PAUSE = 0.25  # seconds between two updates of the page, apart from those at the checkpoints

_followed = on_gpu(inversion.followed)


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


def traced(
    desk: Desk, tabs: Tabs, run: Run, picture: intake.Picture, tries: int, random: bool, stop: Wish
) -> Iterator[dict]:
    """All that the page shows of a Trace, step by step.

    Args:
        desk: shows the joint answer.
        tabs: show the kinds of evidence.
        run: what inversion will find, empty so far.
        picture: what is inspected.
        tries: windows that the detector looks at.
        random: whether these lie at random places.
        stop: tells when to stop.

    Raises:
        ModelUnavailable, ThresholdMismatch: neither kind of evidence can be had.
    """
    told = Told(words.subject(run), doing="1 of 2: did any AI image model's decoder leave marks here?")
    yield {**tabs.blank(run), **desk.answer(told)}
    board, why = None, None
    try:
        board = artifact_views.begun(picture, tries)
        yield from _looked(tabs, board, random, stop)
        told = told.also(artifacts=board.answer)
    except (ModelUnavailable, ThresholdMismatch) as error:
        why = error
        told = told.also(unavailable={"artifacts": str(error)})
        yield {tabs.artifacts.panel.banner: artifact_views.missing(str(error))}
    told = told.also(doing="2 of 2: does the picture lie on a decoder's grid?")
    yield desk.answer(told)
    try:
        for run in _followed(run, picture, stop):  # noqa: B020 - a copy, where another process made it
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
