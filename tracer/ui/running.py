"""Heavy work for a visitor or a program. It ends within a step when they cancel or leave, and gives its place on then.

A place in the queue is a task of gradio's, and would be free as soon as that is cancelled, while the thread goes on.
So the task waits for the thread, whatever happens to it. All heavy work has one thread: a second run cannot begin
beside one that is still ending, and the many threads that take turns in gradio's pool would each keep memory of their
own.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gradio.context import LocalContext

from tracer.models import device
from tracer.ui import components

POLL = 0.2  # seconds between two looks at whether the reader is still there

_thread = ThreadPoolExecutor(1, thread_name_prefix="model")
_stops = components.Stops()
_OVER = object()
_aside: set[asyncio.Task] = set()  # asyncio itself holds tasks only weakly


def aside(work: Coroutine[Any, Any, None]) -> None:
    """Let some short work go on beside the present task, which may be at its end."""
    task = asyncio.get_running_loop().create_task(work)
    _aside.add(task)
    task.add_done_callback(_aside.discard)


def endpoint(function: Callable) -> Callable:
    """A function that works as a whole, and stops where it asks `components.budget`."""

    @functools.wraps(function)
    async def run(*given: Any, **named: Any) -> Any:
        name = uuid.uuid4().hex
        with _stops.running(name) as wish:
            components.wished.set(wish)
            try:
                return await _to_its_end(functools.partial(function, *given, **named), lambda: _stops.stop(name))
            finally:
                device.give_back_memory()

    return run


def stream(function: Callable[..., Iterator]) -> Callable[..., AsyncIterator]:
    """A generator whose steps are short; it is closed after the step in which the reader left."""

    @functools.wraps(function)
    async def run(*given: Any, **named: Any) -> AsyncIterator:
        steps = function(*given, **named)
        try:
            while (step := await _to_its_end(functools.partial(next, steps, _OVER))) is not _OVER:
                yield step
        finally:
            await _to_its_end(steps.close)
            device.give_back_memory()

    return run


async def _to_its_end(work: Callable[[], Any], stop: Callable[[], None] = lambda: None) -> Any:
    """The result of some work in the thread. Who cancels this, or leaves, stops the work and waits for its end."""
    context, reader_left = contextvars.copy_context(), _reader_left()
    task = asyncio.get_running_loop().run_in_executor(_thread, context.run, work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task}, timeout=POLL)
        except asyncio.CancelledError:
            cancelled = True
        if cancelled or reader_left():
            stop()
    if cancelled:
        task.exception()  # nobody waits for it
        raise asyncio.CancelledError
    return task.result()


def _reader_left() -> Callable[[], bool]:
    """Tells whether whoever waits for the present event has closed the connection; never so outside of one."""
    page, name = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    event = page._queue.event_ids_to_events.get(name) if page else None
    return lambda: event is not None and not event.alive
