"""Delivery: retried while it may help, settled once, given up when it can not."""

import asyncio
from pathlib import Path

import pytest

from connectors.ledgers.sqlite import SqliteLedger
from twin.alarms.machine import AlarmBook
from twin.alarms.routing import notices
from twin.domain.alarm import Notice, Picture
from twin.domain.errors import ConnectorError
from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.subscription import Subscription
from twin.runtime.deliver import MOST_TRIES, Delivery, Pictures, retry_after_s


class Route:
    """Fails as told, then accepts."""

    def __init__(self, *failures: ConnectorError) -> None:
        self.failures = list(failures)
        self.accepted: list[str] = []
        self.pictures: list[Picture | None] = []

    async def send(self, notice: Notice) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.accepted.append(notice.key)
        self.pictures.append(notice.picture)

    async def close(self) -> None:
        return


@pytest.fixture
def ledger(tmp_path: Path):
    opened = SqliteLedger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def put(ledger: SqliteLedger, condition: str = "c") -> None:
    event = Event(
        t=1, kind=Kind.DRIFT, asset="R1", stage=Stage.CONFIRMED, condition=condition, verdict=Verdict.SENSOR
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


PICTURE = Picture(b"png", "what it shows", "what its colours mean")


async def drawn(_: Notice) -> Picture:
    return PICTURE


async def never(_: Notice) -> Picture:
    await asyncio.Event().wait()
    return PICTURE


async def breaks(_: Notice) -> Picture:
    raise RuntimeError("no font")


async def send_two(ledger: SqliteLedger, pictures: Pictures) -> Route:
    """The notices of two alarms, one after the other."""
    route = Route()
    for condition in ("c1", "c2"):
        put(ledger, condition)
        await Delivery(ledger, {"anna": route}, asyncio.Event(), pictures).round(0)
    return route


async def test_a_route_that_shows_pictures_gets_one_and_no_other(ledger) -> None:
    route = await send_two(ledger, Pictures(drawn, frozenset({"anna"})))
    assert route.pictures == [PICTURE, PICTURE]
    put(ledger, "c3")
    other = Route()
    await Delivery(ledger, {"anna": other}, asyncio.Event(), Pictures(drawn, frozenset({"bert"}))).round(0)
    assert other.pictures == [None]


@pytest.mark.parametrize("fails", [never, breaks])
async def test_a_notice_goes_out_without_a_picture_that_can_not_be_made(ledger, fails) -> None:
    tried: list[str] = []

    async def illustrate(notice: Notice) -> Picture:
        tried.append(notice.key)
        return await fails(notice)

    route = await send_two(ledger, Pictures(illustrate, frozenset({"anna"}), patience_s=0.05))
    assert route.pictures == [None, None]
    assert len(tried) == 1, "the second notice does not wait again"
    assert ledger.outbox()["sent"] == 2
