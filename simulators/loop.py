"""The compiled inner loop: faults, control, plant, probes, one tick after the other."""

import math
from typing import Any, Final

import numpy as np

from simulators import cleaning, control, faults, microbe, state, vessel
from simulators import probes as pr
from simulators.chemistry import (
    MMHG_PER_ATM,
    MMOL_PER_LITRE_GAS,
    O2_IN_AIR,
    conductivity,
    constants_at,
    dissolved_co2,
    exp10,
    log_gamma1,
    neutral,
)
from simulators.compiled import compiled

TICKS_PER_BLOCK: Final = 240
DISTURBANCES: Final = 4
"""Growth, respiration, lactate, kLa: slow first-order noise."""
DISTURBANCE_TAU_H: Final = 8.0
KAPPA_PER_K: Final = 0.0220
"""Temperature coefficient the transmitter uses to refer conductivity to 25 Cel; chosen default."""
GOOD, UNCERTAIN, BAD_QUALITY, NOTHING = 192, 64, 0, -1
MMOL_PER_H: Final = 60.0 * MMOL_PER_LITRE_GAS
GRAM_PER_CELL: Final = 3e-13
"""Dry mass of a contaminating bacterium [g]."""
LARGER_BUBBLES: Final = 0.5
"""How the transfer depends on the share of open holes beside the flow itself: power; chosen default."""

TRUTH: Final = (
    *pr.CHANNELS, "VCD", "viability", "glucose", "glutamine", "lactate", "ammonia", "titre", "oxygen",
    "osmolality", "volume", "IVC", "OUR", "CER", "kLa", "carbon", "SID", "contaminant", "base_in", "feed_in",
)  # fmt: skip
"""Names of the true values the recorder keeps: what probes should read, then states."""
PERFUSION: Final = (*pr.OUTLETS, "sieving", "titre_harvest")
"""Those of perfused vessels only: flows [mL/h], part of the product that passes, product [g/L]."""
MICROBIAL: Final = ("biomass", "acetate")
"""Those of microbial vessels only: dry cells and acetic acid [g/L]."""
CELLS_ONLY: Final = ("VCD", "viability", "glutamine", "lactate", "titre", "IVC")
"""True values that mean nothing in a microbial vessel."""
CLEANED: Final = ("F0", "cold_spot", "return_conductivity")
"""Those of vessels that are washed or steamed: F0 of the coldest spot [min], its temperature [Cel], and the
conductivity of what comes back from CIP [mS/cm at 25 Cel]."""
KEPT: Final = pr.MEASURED + TRUTH[len(pr.CHANNELS) :] + PERFUSION[len(pr.OUTLETS) :] + MICROBIAL + CLEANED
"""All of them, what probes should read first."""
(
    VCD, VIABILITY, GLUCOSE, GLUTAMINE, LACTATE, AMMONIA, TITRE, OXYGEN, OSMOLALITY, VOLUME, IVC,
    OUR, CER, KLA, CARBON, SID, CONTAMINANT, BASE_IN, FEED_IN,
    SIEVING, TITRE_HARVEST, BIOMASS, ACETATE, F0, COLD_SPOT, RETURNED,
) = range(len(pr.MEASURED), len(KEPT))  # fmt: skip

PLANT: Final = np.dtype(
    [
        (name, np.float64)
        for name in (
            "tick_h",
            "k_celsius",  # temperature the chemical constants were computed for
            "feed_bottle", "base_bottle",  # [g], what is left
            "fed_count",  # feed by the pump's own count [L]
            "feed_full", "base_full",  # [g], a fresh bottle
            "feed_changed", "base_changed",  # culture age of the last change [s], 0 for none
            "head_mbar",  # gauge pressure in the head space
            "hungry_h",  # time without glucose
            "passed",  # part of the metered gas that a clogged sparger lets pass
            "mode",  # CULTURE, WASH or STEAM of `cleaning`
            "step", "step_h",  # of the program of CIP or SIP, and time in it
            "inside", "cold",  # of the empty vessel and its coldest spot [Cel]
            "caustic", "acid", "caustic_leg", "acid_leg",  # in the loop of CIP and its dead legs [mol/L]
            "steam_sp", "steam_min", "f0_goal",  # what SIP is to reach: [Cel], [min], [min]
            "f0", "f0_told",  # of the coldest spot, and by the temperature probe [min]
            "steam_shift",  # what SIP does to the zero of the pH probe
            "ended", "result",  # age at which CIP or SIP ended [s]; its last conductivity or F0
            "disturbance",  # standard deviation
            "w0", "w1", "w2", "w3",  # disturbances now
        )
    ]
)  # fmt: skip
"""What the loop remembers beside the state."""


