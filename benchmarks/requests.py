"""Memory of the page over many mixed requests: `python -m benchmarks.requests [COUNT]`.

Every request is a visitor of its own: traces by the page and by programs, looks for marks, files whose claims are hard
to read, wrong parameters, and runs that are cancelled. It prints the memory after every twenty, among which is every
kind, and fails if it rises by more than `MOST` above its level after the first twenty.
"""

from __future__ import annotations

import io
import itertools
import json
import sys
import time
import uuid
from collections.abc import Callable

import httpx
import numpy as np
from PIL import Image, PngImagePlugin

from benchmarks.page import resident, server

MOST = 300  # MiB above the level after the first twenty
LONGEST = 3600  # seconds that an answer may take on a busy machine
FAMILIES = ["mini-kl", "mini-kl16", "mini-movq", "mini-dc"]


class Visitor:
    """One session with the page, over HTTP as a browser has it."""

    def __init__(self, url: str, functions: dict[str, dict]) -> None:
        self._http = httpx.Client(base_url=url, timeout=LONGEST)
        self._functions, self.session = functions, uuid.uuid4().hex

    def upload(self, data: bytes) -> dict:
        """A file that the page has."""
        path = self._http.post("/gradio_api/upload", files={"files": ("image.png", data)}).json()[0]
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    def ask(self, name: str, *given: object, cancel_after: float | None = None) -> None:
        """Call a function of the page and read its answers to the end, or cancel it after some seconds."""
        asked = {"fn_index": self._functions[name]["id"], "session_hash": self.session, "data": list(given)}
        event = self._http.post("/gradio_api/queue/join", json=asked).raise_for_status().json()["event_id"]
        end = time.monotonic() + (float("inf") if cancel_after is None else cancel_after)
        with self._http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as lines:
            for line in lines.iter_lines():
                if line.startswith("data:") and json.loads(line[5:])["msg"] in ("process_completed", "close_stream"):
                    return
                if time.monotonic() > end:
                    break
        self._http.post("/gradio_api/cancel", json={**asked, "event_id": event})


def picture(seed: int, side: int = 128, **texts: str) -> bytes:
    """Noise with a ramp, so that every search is made, as a PNG file with texts."""
    pixels = np.random.default_rng(seed).integers(0, 60, (side, side, 3)) + np.linspace(0, 190, side)[:, None, None]
    info, file = PngImagePlugin.PngInfo(), io.BytesIO()
    for keyword, text in texts.items():
        info.add_text(keyword, text, zip=True)
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


# Twenty requests, of every kind some; small pictures, so that five hundred requests take minutes and not hours.
KINDS: list[Callable[[Visitor, int], None]] = [
    lambda one, seed: one.ask("trace_all", one.upload(picture(seed, 64)), "grid", FAMILIES, 3, False, None),
    lambda one, seed: one.ask("told", one.upload(picture(seed, parameters="Hashes:{" * 30_000))),
    lambda one, seed: one.ask("find_artifacts", one.upload(picture(seed)), "many"),
    lambda one, seed: one.ask("trace_inversion", one.upload(picture(seed)), "paper", FAMILIES[:2], cancel_after=1),
    lambda one, seed: one.ask("find_artifacts", one.upload(picture(seed, 256)), 2),
    lambda one, seed: one.ask("told", one.upload(picture(seed, 512))),
    lambda one, seed: one.ask("trace_inversion", one.upload(picture(seed)), "grid", ["unheard-of"]),
    lambda one, seed: one.ask("trace_inversion", one.upload(picture(seed, 96)), "grid", FAMILIES[3:]),
    lambda one, seed: one.ask("told", one.upload(b"no picture")),
    lambda one, seed: one.ask(
        "trace_all", one.upload(picture(seed, 64)), "paper", FAMILIES, 3, True, None, cancel_after=2
    ),
]
KINDS = [*KINDS, *KINDS[:-1], lambda one, seed: one.ask("give_verdict", one.upload(picture(seed, 64)), False)]


def main(count: int = 500) -> int:
    """Start the page, send the requests, print how its memory goes; 1 if it rises too far."""
    levels = []
    with server() as (url, process, _):
        functions = {each["api_name"]: each for each in httpx.get(f"{url}config", timeout=60).json()["dependencies"]}
        print(f"started: {resident(process)} MiB", flush=True)
        for number, kind in zip(range(1, count + 1), itertools.cycle(KINDS), strict=False):
            kind(Visitor(url, functions), number)
            if number % len(KINDS) == 0:
                levels.append(resident(process))
                print(f"after {number}: {levels[-1]} MiB", flush=True)
    return int(max(levels) - levels[0] > MOST)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
