"""One stirred vessel: what changes, and how fast.

All states are amounts (mmol, g, 1e9 cells), so every balance is a linear law that Runge-Kutta keeps to
rounding. What lives in it is in `simulators.culture` (CHO) and `simulators.microbe` (E. coli). Gas:
well-mixed bubbles in quasi-steady state below a well-mixed head space; only CO2(aq) crosses the surface.
"""

import math
from typing import Any, Final

import numpy as np

from simulators import culture, microbe
from simulators.chemistry import (
    CO2_IN_AIR,
    MMHG_PER_ATM,
    O2_IN_AIR,
    dissolved_co2,
    exp10,
    hydrogen,
    log_gamma1,
    neutral,
)
from simulators.compiled import compiled
from simulators.state import (
    AMM,
    BUG,
    C_ADDED,
    C_IN,
    C_LEFT,
    C_MADE,
    C_OUT,
    CELLS_LEFT,
    CL,
    CT,
    FED,
    GLC,
    GLN,
    HCO2,
    HN2,
    HO2,
    IVC,
    JACKET,
    LAC,
    MED,
    N2_IN,
    N2_OUT,
    NA,
    NA_LEFT,
    O2_IN,
    O2_LEFT,
    O2_OUT,
    O2_USED,
    OXY,
    PI,
    STATES,
    TEMP,
    TITRE,
    TITRE_BLED,
    TITRE_HARVESTED,
    V_BASE,
    V_BLED,
    V_EVAPORATED,
    V_FEED,
    V_HARVEST,
    XD,
    XL,
    XV,
    K,
    V,
)

INPUTS: Final = np.dtype(
    [
        (name, np.float64)
        for name in (
            "air", "o2", "co2", "n2",  # what really enters [mmol/h]
            "feed", "base",  # what really enters [L/h]
            "harvest", "bleed",  # what leaves, through the cell filter and around it [L/h]
            "rejected",  # part of the product that a fouled cell filter holds back beside its ageing
            "feed_glc", "feed_gln", "feed_na", "feed_cl",  # what the feed really is [mmol/L]
            "kla",  # bubbles [1/h]
            "jacket_in", "jacket_flow",  # [Cel], fraction of the nominal flow
            "head",  # absolute pressure in the head space [atm]
            "starving",  # 1 when glucose has been gone for long, else 0
            "growth", "respiration", "lactate",  # slow disturbances, 1 = none
            "stir_power",  # [W/m3]
            "hydrogen",  # last activity [mol/L]: first guess only
        )
    ]
)  # fmt: skip
"""What acts on the vessel during one step."""

CO2_TRANSFER: Final = 0.89
"""kLa of CO2 over kLa of O2 (IndPenSim, Goldrick 2015)."""
R_ATM: Final = 0.082057e-3
"""Gas constant [L atm/mmol/K]."""
SIEVING, SIEVING_AGED, SIEVING_LITRES = 0.98, 0.6, 45.0
"""Part of the product that passes the cell filter: new, aged, and the throughput over which it ages [L per L
of working volume]; chosen defaults."""
CONDENSER: Final = 0.1
"""Part of the exit gas's water that leaves the plant; chosen default."""


def inputs() -> Any:
    """An empty record of `INPUTS`."""
    out = np.zeros(1, INPUTS).view(np.recarray)[0]
    out.growth = out.respiration = out.lactate = out.jacket_flow = 1.0
    return out


@compiled
def ionic_strength(y: Any, p: Any) -> float:
    """Ionic strength of the broth [mmol/L].

    Weak anions balance the strong ions, so their univalent part follows from electroneutrality; the
    second charge of phosphate adds about 1.2 times its concentration.
    """
    v = y[V]
    medium = y[MED] / v
    divalent = 4.0 * (p.med_mg + p.med_ca + p.med_so4) * medium
    sid = strong_ions(y, p) + y[AMM] / v
    return float(0.5 * ((y[NA] + y[K] + y[CL] + y[AMM] + 1.2 * y[PI]) / v + divalent + max(0.0, sid)))