_OFFSET, _GAIN, _SPIKE, _SCATTER, _SLOWNESS, _STATE, _SIZE, _BUBBLES, _OTHER, _AIRED, _SCALE = range(11)
"""Columns of what the faults do to a probe: offset, gain, spikes, noise factor, slowness, an action that
replaces the value and its size, bubbles, the crossed channel + 1, 1 when out of the broth, factor less 1."""


@compiled
def _gather(fault_table: Any, t: float, effects: Any, probe_faults: Any, at: Any) -> None:
    """Sum up what the faults do at culture age `t` [s]; `probe_faults` rows: see `_read`.

    `at`: kelvin above 25 Cel, atm above 1, and stirrer speed as a share of its range.
    """
    effects[:] = 0.0
    probe_faults[:] = 0.0
    for i in range(fault_table.shape[0]):
        f = fault_table[i]
        if t < f.start or t >= f.end:
            continue
        s = faults.strength(f, t)
        if f.action == faults.EFFECT or f.action == faults.EFFECT_RATE:
            effects[f.channel] += s
        else:
            _spoil(probe_faults, f, s, at)


@compiled
def _spoil(probe_faults: Any, f: Any, s: float, at: Any) -> None:
    """Add one fault of strength `s` to what is wrong with its probe."""
    row = probe_faults[f.channel]
    if f.action == faults.OFFSET or f.action == faults.OFFSET_RATE:
        row[_OFFSET] += s
    elif f.action == faults.GAIN or f.action == faults.GAIN_RATE:
        row[_GAIN] += s / 100.0
    elif f.action == faults.LEAK:
        row[_GAIN] -= s / 100.0
        row[_OFFSET] += faults.LEAK_ZERO * s
    elif f.action == faults.REFERENCE:
        row[_OFFSET] += s * (1.0 + at[2])
    elif f.action == faults.COMPENSATION:
        row[_GAIN] += s / 100.0 * at[0]
    elif f.action == faults.PRESSURE:
        row[_GAIN] += s * at[1]
    elif f.action == faults.BUFFER:
        row[_GAIN] += s / 100.0
        row[_OFFSET] -= s / 100.0 * 7.0 + faults.BUFFER_ZERO * s
    elif f.action == faults.SCALE:
        row[_SCALE] = s / 100.0
    elif f.action == faults.SPIKES:
        row[_SPIKE] = s
    elif f.action == faults.BUBBLES:
        row[_BUBBLES] = s
    elif f.action == faults.NOISE:
        row[_SCATTER] = s
    elif f.action == faults.SLOW:
        row[_SLOWNESS] = s
    elif f.action == faults.CROSSED:
        row[_OTHER] = f.other + 1.0
        probe_faults[f.other, _OTHER] = f.channel + 1.0
    elif f.action == faults.AIRED:
        row[_AIRED] = 1.0
    elif f.action < faults.EFFECT:
        row[_STATE] = f.action
        row[_SIZE] = s


