"""What every aerated vessel has in common: gas in, what bubbles can carry, relaxation, and its faults.

Arrays may carry leading axes; every function is pure.
"""

from typing import Final

import numpy as np

from twin.domain.event import Verdict
from twin.processes.base import Array, Hypothesis, Parameter, Shape

ATM_MBAR: Final = 1013.25
ATM_MMHG: Final = 760.0
MBAR_PER_M: Final = 98.07
"""Weight of a metre of water of 1 kg/L [mbar/m]."""
AIR_O2: Final = 0.2095
AIR_CO2: Final = 0.0004
MMOL_H: Final = 6e4 / 22.414
"""Molar flow of a litre of gas a minute, at 0 Cel and 1 atm [mmol/h per L/min]."""
MMOL_PER_L: Final = 1e3 / 25.4
"""Molar content of a litre of head space, at 37 Cel and 1 atm [mmol/L]."""

RESPONSES: Final = (
    Parameter("response_pO2", 30.0, "s", "to 63 %; probes of pO2 20-45 s, chosen default"),
    Parameter("response_pCO2", 80.0, "s", "to 63 %; PreSens SP-CD1: 90 % in under 3 min"),
    Parameter("response_offgas", 60.0, "s", "to 63 %, with the sample line, chosen default"),
)
"""Of the slow instruments of an aerated vessel; see `delay`."""

KLA_LOSS: Final = Hypothesis(
    "kla_loss",
    Verdict.PROCESS,
    "log_kLa",
    Shape.STEP,
    0.12,
    sign=-1,
    relative=True,
    unit="%",
    evidence=("R2",),
    hold_h=0.1,
    free_walk=0.03,
    most=3.0,
    rests_on=("pO2", "stirrer"),
    horizon_h=24.0,
)
AERATION_LOSS: Final = Hypothesis(
    "aeration_loss",
    Verdict.PROCESS,
    "air_gain",
    Shape.STEP,
    0.08,
    "flow_air",
    sign=-1,
    factor=100.0,
    unit="%",
    evidence=("R2", "R9"),
    hold_h=0.07,
    free_walk=0.02,
    most=1.2,
    rests_on=("pO2", "flow_air"),
    horizon_h=24.0,
)
DO_PROBE_FOULING: Final = Hypothesis(
    "do_probe_fouling",
    Verdict.SENSOR,
    "log_pO2_gain",
    Shape.RAMP,
    0.002,
    "pO2",
    sign=-1,
    relative=True,
    unit="%",
    evidence=("R2",),
    hold_h=0.25,
    free_walk=0.03,
    most=1.5,
    fastest=0.1,
    rests_on=("pO2",),
    held=("log_kLa",),
    horizon_h=24.0,
)
PCO2_PROBE_DRIFT: Final = Hypothesis(
    "pco2_probe_drift",
    Verdict.SENSOR,
    "log_pCO2_gain",
    Shape.RAMP,
    0.002,
    "pCO2",
    relative=True,
    unit="%",
    evidence=("R8",),
    hold_h=0.25,
    free_walk=0.03,
    most=1.5,
    fastest=0.1,
    rests_on=("pCO2",),
)
"""Faults of gas and its probes; each model gives them its own slack, and its own chance where it is known."""


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


def delay(response_s: float, frame_s: float) -> float:
    """How late the mean of a frame is [h]: the instrument's response, and half of the frame."""
    return (response_s + frame_s / 2.0) / 3600.0


def followed(seen: Array, before: Array, after: Array, lag: float, hours: float) -> Array:
    """What an instrument of first order shows after `hours` in which the true value went straight on.

    Parameters
    ----------
    seen : Array
        What it showed before.
    before, after : Array
        True values.
    lag : float
        Response time to 63 %, and half the time over which readings are averaged [h].
    """
    slope = (after - before) / hours
    return np.asarray(after - lag * slope + (seen - before + lag * slope) * np.exp(-hours / lag))


def relax(x: Array, rate: Array, source: Array, hours: float) -> Array:
    """Solution of ``x' = source - rate x`` after `hours`, exact for constant rates."""
    still = source / rate
    return np.asarray(still + (x - still) * np.exp(-rate * hours))
