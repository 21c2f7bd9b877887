"""Holding: while a store can not take rows (disk full, spool full), wait, say so once, and lose nothing.

What waits is not acknowledged upstream, so that the wires keep it. When the store takes rows again the
work goes on by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from twin.domain.errors import StorageError
from twin.ports import Clock, LinkChange

HISTORIAN, LEDGER = "historian", "ledger"
"""Names of the stores, here and among the links."""
FIRST_S: Final = 0.5
LONGEST_S: Final = 10.0
"""Pause before the next try: the first, doubling up to the longest [s] (chosen defaults)."""

T = TypeVar("T")
log = structlog.get_logger("hold")


def _nothing() -> None:
    return None


class Hold:
    """Repeats work until the store takes it.

    Parameters
    ----------
    clock : Clock
    say : Callable[[LinkChange], None]
        Told once when a store stops taking rows and once when it takes them again.

    Attributes
    ----------
    why : dict of str to str
        Stores that take nothing now, and what they said.
    """

    def __init__(self, clock: Clock, say: Callable[[LinkChange], None]) -> None:
        self._clock, self._say = clock, say
        self._ending = asyncio.Event()
        self.why: dict[str, str] = {}

    def give_up(self) -> None:
        """Wait for no store any longer: the service stops."""
        self._ending.set()

    async def until_kept(
        self, store: str, work: Callable[[], Awaitable[T]], meanwhile: Callable[[], None] = _nothing
    ) -> T:
        """What `work` returns, once the store named `store` took it; `meanwhile` is called at the first no.

        Raises
        ------
        StorageError
            When the service stops before that.
        """
        pause_s = FIRST_S
        while True:
            try:
                found = await work()
            except StorageError as error:
                if self._ending.is_set():
                    raise
                self._refused(store, str(error))
                meanwhile()
                meanwhile = _nothing
                await self._pause(pause_s)
                pause_s = min(2.0 * pause_s, LONGEST_S)
            else:
                self._taken(store)
                return found

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            return

    def _refused(self, store: str, text: str) -> None:
        if store not in self.why:
            log.error(
                "a store does not answer; nothing is acknowledged until it does", store=store, error=text
            )
            self._say(LinkChange(store, False, text, self._clock.now_ns()))
        self.why[store] = text

    def _taken(self, store: str) -> None:
        if self.why.pop(store, None) is not None:
            log.info("the store answers again", store=store)
            self._say(LinkChange(store, True, "takes rows again", self._clock.now_ns()))
