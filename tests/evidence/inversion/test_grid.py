"""The grid test's parts: where it looks, what it measures, and what it makes of that."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch

from tracer.evidence.inversion import decision, grid, inspection, neutral, search
from tracer.evidence.inversion.contrast import Contrast, Reading
from tracer.evidence.inversion.decision import NullDistribution
from tracer.evidence.inversion.grid import Layout
from tracer.image import samples
from tracer.models import autoencoder, cache, registry


def contrast(mean: float, spread: float = 0.1, blocks: int = 100) -> Contrast:
    values = np.random.default_rng(0).normal(mean, spread, (1, blocks, 1))
    return Contrast(values, np.ones_like(values), np.zeros(1))


# Where


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_controls_lie_beside_the_grid_and_beside_its_half(stride):
    found = grid.controls(stride, 0, 8)
    assert len(set(found)) == 8
    assert all(2 <= side <= stride - 2 and side % (stride // 2) for pair in found for side in pair)
    assert set(grid.controls(stride, 1)) != set(grid.controls(stride, 0))


@pytest.mark.parametrize("shape", [(128, 128), (256, 300), (1024, 700)])
@pytest.mark.parametrize("stride", [8, 16])
def test_windows_do_not_overlap_and_have_room_for_every_offset(shape, stride):
    plan = grid.layout(np.zeros((*shape, 3), np.uint8), stride)
    side, places = plan.side(stride), plan.places
    assert places and plan.tile >= grid.SMALLEST
    for top, left in places:
        for place, length in ((top, shape[0]), (left, shape[1])):
            starts = [place - grid.MARGIN - shift for shift in range(stride)]
            assert min(starts) >= 0 and max(starts) + side <= length
    for index, (top, left) in enumerate(places):
        others = places[index + 1 :]
        assert all(abs(top - down) >= plan.tile or abs(left - right) >= plan.tile for down, right in others)


def test_the_window_with_the_most_detail_comes_first():
    pixels = np.full((512, 512, 3), 128, np.uint8)
    pixels[300:450, 300:450] = np.random.default_rng(0).integers(0, 256, (150, 150, 3))
    top, left = grid.layout(pixels, 8).places[0]
    assert top > 200 and left > 200


def test_a_tiny_image_has_no_window():
    assert grid.layout(np.zeros((40, 400, 3), np.uint8), 8) == Layout(0, ())


# What


def test_a_decoders_own_picture_fits_on_its_grid_and_a_photograph_anywhere():
    model = cache.load(registry.family("mini-kl"))
    (photograph,) = samples.bundled_photographs(1, 128)
    code = grid.Reconstruction(model)
    offsets = [(0, 0), *grid.controls(8)]

    def strength(pixels: np.ndarray) -> float:
        plan = grid.layout(pixels, 8)
        logs = grid.energies(pixels, code, plan, list(plan.places[:1]), offsets)
        assert logs.shape == (1, len(offsets), 2, plan.tile // 8, plan.tile // 8)
        return decision.strength(Contrast.of(logs))

    assert strength(autoencoder.reconstruct(photograph, model)) > 5
    assert abs(strength(photograph)) < 4


def test_the_standard_error_shrinks_with_the_blocks_and_is_infinite_without_detail():
    assert contrast(0, blocks=400).error == pytest.approx(contrast(0, blocks=100).error / 2, rel=0.2)
    flat = Contrast(np.zeros((1, 4, 4)), np.zeros((1, 4, 4)), np.zeros(1))
    assert flat.error == math.inf and decision.strength(flat) == 0


# A lattice of the image's own


@pytest.mark.parametrize("code", neutral.codes(8), ids=str)
def test_a_neutral_code_keeps_what_it_made(code):
    images = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    once = code.reconstruct(images)
    assert once.shape == images.shape
    if not isinstance(code, neutral.Enlarged):
        torch.testing.assert_close(code.reconstruct(once), once)


# The rule


def test_a_family_has_to_answer_more_strongly_than_every_other():
    found = decision.standings({"a": contrast(-1.0), "b": contrast(-0.2), "c": contrast(0.0)}, explained=0.0)
    assert max(found, key=lambda name: found[name].score) == "a"
    assert found["b"].strength > 0 > found["b"].margin
    alike = decision.standings({"a": contrast(-1.0), "b": contrast(-1.0)}, explained=0.0)
    assert all(each.strength > 10 and each.score < 1 for each in alike.values())
    assert decision.standings({"a": contrast(-1.0)}, explained=-1.0)["a"].score == pytest.approx(0, abs=1)


def test_a_family_is_not_asked_any_further_where_the_windows_that_are_left_could_not_help():
    assert decision.hopeless(contrast(0.0, spread=1.0), windows=1)
    assert not decision.hopeless(contrast(-0.1, spread=1.0), windows=16)  # faint, but many windows may show it
    assert decision.hopeless(contrast(-0.1, spread=1.0), windows=1)
    assert not decision.hopeless(contrast(-1.0), windows=1)


def test_a_family_that_is_noticed_when_the_usual_windows_are_used_up_is_asked_further(monkeypatch):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (760, 760, 3), np.uint8)

    def contrast_of(view, code, places, first):
        values = rng.normal(0, 1, (len(places), 12, 12))
        values += code - values.mean()
        return Contrast(values, np.ones_like(values), np.zeros(len(places)), Reading(answer=0.1))

    monkeypatch.setattr(inspection, "contrast_of", contrast_of)
    means = {"faint": -0.1, "strange": 0.0}
    load = {name: functools.partial(float, mean) for name, mean in means.items()}
    lineup = inspection.Lineup(load, dict.fromkeys(means, 8), threshold=3.7, search=False)
    found = inspection.inspect(pixels, lineup)
    assert found.ending is inspection.Ending.NAMED and found.families == ("faint",)
    asked = {name: len(each.values) for name, each in found.looked.contrasts.items()}
    assert asked["strange"] <= inspection.MOST < asked["faint"] <= inspection.FURTHER


def test_the_threshold_is_a_score_that_no_picture_by_others_reaches():
    null = NullDistribution(tuple(range(199)), "counted", (), "2026-01-01")
    assert null.p_value(null.threshold) == 1 / 200 < null.p_value(math.nextafter(null.threshold, 0))
    assert null.p_value(1e9) == 1 / 200 and null.p_value(-1) == 1
    with pytest.raises(ValueError, match="at least 99"):
        NullDistribution((1.0,) * 50, "too few", (), "2026-01-01").threshold  # noqa: B018


def test_the_best_of_many_chances_counts_for_less():
    assert search.corrected(5.0, 1) == pytest.approx(5.0)
    assert 0 < search.corrected(5.0, 64) < 5.0
    assert search.corrected(0.5, 64) == pytest.approx(0, abs=1e-9)
    assert math.isfinite(search.corrected(60.0, 64))


# Where the grid begins, and how large the picture was drawn


def test_the_offset_of_a_crop_is_where_its_own_decoder_fits():
    model = cache.load(registry.family("mini-kl"))
    (photograph,) = samples.bundled_photographs(1, 128)
    crop = np.ascontiguousarray(autoencoder.reconstruct(photograph, model)[2:, 7:])
    found = search.fit_offsets(crop, grid.Reconstruction(model))
    assert found.contrasts.shape == (8, 8)
    assert found.best == (6, 1)


def test_sizes_that_a_picture_may_have_been_drawn_at():
    assert (128, 128) in search.drawn_sizes(160, 160)
    assert search.drawn_sizes(160, 160, native=(512,)) == []
    sizes = search.drawn_sizes(900, 1200)
    assert 0 < len(sizes) <= search.SIZES
    assert all(high % 64 == wide % 64 == 0 for high, wide in sizes)
    assert search.undone(np.zeros((160, 160, 3), np.uint8), (128, 128)).shape == (128, 128, 3)
