"""A source under watch: run as the service does, and what came of it."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping

import pytest

from twin.domain.measurement import Quarantined, Reading
from twin.domain.tag import Tag
from twin.ports import Delivery, LinkChange, Source, SourceContext
from twin.runtime.clock import WallClock


class Watched:
    """Runs a source as the service does, and keeps what came."""

    def __init__(self, source: Source, ack: bool = True) -> None:
        self._source, self._ack = source, ack
        self._news = asyncio.Event()
        self.readings: list[Reading] = []
        self.refused: list[Quarantined] = []
        self.links: list[LinkChange] = []
        self.deliveries: list[Delivery] = []
        self.task: asyncio.Task[None]

    async def _run(self) -> None:
        async with contextlib.aclosing(self._source.deliveries()) as deliveries:
            async for delivery in deliveries:
                self.readings += delivery.readings
                self.refused += delivery.refused
                self.links += delivery.links
                self.deliveries.append(delivery)
                if self._ack:
                    delivery.ack()
                self._news.set()

    async def __aenter__(self) -> "Watched":
        self.task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def until(self, happened: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait for it; fails with what came so far."""
        try:
            async with asyncio.timeout(seconds):
                while not happened():
                    self._news.clear()
                    if self.task.done():
                        self.task.result()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), 0.2)
        except TimeoutError:
            told = [change.text for change in self.links[-4:]]
            pytest.fail(
                f"not within {seconds} s; {len(self.readings)} readings, links {told}, {self.refused[-2:]}"
            )

    @property
    def ups(self) -> list[bool]:
        return [change.up for change in self.links if change.up is not None]


def context(tags: Mapping[str, Tag] | None = None, stored: Mapping[str, int] | None = None) -> SourceContext:
    """What a source may know, with the wall clock."""
    return SourceContext(tags or {}, WallClock(), (stored or {}).get)
