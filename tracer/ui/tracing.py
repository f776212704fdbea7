"""A Trace as updates of the page: the cheap kinds of evidence one after another, each into its tab as it arrives."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from tracer import api
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.store import ThresholdMismatch
from tracer.image import intake
from tracer.models import device
from tracer.models.errors import ModelUnavailable
from tracer.ui import artifact_views, words
from tracer.ui.components import Wish, on_gpu
from tracer.ui.joined import Told
from tracer.ui.record import Run
from tracer.ui.subject import Desk
from tracer.ui.tabs import artifacts, inversion, regeneration

PAUSE = 0.25  # seconds between two updates of the page, apart from those at the checkpoints

_followed = on_gpu(inversion.followed)


def warm() -> None:
    """Answer a picture of noise in the background, so that the first visitor's does not wait for models to load.

    Not on ZeroGPU, where the GPU is only there during a visitor's call, and `app.py` has loaded the models.
    """
    if not device.zero_gpu():
        threading.Thread(target=_first, name="first answer", daemon=True).start()


def _first() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8)
    with contextlib.suppress(ModelUnavailable, ThresholdMismatch):  # told to whoever asks
        api.verdict(intake.from_array(noise, ""))


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
            *self.artifacts.outputs,
            *drawn,
            self.regeneration.controls.caption,
        ]

    @property
    def settings(self) -> list[gr.components.Component]:
        """What a visitor may have set."""
        return [*self.inversion.settings, *self.artifacts.settings]

    def blank(self) -> dict[gr.components.Component, Any]:
        """Nothing of an earlier picture stays on screen."""
        return {**self.asked(None), **self.regeneration.blank()}

    def asked(self, run: Run | None) -> dict[gr.components.Component, Any]:
        """What a run that has just begun will fill; what was drawn for the same picture stays."""
        return {**self.inversion.panel.blank(run), **self.artifacts.blank()}


def traced(
    desk: Desk, tabs: Tabs, run: Run, picture: intake.Picture, tries: int, random: bool,
    drawn: Regeneration | None, stop: Wish,
) -> Iterator[dict]:  # fmt: skip
    """All that the page shows of a Trace, step by step.

    Args:
        desk: shows the joint answer.
        tabs: show the kinds of evidence.
        run: what inversion will find, empty so far.
        picture: what is inspected.
        tries: windows that the detector looks at.
        random: whether these lie at random places.
        drawn: what the models have drawn for the same picture already, or None.
        stop: tells when to stop.

    Raises:
        ModelUnavailable, ThresholdMismatch: neither kind of evidence can be had.
    """
    told = Told(words.subject(run), doing="1 of 2: did any AI image model's decoder leave marks here?")
    yield {**tabs.asked(run), **desk.answer(told, drawn)}
    why = None
    try:
        board = artifact_views.begun(picture, tries)
        yield from _looked(tabs, board, random, stop)
        told = told.also(artifacts=board.answer)
    except (ModelUnavailable, ThresholdMismatch) as error:
        why = error
        told = told.also(unavailable={"artifacts": str(error)})
        yield {tabs.artifacts.panel.banner: artifact_views.missing(str(error))}
    told = told.also(doing="2 of 2: does the picture lie on a decoder's grid?")
    yield desk.answer(told, drawn)
    try:
        for run in _followed(run, picture, stop):  # noqa: B020 - a copy, where another process made it
            answered = {}
            if run.trace and told.doing:  # the closer look that follows takes longer than the answer may wait
                told = told.also(inversion=run.trace, doing="")
                answered = desk.answer(told, drawn)
            yield {**tabs.inversion.panel.live(run), **answered}
    except (ModelUnavailable, ThresholdMismatch) as error:
        if why:
            raise
        told = told.also(unavailable={"inversion": str(error)}, doing="")
        yield desk.answer(told, drawn)
    else:
        told = told.also(inversion=run.trace, doing="")
        yield {**tabs.inversion.panel.final(run), **desk.answer(told, drawn)}


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
    yield {**panel.answered(board), **panel.drawn(board), **tabs.artifacts.offered(board.answer)}
