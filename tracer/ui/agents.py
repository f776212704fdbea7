"""Programs that call by MCP: when one of them leaves, its run ends like anybody else's.

gradio puts their calls into its own queue as one client of the page for all of them, waits in a thread that cannot be
told to stop waiting, and has no word for "this one has left". It is said here, for that one call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gradio.mcp import GradioMCPServer
from gradio.server_messages import ProcessCompletedMessage
from gradio_client.client import Job

from tracer.ui import running


class _Unchecked(GradioMCPServer.Server):
    """Hands over what was sent as it is: the endpoints name a parameter that is wrong, and this one would not."""

    def call_tool(self, **options: Any) -> Callable:
        return super().call_tool(**{**options, "validate_input": False})


class Agents(GradioMCPServer):
    """gradio's MCP server, whose calls are over when whoever made them is gone."""

    Server = _Unchecked

    async def _execute_tool_without_progress(self, job: Job) -> list[Any]:
        with self._left(job):
            return [await asyncio.wrap_future(job.future)]

    async def _execute_tool_with_progress(self, job: Job, progress_token: str | int) -> Any:
        with self._left(job):
            return await super()._execute_tool_with_progress(job, progress_token)

    @contextmanager
    def _left(self, job: Job) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:  # nothing can be awaited any more in this task
            running.aside(self._end(job))
            raise

    async def _end(self, job: Job) -> None:
        """Take one call out of the queue, or tell its run that nobody reads it; then the client's thread may go too.

        gradio's own way to cancel goes by session and function: it would end the calls of others along with it.
        """
        while not job.done() and not job.communicator.event_id:  # it is on its way into the queue
            await asyncio.sleep(running.POLL)
        name, queue = job.communicator.event_id, self.blocks._queue
        if name and (event := queue.event_ids_to_events.get(name)):
            await queue.clean_events(event_id=name)
            over = ProcessCompletedMessage(output={}, success=False, event_id=name)
            queue.pending_messages_per_session[event.session_hash].put_nowait(over)
