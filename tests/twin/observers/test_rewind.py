"""The tape that lets late results go back to their time."""

from itertools import pairwise

import numpy as np

from twin.observers.rewind import DENSE_H, HOUR, KEEP_H, Row, Tape

MINUTE = HOUR // 60


def tape(hours: int, step_min: int = 10) -> Tape[int]:
    out: Tape[int] = Tape()
    out.mark(0, lambda: 0)
    for k in range(hours * 60 // step_min):
        end = (k + 1) * step_min * MINUTE
        none = np.zeros(1, bool)
        out.record(
            Row(end - step_min * MINUTE, end, np.zeros(1), np.zeros(1), np.zeros(1), np.ones(1), none, none)
        )
        out.mark(end, lambda end=end: end)
    return out


def test_goes_back_to_the_newest_state_before_a_time_and_replays_all_rows_after_it() -> None:
    t = tape(10)
    found = t.back_to(7 * HOUR + 25 * MINUTE)
    assert found is not None
    mark, state = found
    assert mark == state == 7 * HOUR
    rows = t.rows_after(mark)
    assert rows[0].start_ns == mark
    assert len(rows) == 18
    assert all(a.end_ns == b.start_ns for a, b in pairwise(rows))


def test_the_row_of_a_time_contains_it() -> None:
    t = tape(5)
    for time in (1, 10 * MINUTE, 10 * MINUTE + 1, 3 * HOUR + 5 * MINUTE):
        row = t.row_at(time)
        assert row is not None
        assert row.start_ns < time <= row.end_ns
    assert t.row_at(0) is None


def test_what_is_kept_is_bounded() -> None:
    t = tape(200)
    now = 200 * HOUR
    assert len(t.rows) <= (KEEP_H + 2) * 6
    assert now - t.rows[0].end_ns >= 48 * HOUR
    ages = [(now - time) / HOUR for time, _ in t.marks]
    assert max(ages) <= KEEP_H
    assert len(ages) < 25
    assert sum(age <= DENSE_H for age in ages) >= 6
    assert t.back_to(now - 60 * HOUR) is None
    assert t.back_to(now - 40 * HOUR) is not None


def test_checkpoints_after_a_change_are_dropped() -> None:
    t = tape(10)
    t.forget_marks_after(4 * HOUR)
    assert max(time for time, _ in t.marks) == 4 * HOUR
