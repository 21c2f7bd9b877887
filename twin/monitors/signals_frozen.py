"""Values that no longer move, judged by how often this channel repeats itself when it is well."""

from math import log

from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.measurement import Quality
from twin.domain.tag import Tag
from twin.monitors.signals_state import ACTUATED, MINUTE, Detector

LEAST = 15 * MINUTE
"""Shortest standstill that is named [ns]; chosen default."""
COARSE = 720 * MINUTE
"""The same for a display whose step is wider than twice the tag's accuracy [ns]; chosen default."""
FEW = 20
"""Changes needed before repeats are judged by their chance; chosen default."""
UNKNOWN = 120.0
"""Run that is named while fewer changes are known; chosen default."""
EARLY = 0.75
"""Part of the limit from which values are uncertain; chosen default."""
CHANCE = log(1e-9)
"""Logarithm of the probability of the run under the learnt repeat rate; chosen default."""
MARGIN = 2.0
"""A run must also be this many times longer than the longest honest one; chosen default."""
PRIOR = (10.0, 10.0)
"""Repeats and changes assumed before anything was seen; chosen default."""
MEMORY = 0.9995
"""Forgetting of repeats and changes per value: about 2000 values; chosen default."""
FADE = 0.98
"""Forgetting of the longest run per run; chosen default."""


class FrozenDetector(Detector):
    """Standstill much longer than the channel's own repeats.

    With a repeat probability p learnt on line, a run of n equal values has probability
    p**(n-1): a coarse display that repeats for an hour is as well as a fine one that
    never does. Values are UNCERTAIN from three quarters of the limit on and BAD once it is
    passed. A standstill that ends with a single step of the display was a quiet process: the
    channel is allowed that much from then on.
    """

    KIND = Kind.FROZEN
    FIELDS = ("value", "start", "run", "repeats", "changes", "known", "step", "longest", "least")

    def __init__(self, tag: Tag) -> None:
        super().__init__(tag)
        self.active = tag.quantity not in ACTUATED
        self.value: float | None = None
        self.start = 0
        self.run = 0
        self.repeats, self.changes = PRIOR
        self.known = 0
        self.step = tag.high - tag.low
        self.longest = 1.0
        self.least = LEAST

    def see(self, t: int, x: float, out: list[Event]) -> Quality:
        """BAD when frozen, UNCERTAIN shortly before."""
        if x != self.value:
            self._changed(t, x, out)
            return Quality.GOOD
        self.run += 1
        still = t - self.start
        if still < EARLY * self.least or not self.active or self.run < EARLY * self._limit():
            return Quality.GOOD
        if self.run < self._limit() or still < self.least:
            return Quality.UNCERTAIN
        if not self.condition.open:
            out.append(self._event(Stage.CONFIRMED, t))
        return Quality.BAD

    def _changed(self, t: int, x: float, out: list[Event]) -> None:
        step = abs(x - self.value) if self.value is not None else 0.0
        if self.condition.stage:
            out.append(self._event(Stage.CLOSED, t))
        if self.run:
            self._learn(self.run, step)
        self.value, self.start, self.run = x, t, 1

    def _learn(self, run: int, step: float) -> None:
        self.step = min(self.step, step)
        self.least = COARSE if self.step > 2.0 * self.tag.accuracy else LEAST
        if run > MARGIN * self.longest and step > 1.5 * self.step and run > self._limit():
            return
        fade = MEMORY**run
        self.repeats = self.repeats * fade + run - 1
        self.changes = self.changes * fade + 1.0
        self.known += 1
        self.longest = max(self.longest * FADE, float(run))

    def _limit(self) -> float:
        """Run that is no chance any more."""
        if self.known < FEW:
            return max(UNKNOWN, MARGIN * self.longest)
        p = max(self.repeats / (self.repeats + self.changes), 1e-9)
        return max(1.0 + CHANCE / log(p), MARGIN * self.longest)

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
