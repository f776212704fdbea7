"""Where a cropped image's latent grid begins."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from tracer import api
from tracer.evidence.inversion import grid_offset, inspection, optimization
from tracer.image import samples
from tracer.image.intake import from_array
from tracer.models import autoencoder, cache, registry


@pytest.fixture(scope="module")
def own():
    (photograph,) = samples.bundled_photographs(1, 160)
    return autoencoder.reconstruct(photograph, cache.load(registry.family("mini-dc")))


def patterned(seed: int, stride: int = 8) -> np.ndarray:
    """Noise that is stronger at one place of every cell, as a decoder's might be."""
    rng = np.random.default_rng(seed)
    strength = np.ones((stride, stride))
    strength[2, 5] = 6
    picture = 128 + rng.normal(0, 5, (128, 128, 3)) * np.tile(strength, (16, 16))[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_the_offset_of_a_pattern_is_found():
    learnt = grid_offset.learn([patterned(seed) for seed in range(12)], 8)
    pattern = grid_offset.Pattern("x", "r", learnt, 12, "made up", "2026-01-01")
    for top, left in ((1, 0), (3, 7), (0, 4)):
        cropped = patterned(99)[top:, left:]
        assert grid_offset.ranked(cropped, pattern)[0] == (-top % 8, -left % 8)
    assert (0, 0) not in grid_offset.ranked(patterned(98), pattern, 63)
    assert grid_offset.ranked(patterned(97)[:40, :40], pattern) == []


def test_a_pattern_comes_back_the_same_and_only_for_its_weights(tmp_path):
    weights_of = grid_offset.learn([patterned(seed) for seed in range(12)], 8)
    pattern = grid_offset.Pattern("x", "sha256:1", weights_of, 12, "made up", "2026-01-01")
    grid_offset.save(pattern, grid_offset.path_of("x", tmp_path))
    again = grid_offset.stored("x", "sha256:1", tmp_path)
    assert np.allclose(again.weights, pattern.weights, rtol=1e-3) and again.count == 12
    assert grid_offset.stored("x", "sha256:2", tmp_path) is None
    assert grid_offset.stored("y", "sha256:1", tmp_path) is None


def test_every_bundled_family_has_a_pattern_for_its_weights():
    for row in registry.families("minis"):
        assert grid_offset.stored(row.id, cache.load(row).digest).stride == row.stride


def test_a_crop_is_recognised_and_says_where_its_grid_begins(own):
    cropped = np.ascontiguousarray(own[3:, 5:])
    updates = list(api.trace_stream(from_array(cropped, "crop"), families=["mini-dc"]))
    trace, shifted = updates[-1], [each for each in updates if isinstance(each, api.Shifted)]
    assert trace.verdict.families == ("mini-dc",)
    assert shifted[0].offset == trace.evidence[0].offset != (0, 0)
    steps = [each.step.index for each in updates[updates.index(shifted[0]) :] if isinstance(each, api.Stepped)]
    assert steps == list(range(len(steps))), "the steps of the second look are told from the start"


def test_a_crop_is_found_where_a_small_tile_says_too_little(monkeypatch):
    (photograph,) = samples.bundled_photographs(1, 160)
    model = cache.load(registry.family("mini-movq"))
    cropped = np.ascontiguousarray(autoencoder.reconstruct(photograph, model)[3:, 5:])
    pattern = grid_offset.stored("mini-movq", model.digest)
    assert grid_offset.search(cropped, model, pattern, plainly=0) == (5, 3), "far better than beside it"
    monkeypatch.setattr(grid_offset, "OUTSTANDING", math.inf)
    assert grid_offset.search(cropped, model, pattern, plainly=0) == (5, 3), (
        "no tile is good enough: the pattern decides"
    )
    trace = api.trace(from_array(cropped, "crop"), families=["mini-movq"])
    assert trace.verdict.families == ("mini-movq",)


@pytest.mark.parametrize(("stride", "shape"), [(8, (72, 75)), (16, (80, 95)), (32, (500, 511))])
def test_tiles_at_all_offsets_lie_within_the_picture(stride, shape):
    rng = np.random.default_rng(0)
    pattern = grid_offset.Pattern("x", "r", rng.normal(size=(18, stride, stride)), 12, "made up", "2026-01-01")
    model = SimpleNamespace(device="cpu", encode=lambda images: images, decode=lambda latents: latents * 0.9)
    pixels = np.zeros((*shape, 3), np.uint8)
    pixels[-72:, -72:] = rng.integers(0, 256, (72, 72, 3))  # the most detail is at the end
    found = grid_offset.search(pixels, model, pattern, 1, count=stride * stride)
    assert found is None if min(shape) < grid_offset.FEWEST * stride else max(found) < stride


@pytest.mark.parametrize(("silent", "offset"), [(1e-6, (8, 0)), (1e-5, (0, 0))])
def test_a_crop_without_detail_of_its_own_is_no_evidence(monkeypatch, silent, offset):
    monkeypatch.setattr(grid_offset, "search", lambda *_: (8, 0))
    monkeypatch.setattr(optimization, "SILENT", silent)
    dark = autoencoder.reconstruct(np.full((128, 128, 3), 60, np.uint8), cache.load(registry.family("mini-dc")))
    dark[2:4, ::2] = 120  # a line that no decoder drew, the only detail of more than 1e-5
    (evidence,) = api.trace(from_array(dark, "dark"), families=["mini-dc"]).evidence
    assert evidence.offset == offset and evidence.belongs is (offset == (8, 0))


def test_an_uncropped_image_is_not_searched(own, monkeypatch):
    monkeypatch.setattr(grid_offset, "search", lambda *_: pytest.fail("searched"))
    assert api.trace(from_array(own, "own"), families=["mini-dc"]).evidence[0].offset == (0, 0)


@pytest.mark.parametrize(("most", "kinds"), [(10**9, ("family",)), (0, ("family", "undecided"))])
def test_a_decoder_that_normalises_over_the_whole_picture_knows_a_large_one(monkeypatch, most, kinds):
    from skimage import data

    made = autoencoder.reconstruct(
        np.ascontiguousarray(data.astronaut()[:416, :416]), cache.load(registry.family("mini-movq"))
    )
    monkeypatch.setattr(inspection, "WHOLE", 0)
    monkeypatch.setattr(inspection, "MOST_WHOLE", most)
    verdict = api.trace(from_array(made, "large"), families=["mini-movq"]).verdict
    assert verdict.kind in kinds and verdict.families == ("mini-movq",)
