"""The line-up chooser in a real browser: what can be had, what cannot and why, and a run with what was downloaded."""

from __future__ import annotations

import pytest

from tests import small_models
from tests.ui.test_app import finished, opened, sentence
from tracer import api
from tracer.models import registry
from tracer.reports.availability import Availability
from tracer.ui import chooser
from tracer.ui.templates import render

TINY = registry.families("tiny")


@pytest.fixture(autouse=True)
def forgetful():
    """Every test asks anew."""
    chooser.forget()


def chosen(page, url: str, name: str) -> str:
    """Open the chooser, pick a line-up, and return what the list says."""
    opened(page, url)
    page.get_by_role("button", name="Which models to ask").click()
    page.wait_for_selector("#availability li")
    if name != api.LINEUP:
        page.locator("#lineup-name").get_by_text(chooser.TITLES[name]).click()
    page.wait_for_function(f"document.querySelectorAll('#availability li').length == {len(registry.families(name))}")
    last = registry.families(name)[-1].title  # two line-ups may have as many families
    page.wait_for_function(f"document.querySelector('#availability').innerText.includes('{last}')")
    return page.inner_text("#availability")


def test_the_bundled_families_are_ready_with_the_time_they_take(page, page_url):
    text = chosen(page, page_url, "minis")
    assert text.count("bundled") >= len(registry.families("minis"))
    assert "less than 1 s" in text or "about" in text


def test_without_a_hub_the_tiny_ones_are_greyed_with_the_reason(page, page_url):
    text = chosen(page, page_url, "tiny")
    assert text.count("not reachable") == len(TINY)
    assert text.count("HF_HUB_OFFLINE is set") == 1, "one reason for all is said once"
    assert len(page.query_selector_all("#availability li.off")) == len(TINY)
    assert not page.query_selector_all("#families input[type=checkbox]")
    page.click("#trace")
    page.wait_for_selector("text=No model is chosen")
    assert [line for line in page.complaints if "422" not in line] == [], "a refused input is no error of the page"


def test_a_tiny_family_is_downloaded_and_asked(page, page_url, local_hub, tmp_path):
    for row in TINY[:2]:
        folder = small_models.make(
            row.kind, tmp_path / row.id, config=small_models.small(row.kind, small_models.SHAPES[row.id])
        )
        local_hub.add(row.source, folder)
    local_hub.faults.gated = {TINY[2].source}
    text = chosen(page, page_url, "tiny")
    assert text.count("download") >= 2
    assert f"https://huggingface.co/{TINY[2].source}" in text
    assert "gone" in text
    assert len(page.query_selector_all("#families input[type=checkbox]")) == 2
    page.get_by_label(TINY[1].title).uncheck()
    page.click("#trace")
    page.wait_for_function("document.querySelector('#trace').disabled")
    finished(page)
    assert sentence(page)
    assert TINY[0].stands_for in page.inner_text("#hero"), "a stand-in is called by what it stands for"


def test_a_row_says_what_keeps_a_full_size_family_away():
    row = registry.family("sdxl")
    found = chooser._row(row, Availability("sdxl", "download", "no <threshold>", 335.0), (3.2, 200.0))
    html = render("availability.html", about="", shared=[], rows=[found])
    assert 'class="off"' in html
    assert "download of 335 MB" in html
    assert "no &lt;threshold&gt;" in html
    assert "about 3 s, at most about 3 min" in html
    assert "SDXL-Turbo" in html