@compiled
def strong_ions(y: Any, p: Any) -> float:
    """Strong-ion difference [mmol charge/L]."""
    medium = 2.0 * (p.med_mg + p.med_ca - p.med_so4) * y[MED]
    return float((y[NA] + y[K] - y[CL] + medium) / y[V])


@compiled
def osmolality(y: Any, p: Any) -> float:
    """Osmolality [mOsm/kg]: osmotic coefficient times all solutes, amino acids as a constant."""
    solutes = y[NA] + y[K] + y[CL] + y[GLC] + y[GLN] + y[LAC] + y[AMM] + y[CT] + y[PI]
    solutes += (p.med_mg + p.med_ca + p.med_so4 + p.med_buffer) * y[MED] + p.feed_buffer * y[FED]
    return float((p.osmotic * solutes + p.med_osm * y[MED] + p.feed_osm * y[FED]) / y[V])


@compiled
def acidity(y: Any, p: Any, k: Any, start: float, g1: float, g0: float) -> float:
    """Activity of the hydrogen ion in the broth [mol/L], from a first guess."""
    v = y[V]
    buffer = (p.med_buffer * y[MED] + p.feed_buffer * y[FED]) / v
    sid = strong_ions(y, p)
    return hydrogen(k, start, g1, g0, sid, y[CT] / v, y[PI] / v, y[AMM] / v, y[LAC] / v, buffer)


@compiled
def mean_pressure(y: Any, p: Any, head: float) -> float:
    """Pressure at half depth [atm]."""
    return float(head + 0.5 * 9.81 * 1010.0 * (y[V] * 1e-3 / p.area) / 101325.0)


@compiled
def sieving(y: Any, p: Any, u: Any) -> float:
    """Part of the product that passes the cell filter; it falls with what has been filtered."""
    aged = SIEVING_AGED + (SIEVING - SIEVING_AGED) * math.exp(-y[V_HARVEST] / (p.volume * SIEVING_LITRES))
    return float(aged * max(0.0, 1.0 - u.rejected))


@compiled
def _leave(y: Any, p: Any, u: Any, d: Any) -> None:
    """Take harvest and bleed out of the rates `d`.

    The bleed carries the broth as it is. The harvest carries no cells, every solute, and product as far as it
    passes the filter. The integral of viable cells stands for inhibitors in the broth, so it leaves too.
    """
    bleed, harvest = u.bleed / y[V], u.harvest / y[V]
    both, product = bleed + harvest, bleed + harvest * sieving(y, p, u)
    d[V] -= u.bleed + u.harvest
    for i in (XV, XD, XL, BUG):
        d[i] -= bleed * y[i]
    for i in (GLC, GLN, LAC, AMM, OXY, CT, NA, K, CL, PI, MED, FED, IVC):
        d[i] -= both * y[i]
    d[TITRE] -= product * y[TITRE]
    d[V_HARVEST], d[V_BLED] = u.harvest, u.bleed
    d[O2_LEFT], d[C_LEFT], d[NA_LEFT] = both * y[OXY], both * y[CT], both * y[NA]
    d[CELLS_LEFT] = bleed * (y[XV] + y[XD] + y[XL])
    d[TITRE_HARVESTED], d[TITRE_BLED] = (product - bleed) * y[TITRE], bleed * y[TITRE]


