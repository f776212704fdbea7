"""What visitors handed in is gone after the time that the page states, by a clock that can be moved."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tracer.ui import temporary, words


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def test_the_page_states_the_time():
    assert f"deleted after about {temporary.AGE // 3600} hour" in words.PRIVACY


def test_files_go_when_their_time_is_over_and_those_of_the_page_stay(place: Path):
    upload, own = place / "hash" / "upload.png", place / "other" / "example.png"
    for path in (upload, own):
        path.parent.mkdir()
        path.write_text("x")
    temporary.sweep(place, {str(own)}, time.time() + temporary.AGE - 60)
    assert upload.exists()
    temporary.sweep(place, {str(own)}, time.time() + temporary.AGE + 60)
    assert not upload.exists()
    assert own.exists()
    temporary.sweep(place, {str(own)}, time.time() + 2 * temporary.AGE)
    assert not upload.parent.exists()


def test_what_a_crash_left_behind_goes_too(place: Path):
    code = (
        "import os; from tracer.ui.temporary import folder; (folder() / 'report').mkdir()\n"
        "(folder() / 'report' / 'upload.png').write_text('x'); os._exit(1)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 1
    assert (place / temporary.OWN / "report" / "upload.png").exists()
    import app

    page = app.build()
    example = next(file for each in page.blocks.values() for file in each.keep_in_cache)
    temporary.tidy(page, clock=lambda: time.time() + temporary.AGE + 60)
    end = time.monotonic() + 10
    while (place / temporary.OWN / "report" / "upload.png").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert Path(example).exists(), "the page needs it"


def test_nobody_elses_files_are_in_the_folder(place: Path):
    (place / "theirs.txt").write_text("x")
    assert temporary.folder() == place / temporary.OWN == temporary.folder()
    temporary.sweep(temporary.folder(), set(), time.time() + 10 * temporary.AGE)
    assert (place / "theirs.txt").exists()


def test_a_link_leads_nowhere(place: Path, tmp_path_factory: pytest.TempPathFactory):
    outside = tmp_path_factory.mktemp("outside") / "file.txt"
    outside.write_text("x")
    (place / "link").symlink_to(outside.parent)
    temporary.sweep(place, set(), time.time() + temporary.AGE + 60)
    assert outside.exists()
    assert not (place / "link").is_symlink()
