"""How late a drift of the pO2 probe can be told at best by the balance of oxygen.

Where the exit gas says what the culture takes up, a pO2 probe is held to the transfer coefficient: the gas
that enters, less what the probe reads, times the coefficient is the uptake. A probe that reads too little
makes the coefficient look smaller, by

    s(t) = log(1 + (C - R) / D),    D = OUR / (kLa + kLa of the surface)

with the true pO2 C, what the probe reads R and the difference D that drives the oxygen in, all as
concentrations. The coefficient itself wanders: in the plant by `disturbance` (standard deviation) with a time
of `DISTURBANCE_TAU_H`, a process of Ornstein and Uhlenbeck. For somebody who knows uptake, gas and broth
without error, and rate and onset of the drift, the squared signal to noise of such a process is

    d(T)^2 = tau / (2 sigma^2) * integral over (s' + s / tau)^2 dt

(Van Trees, Detection, Estimation, and Modulation Theory I (1968), ch. 4.3: the whitening filter). The limit
is the time until it passes the least ratio at which the twin tells anything. How fast the probe follows
changes of the gas says something of its gain too; that is not in it.

    python -m benchmarks.oxygen_limit [CAMPAIGN] [--batches N]
"""

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np

from simulators.loop import DISTURBANCE_TAU_H
from simulators.parameters import scaled
from simulators.plant import Plant
from twin.processes.base import LEAST_RATIO
from twin.service.campaign import Campaign, Plan, campaign_path, load_campaign, plans, scenario_of


def signal(truth: Mapping[str, Any], hours: np.ndarray, rate_per_h: float, surface: float) -> np.ndarray:
    """What the drift does to the logarithm of the coefficient; hours since the onset (t,), -> (t,)."""
    driving = truth["OUR"] / (truth["kLa"] + surface)
    false = -truth["oxygen"] * rate_per_h * hours
    return np.asarray(np.log1p(false / driving))


def limit(signature: np.ndarray, hours: np.ndarray, scatter: np.ndarray) -> float:
    """Hours until a wandering of that scatter (t,) no longer hides the signature (t,); infinite if never."""
    whitened = np.gradient(signature, hours) + signature / DISTURBANCE_TAU_H
    density = DISTURBANCE_TAU_H / 2.0 * (whitened / scatter) ** 2
    total = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(hours))])
    passed = np.flatnonzero(total >= LEAST_RATIO)
    return float(hours[passed[0]]) if passed.size else float("inf")


def of_batch(campaign: Campaign, plan: Plan) -> tuple[float, float]:
    """The limit of one batch [h], and the driving difference at its onset [% of air saturation]."""
    assert plan.fault is not None
    scenario = scenario_of(plan, campaign.base)
    vessel = scenario.vessels[0]
    plant = Plant(scenario)
    plant.advance(plan.hours * 3600.0)
    truth = plant.truth()
    hours = truth["time_s"] / 3600.0 - plan.fault.at_h
    after = hours >= 0.0
    kept = {name: truth[name][after] for name in ("OUR", "kLa", "oxygen", "pO2")}
    given = scaled(campaign.base.volume_l) | vessel.parameters
    surface = given["kla_surface"]
    found = signal(kept, hours[after], plan.fault.magnitude / 100.0, surface)
    scatter = vessel.disturbance * kept["kLa"] / (kept["kLa"] + surface)
    driving = kept["OUR"][0] / (kept["kLa"][0] + surface) * kept["pO2"][0] / kept["oxygen"][0]
    return limit(found, hours[after], scatter), float(driving)


def main() -> None:
    """Print the limit of every batch and their median."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("campaign", nargs="?", default="faults")
    asked.add_argument("--batches", type=int, default=20)
    options = asked.parse_args()
    campaign = load_campaign(campaign_path(options.campaign))
    drifting = [plan for plan in plans(campaign) if plan.fault and plan.fault.kind == "pO2_drift"]
    found = [of_batch(campaign, plan) for plan in drifting[: options.batches]]
    for plan, (hours, driving) in zip(drifting, found, strict=False):
        print(f"seed {plan.seed}: limit {hours:5.1f} h, driven by {driving:4.0f} % of air saturation")
    hours = np.array([each[0] for each in found])
    print(f"median {np.median(hours):.1f} h, from {hours.min():.1f} to {hours.max():.1f} h")


if __name__ == "__main__":
    main()
