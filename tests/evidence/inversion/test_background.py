"""A family is calibrated in the background: once, one at a time, with progress and files to commit."""

from __future__ import annotations

import threading
import time

import pytest

from tests import small_models
from tracer.evidence.inversion import background, calibration
from tracer.evidence.inversion.background import Job
from tracer.models import registry
from tracer.models.errors import ModelUnavailable
from tracer.ui import calibrating


@pytest.fixture(autouse=True)
def nothing_before(monkeypatch):
    monkeypatch.setattr(background, "_job", None)


def ended(job: Job) -> Job:
    for _ in range(600):
        if job.finished:
            return job
        time.sleep(0.1)
    raise AssertionError("it did not end")


def test_a_full_size_family_gets_a_threshold_that_a_trace_would_take(local_hub, tmp_path, monkeypatch):
    row = registry.family("sd1")
    local_hub.add(
        row.source, small_models.make(row.kind, tmp_path / "sd1", config=small_models.CONFIGS[row.kind]), row.subfolder
    )
    monkeypatch.setattr(background, "COUNT", 4)
    job = ended(background.start("sd1", tmp_path / "out"))
    assert not job.error and job.done == 6
    known = calibration.load(job.files[0])
    assert known.family == "sd1" and known.count == 4 and len(known.others) == 2
    assert known.revision.startswith("sha256-bf16:")
    assert "is calibrated" in calibrating.describe(job)


def test_one_at_a_time_and_it_can_be_stopped(tmp_path):
    go = threading.Event()

    def slow(family, mode, count, belonging, photographs, out, progress):
        for done in range(1, count):
            go.wait(10)
            progress(done)

    job = background.start("sd1", tmp_path, slow)
    with pytest.raises(ValueError, match="sd1 is being calibrated"):
        background.start("sdxl", tmp_path, slow)
    job.stopped.set()
    go.set()
    assert ended(job).error == "the calibration was stopped"
    assert not list(tmp_path.iterdir())
    assert "stopped" in calibrating.describe(job)


def test_a_family_that_cannot_be_had_ends_in_a_sentence(tmp_path):
    def fails(*arguments, **options):
        raise ModelUnavailable("the Hub is <away>", "unreachable")

    job = ended(background.start("sd1", tmp_path, fails))
    assert job.error == "the Hub is <away>"
    assert "&lt;away&gt;" in calibrating.describe(job), "what the Hub says is no HTML"
    with pytest.raises(KeyError):
        background.start("nothing", tmp_path, fails)


def test_progress_is_told_with_the_time_that_is_left():
    job = Job("sd1", total=10, done=5)
    job._began = time.monotonic() - 5
    assert "5 of 10 images, about 5 s left" in calibrating.describe(job)
    assert "sd1" in background.missing("full")
