"""Escherichia coli in a fast fed-batch: growth, overflow to acetate, its uptake, oxygen.

Structure and most figures: Anane, Lopez C., Neubauer & Cruz Bournazou 2017, overflow and re-uptake of
acetate; that what can not be oxidised for want of oxygen overflows: Xu, Jahic & Enfors 1999. Two figures
of the first break elemental balances (0.91 g acetate and 0.23 g cells out of 1 g glucose; 1.56 g O2 for
1 g burnt), so here carbon dioxide and oxygen follow from the balances of carbon and of the degree of
reduction: one gram of overflowing glucose gives two thirds of a gram of acetic acid and no cells, and the
overflow is raised until as much acetate is made an hour as the paper has it.

Biomass is CH1.77 O0.49 N0.24 (N: chosen default) with 1 C-mol in 24.6 g (Xu 1999). Acetate has the place
of lactate in the state.
"""

import math
from typing import Any, Final

from simulators.compiled import compiled
from simulators.state import AMM, BUG, CELLS_MADE, GLC, GLN, IVC, LAC, TEMP, TITRE, TITRE_MADE, XD, XL, XV

GRAM_GLUCOSE: Final = 0.18016
"""[g/mmol]"""
GRAM_ACETATE: Final = 0.06005
"""As acetic acid [g/mmol]."""
ACETATE_OF_GLUCOSE: Final = 2.0 * GRAM_ACETATE / GRAM_GLUCOSE
"""Two acetic acids (and two CO2) out of one glucose [g/g]."""
CARBON: Final = 1e3 / 24.6
"""Carbon in dry cells [mmol/g]; Xu 1999."""
NITROGEN: Final = 0.24 * CARBON
"""Nitrogen in dry cells [mmol/g]."""
REDUCTION: Final = 4.0 + 1.77 - 2.0 * 0.49 - 3.0 * 0.24
"""Degree of reduction of dry cells against ammonia [electrons per C]; that of sugar and acetate is 4."""


@compiled
def live(
    y: Any, p: Any, u: Any, d: Any, glc: float, acetate: float, oxy: float, ph: float
) -> tuple[float, float]:
    """Fill `d` with what cells and feed change; returns oxygen taken up and CO2 made [mmol/h].

    Parameters
    ----------
    y, p, u, d : as in `vessel.rates`; cells in grams of dry mass
    glc, acetate, oxy : float
        Concentrations [mmol/L], none below zero.
    ph : float
    """
    x, sugar, acid = y[XV], glc * GRAM_GLUCOSE, acetate * GRAM_ACETATE
    f_t = math.exp(-(((y[TEMP] - p.t_opt) / p.t_width) ** 2))
    f_env = f_t * math.exp(-(((ph - p.ph_opt) / p.ph_width) ** 2))
    f_o = oxy / (p.k_o2 + oxy)
    q_s = p.qs_max / (1.0 + acid / p.k_ia) * sugar / (sugar + p.k_s) * f_env * u.growth
    over = p.pa_max * q_s / (q_s + p.k_ap)
    burnt = (q_s - over) * f_o
    over = (over + (q_s - over) * (1.0 - f_o)) * (1.0 - (1.0 - f_o) ** 2)
    taken = p.qa_max / (1.0 + q_s / p.k_is) * acid / (acid + p.k_sa) * f_o * f_env
    made = over * ACETATE_OF_GLUCOSE
    mu = (burnt - p.q_m * f_o) * p.y_em + taken * p.y_xa
    eaten = (burnt + over) / GRAM_GLUCOSE
    gained = (made - taken) / GRAM_ACETATE
    co2 = 6.0 * eaten - 2.0 * gained - CARBON * mu
    o2 = 6.0 * eaten - 2.0 * gained - 0.25 * REDUCTION * CARBON * mu

    d[XV] = d[CELLS_MADE] = mu * x
    d[XD] = d[XL] = d[TITRE] = d[TITRE_MADE] = d[IVC] = d[BUG] = 0.0
    d[GLC] = u.feed * u.feed_glc - eaten * x
    d[GLN] = u.feed * u.feed_gln
    d[LAC] = gained * x
    d[AMM] = -NITROGEN * mu * x
    return o2 * x, co2 * x
