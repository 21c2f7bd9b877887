"""Request bodies are read up to a limit, never further."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.problems import respond

LARGEST = 64 * 1024
"""Largest body of a request [bytes] (chosen default; the longest one needed has some hundred)."""


class Limited:
    """ASGI middleware that answers 413 as soon as a body is known to be larger than `LARGEST`.

    Parameters
    ----------
    app : ASGIApp
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse by the length that is announced, else by what has come so far."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        too_large = announced.isdigit() and int(announced) > LARGEST
        first = None if too_large else await _whole(receive)
        if first is None:
            detail = f"The body is larger than {LARGEST} bytes; send no more than that."
            await respond(413, detail)(scope, receive, send)
            return
        await self._app(scope, _again(first, receive), send)


async def _whole(receive: Receive) -> Message | None:
    """All of the body as one message, or the news that the sender left; None when it is too large."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        if len(body) > LARGEST:
            return None
        if not message.get("more_body", False):
            return {"type": "http.request", "body": body, "more_body": False}


def _again(first: Message, receive: Receive) -> Receive:
    """`first`, then what comes after it."""
    waiting = [first]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again
