"""Evidence 2: where it looks, what its scores mean, and when it has no answer."""

from __future__ import annotations

import pickle
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from tests import detectors
from tracer import api
from tracer.evidence.artifacts import calibration as artifacts_reference
from tracer.evidence.artifacts import decision, detection, heatmap, null_distribution
from tracer.evidence.artifacts.detection import Settings
from tracer.evidence.artifacts.null_distribution import Scores
from tracer.evidence.reasons import Reason
from tracer.evidence.store import ThresholdMismatch
from tracer.evidence.verdict import Doubt
from tracer.image import intake, samples
from tracer.models import cache, registry
from tracer.models.errors import ModelUnavailable
from tracer.models.progress import Progress
from tracer.verdict.wording import sentence

RNG = np.random.default_rng(0)


def noise(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def detector(tmp_path, monkeypatch):
    """An untrained detector in the place of the bundled one, with made-up scores."""
    monkeypatch.setattr(detection, "FOLDER", detectors.write(tmp_path / "detector"))
    monkeypatch.setattr(null_distribution, "FOLDER", tmp_path / "thresholds")
    detectors.store(tmp_path / "thresholds", detection.revision())
    return detection.load()


def scores(negative, positive, kinds=None) -> Scores:
    return Scores(np.array(negative, float), np.array(positive, float), np.array(kinds or ["one"] * len(negative)))


# Where it looks


@pytest.mark.parametrize("size", [(1024, 768), (299, 299), (161, 600)])
@pytest.mark.parametrize("placing", ["spread", "random"])
def test_tries_are_different_native_crops_on_the_grid(size, placing):
    found = detection.boxes(*size, Settings(placing=placing))
    assert len(set(found)) == len(found) == 10
    for top, left, bottom, right in found:
        assert bottom - top == right - left == Settings.side
        assert min(top, left) >= 0 and bottom <= size[0] and right <= size[1]
        assert top % 8 == left % 8 == 0


def test_the_first_tries_do_not_depend_on_how_many_follow():
    assert detection.boxes(512, 512, Settings())[:3] == detection.boxes(512, 512, Settings(tries=3))


def test_spread_tries_reach_every_quarter_of_an_image():
    tops, lefts, _, _ = np.array(detection.boxes(1024, 1024, Settings())).T
    assert {(top > 400, left > 400) for top, left in zip(tops, lefts, strict=True)} == {
        (up, over) for up in (False, True) for over in (False, True)
    }


def test_random_tries_go_by_their_seed():
    one, same, other = (detection.boxes(900, 900, Settings(placing="random", seed=seed)) for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("size", [(96, 130), (160, 167), (64, 64)])
def test_a_small_image_is_taken_whole_and_once(size):
    ((top, left, bottom, right),) = detection.boxes(*size, Settings())
    assert (top, left, bottom) == (0, 0, min(size[0], Settings.side))
    assert right == min(size[1], Settings.side)


def test_a_score_is_the_mean_logit_of_the_crops(detector):
    pixels = noise(300, 420)
    tries = detection.look(pixels, detector, Settings(tries=4))
    assert [each.index for each in tries] == [0, 1, 2, 3]
    for each in tries:
        top, left, bottom, right = each.box
        crop = torch.from_numpy(pixels[top:bottom, left:right].copy()).permute(2, 0, 1)[None].float() / 255
        assert each.logit == pytest.approx(detector(crop).item(), abs=1e-3)
    assert tries[-1].score == pytest.approx(np.mean([each.logit for each in tries]), abs=1e-3)


def test_the_map_grows_until_it_covers_the_image(detector):
    pixels = noise(320, 500)
    maps = []
    maps.append(heatmap.measure(pixels, detector, Progress(emit=maps.append)))
    assert [np.isnan(each.logits).any() for each in maps] == [True] * (len(maps) - 1) + [False]
    assert [each.done for each in maps] == sorted(each.done for each in maps)
    last = maps[-1]
    assert last.done == 1
    assert last.logits.shape == (-(-320 // last.cell), -(-500 // last.cell))


def test_a_cell_of_the_map_is_what_a_try_around_it_would_say(detector):
    pixels = noise(400, 480)
    last = heatmap.measure(pixels, detector)
    row, column = 5, 6
    top, left = (
        int((place + 0.5) * last.cell - Settings.side / 2) // detection.GRID * detection.GRID for place in (row, column)
    )
    box = (top, left, top + Settings.side, left + Settings.side)
    with torch.inference_mode():
        assert last.logits[row, column] == pytest.approx(detector(detection.tensor(pixels, box)).item(), abs=1e-4)


@pytest.mark.parametrize("size", [(96, 96), (1024, 1024), (4000, 6000), (64, 9000)])
def test_a_map_has_a_bounded_number_of_cells(size):
    cell = heatmap.cell_of(*size)
    assert -(-size[0] // cell) * -(-size[1] // cell) <= heatmap.MOST_CELLS
    assert cell >= heatmap.CELL


# What its scores mean


def test_thresholds_hold_the_rate_that_they_promise_or_are_not_there():
    known = scores(np.arange(199), np.arange(300, 499))
    for level in (0.01, 0.05):
        assert np.mean(known.negative > known.threshold(level)) <= level
        assert known.p_value(known.threshold(level) + 0.5) <= level
    assert known.threshold(0.001) is None, "199 photographs cannot hold 0.1 %"
    assert known.level == 0.01


def test_with_few_photographs_the_answer_rests_on_a_higher_rate():
    assert scores(np.arange(50), np.arange(50)).level == 0.05


def test_one_kind_of_photograph_does_not_hide_among_many_others():
    easy, hard = np.zeros(300), np.arange(40) / 10 + 5
    known = scores(np.r_[easy, hard], np.full(340, 9), ["easy"] * 300 + ["hard"] * 40)
    assert np.mean(hard > known.threshold(0.05)) <= 0.05
    assert known.threshold(0.01) >= known.threshold(0.05)


def test_between_two_thresholds_the_answer_is_open():
    known = scores(np.arange(1000), np.arange(1000, 2000))
    assert known.decide(995) is True
    assert known.decide(970) is None
    assert known.decide(900) is False


def test_probabilities_rise_with_the_score_and_stay_sober():
    known = detectors.made_up().scores(10)
    values = known.probability(np.linspace(-8, 8, 50))
    assert (np.diff(values) > 0).all()
    assert known.probability(0.0) == pytest.approx(0.5, abs=0.1)
    apart = scores(np.zeros(50), np.ones(50))
    assert 0.9 < apart.probability(1.0) < 0.999, "fifty images do not make anything certain"


def test_a_detector_worse_than_chance_says_nothing():
    known = scores(np.arange(100), np.arange(100) - 50)
    assert known.probability(0.0) == known.probability(99.0) == 0.5


def test_more_scattered_scores_of_fewer_or_smaller_tries_have_their_own_thresholds():
    known = detectors.made_up()
    rows = np.array(known.photographs) + np.random.default_rng(1).normal(0, 3, (199, 10))
    scattered = null_distribution.NullDistribution(**{**vars(known), "photographs": rows.tolist()})
    assert scattered.scores(1).edge > scattered.scores(10).edge
    assert scattered.scores(25).edge == scattered.scores(10).edge
    assert scattered.scores(10, 140).edge == known.scores(1, 128).edge
    with pytest.raises(KeyError):
        known.scores(1, 90)


# When it has no answer


def jpeg(pixels: np.ndarray, quality: int) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def saved(pixels: np.ndarray, **options) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return samples.bundled_pictures()[0][:320, :320]


@pytest.mark.parametrize(
    ("data", "condition", "void"),
    [
        (lambda p: saved(p, format="PNG"), "lossless", None),
        (lambda p: jpeg(p, 97), "jpeg-95", None),
        (lambda p: jpeg(p, 80), "jpeg-70", None),
        (lambda p: jpeg(p, 30), "jpeg-50", Doubt(Reason.MARKS_LOST_IN_JPEG, {"quality": 30})),
        (lambda p: saved(p, format="WEBP", quality=80), "webp", None),
        (lambda p: saved(p, format="WEBP", lossless=True), "lossless", None),
        (lambda p: saved(p, format="AVIF"), "lossless", Doubt(Reason.FORMAT_WITHOUT_THRESHOLD, {"format": "AVIF"})),
    ],
)
def test_a_file_is_judged_under_the_nearest_condition(photograph, data, condition, void):
    assert decision.condition(intake.read(data(photograph))) == (condition, void)


def test_the_stream_ends_with_the_answer(detector, photograph):
    *tries, last = api.artifacts_stream(saved(photograph, format="PNG"), tries=3)
    assert [each.index for each in tries] == [0, 1, 2]
    assert last.score == tries[-1].score
    assert last.detector == detection.revision()
    assert last.calibrated_on == 199
    assert last.thresholds["0.01"] == last.threshold
    assert last.thresholds["0.001"] is None
    assert api.artifacts(saved(photograph, format="PNG"), tries=3).tries == last.tries


def test_a_stopped_run_answers_from_the_tries_so_far(detector, photograph):
    *_, last = api.artifacts_stream(intake.from_array(photograph, ""), stop=lambda: True)
    assert len(last.tries) == 1
    assert sentence(last.verdict)


@pytest.mark.parametrize("tries", [0, 101])
def test_a_senseless_number_of_tries_is_refused(detector, photograph, tries):
    with pytest.raises(ValueError, match="between 1 and 100 tries"):
        api.artifacts(intake.from_array(photograph, ""), tries=tries)


@pytest.mark.parametrize("above", [True, False])
def test_the_answer_goes_by_the_threshold(detector, photograph, tmp_path, above):
    shift = -100.0 if above else 100.0  # of the made-up photographs
    options = dict(photographs=shift, reconstructions=shift + 8)
    detectors.store(tmp_path / "thresholds", detection.revision(), **options)
    found = api.artifacts(intake.from_array(photograph, ""))
    assert (found.probability > found.threshold) is above
    # This photograph was resized, so that no marks say nothing about it.
    assert found.made_by_autoencoder is (True if above else None)
    assert found.verdict.kind == ("autoencoder" if above else "insufficient")


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.full((128, 128, 3), 90, np.uint8), "fine detail"),
        (noise(80, 300), "smaller than 96"),
        (np.asarray(Image.fromarray(noise(300, 300)).filter(ImageFilter.GaussianBlur(1.2))), "smooth"),
    ],
    ids=["flat", "small", "blurred"],
)
def test_where_nothing_can_be_told_nothing_is(detector, pixels, reason, tmp_path):
    soft = detectors.made_up("soft", detection.revision(), reconstructions=-4.0)
    soft.sharpness[:] = [[0.4] * 199, [0.4] * 199]
    null_distribution.save(soft, tmp_path / "thresholds")
    found = api.artifacts(intake.from_array(pixels, ""))
    assert found.made_by_autoencoder is None
    assert found.verdict.kind == "insufficient"
    assert reason in sentence(found.verdict)
    assert 0 <= found.probability <= 1


def test_no_is_not_said_where_reconstructions_are_missed_too():
    weak = detectors.made_up(reconstructions=-3.5).scores(10)
    made, answer = decision.decide(-4.0, weak, "webp")
    assert (made, answer.kind) == (None, "insufficient")
    assert "lossy WebP" in sentence(answer)
    assert decision.decide(9.0, weak, "webp")[0] is True, "a yes rests on photographs alone"


def test_no_marks_in_a_compressed_file_is_no_answer():
    scores = Scores(np.linspace(-6, 2, 200), np.linspace(3, 9, 50), np.array(["photographs"] * 200))
    assert decision.decide(-4.0, scores, "lossless")[1].kind == "none"
    assert decision.decide(-4.0, scores, "jpeg-95")[1].kind == "insufficient"
    assert decision.decide(9.0, scores, "jpeg-95")[1].kind == "autoencoder"


def test_too_smooth_is_where_softened_reconstructions_are_missed():
    lossless, soft = detectors.made_up(), detectors.made_up("soft", reconstructions=-4.0)
    rng = np.random.default_rng(1)
    soft.sharpness[:] = rng.uniform(0.01, 0.1, (2, 199)).tolist()
    assert 0.05 < null_distribution.sharpness_floor(lossless, soft) <= 0.6
    assert null_distribution.sharpness_floor(lossless, lossless) == 0


def test_blur_and_enlargement_lower_the_sharpness(photograph):
    image = Image.fromarray(photograph)
    versions = (image, image.filter(ImageFilter.GaussianBlur(1)), image.resize((640, 640), Image.Resampling.BICUBIC))
    sharp, blurred, enlarged = (detection.sharpness(np.asarray(each), Settings())[1] for each in versions)
    assert sharp > 2 * blurred
    assert sharp > 2 * enlarged


# What it rests on


def test_other_weights_or_settings_make_the_threshold_unusable(detector, photograph, tmp_path):
    picture = intake.from_array(photograph, "")
    with pytest.raises(ThresholdMismatch, match=r"other settings; run: .*calibrate artifacts"):
        decision.known(picture, Settings(side=192))
    detectors.write(detection.FOLDER, seed=1)
    with pytest.raises(ThresholdMismatch, match=r"other weights; run: .*calibrate artifacts"):
        api.artifacts(picture)
    null_distribution.path_of("lossless").unlink()
    with pytest.raises(ThresholdMismatch, match=r"no threshold for lossless images; run: "):
        api.artifacts(picture)


def test_a_damaged_threshold_is_named(detector, photograph):
    null_distribution.path_of("lossless").write_text("[1, 2")
    with pytest.raises(ThresholdMismatch, match=r"artifacts\.lossless\.json is not what a calibration stores"):
        api.artifacts(intake.from_array(photograph, ""))


@pytest.mark.parametrize("damage", ["missing", "cut", "other", "pickle"])
def test_damaged_weights_are_refused(tmp_path, damage):
    folder = detectors.write(tmp_path)
    file = folder / detection.WEIGHTS
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    elif damage == "pickle":
        file.write_bytes(pickle.dumps({"head.weight": [1.0]}))
    else:
        text = (folder / "config.json").read_text()
        (folder / "config.json").write_text(text.replace('"width": 4', '"width": 5'))
    with pytest.raises(ModelUnavailable, match="detector"):
        detection.load(folder)


def test_calibration_scores_both_classes_alike(detector):
    tiles = samples.bundled_photographs(3, Settings.side)
    found = [("tiles", tile) for tile in tiles]
    autoencoder = cache.load(registry.family("mini-dc"))
    told = []
    lossless, soft = artifacts_reference.measure(
        found, detector, [autoencoder], ["lossless", "soft"], lambda *done: told.append(done)
    )
    assert told[-1] == (3, 3)
    assert len(lossless.photographs) == len(lossless.reconstructions) == 3
    (first,) = detection.look(tiles[0], detector, Settings())
    assert lossless.photographs[0] == [first.logit]
    assert soft.photographs[0] != lossless.photographs[0]
    assert np.median(soft.sharpness[0]) < np.median(lossless.sharpness[0])
    assert set(lossless.makers) == {"mini-dc"}
    assert np.array(lossless.spectrum["power"]).shape == (3, 32)


def test_calibration_takes_its_photographs_evenly_from_every_folder(tmp_path):
    for kind, count in (("one", 30), ("two", 4)):
        (tmp_path / kind).mkdir()
        for index in range(count):
            Image.fromarray(np.full((160, 166, 3), index, np.uint8)).save(tmp_path / kind / f"{index:02}.png")
    Image.fromarray(noise(100, 100)).save(tmp_path / "two" / "small.png")
    found = artifacts_reference.photographs([tmp_path], 16)
    assert [kind for kind, _ in found] == ["one"] * 16 + ["two"] * 4
    assert [int(pixels[0, 0, 0]) for _, pixels in found[:16]][::15] == [0, 29]
    with pytest.raises(ValueError, match="at least 19 photographs"):
        artifacts_reference.photographs([tmp_path / "two"], 16)