@compiled
def rates(y: Any, p: Any, k: Any, u: Any, d: Any) -> None:
    """Right-hand side: fill `d` with the rate of change of every state [per hour].

    Parameters
    ----------
    y, d : float64 array, shape (STATES,)
    p : record of `parameters.RECORD`
    k : record of `chemistry.CONSTANTS`
    u : record of `INPUTS`
    """
    v = y[V]
    glc, gln = max(0.0, y[GLC] / v), max(0.0, y[GLN] / v)
    lac, amm = max(0.0, y[LAC] / v), max(0.0, y[AMM] / v)
    oxy = max(0.0, y[OXY] / v)
    ionic = ionic_strength(y, p)
    g1, g0 = exp10(log_gamma1(k.debye, ionic)), neutral(ionic)
    a = acidity(y, p, k, u.hydrogen, g1, g0)
    ph = -math.log10(a)
    co2 = dissolved_co2(k, a, g1, g0, y[CT] / v)
    pco2 = co2 * g0 / k.henry_co2

    osm = osmolality(y, p)
    if p.microbial == 1.0:
        our, cer = microbe.live(y, p, u, d, glc, lac, oxy, ph)
    else:
        our = culture.live(y, p, u, d, glc, gln, lac, amm, oxy, ph, pco2 * MMHG_PER_ATM, osm)
        cer = p.rq * our

    # gas: bubbles in quasi-steady state at the mean pressure, then the head space
    dry = mean_pressure(y, p, u.head) - k.p_water
    q = u.air + u.o2 + u.co2 + u.n2
    o2_in, co2_in = O2_IN_AIR * u.air + u.o2, CO2_IN_AIR * u.air + u.co2
    sugar = exp10(-0.0003 * 0.18 * glc)
    h_o2, h_co2 = k.henry_o2 / g0 * sugar, k.henry_co2 / g0
    kv = u.kla * v
    y_o2 = (o2_in + kv * oxy) / (q + kv * h_o2 * dry)
    y_co2 = (co2_in + CO2_TRANSFER * kv * co2) / (q + CO2_TRANSFER * kv * h_co2 * dry)
    head_n = y[HO2] + y[HCO2] + y[HN2]
    head_dry = u.head - k.p_water
    ks = p.kla_surface * p.volume
    bubble_o2 = kv * (h_o2 * dry * y_o2 - oxy)
    bubble_co2 = CO2_TRANSFER * kv * (h_co2 * dry * y_co2 - co2)
    surface_o2 = ks * (h_o2 * head_dry * y[HO2] / head_n - oxy)
    surface_co2 = CO2_TRANSFER * ks * (h_co2 * head_dry * y[HCO2] / head_n - co2)
    o2_taken, co2_taken = bubble_o2 + surface_o2, bubble_co2 + surface_co2
    full = head_dry * (p.vessel_volume - v) / (R_ATM * (y[TEMP] + 273.15))
    out = max(0.0, q - o2_taken - co2_taken + 60.0 * (head_n - full)) / head_n
    steam = out * head_n * k.p_water / head_dry * 18.0e-6 * CONDENSER

    d[V] = u.feed + u.base - steam
    d[OXY] = o2_taken - our
    d[AMM] += u.base * p.base_ammonia
    added = u.base * p.base_carbonate + u.feed * p.feed_carbon
    d[CT] = co2_taken + cer + added
    d[NA] = u.feed * u.feed_na + 2.0 * u.base * p.base_carbonate
    d[K] = u.feed * p.feed_k
    d[CL] = u.feed * u.feed_cl
    d[PI] = u.feed * p.feed_pi
    d[MED] = u.feed * p.feed_medium
    d[FED] = u.feed * (1.0 - p.feed_medium)
    heat = p.q_heat * our + u.stir_power * v * 3.6 - p.ua_ambient * (y[TEMP] - p.t_ambient)
    wall = p.ua * (y[JACKET] - y[TEMP])
    liquid = (u.feed + u.base) * 4180.0 * (p.t_ambient - y[TEMP])
    d[TEMP] = (heat + wall + liquid) / (4180.0 * v)
    d[JACKET] = (p.jacket_flow * u.jacket_flow * (u.jacket_in - y[JACKET]) - wall) / p.jacket_heat
    d[HO2] = o2_in - o2_taken - out * y[HO2]
    d[HCO2] = co2_in - co2_taken - out * y[HCO2]
    d[HN2] = q - o2_in - co2_in - out * y[HN2]
    d[O2_IN], d[O2_OUT], d[O2_USED] = o2_in, out * y[HO2], our
    d[C_IN], d[C_OUT], d[C_MADE] = co2_in, out * y[HCO2], cer
    d[C_ADDED] = added
    d[N2_IN], d[N2_OUT] = q - o2_in - co2_in, out * y[HN2]
    d[V_EVAPORATED], d[V_FEED], d[V_BASE] = steam, u.feed, u.base
    for i in range(V_HARVEST, STATES):
        d[i] = 0.0
    if u.harvest + u.bleed > 0.0:
        _leave(y, p, u, d)


