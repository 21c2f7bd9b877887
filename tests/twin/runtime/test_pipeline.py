"""Pipeline: durable before acknowledged, every reading accounted for, restart without a second notice."""

import asyncio
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.historians.memory import MemoryHistorian
from connectors.ledgers.sqlite import SqliteLedger
from twin.alarms.routing import notices
from twin.alarms.words import notice_text
from twin.domain.alarm import Alarm, AlarmState, Notice, Priority, Trigger
from twin.domain.asset import Line, Origin, Vessel
from twin.domain.batch import Batch
from twin.domain.errors import StorageError
from twin.domain.event import Event, Kind, ModelRef, Stage
from twin.domain.forecast import Forecast
from twin.domain.measurement import Quality, Quarantined, Reading
from twin.domain.people import Actor, Role
from twin.domain.subscription import Subscription
from twin.domain.tag import Limits, Tag
from twin.engine.core import Engine
from twin.engine.tagbook import TagBook, TimeWindow
from twin.ports import Delivery, Document, LinkChange
from twin.runtime.clock import WallClock
from twin.runtime.health import Health
from twin.runtime.hub import Hub
from twin.runtime.pipeline import Pipeline

S = 1_000_000_000
TAG = Tag("R1", "pH", "pH", "1", 0.0, 14.0, 0.02, limits=Limits(high=8.0), deadband=0.1, silence_s=1e6)
LINE = Line("l", {}, "", Origin.SIMULATED, (Vessel("R1", {}, (TAG,)),))


def pipeline(historian, ledger, line: Line = LINE) -> Pipeline:
    clock = WallClock()
    return Pipeline(
        TagBook(line.tags()), Engine(line, lambda v: None, 0.0), historian, ledger, Hub(clock), Health(),
        clock, lambda alarm: notices(alarm, [Subscription("anna")]), lambda: TimeWindow(0, 10**9 * S),
    )  # fmt: skip


def reading(t_s: float, value, address: str = "R1.pH", source: str = "ua") -> Reading:
    t = int(t_s * S)
    return Reading(source, address, value, Quality.GOOD, t, t)


@pytest.fixture
def ledger(tmp_path: Path):
    opened = SqliteLedger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


class Full(MemoryHistorian):
    """Takes nothing until there is room."""

    def __init__(self) -> None:
        super().__init__()
        self.room = asyncio.Event()
        self.tried = asyncio.Event()

    async def write(self, rows):
        self.tried.set()
        if not self.room.is_set():
            raise StorageError("disk full")
        return await super().write(rows)


async def test_a_full_disk_holds_the_wires_says_so_and_goes_on_when_there_is_room(ledger) -> None:
    acknowledged: list[int] = []
    delivery = Delivery((reading(1, 7.0),), ack=lambda: acknowledged.append(1))
    historian = Full()
    p = pipeline(historian, ledger)
    working = asyncio.create_task(p.process([delivery]))
    await historian.tried.wait()
    await asyncio.sleep(0)
    assert acknowledged == []
    assert p.health.counters(p.in_hand).pending == 1
    assert p.health.counters(p.in_hand).holds
    assert [(link.source, link.up) for link in p.health.links()] == [("historian", False)]
    await p.tick(S)
    assert [alarm.event.kind for alarm in ledger.alarms()] == [Kind.LINK]
    historian.room.set()
    await working
    assert acknowledged == [1]
    assert p.hold.why == {}
    await p.tick(2 * S)
    assert [link.up for link in p.health.links()] == [True]
    assert p.health.counters(p.in_hand).stored == 1


