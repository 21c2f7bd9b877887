"""From findings to verdicts: one standing condition per fault, suspected, confirmed, revised, closed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from twin.domain.event import Cause, Event, Kind, ModelRef, Stage, Verdict
from twin.monitors.glr import Finding
from twin.processes.base import Hypothesis, Shape

HOUR: Final = 3_600_000_000_000
SUSPECT: Final = 0.5
"""Share of the threshold from which a finding is suspected (chosen default)."""
SURE: Final = 0.8
"""Probability among all hypotheses needed to confirm (chosen default)."""
LIKELY: Final = 0.5
"""Probability needed to suspect (chosen default)."""
REVISE: Final = 1.6
"""A jump is revised when its size has grown or shrunk by this factor (chosen default)."""
REVISE_RAMP: Final = 0.2
"""A drift is revised when its size has moved by this share, ... (chosen default)"""
REVISE_LEAST: Final = 2.0
"""... or by this many of the least changes worth telling in an hour, but never by less than the model's own
error may feign (chosen default)."""
PAUSE_H: Final = 1.0
"""A standing condition is told again after this long at the soonest [h] (chosen default)."""
GONE: Final = 0.3
"""Below this share of its largest size, and within its slack, a condition is on its way out (default)."""
FRESH_H: Final = 6.0
"""A condition told within this time explains large innovations [h] (chosen default)."""
QUIET_H: Final = 3.0
"""It is closed after this long [h] (chosen default)."""


@dataclass(slots=True)
class Standing:
    """A condition that was raised and not closed.

    Parameters
    ----------
    code, condition : str
    stage : str
        Value of the last stage told.
    since_ns, told_ns : int
        Onset; when it was last told [ns].
    baseline : float
        Value of the state without the fault [state unit].
    told, peak : float
        Size last told; largest size so far [state unit].
    confidence : float
    quiet_ns : int
        Since when it looks over [ns]; 0 when it does not.
    """

    code: str
    condition: str
    stage: str
    since_ns: int
    told_ns: int
    baseline: float = 0.0
    told: float = 0.0
    peak: float = 0.0
    confidence: float = 0.0
    quiet_ns: int = 0


@dataclass(slots=True)
class Decisions:
    """Decision layer of one vessel.

    Parameters
    ----------
    asset : str
    hypotheses : Mapping[str, Hypothesis]
        By code.
    model : ModelRef
    """

    asset: str
    hypotheses: Mapping[str, Hypothesis]
    model: ModelRef
    numbers: dict[str, int] = field(default_factory=dict)
    """how many conditions of each code there have been"""
    held: dict[str, int] = field(default_factory=dict)
    """since when a code leads so far (``<code>/likely``, ``<code>/firm``) [ns]"""
    suspected: dict[str, Standing] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)

    def blocked(self) -> frozenset[str]:
        """States about which nothing is told: of standing conditions; all, where one eclipses the rest."""
        standing = [self.hypotheses[code] for code in self.standing]
        eclipsed = any(h.eclipses for h in standing)
        return frozenset(h.state for h in (self.hypotheses.values() if eclipsed else standing))

    def unfounded(self) -> NDArray[np.bool_]:
        """Hypotheses (h,) that are told against a state which a standing condition has let go."""
        free = {self.hypotheses[code].state for code in self.standing}
        return np.array([not free.isdisjoint(h.held) for h in self.hypotheses.values()], dtype=bool)

    def lying(self) -> list[Hypothesis]:
        """What standing conditions say is wrong with probes."""
        told = (self.hypotheses[code] for code in self.standing)
        return [h for h in told if h.verdict is Verdict.SENSOR]

    def rates(self) -> dict[str, float]:
        """How fast standing faults that grow move their states [state unit/h]."""
        found = {}
        for code, standing in self.standing.items():
            h = self.hypotheses[code]
            if h.shape is Shape.RAMP and not standing.quiet_ns:
                found[h.state] = standing.told / max((standing.told_ns - standing.since_ns) / HOUR, 0.1)
        return found

    def busy(self, now_ns: int) -> bool:
        """Tell whether a fault is suspected, or was confirmed within the last `FRESH_H` hours."""
        fresh = (now_ns - s.told_ns < FRESH_H * HOUR for s in self.standing.values())
        return bool(self.suspected) or any(fresh)

    def suspected_at(self, time_ns: int) -> list[str]:
        """Codes that are suspected now and were already at that time."""
        return [code for code, standing in self.suspected.items() if standing.told_ns < time_ns]

    def weigh(self, findings: Sequence[Finding], now_ns: int) -> tuple[list[Event], Finding | None]:
        """Events about new findings, and the one that is to be confirmed now, if any."""
        leader = findings[0] if findings and self._worth(findings[0]) else None
        events = self._drop_suspicions(findings, now_ns)
        stages = self._reached(leader)
        self.held = {key: self.held.get(key, now_ns) for key in stages}
        if leader is None:
            return events, None
        code, wait_ns = leader.hypothesis.code, int(leader.hypothesis.hold_h * HOUR)
        lasted = [key for key in stages if now_ns - self.held[key] >= wait_ns]
        if f"{code}/firm" in lasted:
            return events, leader
        if f"{code}/likely" in lasted and code not in self.suspected:
            events.append(self._suspect(leader, findings, now_ns))
        return events, None

    def _reached(self, leader: Finding | None) -> list[str]:
        """What the leading finding amounts to now; each must last before it is told."""
        if leader is None or leader.probability < LIKELY:
            return []
        code = leader.hypothesis.code
        return [f"{code}/likely", f"{code}/firm"] if self._firm(leader) else [f"{code}/likely"]

    def follow(self, values: Mapping[str, float], now_ns: int) -> list[Event]:
        """Events about standing conditions, given the present values of all states by name."""
        events = []
        for standing in list(self.standing.values()):
            event = self._follow(standing, values, now_ns)
            if event is not None:
                events.append(event)
        return events

    def confirm(self, f: Finding, findings: Sequence[Finding], now_ns: int, baseline: float) -> Event:
        """Raise a condition; `baseline` is the state without the fault [state unit]."""
        standing = self._open(f, Stage.CONFIRMED, now_ns)
        standing.baseline = baseline
        self.standing[standing.code] = standing
        self.held.clear()
        return self._event(standing, Stage.CONFIRMED, now_ns, f.total, f.total_sd, f, findings)

    def _worth(self, f: Finding) -> bool:
        return f.ratio >= SUSPECT * f.hypothesis.threshold and abs(f.size) >= f.hypothesis.least

    def _firm(self, f: Finding) -> bool:
        return f.ratio >= f.hypothesis.threshold and f.probability >= SURE

    def _drop_suspicions(self, findings: Sequence[Finding], now_ns: int) -> list[Event]:
        """Close what is suspected no longer."""
        ratios = {f.hypothesis.code: f.ratio for f in findings if f.probability >= 0.1}
        events = []
        for code, standing in list(self.suspected.items()):
            if ratios.get(code, 0.0) < 0.5 * SUSPECT * self.hypotheses[code].threshold:
                events.append(self._event(standing, Stage.CLOSED, now_ns, standing.told, 0.0))
                del self.suspected[code]
        return events

    def _open(self, f: Finding, stage: Stage, now_ns: int) -> Standing:
        code = f.hypothesis.code
        known = self.suspected.pop(code, None)
        if known is None:
            self.numbers[code] = self.numbers.get(code, 0) + 1
            known = Standing(code, f"{self.asset}/{code}/{self.numbers[code]}", stage.value, 0, now_ns)
        known.stage, known.since_ns, known.told = stage.value, f.onset_ns, f.total
        known.peak, known.confidence, known.told_ns = f.total, f.probability, now_ns
        return known

    def _suspect(self, f: Finding, findings: Sequence[Finding], now_ns: int) -> Event:
        standing = self._open(f, Stage.SUSPECTED, now_ns)
        self.suspected[standing.code] = standing
        return self._event(standing, Stage.SUSPECTED, now_ns, f.total, f.total_sd, f, findings)

    def _follow(self, standing: Standing, values: Mapping[str, float], now_ns: int) -> Event | None:
        h = self.hypotheses[standing.code]
        total = values[h.state] - standing.baseline
        standing.peak = max(standing.peak, total, key=abs)
        if abs(total) > max(GONE * abs(standing.peak), h.slack):
            standing.quiet_ns = 0
        elif standing.quiet_ns == 0:
            standing.quiet_ns = now_ns
        if standing.quiet_ns and now_ns - standing.quiet_ns >= QUIET_H * HOUR:
            del self.standing[standing.code]
            return self._event(standing, Stage.CLOSED, now_ns, total, 0.0)
        fresh = now_ns - standing.told_ns < PAUSE_H * HOUR
        if fresh or standing.quiet_ns or not self._changed(standing, total, h):
            return None
        standing.told, standing.told_ns, standing.stage = total, now_ns, Stage.REVISED.value
        return self._event(standing, Stage.REVISED, now_ns, total, 0.0)

    def _changed(self, standing: Standing, total: float, h: Hypothesis) -> bool:
        moved = abs(total - standing.told)
        if h.shape is Shape.RAMP:
            return moved > max(h.slack, min(REVISE_RAMP * abs(standing.told), REVISE_LEAST * h.least))
        bigger, smaller = max(abs(total), abs(standing.told)), min(abs(total), abs(standing.told))
        return bigger > REVISE * smaller and bigger - smaller > 2.0 * h.slack

    def _event(
        self, standing: Standing, stage: Stage, now_ns: int, total: float, total_sd: float,
        f: Finding | None = None, findings: Sequence[Finding] = (),
    ) -> Event:  # fmt: skip
        h = self.hypotheses[standing.code]
        return Event(
            t=now_ns,
            kind=Kind.DRIFT,
            asset=self.asset,
            stage=stage,
            condition=standing.condition,
            tag=self._tag(h),
            verdict=h.verdict,
            since=standing.since_ns,
            size=_round(h.readable(total)),
            unit=h.unit,
            confidence=round(standing.confidence, 4),
            causes=self._causes(standing, findings),
            evidence=h.evidence,
            model=self.model,
            detail=self._detail(h, standing, now_ns, total, total_sd, f),
        )

    def _detail(
        self, h: Hypothesis, standing: Standing, now_ns: int, total: float, total_sd: float,
        f: Finding | None,
    ) -> dict[str, float | str]:  # fmt: skip
        detail: dict[str, float | str] = {"code": h.code}
        hours = (now_ns - standing.since_ns) / HOUR
        if h.shape is Shape.RAMP and hours > 0.0:
            detail["rate_per_h"] = _round(h.readable(total / hours))
        if f is not None:
            detail["size_sd"] = _round(abs(h.readable(total + total_sd) - h.readable(total)))
            detail["likelihood_ratio"] = _round(f.ratio)
        return detail

    def _causes(self, standing: Standing, findings: Sequence[Finding]) -> tuple[Cause, ...]:
        ranked = [(f.hypothesis, f.probability) for f in findings[:4]]
        if not ranked:
            ranked = [(self.hypotheses[standing.code], standing.confidence)]
        return tuple(Cause(h.code, h.verdict, self.asset, self._tag(h), round(p, 4)) for h, p in ranked)

    def _tag(self, h: Hypothesis) -> str | None:
        return f"{self.asset}.{h.tag}" if h.tag else None

    def snapshot(self) -> dict[str, Any]:
        """State as numbers, strings and lists."""
        return {
            "numbers": dict(self.numbers),
            "held": dict(self.held),
            "suspected": {c: asdict(s) for c, s in self.suspected.items()},
            "standing": {c: asdict(s) for c, s in self.standing.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state from `snapshot`."""
        self.numbers, self.held = dict(state["numbers"]), dict(state["held"])
        self.suspected = {c: Standing(**s) for c, s in state["suspected"].items()}
        self.standing = {c: Standing(**s) for c, s in state["standing"].items()}


def _round(value: float) -> float:
    """Four significant digits: what a person reads, and the same on every machine."""
    return float(f"{value:.4g}")
