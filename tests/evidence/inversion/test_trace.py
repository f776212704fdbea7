"""What somebody who brings a picture is told: named, not named, found again, or why there is no answer."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT
from tracer import api
from tracer.evidence.inversion import calibration
from tracer.evidence.inversion.decision import NullDistribution
from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Trace
from tracer.image import intake, samples
from tracer.models import autoencoder, cache, registry
from tracer.models.progress import Progress

EXAMPLES = ROOT / "examples"
KOALA, FOX = EXAMPLES / "koala-by-mini-dc-flat.png", EXAMPLES / "fox-by-mini-kl-noto.png"


@pytest.fixture(autouse=True)
def null(monkeypatch: pytest.MonkeyPatch) -> NullDistribution:
    """Scores of pictures that nobody made: nearly all far below the threshold of about 3."""
    scores = (*np.linspace(-5, 2, 398).tolist(), 3.0, 3.5, 3.8, 4.0)
    known = NullDistribution(scores, "made up", ("mini-kl",), "2026-01-01")
    monkeypatch.setattr(calibration, "shared", lambda *folder: known)
    return known


@pytest.fixture(scope="module")
def own() -> np.ndarray:
    """A photograph through mini-kl, 160 px a side."""
    (photograph,) = samples.bundled_photographs(1, 160)
    return autoencoder.reconstruct(photograph, cache.load(registry.family("mini-kl")))


def traced(picture: np.ndarray, *families: str, **options) -> Trace:
    return api.trace(intake.from_array(np.ascontiguousarray(picture), "x"), families=list(families), **options)


def test_what_a_mini_drew_is_named_with_its_members_and_the_others_are_not():
    trace = api.trace(FOX, lineup="minis")
    assert (trace.verdict.kind, trace.verdict.families) == ("family", ("mini-kl",))
    assert set(trace.verdict.members) == {"mini-kl-fluent", "mini-kl-noto"}
    rows = {row.family: row for row in trace.evidence}
    assert rows["mini-kl"].belongs and rows["mini-kl"].score >= rows["mini-kl"].threshold
    assert rows["mini-kl"].p_value <= 0.01 and rows["mini-kl"].contrast < 0
    assert not any(row.belongs for name, row in rows.items() if name != "mini-kl")
    assert min(trace.evidence, key=lambda row: row.sort_key).family == "mini-kl"
    assert len(trace.windows) == rows["mini-kl"].steps == len(trace.contrasts["mini-kl"])


def test_a_photograph_is_not_named():
    pixels = intake.read(EXAMPLES / "photograph.png").pixels[:160, :160]
    trace = traced(pixels, "mini-kl", "mini-dc")
    assert trace.verdict.kind in ("none", "insufficient")
    assert all(row.score < row.threshold for row in trace.evidence)


def test_a_crop_off_the_grid_is_found_with_its_offset(own):
    trace = traced(own[5:, 3:], "mini-kl")
    assert trace.verdict.families == ("mini-kl",)
    assert trace.evidence[0].offset == (3, 5)  # of the next cell, counted from the crop's corner


def test_a_resized_picture_is_brought_back_to_the_size_it_was_drawn_at():
    drawn = Image.open(FOX).convert("RGB")
    larger = np.asarray(drawn.resize((160, 160), Image.Resampling.BICUBIC))
    trace = traced(larger, "mini-kl")
    assert trace.verdict.families == ("mini-kl",)
    assert trace.evidence[0].resized_from == (128, 128)


def test_pixel_art_is_not_named():
    blocks = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    trace = traced(blocks.repeat(8, axis=0).repeat(8, axis=1), "mini-kl", "mini-kl16")
    assert trace.verdict.kind != "family"


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.full((160, 160, 3), 120, np.uint8), Reason.NO_FINE_DETAIL),
        (np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), Reason.IMAGE_TOO_SMALL),
    ],
    ids=["flat", "tiny"],
)
def test_what_cannot_be_told_says_why(picture, reason):
    trace = traced(picture, "mini-dc")
    assert (trace.verdict.kind, trace.verdict.reason) == ("insufficient", reason)
    assert trace.evidence[0].belongs is None


def test_a_stop_ends_within_a_window():
    import skimage.data

    from tracer.evidence.inversion.trace import trace

    seen: list[api.Looked] = []
    progress = Progress(lambda: bool(seen), lambda event: seen.append(event) if isinstance(event, api.Looked) else None)
    picture = intake.from_array(skimage.data.astronaut(), "photograph")
    found = trace(picture, [registry.family("mini-kl")], progress=progress)
    assert len(seen) == 1 and seen[0].windows == 1
    assert found.verdict.stopped and found.evidence[0].stopped
    assert found.evidence[0].belongs is None


def test_any_autoencoder_is_inspected_without_calibration(tmp_path):
    row = registry.family("mini-dc")
    folder = tmp_path / "mine"
    shutil.copytree(row.source / row.subfolder, folder)
    trace = api.trace(KOALA, autoencoder=folder)
    assert trace.verdict.families == ("mine",)
    assert trace.evidence[0].weights_digest == cache.load(row).weights_digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def test_windows_come_one_after_another_and_the_last_event_is_the_trace():
    kinds = [type(event).__name__ for event in api.trace_stream(FOX, families=["mini-kl", "mini-dc"])]
    assert kinds[:2] == ["Loading", "Loading"] and kinds[-1] == "Trace"
    assert kinds.index("Looked") < kinds.index("Answered")


def test_a_closed_stream_leaves_no_thread_behind():
    import threading

    stream = api.trace_stream(FOX, families=["mini-kl"])
    next(stream)
    stream.close()
    assert not [each for each in threading.enumerate() if each.name == "work"]


def test_paper_mode_decides_by_the_stored_losses(monkeypatch):
    from tracer.evidence.inversion import settings
    from tracer.evidence.inversion.calibration import Losses

    short = settings.Settings(steps=3)
    monkeypatch.setitem(settings.DESCENTS, "paper", short)
    losses = tuple(np.linspace(1e-5, 2e-5, 20).tolist())
    known = Losses("mini-kl", "any", short.record(), losses, "made up", "2026-01-01")
    monkeypatch.setattr(calibration, "losses", lambda *key: known)
    small = intake.from_array(intake.read(EXAMPLES / "photograph.png").pixels[:64, :64], "photograph")
    *events, trace = api.trace_stream(small, families=["mini-kl"], mode="paper")
    assert [each.step.index for each in events if isinstance(each, api.Stepped)] == [0, 1, 2, 3]
    (row,) = trace.evidence
    assert (row.mode, row.threshold, row.belongs) == ("paper", known.threshold, False)
    assert trace.verdict.kind == "none" and row.p_value == pytest.approx(1 / 21)
