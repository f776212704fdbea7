"""The pictures of the page in the documents: the script that takes them, and that they are there."""

from __future__ import annotations

import re

from PIL import Image

import app
from examples import screenshot

FILES = {f"{name}-{width}.png" for name in screenshot.names() for width in screenshot.WIDTHS}


def test_the_first_screens_and_every_tab_are_photographed(browser, page_url: str, tmp_path):
    taken = list(screenshot.take(browser, page_url, tmp_path))
    assert {file.name for file in taken} == FILES
    for file in taken:
        picture = Image.open(file).convert("L")
        assert picture.width in (1280, 390)
        assert len(picture.getcolors(1 << 20)) > 20, f"{file.name} is blank"
        assert file.stat().st_size < screenshot.MOST


def test_the_list_is_the_one_that_the_script_makes():
    text = screenshot.DOCUMENT.read_text()
    assert text == screenshot.document(app.TABS)
    assert set(re.findall(r"screenshots/([\w-]+\.png)", text)) == FILES
    assert {file.name for file in screenshot.FOLDER.iterdir()} == FILES
    assert all((screenshot.FOLDER / name).stat().st_size < screenshot.MOST for name in FILES)
    assert screenshot.TABS.keys() == app.TABS.keys()
