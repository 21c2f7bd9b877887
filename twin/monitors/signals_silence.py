"""Channels that say nothing, and what is missing when they speak again."""

from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.measurement import GOOD, Quality
from twin.domain.tag import Tag
from twin.monitors.signals_state import Condition, Detector

SECOND = 1_000_000_000
PACE = 4
"""Intervals by which the pace of a channel is known (chosen default)."""
SLOW = 2.5
"""A channel that is slower than its tag says is silent after this many of its own intervals (default)."""


class SilenceDetector(Detector):
    """Nothing usable for longer than `tag.silence_s`, from the first tick on.

    On return the condition is closed and a GAP event tells the interval without values. A channel whose last
    intervals were all longer than that is slow, not lost time and again: it is judged by the shortest of them
    (a stored run of a value each five minutes, on a line that was written for one each second).
    """

    KIND = Kind.SIGNAL_LOST
    FIELDS = ("heard", "ever", "gaps", "intervals")

    def __init__(self, tag: Tag) -> None:
        super().__init__(tag)
        self.allowed = tag.silence_s * SECOND
        self.intervals: list[int] = []
        """between the last values, oldest first [ns]"""
        self.heard: int | None = None
        self.ever = False
        self.gaps = 0

    def see(self, t: int, x: float, out: list[Event]) -> Quality:
        """Remember that the channel spoke; tell the gap when it had been silent."""
        if self.heard is not None and self.ever:
            self._after(t, t - self.heard, out)
        elif self.condition.stage:
            out.append(self._event(Stage.CLOSED, t))
        self.heard, self.ever = t, True
        return GOOD

    def _after(self, t: int, interval: int, out: list[Event]) -> None:
        if self._is_long(interval):
            self._back(t, out)
        elif self.condition.stage:
            out.append(self._event(Stage.CLOSED, t))
        self.intervals.append(interval)
        if len(self.intervals) > PACE:
            del self.intervals[0]

    def _is_long(self, interval: int) -> bool:
        """Whether a silence [ns] is longer than the tag allows and than the channel's pace explains."""
        if interval <= self.allowed:
            return False
        return len(self.intervals) < PACE or interval > SLOW * min(self.intervals)

    def _back(self, t: int, out: list[Event]) -> None:
        assert self.heard is not None
        if self.condition.open:
            out.append(self._event(Stage.CLOSED, t))
        gap = Condition(self.tag, Kind.GAP)
        gap.number = self.gaps
        self.gaps += 1
        missing = (t - self.heard) / SECOND
        expected = missing / self.tag.period_s - 1.0 if self.tag.period_s > 0 else 0.0
        out.append(
            gap.move(
                Stage.CONFIRMED,
                t,
                since=self.heard,
                confidence=1.0,
                causes=self.causes(("values_missing", Verdict.UNKNOWN, 1.0)),
                detail={"seconds": missing, "expected": float(round(expected))},
            )
        )

    def tick(self, now: int, out: list[Event]) -> None:
        """Say once that the channel is silent."""
        if self.heard is None:
            self.heard = now
        if not self.condition.open and self._is_long(now - self.heard):
            out.append(self._event(Stage.CONFIRMED, now))

    def _event(self, stage: Stage, t: int) -> Event:
        assert self.heard is not None
        code = "no_signal" if self.ever else "never_heard"
        return self.condition.move(
            stage,
            t,
            since=self.heard if not self.condition.open else None,
            confidence=1.0,
            causes=self.causes((code, Verdict.SENSOR, 1.0)),
            detail={"seconds": (t - self.heard) / SECOND},
        )