async def test_while_both_stores_are_full_the_alarm_about_them_is_shown_from_memory(ledger) -> None:
    room = asyncio.Event()
    commit = ledger.commit

    def full(*parts):
        if not room.is_set():
            raise StorageError("disk full")
        return commit(*parts)

    ledger.commit = full
    historian = Full()
    p = pipeline(historian, ledger)
    shown = asyncio.create_task(anext(p.hub.follow()))
    await asyncio.sleep(0)
    working = asyncio.create_task(p.process([Delivery((reading(1, 7.0),))]))
    update = await asyncio.wait_for(shown, 5)
    assert [a.id for a in update.alarms] == [a.id for a in p.alarms()] == ["historian/link"]
    assert ledger.alarms() == []
    title, text = notice_text(p.alarms()[0], "en")
    assert title == "historian: Nothing can be kept"
    assert "disk" in text
    assert "network" not in text
    ticking = asyncio.create_task(p.tick(S))
    room.set()
    historian.room.set()
    await asyncio.gather(working, ticking)
    await p.tick(2 * S)
    assert [a.state for a in p.alarms()] == [a.state for a in ledger.alarms()] == [AlarmState.RTN_UNACK]


async def test_a_service_that_starts_again_with_room_ends_the_alarm_about_the_disk(ledger) -> None:
    historian = Full()
    p = pipeline(historian, ledger)
    working = asyncio.create_task(p.process([Delivery((reading(1, 7.0),))]))
    await historian.tried.wait()
    await p.tick(S)
    p.hold.give_up()
    with pytest.raises(StorageError):
        await working
    again = pipeline(MemoryHistorian(), ledger)
    await again.recover(LINE)
    await again.tick(2 * S)
    assert [a.active for a in again.alarms()] == [False]


async def test_a_service_that_stops_while_the_disk_is_full_acknowledges_nothing(ledger) -> None:
    acknowledged: list[int] = []
    historian = Full()
    p = pipeline(historian, ledger)
    delivery = Delivery((reading(1, 7.0),), ack=lambda: acknowledged.append(1))
    working = asyncio.create_task(p.process([delivery]))
    await historian.tried.wait()
    p.hold.give_up()
    with pytest.raises(StorageError):
        await working
    assert acknowledged == []


async def test_an_alarm_that_can_not_be_kept_yet_is_shown_and_what_people_do_is_refused(ledger) -> None:
    room = asyncio.Event()
    commit, shown = ledger.commit, []

    def full(*parts):
        if not room.is_set():
            raise StorageError("disk full")
        return commit(*parts)

    ledger.commit = full
    p = pipeline(MemoryHistorian(), ledger)
    publish = p.hub.publish
    seen = asyncio.Event()

    def watched(**parts) -> None:
        publish(**parts)
        shown.extend(parts.get("alarms", ()))
        if len(shown) > 1:
            seen.set()

    p.hub.publish = watched
    rows = tuple(reading(30 * i, 9.0) for i in range(20))
    working = asyncio.create_task(p.process([Delivery(rows)]))
    await seen.wait()
    assert [alarm.event.kind for alarm in shown] == [Kind.LINK, Kind.LIMIT]
    with pytest.raises(StorageError, match="takes nothing now"):
        await p.move(shown[1].id, Trigger.ACKNOWLEDGE, Actor("anna", Role.OPERATOR, "here"))
    room.set()
    await working
    assert [a.event.kind for a in ledger.alarms()] == [Kind.LIMIT]


VALUES = st.one_of(
    st.floats(0, 14),
    st.just(math.nan),
    st.just(math.inf),
    st.just(1e308),
    st.just("7,1"),
    st.none(),
    st.booleans(),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(["R1.pH", "R9.pH"]), st.integers(-5, 5_000), VALUES),
        min_size=1,
        max_size=40,
    )
)
def test_the_conservation_law_holds_whatever_comes(tmp_path_factory, rows) -> None:
    async def run() -> None:
        opened = SqliteLedger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite")
        try:
            p = pipeline(MemoryHistorian(), opened)
            made = tuple(reading(t, v, a) for a, t, v in rows)
            malformed = Quarantined(reading(1, None, "?"), "malformed", "no JSON")
            await p.process([Delivery(made, refused=(malformed,))])
            counters = p.health.counters(p.in_hand)
            assert counters.received == len(rows) + 1
            assert counters.holds
        finally:
            opened.close()

    asyncio.run(run())


