"""Subscriptions: who is told what and when; quiet hours, gathering, escalation, limits, private addresses."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from connectors.ledgers.sqlite import SqliteLedger
from twin.alarms.risk import probability
from twin.alarms.routing import gathered, timed, worded
from twin.domain.alarm import Alarm, AlarmState, Notice, Priority
from twin.domain.errors import ConnectorError, InputError, NotFoundError
from twin.domain.event import Event, Kind, ModelRef, Stage, Verdict
from twin.domain.forecast import Forecast, Outlook
from twin.domain.people import Actor, Role
from twin.domain.subscription import Risk, Subscription
from twin.ports import ChannelInfo
from twin.runtime.deliver import Delivery
from twin.runtime.subscriptions import MOST, RATE, SubscriptionBook
from twin.service.app import channels_of
from twin.service.line import LineFile

ANNA = Actor("anna", Role.VIEWER, "10.0.0.1")
BEN = Actor("ben", Role.OPERATOR, "10.0.0.2")
CHANNELS = (
    ChannelInfo("mail", "smtp", "mail"),
    ChannelInfo("web", "webhook", "url"),
    ChannelInfo("mq", "mqtt", "topic"),
)
MINUTE, HOUR = 60 * 10**9, 3600 * 10**9
NOON = int(datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()) * 10**9
WISH = Subscription("", channel="mail", address="anna@example.org", language="fr")


def alarm(number: int = 1, priority: Priority = Priority.HIGH, t: int = NOON) -> Alarm:
    event = Event(
        t, Kind.DRIFT, "R101", Stage.CONFIRMED, f"R101/x{number}/1", tag="R101.pH", verdict=Verdict.SENSOR
    )
    return Alarm(f"R101/x{number}", AlarmState.UNACK, priority, event, t, t)


class Time:
    ns = NOON

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = SqliteLedger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def book(ledger: SqliteLedger, now: Time) -> SubscriptionBook:
    return SubscriptionBook(ledger, [Subscription("shift")], CHANNELS, now)


def test_what_is_subscribed_is_told_in_the_language_asked_and_survives_a_restart(book, ledger, now) -> None:
    kept = book.put(replace(WISH, assets=("R1*",), least=Priority.MEDIUM), ANNA)
    again = SubscriptionBook(ledger, [], CHANNELS, now)
    assert again.of("anna") == [kept]
    (notice,) = again.notices(alarm())
    assert (notice.channel, notice.address, notice.language) == ("mail", "anna@example.org", "fr")
    assert "capteur" in notice.text
    assert again.notices(alarm(priority=Priority.LOW)) == []
    assert again.notices(replace(alarm(), state=AlarmState.ACKED)) == []
    (entry,) = ledger.trail()
    assert (entry.deed.who, entry.deed.action) == ("anna", "subscription.put")
    assert entry.deed.new == "mail anna@example.org: R1* * >=medium"


def test_nobody_reaches_into_the_subscriptions_of_another(book) -> None:
    kept = book.put(WISH, ANNA)
    for act in (
        lambda: book.put(kept, BEN),
        lambda: book.drop(kept.subscriber, BEN),
        lambda: book.test(kept.subscriber, BEN),
        lambda: book.told(kept.subscriber, BEN),
    ):
        with pytest.raises(NotFoundError, match="you have no subscription"):
            act()
    assert not book.stop(kept.subscriber, "guess")
    assert book.of("anna") == [kept]


@pytest.mark.parametrize(
    "wish",
    [
        replace(WISH, channel="pigeon"),
        replace(WISH, address="anna"),
        replace(WISH, address="anna@example.org\nBcc: all@example.org"),
        replace(WISH, address="a@b, c@d"),
        replace(WISH, channel="web", address="ftp://example.org/"),
        replace(WISH, channel="web", address="http://127.0.0.1:8086/write"),
        replace(WISH, channel="web", address="http://[::1]/"),
        replace(WISH, channel="web", address="http://10.0.0.5/"),
        replace(WISH, channel="web", address="http://169.254.169.254/latest"),
        replace(WISH, channel="web", address="http://example.org:port/"),
        replace(WISH, channel="mq", address="bioline/#"),
        replace(WISH, channel="mq", address="$SYS/broker"),
        replace(WISH, zone="Mars/Olympus"),
        replace(WISH, zone="../../etc/passwd"),
    ],
)
def test_what_can_not_be_delivered_is_refused_and_not_kept(book, wish) -> None:
    with pytest.raises(InputError):
        book.put(wish, ANNA)
    assert book.of("anna") == []


def test_a_channel_with_leave_takes_private_addresses_and_never_those_of_metadata(ledger, now) -> None:
    section = {"id": "web", "notifier": {"kind": "webhook", "allow_private": True}}
    line_file = LineFile.model_validate(
        {
            "schema": 1,
            "line": "l",
            "vessels": [{"id": "R1", "tags": {"use": "cho_counts"}}],
            "channels": [section],
        }
    )
    book = SubscriptionBook(ledger, (), channels_of(line_file), now)
    book.put(replace(WISH, channel="web", address="http://127.0.0.1:39999"), ANNA)
    book.put(replace(WISH, channel="web", address="http://10.0.0.5/"), ANNA)
    for address in ("http://169.254.169.254/latest", "http://0.0.0.0/", "http://[ff02::1]/"):
        with pytest.raises(InputError, match="not a public address"):
            book.put(replace(WISH, channel="web", address=address), ANNA)


def test_a_person_has_so_many_subscriptions_and_no_more(book) -> None:
    for _ in range(MOST):
        book.put(WISH, ANNA)
    with pytest.raises(InputError, match="the most for one person"):
        book.put(WISH, ANNA)
    book.put(WISH, BEN)


@pytest.mark.parametrize(
    ("quiet", "minute", "wait"),
    [
        ((1320, 360), 1380, 420), ((1320, 360), 0, 360), ((1320, 360), 360, 0), ((1320, 360), 719, 0),
        ((600, 720), 700, 20), ((600, 720), 599, 0), ((600, 720), 720, 0),
    ],
)  # fmt: skip
def test_quiet_hours_hold_back_until_they_end_and_never_what_is_critical(quiet, minute, wait) -> None:
    s = replace(WISH, quiet=quiet)
    held = timed(worded(alarm(), s), s, NOON, minute)
    assert held.not_before_ns == (NOON + wait * MINUTE if wait else 0)
    assert held.gathered is (wait > 0)
    critical = worded(alarm(priority=Priority.CRITICAL), s)
    assert timed(critical, s, NOON, minute) == critical


def test_quiet_hours_are_those_of_the_time_zone(book, now) -> None:
    now.ns = NOON + 10 * HOUR + 30 * MINUTE  # 22:30 in UTC, 23:30 in Paris in winter
    book.put(replace(WISH, quiet=(1380, 360), zone="Europe/Paris"), ANNA)
    book.put(replace(WISH, quiet=(1380, 360), zone="UTC"), ANNA)
    held = [n.not_before_ns for n in book.notices(alarm()) if n.channel]
    assert sorted(held) == [0, now.ns + 390 * MINUTE]


def test_more_than_a_person_can_read_is_gathered_and_critical_goes_through(book, now) -> None:
    book.put(WISH, ANNA)
    made = [n for i in range(RATE + 3) for n in book.notices(alarm(i)) if n.channel]
    assert [n.gathered for n in made] == [False] * RATE + [True] * 3
    assert {n.not_before_ns for n in made[RATE:]} == {NOON + 10 * MINUTE}
    (critical,) = (n for n in book.notices(alarm(99, Priority.CRITICAL)) if n.channel)
    assert critical.not_before_ns == 0


def test_the_link_in_a_notice_stops_it_and_only_it(book) -> None:
    book.address = "https://twin.example.org/"
    kept, other = book.put(WISH, ANNA), book.put(WISH, ANNA)
    notice = next(n for n in book.notices(alarm()) if n.subscriber == kept.subscriber)
    secret = notice.stop.partition("secret=")[2]
    assert notice.stop.startswith("https://twin.example.org/#/stop?number=s-")
    assert not book.stop(other.subscriber, secret)
    assert book.stop(kept.subscriber, secret)
    assert [n.subscriber for n in book.notices(alarm()) if n.channel] == [other.subscriber]


def test_a_notice_leads_to_its_card_among_the_trends(book) -> None:
    assert all(n.link == "" for n in book.notices(alarm())), (
        "without an address of the pages there is no link"
    )
    book.address, book.tags = "https://twin.example.org/", frozenset({"R101.pH"})
    book.put(WISH, ANNA)
    made = [n for n in book.notices(alarm()) if n.channel]
    page, _, query = made[0].link.partition("?")
    asked = parse_qs(query)
    assert page == "https://twin.example.org/#/unit/R101"
    assert asked["alarm"] == [made[0].alarm.id]
    assert asked["lang"] == ["fr"]
    assert int(asked["to"][0]) - int(asked["from"][0]) == 8 * HOUR // 10**6
    assert int(asked["to"][0]) == NOON // 10**6
    together = gathered([made[0], made[0]], "2 avis")
    assert together.link == "https://twin.example.org/#/alarms?lang=fr"


class Box:
    """A notifier that keeps what it is given, or fails."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []
        self.fault: ConnectorError | None = None

    async def send(self, notice: Notice) -> None:
        if self.fault:
            raise self.fault
        self.sent.append(notice)

    async def close(self) -> None:
        pass


