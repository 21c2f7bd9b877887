"""What can go wrong: every kind of fault a scenario may declare, and its strength at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from simulators.compiled import compiled
from simulators.probes import CHANNELS, MEASURED

(
    OFFSET, OFFSET_RATE, GAIN, GAIN_RATE, FROZEN, SPIKES, NOISE, DEAD, DROPOUT, BAD, SLOW, EFFECT,
    BUBBLES, LEAK, REFERENCE, COMPENSATION, PRESSURE, CROSSED, AIRED, BUFFER,
    CLOCK, LATE, TWICE, EFFECT_RATE, SCALE, SPELT, HEADING,
) = range(27)  # fmt: skip
"""How a fault acts: on one probe, on what carries its values (`CLOCK`, `LATE`, `TWICE`, `SPELT`, `HEADING`),
or on the plant (`EFFECT`, and `EFFECT_RATE` that grows)."""
ON_PLANT: Final = (EFFECT, EFFECT_RATE)
ON_CARRIERS: Final = (CLOCK, LATE, TWICE, SPELT, HEADING)
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
    source : str
        Where the reference size (or what is seen) comes from; ``chosen default`` where from nowhere.
    """

    explanation: str
    unit: str
    size: float
    tag: str | None
    verdict: Blame
    action: int
    effect: int = 0
    choices: Mapping[str, int] = field(default_factory=dict)
    source: str = field(kw_only=True)

    @property
    def ramps(self) -> bool:
        """True when the size is a rate."""
        return self.action in RATES

    @property
    def on_plant(self) -> bool:
        """True when it acts on the plant, not on a probe."""
        return self.action in ON_PLANT

    @property
    def needs_size(self) -> bool:
        """True when nothing happens at size 0; a dead channel may show 0, and other kinds have no size."""
        return bool(self.unit) and self.action != DEAD


_GASES: Final = {"flow_air": GAS_AIR, "flow_O2": GAS_O2, "flow_CO2": GAS_CO2, "flow_N2": GAS_N2}
_PUMPS: Final = {"feed_flow": FEED_LOSS, "base_flow": BASE_LOSS}
_HEAD: Final = {name: CHANNELS.index(name) for name in ("pH", "pO2", "pCO2", "conductivity", "temperature")}
_GAS_PROBES: Final = {name: _HEAD[name] for name in ("pO2", "pCO2")}
_WARMED: Final = {name: _HEAD[name] for name in ("pH", "pO2", "pCO2", "conductivity")}

