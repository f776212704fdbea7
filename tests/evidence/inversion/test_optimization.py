"""Latent inversion on tiny autoencoders with random weights, and on the bundled ones."""

import dataclasses

import numpy as np
import pytest

from tests import small_models
from tracer.evidence.inversion import optimization
from tracer.evidence.inversion.observation import Lossless
from tracer.image.windows import windows
from tracer.models import cache, registry
from tracer.models.autoencoder import reconstruct

# The steps of an untrained autoencoder go nowhere without a gradient.
QUICK = dataclasses.replace(optimization.FAST, steps=8, schedule="constant", rate=0.02)


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    return cache.from_folder(small_models.make("AutoencoderTiny", tmp_path_factory.mktemp("tiny")), "tiny")


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


def test_every_step_is_yielded_and_the_best_loss_never_rises(autoencoder, picture):
    steps = list(optimization.invert(picture, autoencoder, QUICK))
    assert [step.index for step in steps] == list(range(9))
    best = [step.best for step in steps]
    assert best == sorted(best, reverse=True) and best[-1] < best[0]
    relative = [step.relative for step in steps]
    assert relative == sorted(relative, reverse=True)
    assert all(step.relative == pytest.approx(step.fine / (step.second * step.detail) ** 0.5) for step in steps)
    assert steps[-1].reconstruction().shape == picture.shape


def test_the_same_image_gives_the_same_trajectory(autoencoder, picture):
    for settings in (QUICK, dataclasses.replace(QUICK, start="random")):
        one, two = (optimization.scores(picture, autoencoder, settings) for _ in range(2))
        assert one == two


def test_closing_early_keeps_the_steps_so_far(autoencoder, picture):
    running = optimization.invert(picture, autoencoder, QUICK)
    first = next(running)
    running.close()
    assert first.reconstruction().shape == picture.shape


