"""What is said about a picture that is changed more and more."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tracer import api
from tracer.image import intake
from tracer.models.progress import Progress
from tracer.reports import robustness
from tracer.reports.robustness import CHANGES, Point, flips, ordered

KOALA = ROOT / "examples" / "koala-by-mini-dc-flat.png"
FOX = ROOT / "examples" / "fox-by-mini-kl-noto.png"


def point(strength: float, kind: str = "family") -> Point:
    families = ("mini-dc",) if kind == "family" else ()
    reason = {"family": "one-family-fits", "none": "no-family-fits"}.get(kind, "no-fine-detail")
    return Point(strength, kind, reason, families, (), "So it is.", {"mini-dc": strength}, None, {"mini-dc": ((0.0,),)})


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
    assert (how.made(picture, how.strengths[0]).pixels == picture.pixels).all()
    for strength in how.strengths[1:]:
        assert how.made(picture, strength).sha256 != picture.sha256


def test_a_curve_tells_every_point_finds_the_flip_and_can_be_stopped(monkeypatch):
    monkeypatch.setitem(CHANGES, "blur", robustness.Change("px", (0, 8), False, CHANGES["blur"].apply))
    told = []
    points = robustness.curve(intake.read(KOALA), "blur", ["mini-dc"], Progress(emit=told.append))
    assert told == points and points[0].ratios["mini-dc"] >= 1
    assert all(not each.ratios for each in points if each.kind == "insufficient")
    assert points[0].kind == "family" and points[1].kind in ("insufficient", "none")
    assert len(points) == 2 + robustness.CLOSER
    before, after = flips(ordered(points, "blur"))[0]
    assert 0 < after.strength - before.strength <= 8 / 2**robustness.CLOSER + 0.01, "looked at more closely"
    assert points[0].sentence.startswith("Made by a model that uses the mini-dc autoencoder")
    lowest = min(value for line in points[0].phases["mini-dc"] for value in line)
    assert points[0].phases["mini-dc"][0][0] == lowest < -0.3, "a single dark cell, on its grid"
    stopped = robustness.curve(intake.read(KOALA), "blur", ["mini-dc"], Progress(stop=lambda: True))
    assert not stopped, "what was cut off says nothing"


def test_a_curve_is_work_that_becomes_a_stream(monkeypatch):
    monkeypatch.setitem(CHANGES, "crop", robustness.Change("px", (0, 3), True, CHANGES["crop"].apply))
    picture = intake.read(FOX)
    *points, whole = api.streamed(lambda progress: robustness.curve(picture, "crop", ["mini-kl"], progress))
    assert points == whole and [each.families for each in points] == [("mini-kl",)] * 2
    cells = [
        (value, row, column) for row, line in enumerate(whole[1].phases["mini-kl"]) for column, value in enumerate(line)
    ]
    assert min(cells)[1:] == (5, 5), "the grid begins that many pixels further"


def test_an_unknown_change_is_named():
    with pytest.raises(KeyError, match="no change called 'melt'"):
        robustness.curve(intake.read(KOALA), "melt")
