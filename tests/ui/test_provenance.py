"""While the file of one visitor is hard to read, the page answers another one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from benchmarks.requests import Visitor, picture
from tracer.image import provenance
from tracer.ui import provenance as shown

LONG = 120  # seconds; far more than any of this takes


def visitor(page_url: str) -> Visitor:
    config = httpx.get(f"{page_url}/config", timeout=LONG).json()
    return Visitor(f"{page_url}/", {each["api_name"]: each for each in config["dependencies"]})


def test_another_visitor_is_answered_while_files_are_read(
    page_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    reader = tmp_path / "reader.py"  # reads for as long as the test wants it to
    reader.write_text(
        f"import os, pathlib, time\nhere = pathlib.Path({str(tmp_path)!r})\n(here / f'{{os.getpid()}}.began').touch()\n"
        "while not (here / 'enough').exists(): time.sleep(0.02)"
    )
    monkeypatch.setattr(provenance, "READER", (str(reader),))
    monkeypatch.setattr(provenance, "SECONDS", LONG)
    count = 2 * provenance.AT_ONCE
    with ThreadPoolExecutor(count) as pool:
        others = [
            pool.submit(lambda seed: (one := visitor(page_url)).ask("told", one.upload(picture(seed))), seed)
            for seed in range(count)
        ]
        end = time.monotonic() + LONG
        while len(list(tmp_path.glob("*.began"))) < provenance.AT_ONCE:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert httpx.get(page_url, timeout=LONG).is_success
        one = visitor(page_url)
        one.ask("find_artifacts", one.upload(picture(count)), "many")  # through the queue, to its answer
        assert not any(each.done() for each in others), "they were still being read"
        assert len(list(tmp_path.glob("*.began"))) == provenance.AT_ONCE
        (tmp_path / "enough").touch()
        for each in others:
            each.result()


def test_the_line_and_the_table_come_from_one_reading(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    read, asked = provenance.read, []
    monkeypatch.setattr(provenance, "read", lambda source: asked.append(source) or read(source))
    (tmp_path / "claims.png").write_bytes(picture(1, Software="ComfyUI"))
    line, table = shown.told(str(tmp_path / "claims.png"))
    assert len(asked) == 1
    assert "The file says: <b>ComfyUI</b>" in line and "Anyone can write that" in line
    assert "ComfyUI" in table and "Anyone can write" in table
