"""Values that no longer move, judged by how long this channel stands still when it is well.

The longest honest standstills have an exponential tail (peaks over threshold: Pickands 1975, Ann. Statist.
3:119; as a streaming test: Siffer et al. 2017, KDD). Runs are whole numbers, so the tail is geometric: a mean
excess of m values over its least is a slope of 1 / ln(1 + 1 / m). From the longest runs so far it gives the
run that comes once in `FALSE_H` hours by itself.
"""

from bisect import insort
from math import log, log1p, sqrt

from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.measurement import BAD, GOOD, UNCERTAIN, Quality
from twin.domain.tag import Tag
from twin.monitors.signals_state import MINUTE, Detector

LEAST = 10 * MINUTE
"""Shortest standstill that is named [ns]; chosen default."""
COARSE = 720 * MINUTE
"""The same for a display whose step is wider than twice the tag's accuracy [ns]; chosen default."""
FEW = 60
"""Runs needed before they are judged by their tail; chosen default."""
UNKNOWN = 120.0
"""Run that is named while fewer are known; chosen default."""
EARLY = 0.75
"""Part of the limit from which values are uncertain; chosen default."""
FALSE_H = 60_000.0
"""An honest standstill is named once in this time, per channel [h]: once in 4,000 h of a vessel with fifteen;
chosen default."""
PEAKS = 20
"""Longest honest runs that are remembered; chosen default."""
TAIL = 0.25
"""Share of the runs that counts as the tail, while there are few; chosen default."""
AGAIN = 1.25
"""A run up to this many times the longest honest one is always allowed; chosen default."""
FLATTEST = 0.6
"""Least mean excess of the tail [values]: of a display whose step is the standard deviation of its noise and
which rests in the middle of a step: it repeats with a probability of 0.38."""
MARGIN = 2.0
"""A run that ends with more than a step and is this many times longer than the longest honest one teaches
nothing; chosen default."""


class FrozenDetector(Detector):
    """Standstill much longer than the channel's own.

    A coarse display that repeats for an hour is as well as a fine one that never does: both are held to the
    tail of their own runs. Values are UNCERTAIN from three quarters of the limit on and BAD once it is
    passed. A standstill that ends with a single step of the display was a quiet process: the
    channel is allowed that much from then on.
    """

    KIND = Kind.FROZEN
    FIELDS = ("value", "first", "start", "run", "peaks", "known", "step", "least")

    def __init__(self, tag: Tag) -> None:
        super().__init__(tag)
        self.value: float | None = None
        self.first: int | None = None
        self.start = 0
        self.run = 0
        self.peaks: list[float] = []
        """longest honest runs, shortest first [values]"""
        self.known = 0
        self.step = tag.high - tag.low
        self.least = LEAST

    def see(self, t: int, x: float, out: list[Event]) -> Quality:
        """BAD when frozen, UNCERTAIN shortly before."""
        if x != self.value:
            self._changed(t, x, out)
            return GOOD
        self.run += 1
        still = t - self.start
        if still < EARLY * self.least or self.run < EARLY * self._limit(t):
            return GOOD
        if self.run < self._limit(t) or still < self.least:
            return UNCERTAIN
        if not self.condition.open:
            out.append(self._event(Stage.CONFIRMED, t))
        return BAD

    def _changed(self, t: int, x: float, out: list[Event]) -> None:
        step = abs(x - self.value) if self.value is not None else 0.0
        if self.condition.stage:
            out.append(self._event(Stage.CLOSED, t))
        if self.run:
            self._learn(t, self.run, step)
        if self.first is None:
            self.first = t
        self.value, self.start, self.run = x, t, 1

    def _learn(self, t: int, run: int, step: float) -> None:
        if step <= self.step:
            self.step = step
            self.least = COARSE if step > 2.0 * self.tag.accuracy else LEAST
        longest = self.peaks[-1] if self.peaks else 1.0
        if run > MARGIN * longest and step > 1.5 * self.step and run > self._limit(t):
            return
        self.known += 1
        if len(self.peaks) < PEAKS or run > self.peaks[0]:
            insort(self.peaks, float(run))
            del self.peaks[:-PEAKS]

    def _limit(self, t: int) -> float:
        """Run that comes once in `FALSE_H` by itself."""
        if self.known < FEW or self.first is None:
            return max(UNKNOWN, MARGIN * (self.peaks[-1] if self.peaks else 1.0))
        tail = self.peaks[-int(TAIL * self.known) :]
        least = tail[0] + 1.0  # of the runs as short as the shortest kept, some were let go
        beyond = [run for run in tail if run >= least] or [least]
        excess = (sum(beyond) / len(beyond) - least) * (1.0 + 1.0 / sqrt(len(beyond)))
        slope = 1.0 / log1p(1.0 / max(excess, FLATTEST))
        hours = max((t - self.first) / (60 * MINUTE), 1.0)
        return max(least + slope * log(max(len(beyond) * FALSE_H / hours, 1.0)), AGAIN * tail[-1])

    def _event(self, stage: Stage, t: int) -> Event:
        return self.condition.move(
            stage,
            t,
            since=self.start,
            size=self.value,
            confidence=0.95,
            causes=self.causes(
                ("frozen_value", Verdict.SENSOR, 0.95), ("quiet_process", Verdict.PROCESS, 0.05)
            ),
            detail={"value": self.value or 0.0, "count": self.run, "minutes": (t - self.start) / MINUTE},
        )
