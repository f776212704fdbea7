"""Work that is cancelled or abandoned ends within a step, and its place is given on only then."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from tests.conftest import ROOT
from tracer.ui import components, running

KOALA = ROOT / "examples" / "koala-by-mini-dc-flat.png"


def run(work: Coroutine) -> None:
    """In a thread of its own: after a browser's tests this one has a loop already, as Playwright leaves it running."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


def test_a_cancelled_call_stops_and_is_waited_for():
    at_work, ended = threading.Event(), []

    @running.endpoint
    def work(seconds: float) -> str:
        stop, end = components.budget(), time.monotonic() + seconds
        at_work.set()
        while not stop() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.2)  # the step that it is in
        ended.append(time.monotonic())
        return "done"

    async def both() -> None:
        first = asyncio.create_task(work(60))
        await asyncio.to_thread(at_work.wait)
        first.cancel()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert len(ended) == 1, "the task outlives its thread's work"
        assert await work(0) == "done"

    start = time.monotonic()
    run(both())
    assert time.monotonic() - start < 10


def test_a_second_run_never_begins_beside_the_first():
    beside, most = [], []

    @running.endpoint
    def work() -> None:
        beside.append(1)
        most.append(len(beside))
        time.sleep(0.05)
        beside.pop()

    async def several() -> None:
        tasks = [asyncio.create_task(work()) for _ in range(5)]
        await asyncio.sleep(0.1)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(several())
    assert max(most) == 1


def test_a_stream_is_closed_after_the_step_in_which_its_reader_left():
    closed = threading.Event()

    @running.stream
    def steps(count: int):
        try:
            for number in range(count):
                time.sleep(0.01)
                yield number
        finally:
            closed.set()

    async def read_some() -> None:
        assert [each async for each in steps(3)] == [0, 1, 2]
        closed.clear()
        reader = steps(10**6)
        assert [await anext(reader), await anext(reader)] == [0, 1]
        await reader.aclose()
        assert closed.is_set()

    run(read_some())


def test_an_error_reaches_the_caller():
    @running.endpoint
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(fail())


def busy(seconds: float) -> float:
    """Processors that this process, which is the server too, keeps busy."""
    start = time.process_time()
    time.sleep(seconds)
    return (time.process_time() - start) / seconds


def until_idle(within: float) -> None:
    end = time.monotonic() + within
    while busy(0.5) > 0.3 or any(each.name == "work" for each in threading.enumerate()):
        assert time.monotonic() < end, "it is still at work"


def begun(client: Client, job) -> None:
    end = time.monotonic() + 60
    while str(job.status().code) != "Status.PROCESSING":
        assert time.monotonic() < end, job.status()
        time.sleep(0.02)


def test_after_ten_cancelled_runs_the_process_is_idle(page_url: str, tmp_path: Path):
    client = Client(page_url, verbose=False, download_files=str(tmp_path))
    client.predict(handle_file(KOALA), "grid", ["mini-dc"], api_name="/trace_inversion")  # loads what there is to load
    threads = threading.active_count()
    for _ in range(10):
        job = client.submit(handle_file(KOALA), "paper", ["mini-kl", "mini-movq"], api_name="/trace_inversion")
        begun(client, job)
        time.sleep(0.1)
        with contextlib.suppress(httpx.TimeoutException):  # answered when the step has ended; the client waits 5 s
            job.cancel()
    until_idle(5)
    assert threading.active_count() <= threads + 3
    assert client.predict(handle_file(KOALA), "grid", ["mini-dc"], api_name="/trace_inversion")["evidence"]


def test_a_reader_that_leaves_ends_its_run(page_url: str):
    with KOALA.open("rb") as file:
        path = httpx.post(f"{page_url}/gradio_api/upload", files={"files": file}).json()[0]
    image = {"path": path, "meta": {"_type": "gradio.FileData"}}
    call = f"{page_url}/gradio_api/call/trace_inversion"
    event = httpx.post(call, json={"data": [image, "paper", ["mini-kl", "mini-movq"]]}).json()["event_id"]
    with httpx.stream("GET", f"{call}/{event}", timeout=60):
        time.sleep(1.5)
    until_idle(5)