@compiled
def _enter(c: Any, p: Any, m: Any, u: Any, y: Any, effects: Any, starved: float) -> None:
    """Turn commands into what really reaches the broth."""
    u.air = c.air * MMOL_PER_H * max(0.0, 1.0 - effects[faults.AIR_LEAK]) * (1.0 + effects[faults.GAS_AIR])
    u.o2 = c.o2 * MMOL_PER_H * (1.0 + effects[faults.GAS_O2])
    u.co2 = c.co2 * MMOL_PER_H * (1.0 + effects[faults.GAS_CO2])
    u.n2 = c.n2 * MMOL_PER_H * (1.0 + effects[faults.GAS_N2])
    speed = c.stirrer * max(0.0, 1.0 - effects[faults.STIRRER])
    vvm = (u.air + u.o2 + u.co2 + u.n2) / (MMOL_PER_H * p.volume)
    stirred = (max(1.0, speed) / p.rpm_min) ** 1.4
    u.kla = p.kla_slope * vvm * stirred * max(0.02, 1.0 - effects[faults.KLA]) * math.exp(m.w3)
    u.stir_power = p.stir_power * (speed / p.rpm_min) ** 3
    wrong = min(1.0, effects[faults.WRONG_FEED])
    u.feed = c.feed * max(0.0, 1.0 - effects[faults.FEED_LOSS])
    u.base = c.base * max(0.0, 1.0 - effects[faults.BASE_LOSS])
    u.feed_glc, u.feed_gln = p.feed_glc * (1.0 - wrong), p.feed_gln * (1.0 - wrong)
    u.feed_na, u.feed_cl = p.feed_na + wrong * (600.0 - p.feed_na), p.feed_cl + wrong * (600.0 - p.feed_cl)
    u.harvest, u.bleed, u.rejected = c.harvest, c.bleed, effects[faults.RETENTION]
    u.jacket_in, u.jacket_flow = c.jacket_in, max(0.0, 1.0 - effects[faults.JACKET_LOSS])
    m.passed = max(0.02, 1.0 - effects[faults.SPARGER])
    if m.passed < 1.0:
        _clog(u, m.passed)
    flow = c.air + c.o2 + c.co2 + c.n2
    target = p.filter * flow / (p.vvm_max * p.volume) + effects[faults.FILTER]
    m.head_mbar += (1.0 - math.exp(-m.tick_h / 0.02)) * (target - m.head_mbar)
    u.head = 1.0 + m.head_mbar / 1013.25
    u.growth, u.respiration, u.lactate = math.exp(m.w0), math.exp(m.w1), math.exp(m.w2)
    u.starving = starved


@compiled
def _clog(u: Any, passed: float) -> None:
    """Let a part of the gas pass; transfer falls with the flow, and once more with larger bubbles."""
    u.air, u.o2, u.co2, u.n2 = u.air * passed, u.o2 * passed, u.co2 * passed, u.n2 * passed
    u.kla *= passed * passed**LARGER_BUBBLES


