"""The spectrum and its peaks on the grid of 8 pixels."""

import numpy as np
import pytest

from tracer.evidence.artifacts import spectrum

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (400, 500, 3)).astype(float)


def measured(pixels: np.ndarray) -> spectrum.Spectrum:
    return spectrum.measure(np.clip(pixels, 0, 255).astype(np.uint8))


def test_noise_is_level_and_has_no_peaks():
    found = measured(NOISE)
    assert found.power.shape == spectrum.FREQUENCIES.shape
    assert np.abs(found.power).max() < 1
    assert np.abs(found.peaks).max() < 1


@pytest.mark.parametrize("size", [(400, 500), (70, 90)])
def test_a_pattern_of_8_pixels_stands_out(size):
    rows, columns = np.indices(size)
    grid = 30 * ((rows % 8 == 0) | (columns % 8 == 0))
    assert (measured(NOISE[: size[0], : size[1]] * 0.2 + grid[..., None]).peaks > 5).all()


def test_a_pattern_of_another_period_does_not():
    rows, columns = np.indices((400, 500))
    grid = 30 * ((rows % 5 == 0) | (columns % 5 == 0))
    assert (measured(NOISE * 0.2 + grid[..., None]).peaks < 2).all()


def test_blur_takes_the_high_frequencies_and_contrast_changes_nothing():
    soft = (NOISE[:-1, :-1] + NOISE[1:, :-1] + NOISE[:-1, 1:] + NOISE[1:, 1:]) / 4
    assert measured(soft).power[-1] < measured(NOISE).power[-1] - 8
    assert measured(NOISE * 0.5).power == pytest.approx(measured(NOISE).power, abs=0.5)
