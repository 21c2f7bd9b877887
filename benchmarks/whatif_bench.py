"""What-if against the plant: the twin's scenarios beside what the plant then does.

For each scenario one simulated batch (2 L, clone and medium drawn anew, kLa varied by 30 %, oxygen uptake by
15 %) is followed by the service's TagBook and Engine from day 3 to day 4, 5 or 6. There the twin is asked,
and the plant, which the twin does not know, goes on with the change made in it. True values 24, 48, 72 and
120 h later are compared with the 90 % bands; glucose and lactate to what a laboratory resolves.

    python -m benchmarks.whatif_bench 9200 [--only 3] [--out FIGURES.json]
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.forecast_bench import band_at
from simulators.plant import Plant
from simulators.recipe import Feeding
from simulators.scenario import FaultSpec
from twin.domain.whatif import Change, WhatIf
from twin.service.build import load_line
from twin.service.campaign import (
    BaseSection,
    Plan,
    SpreadSection,
    campaign_path,
    line_path,
    load_campaign,
    scenario_of,
)
from twin.service.trial import HOUR, START_NS, VESSEL, Follower, line_of, readings

LEADS_H = (24.0, 48.0, 72.0, 120.0)
COMPARED = {
    "est_VCD": "VCD",
    "est_viability": "viability",
    "est_glucose": "glucose",
    "est_lactate": "lactate",
    "est_titre": "titre",
    "est_pH_true": "pH",
    "est_pO2_true": "pO2",
    "est_pCO2_true": "pCO2",
}
RESOLVED = {"glucose": 0.05, "lactate": 0.05}
"""What is less than this [g/L] counts as nothing."""
BASE = BaseSection(
    hours=288.0, start_h=0, period_s=60, volume_l=2, spread=SpreadSection(kLa=0.3, oxygen_uptake=0.15)
)


@dataclass
class Case:
    """A scenario for the twin, and the same for the plant."""

    name: str
    changes: dict[str, float]
    set_points: dict[str, float] = field(default_factory=dict)
    feeding: Callable[[Feeding], Any] | None = None
    fault: tuple[str, float] | None = None
    feed: Callable[[float], float] | None = None
    """feed set point at once, from the one that stands"""


class Decided:
    """The operator's daily decision, altered."""

    def __init__(self, inner: Feeding, alter: Callable[[float], float]) -> None:
        self.inner, self.alter = inner, alter

    def decide(self, *about: Any) -> float:
        """Feed until the next sample [mL/h]."""
        return self.alter(self.inner.decide(*about))


def times(factor: float) -> Case:
    """A feed multiplied."""
    return Case(
        f"feed x {factor:g}",
        {"feed_factor": factor},
        feeding=lambda own: Decided(own, lambda rate: factor * rate),
        feed=lambda rate: factor * rate,
    )


def constant(rate: float) -> Case:
    """A feed that is given [mL/h]."""
    fixed = lambda own: Decided(own, lambda _: rate)  # noqa: E731
    return Case(f"feed {rate:g} mL/h", {"feed_sp": rate}, feeding=fixed, feed=lambda _: rate)


def aimed(glucose: float) -> Case:
    """Another glucose that the daily decision aims at [g/L]."""

    def alter(own: Feeding) -> Feeding:
        own.recipe = own.recipe.model_copy(update={"glucose_target": glucose})
        return own

    return Case(f"glucose to {glucose:g} g/L", {"glucose_sp": glucose}, feeding=alter)


def held(**set_points: float) -> Case:
    """Other set points."""
    name = ", ".join(f"{key} {value:g}" for key, value in set_points.items())
    return Case(name, dict(set_points), dict(set_points))


def broken(kind: str, size: float, code: str, told: float) -> Case:
    """A fault: kind and size for the plant, code and size for the twin."""
    return Case(f"{kind} {size:g}", {code: told}, fault=(kind, size))


def both(one: Case, other: Case) -> Case:
    """Two at once."""
    return replace(
        one,
        name=f"{one.name}, {other.name}",
        changes=one.changes | other.changes,
        set_points=one.set_points | other.set_points,
    )


CASES = (
    times(1.3), times(0.7), times(1.6), constant(0.0), constant(6.0), aimed(8.0), aimed(2.0),
    held(pH_sp=6.9), held(pH_sp=7.15), held(pO2_sp=20.0), held(pO2_sp=60.0), held(temperature_sp=33.0),
    held(temperature_sp=35.0), held(temperature_sp=31.0), both(times(0.7), held(temperature_sp=33.0)),
    broken("kLa_loss", 0.3, "kla_loss", -30.0), broken("feed_pump_loss", 0.4, "feed_pump_failure", -40.0),
    broken("pH_drift", 0.004, "ph_probe_drift", 0.004), broken("aeration_loss", 0.3, "aeration_loss", -30.0),
    both(aimed(6.0), held(temperature_sp=34.0, pH_sp=6.95)),
)  # fmt: skip


