"""The loops of the vessel's controller: temperature, pO2 (cascade), pH (CO2 and base), feed.

They see measured values, one tick old, never the truth. pO2 is a split range in velocity form, so a
bound stops its integral: nitrogen, then air, then stirrer, then oxygen in place of air. pH has a dead
band between CO2 (above) and base (below). A perfused vessel harvests what comes in, less the bleed, and
holds its volume by the weight. Tunings are chosen defaults.
"""

from typing import Any, Final

import numpy as np

from simulators.compiled import compiled
from simulators.probes import PH, PO2, TEMPERATURE, WEIGHT

DEAD_BAND: Final = 0.04
CO2_GAIN, CO2_RESET_PER_H, CO2_LEAK_PER_H = 4.0, 12.0, 0.1
SLOW_PART: Final = 6.0
"""The nitrogen, air and stirrer parts act more weakly than oxygen: gain factor."""
HEAT_GAIN: Final = 6.0
"""Its integral works at the pace of the wall: UA over the heat capacity of the broth."""
FILTER_SHARE: Final = 0.4
LEVEL_PER_H: Final = 1.0
LOW_LEVEL: Final = 0.1
"""Share of the working volume that may be missing before the bleed is stopped."""

CONTROLLER: Final = np.dtype(
    [
        (name, np.float64)
        for name in (
            "po2", "po2_error", "split",  # filtered value, last error, position -1 ... 3
            "co2_integral", "heat_integral",
            "air", "o2", "co2", "n2",  # commands [L/min]
            "stirrer", "feed", "base", "jacket_in",  # [rpm], [L/h], [L/h], [Cel]
            "harvest", "bleed",  # [L/h]
            "bleed_set",  # what the recipe asks for [L/h]
        )
    ]
)  # fmt: skip
"""Memory and commands of one vessel's controller."""


def controller(p: Any) -> Any:
    """A controller at rest with the smallest air flow."""
    c = np.zeros(1, CONTROLLER).view(np.recarray)[0]
    c.po2, c.co2_integral = 90.0, 0.5
    c.air, c.stirrer, c.jacket_in = p.vvm_min * p.volume, p.rpm_min, 37.0
    return c


@compiled
def _between(x: float, low: float, high: float) -> float:
    return min(high, max(low, x))


@compiled
def _oxygen(c: Any, p: Any, measured: float, set_point: float, hours: float) -> None:
    c.po2 += FILTER_SHARE * (measured - c.po2)
    error = (set_point - c.po2) / 100.0
    gain = p.o2_gain if c.split > 2.0 else p.o2_gain * SLOW_PART
    move = gain * (error - c.po2_error + p.o2_reset * error * hours)
    c.po2_error = error
    c.split = _between(c.split + move, -p.nitrogen, 2.0 + p.enrich)
    total = (p.vvm_min + (p.vvm_max - p.vvm_min) * _between(c.split, 0.0, 1.0)) * p.volume
    c.stirrer = p.rpm_min + (p.rpm_max - p.rpm_min) * _between(c.split - 1.0, 0.0, 1.0)
    c.o2 = total * _between(c.split - 2.0, 0.0, 1.0)
    c.n2 = total * _between(-c.split, 0.0, 1.0)
    c.air = total - c.o2 - c.n2


@compiled
def _acidity(c: Any, p: Any, measured: float, set_point: float, hours: float) -> None:
    above = measured - (set_point + DEAD_BAND)
    below = (set_point - DEAD_BAND) - measured
    change = CO2_RESET_PER_H * above if above > -DEAD_BAND else -10.0 * CO2_LEAK_PER_H
    c.co2_integral = _between(c.co2_integral + (change - CO2_LEAK_PER_H * c.co2_integral) * hours, 0.0, 1.0)
    c.co2 = p.co2_max * p.volume * _between(c.co2_integral + CO2_GAIN * above, 0.0, 1.0)
    c.base = _between(p.base_gain * p.volume * below, 0.0, p.base_max)


@compiled
def _heat(c: Any, p: Any, measured: float, set_point: float, hours: float) -> None:
    reset = p.ua / (4180.0 * p.volume)
    error = set_point - measured
    trial = set_point + HEAT_GAIN * error + c.heat_integral
    if 5.0 < trial < 60.0 or trial * error < 0.0:
        c.heat_integral = _between(c.heat_integral + HEAT_GAIN * reset * error * hours, -30.0, 30.0)
    c.jacket_in = _between(set_point + HEAT_GAIN * error + c.heat_integral, 5.0, 60.0)


@compiled
def _level(c: Any, p: Any, kilograms: float) -> None:
    c.harvest = c.bleed = 0.0
    if p.perfused == 1.0 and c.feed > 0.0:
        over = kilograms / p.density - p.volume
        c.bleed = min(c.bleed_set, c.feed) if over > -LOW_LEVEL * p.volume else 0.0
        c.harvest = max(0.0, c.feed + c.base - c.bleed + LEVEL_PER_H * over)


@compiled
def act(c: Any, p: Any, measured: Any, set_points: Any, hours: float) -> None:
    """One tick of all loops: from measured values to commands.

    Parameters
    ----------
    c : record of `CONTROLLER`
    p : record of `parameters.RECORD`
    measured : array of `probes.PROBE`
    set_points : float64 array, shape (4,)
        pH, pO2 [%], temperature [Cel], feed [mL/h].
    hours : float
        Length of the tick [h].
    """
    _oxygen(c, p, measured[PO2].value, set_points[1], hours)
    _acidity(c, p, measured[PH].value, set_points[0], hours)
    _heat(c, p, measured[TEMPERATURE].value, set_points[2], hours)
    c.feed = _between(1e-3 * set_points[3], 0.0, p.feed_max)
    _level(c, p, measured[WEIGHT].value)
