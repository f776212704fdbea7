"""Start, stop and stream: how a tab's run is wired to its two buttons."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import gradio as gr
from gradio.components import Component

from tracer.ui import running
from tracer.ui.components import ONE_AT_A_TIME, Stops, readable_errors
from tracer.ui.shown import SHOWN

HIDDEN = {"api_visibility": "private", "show_progress": "hidden"}
NOTHING: Mapping[Component, Any] = MappingProxyType({})


def run_controls(
    start: gr.Button,
    stop: gr.Button,
    work: Callable[..., Iterator],
    inputs: Sequence[Component],
    outputs: Sequence[Component],
    *,
    check: Callable[..., list[dict]],
    waiting: Mapping[Component, Any] = NOTHING,
    failed: Mapping[Component, Any] = NOTHING,
) -> Callable[[str], None]:
    """Let one button start a run and another one stop it; only the one that can be used can be pressed.

    Args:
        start, stop: the buttons.
        work: yields updates of the outputs; gets the values of the inputs, and what tells it to stop (`Wish`).
        inputs: of `work` and `check`. Where the picture is among them, the run ends when another one is laid down.
        outputs: what `work` fills.
        check: validates the inputs before the run takes a place in the queue; one answer per input.
        waiting: what is shown from the click until the first update.
        failed: what is shown where the run ended in an error.

    Returns:
        What stops a session's run, for whoever lays down another picture.
    """
    stops, buttons = Stops(), [start, stop]
    picture = next((place for place, each in enumerate(inputs) if isinstance(each, gr.Image)), None)
    if picture is not None:
        SHOWN.stopping(stops)

    def switched(running: bool) -> dict[Component, dict]:
        return {start: gr.update(interactive=not running), stop: gr.update(interactive=running)}

    def prepare(request: gr.Request, *given: Any) -> dict[Component, Any]:
        stops.prepare(request.session_hash)
        return {**_copied(waiting), **switched(running=True)}

    def stream(request: gr.Request, *given: Any) -> Iterator:
        with readable_errors(), stops.running(request.session_hash) as wish:
            found = work(*given, wish)
            yield from found if picture is None else SHOWN.updates(request.session_hash, given[picture], found)

    def end(request: gr.Request) -> dict:
        stops.stop(request.session_hash)
        return gr.update(interactive=False)

    def settle() -> dict[Component, Any]:
        return switched(running=False)

    def fail() -> dict[Component, Any]:
        return {**_copied(failed), **settle()}

    ready = start.click(prepare, inputs, [*waiting, *buttons], validator=check, concurrency_limit=None, **HIDDEN)
    ran = ready.success(running.stream(stream), inputs, outputs, **HIDDEN, **ONE_AT_A_TIME)
    ran.success(settle, None, buttons, queue=False, **HIDDEN)
    ran.failure(fail, None, [*failed, *buttons], queue=False, **HIDDEN)
    stop.click(end, None, stop, queue=False, **HIDDEN)
    return stops.stop


def _copied(shown: Mapping[Component, Any]) -> dict[Component, Any]:
    """The same updates once more: gradio takes those apart that it is given."""
    return {where: copy.copy(what) for where, what in shown.items()}
