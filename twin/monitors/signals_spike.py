"""Single values far from their neighbours (Hampel's idea, with a scale learnt on line)."""

from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.measurement import BAD, GOOD, Quality
from twin.domain.tag import Tag
from twin.monitors.signals_state import MINUTE, Detector

WIDTH = 5
"""Believed values whose median is the neighbourhood; chosen default."""
LEVEL = 0.95
"""Quantile of the departure that serves as scale: spikes may be up to 5 % of the values."""
FACTOR = 5.0
"""Departure that is a spike, in scales; 5 x 95 % quantile is about 9 standard deviations of white noise."""
GAIN = 0.04
"""Step of the quantile's logarithm per value."""
WARM = 60
"""Values seen before anything is called a spike; chosen default."""
PERSIST = 3
"""Departures in a row, all to one side, that make a new level; chosen default."""
ENOUGH = 2
"""Excursions that make the finding certain: two of nine standard deviations in `BURST`; chosen default."""
BURST = 240 * MINUTE
"""Spikes closer than this belong together [ns]; chosen default."""


class SpikeDetector(Detector):
    """Departures that do not persist.

    The departure of a value is its distance to the median of the last believed values or
    to the last one, whichever is nearer, so neither a ramp nor a saw-tooth is a spike. A
    departing value is BAD; when `PERSIST` of them follow on the same side it was a step, and
    the new level is believed. One condition gathers the spikes of a burst:
    suspected by the first, confirmed by the second, closed after four hours without any.
    """

    KIND = Kind.SPIKE
    FIELDS = (
        "window",
        "scale",
        "seen",
        "pending",
        "pending_t",
        "count",
        "excursions",
        "since_t",
        "last_t",
        "largest",
    )

    def __init__(self, tag: Tag) -> None:
        super().__init__(tag)
        self.floor = max(tag.accuracy, 1e-12)
        self.window: list[float] = []
        self.scale = self.floor
        self.seen = 0
        self.pending: list[float] = []
        self.pending_t = 0
        self.count = 0
        self.excursions = 0
        self.since_t = 0
        self.last_t = 0
        self.largest = 0.0

    def see(self, t: int, x: float, out: list[Event]) -> Quality:
        """BAD while the value departs from its neighbours and has not persisted."""
        window = self.window
        if len(window) < WIDTH:
            window.append(x)
            return GOOD
        departure = abs(x - window[-1])
        if departure > self.scale:  # only then it matters how near the median is
            departure = min(departure, abs(x - sorted(window)[WIDTH // 2]))
        if self._learn(departure):
            return self._depart(t, x, out)
        if self.pending:
            self._count(t, out)
        elif self.condition.stage and t - self.last_t >= BURST:
            self._close(t, out)
        window.append(x)
        del window[0]
        return GOOD

    def _learn(self, departure: float) -> bool:
        """Follow the quantile; tell whether `departure` was beyond the limit."""
        limit = FACTOR * self.scale
        up = departure > self.scale
        gain = GAIN * 4.0 if self.seen < WARM else GAIN
        self.scale *= 1.0 + gain * LEVEL if up else 1.0 - gain * (1.0 - LEVEL)
        if self.scale < self.floor:
            self.scale = self.floor
        self.seen += 1
        return departure > limit and self.seen > WARM

    def _depart(self, t: int, x: float, out: list[Event]) -> Quality:
        middle = sorted(self.window)[WIDTH // 2]
        if self.pending and (x > middle) != (self.pending[-1] > middle):
            self._count(t, out)
        self.pending.append(x)
        self.pending_t = t
        if len(self.pending) < PERSIST:
            return BAD
        self.window = (self.window + self.pending)[-WIDTH:-PERSIST] + self.pending
        self.pending = []
        return GOOD

    def _count(self, t: int, out: list[Event]) -> None:
        """The pending values went away again: they were spikes."""
        middle = sorted(self.window)[WIDTH // 2]
        size = max((value - middle for value in self.pending), key=abs)
        self.largest = size if abs(size) > abs(self.largest) else self.largest
        self.count += len(self.pending)
        self.excursions += 1
        self.pending = []
        self.last_t = self.pending_t
        if not self.condition.open:
            self.since_t = self.pending_t
            out.append(self._event(Stage.SUSPECTED, t))
        elif self.condition.stage == Stage.SUSPECTED.value and self.excursions >= ENOUGH:
            out.append(self._event(Stage.CONFIRMED, t))

    def tick(self, now: int, out: list[Event]) -> None:
        """Close a burst that is over."""
        if self.condition.stage and now - self.last_t >= BURST:
            self._close(now, out)

    def _close(self, t: int, out: list[Event]) -> None:
        out.append(self._event(Stage.CLOSED, t))
        self.count, self.excursions, self.largest = 0, 0, 0.0

    def _event(self, stage: Stage, t: int) -> Event:
        sure = 0.95 if self.excursions >= ENOUGH else 0.7
        return self.condition.move(
            stage,
            t,
            since=self.since_t,
            size=self.largest,
            confidence=sure,
            causes=self.causes(("spikes", Verdict.SENSOR, sure)),
            detail={"count": self.count, "scale": self.scale},
        )
