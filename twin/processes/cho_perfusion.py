"""CHO perfusion in reduced form: the fed-batch's cells and chemistry in a vessel with an outlet.

What it knows beside `cho_fedbatch`: the feed is fresh medium, of which the broth was made, so that it has
about the broth's alkalinity (the state `alkali_gap`: how much more); a bleed carries broth off; the harvest
leaves through a filter that holds back every cell and a part of the product, seen when the product of the
harvest is assayed; the weight says whether harvest and bleed are what the pumps report. What crowds cells in
a batch is washed out, so growth goes on to far denser broths and drifts as it likes.

What it ignores beside: oxygen dissolved in what comes and leaves (half a percent of the uptake), what the
filter does to cells, the broth in the filter's loop.

Units as in `cho_fedbatch`.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from twin.domain.batch import Batch
from twin.domain.whatif import Knob
from twin.processes._cho_perfusion import (
    AGED,
    HYPOTHESES,
    INPUTS,
    OUTPUTS,
    PARAMETERS,
    QUANTITIES,
    SPREAD,
    STATES,
)
from twin.processes._cho_recipe import HELD_H
from twin.processes._outlet import Outlet
from twin.processes.base import Array, Process, index, parameter_table
from twin.processes.cho_fedbatch import ChoFedBatch

SETTLE_H: Final = 48.0
"""Time in which the bleed brings the cells to what is wanted [h] (chosen default)."""

_S: Final = index(tuple(s.name for s in STATES))
_U: Final = index(tuple(i.name for i in INPUTS))
_Y: Final = index(tuple(o.name for o in OUTPUTS))


class ChoPerfusion(ChoFedBatch):
    """The fed-batch model with an outlet; see the module's words."""

    id = "cho_perfusion"
    states = STATES
    inputs = INPUTS
    outputs = OUTPUTS
    quantities = QUANTITIES
    faults = HYPOTHESES
    spread = SPREAD

    def begin(self, batch: Batch | None, age_h: float) -> tuple[Array, Array]:
        """Belief about a culture first seen at age `age_h` [h]: grown unseen, then held by the bleed."""
        mean, sd = super().begin(batch, age_h)
        over = max(mean[_S["log_Xv"]] - np.log(self._p["cells_wanted"]), 0.0)
        mean[[_S["log_Xv"], _S["log_Xd"]]] -= over
        for name in AGED:
            sd[_S[name]] = np.hypot(sd[_S[name]], self.states[_S[name]].walk * max(age_h, 0.0) ** 0.5)
        return mean, sd

    def _outlet(self, x: Array, u: Array) -> Outlet:
        """What the pumps of harvest and bleed carry off, as far as they do what they say."""
        harvest = u[..., _U["harvest_flow"]] * 1e-3 * x[..., _S["harvest_gain"]]
        bleed = u[..., _U["bleed_flow"]] * 1e-3 * x[..., _S["bleed_gain"]]
        return Outlet(harvest, bleed, np.exp(x[..., _S["log_sieving"]]))

    def _fresh(self, x: Array) -> tuple[Array | float, Array | float]:
        """Alkalinity and inorganic carbon of the fresh medium [mmol/L]."""
        alkalinity = x[..., _S["A"]] + x[..., _S["alkali_gap"]]
        return alkalinity, self._p["feed_carbon"] * alkalinity

    def _gases(
        self, x: Array, u: Array, out: Array, hours: float, volume: Array, OUR: Array, rise: Array,
        thin: Array, added: Array,
    ) -> None:  # fmt: skip
        """As in a fed-batch; bicarbonate also grows where lactate is washed out, and falls with ammonia."""
        washed = thin * (x[..., _S["L"]] - x[..., _S["N"]])
        super()._gases(x, u, out, hours, volume, OUR, rise + washed, thin, added)

    def advance(self, x: Array, u: Array, hours: float) -> Array:
        """States `hours` later; the medium stays what it is while the broth's alkalinity moves."""
        return self._same_medium(x, super().advance(x, u, hours))

    def proceed(
        self, x: Array, u: Array, wanted: Mapping[str, Array], age_h: float, hours: float
    ) -> tuple[Array, Array]:
        """States and inputs `hours` later with the plant's loops at work; see `_given`."""
        out, u = super().proceed(x, u, wanted, age_h, hours)
        return self._same_medium(x, out), u

    def _same_medium(self, before: Array, after: Array) -> Array:
        """The gap to the medium's alkalinity closes by what the broth's has risen."""
        medium = self._clip(before)[..., [_S["A"], _S["alkali_gap"]]].sum(axis=-1)
        after[..., _S["alkali_gap"]] = medium - after[..., _S["A"]]
        return self._clip(after)

    def observe(self, x: Array, u: Array) -> Array:
        """Expected readings of `outputs`."""
        y = super().observe(x, u)
        x = self._clip(x)
        y[..., _Y["titre_harvest"]] = x[..., _S["P"]] * np.exp(x[..., _S["log_sieving"]])
        return y

    def derive(self, x: Array, u: Array) -> Array:
        """Values of `quantities`."""
        sieving = np.exp(self._clip(x)[..., _S["log_sieving"]])
        return np.concatenate([super().derive(x, u), sieving[..., None]], axis=-1)

    def knobs(self, volume_l: float) -> tuple[Knob, ...]:
        """Those of the fed-batch, with the cells that the bleed holds in place of the glucose aimed at."""
        own = [knob for knob in super().knobs(volume_l) if knob.name != "glucose_sp"]
        return (*own, Knob("cells_sp", "10*6/mL", 0.5, 0.5 * self._p["X_max"]))

    def _given(self, x: Array, u: Array, mu: Array, wanted: Mapping[str, Array], age_h: float) -> Array:
        """Inputs with the flows of liquid that a scenario makes of them; the recipe's own go into `u`.

        The medium flows as it does now; the bleed stays as it is until about the next decision, then takes
        off what grows and steers to the cells wanted; the harvest keeps the weight.
        """
        if "feed_sp" in wanted:
            u[..., _U["feed_flow"]] = wanted["feed_sp"]
        given = u.copy()
        given[..., _U["feed_flow"]] *= wanted.get("feed_factor", 1.0)
        volume = x[..., _S["W"]] / self._p["broth_density"]
        come = 1e-3 * (
            given[..., _U["feed_flow"]] * x[..., _S["feed_gain"]]
            + given[..., _U["base_flow"]] * x[..., _S["base_gain"]]
        )
        bleed = u[..., _U["bleed_flow"]] * 1e-3 * x[..., _S["bleed_gain"]]
        if age_h >= HELD_H or "cells_sp" in wanted:
            aim = wanted.get("cells_sp", self._p["cells_wanted"]) * np.exp(wanted["cells_wanted"])
            bleed = volume * (mu + (x[..., _S["log_Xv"]] - np.log(aim)) / SETTLE_H)
        bleed = np.clip(bleed, 0.0, come)
        for flows in (u, given):
            flows[..., _U["bleed_flow"]] = 1e3 * bleed / np.maximum(x[..., _S["bleed_gain"]], 0.1)
            flows[..., _U["harvest_flow"]] = (
                1e3 * (come - bleed) / np.maximum(x[..., _S["harvest_gain"]], 0.1)
            )
        return given


def build(parameters: Mapping[str, float]) -> Process:
    """The model with `parameters` in place of its defaults."""
    return ChoPerfusion(parameter_table(ChoPerfusion.id, PARAMETERS, parameters))
