"""The page itself: how soon it starts and is on screen, what it takes while idle, and twenty visitors at once.

Everything runs on this machine, over loopback; the server is a process of its own.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.core import Bench, table
from benchmarks.process import of_process
from tracer.image import samples
from tracer.ui import visitors

TITLE = "The page"
ROOT = Path(__file__).parents[1]
IMAGE = ROOT / "examples" / "koala-by-mini-dc-flat.png"
VISITORS = 20  # at once
OPENED = 3  # times


@contextmanager
def server() -> Iterator[tuple[str, int, float]]:
    """The page in a process of its own: address, process id, seconds until its first answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}
    url, began = f"http://127.0.0.1:{port}/", time.monotonic()
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, **quiet)
    try:
        while True:
            try:
                with urllib.request.urlopen(url):
                    break
            except OSError:
                if process.poll() is not None or time.monotonic() - began > visitors.LONGEST:
                    raise RuntimeError("the page did not start") from None
                time.sleep(0.05)
        yield url, process.pid, round(time.monotonic() - began, 1)
    finally:
        process.terminate()
        process.wait(20)


def resident(process: int) -> int | None:
    """Memory of a process in whole MiB; None where that cannot be read."""
    found = of_process(process, "VmRSS")
    return None if found is None else int(found)


@contextmanager
def browser() -> Iterator[Callable[[], Any] | None]:
    """What opens a tab in a fresh profile of a real browser; None where there is no browser."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        yield None
        return
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield lambda: started.new_context(viewport={"width": 1280, "height": 800}).new_page()
        started.close()


def first_paint(tab: Any, url: str) -> float:
    """Seconds from the address to the finished example on screen."""
    began = time.monotonic()
    tab.goto(url)
    tab.wait_for_selector("#joint .verdict")
    tab.wait_for_function("[...document.querySelectorAll('#upload img')].some(i => i.naturalWidth > 0)")
    return round(time.monotonic() - began, 2)


FIRST_LINE = """() => {
  const joint = document.querySelector('#joint');
  return !joint.querySelector('.running') || /So far/.test(joint.innerText);
}"""


def uploaded(tab: Any, file: Path) -> dict[str, float]:
    """Seconds from choosing a file to the first line that says something about it, and to the answer."""
    tab.click("#upload button[aria-label='Remove Image']")
    began = time.monotonic()
    tab.set_input_files("#upload input[type=file]", file)
    tab.wait_for_selector("#joint .verdict.running", timeout=60_000)
    tab.wait_for_function(FIRST_LINE, timeout=300_000)
    first = time.monotonic() - began
    tab.wait_for_selector("#joint .verdict:not(.running)", timeout=300_000)
    return {"first": round(first, 1), "answer": round(time.monotonic() - began, 1)}


def in_browser(url: str, times: int) -> dict | None:
    """How long a visitor waits: for the page, for an answer about a picture of 1024 px, and while another one draws."""
    pixels = np.tile(samples.bundled_pictures()[0][:512, :512], (2, 2, 1))
    with browser() as opened, tempfile.TemporaryDirectory() as folder:
        if opened is None:
            return None
        file = Path(folder) / "picture.png"
        Image.fromarray(pixels).save(file)
        paint = [first_paint(opened(), url) for _ in range(times)]
        drawing, tab = opened(), opened()
        for each in (drawing, tab):
            first_paint(each, url)
        uploaded(drawing, file)  # the first picture of all loads the weights
        alone = uploaded(tab, file)
        drawing.click("#ask-drawing")
        time.sleep(1)
        return {"paint": paint, "alone": alone, "beside": uploaded(tab, file)}


def measure(bench: Bench) -> dict:
    """One server, measured idle, opened, visited by many, and left alone again."""
    with server() as (url, process, started):
        time.sleep(2)
        found = {"started": started, "idle_mb": resident(process), "waits": in_browser(url, bench.few(OPENED, 1))}
        bench.progress("page: opened")
        visitors.visit(url, 1, IMAGE)
        found["warm_mb"] = resident(process)
        found |= visitors.visit(url, bench.few(VISITORS, 4), IMAGE)
        bench.progress("page: visited")
        time.sleep(5)
        found["after_mb"] = resident(process)
    return found


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    waits, failed = results["waits"], len(results["errors"])
    rows = [["a real browser", "there is none here"]]
    if waits:
        alone, beside = waits["alone"], waits["beside"]
        median, count = statistics.median(waits["paint"]), len(waits["paint"])
        rows = [
            ["from the address to the finished example on screen", f"{median:.2f} s (median of {count})"],
            ["a photograph of 1024 px: first line, answer", f"{alone['first']} s, {alone['answer']} s"],
            ["the same while another visitor's picture is drawn again", f"{beside['first']} s, {beside['answer']} s"],
        ]
    rows += [
        ["from the start of the server to its first answer", f"{results['started']} s"],
        ["memory while idle, before the first image", f"{results['idle_mb']} MiB"],
        [f"{results['visitors']} visitors at once: answered, errors", f"{results['answered']}, {failed}"],
        ["told their place in the queue; last place", f"{results['told']}; {results['last_place']}"],
        ["first and last answer after", f"{results['first']} s, {results['last']} s"],
        ["memory after one visitor; after all of them", f"{results['warm_mb']} MiB; {results['after_mb']} MiB"],
    ]
    return ["", *table(["what", "measured"], rows)]
