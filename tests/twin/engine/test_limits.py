"""Limits: on-delay, dead band, one condition at a time."""

import random
from dataclasses import replace

from twin.domain.event import Stage
from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Limits, Tag
from twin.engine.limits import LimitWatch

TAG = Tag("R1", "pO2", "pO2", "%", 0, 200, 1.0, limits=Limits(low=20.0, high=80.0), deadband=2.0)


def follow(values, step_s=60):
    watch = LimitWatch(TAG)
    found = []
    for i, value in enumerate(values):
        t = i * step_s * 1_000_000_000
        found += watch.update(Measurement(TAG.id, value, Quality.GOOD, t, t))
    return found


def test_a_short_excursion_is_no_alarm() -> None:
    assert follow([40, 85, 85, 40, 40]) == []


def test_a_standing_one_is_one_alarm_and_closes_beyond_the_dead_band() -> None:
    found = follow([40, 85, 85, 85, 85, 85, 79, 81, 79, 77, 60])
    assert [e.stage for e in found] == [Stage.CONFIRMED, Stage.CLOSED]
    assert found[0].since == 60 * 1_000_000_000
    assert found[0].t - found[0].since >= 180 * 1_000_000_000
    assert found[0].condition == found[1].condition


def test_the_size_is_the_farthest_beyond_the_limit() -> None:
    raised, closed = follow([40, 82, 95, 85, 85, 120, 85, 60])
    assert (raised.size, closed.size) == (15.0, 40.0)
    raised, closed = follow([40, 15, 18, 19, 19, 3, 19, 60])
    assert (raised.size, closed.size) == (-5.0, -17.0)
    assert [e.size for e in follow([95, 40, 85, 85, 85, 85])] == [5.0], "a short excursion before is over"


def test_noise_at_the_limit_is_at_most_one_alarm_an_hour() -> None:
    noise = random.Random(3)
    values = [80 + noise.gauss(0, TAG.deadband / 2) for _ in range(3600)]
    raised = [e for e in follow(values, step_s=1) if e.stage is Stage.CONFIRMED]
    assert len(raised) <= 1


def test_a_second_time_is_another_condition() -> None:
    found = follow([85] * 5 + [40] + [85] * 5)
    assert len({e.condition for e in found}) == 2


def test_AL_09_what_is_not_good_moves_nothing() -> None:
    watch = LimitWatch(TAG)
    for i in range(10):
        t = i * 60_000_000_000
        assert watch.update(Measurement(TAG.id, 199.0, Quality.UNCERTAIN, t, t)) == []


def test_AL_03_noise_at_the_limit_for_an_hour_is_one_alarm_at_most() -> None:
    for seed in range(20):
        noise = random.Random(seed)
        values = [80.0 + noise.gauss(0.0, TAG.deadband / 2) for _ in range(3600)]
        assert len([e for e in follow(values, 1) if e.stage is Stage.CONFIRMED]) <= 1


def test_an_off_delay_waits_for_the_value_to_stay_away() -> None:
    slow = replace(TAG, on_delay_s=0.0, off_delay_s=120.0)
    watch, stages = LimitWatch(slow), []
    for minute, value in enumerate([85, 70, 85, 70, 70, 70, 70]):
        t = minute * 60 * 1_000_000_000
        stages += [(minute, e.stage) for e in watch.update(Measurement(TAG.id, value, Quality.GOOD, t, t))]
    assert stages == [(0, Stage.CONFIRMED), (5, Stage.CLOSED)]


def test_a_state_kept_before_there_was_an_off_delay_is_taken_up() -> None:
    watch = LimitWatch(TAG)
    watch.restore([{"high": 1}, {"high": 1}, {"high": 3}])
    again = LimitWatch(TAG)
    again.restore(watch.snapshot())
    assert (again.standing, again.counts, again.left_since) == ({"high": 1}, {"high": 3}, {})
