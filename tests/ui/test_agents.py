"""An agent that leaves in the middle of its call ends that call, and nobody else's."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import gradio as gr
import httpx
import pytest

from tests.conftest import free_port
from tracer.ui import components, running
from tracer.ui.page import Page

ACCEPTED = {"Accept": "application/json, text/event-stream"}
LONG = 120  # seconds; far more than any of this takes


@dataclass
class Server:
    """A page with one slow tool, and what became of its runs."""

    url: str = ""
    begun: list[str] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)
    finish: threading.Event = field(default_factory=threading.Event)

    def body(self, name: str, **more: object) -> dict:
        called = {"name": "work", "arguments": {"name": name}, **more}
        return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": called}

    def answer(self, name: str) -> dict:
        told = httpx.post(self.url, json=self.body(name), headers=ACCEPTED, timeout=LONG).text
        return json.loads(told[told.index("data:") + 5 :])["result"]

    @contextmanager
    def asked(self, name: str, **more: object) -> Iterator[None]:
        """Who asks stays as long as the context."""
        with httpx.stream("POST", self.url, json=self.body(name, **more), headers=ACCEPTED, timeout=LONG):
            yield


@pytest.fixture(scope="module")
def launched() -> Iterator[Server]:
    server = Server()

    def work(name: str) -> str:
        """Work until it is told to stop."""
        server.begun.append(name)
        stop = components.budget()
        while not stop() and not server.finish.wait(0.01):
            pass
        server.ended[name] = "stopped" if stop() else "finished"
        return server.ended[name]

    with Page() as page:
        given = gr.Textbox()
        given.submit(running.endpoint(work), given, gr.Textbox(), api_name="work", **components.ONE_AT_A_TIME)
    _, url, _ = page.queue().launch(
        mcp_server=True, server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True
    )
    server.url, server.page = f"{url}gradio_api/mcp/", page
    yield server
    page.close(verbose=False)


@pytest.fixture
def server(launched: Server) -> Server:
    launched.finish.clear()
    launched.begun.clear()
    launched.ended.clear()
    return launched


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def waiting(server: Server) -> int:
    return len(server.page._queue)


@pytest.mark.parametrize("progress", [{}, {"_meta": {"progressToken": "one"}}], ids=["plain", "with progress"])
def test_a_run_ends_when_its_agent_leaves(server: Server, progress: dict):
    with server.asked("first", **progress):
        until(lambda: server.begun)
    until(lambda: server.ended)
    assert server.ended == {"first": "stopped"}
    server.finish.set()
    assert server.answer("second")["content"][0]["text"] == "finished"


def test_an_agent_that_leaves_while_it_waits_takes_nobody_along(server: Server):
    with ThreadPoolExecutor() as pool:
        first = pool.submit(server.answer, "first")
        until(lambda: server.begun)
        with server.asked("second"):
            until(lambda: waiting(server))
        until(lambda: not waiting(server))
        server.finish.set()
        assert first.result()["content"][0]["text"] == "finished"
    assert server.answer("third")["content"][0]["text"] == "finished"
    assert server.begun == ["first", "third"]


def test_nothing_is_kept_of_those_who_left(server: Server):
    def known() -> int:
        return len(server.page.mcp_server_obj._client_instance.pending_messages_per_event)

    for number in range(3):
        with server.asked(str(number)):
            until(lambda number=number: str(number) in server.begun)
        until(lambda number=number: str(number) in server.ended)
    until(lambda: known() == 0)
