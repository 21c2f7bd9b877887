"""CHO fed-batch in reduced form: theta-logistic growth, drifting specific rates, four-sensor chemistry.

What it knows: cells grow by a theta-logistic law whose rate drifts; glucose, lactate, oxygen and product
follow the viable cells with specific rates that drift slowly; oxygen and carbon dioxide cross between
bubbles and broth with one transfer coefficient each, limited by what the gas can carry; pH follows
from alkalinity and dissolved carbon dioxide (Henderson-Hasselbalch with one lumped buffer);
conductivity is linear in composition; bottles lose what the pumps deliver.

What it ignores: glutamine, osmolality, temperature and pH effects on growth, ionic activities,
probe response times, foam, density changes. The drifting states take up what that costs.

Units: volume L, time h, cells 1e9/L (= 1e6/mL), concentrations mmol/L, specific rates mmol/(1e9 h).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from twin.domain.batch import Batch
from twin.domain.event import Verdict
from twin.processes.base import (
    Array,
    Hypothesis,
    Input,
    Output,
    Parameter,
    Process,
    Quantity,
    Shape,
    State,
    Table,
    index,
    parameter_table,
)

ATM_MBAR: Final = 1013.25
ATM_MMHG: Final = 760.0
AIR_O2: Final = 0.2095
AIR_CO2: Final = 0.0004
GLUCOSE_G: Final = 0.18016  # g/mmol
LACTATE_G: Final = 0.08907  # g/mmol, as lactate ion

_FIT = "fit of the theta-logistic law to the NISTCHO fed-batch assays, condition A"
_DEFAULT = "chosen default"

PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter("mu0", 0.0339, "1/h", _FIT),
    Parameter("X_max", 23.4, "10*9/L", _FIT),
    Parameter("theta", 0.92, "1", _FIT),
    Parameter("kd0", 4e-4, "1/h", _FIT),
    Parameter("kd1", 0.0034, "1/h", _FIT),
    Parameter("kd_power", 6.4, "1", _FIT),
    Parameter("inoculum", 0.5, "10*9/L", _DEFAULT),
    Parameter("qG", 0.06, "mmol/(10*9.h)", "order of Xing et al. 2010; " + _DEFAULT),
    Parameter("qO2", 0.19, "mmol/(10*9.h)", "Goudar et al. 2011: 5.1-5.8 pmol/cell/day; " + _DEFAULT),
    Parameter("qP", 8e-4, "g/(10*9.h)", _DEFAULT),
    Parameter("qN", 0.004, "mmol/(10*9.h)", _DEFAULT),
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
    Parameter("kappa_alkalinity", 0.070, "mS.L/(cm.mmol)", "limiting conductivities of Na+ and HCO3-"),
    Parameter("kappa_ammonia", 0.088, "mS.L/(cm.mmol)", "limiting conductivity of NH4+"),
    Parameter("kappa_lactate", -0.005, "mS.L/(cm.mmol)", "lactate in exchange for HCO3-"),
    Parameter("kappa_temperature", 0.0224, "1/K", "of broth, referred to 25 Cel"),
)

STATES: Final[tuple[State, ...]] = (
    State("log_Xv", "1", 0.0, 0.6, 0.004, -7.0, 5.0),
    State("log_Xd", "1", -2.0, 1.0, 0.05, -9.0, 5.0),
    State("growth", "1", 1.0, 0.25, 0.03, 0.0, 2.0),
    State("G", "mmol/L", 30.0, 10.0, 0.02, 0.0, 300.0),
    State("L", "mmol/L", 10.0, 8.0, 0.02, 0.0, 300.0),
    State("N", "mmol/L", 2.0, 1.5, 0.03, 0.0, 100.0),
    State("P", "g/L", 0.3, 0.4, 0.002, 0.0, 50.0),
    State("log_qG", "1", -2.8, 0.4, 0.03, -7.0, 1.0),
    State("qL", "mmol/(10*9.h)", 0.0, 0.03, 0.004, -0.3, 0.3),
    State("log_qO2", "1", -1.6, 0.2, 0.012, -5.0, 3.0),
    State("log_qP", "1", -7.1, 0.3, 0.02, -12.0, 0.0),
    State("W", "kg", 2.0, 2.0, 2e-4, 0.05, 1e5),
    State("pO2", "%", 40.0, 30.0, 1.5, 0.0, 600.0),
    State("log_kLa", "1", 0.0, 0.5, 0.002, -5.0, 5.0),
    State("kLa_stirrer", "1", 1.2, 0.2, 0.001, 0.0, 3.0),
    State("log_kLa_surface", "1", 0.0, 0.25, 0.002, -3.0, 3.0),
    State("CO2", "mmol/L", 1.5, 0.8, 0.03, 0.02, 30.0),
    State("log_kLa_ratio", "1", 0.0, 0.1, 0.002, -3.0, 3.0),
    State("log_RQ", "1", 0.0, 0.06, 0.002, -1.0, 1.0),
    State("A", "mmol/L", 30.0, 10.0, 0.08, 1.0, 300.0),
    State("pH_bias", "1", 0.0, 0.015, 0.001, -3.0, 3.0),
    State("log_pO2_gain", "1", 0.0, 0.02, 0.001, -3.0, 1.0),
    State("log_pCO2_gain", "1", 0.0, 0.05, 0.002, -3.0, 3.0),
    State("kappa_offset", "mS/cm", 11.5, 2.0, 0.003, -30.0, 50.0),
    State("feed_kappa", "mS/cm", 8.0, 4.0, 0.1, -100.0, 300.0),
    State("air_gain", "1", 1.0, 0.01, 0.0001, 0.01, 3.0),
    State("feed_gain", "1", 1.0, 0.02, 0.001, -0.2, 3.0),
    State("base_gain", "1", 1.0, 0.02, 0.001, -0.2, 3.0),
    State("feed_left", "g", 1000.0, 1000.0, 0.02, -1e3, 1e7),
    State("base_left", "g", 500.0, 500.0, 0.02, -1e3, 1e7),
    State("yO2", "%", 20.0, 5.0, 0.02, 0.0, 100.0),
    State("yCO2", "%", 2.0, 2.0, 0.01, 0.0, 100.0),
    State("log_offgas_O2_gain", "1", 0.0, 0.004, 1e-4, -1.0, 1.0),
    State("head", "L", 1.0, 0.1, 1e-3, 0.01, 1e5),
    State("temperature_bias", "Cel", 0.0, 0.05, 0.001, -10.0, 10.0),
    State("jacket_gap", "Cel", 0.0, 3.0, 0.1, -60.0, 60.0),
)

INPUTS: Final[tuple[Input, ...]] = (
    Input("flow_air", 0.0),
    Input("flow_O2", 0.0),
    Input("flow_CO2", 0.0),
    Input("flow_N2", 0.0),
    Input("feed_flow", 0.0),
    Input("base_flow", 0.0),
    Input("stirrer", 200.0),
    Input("pressure", 0.0),
    Input("temperature", 37.0),
)

OUTPUTS: Final[tuple[Output, ...]] = (
    Output("pH", "1", 0.003),
    Output("pO2", "%", 0.4, 0.005),
    Output("pCO2", "mm[Hg]", 0.3, 0.007),
    Output("conductivity", "mS/cm", 0.01, 0.001),
    Output("weight", "kg", 0.0, 0.001),
    Output("feed_scale", "g", 0.15, 5e-4, refill="feed_left", refill_least=50.0),
    Output("base_scale", "g", 0.05, 5e-4, refill="base_left", refill_least=50.0),
    Output("offgas_O2", "%", 0.03),
    Output("offgas_CO2", "%", 0.02, 0.01),
    Output("jacket_temperature", "Cel", 0.3),
    Output("VCD", "10*6/mL", 0.05, 0.06, assay=True),
    Output("viability", "%", 0.7, 0.0, assay=True),
    Output("glucose", "g/L", 0.05, 0.07, assay=True),
    Output("lactate", "g/L", 0.05, 0.07, assay=True),
    Output("ammonia", "mmol/L", 0.1, 0.07, assay=True),
    Output("titre", "g/L", 0.02, 0.08, assay=True),
    Output("pH_lab", "1", 0.025, 0.0, assay=True),
    Output("pCO2_lab", "mm[Hg]", 2.0, 0.05, assay=True),
)

QUANTITIES: Final[tuple[Quantity, ...]] = (
    Quantity("est_VCD", "10*6/mL"),
    Quantity("est_viability", "%"),
    Quantity("est_glucose", "g/L"),
    Quantity("est_lactate", "g/L"),
    Quantity("est_ammonia", "mmol/L"),
    Quantity("est_titre", "g/L"),
    Quantity("est_growth_rate", "1/h"),
    Quantity("est_kLa", "1/h"),
    Quantity("est_OUR", "mmol/L/h"),
    Quantity("est_pH_true", "1"),
    Quantity("est_pO2_true", "%"),
    Quantity("est_pCO2_true", "mm[Hg]"),
    Quantity("est_volume", "L"),
)

HYPOTHESES: Final[tuple[Hypothesis, ...]] = (
    Hypothesis(
        "ph_probe_drift", Verdict.SENSOR, "pH_bias", Shape.RAMP, 0.004, "pH",
        evidence=("R1", "R8"), hold_h=0.25, free_sd=0.01, free_walk=0.03, most=2.0, fastest=0.2, slack=0.015,
    ),
    Hypothesis(
        "do_probe_fouling", Verdict.SENSOR, "log_pO2_gain", Shape.RAMP, 0.002, "pO2", relative=True,
        unit="%", evidence=("R2",), hold_h=0.5, free_sd=0.03, free_walk=0.03, most=1.5, fastest=0.1, threshold=20.0, slack=0.02, horizon_h=24.0,
    ),
    Hypothesis(
        "kla_loss", Verdict.PROCESS, "log_kLa", Shape.STEP, 0.12, sign=-1, relative=True, unit="%",
        evidence=("R2",), hold_h=0.15, free_sd=0.1, free_walk=0.03, most=3.0, slack=0.03, horizon_h=24.0,
    ),
    Hypothesis(
        "aeration_loss", Verdict.PROCESS, "air_gain", Shape.STEP, 0.08, "flow_air", sign=-1, factor=100.0,
        unit="%", evidence=("R2", "R9"), hold_h=0.15, free_sd=0.05, free_walk=0.02, most=1.2, slack=0.02,
        horizon_h=24.0,
    ),
    Hypothesis(
        "feed_pump_failure", Verdict.ACTUATOR, "feed_gain", Shape.STEP, 0.1, "feed_flow", sign=-1,
        factor=100.0, unit="%", evidence=("R4", "R7"), hold_h=0.15, free_sd=0.05, free_walk=0.02, most=1.3, slack=0.02,
    ),
    Hypothesis(
        "base_line_blocked", Verdict.ACTUATOR, "base_gain", Shape.STEP, 0.2, "base_flow", sign=-1,
        factor=100.0, unit="%", evidence=("R1", "R3", "R4"), hold_h=0.15, free_sd=0.05, free_walk=0.02,
        most=1.3, slack=0.04,
    ),
    Hypothesis(
        "pco2_probe_drift", Verdict.SENSOR, "log_pCO2_gain", Shape.RAMP, 0.002, "pCO2", relative=True,
        unit="%", evidence=("R1", "R8"), hold_h=0.5, free_sd=0.03, free_walk=0.03, most=1.5, fastest=0.1, threshold=20.0, slack=0.02,
    ),
    Hypothesis(
        "conductivity_shift", Verdict.SENSOR, "kappa_offset", Shape.STEP, 0.06, "conductivity",
        unit="mS/cm", evidence=("R3",), hold_h=0.25, free_sd=0.05, free_walk=0.01, most=6.0, slack=0.01,
        horizon_h=12.0,
    ),
    Hypothesis(
        "temperature_bias", Verdict.SENSOR, "temperature_bias", Shape.STEP, 0.2, "temperature",
        unit="Cel", evidence=("R3", "R6"), hold_h=0.25, free_sd=0.1, free_walk=0.005, most=6.0, slack=0.05,
        horizon_h=12.0,
    ),
    Hypothesis(
        "wrong_feed", Verdict.PROCESS, "feed_kappa", Shape.STEP, 8.0, "feed_scale",
        unit="mS/cm", evidence=("R3",), hold_h=0.25, free_sd=5.0, free_walk=1.0, most=150.0, slack=2.0, horizon_h=24.0,
    ),
    Hypothesis(
        "oxygen_demand_drop", Verdict.PROCESS, "log_qO2", Shape.STEP, 0.2, sign=-1, relative=True, unit="%",
        evidence=("R2", "R7"), hold_h=0.25, free_sd=0.1, free_walk=0.1, most=4.0, slack=0.04, horizon_h=24.0,
    ),
    Hypothesis(
        "oxygen_demand_surge", Verdict.PROCESS, "log_qO2", Shape.RAMP, 0.03, sign=+1, relative=True, unit="%",
        evidence=("R2", "R8"), hold_h=0.25, free_sd=0.1, free_walk=0.2, most=4.0, fastest=1.2, slack=0.06, horizon_h=24.0,
    ),
)  # fmt: skip

_S: Final = index(tuple(s.name for s in STATES))
_U: Final = index(tuple(i.name for i in INPUTS))
_Y: Final = index(tuple(o.name for o in OUTPUTS))


class ChoFedBatch:
    """The reduced model; see the module's words.

    Parameters
    ----------
    table : Table
        Parameter values.
    """

    id = "cho_fedbatch"
    version = "1"
    frame_s = 120.0
    states = STATES
    inputs = INPUTS
    outputs = OUTPUTS
    quantities = QUANTITIES
    hypotheses = HYPOTHESES

    def __init__(self, table: Table) -> None:
        self.parameters = table.parameters
        self._p: Mapping[str, float] = table.values

    def begin(self, batch: Batch | None, age_h: float) -> tuple[Array, Array]:
        """Belief about a culture first seen at age `age_h` [h]: grown unseen from the inoculum."""
        p = self._p
        mean = np.array([s.start for s in STATES])
        sd = np.array([s.start_sd for s in STATES])
        cells = batch.cells if batch is not None and batch.cells > 0.0 else p["inoculum"]
        volume = batch.volume_l if batch is not None else 1.0
        mean[_S["log_Xv"]], mean[_S["log_Xd"]] = self._grow(np.log(cells), max(age_h, 0.0))
        sd[_S["log_Xv"]] = 0.1 + 0.3 * min(max(age_h, 0.0) / 72.0, 1.0)
        for name in ("qG", "qO2", "qP"):
            mean[_S["log_" + name]] = np.log(p[name])
        mean[_S["G"]] = p["glucose_start"]
        mean[_S["W"]] = volume * p["broth_density"]
        sd[_S["W"]] = 0.5 * mean[_S["W"]]
        mean[_S["head"]], sd[_S["head"]] = p["head_fraction"] * volume, 0.1 * volume
        return mean, sd

    def _grow(self, log_cells: float, hours: float) -> tuple[float, float]:
        """Logarithms of viable and dead cells after `hours`, by steps of about an hour."""
        steps = int(np.ceil(hours)) or 1
        viable, dead = np.exp(log_cells), 0.02 * np.exp(log_cells)
        for _ in range(steps):
            mu, kd = self._growth(np.float64(1.0), viable + dead)
            dead += kd * viable * hours / steps
            viable *= np.exp((mu - kd) * hours / steps)
        return float(np.log(viable)), float(np.log(dead))

    def _growth(self, growth: Array | np.float64, cells: Array | np.float64) -> tuple[Array, Array]:
        """Specific growth and death rates [1/h] at total cells [1e9/L]."""
        p = self._p
        crowd = np.minimum(cells / p["X_max"], 3.0)
        mu = p["mu0"] * growth * np.maximum(0.0, 1.0 - crowd ** p["theta"])
        return np.asarray(mu), np.asarray(p["kd0"] + p["kd1"] * np.minimum(crowd, 1.3) ** p["kd_power"])

    def _clip(self, x: Array) -> Array:
        return np.clip(x, _LOW, _HIGH)

    def _gas(self, x: Array, u: Array) -> tuple[Array, Array, Array, Array]:
        """Molar gas flow [mmol/h], inlet fractions of O2 and CO2, pressure of dry gas [atm]."""
        air, o2, co2 = (
            u[..., _U["flow_air"]] * x[..., _S["air_gain"]],
            u[..., _U["flow_O2"]],
            u[..., _U["flow_CO2"]],
        )
        total = np.maximum(air + o2 + co2 + u[..., _U["flow_N2"]], 1e-6)
        dry = 1.0 + u[..., _U["pressure"]] / ATM_MBAR - self._p["water_vapour"]
        return total * 6e4 / 22.414, (AIR_O2 * air + o2) / total, (AIR_CO2 * air + co2) / total, dry

    def _kla(self, x: Array, u: Array, volume: Array) -> Array:
        """Oxygen transfer coefficient [1/h]."""
        p = self._p
        air = u[..., _U["flow_air"]] * x[..., _S["air_gain"]]
        flow = air + u[..., _U["flow_O2"]] + u[..., _U["flow_CO2"]] + u[..., _U["flow_N2"]]
        stir = np.maximum(u[..., _U["stirrer"]], 1.0) / p["stirrer_reference"]
        reference = p["kLa_vvm"] * flow / volume * stir ** x[..., _S["kLa_stirrer"]]
        return np.asarray(np.exp(x[..., _S["log_kLa"]]) * reference)

    def _bicarbonate(self, x: Array) -> tuple[Array, Array]:
        """Bicarbonate [mmol/L] and pH: charge balance with one lumped buffer, three Newton steps."""
        p = self._p
        room = x[..., _S["A"]] - x[..., _S["L"]] + x[..., _S["N"]]
        co2 = np.maximum(x[..., _S["CO2"]], 0.02)
        pH = p["pK"] + np.log10(np.maximum(room, 0.5) / co2)
        for _ in range(3):
            hco3 = np.maximum(room - p["buffer"] * (pH - 7.0), 0.3)
            off = p["pK"] + np.log10(hco3 / co2) - pH
            pH = pH + off / (1.0 + 0.4343 * p["buffer"] / hco3)
        return np.maximum(room - p["buffer"] * (pH - 7.0), 0.3), pH

    def advance(self, x: Array, u: Array, hours: float) -> Array:
        """States `hours` later; dissolved gases exactly for constant rates, the rest by one Euler step."""
        p, x = self._p, self._clip(x)
        out = x.copy()
        viable, dead = np.exp(x[..., _S["log_Xv"]]), np.exp(x[..., _S["log_Xd"]])
        volume = x[..., _S["W"]] / p["broth_density"]
        feed = u[..., _U["feed_flow"]] * 1e-3 * x[..., _S["feed_gain"]]
        base = u[..., _U["base_flow"]] * 1e-3 * x[..., _S["base_gain"]]
        thin = (feed + base) / volume

        mu, kd = self._growth(x[..., _S["growth"]], viable + dead)
        out[..., _S["log_Xv"]] += (mu - kd - thin) * hours
        out[..., _S["log_Xd"]] += np.log1p(np.maximum(kd * viable / dead * hours, 0.0)) - thin * hours
        qO2 = np.exp(x[..., _S["log_qO2"]])
        uptake = np.exp(x[..., _S["log_qG"]]) * viable * x[..., _S["G"]] / (p["K_glucose"] + x[..., _S["G"]])
        acid = x[..., _S["qL"]] * viable
        acid = np.where(acid < 0.0, acid * x[..., _S["L"]] / (0.5 + x[..., _S["L"]]), acid)
        ammonia = p["qN"] * viable
        supply = feed / volume * p["feed_glucose"] / GLUCOSE_G
        out[..., _S["G"]] += (supply - uptake - thin * x[..., _S["G"]]) * hours
        out[..., _S["L"]] += (acid - thin * x[..., _S["L"]]) * hours
        out[..., _S["N"]] += (ammonia - thin * x[..., _S["N"]]) * hours
        out[..., _S["P"]] += (np.exp(x[..., _S["log_qP"]]) * viable - thin * x[..., _S["P"]]) * hours
        strong = (p["feed_alkalinity"] * feed + 2.0 * p["base_carbonate"] * base) / volume
        alkali = strong - thin * x[..., _S["A"]]
        out[..., _S["A"]] += alkali * hours
        excess = feed * x[..., _S["feed_kappa"]] / volume - thin * x[..., _S["kappa_offset"]]
        out[..., _S["kappa_offset"]] += excess * hours

        out[..., _S["W"]] += (feed * p["feed_density"] + base * p["base_density"] - p["evaporation"]) * hours
        out[..., _S["head"]] -= (out[..., _S["W"]] - x[..., _S["W"]]) / p["broth_density"]
        out[..., _S["feed_left"]] -= feed * p["feed_density"] * 1e3 * hours
        out[..., _S["base_left"]] -= base * p["base_density"] * 1e3 * hours

        self._gases(x, u, out, hours, volume, qO2 * viable, alkali - (acid - ammonia), thin, base)
        return self._clip(out)

    def _gases(
        self, x: Array, u: Array, out: Array, hours: float, volume: Array, OUR: Array, rise: Array,
        thin: Array, base: Array,
    ) -> None:  # fmt: skip
        """Dissolved O2 and CO2 and the gas in the head space, into `out`.

        Bubbles are well mixed and quasi-steady, so what they transfer is ``a (C_in - C)`` with
        ``a = kLa q / (q + kLa V h)``: never more than the gas can carry. The surface transfers
        ``k (C_head - C)``. `rise` is the rate at which bicarbonate grows at constant pH [mmol/L/h].
        """
        p = self._p
        flow, o2_in, co2_in, dry = self._gas(x, u)
        kla = self._kla(x, u, volume)
        # oxygen, in % of air saturation
        full = p["oxygen_saturation"] / 100.0
        h_o2 = 100.0 * dry / (AIR_O2 * (1.0 - p["water_vapour"]))
        a, top = (
            kla * flow / (flow + kla * volume * h_o2 * full),
            p["kLa_surface"] * np.exp(x[..., _S["log_kLa_surface"]]),
        )
        pull = a * h_o2 * o2_in + top * h_o2 * x[..., _S["yO2"]] / 100.0
        pO2 = x[..., _S["pO2"]]
        out[..., _S["pO2"]] = _relax(pO2, a + top, pull - OUR / full, hours)
        o2_moved = full * (pull - (a + top) * 0.5 * (pO2 + out[..., _S["pO2"]]))
        # carbon dioxide
        h_co2 = p["CO2_solubility"] * ATM_MMHG * dry
        ratio = p["kLa_ratio"] * np.exp(x[..., _S["log_kLa_ratio"]])
        a, top = ratio * kla, ratio * top
        a = a * flow / (flow + a * volume * h_co2)
        pull = a * h_co2 * co2_in + top * h_co2 * x[..., _S["yCO2"]] / 100.0
        hco3, _ = self._bicarbonate(x)
        CO2 = np.maximum(x[..., _S["CO2"]], 0.02)
        # the buffer's share: as CO2 rises by 1, CO2 and bicarbonate together rise by `tied`
        bend = 0.4343 * p["buffer"]
        share = 1.0 / (1.0 + bend / hco3)
        tied = 1.0 + share * bend / CO2
        made = OUR * np.exp(x[..., _S["log_RQ"]]) * p["RQ"] + p["base_carbonate"] * base / volume
        made = made - share * rise - thin * (CO2 + hco3)
        out[..., _S["CO2"]] = _relax(CO2, (a + top) / tied, (pull + made) / tied, hours)
        co2_moved = (a + top) * 0.5 * (CO2 + out[..., _S["CO2"]]) - pull
        # head space, dry fractions in %
        leaving = np.maximum(flow + (co2_moved - o2_moved) * volume, 0.05 * flow)
        held = x[..., _S["head"]] * 1e3 / 25.4
        for state, fraction, gained in (("yO2", o2_in, -o2_moved), ("yCO2", co2_in, co2_moved)):
            source = 100.0 * (flow * fraction + gained * volume) / held
            out[..., _S[state]] = _relax(x[..., _S[state]], leaving / held, source, hours)

    def observe(self, x: Array, u: Array) -> Array:
        """Expected readings of `outputs`."""
        p, x = self._p, self._clip(x)
        y = np.empty((*x.shape[:-1], len(OUTPUTS)))
        _, pH = self._bicarbonate(x)
        pCO2 = x[..., _S["CO2"]] / p["CO2_solubility"]
        warm = x[..., _S["temperature_bias"]]
        y[..., _Y["pH"]] = pH + x[..., _S["pH_bias"]]
        y[..., _Y["pO2"]] = x[..., _S["pO2"]] * np.exp(x[..., _S["log_pO2_gain"]])
        y[..., _Y["pCO2"]] = pCO2 * np.exp(x[..., _S["log_pCO2_gain"]])
        kappa = (
            x[..., _S["kappa_offset"]]
            + p["kappa_alkalinity"] * x[..., _S["A"]]
            + p["kappa_ammonia"] * x[..., _S["N"]]
            + p["kappa_lactate"] * x[..., _S["L"]]
        )
        y[..., _Y["conductivity"]] = kappa * (1.0 - p["kappa_temperature"] / 1.29 * warm)
        y[..., _Y["weight"]] = x[..., _S["W"]]
        y[..., _Y["feed_scale"]] = x[..., _S["feed_left"]]
        y[..., _Y["base_scale"]] = x[..., _S["base_left"]]
        y[..., _Y["offgas_O2"]] = x[..., _S["yO2"]] * np.exp(x[..., _S["log_offgas_O2_gain"]])
        y[..., _Y["offgas_CO2"]] = x[..., _S["yCO2"]]
        y[..., _Y["jacket_temperature"]] = u[..., _U["temperature"]] - warm + x[..., _S["jacket_gap"]]
        viable, dead = np.exp(x[..., _S["log_Xv"]]), np.exp(x[..., _S["log_Xd"]])
        y[..., _Y["VCD"]] = viable
        y[..., _Y["viability"]] = 100.0 * viable / (viable + dead)
        y[..., _Y["glucose"]] = x[..., _S["G"]] * GLUCOSE_G
        y[..., _Y["lactate"]] = x[..., _S["L"]] * LACTATE_G
        y[..., _Y["ammonia"]] = x[..., _S["N"]]
        y[..., _Y["titre"]] = x[..., _S["P"]]
        y[..., _Y["pH_lab"]] = pH
        y[..., _Y["pCO2_lab"]] = pCO2
        return y

    def derive(self, x: Array, u: Array) -> Array:
        """Values of `quantities`."""
        x = self._clip(x)
        y = self.observe(x, u)
        volume = x[..., _S["W"]] / self._p["broth_density"]
        viable, dead = np.exp(x[..., _S["log_Xv"]]), np.exp(x[..., _S["log_Xd"]])
        mu, _ = self._growth(x[..., _S["growth"]], viable + dead)
        own = [
            mu,
            self._kla(x, u, volume),
            np.exp(x[..., _S["log_qO2"]]) * viable,
            y[..., _Y["pH_lab"]],
            x[..., _S["pO2"]],
            y[..., _Y["pCO2_lab"]],
            volume,
        ]
        return np.concatenate([y[..., _Y["VCD"] : _Y["titre"] + 1], np.stack(own, axis=-1)], axis=-1)


def _relax(x: Array, rate: Array, source: Array, hours: float) -> Array:
    """Solution of ``x' = source - rate x`` after `hours`, exact for constant rates."""
    still = source / rate
    return np.asarray(still + (x - still) * np.exp(-rate * hours))


_LOW: Final = np.array([s.low for s in STATES])
_HIGH: Final = np.array([s.high for s in STATES])


def build(parameters: Mapping[str, float]) -> Process:
    """The model with `parameters` in place of its defaults."""
    return ChoFedBatch(parameter_table(ChoFedBatch.id, PARAMETERS, parameters))
