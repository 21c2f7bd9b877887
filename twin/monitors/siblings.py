"""The unusual vessel among its siblings: vessels with the same model, compared at equal batch age.

Every 6 h of batch age the logarithm of what the twin estimates of a vessel is set against its siblings:

    z = (x - median of siblings) / (s sqrt(1 + pi / (2 m)))
    s^2 = (nu0 s0^2 + m (1.4826 MAD)^2) / (nu0 + m)

with m siblings, MAD their median absolute deviation, and `s0` the spread of healthy batches known before,
worth `nu0` siblings (the prior of a variance: Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6).
Median and MAD bear that some siblings are odd themselves; pi / (2 m) is the variance of a median. The
threshold of |z| is that at which simulated fleets of healthy vessels, whose deviations keep 72 h, raise
`PROMISED` false findings per 1,000 vessel-hours (``python -m benchmarks.siblings_bench``).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from twin.domain.asset import Vessel
from twin.domain.event import Cause, Event, Kind, Stage, Verdict
from twin.domain.measurement import Estimate

HOUR: Final = 3_600_000_000_000
COMPARED: Final[Mapping[str, float]] = {"est_VCD": 0.12, "est_OUR": 0.16, "est_titre": 0.22}
"""Quantities that are compared, where the model has them, and s0: the standard deviation of their logarithm
between healthy batches (simulated ones, seeds 1200-1206)."""
GRID_H: Final = 6
"""Distance of the ages at which vessels are compared [h]."""
YOUNG_H: Final = 48
"""Nothing is compared before this age: the beliefs are those of the begin (chosen default) [h]."""
FEWEST: Final = 4
"""Siblings needed."""
WORTH: Final = 4.0
"""nu0 (chosen default)."""
LASTS: Final = 2
"""It must be unusual at so many ages in a row (chosen default)."""
OVER: Final = 0.6
"""It is over when |z| stays below this part of the threshold as long (chosen default)."""
PROMISED: Final = 0.25
"""False findings per 1,000 vessel-hours that the thresholds are set for."""
THRESHOLDS: Final[Mapping[int, float]] = {4: 3.55, 6: 3.65, 9: 3.7, 14: 3.65, 24: 3.55}
"""By number of siblings; between them the next smaller one holds."""


def threshold(siblings: int) -> float:
    """Threshold of |z| for so many siblings."""
    return THRESHOLDS[max(n for n in THRESHOLDS if n <= siblings)]


def deviation(quantity: str, own: float, others: Sequence[float]) -> tuple[float, float]:
    """How far a vessel lies from its siblings, as they are and in units of its spread (z)."""
    centre, m = median(others), len(others)
    mad = 1.4826 * median(abs(x - centre) for x in others)
    scale = math.sqrt((WORTH * COMPARED[quantity] ** 2 + m * mad**2) / (WORTH + m))
    return own - centre, (own - centre) / (scale * math.sqrt(1.0 + math.pi / (2.0 * m)))


@dataclass(slots=True)
class Standing:
    """A vessel that is, or may become, unusual."""

    number: int = 0
    count: int = 0
    """ages in a row beyond the threshold, or below what ends it"""
    since_ns: int = 0
    open: bool = False


@dataclass(slots=True)
class Siblings:
    """Compares the vessels of a line.

    Parameters
    ----------
    vessels : Mapping of str to Vessel
        Those that can have siblings: with a model and a batch.
    """

    vessels: Mapping[str, Vessel]
    values: dict[str, dict[int, dict[str, float]]] = field(default_factory=dict)
    """by vessel and age [h]: logarithm of each quantity"""
    standing: dict[str, Standing] = field(default_factory=dict)
    faults: dict[str, set[str]] = field(default_factory=dict)
    """conditions of drifts that stand, by vessel"""

    @staticmethod
    def of(vessels: Iterable[Vessel]) -> "Siblings":
        """The siblings among some vessels."""
        return Siblings({v.id: v for v in vessels if v.process and v.batch})

    def see(self, estimates: Sequence[Estimate], events: Sequence[Event]) -> list[Event]:
        """Take what one frame of one vessel brought forth; returns what is unusual about it."""
        for event in events:
            self._note(event)
        if not estimates:
            return []
        vessel = self.vessels.get(estimates[0].name.partition(".")[0])
        if vessel is None or vessel.batch is None:
            return []
        age_ns = estimates[0].time_ns - vessel.batch.start_ns
        age, rest = divmod(age_ns, GRID_H * HOUR)
        if rest >= HOUR or age * GRID_H in self.values.get(vessel.id, {}):
            return []
        return self._compare(vessel, int(age) * GRID_H, estimates)

    def _note(self, event: Event) -> None:
        if event.kind is not Kind.DRIFT:
            return
        known = self.faults.setdefault(event.asset, set())
        if event.stage is Stage.CONFIRMED:
            known.add(event.condition)
        elif event.stage is Stage.CLOSED:
            known.discard(event.condition)

    def _compare(self, vessel: Vessel, age: int, estimates: Sequence[Estimate]) -> list[Event]:
        """Keep the values at this age and judge those one step before, when the siblings' are in too."""
        names = {f"{vessel.id}.{q}": q for q in COMPARED}
        found = {names[e.name]: e.mean for e in estimates if e.name in names}
        self.values.setdefault(vessel.id, {})[age] = {q: math.log(max(v, 1e-3)) for q, v in found.items()}
        before = age - GRID_H
        if before < YOUNG_H or before not in self.values[vessel.id]:
            return []
        return self._judge(vessel, before, estimates[0].time_ns)

    def _judge(self, vessel: Vessel, age: int, now_ns: int) -> list[Event]:
        others = self._siblings(vessel, age)
        if len(others) < FEWEST:
            return []
        own = self.values[vessel.id][age]
        away = {
            q: deviation(q, own[q], [each[q] for each in others])
            for q in own
            if all(q in each for each in others)
        }
        limit = threshold(len(others))
        largest = max((abs(z) for _, z in away.values()), default=0.0)
        standing = self.standing.setdefault(vessel.id, Standing())
        told = bool(self.faults.get(vessel.id))
        if standing.open:
            standing.count = standing.count + 1 if largest < OVER * limit or told else 0
        else:
            standing.count = standing.count + 1 if largest > limit and not told else 0
            if standing.count == 1:
                standing.since_ns = now_ns - GRID_H * HOUR
        if standing.count < LASTS:
            return []
        standing.open, standing.count = not standing.open, 0
        standing.number += standing.open
        return [self._event(vessel, standing, away, limit, len(others), now_ns)]

    def _siblings(self, vessel: Vessel, age: int) -> list[dict[str, float]]:
        """Values at that age of vessels with the same model that were so old by the time this one was."""
        assert vessel.batch is not None
        found = []
        for other in self.vessels.values():
            same = other.id != vessel.id and (other.process, other.parameters) == (
                vessel.process,
                vessel.parameters,
            )
            if same and other.batch and other.batch.start_ns <= vessel.batch.start_ns:
                found.append(self.values.get(other.id, {}).get(age, {}))
        return [each for each in found if each]

    def _event(
        self, vessel: Vessel, standing: Standing, away: Mapping[str, tuple[float, float]], limit: float,
        siblings: int, now_ns: int,
    ) -> Event:  # fmt: skip
        leader = max(away, key=lambda q: abs(away[q][1]))
        beyond = sum(abs(z) > limit for _, z in away.values())
        verdict = Verdict.PROCESS if beyond > 1 else Verdict.UNKNOWN
        off, z = away[leader]
        return Event(
            t=now_ns,
            kind=Kind.UNUSUAL,
            asset=vessel.id,
            stage=Stage.CONFIRMED if standing.open else Stage.CLOSED,
            condition=f"{vessel.id}/unlike_siblings/{standing.number}",
            verdict=verdict,
            since=standing.since_ns,
            size=float(f"{100.0 * math.expm1(off):.4g}"),
            unit="%",
            causes=(Cause("unlike_siblings", verdict, vessel.id, None, 1.0),),
            evidence=("siblings",),
            detail={
                "code": "unlike_siblings",
                "quantity": leader.removeprefix("est_"),
                "deviations": float(f"{z:.3g}"),
                "threshold": limit,
                "siblings": float(siblings),
            },
        )

    def snapshot(self) -> dict[str, Any]:
        """State as numbers, strings and lists."""
        return {
            "values": {v: {str(a): dict(q) for a, q in ages.items()} for v, ages in self.values.items()},
            "standing": {v: [s.number, s.count, s.since_ns, s.open] for v, s in self.standing.items()},
            "faults": {v: sorted(known) for v, known in self.faults.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state from `snapshot`."""
        self.values = {v: {int(a): dict(q) for a, q in ages.items()} for v, ages in state["values"].items()}
        self.standing = {
            v: Standing(int(n), int(count), int(since), bool(is_open))
            for v, (n, count, since, is_open) in state["standing"].items()
        }
        self.faults = {v: set(known) for v, known in state["faults"].items()}
