"""Values that fill a hole are lived through again, and what the hole hid is found and told as late."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from test_culture import HOUR, T0, confirmed, follow, new_twin, recorded, vessel

from twin.domain.asset import Line, Origin
from twin.domain.event import Event, Kind, Stage
from twin.domain.frame import Frame
from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Limits, Tag, TagKind
from twin.engine.core import Engine
from twin.engine.culture import CultureTwin
from twin.engine.late import LateValues

DRIFT = {"kind": "pH_drift", "at_h": 10.0, "size": -0.02}
HOLE_H = (9.0, 19.0)


@pytest.fixture(scope="module")
def drifting() -> list[Frame]:
    return recorded(22.0, 5041, DRIFT)[0]


def hidden(frame: Frame) -> bool:
    return HOLE_H[0] * HOUR < frame.end_ns - T0 <= HOLE_H[1] * HOUR


def through_a_hole(twin: CultureTwin, rows: list[Frame]) -> list[Event]:
    """The hole is stepped through empty, then filled, then the rest comes."""
    before = [f if not hidden(f) else replace(f, values={}, assays=()) for f in rows]
    end = max(k for k, f in enumerate(rows) if hidden(f)) + 1
    events = follow(twin, before[:end])[1]
    assert confirmed(events) == []
    events += twin.revise([f for f in rows if hidden(f)])[1]
    return events + follow(twin, rows[end:])[1]


def test_UA_08_D_02_a_drift_that_began_in_a_hole_is_found_as_if_there_had_been_none(
    drifting: list[Frame],
) -> None:
    rows = [replace(f, assays=()) for f in drifting]
    prompt, filled = new_twin(), new_twin()
    told = confirmed(follow(prompt, rows)[1])
    late = confirmed(through_a_hole(filled, rows))
    assert [(e.condition, e.t, e.since) for e in late] == [(e.condition, e.t, e.since) for e in told]
    assert HOLE_H[0] < (late[0].t - T0) / HOUR < HOLE_H[1]
    assert filled._mind is not None
    assert prompt._mind is not None
    np.testing.assert_allclose(filled._mind.belief.mean, prompt._mind.belief.mean, rtol=1e-9)
    np.testing.assert_allclose(filled._mind.belief.cov, prompt._mind.belief.cov, rtol=1e-6, atol=1e-12)


def measurements(rows: list[Frame]) -> Iterator[Measurement]:
    for f in rows:
        for name, value in f.values.items():
            time = f.end_ns - 1_000_000_000
            yield Measurement(f"R1.{name}", value.mean, Quality.GOOD, time, time, source="ua")


def test_UA_08_a_finding_from_a_filled_hole_says_how_late_it_is(drifting: list[Frame]) -> None:
    one = vessel()
    names = {name for f in drifting for name in f.values} - {t.name for t in one.tags}
    given = tuple(Tag("R1", name, "", "", -1e9, 1e9, 1.0, kind=TagKind.SETPOINT) for name in sorted(names))
    line = Line("l", {}, "", Origin.SIMULATED, (replace(one, tags=one.tags + given),))
    engine = Engine(line, lambda v: new_twin())
    rows = [f for f in drifting if f.end_ns - T0 <= 21 * HOUR]
    first = [f for f in rows if not hidden(f) and f.end_ns - T0 < HOLE_H[1] * HOUR]
    hole = list(measurements([f for f in rows if hidden(f)]))
    engine.handle(list(measurements(first)))
    engine.tick(T0 + int(HOLE_H[1] * HOUR))
    assert all(m.late for m in engine.marked(hole))
    found: list[Event] = []
    for start in range(0, len(hole), 997):
        out = engine.handle(engine.marked(hole[start : start + 997]))
        assert out.late
        found += out.events
    found += engine.handle(list(measurements([f for f in rows if f.end_ns - T0 > HOLE_H[1] * HOUR]))).events
    told = [e for e in found if e.kind is Kind.DRIFT and e.stage is Stage.CONFIRMED]
    assert [e.detail["code"] for e in told] == ["ph_probe_drift"]
    now_ns = T0 + int(HOLE_H[1] * HOUR)
    assert told[0].t < now_ns
    assert told[0].detail["late_s"] == pytest.approx((now_ns - told[0].t) / 1e9, abs=600)


def test_a_limit_passed_in_a_hole_is_told_late() -> None:
    one = vessel()
    tags = tuple(replace(t, limits=Limits(high=7.5)) if t.name == "pH" else t for t in one.tags)
    line = Line("l", {}, "", Origin.SIMULATED, (replace(one, tags=tags),))
    engine = Engine(line, lambda v: None, grace_s=0.0)

    def at(minute: float, value: float) -> Measurement:
        time = T0 + int(minute * 60e9)
        return Measurement("R1.pH", value, Quality.GOOD, time, time, source="ua")

    engine.handle([at(m, 7.0 + 0.001 * m) for m in range(10)])
    engine.tick(T0 + 60 * 60 * 1_000_000_000)
    late = [at(m, 7.8 + 0.001 * m if 20 <= m < 40 else 7.0) for m in range(10, 60)]
    found = engine.handle(late).events + engine.handle([at(61, 7.0), at(63, 7.0)]).events
    told = [e for e in found if e.kind is Kind.LIMIT]
    assert [e.stage for e in told] == [Stage.CONFIRMED, Stage.CLOSED]
    assert [round((e.t - T0) / 60e9) for e in told] == [23, 40]
    assert told[0].detail["late_s"] > 30 * 60


def test_late_values_of_one_frame_wait_for_each_other() -> None:
    book = LateValues(60)

    def m(time: int) -> Measurement:
        return Measurement("a.b", 1.0, Quality.GOOD, time, time)

    for time in (61, 100, 121):
        book.add(m(time))
    assert [(end, len(rows)) for end, rows in book.take()] == [(120, 2)]
    assert book.oldest_ns() == 121
    book.add(m(130))
    assert book.take() == []
    assert [(end, len(rows)) for end, rows in book.take()] == [(180, 2)]
    assert book.oldest_ns() is None


def test_what_is_older_than_all_memory_is_named_not_used(drifting: list[Frame]) -> None:
    twin = new_twin()
    follow(twin, drifting[10:60])
    estimates, events = twin.revise(drifting[:3])
    assert estimates == []
    assert [e.detail["code"] for e in events] == ["values_too_late"]