@compiled
def observe(y: Any, p: Any, k: Any, u: Any, c: Any, m: Any, x: Any) -> None:
    """Fill `x` (shape of `KEPT`) with what perfect instruments would read."""
    v = y[state.V]
    ionic = vessel.ionic_strength(y, p)
    g1, g0 = exp10(log_gamma1(k.debye, ionic)), neutral(ionic)
    a = vessel.acidity(y, p, k, u.hydrogen, g1, g0)
    u.hydrogen = a
    co2 = dissolved_co2(k, a, g1, g0, y[state.CT] / v)
    x[pr.PH] = -math.log10(a)
    glucose = 0.18016 * y[state.GLC] / v
    p_o2 = y[state.OXY] / v / (k.henry_o2 / g0 * exp10(-0.0003 * glucose))
    x[pr.PO2] = 100.0 * p_o2 / (O2_IN_AIR * (1.0 - 0.0618))
    x[pr.PCO2] = co2 * g0 / k.henry_co2 * MMHG_PER_ATM
    medium = y[state.MED] / v
    kappa = p.ion_pairs * conductivity(
        k, a, ionic, y[state.NA] / v, y[state.K] / v, p.med_mg * medium, p.med_ca * medium,
        y[state.CL] / v, p.med_so4 * medium, y[state.CT] / v, y[state.PI] / v, y[state.AMM] / v,
        y[state.LAC] / v,
    )  # fmt: skip
    cells = (y[state.XV] + y[state.XD]) / v * p.cell_volume
    gas = p.bubbles * (u.air + u.o2 + u.co2 + u.n2) / (MMOL_PER_H * p.volume)
    warm = 1.0 + KAPPA_PER_K * (y[state.TEMP] - 25.0)
    x[pr.KAPPA] = kappa * ((1.0 - cells) * (1.0 - gas)) ** 1.5 / warm
    x[pr.TEMPERATURE] = y[state.TEMP]
    x[pr.WEIGHT] = p.density * v
    x[pr.FLOW_AIR], x[pr.FLOW_O2] = c.air * m.passed, c.o2 * m.passed
    x[pr.FLOW_CO2], x[pr.FLOW_N2] = c.co2 * m.passed, c.n2 * m.passed
    x[pr.FEED_FLOW], x[pr.BASE_FLOW] = 1e3 * c.feed, 1e3 * c.base
    x[pr.FEED_SCALE], x[pr.BASE_SCALE] = m.feed_bottle, m.base_bottle
    x[pr.SPEED] = c.stirrer
    head = y[state.HO2] + y[state.HCO2] + y[state.HN2]
    x[pr.OFFGAS_O2], x[pr.OFFGAS_CO2] = 100.0 * y[state.HO2] / head, 100.0 * y[state.HCO2] / head
    x[pr.JACKET_T] = y[state.JACKET]
    x[pr.PRESSURE] = m.head_mbar
    x[VCD] = y[state.XV] / v
    x[VIABILITY] = 100.0 * y[state.XV] / (y[state.XV] + y[state.XD])
    x[GLUCOSE], x[GLUTAMINE], x[LACTATE] = glucose, y[state.GLN] / v, 0.09008 * y[state.LAC] / v
    x[AMMONIA], x[TITRE], x[OXYGEN] = y[state.AMM] / v, y[state.TITRE] / v, y[state.OXY] / v
    x[OSMOLALITY], x[VOLUME], x[IVC] = vessel.osmolality(y, p), v, y[state.IVC]
    x[KLA], x[CARBON], x[SID] = u.kla, y[state.CT] / v, vessel.strong_ions(y, p)
    x[CONTAMINANT], x[BASE_IN], x[FEED_IN] = y[state.BUG] / v, 1e3 * y[state.V_BASE], 1e3 * y[state.V_FEED]
    x[pr.HARVEST_FLOW], x[pr.BLEED_FLOW] = 1e3 * c.harvest, 1e3 * c.bleed
    x[SIEVING] = vessel.sieving(y, p, u)
    x[TITRE_HARVEST] = x[SIEVING] * x[TITRE]
    x[COLD_SPOT] = y[state.TEMP]
    x[BIOMASS] = x[ACETATE] = 0.0
    if p.microbial == 1.0:
        x[BIOMASS], x[ACETATE] = x[VCD], microbe.GRAM_ACETATE * y[state.LAC] / v


@compiled
def _in_gas(j: int, y: Any, p: Any, k: Any, u: Any, z: float) -> float:
    """What probe `j` meets in the head space; `z` is a standard normal number."""
    head = y[state.HO2] + y[state.HCO2] + y[state.HN2]
    dry = u.head - k.p_water
    if j == pr.PH:
        return min(11.0, max(-0.26, 7.0 + 4.0 * z))
    if j == pr.PO2:
        return float(100.0 * y[state.HO2] / head * dry / (O2_IN_AIR * (1.0 - 0.0618)))
    if j == pr.PCO2:
        return float(y[state.HCO2] / head * dry * MMHG_PER_ATM)
    return float(0.5 * (y[state.TEMP] + p.t_ambient)) if j == pr.TEMPERATURE else 0.0


