"""Calibrate a family of the registry in the background: one at a time, with progress, for a page that goes on working.

On a CPU a full-size family takes long enough that nobody waits for it, and its threshold is worth keeping: the files
that are written are those to commit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tracer.evidence import store
from tracer.evidence.inversion import calibration
from tracer.models import registry
from tracer.models.errors import ModelUnavailable

COUNT = 100  # belonging images, the fewest that hold an error of 1 %; half as many of others


class _Stopped(Exception):
    """Raised inside the work, to end it."""


@dataclass
class Job:
    """One calibration.

    Attributes:
        family: registry id.
        total, done: images to score, and those scored.
        error: why it ended without a threshold, as a sentence; "" where it did not.
        files: what was written: the threshold, and the pattern of the latent grid.
        finished: whether it has ended, one way or the other.
        stopped: set to end it at the next image.
    """

    family: str
    total: int = field(default_factory=lambda: COUNT + COUNT // 2)
    done: int = 0
    error: str = ""
    files: list[Path] = field(default_factory=list)
    finished: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)
    _began: float = 0.0

    def seconds_left(self) -> float | None:
        """An estimate from the images so far; None before the first."""
        passed = time.monotonic() - self._began
        return passed / self.done * (self.total - self.done) if self.done else None


_job: Job | None = None
_lock = threading.Lock()


def current() -> Job | None:
    """The job that runs or ran last."""
    return _job


def missing(name: str) -> list[str]:
    """The families of a line-up that have no threshold for lossless images in fast mode."""
    return [row.id for row in registry.families(name) if not calibration.path_of(row.id, "fast").exists()]


def start(family: str, out: Path | None = None, calibrate: Callable[..., Path] | None = None) -> Job:
    """Begin to calibrate a family in a thread of its own.

    Args:
        family: registry id.
        out: folder for the files; by default the package's, from where the next trace takes them.
        calibrate: what does the work, with the arguments of `belonging.calibrate`, which is the default.

    Raises:
        KeyError: unknown family.
        ValueError: another one is being calibrated.
    """
    global _job
    registry.family(family)
    with _lock:
        if _job and not _job.finished:
            raise ValueError(f"{_job.family} is being calibrated; one family at a time")
        _job = job = Job(family)
    threading.Thread(
        target=_work, args=(job, out or store.FOLDER, calibrate), name=f"calibrate {family}", daemon=True
    ).start()
    return job


def _work(job: Job, out: Path, calibrate: Callable[..., Path] | None) -> None:
    def told(done: int) -> None:
        if job.stopped.is_set():
            raise _Stopped
        job.done = done

    try:
        if calibrate is None:
            from tracer.evidence.inversion.belonging import calibrate
        job._began = time.monotonic()
        path = calibrate(job.family, "fast", COUNT, None, None, out, progress=told)
        job.files = [each for each in (path, out / f"{job.family}.grid.json") if each.exists()]
    except _Stopped:
        job.error = "the calibration was stopped"
    except (ModelUnavailable, ValueError) as error:
        job.error = str(error)
    except OSError as error:
        job.error = f"the threshold cannot be written: {error.strerror or error}"
    except Exception:  # such as torch's own on too little memory; the page only gets a sentence
        job.error = "the calibration ended with an unexpected error"
        raise
    finally:
        job.finished = True
