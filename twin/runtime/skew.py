"""How far the clock of a source is from ours, from the times its values carry."""

from dataclasses import dataclass
from typing import Final

S: Final = 1_000_000_000
WINDOW_NS: Final = 600 * S
"""The smallest delay of the last one to two of these counts (chosen default: 10 min)."""
CLEAR_NS: Final = 60 * S
"""Up to this delay a value is believed by itself (chosen default: 1 min)."""
LOT_NS: Final = 30 * S
"""Values that come within it of the first are one lot (chosen default: 30 s)."""
SAME_NS: Final = 10 * S
"""Delays of two lots that may be the same clock (chosen default: 10 s)."""


@dataclass(slots=True)
class _Lot:
    """Smallest delay of what came within a short time [ns]."""

    since_ns: int
    delay: int


@dataclass(slots=True)
class Skew:
    """Smallest delay between source time and arrival, in two windows that take turns.

    A value can arrive late, but not before it was measured: the smallest delay is the offset of the clocks
    and the quickest way between them. Positive means that the source's clock is behind ours; values that
    were delivered after the fact say nothing. A wire that does not mark those is seen through: a clock that
    is far behind stays as far behind, while a backlog comes quicker than it was measured or once. So a delay
    beyond `CLEAR_NS` counts when two lots that follow one another have the same.
    """

    since_ns: int | None = None
    now: int | None = None
    before: int | None = None
    _lot: _Lot | None = None
    _former: _Lot | None = None

    def add(self, time_ns: int, received_ns: int) -> None:
        """Take source time and time of arrival of one value [ns]."""
        delay = received_ns - time_ns
        if self._lot is None or not 0 <= received_ns - self._lot.since_ns < LOT_NS:
            self._close()
            self._former, self._lot = self._lot, _Lot(received_ns, delay)
        self._lot.delay = min(self._lot.delay, delay)
        if delay <= CLEAR_NS:
            self._count(delay, received_ns)

    def _close(self) -> None:
        """What the lot that ends says."""
        if self._lot is not None and (proven := self._proven()) is not None:
            self._count(proven, self._lot.since_ns)

    def _proven(self) -> int | None:
        """Delay of the lot at hand where the one before it had the same; None where nothing speaks for it."""
        if self._lot is None or self._former is None:
            return None
        near = self._lot.since_ns - self._former.since_ns < 2 * WINDOW_NS
        same = abs(self._lot.delay - self._former.delay) <= SAME_NS
        return self._lot.delay if near and same else None

    def _count(self, delay: int, received_ns: int) -> None:
        if self.since_ns is None or received_ns - self.since_ns >= WINDOW_NS:
            fresh = self.since_ns is not None and received_ns - self.since_ns < 2 * WINDOW_NS
            self.before, self.now = self.now if fresh else None, None
            self.since_ns = received_ns
        if self.now is None or delay < self.now:
            self.now = delay

    @property
    def seconds(self) -> float | None:
        """The estimate [s]; None before the first value that says something."""
        found = (self.before, self.now, self._proven())
        known = [delay for delay in found if delay is not None]
        return min(known) / 1e9 if known else None
