"""How long before cells die of hunger it is foretold that glucose runs out, and how often for nothing.

Every batch of a campaign goes through the service's own TagBook and Engine; each hour a forecast is made (a
running service makes one every 15 minutes) and asked what a subscriber would ask: glucose below 0.5 g/L
within the next hours with at least that probability. A warning lasts until its probability is half of what
was asked for (`twin.alarms.risk`). What was true is looked at afterwards.

    python -m benchmarks.starvation_bench starvation [--within 24] [--probability 0.5] [--jobs 2]
"""

import argparse
import json
from dataclasses import dataclass
from functools import partial

import numpy as np

from simulators.plant import Plant
from twin.alarms.risk import AGAIN, probability
from twin.domain.asset import Line
from twin.domain.subscription import Risk
from twin.service.campaign import (
    BaseSection,
    Plan,
    campaign_path,
    load_campaign,
    plans,
    scenario_of,
)
from twin.service.line import LineFile
from twin.service.trial import VESSEL, Follower, line_of, readings, run_all, visible

GLUCOSE = 0.5
"""What must not be passed [g/L]: the low-low limit of the packaged tag set."""
FIRST_H = 6.0
"""No forecast is asked for earlier: the twin has just begun [h]."""


@dataclass(frozen=True, slots=True)
class Told:
    """One batch: warnings as first and last hour, the onset, when glucose was gone and viability fell [h]."""

    seed: int
    warned: list[tuple[float, float]]
    onset: float | None
    gone: float | None
    fell: float | None
    hours: float


def lived(risk: Risk, base: BaseSection, line_file: LineFile, line: Line, plan: Plan) -> Told:
    """Simulate one batch, follow it, and ask every hour."""
    plant = Plant(scenario_of(plan, base))
    follower = Follower(line_file, line_of(line, plan, base))
    warned: list[tuple[float, float]] = []
    standing = False
    for h in np.arange(1.0, plan.hours + 0.5):
        follower.take(readings(plant.advance(h * 3600.0)))
        question = follower.engine.vessels[VESSEL].question() if h >= FIRST_H else None
        chance = (probability(question.forecast(), risk) or 0.0) if question else 0.0
        standing = chance >= risk.probability * (AGAIN if standing else 1.0)
        if standing and warned and warned[-1][1] == h - 1.0:
            warned[-1] = (warned[-1][0], float(h))
        elif standing:
            warned.append((float(h), float(h)))
    truth = plant.truth()
    low = np.flatnonzero(truth["glucose"] < GLUCOSE)
    gone = float(truth["time_s"][low[0]]) / 3600.0 if low.size else None
    onset = plan.fault.at_h if plan.fault else None
    return Told(plan.seed, warned, onset, gone, visible(plan, truth), plan.hours)


def leads(batch: Told) -> tuple[float, float] | None:
    """From the warning that stood when glucose went below the bound, to that and to viability fallen [h]."""
    assert batch.gone is not None
    assert batch.fell is not None
    first = next((first for first, last in batch.warned if first <= batch.gone <= last + 1.0), None)
    return None if first is None else (batch.gone - first, batch.fell - first)


def false(batch: Told) -> int:
    """Warnings that began while nothing was withheld."""
    onset = batch.hours if batch.onset is None else batch.onset
    return sum(first < onset for first, _ in batch.warned)


def main() -> None:
    """Print a row for each batch, and the whole as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("campaign")
    parser.add_argument("--within", type=float, default=24.0)
    parser.add_argument("--probability", type=float, default=0.5)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    campaign = load_campaign(campaign_path(asked.campaign))
    risk = Risk(f"{VESSEL}.est_glucose", GLUCOSE, None, asked.within, asked.probability)
    done = []
    for batch in run_all(campaign, plans(campaign), asked.jobs, partial(lived, risk)):
        print(batch, flush=True)
        done.append(batch)
    print(json.dumps(figures(done)))


def figures(done: list[Told]) -> dict[str, float | int | None]:
    """Leads of the starved, and false warnings over all hours in which nothing was withheld."""
    starved = [b for b in done if b.gone is not None and b.fell is not None]
    found = [lead for b in starved if (lead := leads(b)) is not None]
    hours = sum(b.hours if b.onset is None else b.onset for b in done)
    wrong = sum(false(b) for b in done)
    to_gone, to_fall = (np.median(part) for part in zip(*found, strict=True)) if found else (None, None)
    return {
        "starved": len(starved),
        "foretold": len(found),
        "median_h_before_glucose_is_gone": to_gone,
        "median_h_before_viability_falls": to_fall,
        "least_h_before_viability_falls": min((lead[1] for lead in found), default=None),
        "false_warnings": wrong,
        "false_per_1000h": round(1000.0 * wrong / hours, 2),
    }


if __name__ == "__main__":
    main()
