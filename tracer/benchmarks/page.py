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
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracer.benchmarks.core import Bench, table

TITLE = "The page"
ROOT = Path(__file__).parents[2]
IMAGE = ROOT / "examples" / "koala-by-mini-dc-flat.png"
VISITORS, LONGEST = 20, 600  # at once; seconds that all of them may take together
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
                if process.poll() is not None or time.monotonic() - began > LONGEST:
                    raise RuntimeError("the page did not start") from None
                time.sleep(0.05)
        yield url, process.pid, round(time.monotonic() - began, 1)
    finally:
        process.terminate()
        process.wait(20)


def resident(process: int) -> int | None:
    """Memory of a process in MB; None where that cannot be read."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


def first_paint(url: str) -> list[float] | None:
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
        for _ in range(OPENED):
            tab = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            began = time.monotonic()
            tab.goto(url)
            tab.wait_for_selector("#joint .verdict")
            tab.wait_for_function("[...document.querySelectorAll('#upload img')].some(i => i.naturalWidth > 0)")
            seconds.append(round(time.monotonic() - began, 2))
        browser.close()
    return seconds


def visit(url: str, count: int, image: Path = IMAGE) -> dict:
    """So many visitors trace an image at the same time.

    Returns:
        How many got an answer, the errors of the others, how many were told their place in the queue, the last place
        that anybody was told (from 1 on), and the seconds that the first and the last one waited.
    """
    from gradio_client import Client, handle_file

    clients = [Client(url, verbose=False) for _ in range(count)]
    answers, errors, places, waited = [], [], {}, []
    began = time.monotonic()

    def one(number: int, client: Client) -> None:
        try:
            job = client.submit(handle_file(image), "fast", ["mini-dc"], api_name="/trace_inversion")
            while not job.done() and time.monotonic() - began < LONGEST:
                rank = job.status().rank
                if rank is not None:
                    places[number] = max(places.get(number, 0), rank + 1)
                time.sleep(0.05)
            answers.append(job.result(timeout=1)["verdict"]["kind"])
            waited.append(round(time.monotonic() - began, 1))
        except Exception as error:  # whatever it is, it is what a visitor would have seen
            errors.append(f"{type(error).__name__}: {error}"[:200])

    threads = [threading.Thread(target=one, args=pair, daemon=True) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST)
    return {
        "visitors": count,
        "answered": len(answers),
        "errors": errors,
        "told": len(places),
        "last_place": max(places.values(), default=0),
        "first": min(waited, default=None),
        "last": max(waited, default=None),
    }


def measure(bench: Bench) -> dict:
    """One server, measured idle, opened, visited by many, and left alone again."""
    with server() as (url, process, started):
        time.sleep(2)
        found = {"started": started, "idle_mb": resident(process), "paint": first_paint(url)}
        bench.progress("page: opened")
        visit(url, 1)
        found["warm_mb"] = resident(process)
        found |= visit(url, bench.few(VISITORS, 4))
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
        ["memory while idle, before the first image", f"{results['idle_mb']} MB"],
        ["from the address to the finished example on screen", seen],
        [f"{results['visitors']} visitors at once: answered, errors", f"{results['answered']}, {failed}"],
        ["told their place in the queue; last place", f"{results['told']}; {results['last_place']}"],
        ["first and last answer after", f"{results['first']} s, {results['last']} s"],
        ["memory after one visitor; after all of them", f"{results['warm_mb']} MB; {results['after_mb']} MB"],
    ]
    return ["", *table(["what", "measured"], rows)]
