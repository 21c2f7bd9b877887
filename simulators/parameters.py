"""Parameters of the CHO plant: each number with its unit and where it comes from.

"fit" marks the four that were fitted to the public NISTCHO fed-batch data (condition A); "literature
shape" a value chosen inside the range of published CHO models (Kornecki & Strube 2018, Bioengineering
5(1):25; Xing 2010; Moeller 2020); "chosen default" one without a source.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number: value [unit], where it comes from, and its spread from batch to batch."""

    value: float
    unit: str
    source: str
    spread: float = 0.0
    """standard deviation of the logarithm over clones and batches (chosen default)"""


_FIT = "fit to NISTCHO condition A"
_SHAPE = "literature shape"
_CHOSEN = "chosen default"
_KORNECKI = "Kornecki & Strube 2018, table 2"
_XING = "Xing 2010"

CULTURE: Final[dict[str, Parameter]] = {
    "mu_max": Parameter(0.04109, "1/h", _FIT, 0.06),
    "k_glc": Parameter(0.5, "mmol/L", _SHAPE),
    "k_gln": Parameter(0.03, "mmol/L", _SHAPE),
    "ki_lac": Parameter(90.0, "mmol/L", _SHAPE),
    "ki_amm": Parameter(20.0, "mmol/L", _SHAPE),
    "kd_lac": Parameter(45.8, "mmol/L", _KORNECKI),
    "kd_amm": Parameter(6.51, "mmol/L", _KORNECKI),
    "y_xg": Parameter(0.40, "1e9 cells/mmol", _SHAPE, 0.08),
    "m_glc": Parameter(0.022, "mmol/1e9 cells/h", _SHAPE),
    "y_xq": Parameter(1.0, "1e9 cells/mmol", _SHAPE),
    "a1": Parameter(3.2e-3, "mmol/1e9 cells/h", _KORNECKI),
    "a2": Parameter(2.1, "mmol/L", _KORNECKI),
    "q_ox": Parameter(0.050, "mmol/1e9 cells/h", _SHAPE, 0.10),
    "y_lac": Parameter(1.3, "mol/mol", _SHAPE),
    "q_lac_up": Parameter(0.035, "mmol/1e9 cells/h", _SHAPE),
    "k_lac_up": Parameter(2.0, "mmol/L", _SHAPE),
    "y_amm": Parameter(0.55, "mol/mol", _SHAPE),
    "q_amm_up": Parameter(0.008, "mmol/1e9 cells/h", _SHAPE),
    "k_amm_up": Parameter(1.0, "mmol/L", _SHAPE),
    "ivc_arrest": Parameter(1159.0, "1e9 cells h/L", _FIT, 0.08),
    "n_arrest": Parameter(3.56, "1", _FIT),
    "kd_0": Parameter(1e-4, "1/h", _SHAPE),
    "kd_max": Parameter(0.00381, "1/h", _FIT),
    "k_lysis": Parameter(8e-4, "1/h", _SHAPE),
    "k_starve": Parameter(0.12, "1/h", "crash of NISTCHO condition G needs 0.104 or more"),
    "q_titre": Parameter(1.05e-3, "g/1e9 cells/h", _SHAPE, 0.12),
    "a_titre": Parameter(0.35, "1", _SHAPE),
    "q_o2": Parameter(
        0.20, "mmol/1e9 cells/h", "Goudar 2011: 5.1-5.8 pmol/cell/d; Ruffieux 0.2e-12 mol/cell/h"
    ),
    "rq": Parameter(1.0, "mol/mol", "Goudar 2011: 0.98-1.23"),
    "k_o2": Parameter(0.006, "mmol/L", _SHAPE),
    "k_gln_decay": Parameter(0.0015, "1/h", _SHAPE),
    "t_opt": Parameter(36.8, "Cel", _SHAPE),
    "t_width": Parameter(4.2, "K", _SHAPE),
    "ph_opt": Parameter(7.0, "1", "Moeller 2020: 6.99"),
    "ph_width": Parameter(0.55, "1", "90 % of the growth rate over pH 6.9-7.4 (PMC2796705)"),
    "pco2_half": Parameter(250.0, "mm[Hg]", _SHAPE),
    "osm_half": Parameter(460.0, "mOsm/kg", _SHAPE),
    "mu_bug": Parameter(1.0, "1/h", _CHOSEN),
    "q_o2_bug": Parameter(10.0, "mmol/g/h", _CHOSEN),
    "q_glc_bug": Parameter(11.0, "mmol/g/h", "0.5 g dry mass per g glucose; chosen default"),
    "q_acid_bug": Parameter(3.0, "mmol/g/h", _CHOSEN),
    "q_heat": Parameter(460.0, "kJ/mol", "450-470 kJ per mol O2"),
    "cell_volume": Parameter(2.2e-3, "L/1e9 cells", _CHOSEN),
}
"""What the cells do. `CULTURE["mu_max"].value` and so on."""

