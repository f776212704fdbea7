"""Grubbs, conformal, storage."""

import dataclasses
import json

import numpy as np
import pytest

from tracer.evidence import conditions, conformal
from tracer.evidence.inversion import belonging, calibration
from tracer.evidence.inversion.calibration import Calibration
from tracer.evidence.store import ThresholdMismatch
from tracer.image import samples

SETTINGS = {"mode": "fast", "steps": 4}


@pytest.fixture
def known():
    scores = np.sort(np.random.default_rng(0).lognormal(0, 0.2, 200))
    return Calibration("mini", "sha256:1", SETTINGS, (0, 4), tuple((s, s / 10) for s in scores), "test", "2026-01-01")


@pytest.mark.parametrize(("count", "critical"), [(100, 3.210), (500, 3.695)])
def test_grubbs_critical_values(count, critical):
    assert conformal.grubbs_critical(count) == pytest.approx(critical, abs=5e-4)


def test_grubbs_threshold_is_mean_plus_critical_value_deviations():
    scores = np.random.default_rng(0).normal(10, 2, 100)
    assert conformal.grubbs_threshold(scores) == pytest.approx(scores.mean() + 3.2095 * scores.std(ddof=1), rel=1e-3)
    ratios = np.exp(scores)
    assert np.log(conformal.grubbs_threshold(ratios, log=True)) == pytest.approx(conformal.grubbs_threshold(scores))


def test_conformal_p_values_hold_their_error_on_new_images():
    rng = np.random.default_rng(0)
    missed = [conformal.conformal_p_value(rng.gamma(2), rng.gamma(2, size=199)) <= 0.05 for _ in range(4000)]
    assert np.mean(missed) == pytest.approx(0.05, abs=0.01)


def test_p_value_and_threshold_agree(known):
    limit = known.conformal(0)
    assert known.p_value(limit, 0) > conformal.ALPHA
    assert known.p_value(np.nextafter(limit, np.inf), 0) <= conformal.ALPHA


def test_too_few_images_cannot_hold_a_small_error():
    with pytest.raises(ValueError, match="at least 99"):
        conformal.conformal_threshold(np.ones(50), 0.01)


def test_decisions(known):
    typical, at_the_edge, outside = 1.0, known.conformal(0), 10.0
    assert known.decide(typical, 0) is True
    assert known.decide(at_the_edge, 0) is None, "not yet plain: more steps are needed"
    assert known.decide(outside, 0) is False
    assert known.decide(known.conformal(4), 4) is True
    edge = known.corridor(4)
    assert known.decide(edge, 4) in (True, None), "at the corridor's edge"
    assert known.decide(np.nextafter(edge, np.inf), 4) is False, "outside it"


def test_the_corridor_holds_its_error_over_the_whole_path():
    """Not at each look: the shares of belonging images that leave the limits of single looks would add up."""
    rng, left, left_single = np.random.default_rng(0), [], []
    for _ in range(60):
        paths = np.exp(rng.normal(0, 0.3, (200 + 200, 4)))
        rows = tuple(map(tuple, paths[:200]))
        known = Calibration("mini", "r", SETTINGS, (0, 1, 2, 4), rows, "test", "2026-01-01")
        limits = np.array([known.corridor(step) for step in known.checkpoints])
        single = np.array([known.conformal(step) for step in known.checkpoints])
        left.append((paths[200:] > limits).any(axis=1).mean())
        left_single.append((paths[200:] > single).any(axis=1).mean())
    assert np.mean(left) < 0.02 < 0.03 < np.mean(left_single)


def test_a_score_that_others_reach_is_no_match_and_one_between_is_open(known):
    others = tuple((s, s / 10) for s in np.linspace(3.0, 9.0, 120))
    both = dataclasses.replace(known, others=others)
    worst = both.corridor(4)
    assert both.inside(4) == pytest.approx(0.3, rel=0.02)
    assert both.taken_in() == 0
    assert worst < 0.29 < both.inside(4)
    assert both.decide(0.29, 4) is None, "worse than belonging images, better than others"
    assert both.decide(0.44, 4) is None, "what noise does to a belonging image"
    assert both.decide(0.46, 4) is False
    assert dataclasses.replace(both, condition="jpeg-85").decide(0.31, 4) is False, "known changes are allowed for"
    near = dataclasses.replace(known, others=tuple((s, s / 10) for s in np.linspace(1.0, 9.0, 120)))
    assert near.threshold(4) <= 0.1, "belonging images score that badly, but so do others"
    assert near.decide(0.12, 4) is None


