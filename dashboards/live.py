"""The live stream: one reader of the view, the same bytes for every viewer.

A viewer gets a `snapshot` first and after every reconnection, then `values` (newest per name;
a slow viewer gets fewer, never older), `alarms` (the whole list after each change, so nothing
can be missed) with `stores` (those that take nothing now), `event` (every one, from the ledger,
numbered) and a `clock` when nothing else was said for two seconds, by which the page knows that the
service is there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Send

from dashboards import payloads
from dashboards.payloads import Json
from twin.ports import Update, View

PAGE = 500
"""Events read from the ledger at once (chosen default)."""


def frame(event: str, data: object, number: int | None = None) -> bytes:
    """One Server-Sent Event."""
    head = f"event: {event}\n" if number is None else f"event: {event}\nid: {number}\n"
    return head.encode() + b"data: " + orjson.dumps(data) + b"\n\n"


@dataclass(frozen=True)
class Batch:
    """What changed since a viewer last looked; encoded once, however many viewers read it."""

    now: str | None
    tags: Mapping[str, Json] = field(default_factory=dict)
    twin: Mapping[str, Json] = field(default_factory=dict)
    alarms: bytes = b""
    has_events: bool = False

    @cached_property
    def frames(self) -> bytes:
        """Values and alarms as Server-Sent Events."""
        if not (self.tags or self.twin):
            return self.alarms
        return frame("values", {"now": self.now, "tags": self.tags, "twin": self.twin}) + self.alarms

    def then(self, later: "Batch") -> "Batch":
        """Both as one: the newest value of each name, the newest list of alarms."""
        return Batch(
            later.now,
            {**self.tags, **later.tags},
            {**self.twin, **later.twin},
            later.alarms or self.alarms,
            self.has_events or later.has_events,
        )


class Mailbox:
    """What waits for one viewer: at most one batch, however slowly it reads."""

    def __init__(self) -> None:
        self._waiting: Batch | None = None
        self._ready = asyncio.Event()
        self.open = True

    def put(self, batch: Batch) -> None:
        """Add to what waits."""
        self._waiting = self._waiting.then(batch) if self._waiting else batch
        self._ready.set()

    def shut(self) -> None:
        """Let the viewer go; it comes back by itself."""
        self.open = False
        self._ready.set()

    async def take(self, patience_s: float) -> Batch | None:
        """What waits, or None when nothing came for `patience_s`."""
        try:
            async with asyncio.timeout(patience_s):
                await self._ready.wait()
        except TimeoutError:
            return None
        batch, self._waiting = self._waiting, None
        if self.open:
            self._ready.clear()
        return batch


class Broadcast:
    """Follows a view while anybody looks, and gives every viewer the same bytes.

    Parameters
    ----------
    view : View
    patience_s : float
        Silence after which the clock is sent [s]: well under the 5 s after which
        the page says that the service is gone.
    """

    def __init__(self, view: View, patience_s: float = 2.0) -> None:
        self._view = view
        self._patience_s = patience_s
        self._boxes: set[Mailbox] = set()
        self._reader: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def viewers(self) -> int:
        """Open streams."""
        return len(self._boxes)

    def close(self) -> None:
        """End every stream, and those asked for from now on: the server is about to stop."""
        self._closing = True
        self._let_go()

    async def stream(
        self, after: int | None, welcome: Callable[[], bool] = lambda: True
    ) -> AsyncIterator[bytes]:
        """Frames for one viewer, beginning with the events numbered above `after` (None: from now on).

        It ends as soon as the viewer is no longer `welcome`, asked before every batch and pause.
        """
        if self._closing:
            return
        box = Mailbox()
        self._enter(box)
        try:
            await asyncio.sleep(0)  # the reader listens before the ledger is read: nothing falls between
            newest = self._view.newest_event()
            seen = newest if after is None else min(after, newest)
            yield self._greeting(seen)
            look = True
            while box.open and welcome():
                if look:
                    async for number, data in self._events(seen):
                        seen = number
                        yield data
                batch = await box.take(self._patience_s)
                look = batch is None or batch.has_events
                if batch and batch.frames:
                    yield batch.frames
                if batch is None and box.open:
                    yield frame("clock", {"now": self._now()})
        finally:
            self._leave(box)

    def _enter(self, box: Mailbox) -> None:
        self._boxes.add(box)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(), name="dashboards.live")
            self._reader.add_done_callback(self._ended)

    def _leave(self, box: Mailbox) -> None:
        self._boxes.discard(box)
        if not self._boxes and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def _ended(self, reader: asyncio.Task[None]) -> None:
        if self._reader is reader:
            self._reader = None
            self._let_go()
        if not reader.cancelled():
            reader.result()

    def _let_go(self) -> None:
        for box in self._boxes:
            box.shut()

    async def _read(self) -> None:
        follow = self._view.follow()
        async with aclosing(follow) as updates:
            async for update in updates:
                batch = self._batch(update)
                for box in self._boxes:
                    box.put(batch)

    def _batch(self, update: Update) -> Batch:
        alarms = b""
        if update.alarms:
            held = frame("stores", dict(self._view.holding()))
            alarms = frame("alarms", payloads.alarms(self._view.alarms())) + held
        return Batch(has_events=bool(update.events), alarms=alarms, **payloads.newest(update))

    def _greeting(self, number: int) -> bytes:
        data = payloads.snapshot(self._view)
        delay_ms = 1000 + 200 * (self.viewers % 10)  # after a restart not everybody comes at once
        return f"retry: {delay_ms}\n".encode() + frame("snapshot", data, number)

    async def _events(self, after: int) -> AsyncIterator[tuple[int, bytes]]:
        while page := self._view.events(after, PAGE):
            for number, event in page:
                after = number
                yield number, frame("event", payloads.event(number, event), number)
            await asyncio.sleep(0)

    def _now(self) -> str | None:
        return payloads.iso(self._view.clock.now_ns())


class LiveResponse(StreamingResponse):
    """Closes its stream whenever the viewer goes, at whatever point it was."""

    media_type = "text/event-stream"

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        super().__init__(stream, headers={"cache-control": "no-store", "x-accel-buffering": "no"})

    async def stream_response(self, send: Send) -> None:
        """Send every frame, then close the stream."""
        async with aclosing(self.body_iterator):  # type: ignore[type-var]
            await super().stream_response(send)
