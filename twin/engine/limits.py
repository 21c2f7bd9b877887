"""Limit alarms of one tag with dead band, on-delay and off-delay (ISA-18.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.measurement import GOOD, Measurement
from twin.domain.tag import Tag

SECOND: Final = 1_000_000_000
_ORDER: Final = ("low_low", "high_high", "low", "high")


@dataclass(slots=True)
class LimitWatch:
    """Follows the limits of one tag; at most one open condition for each limit."""

    tag: Tag
    passed_since: dict[str, int] = field(default_factory=dict)
    standing: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    left_since: dict[str, int] = field(default_factory=dict)
    farthest: dict[str, float] = field(default_factory=dict)
    """value that lay farthest beyond a limit since it was passed [tag's unit]"""
    names: tuple[str, ...] = field(init=False)
    """limits that the tag has"""
    _inner: tuple[float, float] = field(init=False)
    """between these no limit is passed"""

    def __post_init__(self) -> None:
        limits = {name: getattr(self.tag.limits, name) for name in _ORDER}
        self.names = tuple(name for name, limit in limits.items() if limit is not None)
        lows = [limits[name] for name in self.names if name.startswith("low")]
        highs = [limits[name] for name in self.names if name.startswith("high")]
        self._inner = max(lows, default=-inf), min(highs, default=inf)

    def update(self, m: Measurement) -> list[Event]:
        """Take one measurement in time order; returns the limits passed and left by it."""
        value = m.value
        if value is None or m.quality is not GOOD:
            return []
        low, high = self._inner
        if low <= value <= high and not self.standing and not self.passed_since:
            return []
        found = [self._check(name, value, m.time_ns) for name in self.names]
        return [event for event in found if event is not None]

    def snapshot(self) -> list[dict[str, Any]]:
        """State as plain values."""
        parts = (self.passed_since, self.standing, self.counts, self.left_since, self.farthest)
        return [dict(part) for part in parts]

    def restore(self, parts: Sequence[dict[str, Any]]) -> None:
        """Take up a state from `snapshot`; an older one has fewer parts."""
        kept = [dict(part) for part in parts]
        self.passed_since, self.standing, self.counts = kept[:3]
        self.left_since = kept[3] if len(kept) > 3 else {}
        self.farthest = kept[4] if len(kept) > 4 else {}

    def _check(self, name: str, value: float, t: int) -> Event | None:
        limit = getattr(self.tag.limits, name)
        beyond = (value - limit) if name.startswith("high") else (limit - value)
        if beyond > 0:
            outer = min if name.startswith("low") else max
            self.farthest[name] = outer(self.farthest.get(name, value), value)
        if name in self.standing:
            return self._standing(name, beyond, t, value)
        if beyond <= 0:
            self.passed_since.pop(name, None)
            self.farthest.pop(name, None)
            return None
        since = self.passed_since.setdefault(name, t)
        return self._enter(name, t, value, since) if t - since >= self.tag.on_delay_s * SECOND else None

    def _standing(self, name: str, beyond: float, t: int, value: float) -> Event | None:
        if beyond >= -self.tag.deadband:
            self.left_since.pop(name, None)
            return None
        since = self.left_since.setdefault(name, t)
        return self._leave(name, t, value) if t - since >= self.tag.off_delay_s * SECOND else None

    def _enter(self, name: str, t: int, value: float, since: int) -> Event:
        self.counts[name] = self.counts.get(name, 0) + 1
        self.standing[name] = since
        return self._event(name, t, value, Stage.CONFIRMED, since)

    def _leave(self, name: str, t: int, value: float) -> Event:
        told = self._event(name, t, value, Stage.CLOSED, self.standing.pop(name))
        for part in (self.passed_since, self.left_since, self.farthest):
            part.pop(name, None)
        return told

    def _event(self, name: str, t: int, value: float, stage: Stage, since: int) -> Event:
        """Its size is the farthest beyond the limit since it was passed."""
        limit = getattr(self.tag.limits, name)
        return Event(
            t=t,
            kind=Kind.LIMIT,
            asset=self.tag.asset,
            stage=stage,
            condition=f"{self.tag.asset}/limit_{name}/{self.tag.name}/{self.counts[name]}",
            tag=self.tag.id,
            verdict=Verdict.UNKNOWN,
            since=since,
            size=self.farthest.get(name, value) - limit,
            unit=self.tag.unit,
            detail={"limit": limit, "value": value, "which": name},
        )