@compiled
def _read(probe: Any, true: float, fault: Any, z0: float, z1: float, z2: float, age_s: float) -> int:
    """One probe, one tick: update its memory and return its quality.

    `fault` holds the columns `_OFFSET` ... `_SCALE`; `z0`, `z1` and `z2` are standard normal numbers:
    noise, walk, and one that only faults use.
    """
    slow = max(1.0, fault[_SLOWNESS])
    s1 = probe.step1 if slow == 1.0 else 1.0 - (1.0 - probe.step1) ** (1.0 / slow)
    probe.x1 += s1 * (true - probe.x1)
    probe.x2 += probe.step2 * (probe.x1 - probe.x2)
    probe.walk += probe.walk_step * z1
    gain = probe.gain + probe.gain_rate * age_s + fault[_GAIN]
    value = gain * probe.x2 + probe.offset + probe.offset_rate * age_s + probe.walk + fault[_OFFSET]
    scatter = math.sqrt(probe.noise * probe.noise + (probe.noise_share * probe.x2) ** 2)
    value += scatter * (z0 if fault[_SCATTER] == 0.0 else fault[_SCATTER] * z2)
    if fault[_SPIKE] != 0.0 and abs(z2) > faults.SPIKE_SHARE:
        value += fault[_SPIKE] if z2 > 0.0 else -fault[_SPIKE]
    if fault[_BUBBLES] != 0.0 and z2 > faults.BUBBLE_SHARE:
        value += fault[_BUBBLES] * min(3.0, 1.0 + 2.0 * (z2 - faults.BUBBLE_SHARE))
    if fault[_SCALE] != 0.0:
        value *= 1.0 + fault[_SCALE]
    value = probe.resolution * math.floor(value / probe.resolution + 0.5)
    quality = GOOD
    if value < probe.low or value > probe.high:
        value = min(probe.high, max(probe.low, value))
        quality = UNCERTAIN
    action = int(fault[_STATE])
    if action == 0:
        probe.held = value
    elif action == faults.FROZEN:
        value, quality = probe.held, GOOD
    elif action == faults.DEAD:
        value, quality = fault[_SIZE], GOOD
    else:
        value, quality = probe.held, NOTHING if action == faults.DROPOUT else BAD_QUALITY
    probe.value = value
    return quality


@compiled
def _disturb(m: Any, z: Any) -> None:
    keep = math.exp(-m.tick_h / DISTURBANCE_TAU_H)
    push = m.disturbance * math.sqrt(1.0 - keep * keep)
    m.w0 = keep * m.w0 + push * z[0]
    m.w1 = keep * m.w1 + push * z[1]
    m.w2 = keep * m.w2 + push * z[2]
    m.w3 = keep * m.w3 + push * z[3]


@compiled
def _pour(m: Any, p: Any, u: Any, c: Any, t: float) -> None:
    """Take feed and base out of their bottles; an almost empty one is changed for a full one."""
    m.fed_count += c.feed * m.tick_h
    m.feed_bottle -= 1e3 * u.feed * m.tick_h * p.feed_density
    m.base_bottle -= 1e3 * u.base * m.tick_h * p.base_density
    if m.feed_bottle < 0.04 * m.feed_full:
        m.feed_bottle, m.feed_changed = m.feed_full, t
    if m.base_bottle < 0.04 * m.base_full:
        m.base_bottle, m.base_changed = m.base_full, t


@compiled
def _clean(c: Any, p: Any, k: Any, u: Any, m: Any, probes: Any, x: Any, trapped: float, t: float) -> None:
    """One tick of an empty vessel that is washed or steamed."""
    cleaning.clean(m, p, c, u, probes, trapped, t)
    if abs(m.inside - m.k_celsius) > 0.01:
        m.k_celsius = m.inside
        constants_at(min(100.0, m.k_celsius), k)
    cleaning.observe(m, p, k, x)
    x[F0], x[COLD_SPOT], x[RETURNED] = m.f0, m.cold, cleaning.returned(m)


@compiled
def _grow(
    y: Any,
    p: Any,
    k: Any,
    u: Any,
    c: Any,
    m: Any,
    probes: Any,
    set_points: Any,
    effects: Any,
    x: Any,
    scratch: Any,
    t: float,
) -> None:
    """One tick of a vessel with broth: control, what reaches it, the vessel, what is there to be read."""
    control.act(c, p, probes, set_points, m.tick_h)
    c.feed *= max(0.0, 1.0 - effects[faults.STARVATION])
    m.hungry_h = m.hungry_h + m.tick_h if y[state.GLC] / y[state.V] < 0.1 else 0.0
    _enter(c, p, m, u, y, effects, 1.0 if m.hungry_h > 6.0 else 0.0)
    if abs(y[state.TEMP] - m.k_celsius) > 0.01:
        m.k_celsius = y[state.TEMP]
        constants_at(m.k_celsius, k)
    used, made = y[state.O2_USED], y[state.C_MADE]
    vessel.step(y, p, k, u, m.tick_h, scratch)
    _pour(m, p, u, c, t)
    observe(y, p, k, u, c, m, x)
    x[OUR] = (y[state.O2_USED] - used) / m.tick_h / y[state.V]
    x[CER] = (y[state.C_MADE] - made) / m.tick_h / y[state.V]


