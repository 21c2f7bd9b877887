"""Delivery: from the outbox to people, retried, each notice settled in the ledger."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from time import monotonic

import structlog

from twin.alarms.routing import gathered
from twin.alarms.words import catalogue
from twin.domain.alarm import AlarmState, Notice
from twin.domain.errors import ConnectorError, StorageError
from twin.ports import Illustrator, Ledger, Notifier

FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 300.0
MOST_TRIES = 50
"""Chosen defaults: 2 s, doubling up to 5 min, given up after 50 tries (about 3.7 h)."""

PICTURE_S = 2.0
REST_S = 300.0
"""Chosen defaults: a picture may take 2 s; after a failure notices go without for 5 min."""

log = structlog.get_logger("deliver")


def retry_after_s(tries: int) -> float:
    """Pause before the next try [s] after `tries` failures."""
    return float(min(FIRST_RETRY_S * 2.0 ** min(tries, 20), LONGEST_RETRY_S))


class Pictures:
    """Adds a picture to a notice whose route can show it; a notice goes out with or without.

    Parameters
    ----------
    illustrate : Illustrator or None
    routes : frozenset of str
        Names of subscribers and channels that can show pictures.
    patience_s : float
        Longest wait for a picture [s]. After one that failed none is tried for `REST_S`.
    """

    def __init__(
        self, illustrate: Illustrator | None, routes: frozenset[str], patience_s: float = PICTURE_S
    ) -> None:
        self._illustrate, self._routes, self._patience_s = illustrate, routes, patience_s
        self._rests_until_s = 0.0

    async def added(self, notice: Notice) -> Notice:
        """The notice, with its picture when there is one."""
        route = notice.channel or notice.subscriber
        if self._illustrate is None or route not in self._routes or monotonic() < self._rests_until_s:
            return notice
        try:
            async with asyncio.timeout(self._patience_s):
                return replace(notice, picture=await self._illustrate(notice))
        except Exception as error:  # whatever a drawing can run into: the notice matters more
            self._rests_until_s = monotonic() + REST_S
            log.warning("notice without its picture", key=notice.key, error=f"{type(error).__name__} {error}")
            return notice


class Delivery:
    """Sends what is due and settles it. Retries run on the wall clock of `now_ns`.

    A notice is settled as soon as its recipient accepted it. When the service dies between
    the two, it is sent again with the same key.
    """

    def __init__(
        self,
        ledger: Ledger,
        notifiers: Mapping[str, Notifier],
        due: asyncio.Event,
        pictures: Pictures | None = None,
    ) -> None:
        self.ledger, self.notifiers, self.due = ledger, notifiers, due
        self.pictures = pictures or Pictures(None, frozenset())

    async def run(self, now_ns: Callable[[], int]) -> None:
        """Deliver until cancelled."""
        while True:
            self.due.clear()
            try:
                await self.round(now_ns())
            except (
                StorageError
            ) as error:  # the outbox stays as it was: the next round sends again, with the same key
                log.error("notices could not be settled", error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.due.wait()

    async def round(self, now_ns: int) -> int:
        """Send everything that is due at `now_ns` once; returns how many were accepted."""
        due = await asyncio.to_thread(self.ledger.due, now_ns)
        return sum([await self._send(group, now_ns) for group in _groups(row.notice for row in due)])

    async def _send(self, group: list[Notice], now_ns: int) -> int:
        """Send notices of one subscriber that belong together, as one; each is settled for itself."""
        wanted = [notice for notice in group if not await self._needless(notice)]
        if not wanted:
            return 0
        first = wanted[0]
        notifier = self.notifiers.get(first.channel or first.subscriber)
        if notifier is None:
            for notice in wanted:
                self.ledger.settle(notice.key, False, "no such subscriber or channel in this line", None)
            return 0
        title = catalogue(first.language)["words.digest"].format(count=len(wanted))
        try:
            notice = gathered(wanted, title)
            await notifier.send(notice if len(wanted) > 1 else await self.pictures.added(notice))
        except ConnectorError as error:
            for notice in wanted:
                await self._failed(notice, error, now_ns)
            return 0
        for notice in wanted:
            await asyncio.to_thread(self.ledger.settle, notice.key, True, "", None)
        return len(wanted)

    async def _needless(self, notice: Notice) -> bool:
        """Withdraw what somebody has seen to while it waited."""
        if not notice.unless_seen:
            return False
        alarm = await asyncio.to_thread(self.ledger.alarm, notice.alarm.id)
        calls = alarm is not None and alarm.state is AlarmState.UNACK
        seen = alarm is None or not calls or alarm.raised_ns != notice.alarm.raised_ns
        if seen:
            await asyncio.to_thread(self.ledger.withdraw, notice.key)
        return seen

    async def _failed(self, notice: Notice, error: ConnectorError, now_ns: int) -> None:
        again = error.retry and notice.tries + 1 < MOST_TRIES
        pause_s = max(retry_after_s(notice.tries), error.wait_s or 0.0)
        next_ns = now_ns + int(pause_s * 1e9) if again else None
        log.warning(
            "notice not accepted", subscriber=notice.subscriber, key=notice.key, error=str(error), again=again
        )
        await asyncio.to_thread(self.ledger.settle, notice.key, False, str(error), next_ns)


def _groups(due: Iterable[Notice]) -> list[list[Notice]]:
    """Notices that go out together: gathered ones by subscriber, every other one for itself."""
    groups: dict[str, list[Notice]] = {}
    for notice in due:
        together = notice.gathered and not notice.tries
        groups.setdefault(notice.subscriber if together else notice.key, []).append(notice)
    return list(groups.values())
