"""Frames of one vessel: order restored within a grace time, then cut into equal intervals."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter

from twin.domain.frame import FrameValue
from twin.domain.measurement import GOOD, UNCERTAIN, Measurement

SECOND = 1_000_000_000
WIRE_NS = 120 * SECOND
"""A wire that is this much more than the grace behind the newest of the vessel is no longer waited for
(chosen default)."""
BEHIND_NS = 120 * SECOND
"""Values this much older than their arrival are a backlog (chosen default)."""
MOST_EMPTY = 2_500
"""More empty frames than this are passed over instead of predicted through (chosen default)."""

_time = attrgetter("time_ns")
_order = attrgetter("time_ns", "tag")


@dataclass(slots=True)
class FrameCutter:
    """Collects the measurements of one vessel and gives them back frame by frame.

    A frame closes when every wire of the vessel that still speaks has passed its end by the grace time (so
    that decisions depend on the data, not on how they were batched), or when the clock says that no more is
    to be expected.

    Parameters
    ----------
    frame_ns, grace_ns : int
        Length of a frame and how long after its end values may still come [ns].
    """

    frame_ns: int
    grace_ns: int
    end_ns: int | None = None
    watermarks: dict[str, int] = field(default_factory=dict)
    waiting: list[Measurement] = field(default_factory=list)
    came_ns: int = 0
    """newest arrival of a value that brought its wire forward [ns]"""
    ordered: bool = True
    """whether what waits is in order: a frame of a long backlog need not sort the rest of it again"""

    def add(self, m: Measurement) -> bool:
        """Take a measurement; False when its frame is closed already.

        Rows read back from a store name no source: they wait until the wires come forward.
        The first row with a value begins the first frame; what says nothing before is passed over.
        Only rows with a value bring their wire forward: a word about a lost connection has the
        time it was spoken, and what the wire held back comes after it.
        """
        if self.end_ns is None:
            if m.value is None:
                return True
            self.end_ns = self._end_of(m.time_ns)
        time_ns, source = m.time_ns, m.source
        if self.is_closed(time_ns):
            return False
        self.waiting.append(m)
        self.ordered = False
        if source and m.value is not None:
            if time_ns > self.watermarks.get(source, 0):
                self.watermarks[source] = time_ns
            if m.received_ns > self.came_ns:
                self.came_ns = m.received_ns
        return True

    def is_closed(self, time_ns: int) -> bool:
        """Tell whether the frame of a source time is closed already."""
        return self.end_ns is not None and time_ns <= self.end_ns - self.frame_ns

    def close(self, clock_ns: int | None = None) -> Iterator[tuple[int, list[Measurement]]]:
        """Frames that are complete, oldest first: end of frame [ns] and its measurements in order.

        Parameters
        ----------
        clock_ns : int or None
            Close everything that ended before this, whatever the wires say [ns].
        """
        while self.end_ns is not None and self.end_ns <= self._limit(clock_ns):
            end = self.end_ns
            self.end_ns = end + self.frame_ns
            yield end, self._take(end)
            self._leap(clock_ns)

    def last_end_ns(self) -> int | None:
        """End of the frame of the newest waiting measurement [ns], if any waits."""
        return self._end_of(max(m.time_ns for m in self.waiting)) if self.waiting else None

    def passed_ns(self, clock_ns: int) -> int:
        """Up to when time has passed for the vessel when a clock says `clock_ns` [ns].

        Where its values come with old times, from its newest value on.
        """
        newest_ns = max(self.watermarks.values(), default=clock_ns)
        is_behind = self.came_ns - newest_ns > BEHIND_NS
        return min(clock_ns, newest_ns + clock_ns - self.came_ns) if is_behind else clock_ns

    def _limit(self, clock_ns: int | None) -> int:
        newest = max(self.watermarks.values(), default=0)
        awaited = [at for at in self.watermarks.values() if newest - at <= self.grace_ns + WIRE_NS]
        reached = min(awaited, default=0) - self.grace_ns
        return max(reached, clock_ns if clock_ns is not None else 0)

    def _leap(self, clock_ns: int | None) -> None:
        """Pass over an absence longer than any gap a model can predict through."""
        next_ns = self.waiting[0].time_ns if self.waiting else clock_ns
        if (
            next_ns is not None
            and self.end_ns is not None
            and next_ns - self.end_ns > MOST_EMPTY * self.frame_ns
        ):
            self.end_ns = self._end_of(next_ns)

    def _take(self, end: int) -> list[Measurement]:
        if not self.ordered:
            self.waiting.sort(key=_order)
            self.ordered = True
        count = bisect_right(self.waiting, end, key=_time)
        taken = self.waiting[:count]
        del self.waiting[:count]
        return taken

    def _end_of(self, time_ns: int) -> int:
        return -(-time_ns // self.frame_ns) * self.frame_ns


def condensed(rows: Iterable[Measurement]) -> dict[str, FrameValue]:
    """The values of good or uncertain quality in rows of a frame, in order, by tag id."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    uncertain: set[str] = set()
    for m in rows:
        value, quality = m.value, m.quality
        if value is not None and (quality is GOOD or quality is UNCERTAIN):
            found[m.tag].append(value)
            if quality is UNCERTAIN:
                uncertain.add(m.tag)
    return {tag: _condensed(values, tag in uncertain) for tag, values in found.items()}


def _condensed(values: list[float], uncertain: bool) -> FrameValue:
    steps = [after - before for before, after in pairwise(values)]
    jumps = sum([step * step for step in steps], 0.0)
    return FrameValue(sum(values) / len(values), values[-1], len(values), uncertain, jumps)
