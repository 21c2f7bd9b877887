"""Values of one vessel that came after their frame was closed: kept until they can be lived through again."""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from twin.domain.event import Event
from twin.domain.measurement import Measurement


@dataclass(slots=True)
class LateValues:
    """Waiting late values in time order, given back frame by frame.

    The frame of the newest of them may not be complete; it waits until a newer value passed it or nothing
    more has come since the last time they were asked for.

    Parameters
    ----------
    frame_ns : int
        Length of a frame [ns].
    """

    frame_ns: int
    waiting: list[tuple[int, str, Measurement]] = field(default_factory=list)
    grown: bool = False

    def add(self, m: Measurement) -> None:
        """Keep one."""
        insort(self.waiting, (m.time_ns, m.tag, m), key=lambda row: row[:2])
        self.grown = True

    def oldest_ns(self) -> int | None:
        """Source time of the oldest that waits [ns]; None when none does."""
        return self.waiting[0][0] if self.waiting else None

    def take(self) -> list[tuple[int, list[Measurement]]]:
        """End of frame [ns] and values in order, for each frame that is complete; oldest first."""
        if not self.waiting:
            return []
        newest = self._end_of(self.waiting[-1][0])
        kept = [row for row in self.waiting if self.grown and self._end_of(row[0]) == newest]
        frames: dict[int, list[Measurement]] = {}
        for time_ns, _, m in self.waiting[: len(self.waiting) - len(kept)]:
            frames.setdefault(self._end_of(time_ns), []).append(m)
        self.waiting, self.grown = kept, False
        return list(frames.items())

    def _end_of(self, time_ns: int) -> int:
        return -(-time_ns // self.frame_ns) * self.frame_ns


def told_late(events: Iterable[Event], now_ns: int) -> list[Event]:
    """Findings with how much later than their time they are told [s]."""
    return [
        replace(e, detail={**e.detail, "late_s": round((now_ns - e.t) / 1e9, 3)}) if e.t < now_ns else e
        for e in events
    ]
