"""CHO fed-batch in reduced form: theta-logistic growth, drifting specific rates, four-sensor chemistry.

What it knows: cells grow by a theta-logistic law whose rate drifts; glucose, lactate, oxygen and product
follow the viable cells with specific rates that drift slowly; oxygen and carbon dioxide cross between
bubbles and broth with one transfer coefficient each, limited by what the gas can carry; pH follows
from alkalinity and dissolved carbon dioxide (Henderson-Hasselbalch with one lumped buffer);
conductivity is linear in composition; bottles lose what the pumps deliver; a sample has lost some of its
carbon dioxide before it is measured.

What it ignores: glutamine, osmolality, temperature and pH effects on growth, ionic activities,
probe response times, foam, density changes. The drifting states take up what that costs.

Units: volume L, time h, cells 1e9/L (= 1e6/mL), concentrations mmol/L, specific rates mmol/(1e9 h).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from twin.domain.batch import Batch
from twin.domain.whatif import Knob
from twin.processes._aeration import (
    ATM_MMHG,
    MBAR_PER_M,
    MMOL_PER_L,
    carried,
    delay,
    entering,
    followed,
    relax,
    saturation,
)
from twin.processes._cho_fedbatch import (
    GLUCOSE_G,
    HYPOTHESES,
    INPUTS,
    LACTATE_G,
    OUTPUTS,
    PARAMETERS,
    QUANTITIES,
    SEEN,
    STATES,
    sized,
)
from twin.processes._cho_recipe import (
    DOUBTS,
    FOLLOWS,
    FORESEEN,
    HELD_H,
    RECIPE,
    RESPONSES,
    SAMPLED_H,
    SPREAD,
    WALKS,
    Loops,
)
from twin.processes._outlet import CLOSED, Outlet
from twin.processes.base import (
    Array,
    Hypothesis,
    Output,
    Process,
    State,
    Table,
    held_to,
    index,
    parameter_table,
)

_S: Final = index(tuple(s.name for s in STATES))
_U: Final = index(tuple(i.name for i in INPUTS))
_Y: Final = index(tuple(o.name for o in OUTPUTS))


class ChoFedBatch:
    """The reduced model; see the module's words.

    A vessel with an outlet is a subclass whose tables begin with these, so that every place stays.

    Parameters
    ----------
    table : Table
        Parameter values.
    """

    id = "cho_fedbatch"
    version = "1"
    frame_s = 120.0
    states: tuple[State, ...] = STATES
    inputs = INPUTS
    outputs: tuple[Output, ...] = OUTPUTS
    quantities = QUANTITIES
    faults: tuple[Hypothesis, ...] = HYPOTHESES

    foreseen = FORESEEN
    spread = SPREAD
    walks = WALKS
    doubts = DOUBTS
    responses: Mapping[str, float] = {f"per_kelvin_{state}": sd for state, (_, sd) in RESPONSES.items()}

    def __init__(self, table: Table) -> None:
        self.parameters = table.parameters
        self._p: Mapping[str, float] = table.values
        self.hypotheses = held_to(self.faults, table["false_alarm_interval_h"])
        self.states, self.outputs = sized(self.states, self.outputs, table["size"])
        self._low, self._high = (np.array([getattr(s, end) for s in self.states]) for end in ("low", "high"))
        self._loops = Loops(self._p)
        self._lags = {
            (_S[name], _S[f"{name}_seen"]): delay(self._p[response], self.frame_s)
            for name, response in SEEN.items()
        }

    def begin(self, batch: Batch | None, age_h: float) -> tuple[Array, Array]:
        """Belief about a culture first seen at age `age_h` [h]: grown unseen from the inoculum."""
        p = self._p
        mean = np.array([s.start for s in self.states])
        sd = np.array([s.start_sd for s in self.states])
        cells = batch.cells if batch is not None and batch.cells > 0.0 else p["inoculum"]
        volume = batch.volume_l if batch is not None else 1.0
        mean[_S["log_Xv"]], mean[_S["log_Xd"]] = self._grow(np.log(cells), max(age_h, 0.0))
        sd[_S["log_Xv"]] = 0.1 + 0.3 * min(max(age_h, 0.0) / 72.0, 1.0)
        for name in ("qG", "qN", "qO2", "qP"):
            mean[_S["log_" + name]] = np.log(p[name])
        mean[_S["log_qO2"]] -= 0.5 * p["qO2_growth"]  # given of cells that grow at mu0
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

    def _breath(self, x: Array, mu: Array) -> Array:
        """Oxygen uptake rate [mmol/L/h]: a part of each cell's goes with its growth (Pirt 1965)."""
        growing = self._p["qO2_growth"] * (mu / self._p["mu0"] - 0.5)
        return np.asarray(np.exp(x[..., _S["log_qO2"]] + x[..., _S["log_Xv"]] + growing))

    def _clip(self, x: Array) -> Array:
        return np.clip(x, self._low, self._high)

    def _outlet(self, x: Array, u: Array) -> Outlet:
        """What leaves beside gas: nothing."""
        return CLOSED

    def _fresh(self, x: Array) -> tuple[Array | float, Array | float]:
        """Alkalinity and inorganic carbon of the feed [mmol/L]: a concentrate without bicarbonate."""
        return self._p["feed_alkalinity"], 0.0

    def _gas(self, x: Array, u: Array) -> tuple[Array, Array, Array, Array]:
        """Molar gas flow [mmol/h], inlet fractions of O2 and CO2, pressure of dry gas in the broth [atm]."""
        p = self._p
        air = u[..., _U["flow_air"]] * x[..., _S["air_gain"]]
        o2 = u[..., _U["flow_O2"]] * x[..., _S["O2_gain"]]
        co2, n2, pressure = (u[..., _U[name]] for name in ("flow_CO2", "flow_N2", "pressure"))
        weight = 0.5 * p["depth"] * p["broth_density"] * MBAR_PER_M
        return entering(air, o2, co2, n2, pressure + weight, p["water_vapour"])

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
        out_of = self._outlet(x, u)
        held = out_of.harvest / volume  # what a filter holds back becomes denser by this
        fresh, carbon = self._fresh(x)

        mu, kd = self._growth(x[..., _S["growth"]], viable + dead)
        out[..., _S["log_Xv"]] += (mu - kd - (thin - held)) * hours
        out[..., _S["log_Xd"]] += (
            np.log1p(np.maximum(kd * viable / dead * hours, 0.0)) - (thin - held) * hours
        )
        young = mu / p["mu0"] - 0.5
        thirst = np.exp(x[..., _S["log_qG"]] + p["qG_growth"] * young)
        uptake = thirst * viable * x[..., _S["G"]] / (p["K_glucose"] + x[..., _S["G"]])
        acid = x[..., _S["qL"]] * viable
        acid = np.where(acid < 0.0, acid * x[..., _S["L"]] / (0.5 + x[..., _S["L"]]), acid)
        ammonia = np.exp(x[..., _S["log_qN"]]) * viable
        supply = feed / volume * p["feed_glucose"] / GLUCOSE_G
        out[..., _S["G"]] += (supply - uptake - thin * x[..., _S["G"]]) * hours
        out[..., _S["L"]] += (acid - thin * x[..., _S["L"]]) * hours
        out[..., _S["N"]] += (ammonia - thin * x[..., _S["N"]]) * hours
        made = np.exp(x[..., _S["log_qP"]] + p["qP_growth"] * young) * viable
        out[..., _S["P"]] += (made - (thin - (1.0 - out_of.sieving) * held) * x[..., _S["P"]]) * hours
        strong = (fresh * feed + 2.0 * p["base_carbonate"] * base) / volume
        alkali = strong - thin * x[..., _S["A"]]
        out[..., _S["A"]] += alkali * hours
        excess = feed * x[..., _S["feed_kappa"]] / volume - thin * x[..., _S["kappa_offset"]]
        out[..., _S["kappa_offset"]] += excess * hours

        come = feed * p["feed_density"] + base * p["base_density"] - p["evaporation"]
        out[..., _S["W"]] += (come - out_of.flow * p["broth_density"]) * hours
        out[..., _S["head"]] -= (out[..., _S["W"]] - x[..., _S["W"]]) / p["broth_density"]
        out[..., _S["feed_left"]] -= feed * p["feed_density"] * 1e3 * hours
        out[..., _S["base_left"]] -= base * p["base_density"] * 1e3 * hours

        breath = self._breath(x, mu)
        added = (p["base_carbonate"] * base + carbon * feed) / volume
        self._gases(x, u, out, hours, volume, breath, alkali - (acid - ammonia), thin, added)
        for (true, seen), lag in self._lags.items():
            out[..., seen] = followed(x[..., seen], x[..., true], out[..., true], lag, hours)
        return self._clip(out)

    def _gases(
        self, x: Array, u: Array, out: Array, hours: float, volume: Array, OUR: Array, rise: Array,
        thin: Array, added: Array,
    ) -> None:  # fmt: skip
        """Dissolved O2 and CO2 and the gas in the head space, into `out`.

        Bubbles: see `_aeration.carried`; the surface transfers ``k (C_head - C)``. At the rate `rise`
        bicarbonate grows at constant pH; at `added` feed and base bring carbon [mmol/L/h].
        """
        p = self._p
        flow, o2_in, co2_in, dry = self._gas(x, u)
        kla = self._kla(x, u, volume)
        # oxygen, in % of air saturation
        full = p["oxygen_saturation"] / 100.0
        h_o2 = saturation(dry, p["water_vapour"])
        a = carried(kla, flow, volume, h_o2 * full)
        top = p["kLa_surface"] * np.exp(x[..., _S["log_kLa_surface"]])
        pull = a * h_o2 * o2_in + top * h_o2 * x[..., _S["yO2"]] / 100.0
        pO2 = x[..., _S["pO2"]]
        out[..., _S["pO2"]] = relax(pO2, a + top, pull - OUR / full, hours)
        o2_moved = full * (pull - (a + top) * 0.5 * (pO2 + out[..., _S["pO2"]]))
        # carbon dioxide
        h_co2 = p["CO2_solubility"] * ATM_MMHG * dry
        ratio = p["kLa_ratio"] * np.exp(x[..., _S["log_kLa_ratio"]])
        a, top = carried(ratio * kla, flow, volume, h_co2), ratio * top
        pull = a * h_co2 * co2_in + top * h_co2 * x[..., _S["yCO2"]] / 100.0
        hco3, _ = self._bicarbonate(x)
        CO2 = np.maximum(x[..., _S["CO2"]], 0.02)
        # the buffer's share: as CO2 rises by 1, CO2 and bicarbonate together rise by `tied`
        bend = 0.4343 * p["buffer"]
        share = 1.0 / (1.0 + bend / hco3)
        tied = 1.0 + share * bend / CO2
        made = OUR * np.exp(x[..., _S["log_RQ"]]) * p["RQ"] + added
        made = made - share * rise - thin * (CO2 + hco3)
        out[..., _S["CO2"]] = relax(CO2, (a + top) / tied, (pull + made) / tied, hours)
        co2_moved = (a + top) * 0.5 * (CO2 + out[..., _S["CO2"]]) - pull
        # head space, dry fractions in %
        leaving = np.maximum(flow + (co2_moved - o2_moved) * volume, 0.05 * flow)
        held = x[..., _S["head"]] * MMOL_PER_L
        for state, fraction, gained in (("yO2", o2_in, -o2_moved), ("yCO2", co2_in, co2_moved)):
            source = 100.0 * (flow * fraction + gained * volume) / held
            out[..., _S[state]] = relax(x[..., _S[state]], leaving / held, source, hours)

    def knobs(self, volume_l: float) -> tuple[Knob, ...]:
        """What a scenario may change besides faults; see `_cho_recipe`."""
        return self._loops.knobs(volume_l)

    def proceed(
        self, x: Array, u: Array, wanted: Mapping[str, Array], age_h: float, hours: float
    ) -> tuple[Array, Array]:
        """States and inputs `hours` later with the plant's loops at work; see `_cho_recipe`.

        The feed among the inputs is the recipe's own, before a scenario multiplies it.
        """
        u = u.copy()
        u[..., _U["flow_CO2"]] = 0.0  # what is needed of it `acidity` brings
        if "temperature_sp" in wanted:
            x = self._warmed(x, wanted["temperature_sp"] - u[..., _U["temperature"]], wanted)
            u[..., _U["temperature"]] = wanted["temperature_sp"]
        cells = np.exp(x[..., _S["log_Xv"]]) + np.exp(x[..., _S["log_Xd"]])
        mu, _ = self._growth(x[..., _S["growth"]], cells)
        given = self._given(x, u, mu, wanted, age_h)
        out = self.advance(x, given, hours)
        self._loops.starve(x, out, mu, hours)
        self._follow_growth(x, out)
        hco3, pH = self._bicarbonate(out)
        out = self._loops.acidity(out, pH, hco3, wanted["pH_sp"], hours)
        flow, _, _, dry = self._gas(out, u)
        fast = u.copy()
        fast[..., _U["stirrer"]] = np.maximum(u[..., _U["stirrer"]], self._p["stirrer_most"])
        kla = self._kla(out, fast, out[..., _S["W"]] / self._p["broth_density"])
        out[..., _S["pO2"]] = self._loops.oxygen(out, self._breath(out, mu), kla, flow, dry, wanted["pO2_sp"])
        for true, seen in self._lags:
            out[..., seen] = out[..., true]
        return self._clip(out), u

    def _given(self, x: Array, u: Array, mu: Array, wanted: Mapping[str, Array], age_h: float) -> Array:
        """Inputs with the flows of liquid that a scenario makes of them; the recipe's own go into `u`."""
        if "feed_sp" in wanted:
            u[..., _U["feed_flow"]] = wanted["feed_sp"]
        elif age_h >= HELD_H or "glucose_sp" in wanted:
            u[..., _U["feed_flow"]] = self._loops.feed(x, self._growth_sampled(x, mu), wanted)
        given = u.copy()
        given[..., _U["feed_flow"]] *= wanted.get("feed_factor", 1.0)
        return given

    def _growth_sampled(self, x: Array, mu: Array) -> Array:
        """Growth rate [1/h] at the samples from which a daily decision knows the uptake of a cell."""
        cells = np.exp(x[..., _S["log_Xv"]]) + np.exp(x[..., _S["log_Xd"]])
        return self._growth(x[..., _S["growth"]], cells * np.exp(-mu * SAMPLED_H))[0]

    def _warmed(self, x: Array, kelvin: Array, wanted: Mapping[str, Array]) -> Array:
        """States of a culture that became warmer by `kelvin` [K].

        What is known of oxygen is the whole effect, so what comes with growth is taken off.
        """
        out = self._loops.warm(x, kelvin, wanted)
        cells = np.exp(x[..., _S["log_Xv"]]) + np.exp(x[..., _S["log_Xd"]])
        old, new = (self._growth(each[..., _S["growth"]], cells)[0] for each in (x, out))
        out[..., _S["log_qO2"]] -= self._p["qO2_growth"] * (new - old) / self._p["mu0"]
        return out

    def _follow_growth(self, before: Array, after: Array) -> None:
        """Move specific rates with the growth rate, in place."""
        cells = [np.exp(x[..., _S["log_Xv"]]) + np.exp(x[..., _S["log_Xd"]]) for x in (before, after)]
        old, new = (self._growth(before[..., _S["growth"]], each)[0] for each in cells)
        for rate, share in FOLLOWS.items():
            after[..., _S[rate]] += share * (new - old) / self._p["mu0"]

    def observe(self, x: Array, u: Array) -> Array:
        """Expected readings of `outputs`."""
        p, x = self._p, self._clip(x)
        y = np.empty((*x.shape[:-1], len(self.outputs)))
        hco3, pH = self._bicarbonate(x)
        lost = x[..., _S["sample_loss"]]
        warm = x[..., _S["temperature_bias"]]
        y[..., _Y["pH"]] = pH + x[..., _S["pH_bias"]]
        y[..., _Y["pO2"]] = x[..., _S["pO2_seen"]] * np.exp(x[..., _S["log_pO2_gain"]])
        shown = x[..., _S["CO2_seen"]] / p["CO2_solubility"]
        y[..., _Y["pCO2"]] = shown * np.exp(x[..., _S["log_pCO2_gain"]])
        kappa = (
            x[..., _S["kappa_offset"]]
            + p["kappa_alkalinity"] * x[..., _S["A"]]
            + p["kappa_ammonia"] * x[..., _S["N"]]
            + p["kappa_lactate"] * x[..., _S["L"]]
        )
        viable, dead = np.exp(x[..., _S["log_Xv"]]), np.exp(x[..., _S["log_Xd"]])
        y[..., _Y["conductivity"]] = (
            kappa * hindered(viable * p["cell_volume"]) * (1.0 - p["kappa_temperature"] / 1.29 * warm)
        )
        y[..., _Y["weight"]] = x[..., _S["W"]]
        y[..., _Y["feed_scale"]] = x[..., _S["feed_left"]]
        y[..., _Y["base_scale"]] = x[..., _S["base_left"]]
        y[..., _Y["offgas_O2"]] = x[..., _S["yO2_seen"]] * np.exp(x[..., _S["log_offgas_O2_gain"]])
        y[..., _Y["offgas_CO2"]] = x[..., _S["yCO2_seen"]] * np.exp(x[..., _S["log_offgas_CO2_gain"]])
        y[..., _Y["jacket_temperature"]] = u[..., _U["temperature"]] - warm + x[..., _S["jacket_gap"]]
        y[..., _Y["VCD"]] = viable
        y[..., _Y["viability"]] = 100.0 * viable / (viable + dead)
        y[..., _Y["glucose"]] = x[..., _S["G"]] * GLUCOSE_G
        y[..., _Y["lactate"]] = x[..., _S["L"]] * LACTATE_G
        y[..., _Y["ammonia"]] = x[..., _S["N"]]
        y[..., _Y["titre"]] = x[..., _S["P"]]
        y[..., _Y["pH_lab"]] = pH + 0.4343 * lost / (1.0 + 0.4343 * p["buffer"] / hco3)
        y[..., _Y["pCO2_lab"]] = x[..., _S["CO2"]] / p["CO2_solubility"] * np.exp(-lost)
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
            self._breath(x, mu),
            self._bicarbonate(x)[1],
            x[..., _S["pO2"]],
            x[..., _S["CO2"]] / self._p["CO2_solubility"],
            volume,
        ]
        return np.concatenate([y[..., _Y["VCD"] : _Y["titre"] + 1], np.stack(own, axis=-1)], axis=-1)


def hindered(cells: Array) -> Array:
    """Part of the conductivity that a share of volume filled by living cells leaves.

    Insulating spheres in dilute suspension: Maxwell, A Treatise on Electricity and Magnetism (1873),
    art. 314.
    """
    return np.asarray((1.0 - cells) / (1.0 + 0.5 * cells))


def build(parameters: Mapping[str, float]) -> Process:
    """The model with `parameters` in place of its defaults."""
    return ChoFedBatch(parameter_table(ChoFedBatch.id, PARAMETERS + RECIPE, parameters))
