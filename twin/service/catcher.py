"""A catcher: a subscriber's side of the webhook on the loopback address, for the demo."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from twin.service.pages import Quiet, listen


class Catcher:
    """Keeps every notice that arrives, once for each idempotency key."""

    def __init__(self) -> None:
        self.url = ""
        self.caught: list[dict[str, Any]] = []
        self.posts = 0
        self._keys: set[str] = set()

    def take(self, key: str, body: bytes) -> None:
        """Keep one notice; a key that is known already only counts as a post."""
        self.posts += 1
        if key not in self._keys:
            self._keys.add(key)
            self.caught.append(json.loads(body))


@contextlib.asynccontextmanager
async def open_catcher() -> AsyncIterator[Catcher]:
    """Listen on a free port of the loopback address."""
    catcher = Catcher()
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @api.post("/notices")
    async def take(request: Request) -> dict[str, str]:
        catcher.take(request.headers.get("Idempotency-Key", ""), await request.body())
        return {"state": "accepted"}

    with listen("127.0.0.1", 0) as sock:
        catcher.url = f"http://127.0.0.1:{sock.getsockname()[1]}/notices"
        server = Quiet(uvicorn.Config(api, log_level="warning", lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield catcher
        finally:
            server.should_exit = True
            await task
