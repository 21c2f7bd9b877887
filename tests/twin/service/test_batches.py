"""Which batches a line has run: as planned, harvested early, or ended because the next began."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clocks import StillClock

from connectors.ledgers.sqlite import SqliteLedger
from twin.domain.asset import Line
from twin.domain.batch import Batch, Stored
from twin.domain.errors import ConfigError, InputError
from twin.domain.event import Event, Kind, Stage
from twin.domain.measurement import Quality, Reading
from twin.domain.people import Actor, Role
from twin.domain.phase import Phases
from twin.ports import Delivery
from twin.service.app import open_service
from twin.service.batches import BatchLog
from twin.service.build import load_line
from twin.service.settings import Settings

HOUR = 3_600_000_000_000
OLGA = Actor("olga", Role.OPERATOR, "test")
START = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
LINE = """
schema: 1
line: l1
vessels:
  - id: R1
    batch: {id: A, start: 2026-01-01T00:00:00Z, duration_h: 100}
    phases: {tag: step, names: {1: grow, 2: harvest, 3: cip}}
    tags:
      - {name: pH, quantity: pH, unit: "1", low: 0, high: 14, accuracy: 0.02}
      - {name: step, quantity: count, unit: "1", low: 0, high: 9, accuracy: 0.1, kind: setpoint}
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = SqliteLedger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def line(tmp_path: Path) -> Line:
    path = tmp_path / "line.yaml"
    path.write_text(LINE)
    return load_line(path)[1]


def with_batch(line: Line, name: str, start_ns: int, **more: object) -> Line:
    batch = Batch(name, start_ns, duration_h=100.0)
    return replace(line, vessels=(replace(line.vessels[0], batch=batch, **more),))


def phase(name: str, at_h: float) -> Event:
    t = START + round(at_h * HOUR)
    detail = {"phase": name}
    return Event(t, Kind.PHASE, "R1", Stage.CONFIRMED, f"R1/phase/{t}", since=t, detail=detail)


def told(found: list[Stored]) -> list[tuple[str, float, float | None, bool]]:
    """Name, hours of values, hour of the end, and whether it was early."""
    ends = [None if b.ended_ns is None else (b.ended_ns - START) / HOUR for b in found]
    return [(b.batch.id, (b.end_ns - START) / HOUR, end, b.early) for b, end in zip(found, ends, strict=True)]


def noted(ledger: SqliteLedger, line: Line, now_h: float) -> BatchLog:
    log = BatchLog(ledger, line)
    log.note(START + round(now_h * HOUR))
    return log


def test_a_batch_ends_as_planned_and_its_values_are_looked_for_a_while_longer(ledger, line) -> None:
    log = noted(ledger, line, 0.0)
    assert told(log.look(START + 90 * HOUR)) == [("A", 90.0, None, False)]
    assert told(log.look(START + 110 * HOUR)) == [("A", 110.0, 100.0, False)]
    assert told(log.look(START + 900 * HOUR)) == [("A", 148.0, 100.0, False)]


def test_a_harvest_before_the_plan_ends_it(ledger, line) -> None:
    log = noted(ledger, line, 0.0)
    ledger.commit([phase("grow", 1.0)])
    assert told(log.look(START + 70 * HOUR)) == [("A", 70.0, None, False)]
    ledger.commit([phase("harvest", 72.5), phase("cip", 75.0), phase("harvest", 80.0)])
    assert told(log.look(START + 90 * HOUR)) == [("A", 72.5, 72.5, True)]
    again = noted(ledger, line, 95.0)
    assert told(again.look(START + 200 * HOUR)) == [("A", 72.5, 72.5, True)], "known after a restart"


def test_the_phases_that_end_a_batch_are_those_of_the_line_file(ledger, line) -> None:
    phases = Phases("step", {1: "grow", 2: "harvest", 3: "cip"}, ends=("cip",))
    log = noted(ledger, with_batch(line, "A", START, phases=phases), 0.0)
    ledger.commit([phase("harvest", 72.5), phase("cip", 75.0)])
    assert told(log.look(START + 90 * HOUR)) == [("A", 75.0, 75.0, True)]