async def test_a_limit_passed_is_one_notice_also_after_a_restart(ledger) -> None:
    historian = MemoryHistorian()
    values = [7.0] * 5 + [9.0] * 10
    rows = [reading(30 * i, v) for i, v in enumerate(values)]
    first = pipeline(historian, ledger)
    for row in rows:
        await first.process([Delivery((row,))])
    assert [a.event.kind for a in ledger.alarms()] == [Kind.LIMIT]
    waiting = ledger.outbox()["waiting"]
    assert waiting == 1

    second = pipeline(historian, ledger)
    await second.recover(LINE)
    for row in [*rows, *(reading(30 * i, 9.0) for i in range(15, 30))]:
        await second.process([Delivery((row,))])
    assert ledger.outbox()["waiting"] == 1
    assert len(ledger.alarms()) == 1


async def test_links_make_one_event_down_and_one_up(ledger) -> None:
    p = pipeline(MemoryHistorian(), ledger)
    changes = [(True, "up"), (False, "away"), (False, "away"), (True, "back"), (True, "back")]
    for t, (up, text) in enumerate(changes):
        await p.process([Delivery(links=(LinkChange("ua", up, text, t),))])
    stages = [e.stage.value for _, e in ledger.events() if e.kind is Kind.LINK]
    assert stages == ["confirmed", "closed"]
    assert p.health.links()[0].up


async def test_a_refused_value_says_nothing_of_the_clock_of_its_source(ledger) -> None:
    one = pipeline(MemoryHistorian(), ledger)
    one.health.link(LinkChange("ua", True, "connected", 0))
    ahead = reading(10, 7.0)._replace(time_ns=10**10 * S - 1)
    await one.process([Delivery((ahead,))])
    assert one.health.counts.quarantined == {"future_time": 1}
    assert one.health.links()[0].skew_s is None
    stood = reading(10, 7.0)._replace(received_ns=150 * S)
    await one.process([Delivery((stood,))])
    assert one.health.links()[0].skew_s is None, "it may have stood there for long"
    await one.process([Delivery((reading(160, 7.0),))])
    assert one.health.links()[0].skew_s == 0.0


async def test_a_gap_is_an_event(ledger) -> None:
    p = pipeline(MemoryHistorian(), ledger)
    await p.process([Delivery(links=(LinkChange("ua", None, "overflow", 9 * S, (3 * S, 8 * S)),))])
    ((_, event),) = ledger.events()
    assert (event.kind, event.size, event.unit) == (Kind.GAP, 5.0, "s")


async def test_acknowledging_is_kept_with_the_name(ledger) -> None:
    p = pipeline(MemoryHistorian(), ledger)
    rows = [reading(30 * i, 9.0) for i in range(12)]
    await p.process([Delivery(tuple(rows))])
    alarm = await p.move(ledger.alarms()[0].id, Trigger.ACKNOWLEDGE, Actor("anna", Role.OPERATOR), "seen")
    assert alarm.by == "anna"
    assert ledger.alarm(alarm.id).state.value == "acked"
    kinds = [e.kind for _, e in ledger.events()]
    assert kinds[-1] is Kind.ALARM


async def test_snapshot_and_stored_rows_bring_the_engine_back(ledger) -> None:
    historian = MemoryHistorian()
    rows = [reading(30 * i, 7.0 if i < 20 else 9.0) for i in range(40)]
    whole = pipeline(historian, ledger)
    for start in range(0, len(rows), 7):
        await whole.process([Delivery(tuple(rows[start : start + 7]))])
    expected = [e.id for _, e in ledger.events()]

    for cut in (3, 17, 23, 31):
        fresh = SqliteLedger(Path(ledger._path).with_name(f"again-{cut}.sqlite"))
        try:
            store = MemoryHistorian()
            first = pipeline(store, fresh)
            await first.process([Delivery(tuple(rows[:cut]))])
            await first.save(LINE)
            second = pipeline(store, fresh)
            await second.recover(LINE)
            await second.process([Delivery(tuple(rows[cut:]))])
            assert [e.id for _, e in fresh.events()] == expected
        finally:
            fresh.close()


