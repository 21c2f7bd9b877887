"""From the outcomes of a campaign to figures: told, missed, how late, how right, how often for nothing.

A *finding* is a confirmed event that says something is wrong, with a verdict. A value that passed
one of its limits is a fact and no verdict: limit alarms are counted apart.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from simulators.faults import FAULTS
from simulators.scenario import FaultSpec
from twin.domain.event import Event, Kind, Stage, Verdict
from twin.service.campaign import VESSEL, BaseSection, scenario_of
from twin.service.score import FINDINGS, match
from twin.service.sensors import plain, pooled, ratio, root
from twin.service.trial import COMPARED, HOUR, START_NS, Outcome

Figures = dict[str, Any]

SIZED: Final = frozenset(
    {
        "pH_drift", "pO2_drift", "pCO2_drift", "conductivity_shift", "temperature_bias", "kLa_loss",
        "aeration_loss", "feed_pump_loss", "base_line_blocked", "retention_fouling",
    }
)  # fmt: skip
"""Kinds whose size the twin tells in a unit that compares with the plant's."""
WHOLE: Final = frozenset({"kLa_loss", "contamination", "starvation"})
"""Kinds that concern the vessel or its culture: the right finding names no part."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One batch with what was found in it.

    Parameters
    ----------
    outcome : Outcome
    finding : Event or None
        The confirmed finding that answers the batch's fault.
    beyond : tuple of Event
        Confirmed findings that answer nothing.
    limits : int
        Limit alarms raised.
    second : Event or None
        The confirmed finding that answers the second fault of a batch with two.
    blameless : int
        Findings that blame nobody, such as a value at the end of its range: facts, like limit alarms.
    """

    outcome: Outcome
    finding: Event | None
    beyond: tuple[Event, ...]
    limits: int
    second: Event | None = None
    blameless: int = 0

    @property
    def fault(self) -> FaultSpec | None:
        """What was wrong."""
        return self.outcome.plan.fault


def judge(outcome: Outcome, base: BaseSection) -> Judged:
    """Pair the batch's fault, if any, with a finding; of tags the campaign silences nothing counts."""
    silent = {f"{VESSEL}.{name}" for name in base.silent}
    heard = [e for e in outcome.events if e.tag not in silent]
    found = [e for e in heard if e.kind is not Kind.LIMIT and e.verdict is not Verdict.UNKNOWN]
    facts = [e for e in heard if e.verdict is Verdict.UNKNOWN and e.kind in FINDINGS]
    limits = [e for e in outcome.events if e.kind is Kind.LIMIT and e.stage is Stage.CONFIRMED]
    matches, beyond = match(scenario_of(outcome.plan, base), START_NS, found)
    finding = matches[0].finding if matches else None
    second = matches[1].finding if len(matches) > 1 else None
    blameless = sum(e.kind is not Kind.LIMIT and e.stage is Stage.CONFIRMED for e in facts)
    return Judged(outcome, finding, tuple(beyond), len(limits), second, blameless)


def delay_h(j: Judged) -> float | None:
    """From onset to confirmation [h]; None when missed."""
    if j.fault is None or j.finding is None:
        return None
    return (j.finding.t - START_NS) / HOUR - j.fault.at_h


def lead_h(j: Judged) -> float | None:
    """From when the fault began to matter to confirmation [h], negative before it; None without both."""
    if j.finding is None or j.outcome.visible_h is None:
        return None
    return (j.finding.t - START_NS) / HOUR - j.outcome.visible_h


def both_right(j: Judged) -> bool | None:
    """Tell whether both faults of a batch were told with the right verdict; None where there is but one."""
    if j.outcome.plan.also is None:
        return None
    pairs = zip(j.outcome.plan.faults, (j.finding, j.second), strict=True)
    return all(e and e.verdict and e.verdict.value == FAULTS[f.kind].verdict for f, e in pairs)


def onset_error_h(j: Judged) -> float | None:
    """Onset told minus true onset [h]; None when missed or not told."""
    if j.fault is None or j.finding is None or j.finding.since is None:
        return None
    return (j.finding.since - START_NS) / HOUR - j.fault.at_h


def verdict_right(j: Judged) -> bool | None:
    """Tell whether sensor, process or actuator was blamed rightly; None when missed."""
    if j.fault is None or j.finding is None:
        return None
    return j.finding.verdict is not None and j.finding.verdict.value == FAULTS[j.fault.kind].verdict


def asset_right(j: Judged) -> bool | None:
    """Tell whether vessel and part are the true ones; None when missed."""
    if j.fault is None or j.finding is None:
        return None
    part = None if j.fault.kind in WHOLE else f"{VESSEL}.{j.fault.concerns}"
    return j.finding.asset == VESSEL and j.finding.tag == part


def size_error_percent(j: Judged) -> float | None:
    """Size told at confirmation beside the true one [%]; None where the two do not compare."""
    if j.fault is None or j.finding is None or j.fault.kind not in SIZED or j.finding.kind is not Kind.DRIFT:
        return None
    told, true = _told_size(j.fault, j.finding), _true_size(j.fault, j.outcome.level)
    if told is None or not true or not (verdict_right(j) and asset_right(j)):
        return None
    return 100.0 * (told / true - 1.0)


