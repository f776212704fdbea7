"""Addresses that open a state of the page, and the state in the address; Back works."""

from __future__ import annotations

import json

import pytest

from tracer.models import registry
from tracer.ui import links, record

TITLES = {"inversion": "Grid test", "degrade": "Degrade it yourself", "many": "Many pictures"}


@pytest.mark.parametrize(
    ("word", "name"),
    [("inversion", "inversion"), ("grid", "inversion"), ("Many", "many"), ("", None), ("../x", None), ("<b>", None)],
)
def test_an_address_opens_a_known_tab_only(word, name):
    assert links.tab({"tab": word}, TITLES) == name


@pytest.mark.parametrize(
    ("asked", "name"), [("2", "b"), ("a", "a"), ("0", None), ("3", None), ("-1", None), ("", None), ("²", None)]
)
def test_an_address_opens_a_known_example_only(asked, name):
    assert links.example({"example": asked}, ["a", "b"]) == name


@pytest.mark.parametrize(("asked", "name"), [("minis", "minis"), ("real", None), ("", None), ("../x", None)])
def test_an_address_chooses_a_known_line_up_only(asked, name):
    assert links.lineup({"lineup": asked}) == name


def test_what_is_clicked_stands_in_the_address_and_back_clicks_it_again(page, page_url: str):
    def says(words: str) -> None:
        page.wait_for_function(f"document.querySelector('#joint').innerText.includes({json.dumps(words)})")

    first, *_, last = record.examples()
    page.goto(page_url)
    page.wait_for_selector("#hero svg image", state="attached")
    page.click(f"#example-{last.name}")
    says(last.title)
    assert f"example={last.name}" in page.url
    page.click("#tab-artifacts-button")
    page.wait_for_selector("#tab-artifacts-button[aria-selected=true]")
    assert "tab=artifacts" in page.url and f"example={last.name}" in page.url
    page.go_back()
    page.wait_for_selector("#tab-inversion-button[aria-selected=true]")
    page.go_back()
    says(first.title)
    page.go_forward()
    says(last.title)
    assert not page.complaints


def test_an_address_opens_tab_example_and_line_up_and_scrolls_there(page, page_url: str):
    *_, last = record.examples()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{page_url}/?tab=artifacts&example={last.name}&lineup=minis")
    page.wait_for_selector("#tab-artifacts-button[aria-selected=true]")
    page.wait_for_function(f"document.querySelector('#marks').innerText.includes({json.dumps(last.title)})")
    page.wait_for_function("document.querySelector('[role=tablist]').getBoundingClientRect().top < 600")
    page.click("#tab-inversion-button")
    page.get_by_role("button", name="Which models to ask").click()
    page.wait_for_selector("#lineup-name input[value=minis]:checked")
    minis = len(registry.families("minis"))
    page.wait_for_function(f"document.querySelectorAll('#families input:checked').length == {minis}")