def test_the_reference_schedule_halves_the_rate_after_steps_0_and_50(autoencoder, picture, monkeypatch):
    import torch

    rates = []
    real = torch.optim.Adam.step

    def step(self, *args, **kwargs):
        rates.append(self.param_groups[0]["lr"])
        return real(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    settings = dataclasses.replace(optimization.PAPER, steps=53)
    for _ in optimization.invert(picture[:16, :16], autoencoder, settings):
        pass
    assert rates == [0.05] + [0.025] * 50 + [0.0125] * 2


def test_paper_mode_has_the_published_settings():
    paper = optimization.PAPER
    assert (paper.steps, paper.rate, paper.schedule) == (100, 0.05, "reference")
    assert (paper.start, paper.clamp) == ("encoder", True)
    assert optimization.checkpoints(paper) == (100,)


def test_a_belonging_image_is_decided_early_and_another_is_refused(autoencoder, picture):
    belonging = reconstruct(picture, autoencoder)
    settings = dataclasses.replace(optimization.FAST, steps=4)
    scores = optimization.scores(belonging, autoencoder, settings)
    spread = np.random.default_rng(0).lognormal(0, 0.05, 100)
    rows = [tuple(score * factor for score in scores) for factor in spread]
    known = optimization.calibration_of(autoencoder, settings, rows, "one image, spread")

    def evidence_of(pixels, **options):
        running = optimization.inspect(pixels, autoencoder, known, settings, **options)
        while True:
            try:
                next(running)
            except StopIteration as end:
                return end.value

    answer = evidence_of(belonging)
    assert answer.belongs is True and answer.steps <= 4 and answer.p_value > 0.05
    assert answer.revision == autoencoder.revision and answer.calibrated_on == 100
    other = evidence_of(picture)
    assert other.belongs is False and other.p_value == pytest.approx(1 / 101)


def test_stopping_returns_what_there_is_undecided(autoencoder, picture):
    settings = dataclasses.replace(optimization.FAST, steps=8)
    score = optimization.scores(picture, autoencoder, settings)[0]
    # The image's first score lies in the upper tenth of the belonging ones: inside, but not yet plainly.
    rows = [(score * (0.905 + i / 1000),) * 5 for i in range(100)]
    known = optimization.calibration_of(autoencoder, settings, rows, "made up")
    running = optimization.inspect(picture, autoencoder, known, settings, stop=lambda: True)
    assert next(running).index == 0
    with pytest.raises(StopIteration) as end:
        next(running)
    answer = end.value.value
    assert answer.stopped and answer.belongs is None and answer.steps == 0


def test_a_run_stopped_before_its_only_checkpoint_has_no_p_value(autoencoder, picture):
    settings = dataclasses.replace(optimization.PAPER, steps=3)
    known = optimization.calibration_of(autoencoder, settings, [(i / 1000,) for i in range(1, 101)], "made up")
    running = optimization.inspect(picture, autoencoder, known, settings, stop=lambda: True)
    next(running)
    with pytest.raises(StopIteration) as end:
        next(running)
    answer = end.value.value
    assert answer.stopped
    assert answer.p_value is None


def test_a_large_image_is_recognised_on_tiles():
    from skimage import data

    from tracer import api
    from tracer.image import intake

    made = api.reconstruct("mini-dc", intake.from_array(data.astronaut(), "astronaut"))
    assert max(made.shape) > optimization.FAST.whole
    trace = api.trace(intake.from_array(made, "made"), families=["mini-dc", "mini-dc"])
    assert len(trace.evidence) == 1
    assert trace.verdict.families == ("mini-dc",)
    assert api.trace(intake.from_array(data.astronaut(), "photograph"), families=["mini-dc"]).verdict.kind == "none"


def test_a_small_image_is_read_whole_and_cut_to_the_grid(picture):
    (window,) = windows(picture[:61, :93], stride=8, whole=384, tile=128, margin=32, count=4)
    assert window.box == window.scored == (0, 0, 56, 88)


def test_tiles_lie_on_the_latent_grid_do_not_overlap_and_prefer_detail():
    rng = np.random.default_rng(0)
    pixels = np.full((700, 1030, 3), 128, np.uint8)
    pixels[256:512, 512:768] = rng.integers(0, 256, (256, 256, 3))
    found = windows(pixels, stride=16, whole=384, tile=128, margin=32, count=4)
    assert len(found) == 4
    assert all(value % 16 == 0 for window in found for value in window.box + window.scored)
    assert {window.scored[:2] for window in found} == {(256, 512), (256, 640), (384, 512), (384, 640)}
    assert len({(w.box[2] - w.box[0], w.box[3] - w.box[1]) for w in found}) == 1
    for window in found:
        box, scored = window.box, window.scored
        assert box[0] <= scored[0] and box[1] <= scored[1] and box[2] >= scored[2] and box[3] >= scored[3]


def test_a_long_thin_image_is_tiled_too():
    pixels = np.zeros((64, 2000, 3), np.uint8)
    found = windows(pixels, stride=8, whole=384, tile=128, margin=32, count=4)
    assert len(found) == 4 and all(w.box[2] <= 64 and w.box[3] <= 2000 for w in found)


def test_a_flat_picture_does_not_divide_by_zero(autoencoder):
    flat = np.full((64, 64, 3), 255, np.uint8)
    assert all(np.isfinite(optimization.scores(flat, autoencoder, QUICK)))


@pytest.mark.parametrize("row", registry.families("minis"), ids=lambda row: row.id)
def test_a_mini_reproduces_its_own_image_far_better_than_a_photograph(row):
    from tracer.image.samples import bundled_photographs

    model = cache.load(row)
    (photograph,) = bundled_photographs(1, 64)
    settings = dataclasses.replace(optimization.FAST, steps=2)
    own = optimization.scores(reconstruct(photograph, model), model, settings)
    other = optimization.scores(photograph, model, settings)
    assert own[-1] < other[-1] / 10
    assert own[1] < own[0] / 2, "the first step without a gradient already finds most of it"


def test_pixels_that_a_file_cannot_show_do_not_count_against_the_decoder():
    import torch

    target = torch.tensor([1.0, 1.0, 0.0, 0.5]).view(1, 1, 2, 2)
    decoded = torch.tensor([1.2, 0.9, -0.1, 0.6]).view(1, 1, 2, 2)
    assert Lossless(target).difference(decoded).flatten().tolist() == pytest.approx([0, -0.1, 0, 0.1], abs=1e-6)


def test_what_a_crop_cut_through_is_not_scored():
    pixels = np.random.default_rng(0).integers(0, 256, (128, 120, 3), np.uint8)
    (window,) = windows(pixels, stride=8, whole=384, tile=128, margin=32, count=1, cropped=True)
    assert window.box == (0, 0, 128, 120)
    assert window.scored == (24, 24, 104, 96)
    large = np.random.default_rng(0).integers(0, 256, (500, 600, 3), np.uint8)
    (window,) = windows(large, stride=16, whole=384, tile=128, margin=32, count=1, cropped=True)
    assert all(value % 16 == 0 for value in window.box + window.scored)
    assert min(window.scored[:2]) >= 32 and window.scored[2] <= 496 - 32 and window.scored[3] <= 592 - 32
    assert window.box[2] - window.box[0] == 192


def test_tiles_of_a_large_model_are_decoded_one_by_one_to_the_same_end(autoencoder, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    settings = dataclasses.replace(QUICK, steps=3, whole=64, tile=32, margin=16, tiles=4)
    together = list(optimization.invert(pixels, autoencoder, settings))
    batches = []
    decode = type(autoencoder).decode
    monkeypatch.setattr(type(autoencoder), "decode", lambda self, z: batches.append(len(z)) or decode(self, z))
    monkeypatch.setattr(optimization, "LARGE", 0)
    alone = list(optimization.invert(pixels, autoencoder, settings))
    assert {len(step.decoded) for step in alone} == {4}
    assert 1 in batches
    assert [step.loss for step in alone] == pytest.approx([step.loss for step in together], rel=1e-3)
