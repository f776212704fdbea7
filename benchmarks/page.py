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
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.core import Bench, table
from benchmarks.process import of_process
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


def first_paint(url: str, times: int = OPENED) -> list[float] | None:
    """Seconds from the address to the finished example on screen, each time in a fresh browser profile."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if chromium is None:
        return None
    seconds = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(times):
            tab = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            began = time.monotonic()
            tab.goto(url)
            tab.wait_for_selector("#joint .verdict")
            tab.wait_for_function("[...document.querySelectorAll('#upload img')].some(i => i.naturalWidth > 0)")
            seconds.append(round(time.monotonic() - began, 2))
        browser.close()
    return seconds


def measure(bench: Bench) -> dict:
    """One server, measured idle, opened, visited by many, and left alone again."""
    with server() as (url, process, started):
        time.sleep(2)
        found = {"started": started, "idle_mb": resident(process), "paint": first_paint(url, bench.few(OPENED, 1))}
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
    paint, failed = results["paint"], len(results["errors"])
    seen = f"{statistics.median(paint):.2f} s (median of {len(paint)})" if paint else "no browser here"
    rows = [
        ["from the start of the server to its first answer", f"{results['started']} s"],
        ["memory while idle, before the first image", f"{results['idle_mb']} MiB"],
        ["from the address to the finished example on screen", seen],
        [f"{results['visitors']} visitors at once: answered, errors", f"{results['answered']}, {failed}"],
        ["told their place in the queue; last place", f"{results['told']}; {results['last_place']}"],
        ["first and last answer after", f"{results['first']} s, {results['last']} s"],
        ["memory after one visitor; after all of them", f"{results['warm_mb']} MiB; {results['after_mb']} MiB"],
    ]
    return ["", *table(["what", "measured"], rows)]
