"""Columns of one name in the order in which their rows became known."""

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from twin.domain.measurement import Quality
from twin.ports import Trend

Places: TypeAlias = NDArray[np.int64]


def _whole() -> "array[int]":
    return array("q")


def _number() -> "array[float]":
    return array("d")


@dataclass(slots=True)
class Series:
    """Rows of one tag or estimate; only ever added to.

    Attributes
    ----------
    known : array of int
        When each row became known, never falling [ns since 1970-01-01 UTC].
    time : array of int
        Source time [ns since 1970-01-01 UTC].
    value : array of float
        NaN where there was none.
    more : array of float
        Quality of a measurement, standard deviation of an estimate.
    newest : array of int
        Place of the row with the latest source time among all up to this one.
    """

    known: "array[int]" = field(default_factory=_whole)
    time: "array[int]" = field(default_factory=_whole)
    value: "array[float]" = field(default_factory=_number)
    more: "array[float]" = field(default_factory=_number)
    newest: "array[int]" = field(default_factory=_whole)

    def add(self, known_ns: int, time_ns: int, value: float | None, more: float) -> None:
        """Add a row that became known now."""
        place = len(self.time)
        before = self.newest[-1] if place else 0
        self.known.append(known_ns)
        self.time.append(time_ns)
        self.value.append(np.nan if value is None else value)
        self.more.append(more)
        self.newest.append(place if time_ns >= self.time[before] else before)

    def upto(self, known_ns: int) -> int:
        """Number of rows known by a time [ns]."""
        return bisect_right(self.known, known_ns)

    def latest(self, known_ns: int) -> int | None:
        """Place of the row with the latest source time known by then; None when there is none."""
        count = self.upto(known_ns)
        return self.newest[count - 1] if count else None

    def between(self, known_ns: int, start_ns: int, end_ns: int) -> Places:
        """Places of rows with start <= time < end known by then, by time; of equal times the last known."""
        times = np.array(self.time[: self.upto(known_ns)], dtype=np.int64)
        places = np.flatnonzero((times >= start_ns) & (times < end_ns))
        order = places[np.argsort(times[places], kind="stable")]
        last = np.append(np.diff(times[order]) != 0, True) if order.size else np.zeros(0, dtype=bool)
        return np.asarray(order[last])

    def trend(self, known_ns: int, start_ns: int, end_ns: int, points: int) -> Trend:
        """Values, thinned to their extremes, with `more` as quality."""
        places = self._thinned(known_ns, start_ns, end_ns, points)
        times, values = self._of(places)
        return Trend(times, values, tuple(int(self.more[i]) for i in places))

    def trends(self, known_ns: int, start_ns: int, end_ns: int, points: int) -> tuple[Trend, Trend]:
        """Values, thinned to their extremes, and `more` at the same times."""
        places = self._thinned(known_ns, start_ns, end_ns, points)
        times, values = self._of(places)
        good = (int(Quality.GOOD),) * len(places)
        return Trend(times, values, good), Trend(times, tuple(self.more[i] for i in places), good)

    def _of(self, places: list[int]) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
        value = self.value
        found = tuple(None if value[i] != value[i] else value[i] for i in places)
        return tuple(self.time[i] for i in places), found

    def _thinned(self, known_ns: int, start_ns: int, end_ns: int, points: int) -> list[int]:
        """Places of the least and the largest value and of the first gap of each stretch, by time."""
        places = self.between(known_ns, start_ns, end_ns)
        if len(places) <= 2 * points:
            return [int(i) for i in places]
        times, values = np.array(self.time, np.int64)[places], np.array(self.value)[places]
        stretch = (times - start_ns) // max(1, -(-(end_ns - start_ns) // points))
        gaps = np.isnan(values)
        kept = _ends(stretch[~gaps], values[~gaps], np.flatnonzero(~gaps))
        first = np.flatnonzero(gaps)[np.unique(stretch[gaps], return_index=True)[1]]
        return [int(i) for i in places[np.unique(np.concatenate([kept, first]))]]


def _ends(stretch: Places, values: NDArray[np.float64], rows: Places) -> Places:
    """Rows of the least and of the largest value of each stretch."""
    order = np.lexsort((values, stretch))
    begins = np.flatnonzero(np.diff(stretch[order], prepend=-1))
    ends = np.append(begins[1:], len(order)) - 1
    return np.asarray(rows[np.concatenate([order[begins], order[ends]])])
