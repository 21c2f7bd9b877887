"""Values that come with old times: no silence is found while they come, and the silence after them is."""

from pathlib import Path

import pytest
from clocks import StillClock

from connectors.historians.memory import MemoryHistorian
from connectors.ledgers.sqlite import SqliteLedger
from twin.domain.asset import Line, Origin, Vessel
from twin.domain.event import Kind
from twin.domain.measurement import Measurement, Quality, Reading
from twin.domain.tag import Tag
from twin.engine.core import Engine
from twin.engine.tagbook import TagBook, TimeWindow
from twin.ports import Delivery
from twin.runtime.health import Health
from twin.runtime.hub import Hub
from twin.runtime.pipeline import Pipeline

S = 1_000_000_000
TAGS = [Tag(v, "pH", "pH", "1", 0.0, 14.0, 0.02, silence_s=300.0) for v in ("R1", "R2")]
LINE = Line("l", {}, "", Origin.PLANT, tuple(Vessel(t.asset, {}, (t,)) for t in TAGS))
WEEK = 604_800


@pytest.fixture
def ledger(tmp_path: Path):
    opened = SqliteLedger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def rows(vessel: str, first_s: int, count: int, came_s: int) -> Delivery:
    times = ((first_s + 60 * k) * S for k in range(count))
    return Delivery(tuple(Reading("http", f"{vessel}.pH", 7.0, Quality.GOOD, t, came_s * S) for t in times))


async def test_a_batch_of_last_week_is_no_silence_while_it_comes_and_one_afterwards(ledger) -> None:
    clock = StillClock()
    engine = Engine(LINE, lambda v: None, 5.0)
    flow = Pipeline(
        TagBook(LINE.tags()), engine, MemoryHistorian(), ledger, Hub(clock), Health(), clock,
        lambda alarm: [], lambda: TimeWindow(0, 10**9 * S),
    )  # fmt: skip

    def lost() -> list[tuple[str, int]]:
        return [(e.asset, e.t // S) for _, e in ledger.events() if e.kind is Kind.SIGNAL_LOST]

    async def tick(now_s: int) -> None:
        clock.time_ns = now_s * S
        await flow.tick((now_s - 120) * S)

    now_s = WEEK
    for part in range(5):  # ten hours of R1, two seconds apart; R2 speaks now
        now_s += 2
        await flow.process([rows("R1", 7200 * part, 120, now_s), rows("R2", now_s, 1, now_s)])
        await tick(now_s)
    assert lost() == []
    await tick(now_s + 1000)
    newest_s = 7200 * 5 - 60
    found = dict(lost())
    assert newest_s + 300 <= found["R1"] <= newest_s + 300 + 180, "since the newest value, not the week after"
    assert found["R2"] >= now_s + 300


def test_a_restart_does_not_forget_that_values_are_behind() -> None:
    def engine() -> Engine:
        return Engine(LINE, lambda v: None, 5.0)

    first, now_s = engine(), WEEK
    book, window = TagBook(LINE.tags()), TimeWindow(0, 10**9 * S)
    first.handle([m for r in rows("R1", 0, 120, now_s).readings if (m := _measured(book, r, window))])
    again = engine()
    again.restore(first.snapshot(), [])
    for each in (first, again):
        assert each.tick((now_s - 118) * S).events == []
    assert [e.kind for e in again.tick((now_s + 1000) * S).events if e.asset == "R1"] == [Kind.SIGNAL_LOST]


def _measured(book: TagBook, reading: Reading, window: TimeWindow) -> Measurement:
    found = book.measure(reading, window)
    assert isinstance(found, Measurement)
    return found
