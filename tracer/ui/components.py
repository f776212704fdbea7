"""What every tab of the page shares: its looks, the gate for uploads, the one place for heavy work, and Stop."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import gradio as gr
from gradio.data_classes import ImageData
from gradio_client.utils import is_file_obj_with_meta

from tracer.evidence import store
from tracer.evidence.regeneration import ranking
from tracer.image import intake
from tracer.models import device, prompt_filter
from tracer.models.errors import ModelUnavailable
from tracer.ui import parameters

CSS = Path(__file__).with_name("style.css")
ONE_AT_A_TIME = {"concurrency_id": "model", "concurrency_limit": 1}  # of all tabs together
# Seconds that a run may take before it is stopped like by the button; on ZeroGPU every second is some visitor's quota.
BUDGET = 60 if device.zero_gpu() else 300

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


class _Sent(ImageData):
    """What a page or a program sends as an image; empty where that is no image, so that our own words can say so."""

    @classmethod
    def model_validate(cls, sent: object, **options: object) -> Self:
        if not is_file_obj_with_meta(sent):  # gradio checks only of such that they were uploaded
            return cls()
        return super().model_validate(sent, **options)


def _path(self: gr.Image, payload: ImageData | None) -> str | None:
    """The uploaded file itself. That it was uploaded, gradio has checked before."""
    return payload.path if payload else None


# A gr.Image that hands over its file: gr.Image would open it on the way in, before `intake` has checked its bytes, and
# show a visitor the traceback. Made without gradio's metaclass, which writes a .pyi file beside every module that
# defines a component; `is_template` means that it is drawn like its parent.
_ours = {"preprocess": _path, "data_model": _Sent, "is_template": True}
_Upload = type.__new__(type(gr.Image), "Upload", (gr.Image,), _ours)


def upload(**options: object) -> gr.Image:
    """Where a visitor's image comes in. Its function gets the path of the file, whose bytes are as they were sent."""
    return _Upload(type="filepath", image_mode=None, sources=["upload", "clipboard"], **options)


@contextmanager
def readable_errors() -> Iterator[None]:
    """Show the errors that a visitor can act on. Their texts hold no part of the upload: messages are shown as HTML."""
    try:
        yield
    except (
        intake.IntakeError,
        prompt_filter.Blocked,
        ranking.OverBudget,
        store.ThresholdMismatch,
        ModelUnavailable,
        parameters.Wrong,
    ) as error:
        raise gr.Error(str(error), print_exception=False) from None


@dataclass(frozen=True)
class Wish:
    """Tells a run to stop: once the flag is there, or its time is over. Plain data, so that it reaches other processes.

    Attributes:
        flag: a file's path; "" for none.
        end: as `time.time` counts.
    """

    flag: str
    end: float

    def __call__(self) -> bool:
        """Whether to stop."""
        return time.time() > self.end or (bool(self.flag) and Path(self.flag).exists())


wished: ContextVar[Wish | None] = ContextVar("wished", default=None)  # by whom the present run is for


def budget() -> Wish:
    """What tells a run that its time is over, or that whom it is for has cancelled it or left."""
    return wished.get() or Wish("", time.time() + BUDGET)


def on_gpu(function: Callable) -> Callable:
    """A function that runs where the GPU is: on ZeroGPU in a process of its own, and everywhere else as it is.

    What goes in and out is pickled there, so it has to be plain data; nothing on a GPU may be among it.
    """
    if not device.zero_gpu():
        return function
    import spaces  # only there, and the Space brings it along

    return spaces.GPU(duration=BUDGET)(function)


class Stops:
    """Which sessions asked their run to stop. Kept on the server, since a run cannot see the page."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="latent-lineup-")
        self._flags: OrderedDict[str, Path] = OrderedDict()
        self._lock = threading.Lock()

    def _new(self) -> Path:
        return Path(self._folder.name) / uuid.uuid4().hex

    def prepare(self, session: str) -> None:
        """Before a run takes its place in the queue, so that it can be stopped there already."""
        with self._lock:
            self._flags[session] = self._new()
            while len(self._flags) > _SESSIONS:  # visitors who left while they waited
                self._flags.popitem(last=False)[1].unlink(missing_ok=True)

    def stop(self, session: str) -> None:
        """Ask the session's run to stop at its next step."""
        with self._lock:
            flag = self._flags.get(session)
        if flag:
            flag.touch()

    def busy(self, session: str) -> bool:
        """Whether a run of the session is going on, or waits for its place."""
        with self._lock:
            return session in self._flags

    @contextmanager
    def running(self, session: str) -> Iterator[Wish]:
        """Yield what tells a run to stop: the visitor's wish, or the end of its time."""
        with self._lock:
            flag = self._flags.setdefault(session, self._new())
        try:
            yield Wish(str(flag), time.time() + BUDGET)
        finally:
            with self._lock:
                if self._flags.get(session) is flag:  # a newer run may have taken the place
                    del self._flags[session]
            flag.unlink(missing_ok=True)
