"""CHO cells, and a bacterium that may have come with them: growth, death, uptake, product.

A composite of published models (see `simulators.parameters`) with growth arrest by the integral of viable
cells. Cold stops growth long before it stops respiration.
"""

import math
from typing import Any, Final

from simulators.compiled import compiled
from simulators.state import AMM, BUG, CELLS_MADE, GLC, GLN, IVC, LAC, TEMP, TITRE, TITRE_MADE, XD, XL, XV, V

COLD_K: Final = 0.8
"""How far below the optimum the cold begins, for respiration [K]; chosen default."""
BREATH_PER_K: Final = 0.0473
"""Loss of respiration for each kelvin of cold; Goudar 2011: 5.53 pmol/cell/d at 37.5 Cel, 3.97 at 30.5."""


@compiled
def _saturating(c: float, half: float) -> float:
    return c / (half + c)


@compiled
def live(
    y: Any,
    p: Any,
    u: Any,
    d: Any,
    glc: float,
    gln: float,
    lac: float,
    amm: float,
    oxy: float,
    ph: float,
    pco2: float,
    osm: float,
) -> float:
    """Fill `d` with what cells and feed change; returns the oxygen taken up [mmol/h].

    Parameters
    ----------
    y, p, u, d : as in `vessel.rates`
    glc, gln, lac, amm, oxy : float
        Concentrations [mmol/L], none below zero.
    ph : float
    pco2 : float
        [mm[Hg]]
    osm : float
        [mOsm/kg]
    """
    v, xv, bug = y[V], y[XV], y[BUG]
    f_t = math.exp(-(((y[TEMP] - p.t_opt) / p.t_width) ** 2))
    cold = max(0.0, p.t_opt - COLD_K - y[TEMP])
    f_ref = math.exp(-((COLD_K / p.t_width) ** 2)) if cold > 0.0 else f_t
    f_r = f_ref * math.exp(-BREATH_PER_K * cold)
    f_ph = math.exp(-(((ph - p.ph_opt) / p.ph_width) ** 2))
    f_co2 = 1.0 / (1.0 + (pco2 / p.pco2_half) ** 3)
    f_osm = 1.0 / (1.0 + (osm / p.osm_half) ** 8)
    f_o = _saturating(oxy, p.k_o2)
    f_i = 1.0 / (1.0 + (y[IVC] / p.ivc_arrest) ** p.n_arrest)
    f_g = _saturating(glc, p.k_glc)
    mu = p.mu_max * f_g * _saturating(gln, p.k_gln) * f_t * f_ph * f_co2 * f_osm * f_o * f_i * u.growth
    mu *= p.ki_lac / (p.ki_lac + lac) * p.ki_amm / (p.ki_amm + amm)
    stress = _saturating(lac, p.kd_lac) * _saturating(amm, p.kd_amm) + 0.35 * (1.0 - f_i) ** 2
    stress += 0.3 * (1.0 - f_g) + 0.5 * (1.0 - f_o) + 0.3 * (1.0 - f_ph)
    kd = p.kd_0 + p.kd_max * stress + p.k_starve * u.starving

    q_glc = (mu / p.y_xg + p.m_glc) * f_g
    excess = (q_glc - p.q_ox * f_o * f_r) * u.lactate
    if excess > 0.0:
        q_lac = p.y_lac * excess
    else:
        q_lac = -p.q_lac_up * _saturating(lac, p.k_lac_up) * min(1.0, -2.5 * excess / p.q_ox)
    q_gln = mu / p.y_xq + p.a1 * _saturating(gln, p.a2)
    calm = 0.3 + 0.7 / (1.0 + (2.0 * gln) ** 8)
    q_amm = p.y_amm * q_gln - p.q_amm_up * _saturating(amm, p.k_amm_up) * calm
    q_titre = p.q_titre * (p.a_titre + (1.0 - p.a_titre) * max(0.0, 1.0 - mu / p.mu_max)) * f_o
    q_o2 = p.q_o2 * (0.55 + 0.45 * mu / p.mu_max * (f_ref / f_t)) * f_o * f_r * u.respiration - 0.9 * min(
        0.0, q_lac
    )
    active = bug * _saturating(glc, 0.05) * _saturating(oxy, 0.002)
    our = q_o2 * xv + p.q_o2_bug * active
    d[XV] = (mu - kd) * xv
    d[XD] = kd * xv - p.k_lysis * y[XD]
    d[XL] = p.k_lysis * y[XD]
    d[GLC] = u.feed * u.feed_glc - q_glc * xv - p.q_glc_bug * active
    decay = p.k_gln_decay * max(0.0, y[GLN])
    d[GLN] = u.feed * u.feed_gln - q_gln * xv - decay
    d[LAC] = q_lac * xv + p.q_acid_bug * active
    d[AMM] = q_amm * xv + decay
    d[TITRE] = q_titre * xv
    d[IVC] = xv / v
    d[BUG] = p.mu_bug * active
    d[CELLS_MADE], d[TITRE_MADE] = mu * xv, q_titre * xv
    return float(our)
