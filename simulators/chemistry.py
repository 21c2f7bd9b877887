"""Physico-chemistry of a culture broth: pH by charge balance, gases, conductivity, osmolality.

Concentrations are in mmol/L, activities of the hydrogen ion in mol/L, pressures in atm.

Sources
-------
Equilibrium constants: analytic expressions and enthalpies of PHREEQC's ``phreeqc.dat`` (USGS).
Diffusion coefficients and the conductivity formula: PHREEQC's ``phreeqc.dat`` and manual; lactate from
its limiting molar conductivity 38.8 S cm2/mol (chosen default). Activities: Davies (1962). Lactate pKa
3.86, lumped buffer pK and the osmotic coefficient: chosen defaults.
"""

import math
from typing import Any

import numpy as np

from simulators.compiled import compiled

FARADAY = 96485.33
GAS_CONSTANT = 8.314463
MMHG_PER_ATM = 760.0
MMOL_PER_LITRE_GAS = 1000.0 / 22.414
"""Gas in one standard litre (0 Cel, 1 atm) [mmol/L]."""
O2_IN_AIR = 0.2095
CO2_IN_AIR = 0.0004
K_LACTATE = 10.0**-3.86
K_BUFFER = 10.0**-7.2

CONSTANTS = np.dtype(
    [
        (name, np.float64)
        for name in (
            "henry_co2",  # [mmol/L/atm]
            "k1",
            "k2",
            "kw",
            "k_nh4",
            "kp1",
            "kp2",
            "kp3",
            "henry_o2",  # [mmol/L/atm]
            "debye",  # Debye-Hueckel A
            "mobility",  # viscosity at 25 Cel over viscosity at T
            "p_water",  # vapour pressure [atm]
        )
    ]
)
"""Constants at one temperature; filled by `constants_at`."""


def constants() -> Any:
    """An empty record for `constants_at`."""
    return np.zeros(1, CONSTANTS).view(np.recarray)[0]


@compiled
def exp10(x: float) -> float:
    """Ten to the power of `x`."""
    return math.exp(2.302585092994046 * x)


@compiled
def _analytic(t: float, a1: float, a2: float, a3: float, a4: float, a5: float, a6: float) -> float:
    return a1 + a2 * t + a3 / t + a4 * math.log10(t) + a5 / (t * t) + a6 * t * t


@compiled
def _vant_hoff(t: float, log_k25: float, enthalpy: float) -> float:
    return log_k25 - enthalpy / (2.302585093 * 8.314463) * (1.0 / t - 1.0 / 298.15)


@compiled
def viscosity(t: float) -> float:
    """Viscosity of water [Pa s] at `t` [K]: 2.414e-5 10^(247.8/(T-140))."""
    return 2.414e-5 * exp10(247.8 / (t - 140.0))


@compiled
def constants_at(celsius: float, k: Any) -> None:
    """Fill the record `k` (dtype `CONSTANTS`) for a temperature [Cel]."""
    t = celsius + 273.15
    k.henry_co2 = 1e3 * 10.0 ** _analytic(t, 10.5624, -2.3547e-2, -3972.8, 0.0, 5.8746e5, 1.9194e-5)
    two = _analytic(t, 464.1965, 0.09344813, -26986.16, -165.75951, 2248628.9, 0.0)
    one = _analytic(t, 107.8871, 0.03252849, -5151.79, -38.92561, 563713.9, 0.0)
    k.k1 = 10.0 ** (one - two)
    k.k2 = 10.0 ** (-one)
    k.kw = 10.0 ** _analytic(t, 293.29227, 0.1360833, -10576.913, -123.73158, 0.0, -6.996455e-5)
    k.k_nh4 = 10.0 ** (0.6322 - 0.001225 * t - 2835.76 / t)
    p1 = _vant_hoff(t, 12.346, -3.530 * 4184.0)
    p2 = _vant_hoff(t, 19.553, -4.520 * 4184.0)
    p3 = _vant_hoff(t, 21.721, -10.1e3)
    k.kp3 = 10.0 ** (-p1)
    k.kp2 = 10.0 ** (p1 - p2)
    k.kp1 = 10.0 ** (p2 - p3)
    k.henry_o2 = 1e3 * 10.0 ** _analytic(t, -7.5001, 7.8981e-3, 0.0, 0.0, 2.0027e5, 0.0)
    permittivity = 87.740 - 0.40008 * celsius + 9.398e-4 * celsius**2 - 1.410e-6 * celsius**3
    density = 1.0 - 4.8e-6 * (celsius - 4.0) ** 2
    k.debye = 1.82483e6 * math.sqrt(density) / (permittivity * t) ** 1.5
    k.mobility = viscosity(298.15) / viscosity(t)
    k.p_water = 10.0 ** (8.07131 - 1730.63 / (233.426 + celsius)) / 760.0


@compiled
def log_gamma1(debye: float, ionic: float) -> float:
    """log10 of the activity coefficient of a univalent ion (Davies); `ionic` strength in mmol/L."""
    root = math.sqrt(ionic * 1e-3)
    return float(-debye * (root / (1.0 + root) - 0.3e-3 * ionic))


@compiled
def neutral(ionic: float) -> float:
    """Activity coefficient of a neutral species: log10 = 0.1 I; `ionic` strength in mmol/L."""
    return exp10(1e-4 * ionic)


