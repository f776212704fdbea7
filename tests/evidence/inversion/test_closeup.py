"""What one decoder makes of a part of a picture, to look at."""

from __future__ import annotations

import numpy as np

from tracer.evidence.inversion import closeup, trace
from tracer.evidence.inversion.trace import Suspect
from tracer.models import autoencoder, registry


def test_a_decoder_leaves_less_of_its_own_picture_on_its_grid_than_beside_it():
    code = trace.code_of(Suspect.of(registry.family("mini-kl")))()
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8).repeat(6, 0).repeat(6, 1)
    own = autoencoder.reconstruct(noise, code.autoencoder)
    found = closeup.close_up(own, code, every_offset=False)
    assert found.fits is None
    on, beside = (np.abs(found.original - drawn.astype(np.float32)).mean() for drawn in (found.on, found.beside))
    assert on < 0.7 * beside
    rows, columns = found.latents.shape[:2]
    cells = len(found.original) / code.stride
    assert cells <= rows == columns <= cells + 1, "one pixel for each cell that the part covers"
    assert closeup.close_up(own[:24, :24], code) is None, "too small for a window"


def test_a_code_of_any_number_of_channels_has_colours():
    latents = np.random.default_rng(0).normal(size=(16, 5, 7))
    assert closeup.false_colours(latents).std(axis=(0, 1)).min() > 10
    two = closeup.false_colours(latents[:2])
    assert two.shape == (5, 7, 3) and two[..., 2].std() == 0
    assert closeup.false_colours(np.zeros((4, 5, 7))).shape == (5, 7, 3)
