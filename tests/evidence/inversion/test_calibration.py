"""What decisions rest on: stored whole, refused where it does not fit, and checked against what all families share."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tracer.evidence import conformal
from tracer.evidence.inversion import calibration
from tracer.evidence.inversion.calibration import Losses, Measured
from tracer.evidence.inversion.decision import NullDistribution
from tracer.evidence.inversion.settings import PAPER
from tracer.evidence.store import ThresholdMismatch
from tracer.image import samples
from tracer.models import cache, registry

SHARED = NullDistribution(tuple(np.linspace(0, 4, 400).tolist()), "made up", ("a",), "2026-01-01")


@pytest.fixture
def known() -> Losses:
    scores = np.random.default_rng(0).normal(10, 2, 100)
    return Losses("mini", "sha256:1", PAPER.record(), tuple(scores.tolist()), "test", "2026-01-01")


@pytest.mark.parametrize(("count", "critical"), [(100, 3.210), (500, 3.695)])
def test_grubbs_critical_values(count, critical):
    assert conformal.grubbs_critical(count) == pytest.approx(critical, abs=5e-4)


def test_the_papers_threshold_is_the_largest_loss_that_is_no_outlier(known):
    scores = np.array(known.scores)
    assert known.threshold == pytest.approx(scores.mean() + 3.2095 * scores.std(ddof=1), rel=1e-3)
    assert known.p_value(1e9) == pytest.approx(1 / 101) and known.p_value(0) == 1


def test_conformal_p_values_hold_their_error_on_new_images():
    rng = np.random.default_rng(0)
    missed = [conformal.conformal_p_value(rng.gamma(2), rng.gamma(2, size=199)) <= 0.05 for _ in range(4000)]
    assert np.mean(missed) == pytest.approx(0.05, abs=0.01)


def test_a_threshold_of_few_images_tells_how_well_its_error_is_known():
    rng = np.random.default_rng(0)
    real = [1 - conformal.conformal_threshold(rng.random(258), 0.01) for _ in range(4000)]  # of uniform scores
    low, high = conformal.conformal_interval(258, 0.01)
    assert low < 0.01 < high
    assert np.mean((low <= np.array(real)) & (np.array(real) <= high)) == pytest.approx(0.95, abs=0.015)
    few, many = (np.subtract(*conformal.conformal_interval(count, 0.05)[::-1]) for count in (99, 999))
    assert many < few


def test_what_is_stored_comes_back_the_same(known, tmp_path):
    calibration.save(known, calibration.path_of("mini", "paper", tmp_path))
    assert calibration.losses("mini", "paper", "sha256:1", tmp_path) == known
    for kind in calibration.KINDS:
        calibration.save(SHARED, calibration.null_path(kind, tmp_path))
        assert calibration.shared(kind, tmp_path) == SHARED
    measured = Measured("mini", "sha256:1", (5.0, 6.0, 7.0), (0.0, 1.0), "test", "2026-01-01")
    calibration.save(measured, calibration.path_of("mini", "grid", tmp_path))
    assert calibration.measured("mini", "sha256:1", tmp_path) == measured
    assert calibration.measured("mini", "sha256:2", tmp_path) is None, "of other weights"


def test_other_weights_or_settings_are_refused_with_the_command_to_run(known, tmp_path):
    command = "run: python -m tracer calibrate mini --mode paper"
    with pytest.raises(ThresholdMismatch, match=f"no threshold for paper mode; {command}"):
        calibration.losses("mini", "paper", "sha256:1", tmp_path)
    path = calibration.save(known, calibration.path_of("mini", "paper", tmp_path))
    with pytest.raises(ThresholdMismatch, match=f"other weights; {command}"):
        calibration.losses("mini", "paper", "sha256:2", tmp_path)
    calibration.save(dataclasses.replace(known, settings={**known.settings, "steps": 5}), path)
    with pytest.raises(ThresholdMismatch, match=f"other settings; {command}"):
        calibration.losses("mini", "paper", "sha256:1", tmp_path)
    path.write_text("{}")
    with pytest.raises(ThresholdMismatch, match="not what a calibration stores"):
        calibration.losses("mini", "paper", "sha256:1", tmp_path)
    with pytest.raises(ThresholdMismatch, match="is missing"):
        calibration.shared(folder=tmp_path)


@pytest.mark.parametrize("family", [row.id for row in registry.families("minis")])
def test_every_mini_has_losses_for_its_weights(family):
    digest = cache.load(registry.family(family)).weights_digest
    assert len(calibration.losses(family, "paper", digest).scores) >= 99


@pytest.mark.parametrize(("reached", "departs"), [(0, False), (4, False), (5, True)])
def test_a_family_departs_where_more_of_others_images_are_named_than_chance_allows(reached, departs):
    null = (9.0,) * reached + (0.0,) * (100 - reached)
    assert Measured("a", "r", (9.0,), null, "test", "2026-01-01").departs(SHARED) is departs


def test_calibrating_a_family_separates_its_own_images_from_others(tmp_path):
    done: list[int] = []
    path, found = calibration.calibrate("mini-kl", count=3, out=tmp_path, told=done.append)
    assert path == tmp_path / "mini-kl.grid.json" and done == [1, 2, 3, 4, 5, 6]
    assert len(found.own) == len(found.null) == 3
    assert min(found.own) > max(found.null)
    digest = cache.load(registry.family("mini-kl")).weights_digest
    assert calibration.measured("mini-kl", digest, tmp_path) == found


def test_an_unknown_mode_or_a_folder_that_cannot_be_written_is_found_out_first(tmp_path):
    with pytest.raises(KeyError, match="no mode called 'fast'"):
        calibration.calibrate("mini-kl", "fast", out=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        calibration.calibrate("mini-kl", out=tmp_path / "file")


def test_bundled_photographs_are_the_same_every_time():
    one, two = (samples.bundled_photographs(12, 64) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert {tile.shape for tile in one} == {(64, 64, 3)}
