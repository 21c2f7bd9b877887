"""How far the clock of a source is from ours, from the times its values carry."""

from dataclasses import dataclass
from typing import Final

WINDOW_NS: Final = 600 * 1_000_000_000
"""The smallest delay of the last one to two of these counts (chosen default: 10 min)."""


@dataclass(slots=True)
class Skew:
    """Smallest delay between source time and arrival, in two windows that take turns.

    A value can arrive late, but not before it was measured: the smallest delay is the offset of the clocks
    and the quickest way between them. Positive means that the source's clock is behind ours; values that
    were delivered after the fact say nothing.
    """

    since_ns: int | None = None
    now: int | None = None
    before: int | None = None

    def add(self, time_ns: int, received_ns: int) -> None:
        """Take source time and time of arrival of one value [ns]."""
        if self.since_ns is None or received_ns - self.since_ns >= WINDOW_NS:
            fresh = self.since_ns is not None and received_ns - self.since_ns < 2 * WINDOW_NS
            self.before, self.now = self.now if fresh else None, None
            self.since_ns = received_ns
        delay = received_ns - time_ns
        if self.now is None or delay < self.now:
            self.now = delay

    @property
    def seconds(self) -> float | None:
        """The estimate [s]; None before the first value."""
        known = [delay for delay in (self.before, self.now) if delay is not None]
        return min(known) / 1e9 if known else None
