"""What can go wrong: every kind of fault a scenario may declare, and its strength at a time."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from simulators.compiled import compiled
from simulators.probes import CHANNELS

OFFSET, OFFSET_RATE, GAIN, GAIN_RATE, FROZEN, SPIKES, NOISE, DEAD, DROPOUT, BAD, SLOW, EFFECT = range(12)
"""How a fault acts: the first eleven on one probe, the last on the plant."""

EFFECTS: Final = (
    "kla", "air_leak", "feed", "base", "wrong_feed", "contamination", "starvation", "stirrer",
    "jacket", "gas_air", "gas_o2", "gas_co2", "gas_n2", "filter", "retention",
)  # fmt: skip
"""What plant faults act on; their places in the array of effects."""
(
    KLA, AIR_LEAK, FEED_LOSS, BASE_LOSS, WRONG_FEED, CONTAMINATION, STARVATION, STIRRER,
    JACKET_LOSS, GAS_AIR, GAS_O2, GAS_CO2, GAS_N2, FILTER, RETENTION,
) = range(len(EFFECTS))  # fmt: skip

SPIKE_SHARE: Final = 2.0537
"""A spike where a standard normal number passes this: 4 % of the values; chosen default."""

FAULT: Final = np.dtype(
    [
        ("action", np.int64),
        ("channel", np.int64),
        ("start", np.float64),
        ("ramp", np.float64),
        ("end", np.float64),
        ("size", np.float64),
    ]
)
"""One fault as the compiled loop reads it; times in seconds of culture age."""

Blame = Literal["sensor", "process", "actuator"]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault.

    Parameters
    ----------
    explanation : str
        What happens to the plant, in one sentence.
    unit : str
        Unit of `size`; empty when size means nothing.
    size : float
        Reference size.
    tag : str or None
        Tag it concerns; None when the scenario must say which (any probe).
    verdict : str
        Who is truly to blame: sensor, process or actuator.
    action : int
        How it acts (`OFFSET` ... `EFFECT`).
    effect : int
        What it acts on when `action` is `EFFECT`.
    ramps : bool
        True when the size is a rate, so that it grows until `ramp_h` or `end_h`.
    """

    explanation: str
    unit: str
    size: float
    tag: str | None
    verdict: Blame
    action: int
    effect: int = 0
    ramps: bool = False


