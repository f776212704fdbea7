"""Nothing that was found about another picture is shown, whichever way it was laid down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from gradio.utils import deep_hash

from tests.conftest import ROOT
from tracer.image import intake
from tracer.ui import components, record, reports, stored
from tracer.ui.shown import Shown, digest

FOX = ROOT / "examples" / "fox-by-mini-kl-noto.png"
PHOTOGRAPH = ROOT / "examples" / "photograph.png"


def test_a_picture_is_known_by_its_file(tmp_path: Path):
    assert digest(FOX) == intake.read(FOX).sha256
    assert digest(None) == digest(str(tmp_path / "gone.png")) == ""


def test_what_is_found_about_another_picture_is_dropped():
    shown = Shown()
    shown.set("here", "a")
    assert shown.same("here", "a") and not shown.same("here", "b")
    assert shown.same("a program", "b"), "which has no picture before it"
    assert not shown.cleared("here") and not shown.cleared("a program")
    shown.set("here", "")
    assert not shown.same("here", "a") and shown.cleared("here")


def test_another_picture_ends_the_updates_and_closes_their_source():
    shown, closed = Shown(), []

    def found() -> Iterator[int]:
        try:
            yield from range(10)
        finally:
            closed.append(True)

    shown.set("here", digest(FOX))
    updates = shown.updates("here", str(FOX), found())
    assert next(updates) == 0
    shown.set("here", digest(PHOTOGRAPH))
    assert list(updates) == [] and closed
    assert list(shown.updates("elsewhere", str(FOX), found())) == list(range(10))


def test_another_picture_stops_every_run_about_the_first():
    shown, about, beside = Shown(), components.Stops(), components.Stops()
    shown.stopping(about)
    with about.running("here") as run, about.running("there") as strangers, beside.running("here") as lesson:
        shown.set("here", "b")
        assert run() and not strangers() and not lesson()


def test_whatever_the_page_runs_about_the_picture_is_dropped_with_it():
    """Every event with the picture among its inputs that streams into the page asks whether it still lies there."""
    import inspect

    import app

    page = app.build()
    streams = []
    for event in page.fns.values():
        if any(each.elem_id == "upload" for each in event.inputs if isinstance(each, gr.Image)):
            function = inspect.unwrap(event.fn)
            if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
                streams.append((event.name, inspect.getsource(function)))
    assert len(streams) >= 5
    files = ("_made", "_card")  # which compare the hashes before they begin, and give a file
    assert not [name for name, source in streams if "SHOWN.updates" not in source and name not in files]


def test_a_report_is_refused_about_another_picture():
    joint = stored.everything(record.examples()[0].name)[-1].joint()
    with pytest.raises(intake.IntakeError, match="another one"):
        reports._texts(str(PHOTOGRAPH), joint, "grid")


def test_a_state_whose_change_is_followed_can_be_hashed():
    """Gradio hashes it to see whether it has changed."""
    import app

    page = app.build()
    followed = {block for event in page.fns.values() for block, name in event.targets if name == "change"}
    for block in (page.blocks[each] for each in followed):
        if isinstance(block, gr.State):
            deep_hash(block.value)