MEDIUM: Final[dict[str, Parameter]] = {
    "med_na": Parameter(128.0, "mmol/L", _CHOSEN),
    "med_k": Parameter(5.5, "mmol/L", _CHOSEN),
    "med_mg": Parameter(1.0, "mmol/L", _CHOSEN),
    "med_ca": Parameter(1.3, "mmol/L", _CHOSEN),
    "med_so4": Parameter(1.0, "mmol/L", _CHOSEN),
    "med_pi": Parameter(3.0, "mmol/L", _CHOSEN),
    "med_buffer": Parameter(4.0, "mmol/L", _CHOSEN),
    "med_hco3": Parameter(24.0, "mmol/L", _CHOSEN),
    "med_glc": Parameter(33.0, "mmol/L", _CHOSEN),
    "med_gln": Parameter(8.0, "mmol/L", _CHOSEN),
    "med_amm": Parameter(0.6, "mmol/L", _CHOSEN),
    "med_lac": Parameter(0.8, "mmol/L", _CHOSEN),
    "med_osm": Parameter(35.0, "mOsm/kg", "amino acids; chosen default"),
    "feed_glc": Parameter(600.0, "mmol/L", _CHOSEN),
    "feed_gln": Parameter(150.0, "mmol/L", _CHOSEN),
    "feed_na": Parameter(90.0, "mmol/L", _CHOSEN),
    "feed_k": Parameter(10.0, "mmol/L", _CHOSEN),
    "feed_cl": Parameter(70.0, "mmol/L", _CHOSEN),
    "feed_pi": Parameter(10.0, "mmol/L", _CHOSEN),
    "feed_buffer": Parameter(10.0, "mmol/L", _CHOSEN),
    "feed_osm": Parameter(300.0, "mOsm/kg", "amino acids; chosen default"),
    "base_carbonate": Parameter(1000.0, "mmol/L", "1 M Na2CO3"),
    "osmotic": Parameter(0.93, "1", _CHOSEN),
    "ion_pairs": Parameter(0.97, "1", "absorbs the 2-5 % excess of the ionic sum at 0.15 M"),
    "density": Parameter(1.010, "kg/L", _CHOSEN),
    "feed_density": Parameter(1.060, "kg/L", _CHOSEN),
    "base_density": Parameter(1.090, "kg/L", _CHOSEN),
    "inoculum": Parameter(0.40, "1e9 cells/L", "NISTCHO condition A: 0.393", 0.08),
    "inoculum_viability": Parameter(0.98, "1", "NISTCHO condition A: 97.8 %"),
    "feed_carbon": Parameter(0.0, "mmol/L", "a concentrate without bicarbonate; chosen default"),
    "feed_medium": Parameter(0.0, "L/L", "part of the feed that is fresh medium; chosen default"),
}
"""Medium, feed, base and inoculum."""

PARAMETERS: Final[dict[str, Parameter]] = CULTURE | MEDIUM

_ANANE = "Anane 2017"