def _told_size(fault: FaultSpec, finding: Event) -> float | None:
    if not FAULTS[fault.kind].ramps:
        return finding.size
    rate = finding.detail.get("rate_per_h")
    return float(rate) if rate is not None else None


def _true_size(fault: FaultSpec, level: float | None) -> float | None:
    """In the unit of the finding: a fraction lost is a negative percentage, a gain a shift at its level."""
    kind = FAULTS[fault.kind]
    if kind.unit == "fraction":
        return -100.0 * fault.magnitude
    if kind.unit == "%":
        return None if level is None else fault.magnitude / 100.0 * level
    return fault.magnitude


def figures(batches: Sequence[Judged]) -> Figures:
    """Every figure of a group of batches; None where there is nothing to take it from.

    A fault that never came to matter and was not told is `idle`: neither told nor missed.
    """
    idle = [j for j in batches if j.outcome.idle and not j.finding]
    faulty = [j for j in batches if j.fault and not (j.outcome.idle and not j.finding)]
    told = [j for j in faulty if j.finding]
    delays = _known(map(delay_h, faulty))
    return {
        "batches": len(batches),
        "told": len(told),
        "missed": len(faulty) - len(told),
        "idle": len(idle),
        "miss_rate": ratio(len(faulty) - len(told), len(faulty)),
        "median_delay_h": _quantile(delays, 0.5),
        "delay_quartiles_h": [_quantile(delays, 0.25), _quantile(delays, 0.75)],
        "median_after_it_mattered_h": _quantile(_known(map(lead_h, faulty)), 0.5),
        "both_named": _share(map(both_right, faulty)),
        "verdict_accuracy": _share(map(verdict_right, faulty)),
        "asset_accuracy": _share(map(asset_right, faulty)),
        "onset_error_h": _quantile([abs(e) for e in _known(map(onset_error_h, faulty))], 0.5),
        "size_error_percent": _quantile([abs(e) for e in _known(map(size_error_percent, faulty))], 0.5),
        **alarm_rate(batches),
        **band_figures(batches),
        "nis": _mean(j.outcome.nis for j in batches),
        "nis_inside": _mean(j.outcome.nis_inside for j in batches),
    }


def alarm_rate(batches: Sequence[Judged]) -> Figures:
    """Findings that answer nothing, per 1,000 vessel-hours, with the exact 95 % interval."""
    hours = sum(j.outcome.plan.hours for j in batches)
    count = sum(len(j.beyond) for j in batches)
    scale = 1000.0 / hours if hours else math.nan
    return {
        "hours": hours,
        "false_alarms": count,
        "false_alarms_per_1000h": plain(count * scale),
        "false_alarms_interval": [plain(bound * scale) for bound in poisson_interval(count)],
        "limit_alarms": sum(j.limits for j in batches),
        "blameless_findings": sum(j.blameless for j in batches),
        "refused_readings": sum(j.outcome.refused for j in batches),
    }


def band_figures(batches: Sequence[Judged]) -> Figures:
    """Coverage of the 90 % band and root mean squared errors, in all and by quantity."""
    by = {q: pooled(j.outcome.bands[q] for j in batches if q in j.outcome.bands) for q in COMPARED}
    every = pooled(by.values())
    quantities = {
        q: {
            "coverage90": ratio(b.inside, b.points),
            "rmsep": root(b.squares, b.points),
            "rmsep_last_assay_held": root(b.held_squares, b.held_points),
            "hours_compared": b.points,
        }
        for q, b in by.items()
    }
    return {"coverage90": ratio(every.inside, every.points), "quantities": quantities}


def poisson_interval(count: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a Poisson mean from one count (Garwood 1936, Biometrika 28:437).

    Parameters
    ----------
    count : int
    level : float
        Probability that the interval holds the mean.
    """
    tail = (1.0 - level) / 2.0
    most = count + 10.0 * math.sqrt(count + 1.0) + 10.0
    low = _bisect(lambda mu: 1.0 - _poisson_cdf(count - 1, mu) >= tail, most) if count else 0.0
    return low, _bisect(lambda mu: _poisson_cdf(count, mu) <= tail, most)


def _poisson_cdf(count: int, mean: float) -> float:
    """Probability of at most `count` events."""
    if mean <= 0.0:
        return 1.0
    logs = (k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1))
    return math.fsum(math.exp(value) for value in logs)


def _bisect(passed: Callable[[float], bool], most: float) -> float:
    """Least value in 0..`most` from which `passed` holds."""
    low, high = 0.0, most
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if passed(middle) else (middle, high)
    return high


def _known(values: Iterable[float | None]) -> list[float]:
    return [v for v in values if v is not None]


def _mean(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return plain(sum(known) / len(known)) if known else None


def _share(answers: Iterable[bool | None]) -> float | None:
    known = [a for a in answers if a is not None]
    return ratio(sum(known), len(known))


def _quantile(values: Sequence[float], q: float) -> float | None:
    return plain(float(np.quantile(values, q))) if values else None
