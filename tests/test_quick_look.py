"""The quick look: what it measures, when it abstains, and that it never passes for evidence."""

from __future__ import annotations

import numpy as np
import pytest

from tests import models
from tracer import api
from tracer.evidence.inversion import belonging, quick_look
from tracer.image import intake
from tracer.models import cache, registry
from tracer.ui import words
from tracer.ui.record import Run
from training import quick_look as study

TINY = registry.families("tiny")
RATES = {"balanced_accuracy": 0.5, "answered": 0.4, "right_of_answered": 0.75}


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """Four narrow autoencoders with random weights."""
    folder = tmp_path_factory.mktemp("tiny")
    return [
        cache.from_folder(
            models.make(row.kind, folder / row.id, place, models.small(row.kind, models.SHAPES[row.id])), row.id
        )
        for place, row in enumerate(TINY)
    ]


def regression(four, size: int, intercept=(0.0, 0.0, 0.0, 0.0, 0.0)) -> dict:
    """A fitted regression that only has opinions of its own."""
    return {
        "classes": ["sd", "sdxl", "sd3", "flux1", "photograph"],
        "features": ["relative", "again"],
        "mean": [0.0] * size,
        "deviation": [1.0] * size,
        "coefficients": [[0.0] * 5] * size,
        "intercept": list(intercept),
        "temperature": 1.0,
        "least": 0.5,
        "weights": {each.family: each.digest for each in four},
        "images": 10,
        "sources": {"a": 5, "b": 5},
        "left_out": RATES,
    }


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)


def test_bands_share_out_the_whole_energy():
    images = np.random.default_rng(0).random((2, 3, 80, 96), dtype=np.float32)
    found = quick_look.bands(images)
    share = np.repeat([1 / 4, 1 / 16, 1 / 64], 3)  # coefficients of a level, against pixels
    inner = images[:, :, 8:-8, 8:-8].mean(axis=1)
    total = (found[:, :9] * share).sum(axis=1) + found[:, 9] / 64
    assert total == pytest.approx(np.square(inner).mean(axis=(1, 2)), rel=1e-4)


def test_the_finest_band_is_that_of_single_pixels():
    board = np.indices((64, 64)).sum(axis=0) % 2
    found = quick_look.bands(np.broadcast_to(board, (1, 3, 64, 64)).astype(np.float32))
    assert found[0, 2] == pytest.approx(1) and found[0, [0, 1, 3, 4, 5]] == pytest.approx(0)


def test_every_kind_of_features_is_finite_also_of_a_flat_picture(four, noise):
    for pixels in (noise, np.full((64, 64, 3), 255, np.uint8)):
        measured = quick_look.measure(pixels, four)
        row = quick_look.features(measured, ("raw", "relative", "between", "again", "latents"))
        assert row.shape == (4 * (4 * 20 + 2),)
        assert np.isfinite(row).all()


def test_it_abstains_below_the_probability_that_it_was_given(four):
    known = regression(four, 1)
    even = quick_look.judge(quick_look.probabilities(np.zeros(1), known), known)
    assert even.answer == "" and "cannot tell" in even.sentence
    known["intercept"] = [0.0, 0.0, 0.0, 3.0, 0.0]
    sure = quick_look.judge(quick_look.probabilities(np.zeros(1), known), known)
    assert sure.answer == "flux1" and "FLUX.1" in sure.sentence
    assert sum(sure.probabilities.values()) == pytest.approx(1, abs=0.01)
    for words_ in ("guess", "50% of pictures", "chance 20%", "25% of those answers were wrong"):
        assert words_ in sure.caution


def test_other_weights_and_lossy_files_get_no_look(four, noise, monkeypatch):
    known = regression(four, 160)
    monkeypatch.setattr(quick_look, "fitted", lambda: known)
    assert quick_look.look(noise, four).probabilities
    assert "lossless" in quick_look.look(noise, four, lossless=False).sentence
    known["weights"] = {**known["weights"], "taef1": "sha256-bf16:0"}
    assert quick_look.look(noise, four) == quick_look.Look(
        "", "No quick look: it was fitted with other weights of taef1."
    )


def test_a_trace_of_the_tiny_line_up_carries_it_beside_the_verdict(four, noise, monkeypatch, tmp_path):
    monkeypatch.setattr(quick_look, "fitted", lambda: regression(four, 160, (9.0, 0.0, 0.0, 0.0, 0.0)))
    monkeypatch.setenv("LATENT_LINEUP_CACHE", str(tmp_path))
    monkeypatch.setattr(belonging, "SPOT_IMAGES", 3)
    monkeypatch.setattr(belonging, "SIDE", 64)
    monkeypatch.setattr(cache, "_shelf", type(cache._shelf)(((each.family, "cpu"), each) for each in four))
    trace = api.trace(intake.from_array(noise, ""), lineup="tiny")
    assert trace.document()["quick_look"]["answer"] == "sd"
    assert "sd" not in trace.verdict.families
    banner = words.banner(Run("Your image", "fast", [row.id for row in TINY], trace=trace))
    assert banner.index("quick-look") > banner.index("class='verdict"), "below the verdict, not in it"
    assert "plays no part in the verdict" in banner
    one = api.trace(intake.from_array(noise, ""), families=["taesd"]).document()
    assert "quick_look" not in one, "it takes all four"


def test_the_shipped_regression_says_how_often_it_is_wrong():
    known = quick_look.fitted()
    size = len(known["mean"])
    assert np.array(known["coefficients"]).shape == (size, len(known["classes"]))
    assert list(known["weights"]) == [row.id for row in TINY]
    assert 1 / len(known["classes"]) < known["left_out"]["balanced_accuracy"] < 1
    assert sum(known["counts"].values()) == known["images"] == sum(known["sources"].values())


def test_pictures_are_judged_by_a_regression_that_never_saw_their_source():
    """A mark of the source is learnt on random folds, and useless where the source is left out."""
    rng = np.random.default_rng(0)
    truth = np.repeat(["sd", "sdxl"], 40)
    source = np.concatenate([np.repeat(["a", "b"], 20), np.repeat(["c", "d"], 20)])
    rows = rng.normal(size=(80, sum(quick_look.SIZES.values())))
    for place, name in enumerate("abcd"):
        rows[source == name, place * 20 : place * 20 + 20] += 3
    apart = study.balanced(truth, study.left_out(rows, truth, source, source))
    mixed = study.balanced(truth, study.left_out(rows, truth, study.folds(truth), source))
    assert mixed > 0.95 and apart < 0.75


def test_the_pooled_regression_is_the_mean_of_those_over_each_set():
    rng = np.random.default_rng(0)
    size = quick_look.SIZES["raw"]
    rows = rng.normal(size=(40, sum(quick_look.SIZES.values())))
    truth, source = np.repeat(["flux1", "photograph"], 20), np.repeat(["a", "b"], 20)
    rows[truth == "flux1", 0] += 2
    pooled = study.pooled(rows, truth, source, (("raw",), ("raw", "relative"))).logits(rows)
    one, two = (study.fit(rows[:, : size * each], truth, source, study.PENALTY) for each in (1, 2))
    mean = (one.logits(rows[:, :size]) + two.logits(rows[:, : size * 2])) / 2
    assert pooled == pytest.approx(mean, abs=1e-6)
