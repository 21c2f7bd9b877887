"""A twin demotes itself when its own figures are poor, and takes itself up again when they are good.

    advice    findings are told, forecasts are made
    monitor   bands and estimates are shown, nothing is forecast
    off       neither bands nor estimates are shown; the twin goes on in silence and says how it is

A finding is told at every level, with the level in its detail: a process that leaves its path surprises the
twin, and must not silence it. While a fault is suspected, or was confirmed within the last hours, large
innovations are what the fault does and do not count against the twin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from twin.domain.event import Cause, Event, Kind, ModelRef, Stage, Verdict
from twin.domain.trust import Trust
from twin.observers.consistency import Consistency

HOUR: Final = 3_600_000_000_000
WINDOW_H: Final = 6
"""Hours with readings over which consistency is judged (chosen default)."""
SURPRISED: Final = 2.5
"""NIS per reading above which the twin only monitors (chosen default; healthy batches have 0.2-0.8)."""
LOST: Final = 10.0
"""... and above which it is off (chosen default)."""
LARGE: Final = 1.0
"""NIS per reading above which coloured innovations count (chosen default)."""
COLOURED: Final = 0.7
"""Lag-1 correlation above which innovations are coloured (chosen default)."""
FEWEST: Final = 5.0
"""NIS must also be this many standard deviations of its own above 1 (chosen default)."""
KNOWN: Final = 0.2
"""A quantity counts as known when the sensors take this part of its doubt away (chosen default)."""
ENOUGH: Final = 0.5
"""Part of the quantities that must be known for advice (chosen default)."""
DARK_H: Final = 6.0
"""After this long without readings the twin only monitors [h]; one that lives on laboratory samples alone is
blind when these stay away (chosen default)."""
RESETS: Final = 3
"""So many resets within `WINDOW_H` put it off (chosen default)."""
HOLD_H: Final = 3.0
"""It must be worse, or better, for this long before trust moves [h] (chosen default)."""
ORDER: Final = (Trust.ADVICE, Trust.MONITOR, Trust.OFF)


@dataclass(frozen=True, slots=True)
class Figures:
    """What trust is judged by.

    Parameters
    ----------
    consistency : Consistency
    known : float
        Part of the quantities that the sensors now alive let the twin know, 0..1.
    dark_h : float
        Time since the last reading [h].
    samples_only : bool
        Whether the model lives on laboratory results alone.
    resets : int
        Within the last `WINDOW_H` hours.
    explained : bool
        Whether a fault that is suspected or fresh explains large innovations.
    """

    consistency: Consistency
    known: float
    dark_h: float
    samples_only: bool
    resets: int
    explained: bool

    def poor(self) -> dict[str, Trust]:
        """What is poor, and how far trust may still go."""
        found: dict[str, Trust] = {}
        nis, correlation = self.consistency.mean(WINDOW_H)
        readings = sum(h.readings for h in self.consistency.hours[-WINDOW_H:])
        telling = readings > 0 and nis > 1.0 + FEWEST * (2.0 / readings) ** 0.5 and not self.explained
        if telling and nis > SURPRISED:
            found["twin_surprised"] = Trust.OFF if nis > LOST else Trust.MONITOR
        elif telling and nis > LARGE and correlation > COLOURED:
            found["twin_not_white"] = Trust.MONITOR
        if self.known < ENOUGH:
            found["twin_blind"] = Trust.MONITOR
        if self.dark_h > DARK_H and not self.samples_only:
            found["twin_dark"] = Trust.MONITOR
        if self.resets >= RESETS:
            found["twin_unstable"] = Trust.OFF
        return found


@dataclass(slots=True)
class TrustKeeper:
    """The trust of one vessel's twin.

    Parameters
    ----------
    asset : str
    model : ModelRef
    """

    asset: str
    model: ModelRef
    level: Trust = Trust.ADVICE
    since_ns: int = 0
    reasons: tuple[str, ...] = ()
    number: int = 0
    """of the demotion that stands, or was last"""
    pending: str = ""
    pending_ns: int = 0
    """towards which level it moves, and since when"""

    def judge(self, figures: Figures, now_ns: int) -> list[Event]:
        """Move trust by one look at the figures, an hour or so after the last."""
        poor = figures.poor()
        self.reasons = tuple(poor)
        wanted = max(poor.values(), key=ORDER.index, default=Trust.ADVICE)
        if wanted is self.level:
            self.pending = ""
            return []
        if self.pending != wanted.value:
            worsens = self.pending and ORDER.index(Trust(self.pending)) > ORDER.index(self.level)
            kept = worsens and ORDER.index(wanted) > ORDER.index(self.level)
            self.pending, self.pending_ns = wanted.value, self.pending_ns if kept else now_ns
        if now_ns - self.pending_ns < HOLD_H * HOUR:
            return []
        return self._move(wanted, figures, now_ns)

    def _move(self, wanted: Trust, figures: Figures, now_ns: int) -> list[Event]:
        before, self.level, self.since_ns, self.pending = self.level, wanted, now_ns, ""
        if before is Trust.ADVICE:
            self.number += 1
        started = Stage.CONFIRMED if before is Trust.ADVICE else Stage.REVISED
        stage = Stage.CLOSED if wanted is Trust.ADVICE else started
        return [self._event(stage, before, figures, now_ns)]

    def _event(self, stage: Stage, before: Trust, figures: Figures, now_ns: int) -> Event:
        nis, correlation = figures.consistency.mean(WINDOW_H)
        code = self.reasons[0] if self.reasons else "twin_recovered"
        return Event(
            t=now_ns,
            kind=Kind.TWIN,
            asset=self.asset,
            stage=stage,
            condition=f"{self.asset}/trust/{self.number}",
            since=self.pending_ns,
            causes=tuple(Cause(r, Verdict.UNKNOWN, self.asset, None, 1.0) for r in self.reasons),
            model=self.model,
            detail={
                "code": code,
                "trust": self.level.value,
                "before": before.value,
                "nis": float(f"{nis:.3g}"),
                "correlation": float(f"{correlation:.2g}"),
                "known": float(f"{figures.known:.2g}"),
            },
        )

    def pass_on(self, events: Sequence[Event]) -> list[Event]:
        """Events as people hear them: findings of a twin that is not trusted say so."""
        if self.level is Trust.ADVICE:
            return list(events)
        said = {"trust": self.level.value}
        return [replace(e, detail={**e.detail, **said}) if e.kind is Kind.DRIFT else e for e in events]

    def snapshot(self) -> dict[str, Any]:
        """State as numbers, strings and lists."""
        return {
            "level": self.level.value,
            "since_ns": self.since_ns,
            "number": self.number,
            "pending": [self.pending, self.pending_ns],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state from `snapshot`."""
        self.level, self.since_ns = Trust(state["level"]), int(state["since_ns"])
        self.number = int(state["number"])
        self.pending, self.pending_ns = str(state["pending"][0]), int(state["pending"][1])
