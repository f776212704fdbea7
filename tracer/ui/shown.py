"""Which picture every visitor has before them: what is found about another one is stopped, and never shown."""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tracer.image import gate
from tracer.ui.components import Stops

_SESSIONS = 1000  # of which the picture is remembered


class Shown:
    """The pictures by session, as digests of their files; "" for none."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[str, str] = OrderedDict()
        self._stops: weakref.WeakSet[Stops] = weakref.WeakSet()
        self._lock = threading.Lock()

    def stopping(self, stops: Stops) -> None:
        """These runs are about the picture, and end when another one is laid down."""
        self._stops.add(stops)

    def set(self, session: str, sha256: str) -> None:
        """A picture is laid down, or taken away; whatever runs is about an earlier one, or has to begin anew."""
        with self._lock:
            self._pictures[session] = sha256
            self._pictures.move_to_end(session)
            while len(self._pictures) > _SESSIONS:
                self._pictures.popitem(last=False)
        for stops in list(self._stops):
            stops.stop(session)

    def cleared(self, session: str) -> bool:
        """Whether a picture lay there, and none does any more."""
        with self._lock:
            return self._pictures.get(session) == ""

    def same(self, session: str, sha256: str) -> bool:
        """Whether it still lies there."""
        with self._lock:
            return self._pictures.get(session, sha256) == sha256

    def updates(self, session: str, path: str, found: Iterator[Any]) -> Iterator[Any]:
        """What is found about the file at a path, for as long as it is the one that lies there."""
        sha256 = digest(path)
        with closing(found):
            for update in found:
                if not self.same(session, sha256):
                    return
                yield update


def digest(path: str | Path | None) -> str:
    """What identifies a file; "" for none, and for one that cannot be read."""
    if path is None:
        return ""
    try:
        return hashlib.sha256(gate.contents(path)).hexdigest()
    except (gate.IntakeError, OSError):
        return ""


SHOWN = Shown()
