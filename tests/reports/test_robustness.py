"""Where a verdict flips."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tracer.image import intake
from tracer.reports import robustness
from tracer.reports.robustness import CHANGES, Point, flips, ordered
from tracer.ui.tabs import robustness as tab

KOALA = ROOT / "examples" / "koala-by-mini-dc-flat.png"


def point(strength: float, kind: str = "family") -> Point:
    return Point(strength, kind, ("mini-dc",) if kind == "family" else (), {"mini-dc": strength}, None)


def test_a_flip_is_where_neighbours_disagree():
    points = [point(100), point(95), point(90, "none"), point(80, "none")]
    assert flips(points) == [(points[1], points[2])]


def test_the_axis_runs_from_harmless_to_harmful():
    assert [each.strength for each in ordered([point(50), point(100), point(92)], "jpeg")] == [100, 92, 50]
    assert [each.strength for each in ordered([point(2), point(0)], "blur")] == [0, 2]


@pytest.mark.parametrize("change", CHANGES)
def test_the_least_strength_changes_nothing_and_all_make_pictures(change):
    picture = intake.read(KOALA)
    how = CHANGES[change]
    assert (how.apply(picture.pixels, how.strengths[0]).pixels == picture.pixels).all()
    for strength in how.strengths[1:]:
        assert how.apply(picture.pixels, strength).sha256 != picture.sha256


def test_a_curve_streams_finds_the_flip_and_can_be_stopped(monkeypatch):
    monkeypatch.setitem(CHANGES, "blur", robustness.Change("px", (0, 8), False, CHANGES["blur"].apply))
    points = list(robustness.curve(intake.read(KOALA), "blur", ["mini-dc"]))
    assert points[0].ratios["mini-dc"] >= 1
    assert all(not point.ratios for point in points if point.kind == "insufficient")
    assert points[0].kind == "family" and points[1].kind != "family"
    assert len(points) == 2 + robustness.CLOSER
    before, after = flips(ordered(points, "blur"))[0]
    assert 0 < after.strength - before.strength <= 8 / 2**robustness.CLOSER + 0.01, "looked at more closely"
    assert "flips between" in tab.told(points, "blur", 1, over=True)
    assert len(tab.figure(points, "blur").data) >= 2
    work = robustness.curve(intake.read(KOALA), "blur", ["mini-dc"], stop=lambda: True)
    assert not list(work), "what was cut off says nothing"


def test_an_unknown_change_is_named():
    with pytest.raises(KeyError, match="no change called 'melt'"):
        next(robustness.curve(intake.read(KOALA), "melt"))