@compiled
def hydrogen(
    k: Any,
    start: float,
    g1: float,
    g0: float,
    sid: float,
    carbon: float,
    phosphate: float,
    ammonia: float,
    lactate: float,
    buffer: float,
) -> float:
    """Activity of the hydrogen ion [mol/L] that closes the charge balance (Newton in its logarithm).

    Parameters
    ----------
    k : record of `CONSTANTS`
    start : float
        First guess [mol/L].
    g1, g0 : float
        Activity coefficients of univalent and neutral species.
    sid, carbon, phosphate, ammonia, lactate, buffer : float
        Strong-ion difference [mmol charge/L] and totals [mmol/L].
    """
    g2 = g1 * g1 * g1 * g1
    g3 = g2 * g2 * g1
    c1, c2 = k.k1 * g0 / g1, k.k1 * k.k2 * g0 / g2
    p0, p2, p3 = g1 / (k.kp1 * g0), k.kp2 * g1 / g2, k.kp2 * k.kp3 * g1 / g3
    n1 = k.k_nh4 * g1 / g0
    l0 = g1 / (K_LACTATE * g0)
    a = start
    for _ in range(40):
        r = 1.0 / a
        r1, r2 = c1 * r, c2 * r * r
        d = 1.0 / (1.0 + r1 + r2)
        qc = (r1 + 2.0 * r2) * d
        dqc = qc * qc - (r1 + 4.0 * r2) * d
        h0, h2, h3 = p0 * a, p2 * r, p3 * r * r
        e = 1.0 / (h0 + 1.0 + h2 + h3)
        qp = (1.0 + 2.0 * h2 + 3.0 * h3) * e
        dqp = (-2.0 * h2 - 6.0 * h3) * e - qp * (h0 - h2 - 2.0 * h3) * e
        nh = 1.0 / (1.0 + n1 * r)
        la = 1.0 / (1.0 + l0 * a)
        bu = 1.0 / (1.0 + a / K_BUFFER)
        h, oh = 1e3 * a / g1, 1e3 * k.kw * r / g1
        f = sid + h - oh + ammonia * nh - carbon * qc - phosphate * qp - lactate * la - buffer * bu
        df = h + oh + ammonia * nh * (1.0 - nh) - carbon * dqc - phosphate * dqp
        df += lactate * la * (1.0 - la) + buffer * bu * (1.0 - bu)
        step = min(2.0, max(-2.0, f / df))
        a *= math.exp(-step)
        if abs(step) < 1e-9:
            break
    return float(a)


@compiled
def dissolved_co2(k: Any, a: float, g1: float, g0: float, carbon: float) -> float:
    """CO2(aq) [mmol/L] out of the total inorganic carbon [mmol/L] at the hydrogen activity `a`."""
    r1 = k.k1 * g0 / (a * g1)
    return float(carbon / (1.0 + r1 + r1 * k.k2 / (a * g1 * g1 * g1)))


@compiled
def solve_ph(
    k: Any,
    start: float,
    ionic: float,
    sid: float,
    carbon: float,
    phosphate: float,
    ammonia: float,
    lactate: float,
    buffer: float,
) -> float:
    """PH of a solution; arguments as for `hydrogen`, `start` a pH, `ionic` strength in mmol/L."""
    g1, g0 = exp10(log_gamma1(k.debye, ionic)), neutral(ionic)
    a = hydrogen(k, exp10(-start), g1, g0, sid, carbon, phosphate, ammonia, lactate, buffer)
    return -math.log10(a)


@compiled
def _slowed(z: float, ionic: float, lg1: float) -> float:
    """z^2 times the factor by which the ionic cloud slows an ion of charge `z` down."""
    molar = ionic * 1e-3
    power = 0.6 / math.sqrt(z) if molar < 0.36 * z else math.sqrt(molar) / z
    return z * z * exp10(power * lg1 * z * z)


@compiled
def conductivity(
    k: Any,
    a: float,
    ionic: float,
    na: float,
    potassium: float,
    mg: float,
    ca: float,
    cl: float,
    so4: float,
    carbon: float,
    phosphate: float,
    ammonia: float,
    lactate: float,
) -> float:
    """Conductivity [mS/cm] at the temperature of `k`, from the ions [mmol/L] (PHREEQC's formula).

    `a` is the activity of the hydrogen ion [mol/L].
    """
    lg1 = log_gamma1(k.debye, ionic)
    g1, g0 = exp10(lg1), neutral(ionic)
    r1, r2 = k.k1 * g0 / (a * g1), k.k1 * k.k2 * g0 / (a * a * g1**4)
    co2 = carbon / (1.0 + r1 + r2)
    h2 = k.kp2 / (a * g1**3)
    h2po4 = phosphate / (1.0 + h2)
    nh4 = ammonia / (1.0 + k.k_nh4 * g1 / (a * g0))
    single = 1.33 * na + 1.96 * potassium + 2.03 * cl + 1.18 * co2 * r1 + 0.846 * h2po4
    single += 1.98 * nh4 + 1.033 * lactate + 9.31e3 * a / g1
    double = 0.705 * mg + 0.793 * ca + 1.07 * so4 + 0.955 * co2 * r2 + 0.69 * h2po4 * h2
    total = single * _slowed(1.0, ionic, lg1) + double * _slowed(2.0, ionic, lg1)
    return float(total * k.mobility * 1e-8 * FARADAY * FARADAY / (GAS_CONSTANT * 298.15))
