"""How much may be sent to the page at once, refused before anything reads it."""

from __future__ import annotations

from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_JSON = 2 * 2**20  # bytes of a request; what the page itself sends has some thousands
MOST_MESSAGE = 40 * 2**20  # bytes of an agent's, which may hold a picture of 20 MB as text
UPLOAD = "/upload"  # gradio bounds these itself (`max_file_size`)
AGENTS = "/mcp"


class TooLarge(Exception):
    """The body went on for longer than its kind of request may."""


class BodyLimit:
    """ASGI middleware: a request with more than it may have gets status 413."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        if scope["type"] != "http" or scope["path"].endswith(UPLOAD):
            await self.app(scope, receive, send)
            return
        most = MOST_MESSAGE if AGENTS in scope["path"] else MOST_JSON
        claimed = Headers(scope=scope).get("content-length", "0")
        if not claimed.isdigit() or int(claimed) > most:
            await _refuse(send)
            return
        left, answered = most, False

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            if left >= 0:  # else whoever wanted the body answers for it
                answered = True
                await send(message)

        with suppress(TooLarge):
            await self.app(scope, counted, watched)
        if left < 0 and not answered:
            await _refuse(send)


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b"The request is too large."})
