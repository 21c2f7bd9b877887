"""Instruments: one chain for every sensor, from the true value to what the transmitter says.

Lag (two stages), gain and offset with drift and random walk, noise, faults, resolution, range, status.
Figures: response times and drifts from makers' data where given below, the rest chosen defaults.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.random import Generator

CHANNELS: Final = (
    "pH", "pO2", "pCO2", "conductivity", "temperature", "weight", "flow_air", "flow_O2", "flow_CO2",
    "flow_N2", "feed_flow", "base_flow", "feed_scale", "base_scale", "stirrer", "offgas_O2", "offgas_CO2",
    "jacket_temperature", "pressure",
)  # fmt: skip
"""Measured quantities of every vessel, in the order of every array of them."""
OUTLETS: Final = ("harvest_flow", "bleed_flow")
"""What a perfused vessel measures beside `CHANNELS`: what its pumps say of harvest and bleed [mL/h]."""
MEASURED: Final = CHANNELS + OUTLETS
GASES: Final = ("flow_air", "flow_O2", "flow_CO2", "flow_N2")
SET_POINTS: Final = ("pH_sp", "pO2_sp", "temperature_sp", "feed_sp")
TAGS: Final = CHANNELS + SET_POINTS
"""Tags that every vessel has; see `tags`."""
MICROBIAL_ASSAYS: Final = ("OD600", "dry_mass", "glucose", "acetate", "ammonia", "pH_lab", "pCO2_lab")
ASSAYS: Final = ("VCD", "viability", "glucose", "lactate", "ammonia", "titre", "pH_lab", "pCO2_lab")

(
    PH, PO2, PCO2, KAPPA, TEMPERATURE, WEIGHT, FLOW_AIR, FLOW_O2, FLOW_CO2, FLOW_N2,
    FEED_FLOW, BASE_FLOW, FEED_SCALE, BASE_SCALE, SPEED, OFFGAS_O2, OFFGAS_CO2,
    JACKET_T, PRESSURE, HARVEST_FLOW, BLEED_FLOW,
) = range(len(MEASURED))  # fmt: skip

CONTROLLED: Final = (PH, PO2, TEMPERATURE)
"""Channels the controller reads at every tick."""


def channels(kind: str) -> tuple[str, ...]:
    """Measured quantities of a kind of vessel, in the order of every array of them."""
    return MEASURED if kind == "cho_perfusion" else CHANNELS


def tags(kind: str) -> tuple[str, ...]:
    """What the wires of a kind of vessel carry: its measured quantities, then its set points."""
    return channels(kind) + SET_POINTS


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """An instrument as its maker describes it.

    Parameters
    ----------
    low, high : float
        Measuring range [unit of the tag].
    lag_s, lag2_s : float
        Time constants of the two stages [s].
    noise, noise_share : float
        Standard deviation: fixed [unit], and as a share of the value.
    resolution : float
        Smallest step [unit].
    gain, offset : float
        Standard deviation after calibration: share of the value, and [unit].
    gain_per_day, offset_per_day : float
        Standard deviation of the steady drift: share per day, and [unit/day].
    mean_gain_per_day : float
        Drift every such probe has [share per day].
    walk : float
        Random walk of the offset [unit/sqrt(day)].
    """

    low: float
    high: float
    lag_s: float
    noise: float
    resolution: float
    lag2_s: float = 0.0
    noise_share: float = 0.0
    gain: float = 0.0
    offset: float = 0.0
    gain_per_day: float = 0.0
    offset_per_day: float = 0.0
    mean_gain_per_day: float = 0.0
    walk: float = 0.0


def instruments(volume_l: float, kind: str = "cho_fedbatch", steamed: bool = False) -> dict[str, ProbeSpec]:
    """The instruments of a vessel with this working volume [L], in the order of `channels`.

    A ``cho_perfusion`` has a larger feed line, pumps of its size for harvest and bleed, and lines for four
    times the gas; an ``ecoli_fedbatch`` has lines for 200 times the gas and for more feed and base, a faster
    stirrer, an optical pO2 probe.
    Temperatures and pressure of a vessel that is steamed in place have the range for it.

    pH: glass, response 20-30 s when new, drift 0.005 pH/day after the first days; noise 0.003 and
    resolution 0.01 as in public reactor logs. pO2: amperometric, drift -0.5 %/day; noise 0.4 %. pCO2:
    optical, t90 under 3 min, two stages of 40 s (maker's data PreSens SP-CD1: +-5 %, drift < 5 %/week).
    Temperature: Pt100. Off-gas: drift <= 1 %/week, noise <= 0.2 % of span, line delay as a lag.
    Flows: +-1 % of full scale. The rest: chosen defaults.
    """
    v = volume_l
    gas = 0.01 * v
    flow = ProbeSpec(0.0, gas, 2.0, 5e-4 * gas, 1e-4 * gas, gain=0.005)
    found = {
        "pH": ProbeSpec(2.0, 12.0, 8.0, 0.003, 0.01, offset=0.01, offset_per_day=0.002, walk=0.002),
        "pO2": ProbeSpec(
            0.0, 200.0, 25.0, 0.4, 0.1, gain=0.01, gain_per_day=0.002, mean_gain_per_day=-0.005, walk=0.1
        ),
        "pCO2": ProbeSpec(
            0.0, 300.0, 40.0, 0.2, 0.1, lag2_s=40.0, noise_share=0.008, gain=0.02, gain_per_day=0.003
        ),
        "conductivity": ProbeSpec(
            0.0, 50.0, 4.0, 0.01, 0.01, noise_share=0.001, gain=0.004, gain_per_day=0.0005
        ),
        "temperature": ProbeSpec(0.0, 100.0, 8.0, 0.015, 0.01, offset=0.04, offset_per_day=0.002),
        "weight": ProbeSpec(0.0, 2.0 * v, 2.0, 1e-3 * v, 5e-4 * v, offset=2e-3 * v, walk=5e-4 * v),
        "flow_air": flow,
        "flow_O2": flow,
        "flow_CO2": flow,
        "flow_N2": flow,
        "feed_flow": ProbeSpec(0.0, 20.0 * v, 2.0, 5e-3 * v, 5e-3 * v, gain=0.01),
        "base_flow": ProbeSpec(0.0, 2.0 * v, 2.0, 0.0, 5e-4 * v, gain=0.01),
        "feed_scale": ProbeSpec(0.0, 500.0 * v, 2.0, 0.05 * v, 0.05 * v, offset=0.2 * v),
        "base_scale": ProbeSpec(0.0, 100.0 * v, 2.0, 0.01 * v, 0.01 * v, offset=0.05 * v),
        "stirrer": ProbeSpec(0.0, 500.0, 1.0, 0.5, 1.0),
        "offgas_O2": ProbeSpec(0.0, 100.0, 30.0, 0.02, 0.01, lag2_s=30.0, gain=0.003, gain_per_day=0.001),
        "offgas_CO2": ProbeSpec(0.0, 25.0, 30.0, 0.01, 0.01, lag2_s=30.0, gain=0.01, gain_per_day=0.0014),
        "jacket_temperature": ProbeSpec(0.0, 100.0, 8.0, 0.03, 0.01, offset=0.05),
        "pressure": ProbeSpec(-50.0, 500.0, 2.0, 0.2, 0.1, offset=0.3),
    }
    if steamed:
        found["temperature"] = replace(found["temperature"], high=150.0)
        found["jacket_temperature"] = replace(found["jacket_temperature"], high=150.0)
        found["pressure"] = replace(found["pressure"], high=3000.0)
    if kind == "cho_perfusion":
        lines = {name: _larger(found[name]) for name in ("feed_flow", "feed_scale")}
        lines |= {name: _larger(found[name], 4.0) for name in GASES}
        return found | lines | dict.fromkeys(OUTLETS, lines["feed_flow"])
    return found | _microbial(found, v) if kind == "ecoli_fedbatch" else found


def _microbial(found: dict[str, ProbeSpec], v: float) -> dict[str, ProbeSpec]:
    """What E. coli asks for; optical pO2: t90 20-40 s, noise 0.1-0.3 % (makers' data), the rest chosen.

    Scatter of pH as in the stored runs 19 and 20 of the optical probes of parallel reactors.
    """
    flows = {name: _larger(found[name], 200.0) for name in GASES}
    lines = {"feed_flow": _larger(found["feed_flow"], 5.0), "base_flow": _larger(found["base_flow"], 50.0)}
    optical = ProbeSpec(0.0, 200.0, 12.0, 0.2, 0.1, gain=0.01, gain_per_day=0.002, mean_gain_per_day=-0.004)
    stirrer, acidity = replace(found["stirrer"], high=1500.0), replace(found["pH"], noise=0.006)
    return (
        flows
        | lines
        | {"pH": acidity, "pO2": optical, "stirrer": stirrer, "base_scale": _larger(found["base_scale"], 2.0)}
    )


def _larger(spec: ProbeSpec, times: float = 10.0) -> ProbeSpec:
    """The same instrument with a larger range, and noise in proportion."""
    return replace(
        spec, high=times * spec.high, noise=times * spec.noise, resolution=times * spec.resolution,
        offset=times * spec.offset,
    )  # fmt: skip


PROBE: Final = np.dtype(
    [
        (name, np.float64)
        for name in (
            "low", "high", "step1", "step2", "noise", "noise_share", "resolution",
            "gain", "gain_rate", "offset", "offset_rate", "walk_step",
            "fast",  # 1: read every tick, because a loop needs it; 0: read when a value is sent
            "x1", "x2", "walk", "value", "held",
        )
    ]
)  # fmt: skip
"""One instrument as the compiled loop reads it: figures, then its memory (`x1` ... `held`)."""


def calibrate(probe: Any, spec: ProbeSpec, draw: Generator, age_s: float) -> None:
    """Calibrate one probe anew at this age [s]; it goes on drifting at its own rate."""
    z = draw.standard_normal(2)
    probe.gain = 1.0 + spec.gain * z[0] - probe.gain_rate * age_s
    probe.offset, probe.walk = spec.offset * z[1] - probe.offset_rate * age_s, 0.0


def correct(probe: Any, spec: ProbeSpec, draw: Generator, true: float) -> float:
    """Set one probe to a reference at one point: its offset where it has one, else its gain.

    The reference errs as a calibration does. What moved the reading goes on moving it.

    Returns
    -------
    float
        By how much the reading changed [unit of the tag].

    Raises
    ------
    ValueError
        When the probe is off by more than a tenth of its range (chosen default): a transmitter refuses that.
    """
    z = draw.standard_normal()
    by = true * (1.0 + spec.gain * z) + spec.offset * z - float(probe.value)
    if not abs(by) <= 0.1 * (spec.high - spec.low):
        raise ValueError(f"reads {float(probe.value):g} where a reference says {true:g}")
    if spec.offset > 0.0 or probe.x2 <= 0.0:
        probe.offset += by
    else:
        probe.gain += by / probe.x2
    return by


def _share(tick_s: float, lag_s: float) -> float:
    return 1.0 - math.exp(-tick_s / lag_s) if lag_s > 0.0 else 1.0


def install(
    specs: dict[str, ProbeSpec], tick_s: float, period_s: float, draws: dict[str, Generator], truth: Any
) -> Any:
    """Array of `PROBE`, calibrated at culture age 0 on the true values `truth`.

    `tick_s` is the time between two looks of the controller, `period_s` between two values sent. `draws`
    holds one generator a probe; each gives the probe's own gain, offset and drift.
    """
    probes = np.zeros(len(specs), PROBE).view(np.recarray)
    for i, (name, spec) in enumerate(specs.items()):
        z = draws[name].standard_normal(4)
        probe = probes[i]
        probe.low, probe.high, probe.resolution = spec.low, spec.high, spec.resolution
        probe.fast = float(i in CONTROLLED)
        every_s = tick_s if probe.fast else period_s
        probe.step1, probe.step2 = _share(every_s, spec.lag_s), _share(every_s, spec.lag2_s)
        probe.noise, probe.noise_share = spec.noise, spec.noise_share
        probe.gain, probe.offset = 1.0 + spec.gain * z[0], spec.offset * z[1]
        probe.gain_rate = (spec.mean_gain_per_day + spec.gain_per_day * z[2]) / 86400.0
        probe.offset_rate = spec.offset_per_day * z[3] / 86400.0
        probe.walk_step = spec.walk * math.sqrt(every_s / 86400.0)
        probe.x1 = probe.x2 = probe.value = probe.held = truth[i]
    return probes
