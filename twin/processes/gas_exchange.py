"""Gas exchange of any aerated vessel, whatever grows in it: oxygen uptake, carbon dioxide, transfer.

What it knows: oxygen and carbon dioxide cross between bubbles, surface and broth with one transfer
coefficient, limited by what the gas can carry; the head space is swept by what leaves the broth. What
the culture takes up is not modelled: it is a state that moves at a rate which itself may change, so the
model fits a fed-batch of bacteria, a perfusion or a culture nobody has a model of. The exit gas tells the
uptake, pO2 then tells the transfer: a fault of the one side can not hide behind the other.

What it ignores: biology, pH, bicarbonate (RQ is carbon dioxide that leaves the broth over oxygen taken),
solubilities that change with the broth, foam.

Units: volume L, time h, concentrations mmol/L.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from twin.domain.batch import Batch
from twin.processes._aeration import (
    AERATION_LOSS,
    ATM_MMHG,
    DO_PROBE_FOULING,
    KLA_LOSS,
    MMOL_PER_L,
    PCO2_PROBE_DRIFT,
    RESPONSES,
    carried,
    delay,
    entering,
    followed,
    relax,
    saturation,
)
from twin.processes.base import (
    Array,
    Hypothesis,
    Input,
    Output,
    Parameter,
    Process,
    Quantity,
    State,
    Table,
    held_to,
    index,
    parameter_table,
)

_DEFAULT = "chosen default"
CONSIDER_H: Final = 0.5
"""What is known well at the begin is not corrected before this age of the twin [h] (chosen default)."""

PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter("OUR_start", 3.0, "mmol/L/h", _DEFAULT + "; known to a factor of e^2"),
    Parameter(
        "OUR_walk", 0.05, "1/h^0.5", _DEFAULT + ": CHO; 0.3 for bacteria, whose demand jumps with their feed"
    ),
    Parameter("rise_walk", 0.01, "1/h^1.5", _DEFAULT + ": CHO; 0.1 for bacteria"),
    Parameter("broth_density", 1.01, "kg/L", _DEFAULT),
    Parameter("head_fraction", 0.6, "1", "head space over liquid, " + _DEFAULT),
    Parameter("kLa_vvm", 400.0, "min/h", _DEFAULT + " of a bench vessel; known to a factor of e"),
    Parameter("kLa_surface", 1.0, "1/h", "0.1-0.2 m/h times surface over volume; " + _DEFAULT),
    Parameter("kLa_ratio", 0.89, "1", "CO2 to O2 transfer coefficient, Goldrick et al. 2015"),
    Parameter("stirrer_reference", 200.0, "{rpm}", _DEFAULT),
    Parameter("oxygen_saturation", 0.204, "mmol/L", "air-saturated broth, 37 Cel, from phreeqc.dat"),
    Parameter("CO2_solubility", 0.0307, "mmol/L/mm[Hg]", "plasma value, 37 Cel"),
    Parameter("water_vapour", 0.0619, "atm", "saturation at 37 Cel"),
    *RESPONSES,
    Parameter("false_alarm_interval_h", 1000.0, "h", _DEFAULT + ": all findings of the model together"),
)


def states(walk: float, rise: float) -> tuple[State, ...]:
    """States of a culture whose uptake, and the rate of whose rise, may change by itself that fast."""
    return (
        State("log_OUR", "1", 0.0, 2.0, walk, -7.0, 7.0),
        State("rise", "1/h", 0.0, 0.1, rise, -3.0, 1.5),
        State("RQ", "1", 1.0, 0.3, 0.05, -5.0, 5.0),
        State("pO2", "%", 40.0, 30.0, 0.8, 0.0, 600.0, regulated=True),
        State("yO2", "%", 20.0, 5.0, 0.02, 0.0, 100.0, regulated=True),
        State("yCO2", "%", 2.0, 3.0, 0.02, 0.0, 100.0, regulated=True),
        State("pO2_seen", "%", 40.0, 30.0, 0.0, 0.0, 600.0, regulated=True),
        State("pCO2_seen", "mm[Hg]", 40.0, 30.0, 0.0, 0.1, 1e4, regulated=True),
        State("yO2_seen", "%", 20.0, 5.0, 0.0, 0.0, 100.0, regulated=True),
        State("yCO2_seen", "%", 2.0, 3.0, 0.0, 0.0, 100.0, regulated=True),
        State("log_kLa", "1", 0.0, 1.0, 0.005, -5.0, 5.0),
        State("kLa_stirrer", "1", 1.2, 0.3, 0.002, 0.0, 3.5, consider_h=CONSIDER_H),
        State("log_kLa_surface", "1", 0.0, 0.25, 0.002, -3.0, 3.0, consider_h=CONSIDER_H),
        State("log_kLa_ratio", "1", 0.0, 0.1, 0.003, -3.0, 3.0, consider_h=CONSIDER_H),
        State("air_gain", "1", 1.0, 0.01, 1e-4, 0.01, 3.0, consider_h=CONSIDER_H),
        State("O2_gain", "1", 1.0, 0.006, 1e-4, 0.5, 1.5, consider_h=CONSIDER_H),
        State("log_pO2_gain", "1", 0.0, 0.02, 0.001, -3.0, 1.0, consider_h=CONSIDER_H),
        State("log_pCO2_gain", "1", 0.0, 0.05, 0.002, -3.0, 3.0, consider_h=CONSIDER_H),
        State("log_offgas_O2_gain", "1", 0.0, 0.004, 1e-4, -1.0, 1.0, consider_h=CONSIDER_H),
        State("log_offgas_CO2_gain", "1", 0.0, 0.01, 2e-4, -1.0, 1.0, consider_h=CONSIDER_H),
        State("W", "kg", 2.0, 2.0, 0.01, 0.05, 1e5),
    )


SEEN: Final = {
    "pO2": "response_pO2", "pCO2": "response_pCO2", "yO2": "response_offgas", "yCO2": "response_offgas",
}  # fmt: skip
"""What an instrument follows with a lag of its own (the state ``<name>_seen``)."""
CUT_OFF: Final = 0.002
"""Of the gas flows: four times the noise of a mass flow controller; chosen default (makers state 0.5-2 %)."""
_DRIVEN: Final = {"pO2": 0.1, "yO2": 0.03, "yCO2": 0.05}
_GAS: Final = _DRIVEN | {f"{name}_seen": walk for name, walk in _DRIVEN.items()} | {"pCO2_seen": 0.05}
INPUTS: Final[tuple[Input, ...]] = (
    Input("flow_air", 0.0, _GAS, CUT_OFF),
    Input("flow_O2", 0.0, _GAS, CUT_OFF),
    Input("flow_CO2", 0.0, _GAS, CUT_OFF),
    Input("flow_N2", 0.0, _GAS, CUT_OFF),
    Input("stirrer", 200.0, _GAS),
    Input("pressure", 0.0),
)
OUTPUTS: Final[tuple[Output, ...]] = (
    Output("pO2", "%", 0.4, 0.01),
    Output("pCO2", "mm[Hg]", 0.8, 0.02),
    Output("offgas_O2", "%", 0.02, 5e-4),
    Output("offgas_CO2", "%", 0.015, 0.002),
    Output("weight", "kg", 0.0, 0.001),
    Output("pCO2_lab", "mm[Hg]", 2.0, 0.05, assay=True),
)
QUANTITIES: Final[tuple[Quantity, ...]] = (
    Quantity("est_OUR", "mmol/L/h"),
    Quantity("est_CER", "mmol/L/h"),
    Quantity("est_RQ", "1"),
    Quantity("est_kLa", "1/h", 0.05),
    Quantity("est_pO2_true", "%"),
    Quantity("est_pCO2_true", "mm[Hg]"),
    Quantity("est_volume", "L"),
)

HYPOTHESES: Final[tuple[Hypothesis, ...]] = (
    replace(KLA_LOSS, slack=0.04),
    replace(AERATION_LOSS, slack=0.02),
    replace(DO_PROBE_FOULING, slack=0.02),
    replace(PCO2_PROBE_DRIFT, slack=0.03),
)

_STATES: Final = states(0.0, 0.0)
_S: Final = index(tuple(s.name for s in _STATES))
_U: Final = index(tuple(i.name for i in INPUTS))
_LOW: Final = np.array([s.low for s in _STATES])
_HIGH: Final = np.array([s.high for s in _STATES])


class GasExchange:
    """The model; see the module's words.

    Parameters
    ----------
    table : Table
        Parameter values.
    """

    id = "gas_exchange"
    version = "1"
    frame_s = 60.0
    inputs = INPUTS
    outputs = OUTPUTS
    quantities = QUANTITIES

    def __init__(self, table: Table) -> None:
        self.parameters = table.parameters
        self._p: Mapping[str, float] = table.values
        self.states = states(table["OUR_walk"], table["rise_walk"])
        self._lags = {name: delay(table[response], self.frame_s) for name, response in SEEN.items()}
        self.hypotheses = held_to(HYPOTHESES, table["false_alarm_interval_h"])

    def begin(self, batch: Batch | None, age_h: float) -> tuple[Array, Array]:
        """Belief about a vessel first seen at any age: nothing is known of its culture."""
        p = self._p
        mean = np.array([s.start for s in self.states])
        sd = np.array([s.start_sd for s in self.states])
        volume = batch.volume_l if batch is not None else 1.0
        mean[_S["log_OUR"]] = np.log(p["OUR_start"])
        mean[_S["W"]] = volume * p["broth_density"]
        sd[_S["W"]] = 0.5 * mean[_S["W"]]
        return mean, sd

    def advance(self, x: Array, u: Array, hours: float) -> Array:
        """States `hours` later; dissolved oxygen and head space exactly for constant rates."""
        p, x = self._p, np.clip(x, _LOW, _HIGH)
        out = x.copy()
        out[..., _S["log_OUR"]] += x[..., _S["rise"]] * hours
        OUR = np.exp(0.5 * (x[..., _S["log_OUR"]] + out[..., _S["log_OUR"]]))
        volume = x[..., _S["W"]] / p["broth_density"]
        flow, o2_in, co2_in, dry = self._gas(x, u)
        full, over = p["oxygen_saturation"] / 100.0, saturation(dry, p["water_vapour"])
        a, top = self._transfer(x, u, flow, volume, over * full, 1.0)
        pull = a * over * o2_in + top * over * x[..., _S["yO2"]] / 100.0
        pO2 = x[..., _S["pO2"]]
        out[..., _S["pO2"]] = relax(pO2, a + top, pull - OUR / full, hours)
        taken = OUR + full * (out[..., _S["pO2"]] - pO2) / hours
        given = OUR * x[..., _S["RQ"]]
        leaving = np.maximum(flow + (given - taken) * volume, 0.05 * flow)
        held = p["head_fraction"] * volume * MMOL_PER_L
        for state, fraction, gained in (("yO2", o2_in, -taken), ("yCO2", co2_in, given)):
            source = 100.0 * (flow * fraction + gained * volume) / held
            out[..., _S[state]] = relax(x[..., _S[state]], leaving / held, source, hours)
        self._follow(x, out, u, hours)
        return np.asarray(np.clip(out, _LOW, _HIGH))

    def _follow(self, x: Array, out: Array, u: Array, hours: float) -> None:
        """What the instruments show after what they showed before, into `out`."""
        true = {name: (x[..., _S[name]], out[..., _S[name]]) for name in ("pO2", "yO2", "yCO2")}
        true["pCO2"] = self._pCO2(x, u), self._pCO2(out, u)
        for name, (before, after) in true.items():
            seen = _S[f"{name}_seen"]
            out[..., seen] = followed(x[..., seen], before, after, self._lags[name], hours)

    def observe(self, x: Array, u: Array) -> Array:
        """Expected readings of `outputs`."""
        x = np.clip(x, _LOW, _HIGH)
        pCO2 = self._pCO2(x, u)
        read = [
            x[..., _S["pO2_seen"]] * np.exp(x[..., _S["log_pO2_gain"]]),
            x[..., _S["pCO2_seen"]] * np.exp(x[..., _S["log_pCO2_gain"]]),
            x[..., _S["yO2_seen"]] * np.exp(x[..., _S["log_offgas_O2_gain"]]),
            x[..., _S["yCO2_seen"]] * np.exp(x[..., _S["log_offgas_CO2_gain"]]),
            x[..., _S["W"]],
            pCO2,
        ]
        return np.stack(read, axis=-1)

    def derive(self, x: Array, u: Array) -> Array:
        """Values of `quantities`."""
        x = np.clip(x, _LOW, _HIGH)
        OUR, RQ = np.exp(x[..., _S["log_OUR"]]), x[..., _S["RQ"]]
        volume = x[..., _S["W"]] / self._p["broth_density"]
        kla = self._kla(x, u, volume)
        own = [OUR, OUR * RQ, RQ, kla, x[..., _S["pO2"]], self._pCO2(x, u), volume]
        return np.stack(own, axis=-1)

    def _gas(self, x: Array, u: Array) -> tuple[Array, Array, Array, Array]:
        """Molar gas flow [mmol/h], inlet fractions of O2 and CO2, pressure of dry gas [atm]."""
        air, o2 = u[..., _U["flow_air"]] * x[..., _S["air_gain"]], u[..., _U["flow_O2"]]
        co2, n2, pressure = (u[..., _U[name]] for name in ("flow_CO2", "flow_N2", "pressure"))
        return entering(air, o2 * x[..., _S["O2_gain"]], co2, n2, pressure, self._p["water_vapour"])

    def _kla(self, x: Array, u: Array, volume: Array) -> Array:
        """Transfer coefficient of oxygen [1/h]: in proportion to gas flow, a power of the stirrer."""
        p = self._p
        flows = [u[..., _U[name]] for name in ("flow_O2", "flow_CO2", "flow_N2")]
        flow = u[..., _U["flow_air"]] * x[..., _S["air_gain"]] + sum(flows)
        stir = np.maximum(u[..., _U["stirrer"]], 1.0) / p["stirrer_reference"]
        reference = p["kLa_vvm"] * flow / volume * stir ** x[..., _S["kLa_stirrer"]]
        return np.asarray(np.exp(x[..., _S["log_kLa"]]) * reference)

    def _transfer(
        self, x: Array, u: Array, flow: Array, volume: Array, capacity: Array, ratio: Array | float
    ) -> tuple[Array, Array]:
        """Coefficients of bubbles, referred to the gas that enters, and of the surface [1/h]."""
        kla = ratio * self._kla(x, u, volume)
        top = ratio * self._p["kLa_surface"] * np.exp(x[..., _S["log_kLa_surface"]])
        return carried(kla, flow, volume, capacity), np.asarray(top)

    def _pCO2(self, x: Array, u: Array) -> Array:
        """What drives the carbon dioxide that leaves out of the broth [mm[Hg]]; it follows within minutes."""
        p = self._p
        flow, _, co2_in, dry = self._gas(x, u)
        full = p["CO2_solubility"] * ATM_MMHG * dry
        volume = x[..., _S["W"]] / p["broth_density"]
        ratio = p["kLa_ratio"] * np.exp(x[..., _S["log_kLa_ratio"]])
        a, top = self._transfer(x, u, flow, volume, full, ratio)
        given = np.exp(x[..., _S["log_OUR"]]) * x[..., _S["RQ"]]
        held = (given + a * full * co2_in + top * full * x[..., _S["yCO2"]] / 100.0) / (a + top)
        return np.asarray(np.maximum(held / p["CO2_solubility"], 0.1))


def build(parameters: Mapping[str, float]) -> Process:
    """The model with `parameters` in place of its defaults.

    Raises
    ------
    ModelError
        A parameter is unknown or no number.
    """
    return GasExchange(parameter_table(GasExchange.id, PARAMETERS, parameters))
