"""Tab 2: what it says, and a look from click to map in a real browser."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests import detectors
from tests.conftest import ROOT, with_detector
from tests.ui.test_app import opened, upload, violations
from tracer import api
from tracer.evidence.artifacts import detection, null_distribution
from tracer.evidence.artifacts.detection import Settings
from tracer.evidence.artifacts.heatmap import Heatmap
from tracer.image import intake
from tracer.reports.figures import artifacts
from tracer.ui import artifact_views
from tracer.verdict.wording import sentence

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (300, 400, 3), dtype=np.uint8)


@pytest.fixture
def board(tmp_path, monkeypatch) -> artifact_views.Board:
    """A finished look with an untrained detector and made-up scores."""
    monkeypatch.setattr(detection, "FOLDER", detectors.write(tmp_path / "detector"))
    monkeypatch.setattr(null_distribution, "FOLDER", tmp_path / "thresholds")
    detectors.store(tmp_path / "thresholds", detection.revision())
    result = artifact_views.begun(intake.from_array(PIXELS, "<img src=x onerror=alert(1)>.png"), 4)
    for event in (*api.artifacts_stream(result.picture, tries=4), *api.artifacts_map(result.picture)):
        result.take(event)
    return result


def texts(board: artifact_views.Board) -> list[str]:
    parts = (
        artifact_views.banner,
        artifact_views.gauge,
        artifact_views.tries_words,
        artifact_views.histogram_words,
        artifact_views.map_words,
        artifact_views.spectrum_words,
    )
    return [part(board) for part in parts]


def test_the_answer_comes_with_its_threshold_and_what_it_rests_on(board):
    text = artifact_views.banner(board)
    found = board.answer
    assert sentence(found.verdict) in text
    assert f"{found.probability:.3f}" in text
    assert f"{found.threshold:.3f}" in text
    assert "199 photographs" in text


def test_nothing_of_a_file_gets_into_the_tab_as_html(board):
    image = dataclasses.replace(board.answer.image, notes=("<script>alert(1)</script>",))
    board.answer = dataclasses.replace(board.answer, image=image)
    for text in texts(board):
        assert "<img" not in text
        assert "<script" not in text


def test_before_there_is_an_image_every_part_has_something_to_show(board):
    for text in (
        artifact_views.gauge(None),
        artifact_views.histogram_words(None),
        artifact_views.map_words(None),
        artifact_views.spectrum_words(None),
    ):
        assert text
    assert "Choose a picture" in artifact_views.empty()
    assert len(artifact_views.histogram(None).data) >= 2, "where photographs lie can be seen at once"


def test_a_page_without_a_detector_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(detection, "FOLDER", tmp_path)
    assert "detector is not part of this package" in artifact_views.empty()
    assert not artifact_views.histogram(None).data
    assert len(artifact_views.spectra(None)) == 2


def test_tries_and_their_mean_are_on_the_scale_of_probability(board):
    mean, dots = (trace for trace in artifact_views.tries(board).data if trace.name in ("mean so far", "a try"))
    assert len(dots.y) == 4
    assert mean.y[-1] == pytest.approx(board.answer.probability, abs=1e-3)
    assert min(*dots.y, *mean.y) >= 0 and max(*dots.y, *mean.y) <= 1


def test_the_map_has_the_fixed_colours_and_the_images_shape():
    scores = detectors.made_up().scores(10)
    logits = np.array([[-50.0, 50.0], [np.nan, 0.0]])
    drawn = artifacts.heat(Heatmap(logits, 32, 96, 0.5), scores, 64, 64)
    assert drawn.shape == (640, 640, 3)
    assert tuple(drawn[0, 0]) == (68, 1, 84)  # viridis: 0
    assert tuple(drawn[0, -1]) == (253, 231, 37)  # and 1
    assert tuple(drawn[-1, 0]) == (128, 128, 128)  # not looked at
    assert artifacts.heat(None, scores, 300, 200).shape == artifacts.pictured(PIXELS[:, :200], []).shape


def test_outlines_show_where_the_tries_looked():
    plain, outlined = (artifacts.pictured(PIXELS, boxes) for boxes in ([], [(0, 0, 224, 224)]))
    assert (outlined[0, 100] == 255).all()
    assert (plain[400:] == outlined[400:]).all()


def test_a_spectrum_is_shown_beside_that_of_photographs(board):
    spectrum, peaks = artifact_views.spectra(board)
    assert [trace.name for trace in spectrum.data] == ["the middle 80 % of photographs", "this image"]
    assert [trace.name for trace in peaks.data] == ["photographs", "this image"]
    assert "only supports its answer" in artifact_views.spectrum_words(board)


# With the bundled detector


@with_detector
@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("coffee-through-mini-kl.png", True),
        ("koala-by-mini-dc-flat.png", True),
        ("photograph.png", None),
    ],  # which was resized once
)
def test_the_examples_are_answered(name, made):
    found = api.artifacts(ROOT / "examples" / name)
    assert found.made_by_autoencoder is made


@with_detector
def test_the_bundled_thresholds_belong_to_the_bundled_detector():
    for condition in null_distribution.CONDITIONS:
        known = null_distribution.stored(condition, detection.revision(), Settings().record())
        assert known.scores(1).level == null_distribution.DECISION, "at least 99 photographs"
        assert known.kinds


@with_detector
def test_a_look_runs_from_click_to_map(page, page_url: str, rgba_png: Path):
    look(page, page_url)
    upload(page, rgba_png)  # which starts the run by itself
    digest = intake.read(rgba_png).sha256[:8]  # of the file's own bytes, which nothing has encoded again
    page.wait_for_function(f"document.querySelector('#marks').innerText.includes('{digest}')")
    settled(page)
    assert page.query_selector("#marks .verdict:not(.running)")
    page.wait_for_selector("#tries .points path")
    page.wait_for_function("document.querySelector('#map-words').innerText.includes('on demand')")
    assert " s)" in page.inner_text("#draw-map"), "what it costs is said before"
    page.click("#draw-map")
    page.locator("#map").scroll_into_view_if_needed()
    page.wait_for_function("[...document.querySelectorAll('#map img')].every(i => i.complete && i.naturalWidth > 0)")
    page.wait_for_function("document.querySelector('#map-words').innerText.includes('Each cell')")
    assert not page.complaints


@with_detector
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_tab_fits_a_phone_and_keeps_no_reader_out(page, page_url: str, theme: str):
    look(page, f"{page_url}/?__theme={theme}")
    page.click("#example-photograph")
    page.wait_for_function("document.querySelector('#marks').innerText.includes('A plain photograph')")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not violations(page)


def look(page, url: str) -> None:
    """Open the tab."""
    opened(page, url)
    page.get_by_role("tab", name="Decoder marks").click()
    page.wait_for_selector("#among .barlayer")


def settled(page) -> None:
    """Wait until a look has ended."""
    page.wait_for_function("document.querySelector('#marks').innerText.includes('Probability')")
    page.wait_for_function("document.querySelector('#stop').disabled && !document.querySelector('#trace').disabled")
