"""Tab 3 in a real browser: from a click to drawings, a ranking and a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.ui.test_app import settled, upload, violations
from tracer.models import registry
from tracer.ui import drawing
from tracer.ui.drawing import Board
from tracer.ui.tabs import regeneration

FOX = ROOT / "examples" / "fox-by-mini-kl-noto.png"
NAMES = [row.id for row in registry.GENERATORS.values() if row.bundled]
COUNT = len(NAMES)


def opened(page, url: str):
    """Tab 3, laid out."""
    page.goto(url)
    page.get_by_role("tab", name="Drawn again").click()
    page.wait_for_selector("#similarities .plot-container")
    return page


def given(page, file: Path, drawings: int, fused: bool = False) -> None:
    """Choose an image, a number of drawings per model, and whether inversion is asked first."""
    upload(page, file)
    page.wait_for_selector("#drawings img", state="detached")  # those of the example
    settled(page)  # what began by itself would be waited for
    page.locator("#ask-inversion input").set_checked(fused)
    page.get_by_role("button", name="Settings").locator("visible=true").first.click()
    page.wait_for_selector("#drawing-estimate p")  # the settings have been laid out, which sets them anew
    page.locator("#drawings-per-model input[type=number]").fill(str(drawings))
    page.keyboard.press("Tab")
    page.wait_for_function(f"document.querySelector('#drawings-per-model input[type=range]').value == '{drawings}'")


def captioned(page) -> str:
    """The caption, once it is written."""
    page.wait_for_function("document.querySelector('#caption textarea').value != ''")  # the example's went before
    return page.input_value("#caption textarea")


def finished(page) -> str:
    """Wait until the models are done; return the sentence."""
    page.wait_for_function(
        "document.querySelector('#stop-drawing').disabled && !document.querySelector('#draw').disabled"
    )
    return page.inner_text("#drawn h2")


def test_the_models_draw_the_caption_that_the_visitor_corrected(page, page_url: str):
    opened(page, page_url)
    given(page, FOX, 1)
    assert captioned(page)
    page.fill("#caption textarea", "red apple")
    page.click("#draw")
    page.wait_for_selector("#drawings img")
    sentence = finished(page)
    assert sentence
    assert "given by you: “red apple”" in page.inner_text("#drawn")
    assert len(page.query_selector_all("#drawings img")) == COUNT
    means = page.inner_text("#similarity-words").partition("The pale bars")[0]
    assert means.count("mini-") == COUNT
    assert "place 1" in page.inner_text("#drawings .lead")
    assert not page.complaints
    assert not [url for url in page.requests if not url.startswith((page_url, "data:", "blob:"))]


def test_inversion_is_asked_first_and_leaves_the_models_of_its_family(page, page_url: str):
    opened(page, page_url)
    assert page.is_checked("#ask-inversion input"), "by default"
    given(page, FOX, 1, fused=True)
    assert captioned(page)
    page.click("#draw")
    page.wait_for_selector("#drawings img")
    assert "the autoencoder is mini-kl, from inversion" in finished(page).lower()
    assert len(page.query_selector_all("#drawings img")) == 2
    assert "Inversion, asked first" in page.inner_text("#drawn")
    ruled_out = page.inner_text("#drawings .fine")
    assert all(name in ruled_out for name in NAMES if not name.startswith("mini-kl-"))


def test_stop_keeps_what_was_drawn(page, page_url: str):
    opened(page, page_url)
    given(page, FOX, 16)
    page.click("#draw")
    page.wait_for_selector("#drawings img")
    page.click("#stop-drawing")
    assert finished(page).startswith("Stopped early")
    assert 1 <= len(page.query_selector_all("#drawings img")) < 16 * COUNT


def test_a_new_image_gets_a_new_caption(page, page_url: str):
    opened(page, page_url)
    given(page, FOX, 1)
    captioned(page)
    page.fill("#caption textarea", "my own words")
    page.click("#upload button[aria-label='Remove Image']")
    page.wait_for_function("document.querySelector('#caption textarea').value == ''")


def test_a_bad_file_and_a_lonely_model_are_refused_before_anything_is_drawn(page, page_url: str, not_an_image: Path):
    opened(page, page_url)
    upload(page, not_an_image)
    page.wait_for_selector("#drawings img", state="detached")  # those of the example
    assert page.input_value("#caption textarea") == ""
    page.click("#draw")
    page.wait_for_selector("text=This is not an image of a kind that can be read here")
    assert not page.query_selector_all("#drawings img")
    assert page.is_enabled("#draw")
    assert not regeneration.check(str(FOX), "", ["mini-dc-flat"], 1)[2]["is_valid"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_a_reader_out(page, page_url: str, theme: str):
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, f"{page_url}/?__theme={theme}")
    given(page, FOX, 1)
    captioned(page)
    page.click("#draw")
    page.wait_for_selector("#drawings img")
    finished(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not violations(page)


def test_nothing_of_a_caption_gets_into_the_page_as_html():
    board = Board("Your image", NAMES, 1, caption="<img src=x onerror=alert(1)>", inferred=False)
    for text in (drawing.banner(board), drawing.grid(board)):
        assert "<img" not in text


def test_full_size_models_are_listed_with_what_keeps_them_from_drawing(page, page_url: str):
    opened(page, page_url)
    given(page, FOX, 1)
    page.wait_for_selector("#full-size li")
    listed = page.inner_text("#full-size")
    assert "SD-Turbo" in listed and "not calibrated here" in listed
    assert len(page.query_selector_all("#full-size li.off")) == len(registry.GENERATORS) - COUNT, "no Hub in the tests"
    assert len(page.query_selector_all("#drawers input")) == COUNT
    page.wait_for_function("document.querySelector('#drawing-estimate').innerText.includes('on this machine')")


def test_what_cannot_finish_is_refused_on_the_page(monkeypatch):
    from tracer.models import device

    monkeypatch.setattr(device, "speed", lambda: 1e6)
    answer = regeneration.check(str(FOX), "", NAMES, 16)[3]
    assert not answer["is_valid"] and "a run may take about 5 min" in answer["message"]
    assert "a run may take about 5 min" in regeneration.estimate(NAMES, 16)
    monkeypatch.setattr(device, "speed", lambda: 1e11)
    assert regeneration.check(str(FOX), "", NAMES, 16)[3]["is_valid"]
