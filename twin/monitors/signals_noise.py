"""Scatter that grew or collapsed against the channel's own history."""

from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.measurement import GOOD, UNCERTAIN, Quality
from twin.domain.tag import Tag
from twin.monitors.signals_state import Detector

BLOCK = 30
"""Values per block; chosen default."""
HISTORY = 48
"""Blocks remembered; chosen default."""
LEAST = 8
"""Blocks needed before any judgement; chosen default."""
RATIO = 6.0
"""Growth or collapse of the scatter that is named; chosen default."""
OVER = 3.0
"""Growth or collapse below which it is over; chosen default."""
PATIENCE = 2
"""Blocks in a row that must agree; chosen default."""


class NoiseDetector(Detector):
    """Median absolute second difference per block against the middle of past blocks.

    Second differences do not see levels or ramps; the median does not see single spikes.
    Values stay believed during a burst, but UNCERTAIN, so that the noise is widened.
    """

    KIND = Kind.NOISE
    FIELDS = ("before", "previous", "block", "block_t", "past", "streak", "ratio", "onset")

    def __init__(self, tag: Tag) -> None:
        super().__init__(tag)
        self.floor = 0.25 * tag.accuracy
        self.before: float | None = None
        self.previous: float | None = None
        self.block: list[float] = []
        self.block_t = 0
        self.past: list[float] = []
        self.streak = 0
        self.ratio = 1.0
        self.onset = 0

    def see(self, t: int, x: float, out: list[Event]) -> Quality:
        """UNCERTAIN while the scatter is not the usual one."""
        if self.before is not None and self.previous is not None:
            if not self.block:
                self.block_t = t
            self.block.append(abs(x - 2.0 * self.previous + self.before))
            if len(self.block) >= BLOCK:
                self._judge(t, out)
        self.before, self.previous = self.previous, x
        return UNCERTAIN if self.condition.stage else GOOD

    def _judge(self, t: int, out: list[Event]) -> None:
        scatter = max(sorted(self.block)[BLOCK // 2], self.floor)
        self.block = []
        if len(self.past) < LEAST:
            self.past.append(scatter)
            return
        self.ratio = scatter / sorted(self.past)[len(self.past) // 2]
        edge = OVER if self.condition.open else RATIO
        odd = (self.ratio > edge) - (self.ratio < 1.0 / edge)
        if odd == 0:
            self.past = [*self.past, scatter][-HISTORY:]
        self._streak(odd, t, out)

    def _streak(self, odd: int, t: int, out: list[Event]) -> None:
        same = odd != 0 and odd * self.streak >= 0
        if odd and not (same and self.streak):
            self.onset = self.block_t
        self.streak = self.streak + odd if same else odd
        if not self.condition.open and abs(self.streak) >= PATIENCE:
            out.append(self._event(Stage.CONFIRMED, t))
        elif self.condition.open and odd == 0:
            out.append(self._event(Stage.CLOSED, t))

    def _event(self, stage: Stage, t: int) -> Event:
        code = "scatter_collapse" if self.ratio < 1.0 else "scatter_burst"
        return self.condition.move(
            stage,
            t,
            since=self.onset if not self.condition.open else None,
            size=None,
            confidence=0.8,
            causes=self.causes((code, Verdict.SENSOR, 0.8), ("restless_process", Verdict.PROCESS, 0.2)),
            detail={"ratio": self.ratio},
        )