async def test_a_start_waits_for_what_is_stored_and_says_so(ledger, monkeypatch) -> None:
    """A database that goes away between the start and the first look at it ends nothing and is skipped by
    nothing: the engine takes up what is stored once that can be read."""
    monkeypatch.setattr("twin.runtime.hold.FIRST_S", 0.01)
    store, rows = MemoryHistorian(), [reading(30 * i, 7.0 if i < 20 else 9.0) for i in range(40)]
    first = pipeline(store, ledger)
    await first.process([Delivery(tuple(rows[:17]))])
    await first.save(LINE)
    await first.process([Delivery(tuple(rows[17:]))])
    expected = first.engine.snapshot()
    said: list[tuple[str, bool]] = []
    away = 2

    async def read(*about):
        nonlocal away
        said.extend((link.source, link.up) for link in second.health.links())
        away -= 1
        if away >= 0:
            raise StorageError("history can not be read now: does not answer")
        return await MemoryHistorian.read(store, *about)

    second = pipeline(store, ledger)
    store.read = read
    await second.recover(LINE)
    assert second.engine.snapshot() == expected
    assert ("historian", False) in said
    assert [(link.source, link.up) for link in second.health.links()] == [("historian", True)]


async def test_a_broken_conservation_law_is_an_alarm(ledger) -> None:
    flow = pipeline(MemoryHistorian(), ledger)
    await flow.process([Delivery((reading(1, 7.0),))])
    flow.health.counts.stored -= 1
    for second in (10, 11, 12):
        await flow.tick(second * S)
    assert [(a.event.kind, a.event.asset) for a in ledger.alarms()] == [(Kind.LINK, "accounting")]
    flow.health.counts.stored += 1
    for second in (13, 14):
        await flow.tick(second * S)
    assert [e.stage.value for _, e in ledger.events() if e.kind is Kind.LINK] == ["confirmed", "closed"]


