"""Late laboratory results: go back to when the sample was drawn, put the result in, come forward again.

Frames are kept for `KEEP_H` hours as rows of numbers, and copies of the state at checkpoints: dense in the
last hours, sparse further back. Going back is bounded by what is kept.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from twin.processes.base import Array

KEEP_H: Final = 50.0
"""Frames are kept this long [h]."""
DENSE_H: Final = 6.0
"""Checkpoints are about hourly within this age, six-hourly beyond [h]."""

T = TypeVar("T")
HOUR: Final = 3_600_000_000_000


@dataclass(slots=True)
class Row:
    """One frame as numbers.

    Inputs and their variances (k,), readings (m,) with NaN where there was none, noise factors (m,), which
    inputs have not been seen for so long that they are not known any more (k,), and of which faults nothing
    may be concluded, because a probe they rest on has a finding of its own (h,).
    """

    start_ns: int
    end_ns: int
    inputs: Array
    scatter: Array
    readings: Array
    widen: Array
    unknown: NDArray[np.bool_]
    mute: NDArray[np.bool_]


def readings_of(rows: Sequence[Row]) -> Array:
    """Readings (r, m) of rows, of one at least."""
    return np.concatenate([row.readings for row in rows]).reshape(len(rows), -1)


@dataclass(slots=True)
class Tape(Generic[T]):
    """Rows and checkpoints of one vessel, oldest first."""

    rows: list[Row] = field(default_factory=list)
    marks: list[tuple[int, T]] = field(default_factory=list)
    """(time, state at that time)"""

    def record(self, row: Row) -> None:
        """Keep a row; forget what is too old."""
        self.rows.append(row)
        oldest = row.end_ns - int(KEEP_H * HOUR)
        if self.rows[0].end_ns < oldest - HOUR:
            del self.rows[: bisect_left([r.end_ns for r in self.rows], oldest)]

    def mark(self, now_ns: int, state: Callable[[], T]) -> None:
        """Keep a checkpoint when one is due; `state` gives a copy that nobody changes."""
        if self.marks and now_ns - self.marks[-1][0] < HOUR:
            return
        self.marks.append((now_ns, state()))
        self.marks = self._thin(now_ns)

    def _thin(self, now_ns: int) -> list[tuple[int, T]]:
        kept: list[tuple[int, T]] = []
        for time, state in self.marks:
            age = now_ns - time
            if age > KEEP_H * HOUR:
                continue
            if age > DENSE_H * HOUR and kept and time - kept[-1][0] < 5.5 * HOUR:
                continue
            kept.append((time, state))
        return kept

    def back_to(self, time_ns: int) -> tuple[int, T] | None:
        """Newest checkpoint before `time_ns`; None when that is further back than is kept."""
        place = bisect_left([t for t, _ in self.marks], time_ns)
        return self.marks[place - 1] if place else None

    def rows_after(self, time_ns: int) -> list[Row]:
        """Rows that start at or after `time_ns`."""
        return self.rows[bisect_left([r.start_ns for r in self.rows], time_ns) :]

    def row_at(self, time_ns: int) -> Row | None:
        """The row with ``start < time <= end``; the newest when the time is beyond it."""
        place = min(bisect_left([r.end_ns for r in self.rows], time_ns), len(self.rows) - 1)
        return self.rows[place] if self.rows and time_ns > self.rows[place].start_ns else None

    def read_within(self, hours: float) -> NDArray[np.bool_]:
        """Which readings (m,) there were within the last hours of the newest of the rows, not empty."""
        since_ns = self.rows[-1].end_ns - int(hours * HOUR)
        recent = readings_of([r for r in self.rows if r.end_ns > since_ns])
        return np.asarray(np.isfinite(recent).any(axis=0))

    def forget_marks_after(self, time_ns: int) -> None:
        """Drop checkpoints that a change at `time_ns` makes wrong."""
        del self.marks[bisect_right([t for t, _ in self.marks], time_ns) :]
