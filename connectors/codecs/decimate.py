"""Thin out a series for a screen so that no extreme is lost: minimum and maximum of each stretch."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple


class Point(NamedTuple):
    """One value of a series; None where the instrument gave none."""

    time_ns: int
    value: float | None
    quality: int


def extremes(points: Sequence[Point], start_ns: int, end_ns: int, stretches: int) -> list[Point]:
    """Minimum, maximum and first gap of each of `stretches` equal stretches of time.

    Parameters
    ----------
    points : sequence of Point
        Ordered by time, all with ``start_ns <= time < end_ns``.
    start_ns, end_ns : int
        [ns since 1970-01-01 UTC].
    stretches : int

    Returns
    -------
    list of Point
        At most twice `stretches` (but at least 3), in order of time, each one of `points`.
    """
    if len(points) <= 2 * stretches:
        return list(points)
    if any(point.value is None for point in points):
        stretches = 2 * stretches // 3
    width = max(1, -(-(end_ns - start_ns) // max(1, stretches)))
    groups = groupby(points, key=lambda point: (point.time_ns - start_ns) // width)
    return [point for _, group in groups for point in _outermost(list(group))]


def _outermost(group: list[Point]) -> Iterator[Point]:
    known = [point for point in group if point.value is not None]
    gaps = [point for point in group if point.value is None]
    kept = set(gaps[:1])
    if known:
        kept |= {
            min(known, key=lambda point: point.value or 0.0),
            max(known, key=lambda point: point.value or 0.0),
        }
    yield from sorted(kept, key=lambda point: point.time_ns)
