"""LatentTracer's descent, and the second one beside the grid."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests import small_models
from tracer.evidence.inversion import optimization
from tracer.evidence.inversion.settings import PAPER
from tracer.image import samples
from tracer.image.windows import windows
from tracer.models import autoencoder, cache, checkpoint, registry
from tracer.models.progress import Progress

# The steps of an untrained autoencoder go nowhere without a gradient.
QUICK = dataclasses.replace(PAPER, steps=8, schedule="constant", rate=0.02)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """An untrained autoencoder."""
    shape = small_models.small("AutoencoderTiny", small_models.SHAPES["taesd"])
    folder = small_models.make("AutoencoderTiny", tmp_path_factory.mktemp("tiny"), config=shape)
    return checkpoint.from_folder(folder, "tiny")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


def test_every_step_is_told_and_the_best_loss_never_rises(tiny, picture):
    steps: list[optimization.Step] = []
    last = optimization.invert(picture, tiny, QUICK, Progress(emit=steps.append))
    assert steps[-1] is last and [step.index for step in steps] == list(range(9))
    best = [step.best for step in steps]
    assert best == sorted(best, reverse=True) and best[-1] < best[0]
    assert last.decoded.shape == last.original.shape == picture.shape


def test_the_same_image_gives_the_same_trajectory(tiny, picture):
    for settings in (QUICK, dataclasses.replace(QUICK, start="random")):
        one, two = (optimization.invert(picture, tiny, settings) for _ in range(2))
        assert (one.best, one.beside) == (two.best, two.beside)


def test_a_stop_ends_after_the_step(tiny, picture):
    assert optimization.invert(picture, tiny, QUICK, Progress(stop=lambda: True)).index == 0


def test_the_reference_schedule_halves_the_rate_after_steps_0_and_50(tiny, picture, monkeypatch):
    import torch

    rates = []
    real = torch.optim.Adam.step

    def step(self, *args, **kwargs):
        rates.append(self.param_groups[0]["lr"])
        return real(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    optimization.invert(picture[:16, :16], tiny, dataclasses.replace(PAPER, steps=53), control=False)
    assert rates == [0.05] + [0.025] * 50 + [0.0125] * 2


def test_paper_mode_has_the_published_settings():
    assert (PAPER.steps, PAPER.rate, PAPER.schedule) == (100, 0.05, "reference")
    assert (PAPER.start, PAPER.clamp) == ("encoder", True)


def test_the_curves_part_for_the_decoders_own_picture_and_stay_together_for_a_photograph():
    model = cache.load(registry.family("mini-kl"))
    (photograph,) = samples.bundled_photographs(1, 96)
    settings = dataclasses.replace(PAPER, steps=6)
    own = optimization.invert(autoencoder.reconstruct(photograph, model), model, settings)
    other = optimization.invert(photograph, model, settings)
    assert own.on / own.beside < 0.7 * other.on / other.beside
    assert other.on == pytest.approx(other.beside, rel=0.4)


def test_an_image_without_room_for_a_control_has_none(tiny):
    step = optimization.invert(np.zeros((8, 8, 3), np.uint8), tiny, dataclasses.replace(QUICK, steps=0))
    assert np.isnan(step.beside) and np.isfinite(step.loss)


def test_tiles_of_a_large_model_are_decoded_one_by_one_to_the_same_end(tiny, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    settings = dataclasses.replace(QUICK, steps=3, whole=64, tile=32, margin=16, tiles=4)
    together = optimization.invert(pixels, tiny, settings)
    batches = []
    decode = type(tiny).decode
    monkeypatch.setattr(type(tiny), "decode", lambda self, z: batches.append(len(z)) or decode(self, z))
    alone = optimization.invert(pixels, dataclasses.replace(tiny, large=True), settings)
    assert set(batches) == {1}
    assert alone.loss == pytest.approx(together.loss, rel=1e-3)


def test_a_small_image_is_read_whole_and_cut_to_the_grid(picture):
    (window,) = windows(picture[:61, :93], stride=8, whole=384, tile=128, margin=32, count=4)
    assert window.box == window.scored == (0, 0, 56, 88)


def test_tiles_lie_on_the_latent_grid_do_not_overlap_and_prefer_detail():
    pixels = np.full((700, 1030, 3), 128, np.uint8)
    pixels[256:512, 512:768] = np.random.default_rng(0).integers(0, 256, (256, 256, 3))
    found = windows(pixels, stride=16, whole=384, tile=128, margin=32, count=4)
    assert all(value % 16 == 0 for window in found for value in window.box + window.scored)
    assert {window.scored[:2] for window in found} == {(256, 512), (256, 640), (384, 512), (384, 640)}
    assert len({(w.box[2] - w.box[0], w.box[3] - w.box[1]) for w in found}) == 1