FAULTS: Final[dict[str, FaultKind]] = {
    "pH_drift": FaultKind(
        "The pH electrode drifts: its reading leaves the truth at a steady rate, and the loop follows it.",
        "1/h", 0.02, "pH", "sensor", OFFSET_RATE, ramps=True,
    ),
    "pH_offset": FaultKind(
        "The pH reading jumps by a constant, as after cleaning or a calibration with a wrong sample.",
        "1", 0.1, "pH", "sensor", OFFSET,
    ),
    "pO2_drift": FaultKind(
        "Fouling of the pO2 membrane: the probe loses sensitivity at a steady rate.",
        "%/h", -1.0, "pO2", "sensor", GAIN_RATE, ramps=True,
    ),
    "pCO2_drift": FaultKind(
        "The pCO2 probe's gain drifts at a steady rate.",
        "%/h", 0.5, "pCO2", "sensor", GAIN_RATE, ramps=True,
    ),
    "conductivity_shift": FaultKind(
        "The cell constant of the conductivity probe shifts, by a film or deposit.",
        "%", -3.0, "conductivity", "sensor", GAIN,
    ),
    "temperature_bias": FaultKind(
        "The temperature probe reads off by a constant, and the temperature loop follows it.",
        "K", 0.5, "temperature", "sensor", OFFSET,
    ),
    "frozen": FaultKind("The transmitter repeats its last value.", "", 0.0, None, "sensor", FROZEN),
    "spikes": FaultKind(
        "Four values in a hundred jump by this much, up or down.", "tag", 1.0, None, "sensor", SPIKES
    ),
    "noise_burst": FaultKind(
        "The probe's scatter grows by this factor.", "1", 10.0, None, "sensor", NOISE
    ),
    "slow": FaultKind(
        "A coated probe: its response becomes slower by this factor.", "1", 5.0, None, "sensor", SLOW
    ),
    "dead": FaultKind(
        "The channel reports an impossible constant with good status.", "tag", -1.0, None, "sensor", DEAD
    ),
    "dropout": FaultKind("No values arrive at all.", "", 0.0, None, "sensor", DROPOUT),
    "bad_status": FaultKind("Values arrive empty and with status bad.", "", 0.0, None, "sensor", BAD),
    "kLa_loss": FaultKind(
        "Oxygen and CO2 pass from bubbles to broth more slowly, as after an antifoam dose or with a sparger "
        "partly clogged.",
        "fraction", 0.35, "pO2", "process", EFFECT, KLA,
    ),
    "aeration_loss": FaultKind(
        "Part of the air is lost after the flow meter, which still shows all of it.",
        "fraction", 0.3, "flow_air", "process", EFFECT, AIR_LEAK,
    ),
    "feed_pump_loss": FaultKind(
        "The feed pump delivers only part, its flow signal is unchanged; the feed scale tells the truth.",
        "fraction", 0.5, "feed_flow", "actuator", EFFECT, FEED_LOSS,
    ),
    "base_line_blocked": FaultKind(
        "The base line is blocked: the pump turns and reports flow, nothing arrives.",
        "fraction", 1.0, "base_flow", "actuator", EFFECT, BASE_LOSS,
    ),
    "wrong_feed": FaultKind(
        "A wrong feed bag: this part of the feed is 0.6 M saline instead of nutrients.",
        "fraction", 1.0, "feed_scale", "process", EFFECT, WRONG_FEED,
    ),
    "contamination": FaultKind(
        "A fast bacterium enters; unseen for most of a day, then it takes oxygen and glucose and makes acid.",
        "cells/mL", 1.0, "pO2", "process", EFFECT, CONTAMINATION,
    ),
    "starvation": FaultKind(
        "The recipe withholds feed; the culture runs out of glucose.",
        "fraction", 1.0, "feed_sp", "process", EFFECT, STARVATION,
    ),
    "agitator_loss": FaultKind(
        "The impeller turns more slowly than the motor reports (slipping coupling).",
        "fraction", 0.25, "stirrer", "actuator", EFFECT, STIRRER,
    ),
    "jacket_failure": FaultKind(
        "The jacket's circulation fails by this fraction.",
        "fraction", 1.0, "jacket_temperature", "actuator", EFFECT, JACKET_LOSS,
    ),
    "gas_flow_error": FaultKind(
        "A mass flow controller passes more (or less) than it measures; the tag names the gas.",
        "fraction", -0.2, "flow_air", "sensor", EFFECT, GAS_AIR,
    ),
    "exit_filter_plugged": FaultKind(
        "The exit filter gets wet: pressure in the head space rises.",
        "mbar", 60.0, "pressure", "process", EFFECT, FILTER,
    ),
    "retention_fouling": FaultKind(
        "The cell filter of a perfusion fouls and holds back this part of the product too: the titre of the "
        "harvest falls, that of the vessel rises.",
        "fraction", 0.3, "titre_harvest", "process", EFFECT, RETENTION,
    ),
}  # fmt: skip
"""Every kind by its name in a scenario file."""

_GASES: Final = {"flow_air": GAS_AIR, "flow_O2": GAS_O2, "flow_CO2": GAS_CO2, "flow_N2": GAS_N2}


def place(kind: str, tag: str | None) -> int:
    """Place a fault acts on: a channel of the probes, or an effect.

    Raises
    ------
    KeyError
        When the kind or the tag is not known.
    """
    fault = FAULTS[kind]
    name = tag or fault.tag
    if name is None:
        raise KeyError(tag)
    if kind == "gas_flow_error":
        return _GASES[name]
    return fault.effect if fault.action == EFFECT else CHANNELS.index(name)


@compiled
def strength(f: Any, seconds: float) -> float:
    """How far a fault has grown at a culture age [s]: 0 before, its size (or rate x hours) after."""
    if seconds < f.start or seconds >= f.end:
        return 0.0
    on = seconds - f.start
    if f.action == OFFSET_RATE or f.action == GAIN_RATE:
        return float(f.size * min(on, f.ramp) / 3600.0)
    if f.ramp > 0.0 and on < f.ramp:
        return float(f.size * on / f.ramp)
    return float(f.size)