def test_at_the_last_look_a_score_up_to_halfway_to_others_belongs(known):
    both = dataclasses.replace(known, others=tuple((s, s / 10) for s in np.linspace(6.0, 9.0, 120)))
    beyond = both.corridor(4) * 1.1
    assert known.decide(beyond, 4) is False and both.decide(beyond, 4) is True
    assert both.threshold(4) == pytest.approx((both.corridor(4) * both.inside(4)) ** 0.5)
    assert both.decide(both.inside(4), 4) is None


def test_a_loss_above_the_ceiling_is_no_match_however_badly_belonging_images_score(known):
    scores = np.linspace(1.5, 4, 200)
    compressed = dataclasses.replace(known, scores=tuple((s, s) for s in scores), condition="jpeg-50")
    assert compressed.threshold(4) == calibration.CEILING
    assert compressed.decide(1.9, 4) is True
    assert compressed.decide(3.0, 4) is None


def test_a_stored_calibration_comes_back_the_same(known, tmp_path):
    path = calibration.path_of("mini", "fast", folder=tmp_path)
    calibration.save(known, path)
    assert calibration.load(path) == known
    stored = json.loads(path.read_text())
    assert stored["n"] == 200 and len(stored["scores"]) == 200
    assert stored["thresholds"]["conformal"] == known.conformal(4)
    assert stored["thresholds"]["missed"] == known.missed() <= 0.02
    assert calibration.stored("mini", SETTINGS, "sha256:1", folder=tmp_path) == known


def test_other_weights_or_settings_are_refused_with_the_command_to_run(known, tmp_path):
    calibration.save(known, calibration.path_of("mini", "fast", folder=tmp_path))
    command = "python -m tracer calibrate mini --mode fast"
    with pytest.raises(ThresholdMismatch, match=f"other weights; run: {command}"):
        calibration.stored("mini", SETTINGS, "sha256:2", folder=tmp_path)
    with pytest.raises(ThresholdMismatch, match=f"other settings; run: {command}"):
        calibration.stored("mini", {**SETTINGS, "steps": 5}, "sha256:1", folder=tmp_path)
    with pytest.raises(ThresholdMismatch, match=r"no threshold for fast mode and lossless images; run: .* other "):
        calibration.stored("other", SETTINGS, "sha256:1", folder=tmp_path)


def test_a_damaged_file_is_refused(known, tmp_path):
    path = calibration.path_of("mini", "fast", folder=tmp_path)
    path.write_text("{}")
    with pytest.raises(ThresholdMismatch, match="not a stored threshold"):
        calibration.load(path)


@pytest.mark.parametrize(
    ("lossy", "quality", "condition"),
    [
        (False, None, "lossless"),
        (True, 100, "jpeg-95"),
        (True, 94, "jpeg-85"),
        (True, 50, "jpeg-50"),
        (True, 49, None),
        (True, None, None),
    ],
)
def test_a_compressed_image_is_judged_by_compressed_ones(lossy, quality, condition):
    assert conditions.condition_of(lossy, quality) == condition


def test_paper_mode_uses_the_losses_themselves(known):
    paper = dataclasses.replace(known, settings={"mode": "paper"})
    assert paper.grubbs(4) == pytest.approx(conformal.grubbs_threshold(known.at(4)))
    assert known.grubbs(4) == pytest.approx(conformal.grubbs_threshold(known.at(4), log=True))


def test_bundled_photographs_are_the_same_every_time():
    one, two = (samples.bundled_photographs(12, 64) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert {tile.shape for tile in one} == {(64, 64, 3)}


def test_a_picture_with_hardly_any_detail_has_to_fit_better_than_others_that_have_as_little(known):
    faint = dataclasses.replace(known, faint=((1.8, 0.16), (2.0, 0.2)))
    assert faint.decide(0.08, 4) is True and faint.decide(0.085, 4, faint=True) is None
    assert faint.decide(0.075, 4, faint=True) is True
    assert known.decide(0.01, 4, faint=True) is None, "none of others' was measured"
    drawn = dataclasses.replace(known, faint=((1.8, 0.16), (2.0, 0.02)))
    assert drawn.decide(0.005, 4, faint=True) is None, "this decoder draws others' as well as its own"
    assert faint.decide(10.0, 0, faint=True) is False


def test_a_jpeg_calibration_keeps_others_with_hardly_any_detail_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(belonging, "FADED_COUNT", 14)
    known = calibration.load(belonging.calibrate("mini-dc", "fast", 6, None, None, tmp_path, "jpeg-85"))
    assert known.condition == "jpeg-85" and known.count <= 6
    assert len(known.faint) > 0 and len(known.others) <= 3
    assert known.threshold(0, faint=True) <= known.faintly(0)
