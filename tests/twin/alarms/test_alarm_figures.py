"""Figures of alarms, exact on logs whose answers are known."""

import pytest

from twin.alarms.figures import figures
from twin.domain.alarm import AlarmState, Move, Priority

S = 1_000_000_000
MIN, H = 60 * S, 3600 * S
T = AlarmState


def call(t: int, name: str = "a", priority: Priority = Priority.LOW) -> Move:
    return Move(t, name, T.NORMAL, T.UNACK, priority, True)


def gone(t: int, name: str = "a") -> Move:
    return Move(t, name, T.UNACK, T.RTN_UNACK, Priority.LOW, False)


def test_an_empty_day_is_all_zero() -> None:
    found = figures([], 0, 24 * H)
    assert (found.hours, found.raised, found.per_10min, found.most_per_10min) == (24.0, 0, 0.0, 0)
    assert (found.crowded, found.flood, found.top, found.top_share) == (0.0, 0.0, (), 0.0)


def test_one_alarm_each_ten_minutes_is_one_per_ten_minutes() -> None:
    found = figures([call(i * 10 * MIN, f"a{i}") for i in range(144)], 0, 24 * H)
    assert (found.raised, found.per_10min, found.most_per_10min, found.flood) == (144, 1.0, 1, 0.0)
    assert found.top_share == pytest.approx(10 / 144)


def test_a_flood_lasts_from_more_than_ten_to_less_than_five() -> None:
    counts = [0, 10, 11, 7, 5, 4, 10, 0, 12, 0]
    log = [call(i * 10 * MIN + k * 20 * S, f"a{k}") for i, n in enumerate(counts) for k in range(n)]
    found = figures(log, 0, len(counts) * 10 * MIN)
    assert found.most_per_10min == 12
    assert found.crowded == pytest.approx(2 / 10)
    assert found.flood == pytest.approx(4 / 10), "three periods from 11 to 5, and the one with 12"


@pytest.mark.parametrize(("gap_s", "names"), [(30, ("a",)), (31, ())])
def test_three_calls_within_a_minute_are_chattering(gap_s: int, names: tuple[str, ...]) -> None:
    log = [move for i in range(3) for move in (call(i * gap_s * S), gone(i * gap_s * S + 15 * S))]
    assert figures(log, 0, H).chattering == names


@pytest.mark.parametrize(("after_s", "names"), [(10, ("a",)), (11, ())])
def test_gone_within_ten_seconds_is_fleeting(after_s: int, names: tuple[str, ...]) -> None:
    assert figures([call(0), gone(after_s * S)], 0, H).fleeting == names


def test_standing_for_more_than_a_day_is_stale_also_when_it_began_before() -> None:
    log = [call(0), call(H, "b"), gone(2 * H, "b"), call(20 * H, "c")]
    assert figures(log, 24 * H, 30 * H).stale == ("a",)
    assert figures(log, 24 * H, 24 * H + 1).stale == ("a",)
    assert figures(log, 0, 24 * H).stale == ()


def test_acknowledging_does_not_end_a_stale_alarm_nor_does_shelving_count_as_a_call() -> None:
    log = [
        call(0),
        Move(H, "a", T.UNACK, T.ACKED, Priority.LOW, True, "anna"),
        Move(2 * H, "a", T.ACKED, T.SHELVED, Priority.LOW, True, "anna", "x"),
    ]
    found = figures(log, 0, 30 * H)
    assert (found.raised, found.shelved, found.stale) == (1, 1, ("a",))


def test_top_ten_and_priorities() -> None:
    log = [
        call(i * MIN + k, f"a{i:02}", Priority.HIGH if i < 2 else Priority.LOW)
        for i in range(12)
        for k in range(i + 1)
    ]
    found = figures(sorted(log, key=lambda move: move.t), 0, H)
    assert [name for name, _ in found.top] == [f"a{i:02}" for i in range(11, 1, -1)]
    assert found.top[0][1] == 12
    assert found.top_share == pytest.approx(75 / 78)
    assert dict(found.priorities) == {"critical": 0, "high": 3, "medium": 0, "low": 75}
