"""What long work is given: whether to go on, and whom to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


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
