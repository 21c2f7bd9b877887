"""A service that raises alarms and delivers notices, and is killed on the way: run by `test_notice_once.py`.

``dying_courier.py LEDGER URL ROUNDS``: in each round a child raises an alarm, delivers, and kills itself at
one of the points; a second child, which is not killed, takes up where the first stopped. Children are forks,
so that nothing but the ledger on disk passes from one to the other.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from connectors.ledgers.sqlite import SqliteLedger
from connectors.notifiers.webhook import Config, Webhook, open_notifier
from twin.alarms.machine import AlarmBook
from twin.alarms.routing import notices
from twin.domain.alarm import Notice
from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.subscription import Subscription
from twin.runtime.deliver import Delivery

POINTS = ("raised", "before_sending", "accepted", "settled", "none")
"""Where the child dies: the alarm is kept; the notice is about to go, was taken, is settled."""
FAR = 2**62


def die() -> None:
    """As a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """A route on which the service dies."""

    def __init__(self, inner: Webhook, point: str) -> None:
        self._inner, self._point = inner, point

    async def send(self, notice: Notice) -> None:
        if self._point == "before_sending":
            die()
        await self._inner.send(notice)
        if self._point == "accepted":
            die()

    async def close(self) -> None:
        await self._inner.close()


def raise_alarm(ledger: SqliteLedger, number: int) -> None:
    event = Event(
        number + 1, Kind.DRIFT, "R1", Stage.CONFIRMED, f"R1/drift/probe{number}/1", verdict=Verdict.SENSOR
    )
    (alarm,) = AlarmBook().apply(event)
    ledger.commit([event], [alarm], notices(alarm, [Subscription("anna")]))


async def deliver(ledger: SqliteLedger, url: str, point: str) -> None:
    route = open_notifier(Config(url=url, allow_private=True))  # type: ignore[arg-type]
    assert isinstance(route, Webhook)
    delivery = Delivery(ledger, {"anna": Mortal(route, point)}, asyncio.Event())
    await delivery.round(FAR)
    if point == "settled":
        die()
    await route.close()


def live(path: Path, url: str, number: int | None, point: str) -> None:
    """One life of the service; `number` is the alarm it raises."""
    ledger = SqliteLedger(path)
    if number is not None:
        raise_alarm(ledger, number)
        if point == "raised":
            die()
    asyncio.run(deliver(ledger, url, point))
    ledger.close()


def forked(*life: object) -> int:
    """The exit status of one life in a process of its own."""
    pid = os.fork()
    if pid == 0:
        live(*life)  # type: ignore[arg-type]
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    path, url, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    for number in range(rounds):
        point = POINTS[number % len(POINTS)]
        ended = forked(path, url, number, point)
        assert ended == (0 if point == "none" else -signal.SIGKILL), (point, ended)
        assert forked(path, url, None, "none") == 0


if __name__ == "__main__":
    main()