async def test_rows_of_closed_frames_are_stored_as_late(ledger) -> None:
    store = MemoryHistorian()
    flow = pipeline(store, ledger)
    await flow.process([Delivery((reading(10, 7.0),))])
    await flow.tick(600 * S)
    await flow.process([Delivery((reading(30, 7.1), reading(700, 7.2)))])
    rows = await store.read(["R1.pH"], 0, 1000 * S)
    assert [(m.time_ns // S, m.late) for m in rows] == [(10, False), (30, True), (700, False)]


async def test_values_that_come_again_or_by_two_wires_are_no_news_to_the_twin(ledger, tmp_path) -> None:
    """Neither in the frame that is open nor in one that is closed, and limits are told as soon."""
    tag = replace(TAG, on_delay_s=10.0)
    line = Line("l", {}, "", Origin.SIMULATED, (Vessel("R1", {}, (tag,)),))
    second = SqliteLedger(tmp_path / "second.sqlite")
    once, twice = pipeline(MemoryHistorian(), ledger, line), pipeline(MemoryHistorian(), second, line)
    handed: list[int] = []
    think = twice.engine.handle
    twice.engine.handle = lambda rows: handed.append(len(rows)) or think(rows)
    values = [(t, 9.0 if t >= 250 else 7.0) for t in range(1, 300, 3)]
    told: list[list[tuple[int, list[str]]]] = [[], []]
    for t, x in values:
        await once.process([Delivery((reading(t, x),))])
        await twice.process([Delivery((reading(t, x), reading(t, x)))])
        await twice.process([Delivery((reading(t, x, source="mqtt"), reading(max(1, t - 150), 7.0)))])
        for seen, kept in ((told[0], ledger), (told[1], second)):
            seen.append((t, [e.condition for _, e in kept.events()]))
    second.close()
    assert told[0] == told[1]
    again = pipeline(twice.historian, ledger, line)
    await again.process([Delivery((reading(298, 9.0),))])
    assert again.hub.value_of("R1.pH") == 9.0, "people see what stands, also after a restart"
    assert next(t for t, found in told[0] if found) == 268, "believed since 256, on-delay 10 s"
    assert sum(handed) == len(values)
    assert twice.health.counters(0).duplicate == 3 * len(values)


async def test_what_a_forecast_holds_is_told_and_remembered_in_one_commit(ledger) -> None:
    p = pipeline(MemoryHistorian(), ledger)
    event = Event(S, Kind.RISK, "R1", Stage.CONFIRMED, "risk/s/0/1")
    alarm = Alarm("risk/s/0", AlarmState.UNACK, Priority.MEDIUM, event, S, S)
    notice = Notice("risk/s/0/1", "s", "en", "t", "x", alarm)
    p.outlook.foretold = lambda forecast: ([notice], [Document("risk", "s/0", b"1")])
    await p.outlook.keep(Forecast("R1", S, (S,), (), (), None, ModelRef("m", "1", "0" * 12)))
    assert ledger.documents("risk") == {"s/0": b"1"}
    assert [each.notice.key for each in ledger.due(S)] == ["risk/s/0/1"]
    assert p.due.is_set()


def _of_batch(name: str, start_s: float) -> Line:
    return replace(LINE, vessels=(replace(LINE.vessels[0], batch=Batch(name, int(start_s * S))),))


@pytest.mark.parametrize(("seen", "state"), [(False, AlarmState.RTN_UNACK), (True, AlarmState.NORMAL)])
async def test_a_new_batch_closes_what_the_former_one_left_standing(ledger, seen, state) -> None:
    store = MemoryHistorian()
    first = pipeline(store, ledger, _of_batch("B-1", 0.0))
    await first.process([Delivery(tuple(reading(30 * i, 9.0) for i in range(10)))])
    await first.process([Delivery(links=(LinkChange("ua", False, "away", 300 * S),))])
    (high,) = (a for a in ledger.alarms() if a.event.kind is Kind.LIMIT)
    if seen:
        await first.move(high.id, Trigger.ACKNOWLEDGE, Actor("ann", Role.OPERATOR))
    await first.save(_of_batch("B-1", 0.0))

    same = pipeline(store, ledger, _of_batch("B-1", 0.0))
    await same.recover(_of_batch("B-1", 0.0))
    assert same.engine.alarms.alarms[high.id].active, "the same batch goes on"

    line = _of_batch("B-2", 1000.0)
    again = pipeline(store, ledger, line)
    await again.recover(line)
    found = again.engine.alarms.alarms[high.id]
    assert (found.active, found.state) == (False, state)
    closing = [e for _, e in ledger.events() if e.stage is Stage.CLOSED]
    assert [(e.t, e.evidence) for e in closing] == [(1000 * S, ("new_batch",))]
    assert [a.event.kind for a in ledger.alarms() if a.active] == [Kind.LINK], "links are of no batch"

    rows = tuple(reading(1000 + 30 * i, 9.0) for i in range(1, 11))
    await again.process([Delivery(rows)])
    found = again.engine.alarms.alarms[high.id]
    assert (found.active, found.state) == (True, AlarmState.UNACK), "what still is so calls again"
    assert found.raised_ns > 1000 * S


async def test_after_a_restart_viewers_see_the_newest_stored_value_of_each_tag(ledger) -> None:
    store = MemoryHistorian()
    await pipeline(store, ledger).process([Delivery((reading(10, 7.0), reading(20, 7.2)))])
    again = pipeline(store, ledger)
    assert await again.newest() == {"R1.pH": 20 * S}
    assert [m.value for m in again.hub.latest().measurements] == [7.2]
    await again.process([Delivery((reading(15, 7.1),))])
    assert [m.value for m in again.hub.latest().measurements] == [7.2], (
        "an older one that comes later is no newer"
    )