def test_the_next_batch_ends_the_one_before_and_a_harvest_is_of_the_newest(ledger, line) -> None:
    noted(ledger, line, 0.0)
    log = noted(ledger, with_batch(line, "B", START + 60 * HOUR), 61.0)
    ledger.commit([phase("harvest", 80.0)])
    assert told(log.look(START + 90 * HOUR)) == [("B", 80.0, 80.0, True), ("A", 60.0, 60.0, True)]


def test_the_harvest_of_the_batch_before_does_not_end_the_next(ledger, line) -> None:
    noted(ledger, line, 0.0)
    log = noted(ledger, with_batch(line, "B", START + 60 * HOUR), 61.0)
    ledger.commit([phase("harvest", 59.0), phase("grow", 62.0)])
    assert told(log.look(START + 90 * HOUR)) == [("B", 90.0, None, False), ("A", 59.0, 59.0, True)]


def test_a_batch_whose_start_is_put_right_runs_again(ledger, line) -> None:
    noted(ledger, line, 0.0)
    ledger.commit([phase("harvest", 2.0)])
    BatchLog(ledger, line).look(START + 3 * HOUR)
    log = noted(ledger, with_batch(line, "A", START + 4 * HOUR), 5.0)
    assert told(log.look(START + 6 * HOUR)) == [("A", 6.0, None, False)]


def test_a_vessel_that_the_line_has_no_more_is_not_told(ledger, line) -> None:
    noted(ledger, line, 0.0)
    other = replace(line, vessels=(replace(line.vessels[0], id="R2", batch=None),))
    assert BatchLog(ledger, other).look(START + HOUR) == []


def test_an_end_that_is_no_phase_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "line.yaml"
    path.write_text(LINE.replace("3: cip}}", "3: cip}, ends: [sip]}"))
    with pytest.raises(ConfigError, match="'sip' is none of its phases; there are cip, grow, harvest"):
        load_line(path)
    path.write_text(LINE.replace("3: cip}}", "3: cip}, ends: [cip]}"))
    assert load_line(path)[1].vessels[0].phases.ends == ("cip",)


def test_a_person_says_that_it_has_ended_and_that_is_in_the_trail(ledger, line) -> None:
    log = noted(ledger, line, 0.0)
    now_ns = START + 50 * HOUR
    for at_ns, why, said in (
        (START, "contaminated", "will not do as the end of A"),
        (now_ns + 1, "contaminated", "will not do as the end of A"),
        (None, " ", "Say why"),
    ):
        with pytest.raises(InputError, match=said):
            log.end("R1", at_ns, now_ns, OLGA, why)
    with pytest.raises(InputError, match="No batch runs on R9"):
        log.end("R9", None, now_ns, OLGA, "contaminated")
    assert ledger.trail() == []
    assert log.early(now_ns) == {}
    made = log.end("R1", now_ns - HOUR, now_ns, OLGA, "contaminated")
    assert told([made]) == [("A", 49.0, 49.0, True)]
    assert told(log.look(START + 60 * HOUR)) == [("A", 49.0, 49.0, True)]
    assert log.early(now_ns) == {"R1": now_ns - HOUR}
    (entry,) = ledger.trail()
    done = entry.deed
    assert (done.action, done.subject, done.who, done.role, done.new, done.why) == (
        "batch.end", "R1/A", "olga", "operator", "2026-01-03T01:00:00.000Z", "contaminated",
    )  # fmt: skip
    with pytest.raises(InputError, match="No batch runs on R1; A ended 2026-01-03T01:00"):
        log.end("R1", None, now_ns, OLGA, "again")


async def test_the_running_service_notices_an_early_harvest_by_what_the_plant_tells(tmp_path: Path) -> None:
    path = tmp_path / "line.yaml"
    path.write_text(LINE)
    clock = StillClock(START)
    async with open_service(*load_line(path), Settings(data_dir=tmp_path / "data"), clock) as service:
        for minute in range(180):
            t = START + minute * 60_000_000_000
            clock.time_ns = t
            rows = [
                Reading("plc", "R1.pH", 7.0 + minute % 3 / 100, Quality.GOOD, t, t),
                Reading("plc", "R1.step", 1.0 if minute < 90 else 2.0, Quality.GOOD, t, t),
            ]
            await service.pipeline.process([Delivery(tuple(rows))])
        (found,) = service.batches.look(clock.time_ns)
    assert found.early
    assert found.ended_ns == START + 90 * 60_000_000_000
