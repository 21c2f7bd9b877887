"""How a CHO fed-batch goes on when nobody interferes: the plant's control loops and the recipe's feed.

The loops are taken to do what they are there for, within what the gas and the pumps can carry, and
they act on what the probes *say*: with a probe that lies the true value is moved. Nothing here knows how
the plant's controllers are built or tuned.

    pO2    oxygen in place of air, then a faster stirrer, so that the steady pO2 reads the set point
    pH     above the set point and its dead band: CO2 is sparged; below: base, as much as its pump can
    feed   as it runs now for `HELD_H` hours, then what the cells take up, steered to the glucose wanted

In a scenario the feed may be given or multiplied, and a warmer or colder culture has other rates.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from twin.domain.whatif import Knob
from twin.processes._aeration import carried, saturation
from twin.processes._cho_fedbatch import GLUCOSE_G, STATES
from twin.processes.base import Array, Parameter, index

_DEFAULT = "recipe, chosen default"
RECIPE: Final[tuple[Parameter, ...]] = (
    Parameter("glucose_wanted", 4.5, "g/L", "what the daily feed decision aims at; " + _DEFAULT),
    Parameter("feed_most", 20.0, "mL/(L.h)", "what the feed pump can deliver; " + _DEFAULT),
    Parameter("base_most", 2.0, "mL/(L.h)", "what the base pump can deliver; " + _DEFAULT),
    Parameter("stirrer_most", 400.0, "{rpm}", _DEFAULT),
    Parameter("pH_dead_band", 0.04, "1", "of the control loop, " + _DEFAULT),
)
HELD_H: Final = 24.0
"""The feed stays as it is until about the next daily decision [h] (chosen default)."""
SAMPLED_H: Final = 36.0
"""A daily decision knows the uptake of a cell from samples, in the mean from this long ago [h]: it looks back
over two intervals between them, and the feed stands for one (chosen default). Where uptake falls with growth
more is fed than is taken up."""
STEER_H: Final = 72.0
"""Time in which the feed brings glucose to what is wanted [h] (chosen default)."""
SPREAD: Final[Mapping[str, float]] = {"glucose_wanted": 0.45, "pH_sp": 0.005, "pO2_sp": 0.5}
"""What is not known of the recipe, as standard deviations: of the logarithm for glucose, else in the unit
of the set point. Glucose: what daily decisions made of it in simulated batches of tuning seeds 1300-1319; the
others chosen defaults."""
DOUBTS: Final[Mapping[str, float]] = {
    "log_Xv": 0.05, "log_pO2_gain": 0.04, "pH_bias": 0.02, "L": 1.0,
}  # fmt: skip
"""What a belief is too sure of by the model's own error, as standard deviations [state unit]; set on the same
batches."""

FORESEEN: Final = ("pH", "pO2", "pCO2", "conductivity", "weight")
"""Outputs whose readings are forecast."""
FOLLOWS: Final[Mapping[str, float]] = {"qL": 0.06}
"""How states that the filter lets drift move with the growth rate over `mu0` in a forecast: a culture that
stops growing begins to use its lactate. Set on simulated batches of the tuning
seeds."""
WALKS: Final[Mapping[str, float]] = {
    "log_Xv": 0.01, "log_Xd": 0.1, "log_qP": 0.004, "log_qO2": 0.016, "N": 0.3, "qL": 0.003, "pO2": 0.2,
}  # fmt: skip
"""Standard deviation per square root of an hour that a forecast gives to a state instead of the filter's. In
the filter that of pO2 stands for what its loop does with the probe's noise; a forecast knows no noise."""

RESPONSES: Final[Mapping[str, tuple[float, float]]] = {
    "growth": (0.11, 0.05),
    "log_qO2": (0.047, 0.015),
    "log_qG": (0.06, 0.04),
    "log_qP": (0.0, 0.05),
    "qL": (0.003, 0.003),
}
"""What a kelvin does to the logarithm of a rate (to qL itself), with its standard deviation between clones
[1/K]. Oxygen:
Goudar et al. 2011 (5.53 pmol/cell/day at 37.5 Cel, 3.97 at 30.5). Growth: between 0.06 (the linear law of
Kontoravdi et al. near 37 Cel) and 0.15 (a growth rate halved by 4 to 5 K); chosen default. The rest: chosen
defaults, on top of what follows growth."""
STARVED: Final = 0.02
"""Death rate of cells without any glucose [1/h] (chosen default)."""

_S: Final = index(tuple(s.name for s in STATES))