@compiled
def stiffness(y: Any, p: Any, u: Any) -> float:
    """Fastest rates [1/h]: respiration near zero oxygen, transfer, and the turnover of the head space."""
    v = y[V]
    oxy = max(0.0, y[OXY] / v)
    cells = p.q_o2 * 1.3 * y[XV] / v * p.k_o2 / (p.k_o2 + oxy) ** 2
    bugs = p.q_o2_bug * y[BUG] / v * 0.002 / (0.002 + oxy) ** 2
    gas = (u.air + u.o2 + u.co2 + u.n2) / (y[HO2] + y[HCO2] + y[HN2])
    return float(max(cells + bugs + u.kla + p.kla_surface, gas + 60.0))


@compiled
def step(y: Any, p: Any, k: Any, u: Any, hours: float, work: Any) -> None:
    """Advance `y` by `hours`: classical Runge-Kutta of order 4, in as many parts as stability asks.

    Parameters
    ----------
    work : float64 array, shape (3, STATES)
        Scratch.
    """
    parts = min(1000, 1 + int(hours * stiffness(y, p, u) / 1.2))
    h = hours / parts
    d, total, trial = work[0], work[1], work[2]
    for _ in range(parts):
        rates(y, p, k, u, d)
        for i in range(STATES):
            total[i] = d[i]
            trial[i] = y[i] + 0.5 * h * d[i]
        rates(trial, p, k, u, d)
        for i in range(STATES):
            total[i] += 2.0 * d[i]
            trial[i] = y[i] + 0.5 * h * d[i]
        rates(trial, p, k, u, d)
        for i in range(STATES):
            total[i] += 2.0 * d[i]
            trial[i] = y[i] + h * d[i]
        rates(trial, p, k, u, d)
        for i in range(STATES):
            y[i] += h / 6.0 * (total[i] + d[i])


def start(p: Any, k: Any, temperature: float = 36.8, ph: float = 7.05) -> Any:
    """State of a vessel of fresh medium just inoculated, in equilibrium with air at `ph`."""
    y = np.zeros(STATES)
    v = float(p.volume)
    y[V] = y[MED] = v
    y[XV] = p.inoculum * v
    y[XD] = y[XV] * (1.0 / p.inoculum_viability - 1.0)
    for place, name in (
        (GLC, "glc"),
        (GLN, "gln"),
        (LAC, "lac"),
        (AMM, "amm"),
        (NA, "na"),
        (K, "k"),
        (PI, "pi"),
    ):
        y[place] = p["med_" + name] * v
    g1 = 10.0 ** log_gamma1(k.debye, 145.0)
    ratio = k.k1 / (10.0**-ph * g1)
    y[CT] = p.med_hco3 * (1.0 + 1.0 / ratio) * v
    second = 1.0 / (1.0 + 10.0**-ph * g1**3 / k.kp2)
    buffer = p.med_buffer / (1.0 + 10.0 ** (7.2 - ph))
    weak = p.med_hco3 + p.med_pi * (1.0 + second) + p.med_lac + buffer - p.med_amm
    divalent = 2.0 * (p.med_mg + p.med_ca - p.med_so4)
    y[CL] = (p.med_na + p.med_k + divalent - weak) * v
    y[OXY] = 0.19 * v
    y[TEMP] = y[JACKET] = temperature
    head = (1.0 - k.p_water) * (p.vessel_volume - v) / (R_ATM * (temperature + 273.15))
    y[HO2], y[HCO2], y[HN2] = O2_IN_AIR * head, CO2_IN_AIR * head, (1.0 - O2_IN_AIR - CO2_IN_AIR) * head
    return y
