"""Places in the state vector of a vessel; all are amounts."""

from typing import Final

(
    V, XV, XD, XL, GLC, GLN, LAC, AMM, TITRE, OXY, CT, NA, K, CL, PI, MED, FED, IVC, TEMP, JACKET,
    HO2, HCO2, HN2, BUG,
    O2_IN, O2_OUT, O2_USED, C_IN, C_OUT, C_MADE, C_ADDED, N2_IN, N2_OUT, V_EVAPORATED, V_FEED, V_BASE,
    CELLS_MADE, TITRE_MADE,
    V_HARVEST, V_BLED, O2_LEFT, C_LEFT, NA_LEFT, CELLS_LEFT, TITRE_HARVESTED, TITRE_BLED,
) = range(46)  # fmt: skip
"""Places in the state vector: volume [L]; cells [1e9]; glucose, glutamine, lactate, ammonia, O2, total
inorganic carbon, Na, K, Cl, phosphate [mmol]; titre [g]; litres of medium and feed still in the vessel;
integral of viable cells [1e9 cells h/L]; temperatures [Cel]; head-space gases [mmol]; contaminant [g dry];
then running totals of both gases [mmol] and liquids [L], of cells [1e9] and product [g] made, and of what
left with harvest and bleed: liquid [L], O2, carbon, sodium [mmol], cells [1e9], product [g]."""

STATES: Final = 46