FAULTS: Final[dict[str, FaultKind]] = {
    "pH_drift": FaultKind(
        "The pH electrode drifts: its reading leaves the truth at a steady rate, and the loop follows it.",
        "1/h", 0.02, "pH", "sensor", OFFSET_RATE,
        source="chosen default, fast for a score: electrodes in use drift by 0.005 to 0.05 a day",
    ),
    "pH_offset": FaultKind(
        "The pH reading jumps by a constant, as after cleaning or a calibration with a wrong sample.",
        "1", 0.1, "pH", "sensor", OFFSET,
        source="chosen default; off-line methods differ by over 0.02 in 59 % of samples (J Biotech 2017)",
    ),
    "pO2_drift": FaultKind(
        "Fouling of the pO2 membrane: the probe loses sensitivity at a steady rate.",
        "%/h", -1.0, "pO2", "sensor", GAIN_RATE,
        source="chosen default, fast for a score: amperometric probes lose 0.5 to 2 % a day",
    ),
    "pCO2_drift": FaultKind(
        "The pCO2 probe's gain drifts at a steady rate.",
        "%/h", 0.5, "pCO2", "sensor", GAIN_RATE,
        source="chosen default, fast for a score: below 5 % a week (PreSens SP-CD1)",
    ),
    "conductivity_shift": FaultKind(
        "The cell constant of the conductivity probe shifts, by a film or deposit.",
        "%", -3.0, "conductivity", "sensor", GAIN,
        source="chosen default; a film shifts the cell constant by about 1 %",
    ),
    "temperature_bias": FaultKind(
        "The temperature probe reads off by a constant, and the temperature loop follows it.",
        "K", 0.5, "temperature", "sensor", OFFSET,
        source="chosen default; a Pt100 is within 0.1 K",
    ),
    "frozen": FaultKind(
        "The transmitter repeats its last value.", "", 0.0, None, "sensor", FROZEN,
        source="nothing to choose",
    ),
    "spikes": FaultKind(
        "Four values in a hundred jump by this much, up or down.", "tag", 1.0, None, "sensor", SPIKES,
        source="chosen default",
    ),
    "noise_burst": FaultKind(
        "The probe's scatter grows by this factor.", "1", 10.0, None, "sensor", NOISE,
        source="chosen default",
    ),
    "slow": FaultKind(
        "A coated probe: its response becomes slower by this factor.", "1", 5.0, None, "sensor", SLOW,
        source="chosen default (a coated membrane or glass)",
    ),
    "dead": FaultKind(
        "The channel reports an impossible constant with good status.", "tag", -1.0, None, "sensor", DEAD,
        source="chosen default; a channel of a public ÄKTA file says pH 146.4 throughout",
    ),
    "dropout": FaultKind(
        "No values arrive at all.", "", 0.0, None, "sensor", DROPOUT,
        source="nothing to choose; loggers of a public data set (uwo-fast) were silent for 12 to 22 h",
    ),
    "bad_status": FaultKind(
        "Values arrive empty and with status bad.", "", 0.0, None, "sensor", BAD,
        source="nothing to choose",
    ),
    "conductivity_drift": FaultKind(
        "A growing film: the conductivity probe loses its cell constant at a steady rate.",
        "%/h", -0.0125, "conductivity", "sensor", GAIN_RATE,
        source="0.3 % a day: chosen default",
    ),
    "weight_shift": FaultKind(
        "A hose or a hand pulls on the load cell: the weight jumps by a constant, nothing came or went.",
        "kg", 0.02, "weight", "sensor", OFFSET,
        source="chosen default",
    ),
    "bubbles": FaultKind(
        "Bubbles cling to the probe: one value in ten goes astray, by up to three times this much and always "
        "to the same side.",
        "tag", -0.2, "conductivity", "sensor", BUBBLES,
        source="chosen default; bursts of 1 to 5 % of conductivity, upwards on pO2",
    ),
    "membrane_leak": FaultKind(
        "The membrane of the pO2 probe leaks electrolyte: sensitivity is lost at this rate, and the zero "
        "rises by 0.2 % of air for each per cent lost.",
        "%/h", 0.5, "pO2", "sensor", LEAK, choices={"pO2": _HEAD["pO2"]},
        source="chosen default",
    ),
    "reference_clogged": FaultKind(
        "The diaphragm of the pH reference clogs: the reading drifts at this rate, twice as far at the "
        "highest stirrer speed as at the lowest.",
        "1/h", 0.01, "pH", "sensor", REFERENCE, choices={"pH": _HEAD["pH"]},
        source="chosen default",
    ),
    "temperature_compensation": FaultKind(
        "The transmitter corrects for temperature with a coefficient that is off by this much; right at "
        "25 °C.",
        "%/K", 0.2, "conductivity", "sensor", COMPENSATION, choices=_WARMED,
        source="chosen default; coefficients of media are 2.1 to 2.4 %/K",
    ),
    "pressure_not_compensated": FaultKind(
        "The gas probe's reading is not corrected for pressure: it is too high by this part of the pressure "
        "over 1 atm (1: by 1 % for each 10 mbar).",
        "fraction", 1.0, "pO2", "sensor", PRESSURE, choices=_GAS_PROBES,
        source="partial pressure is proportional to pressure: 0.2 bar more reads 20 % more",
    ),
    "crossed_channels": FaultKind(
        "Two cables are crossed: each of two probes shows what the other measures; `other` names the second.",
        "", 0.0, "pO2", "sensor", CROSSED,
        source="nothing to choose",
    ),
    "wrong_unit": FaultKind(
        "The transmitter was set to another unit and its values are scaled by a constant; at the reference "
        "size mmHg have become kPa.",
        "%", -86.67, "pCO2", "sensor", SCALE,
        source="1 mmHg is 0.13332 kPa",
    ),
    "out_of_broth": FaultKind(
        "The probe hangs in the head space: pH wanders, pO2 and pCO2 are those of the gas, conductivity is "
        "nothing, the temperature half-way to that of the room.",
        "", 0.0, "pO2", "sensor", AIRED, choices=_HEAD,
        source="a public log of C. glutamicum has pH -0.26 to 11 and pO2 of air while a probe hung dry",
    ),
    "wrong_buffer": FaultKind(
        "The pH probe was calibrated in the wrong buffer: its slope is off by this much, and its zero by "
        "0.2 for each 15 % of slope.",
        "%", -15.0, "pH", "sensor", BUFFER, choices={"pH": _HEAD["pH"]},
        source="slope 85 % and zero +0.2: chosen default",
    ),
    "clock_shift": FaultKind(
        "The transmitter's clock jumps, as after a restart without battery: its values carry times that are "
        "off by this much.",
        "s", -3600.0, None, "sensor", CLOCK,
        source="chosen default; a logger without battery (uwo-fast) begins at a fixed date",
    ),
    "late_values": FaultKind(
        "A gateway keeps the transmitter's values back: they come this much later, with their own times.",
        "s", 1800.0, None, "sensor", LATE,
        source="chosen default",
    ),
    "repeated_values": FaultKind(
        "Every value is sent twice.", "", 0.0, None, "sensor", TWICE,
        source="nothing to choose; seen in public logs (uwo-fast)",
    ),
    "wrong_type": FaultKind(
        "A gateway sends the value as a text with a decimal comma in place of a number.",
        "", 0.0, None, "sensor", SPELT,
        source="nothing to choose; seen in public logs (uwo-fast)",
    ),
    "heading_rows": FaultKind(
        "A logger starts again and again and writes its heading, the name of the column, in place of a "
        "value; size is the time between two headings.",
        "s", 600.0, None, "sensor", HEADING,
        source="chosen default; headings inside the data are seen in public logs (uwo-fast)",
    ),
    "offset": FaultKind(
        "The reading of any probe jumps by a constant, as after cleaning, sampling or a calibration.",
        "tag", 1.0, None, "sensor", OFFSET,
        source="chosen default",
    ),
    "drift": FaultKind(
        "The reading of any probe leaves the truth at a steady rate.",
        "tag/h", 0.1, None, "sensor", OFFSET_RATE,
        source="chosen default",
    ),
    "kLa_loss": FaultKind(
        "Oxygen and CO2 pass from bubbles to broth more slowly, as after an antifoam dose or with a sparger "
        "partly clogged.",
        "fraction", 0.35, "pO2", "process", EFFECT, KLA,
        source="chosen default",
    ),
    "aeration_loss": FaultKind(
        "Part of the air is lost after the flow meter, which still shows all of it.",
        "fraction", 0.3, "flow_air", "process", EFFECT, AIR_LEAK,
        source="chosen default",
    ),
    "feed_pump_loss": FaultKind(
        "The feed pump delivers only part, its flow signal is unchanged; the feed scale tells the truth.",
        "fraction", 0.5, "feed_flow", "actuator", EFFECT, FEED_LOSS,
        source="chosen default",
    ),
    "base_line_blocked": FaultKind(
        "The base line is blocked: the pump turns and reports flow, nothing arrives.",
        "fraction", 1.0, "base_flow", "actuator", EFFECT, BASE_LOSS,
        source="nothing to choose: all of it",
    ),
    "wrong_feed": FaultKind(
        "A wrong feed bag: this part of the feed is 0.6 M saline instead of nutrients.",
        "fraction", 1.0, "feed_scale", "process", EFFECT, WRONG_FEED,
        source="chosen default",
    ),
    "contamination": FaultKind(
        "A fast bacterium enters; unseen for most of a day, then it takes oxygen and glucose and makes acid.",
        "cells/mL", 1.0, "pO2", "process", EFFECT, CONTAMINATION,
        source="one cell a millilitre, doubling in 0.7 h: chosen default",
    ),
    "starvation": FaultKind(
        "The recipe withholds feed; the culture runs out of glucose.",
        "fraction", 1.0, "feed_sp", "process", EFFECT, STARVATION,
        source="nothing to choose: all of it",
    ),
    "agitator_loss": FaultKind(
        "The impeller turns more slowly than the motor reports (slipping coupling).",
        "fraction", 0.25, "stirrer", "actuator", EFFECT, STIRRER,
        source="chosen default",
    ),
    "jacket_failure": FaultKind(
        "The jacket's circulation fails by this fraction.",
        "fraction", 1.0, "jacket_temperature", "actuator", EFFECT, JACKET_LOSS,
        source="nothing to choose: all of it",
    ),
    "gas_flow_error": FaultKind(
        "A mass flow controller passes more (or less) than it measures; the tag names the gas.",
        "fraction", -0.2, "flow_air", "sensor", EFFECT, GAS_AIR, choices=_GASES,
        source="chosen default; controllers are within 1 % of full scale",
    ),
    "sparger_plugged": FaultKind(
        "The sparger clogs: this part of all gas no longer passes, the flow meters show it, and what passes "
        "leaves through fewer holes in larger bubbles.",
        "fraction", 0.4, "flow_air", "process", EFFECT, SPARGER,
        source="chosen default",
    ),
    "pump_tube_wear": FaultKind(
        "The tube of a pump wears out: a growing part of what the pump counts is not delivered; the tag "
        "names the pump.",
        "1/h", 0.0005, "feed_flow", "actuator", EFFECT_RATE, FEED_LOSS, choices=_PUMPS,
        source="chosen default: 5 to 20 % over the life of a tube",
    ),
    "exit_filter_plugged": FaultKind(
        "The exit filter gets wet: pressure in the head space rises.",
        "mbar", 60.0, "pressure", "process", EFFECT, FILTER,
        source="chosen default",
    ),
    "retention_fouling": FaultKind(
        "The cell filter of a perfusion fouls and holds back this part of the product too: the titre of the "
        "harvest falls, that of the vessel rises.",
        "fraction", 0.3, "titre_harvest", "process", EFFECT, RETENTION,
        source="chosen default",
    ),
    "trapped_air": FaultKind(
        "Air is trapped in a drain leg (or its steam trap stays shut) during SIP: the coldest spot stays "
        "this far below the steam, and no probe sees it.",
        "K", 7.0, "temperature", "process", EFFECT, TRAPPED_AIR,
        source="chosen default: 5 to 10 K",
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
    if name not in MEASURED:
        raise ValueError(f"tag {name!r} can not have {kind!r}; one of: {', '.join(MEASURED)}")
    return MEASURED.index(name)


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
