"""What every aerated vessel has in common: gas in, what bubbles can carry, first-order relaxation.

Arrays may carry leading axes; every function is pure.
"""

from typing import Final

import numpy as np

from twin.processes.base import Array

ATM_MBAR: Final = 1013.25
ATM_MMHG: Final = 760.0
AIR_O2: Final = 0.2095
AIR_CO2: Final = 0.0004
MMOL_H: Final = 6e4 / 22.414
"""Molar flow of a litre of gas a minute, at 0 Cel and 1 atm [mmol/h per L/min]."""
MMOL_PER_L: Final = 1e3 / 25.4
"""Molar content of a litre of head space, at 37 Cel and 1 atm [mmol/L]."""


def entering(
    air: Array, o2: Array, co2: Array, n2: Array, pressure: Array, vapour: float
) -> tuple[Array, Array, Array, Array]:
    """Molar gas flow [mmol/h], its fractions of O2 and CO2, and the pressure of dry gas [atm].

    Parameters
    ----------
    air, o2, co2, n2 : Array
        Flows [L/min].
    pressure : Array
        Above that of the surroundings [mbar].
    vapour : float
        Pressure of water vapour [atm].
    """
    total = np.maximum(air + o2 + co2 + n2, 1e-6)
    dry = 1.0 + pressure / ATM_MBAR - vapour
    return total * MMOL_H, (AIR_O2 * air + o2) / total, (AIR_CO2 * air + co2) / total, dry


def saturation(dry: Array, vapour: float) -> Array:
    """PO2 of broth in equilibrium with pure oxygen [% of air saturation at 1 atm]."""
    return np.asarray(100.0 * dry / (AIR_O2 * (1.0 - vapour)))


def carried(kla: Array, flow: Array, volume: Array, capacity: Array) -> Array:
    """Transfer coefficient of well-mixed quasi-steady bubbles, referred to the gas that enters [1/h].

    What they transfer is ``a (C_in - C)`` with ``a = kLa q / (q + kLa V c)``: never more than the gas
    carries.

    Parameters
    ----------
    kla : Array
        Transfer coefficient [1/h].
    flow : Array
        Molar gas flow [mmol/h].
    volume : Array
        [L]
    capacity : Array
        Broth's concentration in equilibrium with the pure gas [mmol/L].
    """
    return np.asarray(kla * flow / (flow + kla * volume * capacity))


def relax(x: Array, rate: Array, source: Array, hours: float) -> Array:
    """Solution of ``x' = source - rate x`` after `hours`, exact for constant rates."""
    still = source / rate
    return np.asarray(still + (x - still) * np.exp(-rate * hours))
