"""What can go wrong: every kind of fault a scenario may declare, and its strength at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from simulators.compiled import compiled
from simulators.probes import CHANNELS

(
    OFFSET, OFFSET_RATE, GAIN, GAIN_RATE, FROZEN, SPIKES, NOISE, DEAD, DROPOUT, BAD, SLOW, EFFECT,
    BUBBLES, LEAK, REFERENCE, COMPENSATION, PRESSURE, CROSSED, AIRED, BUFFER,
    CLOCK, LATE, TWICE, EFFECT_RATE, SCALE,
) = range(25)  # fmt: skip
"""How a fault acts: on one probe, on the times its values carry (`CLOCK`, `LATE`, `TWICE`), or on the plant
(`EFFECT`, and `EFFECT_RATE` that grows)."""
ON_PLANT: Final = (EFFECT, EFFECT_RATE)
ON_TIMES: Final = (CLOCK, LATE, TWICE)
RATES: Final = (OFFSET_RATE, GAIN_RATE, LEAK, REFERENCE, EFFECT_RATE)
"""Actions whose size is a rate, so that they grow until `ramp_h` or `end_h`."""

EFFECTS: Final = (
    "kla", "air_leak", "feed", "base", "wrong_feed", "contamination", "starvation", "stirrer",
    "jacket", "gas_air", "gas_o2", "gas_co2", "gas_n2", "filter", "retention", "sparger",
    "trapped_air",
)  # fmt: skip
"""What plant faults act on; their places in the array of effects."""
(
    KLA, AIR_LEAK, FEED_LOSS, BASE_LOSS, WRONG_FEED, CONTAMINATION, STARVATION, STIRRER,
    JACKET_LOSS, GAS_AIR, GAS_O2, GAS_CO2, GAS_N2, FILTER, RETENTION, SPARGER,
    TRAPPED_AIR,
) = range(len(EFFECTS))  # fmt: skip

SPIKE_SHARE: Final = 2.0537
"""A spike where a standard normal number passes this: 4 % of the values; chosen default."""
BUBBLE_SHARE: Final = 1.2816
"""A bubble where a standard normal number is above this: 10 % of the values; chosen default."""
LEAK_ZERO: Final = 0.2
"""Rise of a leaking membrane's zero for each per cent of sensitivity lost [% of air]; chosen default."""
BUFFER_ZERO: Final = 0.2 / 15.0
"""Error of the zero for each per cent of slope, after a calibration in the wrong buffer."""

