"""Tables of the reduced CHO fed-batch model: parameters, states, inputs, outputs, faults it can tell."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from twin.domain.event import Verdict
from twin.processes._aeration import AERATION_LOSS, DO_PROBE_FOULING, KLA_LOSS, PCO2_PROBE_DRIFT, RESPONSES
from twin.processes.base import Hypothesis, Input, Output, Parameter, Quantity, Shape, State

GLUCOSE_G: Final = 0.18016  # g/mmol
LACTATE_G: Final = 0.08907  # g/mmol, as lactate ion

_FIT = "fit of the theta-logistic law to the NISTCHO fed-batch assays, condition A"
_DEFAULT = "chosen default"
_FOLLOWS = "log of the specific rate per growth rate over mu0; of simulated batches of tuning seeds 1100-1113"

PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter("mu0", 0.0339, "1/h", _FIT),
    Parameter("X_max", 23.4, "10*9/L", _FIT),
    Parameter("theta", 0.92, "1", _FIT),
    Parameter("kd0", 4e-4, "1/h", _FIT),
    Parameter("kd1", 0.0034, "1/h", _FIT),
    Parameter("kd_power", 6.4, "1", _FIT),
    Parameter(
        "size",
        2.0,
        "L",
        "working volume for which bottles, head space and their scales are given; see `sized`",
    ),
    Parameter(
        "depth",
        0.0,
        "m",
        "of broth, half of whose weight bears on the bubbles; nothing beside the rest at 2 L",
    ),
    Parameter("inoculum", 0.5, "10*9/L", _DEFAULT),
    Parameter("qG", 0.06, "mmol/(10*9.h)", "order of Xing et al. 2010; " + _DEFAULT),
    Parameter("qO2", 0.19, "mmol/(10*9.h)", "at mu0; Goudar et al. 2011: 5.1-5.8 pmol/cell/day; " + _DEFAULT),
    Parameter("qP", 8e-4, "g/(10*9.h)", _DEFAULT),
    Parameter("qG_growth", 1.5, "1", _FOLLOWS),
    Parameter("qP_growth", -0.75, "1", _FOLLOWS),
    Parameter("qO2_growth", 0.5, "1", _FOLLOWS),
    Parameter(
        "qN", 0.01, "mmol/(10*9.h)", "0.45 ammonia per glutamine, 1 mmol of it for 8e8 cells, at mu 0.02/h"
    ),
    Parameter("RQ", 1.0, "mol/mol", "Goudar et al. 2011: 0.98-1.23"),
    Parameter("K_glucose", 0.3, "mmol/L", _DEFAULT),
    Parameter("glucose_start", 35.0, "mmol/L", _DEFAULT),
    Parameter("feed_glucose", 90.0, "g/L", "recipe of the feed, " + _DEFAULT),
    Parameter("feed_alkalinity", 15.0, "mmol/L", "Na + K - Cl - 1.55 phosphate of the feed, " + _DEFAULT),
    Parameter("feed_density", 1.06, "kg/L", _DEFAULT),
    Parameter("base_carbonate", 1000.0, "mmol/L", "1 M Na2CO3, " + _DEFAULT),
    Parameter("base_density", 1.09, "kg/L", _DEFAULT),
    Parameter("broth_density", 1.01, "kg/L", _DEFAULT),
    Parameter("evaporation", 0.0, "kg/h", _DEFAULT),
    Parameter("kLa_surface", 1.0, "1/h", "0.1-0.2 m/h times surface over volume; " + _DEFAULT),
    Parameter("kLa_vvm", 400.0, "min/h", _DEFAULT + " of a bench vessel"),
    Parameter("stirrer_reference", 200.0, "{rpm}", _DEFAULT),
    Parameter("kLa_ratio", 0.89, "1", "CO2 to O2 transfer coefficient, Goldrick et al. 2015"),
    Parameter("oxygen_saturation", 0.204, "mmol/L", "air-saturated broth, 37 Cel, from phreeqc.dat"),
    Parameter("CO2_solubility", 0.0307, "mmol/L/mm[Hg]", "plasma value, 37 Cel"),
    Parameter("pK", 6.09, "1", "apparent pK of carbonic acid, 37 Cel, ionic strength of broth"),
    Parameter("buffer", 3.8, "mmol/L", "per pH unit: 4 mM of pK 7.2 and 3 mM phosphate at pH 7.05"),
    Parameter("water_vapour", 0.0619, "atm", "saturation at 37 Cel"),
    Parameter("head_fraction", 0.6, "1", "head space over liquid at the start, " + _DEFAULT),
    *RESPONSES,
    Parameter("kappa_alkalinity", 0.070, "mS.L/(cm.mmol)", "limiting conductivities of Na+ and HCO3-"),
    Parameter("kappa_ammonia", 0.088, "mS.L/(cm.mmol)", "limiting conductivity of NH4+"),
    Parameter("kappa_lactate", -0.005, "mS.L/(cm.mmol)", "lactate in exchange for HCO3-"),
    Parameter("false_alarm_interval_h", 1000.0, "h", _DEFAULT + ": all findings of the model together"),
    Parameter("cell_volume", 1.7e-3, "L/10*9", "CHO of 14.8 um; 13-16 um in counters' images, " + _DEFAULT),
    Parameter("kappa_temperature", 0.0224, "1/K", "of broth, referred to 25 Cel"),
)

STATES: Final[tuple[State, ...]] = (
    State("log_Xv", "1", 0.0, 0.6, 0.004, -7.0, 5.0),
    State("log_Xd", "1", -2.0, 1.0, 0.05, -9.0, 5.0),
    State("growth", "1", 1.0, 0.25, 0.015, 0.0, 2.0),
    State("G", "mmol/L", 30.0, 10.0, 0.06, 0.0, 300.0),
    State("L", "mmol/L", 10.0, 8.0, 0.06, 0.0, 300.0),
    State("N", "mmol/L", 2.0, 1.5, 0.15, 0.0, 100.0),
    State("P", "g/L", 0.3, 0.4, 0.002, 0.0, 50.0),
    State("log_qG", "1", -2.8, 0.4, 0.04, -7.0, 1.0),
    State("qL", "mmol/(10*9.h)", 0.0, 0.03, 0.005, -0.3, 0.3),
    State("log_qN", "1", -4.6, 0.6, 0.03, -9.0, 0.0),
    State("log_qO2", "1", -1.6, 0.2, 0.004, -5.0, 3.0),
    State("log_qP", "1", -7.1, 0.3, 0.01, -12.0, 0.0),
    State("W", "kg", 2.0, 2.0, 1e-3, 0.05, 1e5),
    State("pO2", "%", 40.0, 30.0, 1.0, 0.0, 600.0, regulated=True),
    State("log_kLa", "1", 0.0, 0.5, 0.002, -5.0, 5.0),
    State("kLa_stirrer", "1", 1.2, 0.2, 0.001, 0.0, 3.0),
    State("log_kLa_surface", "1", 0.0, 0.25, 0.002, -3.0, 3.0),
    State("CO2", "mmol/L", 1.5, 0.8, 0.015, 0.02, 30.0, regulated=True),
    State("log_kLa_ratio", "1", 0.0, 0.1, 0.002, -3.0, 3.0),
    State("log_RQ", "1", 0.0, 0.05, 5e-4, -1.0, 1.0),
    State("A", "mmol/L", 30.0, 10.0, 0.08, 1.0, 300.0, regulated=True),
    State("pH_bias", "1", 0.0, 0.015, 0.001, -3.0, 3.0),
    State("log_pO2_gain", "1", 0.0, 0.02, 0.001, -3.0, 1.0, consider_h=np.inf),
    State("log_pCO2_gain", "1", 0.0, 0.05, 0.002, -3.0, 3.0),
    State("kappa_offset", "mS/cm", 11.5, 2.0, 0.003, -30.0, 50.0),
    State("feed_kappa", "mS/cm", 8.0, 4.0, 0.1, -100.0, 300.0),
    State("air_gain", "1", 1.0, 0.01, 0.0001, 0.01, 3.0),
    State("O2_gain", "1", 1.0, 0.006, 1e-4, 0.5, 1.5),
    State("feed_gain", "1", 1.0, 0.02, 0.001, -0.2, 3.0),
    State("base_gain", "1", 1.0, 0.02, 0.001, -0.2, 3.0),
    State("feed_left", "g", 1000.0, 1000.0, 0.02, -1e3, 1e7),
    State("base_left", "g", 500.0, 500.0, 0.02, -1e3, 1e7),
    State("yO2", "%", 20.0, 5.0, 0.02, 0.0, 100.0, regulated=True),
    State("yCO2", "%", 2.0, 2.0, 0.01, 0.0, 100.0, regulated=True),
    State("pO2_seen", "%", 40.0, 30.0, 0.0, 0.0, 600.0, regulated=True),
    State("CO2_seen", "mmol/L", 1.5, 0.8, 0.0, 0.02, 30.0, regulated=True),
    State("yO2_seen", "%", 20.0, 5.0, 0.0, 0.0, 100.0, regulated=True),
    State("yCO2_seen", "%", 2.0, 2.0, 0.0, 0.0, 100.0, regulated=True),
    State("log_offgas_O2_gain", "1", 0.0, 0.004, 1e-4, -1.0, 1.0),
    State("log_offgas_CO2_gain", "1", 0.0, 0.01, 2e-4, -1.0, 1.0),
    State("head", "L", 1.0, 0.1, 1e-3, 0.01, 1e5),
    State("temperature_bias", "Cel", 0.0, 0.05, 0.001, -10.0, 10.0),
    State("jacket_gap", "Cel", 0.0, 3.0, 0.05, -60.0, 60.0),
    State("sample_loss", "1", 0.05, 0.05, 0.003, -0.5, 1.0),
)

SEEN: Final = {
    "pO2": "response_pO2",
    "CO2": "response_pCO2",
    "yO2": "response_offgas",
    "yCO2": "response_offgas",
}
"""States that an instrument follows with a lag of its own (the state ``<name>_seen``)."""
_DRIVEN: Final = {"pO2": 0.1, "CO2": 0.05, "yO2": 0.03, "yCO2": 0.05}
_GAS: Final = _DRIVEN | {f"{name}_seen": walk for name, walk in _DRIVEN.items()}
_FEED: Final = {"G": 0.05, "W": 0.002, "feed_left": 0.01, "kappa_offset": 0.005}
_BASE: Final = {"A": 0.02, "base_left": 0.01}
# chosen defaults: in a day unseen pO2 may move by half its value, pH by about 0.1, glucose by a quarter

INPUTS: Final[tuple[Input, ...]] = (
    Input("flow_air", 0.0, _GAS),
    Input("flow_O2", 0.0, _GAS),
    Input("flow_CO2", 0.0, _GAS),
    Input("flow_N2", 0.0, _GAS),
    Input("feed_flow", 0.0, _FEED),
    Input("base_flow", 0.0, _BASE),
    Input("stirrer", 200.0, _GAS),
    Input("pressure", 0.0),
    Input("temperature", 37.0),
)

OUTPUTS: Final[tuple[Output, ...]] = (
    Output("pH", "1", 0.0032),
    Output("pO2", "%", 0.5, 0.001),
    Output("pCO2", "mm[Hg]", 0.24, 0.0072),
    Output("conductivity", "mS/cm", 0.0098, 8.8e-4),
    Output("weight", "kg", 0.0, 0.0011),
    Output("feed_scale", "g", 0.102, refill="feed_left", refill_least=50.0),
    Output("base_scale", "g", 0.021, refill="base_left", refill_least=50.0),
    Output("offgas_O2", "%", 0.019),
    Output("offgas_CO2", "%", 0.0068, 0.0009),
    Output("jacket_temperature", "Cel", 0.036),
    Output("VCD", "10*6/mL", 0.05, 0.06, assay=True),
    Output("viability", "%", 0.7, 0.0, assay=True),
    Output("glucose", "g/L", 0.05, 0.07, assay=True),
    Output("lactate", "g/L", 0.05, 0.07, assay=True),
    Output("ammonia", "mmol/L", 0.1, 0.07, assay=True),
    Output("titre", "g/L", 0.02, 0.08, assay=True),
    Output("pH_lab", "1", 0.025, 0.0, assay=True),
    Output("pCO2_lab", "mm[Hg]", 2.0, 0.05, assay=True),
)

SIZED: Final = frozenset({"W", "feed_left", "base_left", "head", "feed_scale", "base_scale"})
"""States and outputs that are masses or volumes: they grow with the vessel."""


def sized(
    states: Sequence[State], outputs: Sequence[Output], litres: float
) -> tuple[tuple[State, ...], tuple[Output, ...]]:
    """States and outputs, given for 2 L, of a vessel of another working volume [L]."""
    k = litres / 2.0

    def larger(s: State) -> State:
        return replace(s, start=k * s.start, start_sd=k * s.start_sd, walk=k * s.walk, low=k * s.low)

    def coarser(o: Output) -> Output:
        return replace(o, sd=k * o.sd, refill_least=k * o.refill_least)

    return (
        tuple(larger(s) if s.name in SIZED else s for s in states),
        tuple(coarser(o) if o.name in SIZED else o for o in outputs),
    )


QUANTITIES: Final[tuple[Quantity, ...]] = (
    Quantity("est_VCD", "10*6/mL"),
    Quantity("est_viability", "%"),
    Quantity("est_glucose", "g/L"),
    Quantity("est_lactate", "g/L"),
    Quantity("est_ammonia", "mmol/L"),
    Quantity("est_titre", "g/L"),
    Quantity("est_growth_rate", "1/h"),
    Quantity("est_kLa", "1/h", 0.08),
    Quantity("est_OUR", "mmol/L/h", 0.03),
    Quantity("est_pH_true", "1", 0.0015),
    Quantity("est_pO2_true", "%"),
    Quantity("est_pCO2_true", "mm[Hg]", 0.025),
    Quantity("est_volume", "L", 0.002),
)

HYPOTHESES: Final[tuple[Hypothesis, ...]] = (
    Hypothesis(
        "ph_probe_drift",
        Verdict.SENSOR,
        "pH_bias",
        Shape.RAMP,
        0.004,
        "pH",
        evidence=("R1", "R8"),
        hold_h=0.25,
        free_walk=0.03,
        most=2.0,
        fastest=0.2,
        chance=(2.85, 0.63),
        rests_on=("pH", "pO2"),
        leans_on=("base_flow", "flow_air", "offgas_CO2"),
        slack=0.005,
    ),
    replace(
        DO_PROBE_FOULING,
        chance=(11.0, 7.0),
        share=6.0,
        rests_on=("pO2", "flow_air", "offgas_O2"),
        slack=0.008,
    ),
    replace(KLA_LOSS, chance=(0.6, 0.4), slack=0.02),
    replace(AERATION_LOSS, chance=(1.5, 2.5), slack=0.01),
    Hypothesis(
        "feed_pump_failure",
        Verdict.ACTUATOR,
        "feed_gain",
        Shape.STEP,
        0.1,
        "feed_flow",
        sign=-1,
        factor=100.0,
        unit="%",
        evidence=("R4", "R7"),
        hold_h=0.1,
        free_walk=0.02,
        most=1.3,
        chance=(8.3, 2.8),
        rests_on=("feed_flow", "feed_scale"),
        slack=0.01,
    ),
    Hypothesis(
        "base_line_blocked",
        Verdict.ACTUATOR,
        "base_gain",
        Shape.STEP,
        0.2,
        "base_flow",
        sign=-1,
        factor=100.0,
        unit="%",
        evidence=("R1", "R3", "R4"),
        hold_h=0.1,
        free_walk=0.02,
        most=1.3,
        chance=(2.0, 4.5),
        rests_on=("base_flow",),
        slack=0.02,
    ),
    replace(
        PCO2_PROBE_DRIFT,
        evidence=("R1", "R8"),
        chance=(3.1, 0.80),
        rests_on=("pCO2", "pH", "pO2", "flow_air", "offgas_CO2"),
        slack=0.006,
    ),
    Hypothesis(
        "conductivity_shift",
        Verdict.SENSOR,
        "kappa_offset",
        Shape.STEP,
        0.06,
        "conductivity",
        unit="mS/cm",
        evidence=("R3",),
        hold_h=0.1,
        free_walk=0.01,
        most=6.0,
        chance=(3.0, 1.0),
        rests_on=("conductivity",),
        slack=0.006,
        horizon_h=12.0,
    ),
    Hypothesis(
        "temperature_bias",
        Verdict.SENSOR,
        "temperature_bias",
        Shape.STEP,
        0.2,
        "temperature",
        unit="Cel",
        evidence=("R3", "R6"),
        hold_h=0.1,
        free_walk=0.005,
        most=6.0,
        chance=(3.0, 1.0),
        rests_on=("temperature",),
        slack=0.02,
        horizon_h=12.0,
    ),
    Hypothesis(
        "wrong_feed",
        Verdict.PROCESS,
        "feed_kappa",
        Shape.STEP,
        12.0,
        "feed_scale",
        sign=+1,
        unit="mS/cm",
        evidence=("R3",),
        hold_h=0.15,
        free_walk=1.0,
        most=150.0,
        chance=(5.9, 1.9),
        rests_on=("conductivity", "feed_flow"),
        slack=2.0,
        horizon_h=24.0,
    ),
    Hypothesis(
        "oxygen_demand_drop",
        Verdict.PROCESS,
        "log_qO2",
        Shape.STEP,
        0.2,
        sign=-1,
        relative=True,
        unit="%",
        evidence=("R2", "R7"),
        hold_h=0.25,
        free_walk=0.1,
        most=4.0,
        chance=(1.4, 2.0),
        rests_on=("pO2", "flow_air"),
        slack=0.03,
        horizon_h=24.0,
    ),
    Hypothesis(
        "oxygen_demand_surge",
        Verdict.PROCESS,
        "log_qO2",
        Shape.RAMP,
        0.03,
        sign=+1,
        relative=True,
        unit="%",
        evidence=("R2", "R8"),
        hold_h=0.25,
        free_walk=0.2,
        most=4.0,
        fastest=1.2,
        chance=(1.4, 1.1),
        rests_on=("pO2", "flow_air"),
        eclipses=True,
        slack=0.04,
        horizon_h=24.0,
    ),
)
