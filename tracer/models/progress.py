"""What long work is given: whether to go on, and whom to tell how far it is."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


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


def streamed(work: Callable[[Progress], Any], stop: Callable[[], bool] = SILENT.stop) -> Iterator[Any]:
    """Run work in a thread and yield its events, then its result.

    Closing the stream stops the work, and waits until its thread has ended: nothing goes on that nobody reads.

    Args:
        work: takes a context, returns the result.
        stop: asked by the work, in its thread.

    Raises:
        Exception: whatever the work raises.
    """
    left, events, outcome = threading.Event(), queue.SimpleQueue(), []
    progress = Progress(lambda: left.is_set() or stop(), events.put)

    def run() -> None:
        try:
            outcome.append(work(progress))
        except BaseException as error:  # raised again where somebody reads
            outcome.append(error)
        events.put(_END)

    thread = threading.Thread(target=run, name="work", daemon=True)
    thread.start()
    try:
        while (event := events.get()) is not _END:
            yield event
    finally:
        left.set()
        thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    yield outcome[0]


_END = object()
