"""A picture that was resized since it was drawn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from tracer.evidence import conditions
from tracer.evidence.inversion import calibration, observation, optimization, resizing
from tracer.evidence.inversion.settings import COMPRESSED
from tracer.image import perturbations
from tracer.models import cache, registry
from tracer.models.autoencoder import reconstruct


@pytest.fixture(scope="module")
def autoencoder():
    return cache.load(registry.family("mini-kl"))


@pytest.fixture(scope="module")
def made(autoencoder) -> np.ndarray:
    return reconstruct(np.ascontiguousarray(data.astronaut()[:128, 160:288]), autoencoder)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.25])
def test_the_weights_are_those_that_pillow_uses(made: np.ndarray, factor: float):
    small = perturbations.scale(made, factor)
    shown, rows, columns = observation.resized(small, made.shape[:2], 384, 32, 8)
    assert (rows, columns) == small.shape[:2]
    again = shown.shown(torch.from_numpy(made.astype(np.float32) / 255).permute(2, 0, 1)[None])
    assert (again - shown.target).abs().max() * 255 < 2.5  # Pillow rounds after each of the two directions


def test_of_a_large_picture_only_what_the_corner_tells_is_scored():
    large = np.asarray(Image.fromarray(data.astronaut()).resize((768, 768)))
    small = perturbations.scale(large, 0.75)
    shown, rows, columns = observation.resized(small, (768, 768), 256, 32, 8)
    assert shown.image().shape[-2:] == (256, 256)
    assert 160 <= rows == columns < shown.target.shape[-1] <= 192
    drawn = torch.from_numpy(large[:256, :256].astype(np.float32) / 255).permute(2, 0, 1)[None]
    assert (shown.shown(drawn) - shown.target).abs().max() * 255 < 2.5  # Pillow rounds after each of the two directions


@pytest.mark.parametrize("factor", [0.5, 0.75, 0.9, 1.25])
def test_it_fits_at_the_size_it_was_drawn_at_and_at_no_other(autoencoder, made: np.ndarray, factor: float):
    small = perturbations.scale(made, factor)
    at = {size: optimization.scores(small, autoencoder, COMPRESSED, drawn=(size, size))[-1] for size in (120, 128, 136)}
    assert at[128] < 0.3 * min(at[120], at[136])


def test_the_size_is_found(autoencoder, made: np.ndarray):
    for factor in (0.5, 0.75, 1.5):
        assert resizing.search(perturbations.scale(made, factor), autoencoder, 128) == (128, 128)
    assert resizing.search(made[:50, :7], autoencoder) is None


def test_sizes_have_the_shape_of_the_picture():
    assert resizing.sizes(96, 96) == [(64, 64), (128, 128)]
    assert resizing.sizes(160, 160) == [(128, 128), (192, 192)]
    assert (832, 1216) in resizing.sizes(624, 912)
    assert resizing.sizes(100, 7) == []


def test_half_the_size_is_only_tried_where_a_generator_draws_at_that_size():
    assert resizing.sizes(64, 64) == []
    assert resizing.sizes(64, 64, native=128) == [(128, 128)]
    assert resizing.sizes(64, 96, native=128) == [(128, 192)]


def test_the_best_of_several_sizes_only_counts_where_it_fits_plainly(autoencoder, made: np.ndarray):
    small = perturbations.scale(made, 0.75)
    known = calibration.stored("mini-kl", COMPRESSED.record(), autoencoder.digest, conditions.RESIZED)
    score = optimization.scores(small, autoencoder, COMPRESSED, drawn=(128, 128))[-1]

    def belongs(times: float) -> bool | None:
        others = dataclasses.replace(known, others=((times * score,) * 3,) * 60)
        work = optimization.inspect(small, autoencoder, others, COMPRESSED, drawn=(128, 128))
        while True:
            try:
                next(work)
            except StopIteration as finished:
                return finished.value.belongs

    assert belongs(1.5 * calibration.PLAIN) is True
    assert belongs(0.75 * calibration.PLAIN) is None