@compiled
def run(
    first: int,
    count: int,
    opening: int,
    y: Any,
    p: Any,
    k: Any,
    u: Any,
    c: Any,
    m: Any,
    probes: Any,
    set_points: Any,
    fault_table: Any,
    noise: Any,
    odd_noise: Any,
    slow_noise: Any,
    at: int,
    every: int,
    values: Any,
    qualities: Any,
    truths: Any,
    x: Any,
    scratch: Any,
) -> int:
    """Run ticks `first` ... `first + count - 1` and return the number of rows written.

    Parameters
    ----------
    opening : int
        Tick at which the wires open: the first that is written.
    y : float64 array, shape (STATES,)
    p, k, u, c, m : records of `RECORD`, `CONSTANTS`, `INPUTS`, `CONTROLLER`, `PLANT`
    probes : array of `PROBE`, shape (channels,)
    set_points : float64 array, shape (4,)
    fault_table : array of `FAULT`
    noise : float64 array, shape (channels, 2, TICKS_PER_BLOCK)
        Standard normal: measuring noise, and random walk.
    odd_noise : float64 array, shape (channels, TICKS_PER_BLOCK) or (channels, 0)
        What only faults of the probes use.
    slow_noise : float64 array, shape (TICKS_PER_BLOCK, DISTURBANCES)
    at : int
        Place of the first tick in the noise.
    every : int
        Ticks between two values of a transmitter.
    values, qualities : arrays, shape (rows, tags)
    truths : float64 array, shape (rows, len(KEPT))
    x : float64 array, shape (len(KEPT),)
        The true values after the last tick.
    scratch : float64 array, shape (3, STATES)
    """
    channels = probes.shape[0]
    effects = np.zeros(len(faults.EFFECTS))
    probe_faults = np.zeros((channels, 11))
    at_fault = np.zeros(3)
    rows = 0
    for i in range(count):
        t = (first + i + 1) * m.tick_h * 3600.0
        if fault_table.shape[0] > 0:
            at_fault[0], at_fault[1] = y[state.TEMP] - 25.0, vessel.mean_pressure(y, p, u.head) - 1.0
            at_fault[2] = (c.stirrer - p.rpm_min) / (p.rpm_max - p.rpm_min)
            _gather(fault_table, t, effects, probe_faults, at_fault)
            for j in range(fault_table.shape[0]):
                f = fault_table[j]
                new = f.start <= t and f.start > t - m.tick_h * 3600.0
                if new and f.action == faults.EFFECT and f.channel == faults.CONTAMINATION:
                    y[state.BUG] += f.size * y[state.V] * 1e3 * GRAM_PER_CELL
        _disturb(m, slow_noise[at + i])
        if m.mode != cleaning.CULTURE:
            _clean(c, p, k, u, m, probes, x, effects[faults.TRAPPED_AIR], t)
        else:
            _grow(y, p, k, u, c, m, probes, set_points, effects, x, scratch, t)
        since = first + i + 1 - opening
        due = since % every == 0
        emit = due and since >= 0
        true_warm = 1.0 + KAPPA_PER_K * (x[pr.TEMPERATURE] - 25.0)
        warm = 1.0 + KAPPA_PER_K * (probes[pr.TEMPERATURE].value - 25.0)
        for j in range(channels):
            if not (due or probes[j].fast):
                continue
            true = x[j] * true_warm / warm if j == pr.KAPPA else x[j]
            z2 = odd_noise[j, at + i] if odd_noise.shape[1] > 0 else 0.0
            if probe_faults[j, _OTHER] > 0.0:
                true = x[int(probe_faults[j, _OTHER]) - 1]
            if probe_faults[j, _AIRED] > 0.0:
                true = _in_gas(j, y, p, k, u, z2)
            quality = _read(probes[j], true, probe_faults[j], noise[j, 0, at + i], noise[j, 1, at + i], z2, t)
            if emit:
                values[rows, j] = probes[j].value if quality != BAD_QUALITY else math.nan
                qualities[rows, j] = quality
        if emit:
            for j in range(4):
                values[rows, channels + j] = set_points[j]
                qualities[rows, channels + j] = GOOD
            values[rows, channels + 3] = 1e3 * c.feed
            truths[rows] = x
            rows += 1
    return rows