MICROBE: Final[dict[str, Parameter]] = {
    "qs_max": Parameter(0.6356, "g/g/h", _ANANE, 0.05),
    "k_s": Parameter(0.0370, "g/L", _ANANE),
    "k_ia": Parameter(1.2399, "g/L", _ANANE),
    "pa_max": Parameter(
        0.309, "g/g/h", "Anane 2017: 0.2268 with 0.9097 g/g; the same acetate at 0.667 g/g", 0.08
    ),
    "k_ap": Parameter(0.5052, "g/g/h", _ANANE),
    "qa_max": Parameter(0.1148, "g/g/h", _ANANE),
    "k_is": Parameter(2.1231, "g/g/h", _ANANE),
    "k_sa": Parameter(0.0134, "g/L", _ANANE),
    "q_m": Parameter(0.0129, "g/g/h", _ANANE),
    "y_em": Parameter(0.5333, "g/g", _ANANE, 0.03),
    "y_xa": Parameter(0.5718, "g/g", _ANANE),
}
"""What E. coli does (`simulators.microbe`)."""

DRAWN: Final = (*PARAMETERS, *MICROBE)
"""Parameters in the order in which a batch draws its own deviations; new ones go to the end."""
_VESSEL: Final = (
    "volume",
    "vessel_volume",
    "kla_surface",
    "kla_slope",
    "vvm_min",
    "vvm_max",
    "rpm_min",
    "rpm_max",
    "co2_max",
    "ua",
    "ua_ambient",
    "jacket_heat",
    "jacket_flow",
    "area",
    "filter",
    "stir_power",
    "feed_max",
    "base_max",
    "t_ambient",
    "perfused",
    "microbial",
    "bubbles",
    "nitrogen",
    "enrich",
    "o2_gain",
    "o2_reset",
    "base_gain",
    "base_ammonia",
)

RECORD: Final = np.dtype([(name, np.float64) for name in (*PARAMETERS, *MICROBE, *_VESSEL)])
"""Everything the right-hand side and the controllers read."""


def scaled(volume_l: float) -> dict[str, float]:
    """Vessel figures by working volume [L], between 2 L and 2,000 L on a logarithmic scale.

    kLa (2 L: 1.2 + 420 vvm; 2,000 L: 0.3 + 1500 vvm [1/h]) and heat transfer (A/V ~ V^-1/3,
    250 W/m2/K) follow common practice; all are chosen defaults. So are the gas fraction (`bubbles` [1/vvm]),
    whether nitrogen and oxygen may join the air, and the tunings of the pO2 loop (gain, [1/h]) and the pH
    loop (base [L/h per L and pH]).
    """
    s = math.log(volume_l / 2.0) / math.log(1000.0)
    area = math.pi / 4.0 * (volume_l * 1e-3) ** (2.0 / 3.0)
    wall = 4.0 * (volume_l * 1e-3) ** (2.0 / 3.0)
    mass = volume_l * 4180.0
    return {
        "volume": volume_l,
        "vessel_volume": 1.6 * volume_l,
        "kla_surface": 1.2 ** (1 - s) * 0.3**s,
        "kla_slope": 420.0 ** (1 - s) * 1500.0**s,
        "vvm_min": 0.002 ** (1 - s) * 0.0015**s,
        "vvm_max": 0.0075,
        "rpm_min": 200.0 ** (1 - s) * 60.0**s,
        "rpm_max": 260.0 ** (1 - s) * 78.0**s,
        "co2_max": 0.0025,
        "ua": 250.0 * wall * 3600.0,
        "ua_ambient": 8.0 * wall * 3600.0,
        "jacket_heat": 0.3 * mass,
        "jacket_flow": 30.0 * 0.3 * mass,
        "area": area,
        "filter": 3.0,
        "stir_power": 20.0,
        "feed_max": 0.02 * volume_l,
        "base_max": 0.002 * volume_l,
        "t_ambient": 21.0,
        "perfused": 0.0,
        "microbial": 0.0,
        "bubbles": 0.3,
        "nitrogen": 1.0,
        "enrich": 1.0,
        "o2_gain": 1.5,
        "o2_reset": 7.0,
        "base_gain": 0.02,
        "base_ammonia": 0.0,
    }


