"""The pictures of the page in the documents: the script that takes them, and that they are there."""

from __future__ import annotations

import re

from PIL import Image

from examples import screenshot
from tests.conftest import ROOT


def test_the_first_paint_and_every_tab_are_photographed(browser, page_url: str, tmp_path):
    taken = list(screenshot.take(browser, page_url, tmp_path))
    assert {file.name for file in taken} == {
        f"{name}-{width}.png" for name in ("first", *screenshot.TABS) for width in screenshot.WIDTHS
    }
    for file in taken:
        picture = Image.open(file).convert("L")
        assert picture.width in (1280, 390)
        assert len(picture.getcolors(1 << 20)) > 20, f"{file.name} is blank"


def test_the_examples_page_shows_all_that_are_taken():
    shown = set(re.findall(r"screenshots/([\w-]+\.png)", (ROOT / "examples/README.md").read_text()))
    assert shown == {f"{name}-{width}.png" for name in ("first", *screenshot.TABS) for width in screenshot.WIDTHS}
    assert all((screenshot.FOLDER / name).exists() for name in shown)
