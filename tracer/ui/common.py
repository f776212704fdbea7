"""What every tab of the page shares: its looks, the gate for uploads, the one place for heavy work, and Stop."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr

from tracer import calibration, intake
from tracer.weights import ModelUnavailable

CSS = Path(__file__).with_name("style.css")
ONE_AT_A_TIME = {"concurrency_id": "model", "concurrency_limit": 1}  # of all tabs together
BUDGET = 300  # seconds that a run may take before it is stopped like by the button

_SESSIONS = 1000  # of which a wish to stop is remembered


def theme() -> gr.themes.Base:
    """Monochrome has the best contrast of the built-in themes; the reader's own fonts need no download."""
    return gr.themes.Monochrome(
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
        radius_size=gr.themes.sizes.radius_md,
    )


def upload_problem(path: str | None) -> dict:
    """Refuse an unusable file before it takes a place in the queue."""
    problem = intake.problem_with(path)  # one of intake's constant sentences, or None
    return gr.validate(problem is None, problem or "")


def _path(self: gr.Image, payload: gr.data_classes.ImageData | None) -> str | None:
    """The uploaded file itself. That it was uploaded, gradio has checked before."""
    return payload.path if payload else None


# A gr.Image that hands over its file: gr.Image would open it on the way in, before `intake` has checked its bytes, and
# show a visitor the traceback. Made without gradio's metaclass, which writes a .pyi file beside every module that
# defines a component; `is_template` means that it is drawn like its parent.
_Upload = type.__new__(type(gr.Image), "Upload", (gr.Image,), {"preprocess": _path, "is_template": True})


def upload(**options: object) -> gr.Image:
    """Where a visitor's image comes in. Its function gets the path of the file, whose bytes are as they were sent."""
    return _Upload(type="filepath", image_mode=None, sources=["upload", "clipboard"], **options)


@contextmanager
def readable_errors() -> Iterator[None]:
    """Show the errors that a visitor can act on. Their texts hold no part of the upload: messages are shown as HTML."""
    try:
        yield
    except (intake.IntakeError, calibration.ThresholdMismatch, ModelUnavailable) as error:
        raise gr.Error(str(error), print_exception=False) from None


def budget() -> Callable[[], bool]:
    """What tells a run that its time is over."""
    end = time.monotonic() + BUDGET
    return lambda: time.monotonic() > end


class Stops:
    """Which sessions asked their run to stop. Kept on the server, since a run cannot see the page."""

    def __init__(self) -> None:
        self._events: OrderedDict[str, threading.Event] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self, session: str) -> None:
        """Before a run takes its place in the queue, so that it can be stopped there already."""
        with self._lock:
            self._events[session] = threading.Event()
            while len(self._events) > _SESSIONS:  # visitors who left while they waited
                self._events.popitem(last=False)

    def stop(self, session: str) -> None:
        """Ask the session's run to stop at its next step."""
        with self._lock:
            event = self._events.get(session)
        if event:
            event.set()

    @contextmanager
    def running(self, session: str) -> Iterator[Callable[[], bool]]:
        """Yield what tells a run to stop: the visitor's wish, or the end of its time."""
        with self._lock:
            event = self._events.setdefault(session, threading.Event())
        over = budget()
        try:
            yield lambda: event.is_set() or over()
        finally:
            with self._lock:
                if self._events.get(session) is event:  # a newer run may have taken the place
                    del self._events[session]
