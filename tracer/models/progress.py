"""What long work is given: whether to go on, and whom to tell how far it is."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from tracer.models.errors import ModelUnavailable

POLL = 0.2  # seconds between two looks at work in another thread

Result = TypeVar("Result")


@dataclass(frozen=True)
class Progress:
    """The context of long work; by default it runs to its end and tells nobody.

    Attributes:
        stop: asked now and then, in the thread that works; once True, the work ends.
        emit: called with every event, in the thread that works.
    """

    stop: Callable[[], bool] = lambda: False
    emit: Callable[[object], None] = lambda event: None


SILENT = Progress()


@dataclass(frozen=True)
class Downloading:
    """How far a download is: bytes that have arrived, and bytes in all (0 while that is not known)."""

    done: int
    total: int


def streamed(
    work: Callable[[Progress], Result], stop: Callable[[], bool], name: str
) -> Generator[object, None, Result]:
    """Work in a thread of its own, its events as a stream: for generators that call it, until inversion is rewritten.

    Args:
        work: takes the context, returns the result.
        stop: asked between two looks at the thread; once True, the stream ends at once and the work soon after.
        name: of the thread.

    Yields:
        The events, and the last one again while there is no newer one, so that a reader who left is noticed.

    Returns:
        What `work` returns.

    Raises:
        ModelUnavailable: stopped.
        Exception: whatever `work` raises.
    """
    left, events, outcome = threading.Event(), queue.SimpleQueue(), []

    def run() -> None:
        try:
            outcome.append(work(Progress(left.is_set, events.put)))
        except Exception as error:  # raised again where somebody waits for it
            outcome.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    last: object = Downloading(0, 0)
    try:
        while thread.is_alive() or not events.empty():
            with contextlib.suppress(queue.Empty):
                last = events.get(timeout=POLL)
            yield last
            if stop():
                raise ModelUnavailable("the download was stopped", "stopped")
    finally:
        left.set()  # also where the reader left
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]