def perfusion(volume_l: float) -> dict[str, float]:
    """What differs in a perfused vessel: its feed is fresh medium, its pump and its gas lines are larger.

    The medium is richer in glucose and glutamine than that of a fed-batch. All are chosen defaults.
    """
    fresh = {f"feed_{name}": MEDIUM[f"med_{name}"].value for name in ("na", "k", "pi")}
    return fresh | {
        "perfused": 1.0,
        "feed_medium": 1.0,
        "feed_glc": 45.0,
        "feed_gln": 12.0,
        "feed_density": MEDIUM["density"].value,
        "feed_max": 0.2 * volume_l,
        "vvm_max": 0.02,
    }


def microbial(volume_l: float) -> dict[str, float]:
    """What differs in a vessel of E. coli: a phosphate medium, sugar feed, ammonia as base, much more gas.

    Half-saturation for oxygen (2.5 % of air saturation), the widths over temperature and pH, the medium (of
    the order of mineral media for high cell density), feed, ammonia, and all of the vessel: chosen defaults.
    Air and stirrer reach a kLa of about 700 1/h at 2 L; oxygen does not join the air unless ``enrich`` is 1,
    so a fed-batch ends at what the air can give.
    """
    s = math.log(volume_l / 2.0) / math.log(1000.0)
    slope = 70.0 ** (1 - s) * 60.0**s
    medium = {"na": 40.0, "k": 100.0, "mg": 5.0, "ca": 0.1, "so4": 5.0, "pi": 100.0, "amm": 80.0, "lac": 0.0}
    medium |= {"buffer": 0.0, "hco3": 0.3, "glc": 55.5, "gln": 0.0, "osm": 0.0}
    feed = {"glc": 2775.0, "gln": 0.0, "na": 0.0, "k": 0.0, "cl": 0.0, "pi": 0.0, "buffer": 0.0, "osm": 0.0}
    return {f"med_{name}": value for name, value in medium.items()} | {
        **{f"feed_{name}": value for name, value in feed.items()},
        "microbial": 1.0,
        "inoculum": 0.30,
        "inoculum_viability": 1.0,
        "cell_volume": 2.5e-3,
        "k_o2": 0.005,
        "q_o2": 15.0,
        "q_o2_bug": 0.0,
        "t_opt": 37.0,
        "t_width": 10.0,
        "ph_width": 1.2,
        "feed_density": 1.18,
        "base_density": 0.94,
        "base_carbonate": 0.0,
        "base_ammonia": 8000.0,
        "kla_surface": 5.0,
        "kla_slope": slope,
        "vvm_min": 0.5,
        "vvm_max": 1.5,
        "bubbles": 0.1,
        "rpm_min": 300.0 ** (1 - s) * 60.0**s,
        "rpm_max": 1200.0 ** (1 - s) * 240.0**s,
        "stir_power": 60.0,
        "nitrogen": 0.0,
        "enrich": 0.0,
        "o2_gain": 0.04,
        "o2_reset": 20.0,
        "co2_max": 0.0,
        "feed_max": 0.05 * volume_l,
        "base_max": 0.05 * volume_l,
        "base_gain": 0.5,
    }


def record(volume_l: float, overrides: Mapping[str, float], draws: Mapping[str, float]) -> Any:
    """Parameters of one batch.

    Parameters
    ----------
    volume_l : float
        Liquid volume at inoculation [L].
    overrides : Mapping[str, float]
        Values that replace the defaults; they are not varied.
    draws : Mapping[str, float]
        Standard normal numbers by parameter name, for the batch's own deviation.
    """
    both = PARAMETERS | MICROBE
    values = {name: p.value * math.exp(p.spread * draws.get(name, 0.0)) for name, p in both.items()}
    values |= scaled(volume_l) | dict(overrides)
    out = np.zeros(1, RECORD).view(np.recarray)[0]
    for name, value in values.items():
        out[name] = value
    return out


def of_kind(kind: str, volume_l: float) -> dict[str, float]:
    """What a kind of vessel changes in the defaults."""
    changes = {"cho_perfusion": perfusion, "ecoli_fedbatch": microbial}
    return changes[kind](volume_l) if kind in changes else {}


def names() -> tuple[str, ...]:
    """Every parameter a scenario may override."""
    return RECORD.names or ()
