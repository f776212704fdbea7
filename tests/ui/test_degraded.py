"""The degraded picture, and what is said about it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.reports.test_robustness import FOX, KOALA, point
from tracer.image import intake
from tracer.reports.robustness import CHANGES
from tracer.ui import degraded, record
from tracer.ui.degraded import Tried


def test_picture_phase_pictures_and_answer_belong_to_one_strength():
    picture = intake.read(KOALA)
    dark = replace(point(95), phases={"mini-dc": ((-0.4, 0.0), (0.0, 0.0))})
    tried = Tried(picture.sha256, ("mini-dc",), {"jpeg": (dark, point(25, "insufficient"))})
    shown = {strength: degraded.view(picture, tried, "jpeg", strength) for strength in (100, 95, 25)}
    assert "Not asked at this strength yet" in shown[100] and "<svg" not in shown[100]
    assert "verdict family" in shown[95] and shown[95].count('fill-opacity="1') == 1
    assert "darkest 0 px down and 0 px right" in shown[95]
    assert "Cannot tell from this file" in shown[25] and "no cell stands out" in shown[25]
    assert len({re.search(r'src="([^"]+)"', each)[1] for each in shown.values()}) == 3, "three pictures"


def test_what_cannot_be_made_is_said():
    small = intake.from_array(intake.read(FOX).pixels[:64, :64], "small")
    assert degraded.view(None, Tried(), "jpeg", 100).startswith("<p class='caption'>Choose a picture first")
    assert "verdict ready" in degraded.view(small, Tried(), "crop", CHANGES["crop"].strengths[0])


def test_what_is_stored_comes_back_for_that_picture_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "STORED", tmp_path)
    example = record.Example("fox", "A fox", "", FOX)
    monkeypatch.setattr(record, "examples", lambda: [example])
    (tmp_path / "fox").mkdir()
    kept = Tried(intake.read(FOX).sha256, ("mini-kl",), {"blur": (point(0), point(2, "none"))})
    degraded.save(kept, tmp_path / "fox")
    assert degraded.load(FOX) == kept
    assert degraded.load(KOALA) == Tried(intake.read(KOALA).sha256)
    assert degraded.load(None) == Tried()


def test_the_curve_and_its_table_say_where_it_flips():
    points = [point(0), point(2, "insufficient"), point(0.5)]
    said = degraded.told(points, "blur", 1, over=True)
    assert "flips between 0.5 and 2, from match: mini-dc to cannot tell" in said and "Done in 1 s" in said
    assert "Stopped after 3" in degraded.told(points, "blur", 1, stopped=True)
    assert degraded.table(points, "blur").count('class="turned"') == 1
    assert len(degraded.figure(points, "blur").data) >= 2


@pytest.mark.parametrize("example", record.examples(), ids=lambda each: each.name)
def test_stored_answers_begin_with_the_example_s_own(example):
    tried = degraded.load(example.file)
    if not tried.points:
        pytest.skip("not built yet")
    assert tried.points.keys() == CHANGES.keys()
    for change, points in tried.points.items():
        assert {point.strength for point in points} >= set(CHANGES[change].strengths)
        assert len({tuple(each[0].families) for each in tried.points.values()}) == 1
