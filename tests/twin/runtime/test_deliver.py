"""Delivery: retried while it may help, settled once, given up when it can not."""

import asyncio
from pathlib import Path

import pytest

from connectors.ledgers.sqlite import SqliteLedger
from twin.alarms.machine import AlarmBook
from twin.alarms.routing import notices
from twin.domain.alarm import Notice
from twin.domain.errors import ConnectorError
from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.subscription import Subscription
from twin.runtime.deliver import MOST_TRIES, Delivery, retry_after_s


class Route:
    """Fails as told, then accepts."""

    def __init__(self, *failures: ConnectorError) -> None:
        self.failures = list(failures)
        self.accepted: list[str] = []

    async def send(self, notice: Notice) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.accepted.append(notice.key)

    async def close(self) -> None:
        return


@pytest.fixture
def ledger(tmp_path: Path):
    opened = SqliteLedger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def put(ledger: SqliteLedger) -> None:
    event = Event(
        t=1, kind=Kind.DRIFT, asset="R1", stage=Stage.CONFIRMED, condition="c", verdict=Verdict.SENSOR
    )
    (alarm,) = AlarmBook().apply(event)
    assert alarm is not None
    ledger.commit([event], [alarm], notices(alarm, [Subscription("anna")]))


async def test_a_notice_is_retried_until_it_is_accepted_and_then_never_again(ledger) -> None:
    put(ledger)
    route = Route(ConnectorError("away"), ConnectorError("still away"))
    delivery = Delivery(ledger, {"anna": route}, asyncio.Event())
    now = 0
    for _ in range(5):
        await delivery.round(now)
        now += 600_000_000_000
    assert len(route.accepted) == 1
    assert ledger.outbox()["sent"] == 1


async def test_it_waits_before_it_tries_again(ledger) -> None:
    put(ledger)
    route = Route(ConnectorError("away"))
    delivery = Delivery(ledger, {"anna": route}, asyncio.Event())
    await delivery.round(0)
    await delivery.round(int(retry_after_s(0) * 1e9) - 1)
    assert route.accepted == []
    await delivery.round(int(retry_after_s(0) * 1e9) + 1)
    assert len(route.accepted) == 1


async def test_what_can_not_be_mended_is_given_up(ledger) -> None:
    put(ledger)
    delivery = Delivery(ledger, {"anna": Route(ConnectorError("gone", retry=False))}, asyncio.Event())
    await delivery.round(0)
    assert ledger.outbox()["given_up"] == 1


async def test_it_is_given_up_after_the_last_try(ledger) -> None:
    put(ledger)
    route = Route(*[ConnectorError("away")] * (MOST_TRIES + 5))
    delivery = Delivery(ledger, {"anna": route}, asyncio.Event())
    for i in range(MOST_TRIES + 5):
        await delivery.round(i * 600_000_000_000)
    assert ledger.outbox()["given_up"] == 1
    assert len(route.failures) == 5


async def test_the_same_alarm_makes_no_second_notice(ledger) -> None:
    put(ledger)
    put(ledger)
    route = Route()
    await Delivery(ledger, {"anna": route}, asyncio.Event()).round(0)
    assert len(route.accepted) == 1