class Loops:
    """The control loops and the feed over one step of a forecast.

    Parameters
    ----------
    p : Mapping of str to float
        Parameter values of the model, with those of `RECIPE`.
    """

    def __init__(self, p: Mapping[str, float]) -> None:
        self._p = p

    def feed(self, x: Array, mu: Array, wanted: Mapping[str, Array]) -> Array:
        """Feed [mL/h] that replaces what is taken up at growth rate `mu` and steers to what is wanted."""
        p = self._p
        rate = x[..., _S["log_qG"]] + p["qG_growth"] * (mu / p["mu0"] - 0.5)
        G, volume = x[..., _S["G"]], x[..., _S["W"]] / p["broth_density"]
        uptake = np.exp(rate + x[..., _S["log_Xv"]]) * G / (p["K_glucose"] + G)
        aim = wanted.get("glucose_sp", p["glucose_wanted"])
        target = aim * np.exp(wanted["glucose_wanted"]) / GLUCOSE_G
        need = (uptake + (target - G) / STEER_H) * volume / (p["feed_glucose"] / GLUCOSE_G)
        return np.asarray(np.clip(1e3 * need, 0.0, p["feed_most"] * volume))

    def knobs(self, volume_l: float) -> tuple[Knob, ...]:
        """What a scenario may change of a culture that began with this volume [L]."""
        return (
            Knob("feed_sp", "mL/h", 0.0, round(self._p["feed_most"] * volume_l, 6)),
            Knob("feed_factor", "1", 0.0, 3.0),
            Knob("glucose_sp", "g/L", 0.2, 20.0),
            Knob("pH_sp", "1", 6.6, 7.4),
            Knob("pO2_sp", "%", 5.0, 100.0),
            Knob("temperature_sp", "Cel", 30.0, 38.5),
        )

    def warm(self, x: Array, kelvin: Array, wanted: Mapping[str, Array]) -> Array:
        """States with the rates of a culture that became warmer by `kelvin` [K]."""
        x = x.copy()
        for state, (slope, _) in RESPONSES.items():
            more = (slope + wanted.get(f"per_kelvin_{state}", 0.0)) * kelvin
            x[..., _S[state]] = (
                x[..., _S[state]] * np.exp(more) if state == "growth" else x[..., _S[state]] + more
            )
        return x

    def starve(self, before: Array, after: Array, mu: Array, hours: float) -> None:
        """Take back growth at rate `mu` [1/h], and let cells die, where there was no glucose; in place."""
        share = np.exp(-np.minimum(before[..., _S["G"]], after[..., _S["G"]]) / self._p["K_glucose"])
        lost = share * (mu + STARVED) * hours
        died = np.exp(before[..., _S["log_Xv"]] - before[..., _S["log_Xd"]]) * share * STARVED * hours
        after[..., _S["log_Xv"]] -= lost
        after[..., _S["log_Xd"]] += np.log1p(died)

    def oxygen(self, x: Array, uptake: Array, kla: Array, flow: Array, dry: Array, reading: Array) -> Array:
        """Steady pO2 [%]: what makes the probe read `reading` [%], or all that pure oxygen can do.

        `uptake` [mmol/L/h] is that of the cells, `kla` [1/h] that at the fastest stirrer, `flow` [mmol/h] the
        gas and `dry` [atm] the pressure of dry gas.
        """
        p = self._p
        full = p["oxygen_saturation"] / 100.0
        volume = x[..., _S["W"]] / p["broth_density"]
        over = saturation(dry, p["water_vapour"])
        moved = carried(kla, flow, volume, over * full)
        most = np.maximum(over - uptake / full / moved, 0.0)
        return np.asarray(np.minimum(reading / np.exp(x[..., _S["log_pO2_gain"]]), most))

    def acidity(self, x: Array, pH: Array, hco3: Array, reading: Array, hours: float) -> Array:
        """States after CO2 was sparged, or base added, so that the pH probe reads within the dead band.

        `pH` and `hco3` [mmol/L] are those of the broth before.
        """
        p, out = self._p, x.copy()
        aim = reading - x[..., _S["pH_bias"]]
        high, low = aim + p["pH_dead_band"], aim - p["pH_dead_band"]
        room = x[..., _S["A"]] - x[..., _S["L"]] + x[..., _S["N"]]
        sparged = np.maximum(room - p["buffer"] * (high - 7.0), 0.3) / 10.0 ** (high - p["pK"])
        out[..., _S["CO2"]] = np.where(pH > high, sparged, x[..., _S["CO2"]])
        held = x[..., _S["CO2"]] * 10.0 ** (low - p["pK"])
        missing = held - hco3 + p["buffer"] * (low - pH)
        pump = p["base_most"] * 1e-3 * np.clip(x[..., _S["base_gain"]], 0.0, 1.0) * hours
        most = 2.0 * p["base_carbonate"] * pump
        out[..., _S["A"]] += np.where(pH < low, np.clip(missing, 0.0, most), 0.0)
        return out