async def deliver(ledger: SqliteLedger, box: Box, at: int) -> None:
    await Delivery(ledger, {"mail": box, "shift": box}, asyncio.Event()).round(at)


async def test_gathered_notices_arrive_as_one_when_their_time_has_come(book, ledger, now) -> None:
    book.put(replace(WISH, digest_h=1.0), ANNA)
    for i in range(3):
        ledger.commit(alarms=[alarm(i)], notices=[n for n in book.notices(alarm(i)) if n.channel])
    box = Box()
    await deliver(ledger, box, NOON + 59 * MINUTE)
    assert box.sent == []
    await deliver(ledger, box, NOON + 61 * MINUTE)
    (one,) = box.sent
    assert one.title == "3 avis"
    assert one.text.count("R101.pH") == 3
    assert ledger.outbox() == {"waiting": 0, "sent": 3, "given_up": 0, "withdrawn": 0}


async def test_an_escalation_goes_out_only_when_nobody_acknowledged(book, ledger, now) -> None:
    book.put(replace(WISH, after_min=15.0), ANNA)
    seen, unseen = alarm(1), alarm(2)
    for each in (seen, unseen):
        ledger.commit(alarms=[each], notices=[n for n in book.notices(each) if n.channel])
    ledger.commit(alarms=[replace(seen, state=AlarmState.ACKED, changed_ns=NOON + MINUTE, by="ben")])
    box = Box()
    await deliver(ledger, box, NOON + 14 * MINUTE)
    assert box.sent == []
    await deliver(ledger, box, NOON + 16 * MINUTE)
    assert [n.alarm.id for n in box.sent] == [unseen.id]
    assert ledger.outbox()["withdrawn"] == 1