def run(case: Case, seed: int, day: int, start_h: float) -> list[dict[str, Any]]:
    """One scenario: what was expected and what came."""
    line_file, line = load_line(line_path(load_campaign(campaign_path("quick"))))
    line = replace(line, vessels=tuple(v for v in line.vessels if v.id == VESSEL))
    now_h = 24.0 * day - start_h
    # a fault of the plant must be in its scenario from the start: it begins when the question is asked
    kind, size = case.fault or ("", 0.0)
    fault = FaultSpec(kind=kind, at_h=now_h, size=size) if kind else None
    plan = Plan(seed, now_h + LEADS_H[-1], start_h, fault)
    plant = Plant(scenario_of(plan, BASE))
    follower = Follower(line_file, line_of(line, plan, BASE))
    follower.take(readings(plant.advance(now_h * 3600.0)))
    question = follower.engine.vessels[VESSEL].question()
    if question is None:
        return []
    asked = WhatIf(case.name, tuple(Change(what, value) for what, value in case.changes.items()))
    forecast = question.answer([asked]).scenarios[case.name]
    alter(plant, case)
    plant.advance((now_h + LEADS_H[-1]) * 3600.0)
    truth, rows = plant.truth(), []
    for lead in LEADS_H:
        at_ns = START_NS + int((now_h + lead) * HOUR)
        for name, true_name in COMPARED.items():
            true = float(np.interp((now_h + lead) * 3600.0, truth["time_s"], truth[true_name]))
            low, middle, high = band_at(forecast, f"{VESSEL}.{name}", at_ns)
            inside = low - RESOLVED.get(true_name, 0.0) <= true <= high
            rows.append(
                {"case": case.name, "seed": seed, "lead_h": lead, "name": true_name, "true": true,
                 "low": low, "middle": middle, "high": high, "inside": inside}
            )  # fmt: skip
    return rows


def alter(plant: Plant, case: Case) -> None:
    """Make the change in the plant, at the time it has reached."""
    vessel = plant._runs[VESSEL]
    for name, value in case.set_points.items():
        plant.set_point(f"{VESSEL}.{name}", value)
    if case.feed is not None:
        plant.set_point(f"{VESSEL}.feed_sp", case.feed(float(vessel.set_points[3])))
    if case.feeding is not None:
        vessel.crew.feeding = case.feeding(vessel.crew.feeding)


def shown(rows: list[dict[str, Any]], key: str) -> dict[str, float]:
    """Share of true values inside the band, by a column."""
    groups = dict.fromkeys(row[key] for row in rows)
    return {str(g): round(float(np.mean([r["inside"] for r in rows if r[key] == g])), 3) for g in groups}


def main() -> None:
    """Print coverage after every scenario."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int, help="of the first scenario; the next have the next")
    parser.add_argument("--only", type=int, nargs="*", help="numbers of scenarios, from 0")
    parser.add_argument("--as-it-is", action="store_true", help="change nothing: the same batches as control")
    parser.add_argument("--start-h", type=float, default=72.0, help="culture age when the twin begins")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for i, case in enumerate(CASES):
        if asked.only and i not in asked.only:
            continue
        case = Case("as it is", {}) if asked.as_it_is else case
        found = run(case, asked.seed + i, 4 + i % 3, asked.start_h)
        rows += found
        missed = [
            f"{r['name']}+{r['lead_h']:.0f}: {r['true']:.3g} not {r['low']:.3g}..{r['high']:.3g}"
            for r in found
            if not r["inside"]
        ]
        inside = np.mean([r["inside"] for r in found]) if found else np.nan
        print(f"{i:2} {case.name:40} {inside:.2f}  {'; '.join(missed)}", flush=True)
        if asked.out:
            figures = {key: shown(rows, key) for key in ("case", "name", "lead_h")}
            figures["all"] = {"inside": round(float(np.mean([r["inside"] for r in rows])), 3)}
            asked.out.write_text(json.dumps({"figures": figures, "rows": rows}, indent=1) + "\n")
    for key in ("name", "lead_h"):
        print(key, shown(rows, key))
    print("all", round(float(np.mean([r["inside"] for r in rows])), 3), "of", len(rows))


if __name__ == "__main__":
    main()
