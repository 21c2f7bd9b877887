"""The laboratory: samples drawn on a schedule, assays that come later, a little wrong, or never."""

import math
from dataclasses import dataclass
from typing import Any, Final

from numpy.random import Generator

from simulators import loop
from simulators import probes as pr
from simulators.scenario import Laboratory

MEAN_LOSS_OF_CO2: Final = 0.03
"""Share of the CO2 a sample has lost before its gases are measured; chosen default."""


@dataclass(frozen=True, slots=True)
class AssayResult:
    """One reported result; times in seconds since the wires opened."""

    tag: str
    value: float
    drawn_s: float
    reported_s: float


@dataclass(frozen=True, slots=True)
class _Method:
    true: int
    share: float
    fixed: float
    soonest_h: float
    latest_h: float
    resolution: float
    factor: float = 1.0


METHODS: Final[dict[str, _Method]] = {
    "VCD": _Method(loop.VCD, 0.045, 0.0, 0.33, 1.0, 0.01),
    "viability": _Method(loop.VIABILITY, 0.0, 0.3, 0.33, 1.0, 0.1),
    "glucose": _Method(loop.GLUCOSE, 0.07, 0.02, 0.33, 1.0, 0.01),
    "lactate": _Method(loop.LACTATE, 0.07, 0.02, 0.33, 1.0, 0.01),
    "ammonia": _Method(loop.AMMONIA, 0.07, 0.05, 0.33, 1.0, 0.01),
    "titre": _Method(loop.TITRE, 0.08, 0.005, 4.0, 8.0, 0.001),
    "pH_lab": _Method(pr.PH, 0.0, 0.015, 0.1, 0.25, 0.001),
    "pCO2_lab": _Method(pr.PCO2, 0.03, 0.5, 0.1, 0.25, 0.1),
}
"""Scatter and delay by assay. VCD 4.5 % and viability 0.3 points: replicates of the public NISTCHO data;
metabolites 7 %, titre 8 %: published choice of a synthetic data set; delays: 20-60 min for cells and
metabolites. Gases and off-line pH: chosen defaults."""
HARVEST: Final = {"titre_harvest": _Method(loop.TITRE_HARVEST, 0.08, 0.005, 4.0, 8.0, 0.001)}
"""What a perfused vessel has beside `METHODS`."""

ALSO: Final = {
    "glutamine": _Method(loop.GLUTAMINE, 0.07, 0.05, 0.33, 1.0, 0.01),
    "osmolality": _Method(loop.OSMOLALITY, 0.005, 2.0, 0.33, 1.0, 1.0),
    "pO2_lab": _Method(pr.PO2, 0.03, 1.0, 0.1, 0.25, 0.1),
}
"""Assays a scenario may ask for beside: glutamine [mmol/L] as other metabolites; osmolality [mOsm/kg] by
freezing point, and pO2 [% of air] of a gas analyser: chosen defaults."""
OD_PER_GRAM: Final = 2.5
"""Optical density at 600 nm of 1 g/L of dry E. coli; chosen default."""
MICROBIAL: Final[dict[str, _Method]] = {
    "OD600": _Method(loop.BIOMASS, 0.03, 0.02, 0.05, 0.15, 0.01, OD_PER_GRAM),
    "dry_mass": _Method(loop.BIOMASS, 0.03, 0.05, 18.0, 30.0, 0.01),
    "glucose": _Method(loop.GLUCOSE, 0.07, 0.02, 0.1, 0.3, 0.01),
    "acetate": _Method(loop.ACETATE, 0.07, 0.02, 1.0, 3.0, 0.01),
    "ammonia": METHODS["ammonia"],
    "pH_lab": METHODS["pH_lab"],
    "pCO2_lab": METHODS["pCO2_lab"],
}
"""Assays of E. coli; dry mass takes a day in the oven. Scatter and delays: chosen defaults."""


def methods(kind: str) -> dict[str, _Method]:
    """Assays of a kind of vessel."""
    return {"cho_fedbatch": METHODS, "cho_perfusion": METHODS | HARVEST, "ecoli_fedbatch": MICROBIAL}[kind]


def jitter_h(settings: Laboratory, draw: Generator) -> float:
    """How much later (or earlier) than planned a sample is drawn [h]."""
    return float(draw.uniform(-settings.jitter_h, settings.jitter_h))


def assay(
    vessel: str, settings: Laboratory, draw: Generator, true: Any, drawn_s: float, kind: str = "cho_fedbatch"
) -> tuple[AssayResult, ...]:
    """Results of one sample.

    Every assay takes the same number of draws, missing or not, so one result never changes another. There is
    none where there is nothing to assay, as the viability of no cells.

    Parameters
    ----------
    vessel : str
    settings : Laboratory
    draw : Generator
        The sample's own.
    true : float64 array, shape (len(KEPT),)
    drawn_s : float
        Seconds since the wires opened.
    kind : str
        Kind of the vessel.
    """
    results = []
    lost = MEAN_LOSS_OF_CO2 * draw.lognormal(0.0, 0.3)
    for name, method in (methods(kind) | {name: ALSO[name] for name in settings.also}).items():
        missing, late, scatter = (
            draw.random(),
            draw.uniform(method.soonest_h, method.latest_h),
            draw.standard_normal(),
        )
        value = method.factor * true[method.true]
        if name == "pH_lab":
            value += 0.434 * lost
        elif name == "pCO2_lab":
            value *= 1.0 - lost
        value += settings.noise * scatter * (method.share * value + method.fixed)
        if math.isnan(value):
            continue
        value = max(0.0, method.resolution * round(value / method.resolution))
        if name == "viability":
            value = min(100.0, value)
        if missing >= settings.missing:
            results.append(AssayResult(f"{vessel}.{name}", round(value, 4), drawn_s, drawn_s + 3600.0 * late))
    return tuple(results)
