"""Checks: what is found of a frame does not depend on how much of it was judged before it closed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.domain.asset import Line, Origin, Vessel
from twin.domain.event import Event, Kind, Stage
from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Limits, Tag
from twin.engine.checks import Checks
from twin.engine.core import Engine, Outputs

S = 1_000_000_000
TAGS = (
    Tag("R1", "pH", "pH", "1", 0.0, 14.0, 0.02, limits=Limits(high=8.0), deadband=0.1, silence_s=120.0),
    Tag("R1", "pO2", "pO2", "%", 0.0, 200.0, 1.0, limits=Limits(low=20.0), deadband=1.0, silence_s=120.0),
)


def row(t: int, value: float, tag: str = "R1.pH") -> Measurement:
    return Measurement(tag, value, Quality.GOOD, t * S, t * S, source=tag)


def told(parts: list[list[Measurement]], grace_s: float, kill_after: int | None = None) -> list[Event]:
    """Events of a vessel without a model that gets these batches, restored from its snapshot after one."""
    line = Line("l", {}, "", Origin.SIMULATED, (Vessel("R1", {}, TAGS),))
    engine = Engine(line, lambda v: None, grace_s)
    out = Outputs()
    given_in: list[Measurement] = []
    for number, part in enumerate(parts):
        given_in += part
        out.events += engine.handle(part).events
        if number == kill_after:
            state = engine.snapshot()
            engine = Engine(line, lambda v: None, grace_s)
            engine.restore(state, [])
            from_ns = engine.vessels["R1"].resume_ns() or 0
            out.events += engine.handle([m for m in given_in if m.time_ns >= from_ns]).events
    return in_order(out.events + engine.finish().events)


def in_order(events: list[Event]) -> list[Event]:
    """What was told, each once; a snapshot may have it told again with the same identity."""
    return sorted({(e.t, e.condition, e.stage): e for e in events}.values(), key=lambda e: (e.t, e.condition))


def standing(events: list[Event]) -> set[str]:
    """Conditions that stand in the end."""
    last = {e.condition: e.stage for e in events if e.kind is Kind.LIMIT}
    return {condition for condition, stage in last.items() if stage is not Stage.CLOSED}


def run(seed_levels: list[int]) -> list[Measurement]:
    """A signal that leaves its limit, stands at its rail and comes back, second by second."""
    levels = [9.0 if level > 7 else 14.0 if level > 6 else 7.0 + 0.01 * level for level in seed_levels]
    ph = [row(10 * k + 1, v + 0.001 * (k % 5)) for k, v in enumerate(levels)]
    po2 = [row(10 * k + 4, 2.0 * v if v > 8 else 50.0 + v, "R1.pO2") for k, v in enumerate(levels)]
    return sorted(ph + po2, key=lambda m: m.time_ns)


LEVELS = st.lists(st.integers(0, 9), min_size=10, max_size=80)
SIZES = st.lists(st.integers(1, 7), min_size=1, max_size=60)


def batches(rows: list[Measurement], sizes: list[int]) -> list[list[Measurement]]:
    found, at = [], 0
    for size in sizes:
        found.append(rows[at : at + size])
        at += size
    return [*found, rows[at:]]


@given(LEVELS, SIZES, st.integers(0, 60))
def test_D_02_judging_ahead_finds_what_judging_at_the_end_finds(levels, sizes, kill) -> None:
    rows = run(levels)
    whole = told([rows], 5.0)
    assert told(batches(rows, sizes), 5.0) == whole
    assert told(batches(rows, sizes), 5.0, kill_after=min(kill, len(sizes))) == whole


@given(LEVELS, SIZES, st.randoms())
def test_D_02_disorder_within_a_frame_is_judged_in_order(levels, sizes, random) -> None:
    rows = run(levels)
    shuffled = sorted(rows, key=lambda m: m.time_ns + random.randrange(0, 40) * S)
    mixed, whole = told(batches(shuffled, sizes), 60.0), told([rows], 60.0)
    assert [e for e in mixed if e.kind is not Kind.LIMIT] == [e for e in whole if e.kind is not Kind.LIMIT]
    assert standing(mixed) == standing(whole)


def test_a_limit_is_told_when_it_is_passed_whatever_other_wires_do() -> None:
    line = Line("l", {}, "", Origin.SIMULATED, (Vessel("R1", {}, TAGS),))
    engine = Engine(line, lambda v: None, 5.0)
    engine.handle([row(1, 7.0), row(1, 50.0, "R1.pO2")])
    told = [
        (t, event)
        for t in range(2, 400, 2)
        for event in engine.handle([row(t, 9.0 if t > 130 else 7.0 + 0.001 * (t % 3))]).events
        if event.kind is Kind.LIMIT and event.tag == "R1.pH"
    ]  # pO2 speaks no more
    assert [(t, event.t // S) for t, event in told] == [(316, 316)], "believed since 136, on-delay 180 s"


def test_what_was_told_ahead_and_is_not_so_is_taken_back() -> None:
    line = Line("l", {}, "", Origin.SIMULATED, (Vessel("R1", {}, (replace(TAGS[0], on_delay_s=10.0),)),))
    engine = Engine(line, lambda v: None, 5.0)
    engine.handle([row(1, 7.0)])
    (told_first,) = engine.handle([row(t, 9.0) for t in (5, 10, 16)]).events
    events = engine.handle([row(12, 7.0), row(20, 7.0), row(70, 7.0)]).events
    assert (told_first.stage, standing([told_first, *events])) == (Stage.CONFIRMED, set())


def test_the_signals_of_the_test_do_find_something() -> None:
    kinds = {e.kind for e in told([run([0] * 20 + [9] * 30 + [0] * 20 + [7] * 10)], 5.0)}
    assert Kind.LIMIT in kinds


def test_values_of_an_open_frame_are_judged_before_it_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = Checks(TAGS)
    rows = [row(k, 7.0 + 0.01 * (k % 3)) for k in range(1, 50)]
    checks.ahead(rows)
    judged: list[Measurement] = []
    known = checks.signals["R1.pH"].update
    monkeypatch.setattr(checks.signals["R1.pH"], "update", lambda m: (judged.append(m), known(m))[1])
    checked, _ = checks.frame(60 * S, [*rows, row(55, 7.0)])
    assert len(checked) == 50
    assert [m.time_ns for m in judged] == [55 * S]
