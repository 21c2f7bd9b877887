"""Channel: the only queue of the service; bounded, closable, and it never drops."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Channel(Generic[T]):
    """A bounded queue with the policy *wait*: a full channel holds its writers back.

    Parameters
    ----------
    limit : int
        Most items that wait.
    """

    def __init__(self, limit: int) -> None:
        self._queue: asyncio.Queue[T] = asyncio.Queue(limit)
        self._closed = asyncio.Event()

    def __len__(self) -> int:
        """Items that wait."""
        return self._queue.qsize()

    async def put(self, item: T) -> None:
        """Hand over one item; waits while the channel is full."""
        await self._queue.put(item)

    def close(self) -> None:
        """Let the reader finish what waits and then stop."""
        self._closed.set()

    async def batches(self, most: int, weight: Callable[[T], int] = lambda _: 1) -> AsyncIterator[list[T]]:
        """What waits, as soon as there is any; ends when closed and empty.

        Parameters
        ----------
        most : int
            When the items of a batch weigh this much, no other is added.
        weight : Callable[[T], int]
            Of an item; 1 each by default.
        """
        closed: asyncio.Future[object] = asyncio.ensure_future(self._closed.wait())
        try:
            while True:
                first = await self._next(closed)
                if first is None:
                    return
                yield [first, *self._rest(most - weight(first), weight)]
        finally:
            closed.cancel()

    async def _next(self, closed: "asyncio.Future[object]") -> T | None:
        if not self._queue.empty():
            return self._queue.get_nowait()
        if closed.done():
            return None
        get = asyncio.ensure_future(self._queue.get())
        waits: set[asyncio.Future[Any]] = {get, closed}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if get.done():
            return get.result()
        get.cancel()
        return None if self._queue.empty() else self._queue.get_nowait()

    def _rest(self, most: int, weight: Callable[[T], int]) -> list[T]:
        found: list[T] = []
        while most > 0 and not self._queue.empty():
            item = self._queue.get_nowait()
            found.append(item)
            most -= weight(item)
        return found
