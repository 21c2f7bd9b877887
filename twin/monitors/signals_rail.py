"""Zeros and end-of-range constants: named one by one, never averaged in."""

from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.measurement import BAD, GOOD, UNCERTAIN, Quality
from twin.domain.tag import Tag
from twin.monitors.signals_state import CAN_BE_ZERO, MINUTE, Detector

QUIET = 60 * MINUTE
"""Time without such a value after which the condition is closed [ns]; chosen default."""
CONFIRM_COUNT = 3
"""Impossible values that make the finding certain; chosen default."""
CONFIRM_RUN = 15 * MINUTE
"""Unbroken stay at the end of range that is named even when it was approached [ns]; chosen default."""
NEAR = 0.05
"""Part of the measuring range within which an end counts as approached step by step; chosen default."""


class RailDetector(Detector):
    """Exact zeros where none can be, and values clamped at an end of the range.

    A value on a rail (0, `tag.low`, `tag.high`, or beyond) that the last honest value did
    not come near is impossible: BAD, verdict sensor. One that was approached step by step
    may be true (a vessel without oxygen reads 0) or clipped: UNCERTAIN, verdict unknown.
    All of them are counted in one condition, confirmed by the third impossible value or a
    quarter of an hour on the rail, and closed after an hour without any.
    """

    KIND = Kind.DEAD
    FIELDS = ("count", "impossible", "run_start", "last_rail", "honest", "rail")

    def __init__(self, tag: Tag) -> None:
        super().__init__(tag)
        free = tag.quantity in CAN_BE_ZERO
        self.rails = frozenset(() if free else (0.0, tag.low, tag.high))
        self.near = NEAR * (tag.high - tag.low)
        self.count = 0
        self.impossible = 0
        self.run_start: int | None = None
        self.last_rail = 0
        self.honest: float | None = None
        self.rail = 0.0

    def see(self, t: int, x: float, out: list[Event]) -> Quality:
        """BAD or UNCERTAIN on a rail, GOOD elsewhere."""
        if x not in self.rails and self.tag.low <= x <= self.tag.high:
            if self.run_start is not None or self.condition.stage:
                self._off(t, out)
            self.honest = x
            return GOOD
        return self._on(t, x, out)

    def _on(self, t: int, x: float, out: list[Event]) -> Quality:
        possible = self.honest is not None and abs(x - self.honest) <= self.near
        if self.run_start is None:
            self.run_start = t
        self.count += 1
        self.impossible += not possible
        self.last_rail, self.rail = t, x
        self._tell(t, out)
        return UNCERTAIN if possible else BAD

    def _tell(self, t: int, out: list[Event]) -> None:
        stays = self.run_start is not None and t - self.run_start >= CONFIRM_RUN
        if not self.condition.open:
            out.append(self._event(Stage.SUSPECTED, t))
        elif self.condition.stage != Stage.CONFIRMED.value and (self.impossible >= CONFIRM_COUNT or stays):
            out.append(self._event(Stage.CONFIRMED, t))

    def _off(self, t: int, out: list[Event]) -> None:
        self.run_start = None
        if self.condition.open and t - self.last_rail >= QUIET:
            out.append(self._event(Stage.CLOSED, t))
            self.count = self.impossible = 0

    def _event(self, stage: Stage, t: int) -> Event:
        sensor = 0.9 if self.impossible else 0.4
        ranked = [
            ("dead_channel", Verdict.SENSOR, sensor),
            ("end_of_range", Verdict.UNKNOWN, 1.0 - sensor),
        ]
        ranked.sort(key=lambda cause: -cause[2])
        return self.condition.move(
            stage,
            t,
            since=None if self.condition.open else t,
            size=self.rail,
            confidence=ranked[0][2],
            causes=self.causes(*ranked),
            detail={"value": self.rail, "count": self.count, "impossible": self.impossible},
        )
