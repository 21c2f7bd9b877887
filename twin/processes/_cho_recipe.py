"""How a CHO fed-batch goes on when nobody interferes: the plant's control loops and the recipe's feed.

The loops are taken to do what they are there for, within what the gas and the pumps can carry, and
they act on what the probes *say*: with a probe that lies the true value is moved. Nothing here knows how
the plant's controllers are built or tuned.

    pO2    oxygen in place of air, then a faster stirrer, so that the steady pO2 reads the set point
    pH     above the set point and its dead band: CO2 is sparged; below: base, as much as its pump can
    feed   as it runs now for `HELD_H` hours, then what the cells take up, steered to the glucose wanted
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

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
STEER_H: Final = 72.0
"""Time in which the feed brings glucose to what is wanted [h] (chosen default)."""
SPREAD: Final[Mapping[str, float]] = {"glucose_wanted": 0.3, "pH_sp": 0.005, "pO2_sp": 0.5}
"""What is not known of the recipe, as standard deviations: of the logarithm for glucose, else in the unit
of the set point (chosen defaults)."""

FORESEEN: Final = ("pH", "pO2", "pCO2", "conductivity", "weight")
"""Outputs whose readings are forecast."""
FOLLOWS: Final[Mapping[str, float]] = {"log_qO2": 0.5, "qL": 0.05}
"""How states that the filter lets drift move with the growth rate over `mu0` in a forecast: a culture that
stops growing takes up less oxygen and begins to use its lactate. Set on simulated batches of the tuning
seeds."""
WALKS: Final[Mapping[str, float]] = {
    "log_Xv": 0.01, "log_Xd": 0.1, "log_qP": 0.004, "log_qO2": 0.016, "N": 0.3, "qL": 0.002,
}  # fmt: skip
"""Standard deviation per square root of an hour that a forecast gives to a state instead of the filter's."""

_S: Final = index(tuple(s.name for s in STATES))
AIR_O2: Final = 0.2095


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
        target = p["glucose_wanted"] * np.exp(wanted["glucose_wanted"]) / GLUCOSE_G
        need = (uptake + (target - G) / STEER_H) * volume / (p["feed_glucose"] / GLUCOSE_G)
        return np.asarray(np.clip(1e3 * need, 0.0, p["feed_most"] * volume))

    def oxygen(self, x: Array, kla: Array, flow: Array, dry: Array, reading: Array) -> Array:
        """Steady pO2 [%]: what makes the probe read `reading` [%], or all that pure oxygen can do.

        `kla` [1/h] is that at the fastest stirrer, `flow` [mmol/h] the gas and `dry` [atm] the pressure of
        dry gas.
        """
        p = self._p
        full = p["oxygen_saturation"] / 100.0
        volume = x[..., _S["W"]] / p["broth_density"]
        over = 100.0 * dry / (AIR_O2 * (1.0 - p["water_vapour"]))
        carried = kla * flow / (flow + kla * volume * over * full)
        uptake = np.exp(x[..., _S["log_qO2"]] + x[..., _S["log_Xv"]])
        most = np.maximum(over - uptake / full / carried, 0.0)
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
