"""Signal watches on made-up signals: every finding is known beforehand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Tag, TagKind
from twin.monitors.signals import SignalWatch

MINUTE = 60 * 10**9
PH = Tag("V1", "pH", "pH", "1", 2.0, 12.0, 0.01)
PO2 = Tag("V1", "pO2", "pO2", "%", 0.0, 150.0, 0.5)
FLOW = Tag("V1", "flow_O2", "gas flow", "L/min", 0.0, 5.0, 0.02)


def watched(tag, values, watch=None, start=0, quality=Quality.GOOD):
    watch = watch or SignalWatch(tag)
    rows: list[Measurement] = []
    events: list[Event] = []
    for i, value in enumerate(values):
        t = (start + i) * MINUTE
        row, found = watch.update(Measurement(tag.id, float(value), quality, t, t))
        rows.append(row)
        events += found
    return watch, rows, events


def ph_like(n, seed=1, level=7.0, sd=0.008):
    return np.round(level + sd * np.random.default_rng(seed).standard_normal(n), 2)


def po2_like(n, seed=1, level=40.0, sd=0.6):
    return np.round(level + sd * np.random.default_rng(seed).standard_normal(n), 2)


def kinds(events, stage=None):
    return [e.kind for e in events if stage is None or e.stage is stage]


def test_a_healthy_signal_raises_nothing_and_stays_good():
    for tag, values in ((PH, ph_like(5000)), (PO2, po2_like(5000))):
        _, rows, events = watched(tag, values)
        assert events == []
        assert sum(m.quality is not Quality.GOOD for m in rows) <= 5


def test_frozen_is_found_within_half_an_hour_and_ends_with_the_first_change():
    values = np.concatenate([ph_like(600), np.full(90, 7.01), ph_like(60, seed=2)])
    _, rows, events = watched(PH, values)
    frozen = [e for e in events if e.kind is Kind.FROZEN]
    assert [e.stage for e in frozen] == [Stage.CONFIRMED, Stage.CLOSED]
    assert 600 * MINUTE + 15 * MINUTE - 3 * MINUTE <= frozen[0].t <= 630 * MINUTE
    assert abs(frozen[0].since - 600 * MINUTE) <= 5 * MINUTE
    assert frozen[0].verdict is Verdict.SENSOR
    assert {m.quality for m in rows[632:690]} == {Quality.BAD}
    assert rows[-1].quality is Quality.GOOD


def test_a_coarse_display_that_repeats_by_nature_is_not_frozen():
    slow = np.round(37.0 + 0.3 * np.sin(np.arange(6000) / 300), 1)
    assert max(len(list(run)) for run in np.split(slow, np.flatnonzero(np.diff(slow)) + 1)) > 60
    tag = Tag("V1", "temperature", "temperature", "Cel", 0.0, 60.0, 0.03)
    _, _, events = watched(tag, slow)
    assert kinds(events) == []


def test_a_standstill_that_ends_by_one_step_is_allowed_from_then_on():
    quiet = np.concatenate([ph_like(600), *([7.0] * 100 + [7.01] for _ in range(20))])
    _, _, events = watched(PH, quiet)
    assert kinds(events) == [Kind.FROZEN, Kind.FROZEN]


def test_a_valve_at_rest_is_neither_frozen_nor_dead():
    _, rows, events = watched(FLOW, [0.0] * 3000 + [5.0] * 500 + [0.7] * 500)
    assert events == []
    assert {m.quality for m in rows} == {Quality.GOOD}


def test_isolated_spikes_are_bad_counted_and_gathered_in_one_condition():
    values = po2_like(1000)
    at = [300, 340, 341, 400]
    values[at] = 80.0
    _, rows, events = watched(PO2, values)
    assert [i for i, m in enumerate(rows) if m.quality is Quality.BAD] == at
    assert [(e.kind, e.stage) for e in events] == [
        (Kind.SPIKE, Stage.SUSPECTED),
        (Kind.SPIKE, Stage.CONFIRMED),
        (Kind.SPIKE, Stage.CLOSED),
    ]
    assert len({e.condition for e in events}) == 1
    assert events[-1].detail["count"] == len(at)
    assert events[-1].size == pytest.approx(40.0, abs=3.0)


def test_a_step_and_a_ramp_are_not_spikes():
    values = po2_like(900)
    values[300:] += 35.0
    values[600:620] += np.linspace(0.0, 50.0, 20)
    values[620:] += 50.0
    _, rows, events = watched(PO2, values)
    assert Kind.SPIKE not in kinds(events)
    assert sum(m.quality is Quality.BAD for m in rows) <= 8


def test_zeros_out_of_nowhere_are_dead_by_the_sensor():
    values = po2_like(400)
    values[200:230] = 0.0
    _, rows, events = watched(PO2, values)
    assert {m.quality for m in rows[200:230]} == {Quality.BAD}
    assert [(e.kind, e.stage) for e in events] == [
        (Kind.DEAD, Stage.SUSPECTED),
        (Kind.DEAD, Stage.CONFIRMED),
        (Kind.DEAD, Stage.CLOSED),
    ]
    assert events[1].verdict is Verdict.SENSOR
    assert events[1].since == 200 * MINUTE
    assert events[-1].detail["count"] == 30


def test_a_probe_is_doubted_while_a_finding_about_its_values_stands_beyond_a_suspicion():
    watch, _, _ = watched(PO2, po2_like(200))
    assert not watch.doubted
    watched(PO2, [80.0, 40.0], watch, start=200)
    assert not watch.doubted, "one spike is a suspicion"
    watched(PO2, [80.0, 40.0], watch, start=202)
    assert watch.doubted
    watch.tick(10_000 * MINUTE)
    assert watch.silence.condition.open
    assert not watch.doubted


def test_zeros_that_were_approached_are_uncertain_and_nobody_is_blamed():
    fall = np.concatenate([po2_like(200), 40.0 * 0.7 ** np.arange(1, 20), np.zeros(40)])
    _, rows, events = watched(PO2, np.round(fall, 2))
    assert {m.quality for m in rows[-40:]} == {Quality.UNCERTAIN}
    dead = [e for e in events if e.kind is Kind.DEAD]
    assert [e.stage for e in dead] == [Stage.SUSPECTED, Stage.CONFIRMED]
    assert dead[1].verdict is Verdict.UNKNOWN
    assert dead[1].t - dead[1].since == 15 * MINUTE


def test_zeros_from_the_first_value_on_are_dead():
    _, rows, events = watched(PO2, [0.0] * 30)
    assert {m.quality for m in rows} == {Quality.BAD}
    assert kinds(events, Stage.CONFIRMED) == [Kind.DEAD]
    assert events[0].since == 0


def test_constants_beyond_the_range_are_dead_though_they_came_as_bad():
    watch, _, _ = watched(PH, ph_like(100))
    _, rows, events = watched(PH, [14.0] * 5, watch, start=100, quality=Quality.BAD)
    assert kinds(events, Stage.CONFIRMED) == [Kind.DEAD]
    assert {m.quality for m in rows} == {Quality.BAD}


def test_silence_is_told_once_and_the_return_tells_the_gap():
    watch, _, _ = watched(PH, ph_like(100))
    told = [e for now in range(100, 130) for e in watch.tick(now * MINUTE)]
    assert kinds(told) == [Kind.SIGNAL_LOST]
    assert told[0].since == 99 * MINUTE
    _, _, events = watched(PH, [7.0], watch, start=130)
    assert [(e.kind, e.stage) for e in events] == [
        (Kind.SIGNAL_LOST, Stage.CLOSED),
        (Kind.GAP, Stage.CONFIRMED),
    ]
    assert events[0].condition == told[0].condition
    assert (events[1].since, events[1].t) == (99 * MINUTE, 130 * MINUTE)
    assert events[1].detail["expected"] == 30


def test_a_channel_slower_than_its_tag_says_is_judged_by_its_own_pace():
    watch, _, _ = watched(PH, ph_like(10))
    told = []
    for hour in range(1, 50):
        _, _, events = watched(PH, [7.0 + 0.01 * (hour % 3)], watch, start=60 * hour)
        told += events + watch.tick((60 * hour + 59) * MINUTE)
    assert kinds(told).count(Kind.GAP) == 4
    assert told[-1].t < 6 * 60 * MINUTE
    lost = [e for now in range(49, 55) for e in watch.tick(60 * now * MINUTE)]
    assert [(e.kind, e.stage) for e in lost] == [(Kind.SIGNAL_LOST, Stage.CONFIRMED)]
    watched(PH, ph_like(10), watch, start=60 * 55)
    told = [e for now in range(30) for e in watch.tick((60 * 55 + 9 + now) * MINUTE)]
    assert kinds(told) == [Kind.SIGNAL_LOST], "back at its pace, it is silent as early as before"


def test_a_channel_never_heard_of_is_silent():
    watch = SignalWatch(PH)
    told = [e for now in range(30) for e in watch.tick(now * MINUTE)]
    assert kinds(told) == [Kind.SIGNAL_LOST]
    assert told[0].causes[0].code == "never_heard"


def test_a_source_that_only_says_bad_is_silent():
    watch = SignalWatch(PH)
    told = []
    for i in range(30):
        told += watch.update(Measurement(PH.id, 7.0, Quality.BAD, i * MINUTE, i * MINUTE))[1]
        told += watch.tick(i * MINUTE)
    assert kinds(told) == [Kind.SIGNAL_LOST]


@pytest.mark.parametrize(("sd", "code"), [(6.0, "scatter_burst"), (0.03, "scatter_collapse")])
def test_noise_burst_and_collapse_are_told_against_the_channels_own_history(sd, code):
    fine = Tag("V1", "pO2", "pO2", "%", 0.0, 150.0, 0.05)
    values = np.concatenate([po2_like(900), po2_like(200, seed=3, sd=sd), po2_like(200, seed=4)])
    _, _, events = watched(fine, values)
    noise = [e for e in events if e.kind is Kind.NOISE]
    assert [e.stage for e in noise] == [Stage.CONFIRMED, Stage.CLOSED]
    assert noise[0].causes[0].code == code
    assert 900 * MINUTE < noise[0].t <= 1000 * MINUTE


@pytest.mark.parametrize("kind", [TagKind.SETPOINT, TagKind.ASSAY])
def test_set_points_and_assays_pass_unjudged(kind):
    tag = Tag("V1", "x", "pH", "1", 2.0, 12.0, 0.01, kind=kind)
    watch, rows, events = watched(tag, [7.0] * 100 + [0.0] * 10)
    assert events == []
    assert watch.tick(10**6 * MINUTE) == []
    assert {m.quality for m in rows} == {Quality.GOOD}


def test_what_is_old_late_or_empty_changes_nothing():
    watch, _, _ = watched(PH, ph_like(50))
    before = watch.snapshot()
    for row in (
        Measurement(PH.id, 0.0, Quality.GOOD, 10 * MINUTE, 0),
        Measurement(PH.id, 0.0, Quality.GOOD, 99 * MINUTE, 0, late=True),
        Measurement(PH.id, None, Quality.BAD, 99 * MINUTE, 0),
    ):
        assert watch.update(row) == (row, [])
    assert watch.snapshot() == before


VALUES = st.lists(
    st.sampled_from([0.0, 7.0, 7.01, 7.02, 6.99, 9.5, 2.0, 14.0, 40.0, 40.5, 41.0, 150.0]), max_size=400
)


@settings(max_examples=60, deadline=None)
@given(values=VALUES, cut=st.integers(0, 400), tag=st.sampled_from([PH, PO2, FLOW]))
def test_a_restored_watch_goes_on_as_if_nothing_had_happened(values, cut, tag):
    _, rows, events = watched(tag, values)
    first, rows_a, events_a = watched(tag, values[:cut])
    second = SignalWatch(tag)
    second.restore(json.loads(json.dumps(first.snapshot())))
    _, rows_b, events_b = watched(tag, values[cut:], second, start=min(cut, len(values)))
    assert rows_a + rows_b == rows
    assert events_a + events_b == events


@settings(max_examples=60, deadline=None)
@given(values=VALUES, ticks=st.sets(st.integers(0, 399)), tag=st.sampled_from([PH, PO2]))
def test_at_most_one_condition_of_a_kind_stands_and_quality_never_rises(values, ticks, tag):
    watch = SignalWatch(tag)
    standing: dict[Kind, str] = {}
    for i, value in enumerate(values):
        row, found = watch.update(Measurement(tag.id, value, Quality.UNCERTAIN, i * MINUTE, 0))
        assert row.quality <= Quality.UNCERTAIN
        assert row.value == value
        for e in [*found, *(watch.tick(i * MINUTE) if i in ticks else [])]:
            if e.kind is Kind.GAP:
                continue
            assert e.since <= e.t
            assert standing.setdefault(e.kind, e.condition) == e.condition
            if e.stage is Stage.CLOSED:
                del standing[e.kind]