FAULT: Final = np.dtype(
    [
        ("action", np.int64),
        ("channel", np.int64),
        ("other", np.int64),
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
        How it acts (`OFFSET` ... `EFFECT_RATE`).
    effect : int
        What it acts on when `action` is one of `ON_PLANT`.
    choices : Mapping[str, int]
        Tags it may have, with what it acts on for each (a channel, or an effect); empty: any probe when
        it acts on probes, else only `tag`.
    """

    explanation: str
    unit: str
    size: float
    tag: str | None
    verdict: Blame
    action: int
    effect: int = 0
    choices: Mapping[str, int] = field(default_factory=dict)

    @property
    def ramps(self) -> bool:
        """True when the size is a rate."""
        return self.action in RATES

    @property
    def on_plant(self) -> bool:
        """True when it acts on the plant, not on a probe."""
        return self.action in ON_PLANT


_GASES: Final = {"flow_air": GAS_AIR, "flow_O2": GAS_O2, "flow_CO2": GAS_CO2, "flow_N2": GAS_N2}
_PUMPS: Final = {"feed_flow": FEED_LOSS, "base_flow": BASE_LOSS}
_HEAD: Final = {name: CHANNELS.index(name) for name in ("pH", "pO2", "pCO2", "conductivity", "temperature")}
_GAS_PROBES: Final = {name: _HEAD[name] for name in ("pO2", "pCO2")}
_WARMED: Final = {name: _HEAD[name] for name in ("pH", "pO2", "pCO2", "conductivity")}

FAULTS: Final[dict[str, FaultKind]] = {
    "pH_drift": FaultKind(
        "The pH electrode drifts: its reading leaves the truth at a steady rate, and the loop follows it.",
        "1/h", 0.02, "pH", "sensor", OFFSET_RATE,
    ),
    "pH_offset": FaultKind(
        "The pH reading jumps by a constant, as after cleaning or a calibration with a wrong sample.",
        "1", 0.1, "pH", "sensor", OFFSET,
    ),
    "pO2_drift": FaultKind(
        "Fouling of the pO2 membrane: the probe loses sensitivity at a steady rate.",
        "%/h", -1.0, "pO2", "sensor", GAIN_RATE,
    ),
    "pCO2_drift": FaultKind(
        "The pCO2 probe's gain drifts at a steady rate.",
        "%/h", 0.5, "pCO2", "sensor", GAIN_RATE,
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
    "conductivity_drift": FaultKind(
        "A growing film: the conductivity probe loses its cell constant at a steady rate.",
        "%/h", -0.0125, "conductivity", "sensor", GAIN_RATE,
    ),
    "weight_shift": FaultKind(
        "A hose or a hand pulls on the load cell: the weight jumps by a constant, nothing came or went.",
        "kg", 0.02, "weight", "sensor", OFFSET,
    ),
    "bubbles": FaultKind(
        "Bubbles cling to the probe: one value in ten goes astray, by up to three times this much and always "
        "to the same side.",
        "tag", -0.2, "conductivity", "sensor", BUBBLES,
    ),
    "membrane_leak": FaultKind(
        "The membrane of the pO2 probe leaks electrolyte: sensitivity is lost at this rate, and the zero "
        "rises by 0.2 % of air for each per cent lost.",
        "%/h", 0.5, "pO2", "sensor", LEAK, choices={"pO2": _HEAD["pO2"]},
    ),
    "reference_clogged": FaultKind(
        "The diaphragm of the pH reference clogs: the reading drifts at this rate, twice as far at the "
        "highest stirrer speed as at the lowest.",
        "1/h", 0.01, "pH", "sensor", REFERENCE, choices={"pH": _HEAD["pH"]},
    ),
    "temperature_compensation": FaultKind(
        "The transmitter corrects for temperature with a coefficient that is off by this much; right at "
        "25 °C.",
        "%/K", 0.2, "conductivity", "sensor", COMPENSATION, choices=_WARMED,
    ),
    "pressure_not_compensated": FaultKind(
        "The gas probe's reading is not corrected for pressure: it is too high by this part of the pressure "
        "over 1 atm (1: by 1 % for each 10 mbar).",
        "fraction", 1.0, "pO2", "sensor", PRESSURE, choices=_GAS_PROBES,
    ),
    "crossed_channels": FaultKind(
        "Two cables are crossed: each of two probes shows what the other measures; `other` names the second.",
        "", 0.0, "pO2", "sensor", CROSSED,
    ),
    "wrong_unit": FaultKind(
        "The transmitter was set to another unit and its values are scaled by a constant; at the reference "
        "size mmHg have become kPa.",
        "%", -86.67, "pCO2", "sensor", SCALE,
    ),
    "out_of_broth": FaultKind(
        "The probe hangs in the head space: pH wanders, pO2 and pCO2 are those of the gas, conductivity is "
        "nothing, the temperature half-way to that of the room.",
        "", 0.0, "pO2", "sensor", AIRED, choices=_HEAD,
    ),
    "wrong_buffer": FaultKind(
        "The pH probe was calibrated in the wrong buffer: its slope is off by this much, and its zero by "
        "0.2 for each 15 % of slope.",
        "%", -15.0, "pH", "sensor", BUFFER, choices={"pH": _HEAD["pH"]},
    ),
    "clock_shift": FaultKind(
        "The transmitter's clock jumps, as after a restart without battery: its values carry times that are "
        "off by this much.",
        "s", -3600.0, None, "sensor", CLOCK,
    ),
    "late_values": FaultKind(
        "A gateway keeps the transmitter's values back: they come this much later, with their own times.",
        "s", 1800.0, None, "sensor", LATE,
    ),
    "repeated_values": FaultKind("Every value is sent twice.", "", 0.0, None, "sensor", TWICE),
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
        "fraction", -0.2, "flow_air", "sensor", EFFECT, GAS_AIR, choices=_GASES,
    ),
    "sparger_plugged": FaultKind(
        "The sparger clogs: this part of all gas no longer passes, the flow meters show it, and what passes "
        "leaves through fewer holes in larger bubbles.",
        "fraction", 0.4, "flow_air", "process", EFFECT, SPARGER,
    ),
    "pump_tube_wear": FaultKind(
        "The tube of a pump wears out: a growing part of what the pump counts is not delivered; the tag "
        "names the pump.",
        "1/h", 0.0005, "feed_flow", "actuator", EFFECT_RATE, FEED_LOSS, choices=_PUMPS,
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
    "trapped_air": FaultKind(
        "Air is trapped in a drain leg (or its steam trap stays shut) during SIP: the coldest spot stays "
        "this far below the steam, and no probe sees it.",
        "K", 7.0, "temperature", "process", EFFECT, TRAPPED_AIR,
    ),
}  # fmt: skip
"""Every kind by its name in a scenario file."""


def place(kind: str, tag: str | None) -> int:
    """Place a fault acts on: a channel of the probes, or an effect.

    Raises
    ------
    KeyError
        When the kind is not known, or there is no tag where one is needed.
    ValueError
        When the tag can not have it.
    """
    fault = FAULTS[kind]
    name = tag or fault.tag
    if name is None:
        raise KeyError(kind)
    if fault.choices:
        if name not in fault.choices:
            raise ValueError(f"tag {name!r} can not have {kind!r}; one of: {', '.join(fault.choices)}")
        return fault.choices[name]
    if fault.on_plant:
        return fault.effect
    if name not in CHANNELS:
        raise ValueError(f"tag {name!r} can not have {kind!r}; one of: {', '.join(CHANNELS)}")
    return CHANNELS.index(name)


@compiled
def strength(f: Any, seconds: float) -> float:
    """How far a fault has grown at a culture age [s]: 0 before, its size (or rate x hours) after."""
    if seconds < f.start or seconds >= f.end:
        return 0.0
    on = seconds - f.start
    if f.action in RATES:
        return float(f.size * min(on, f.ramp) / 3600.0)
    if f.ramp > 0.0 and on < f.ramp:
        return float(f.size * on / f.ramp)
    return float(f.size)
