"""The page's tab for many images, its reports, the file's claims, and addresses that open a state."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.conftest import ROOT
from tracer.ui import provenance
from tracer.ui.tabs import many


def test_a_visitor_cannot_ask_for_too_much_or_nothing():
    assert [each["is_valid"] for each in many.check(["a"] * many.LIMIT, ["mini-dc"])] == [True, True]
    assert not many.check(["a"] * (many.LIMIT + 1), ["mini-dc"])[0]["is_valid"]
    assert [each["is_valid"] for each in many.check(None, [])] == [False, False]


def test_claims_of_no_file_are_no_error():
    assert "Anyone can" in provenance.told(None)[1]


def test_many_images_fill_a_table_to_take_away(page, page_url: str, not_an_image: Path, rgba_png: Path, tmp_path: Path):
    page.goto(f"{page_url}?tab=many")
    page.wait_for_selector("#trace-all:visible")
    files = [rgba_png, not_an_image, ROOT / "examples" / "koala-by-mini-dc-flat.png"]
    page.set_input_files("#files input[type=file]", [str(path) for path in files])
    page.wait_for_function("document.querySelector('#files').innerText.includes('koala')")
    page.click("#trace-all")
    page.wait_for_function("document.querySelector('#many-progress').innerText.startsWith('Done: 3 of 3')")
    page.wait_for_function("!document.querySelector('#trace-all').disabled")
    shown = page.inner_text("#many-table")
    assert "koala-by-mini-dc-flat.png" in shown
    assert "that we cannot name" in shown, "the default line-up does not ask the miniatures; the detector sees marks"
    for name in ("csv", "json"):
        with page.expect_download() as download:
            page.click(f"#many-{name}")
        download.value.save_as(tmp_path / f"rows.{name}")
    with (tmp_path / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [path.name for path in files]
    assert rows[1]["verdict"] == "error" and rows[2]["verdict"] not in ("error", "family")
    assert [row["sha256"] for row in json.loads((tmp_path / "rows.json").read_text())] == [r["sha256"] for r in rows]
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.complaints == []
    assert all(url.startswith((page_url, "data:", "blob:")) for url in page.requests)


def test_the_report_of_an_example_can_be_taken_away(page, page_url: str, tmp_path: Path):
    page.goto(f"{page_url}?example=penguin-by-mini-kl16-twemoji")
    page.wait_for_selector("#hero svg image", state="attached")
    page.wait_for_function("document.querySelector('#verdict h2').innerText.includes('mini-kl16')")
    page.get_by_role("button", name="Full result and report").click()
    page.click("#make-report")
    page.wait_for_function("!document.querySelector('#report-html').disabled")
    with page.expect_download() as download:
        page.click("#report-html")
    download.value.save_as(tmp_path / "report.html")
    assert "uses the mini-kl16 autoencoder" in (tmp_path / "report.html").read_text()
    assert page.complaints == []