async def test_a_test_notice_goes_the_way_of_any_other_and_not_too_often(book, ledger, now) -> None:
    kept = book.put(WISH, ANNA)
    book.test(kept.subscriber, ANNA)
    with pytest.raises(InputError, match="a moment ago"):
        book.test(kept.subscriber, ANNA)
    box = Box()
    box.fault = ConnectorError("mail.example.org:25: 550 no such box", retry=False)
    await deliver(ledger, box, NOON)
    (told,) = book.told(kept.subscriber, ANNA)
    assert (told.state, told.error) == ("given_up", "mail.example.org:25: 550 no such box")
    now.ns += 31 * 10**9
    box.fault = None
    book.test(kept.subscriber, ANNA)
    await deliver(ledger, box, now.ns)
    assert [n.title for n in box.sent] == ["Essai d'un abonnement"]
    assert book.told(kept.subscriber, ANNA)[0].state == "sent"


def forecast(low: float, middle: float, high: float, made_ns: int = NOON) -> Forecast:
    times = tuple(made_ns + hour * HOUR for hour in range(9))
    ramp = [hour / 8 for hour in range(9)]
    lows, middles, highs = (tuple(40 + (end - 40) * r for r in ramp) for end in (low, middle, high))
    outlook = Outlook("R101.pO2", "%", lows, middles, highs)
    return Forecast("R101", made_ns, times, (outlook,), (), None, ModelRef("m", "1", "0" * 12))


PO2 = Risk("R101.pO2", below=20.0, above=None, within_h=8.0, probability=0.1)


def test_the_probability_of_a_bound_is_that_of_the_ensemble() -> None:
    assert probability(forecast(20.0, 30.0, 40.0), PO2) == pytest.approx(0.05, abs=1e-3)
    assert probability(forecast(10.0, 20.0, 30.0), PO2) == pytest.approx(0.5, abs=1e-6)
    assert probability(forecast(10.0, 20.0, 30.0), replace(PO2, within_h=4.0)) < 0.01
    above = replace(PO2, below=None, above=50.0)
    assert probability(forecast(40.0, 45.0, 50.0), above) == pytest.approx(0.05, abs=1e-3)
    assert probability(forecast(1.0, 2.0, 3.0), replace(PO2, tag="R102.pO2")) is None


def test_a_predicted_risk_is_told_once_until_it_is_over_also_over_a_restart(book, ledger, now) -> None:
    book.tags = frozenset({"R101.pO2"})
    kept = book.put(replace(WISH, risks=(PO2,)), ANNA)
    assert book.foretold(forecast(25.0, 32.0, 40.0)) == ([], [])
    notices, documents = book.foretold(forecast(15.0, 22.0, 30.0))
    (notice,) = notices
    assert (notice.subscriber, notice.title) == (kept.subscriber, "R101.pO2 risque de passer sous 20")
    assert "Probabilité 32 % d'ici 8 h" in notice.text
    ledger.commit(notices=notices, documents=documents)
    again = SubscriptionBook(ledger, [], CHANNELS, now)
    assert again.foretold(forecast(14.0, 21.0, 30.0, NOON + HOUR)) == ([], [])
    _, over = again.foretold(forecast(30.0, 35.0, 40.0, NOON + 2 * HOUR))
    assert [each.body for each in over] == [None]
    assert len(again.foretold(forecast(15.0, 22.0, 30.0, NOON + 3 * HOUR))[0]) == 1


@pytest.mark.parametrize(
    "risk", [replace(PO2, tag="R101.pO3"), replace(PO2, above=1.0), replace(PO2, below=None)]
)
def test_a_risk_that_can_not_be_foretold_is_refused(book, risk) -> None:
    book.tags = frozenset({"R101.pO2"})
    with pytest.raises(InputError):
        book.put(replace(WISH, risks=(risk,)), ANNA)
