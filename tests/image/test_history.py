"""What an image shows of its past: an earlier JPEG, an earlier size."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT
from tracer.image import history, perturbations
from tracer.image.perturbations import FILTERS

DRAWN = sorted((ROOT / "examples").glob("*-by-mini-*.png"))


@functools.cache
def photograph() -> np.ndarray:
    """One that was never resized by an odd factor, nor was a JPEG since: a photograph brought to half its size."""
    from skimage import data

    whole = data.rocket()[:426, :640].astype(float)
    return np.rint(whole.reshape(213, 2, 320, 2, 3).mean(axis=(1, 3))).astype(np.uint8)


def test_an_untouched_picture_shows_nothing():
    found = history.read(photograph())
    assert found.quality is None and not found.resized


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_the_cells_that_a_decoder_draws_in_are_neither_blocks_nor_a_resizing(path):
    found = history.read(np.asarray(Image.open(path).convert("RGB")))
    assert found.quality is None and not found.resized


@pytest.mark.parametrize("quality", [95, 90, 75, 50])
@pytest.mark.parametrize("cut", [(0, 0), (3, 5)])
def test_an_earlier_jpeg_is_found_wherever_its_blocks_begin(quality: int, cut: tuple[int, int]):
    top, left = cut
    found = history.read(perturbations.jpeg(photograph(), quality)[top:, left:])
    assert found.quality == pytest.approx(quality, abs=3)
    assert found.offset == (-top % 8, -left % 8)


def test_a_frame_moves_the_blocks_and_hides_nothing():
    screen = np.full((260, 360, 3), 238, np.uint8)
    screen[13:226, 22:342] = perturbations.jpeg(photograph(), 75)
    found = history.read(screen)
    assert found.quality is not None and found.offset == (13 % 8, 22 % 8)


@pytest.mark.parametrize("resampling", FILTERS[3:], ids=lambda each: each.name)
@pytest.mark.parametrize("factor", [1.25, 1.4, 1.5])
def test_an_enlargement_is_found(factor: float, resampling):
    assert history.read(perturbations.scale(photograph(), factor, resampling)).resized


@pytest.mark.parametrize("change", [lambda x: perturbations.blur(x, 0.6), lambda x: perturbations.noise(x, 2, 0)])
def test_other_changes_are_neither(change):
    found = history.read(change(photograph()))
    assert found.quality is None and not found.resized


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (1, 1), (65, 1300)])
def test_any_size_and_no_detail_at_all_give_an_answer(shape: tuple[int, int]):
    found = history.read(np.full((*shape, 3), 120, np.uint8))
    assert found.quality is None and not found.resized


def test_pixel_art_was_never_a_jpeg():
    squares = np.random.default_rng(0).integers(0, 255, (32, 32, 3)).astype(np.uint8)
    assert history.read(squares.repeat(8, axis=0).repeat(8, axis=1)).quality is None
