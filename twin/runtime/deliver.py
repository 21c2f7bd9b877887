"""Delivery: from the outbox to people, retried, each notice settled in the ledger."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from twin.domain.alarm import Notice
from twin.domain.errors import ConnectorError
from twin.ports import Ledger, Notifier

FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 300.0
MOST_TRIES = 50
"""Chosen defaults: 2 s, doubling up to 5 min, given up after 50 tries (about 3.7 h)."""

log = structlog.get_logger("deliver")


def retry_after_s(tries: int) -> float:
    """Pause before the next try [s] after `tries` failures."""
    return float(min(FIRST_RETRY_S * 2.0 ** min(tries, 20), LONGEST_RETRY_S))


class Delivery:
    """Sends what is due and settles it. Retries run on the wall clock of `now_ns`.

    A notice is settled as soon as its recipient accepted it. When the service dies between
    the two, it is sent again with the same key.
    """

    def __init__(self, ledger: Ledger, notifiers: Mapping[str, Notifier], due: asyncio.Event) -> None:
        self.ledger, self.notifiers, self.due = ledger, notifiers, due

    async def run(self, now_ns: Callable[[], int]) -> None:
        """Deliver until cancelled."""
        while True:
            self.due.clear()
            await self.round(now_ns())
            try:
                await asyncio.wait_for(self.due.wait(), timeout=1.0)
            except TimeoutError:
                continue

    async def round(self, now_ns: int) -> int:
        """Send everything that is due at `now_ns` once; returns how many were accepted."""
        due = await asyncio.to_thread(self.ledger.due, now_ns)
        return sum([await self._send(row.notice, now_ns) for row in due])

    async def _send(self, notice: Notice, now_ns: int) -> bool:
        notifier = self.notifiers.get(notice.subscriber)
        if notifier is None:
            self.ledger.settle(notice.key, False, "no such subscriber in this line", None)
            return False
        try:
            await notifier.send(notice)
        except ConnectorError as error:
            await self._failed(notice, error, now_ns)
            return False
        await asyncio.to_thread(self.ledger.settle, notice.key, True, "", None)
        return True

    async def _failed(self, notice: Notice, error: ConnectorError, now_ns: int) -> None:
        again = error.retry and notice.tries + 1 < MOST_TRIES
        pause_s = max(retry_after_s(notice.tries), error.wait_s or 0.0)
        next_ns = now_ns + int(pause_s * 1e9) if again else None
        log.warning(
            "notice not accepted", subscriber=notice.subscriber, key=notice.key, error=str(error), again=again
        )
        await asyncio.to_thread(self.ledger.settle, notice.key, False, str(error), next_ns)
