"""The pictures of the plant and the page that shows them, ``docs/explanation/plant-plots.md``.

Run: ``python -m benchmarks.plant_plots``. Every picture is a run of the plant with a fixed seed, so the
same sources give the same pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import figures
from simulators.faults import FAULTS
from simulators.plant import Plant, PlantBatch
from simulators.scenario import Scenario, load_scenario, packaged

Floats = NDArray[np.float64]

PAGE: Final = figures.PLOTS.parent / "plant-plots.md"
SEED: Final = 7
UNITS: Final = {
    "pH": "pH", "pO2": "pO2 [%]", "pCO2": "pCO2 [mmHg]", "conductivity": "conductivity [mS/cm]",
    "VCD": "viable cells [1e6/mL]", "viability": "viability [%]", "glucose": "glucose [g/L]",
    "lactate": "lactate [g/L]", "titre": "titre [g/L]", "OUR": "OUR [mmol/L/h]",
    "base_in": "base given [mL]", "temperature": "temperature [°C]", "feed_scale": "feed scale [g]",
    "base_scale": "base scale [g]", "feed_flow": "feed flow [mL/h]", "flow_O2": "oxygen flow [L/min]",
    "flow_CO2": "CO2 flow [L/min]", "flow_air": "air flow [L/min]", "offgas_O2": "exit O2 [%]",
    "offgas_CO2": "exit CO2 [%]", "jacket_temperature": "jacket [°C]", "pressure": "head pressure [mbar]",
    "base_flow": "base flow [mL/h]", "stirrer": "stirrer [rpm]", "osmolality": "osmolality [mOsm/kg]",
    "kLa": "kLa [1/h]", "titre_harvest": "titre of the harvest [g/L]", "sieving": "sieving [1]",
    "bleed_flow": "bleed [mL/h]", "harvest_flow": "harvest [mL/h]", "weight": "weight [kg]",
    "F0": "F0 of the coldest spot [min]",
    "cold_spot": "coldest spot [°C]", "biomass": "dry cells [g/L]", "acetate": "acetate [g/L]",
    "return_conductivity": "CIP return [mS/cm]",
}  # fmt: skip
HEALTHY: Final = (
    "pH", "pO2", "pCO2", "conductivity", "VCD", "viability", "glucose", "lactate", "titre", "OUR",
    "base_in", "kLa",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signature:
    """How a fault is shown.

    Parameters
    ----------
    shown : tuple of str
        Quantities; one of `simulators.probes.CHANNELS` is shown as its probe says it, with the truth
        dotted; another as it truly is.
    size, ramp_h : float or None
        None: the kind's reference size, no ramp.
    age_h : float
        Culture age when the picture begins [h].
    hours : float
        Its length [h].
    tag, other : str or None
    vessel : str
        Kind of the vessel.
    recipe : Mapping[str, float]
        Its phases, where the default is not meant.
    """

    shown: tuple[str, ...]
    size: float | None = None
    ramp_h: float | None = None
    age_h: float = 120.0
    hours: float = 48.0
    tag: str | None = None
    other: str | None = None
    vessel: str = "cho_fedbatch"
    recipe: Mapping[str, float] = field(default_factory=dict)


ONSET_H: Final = 12.0
SIGNATURES: Final[dict[str, Signature]] = {
    "pH_drift": Signature(("pH", "pCO2", "flow_CO2", "base_scale"), ramp_h=12.0),
    "pH_offset": Signature(("pH", "pCO2", "flow_CO2", "base_scale")),
    "pO2_drift": Signature(("pO2", "flow_O2", "offgas_O2")),
    "pCO2_drift": Signature(("pCO2", "pH", "offgas_CO2")),
    "conductivity_shift": Signature(("conductivity", "osmolality", "base_scale")),
    "temperature_bias": Signature(("temperature", "jacket_temperature", "OUR", "pCO2")),
    "frozen": Signature(("pCO2", "pH", "offgas_CO2"), tag="pCO2"),
    "spikes": Signature(("conductivity", "osmolality", "base_scale"), tag="conductivity"),
    "noise_burst": Signature(("pO2", "flow_O2", "flow_air"), tag="pO2"),
    "slow": Signature(("pO2", "flow_O2", "flow_air"), tag="pO2", size=20.0),
    "dead": Signature(("temperature", "jacket_temperature", "pO2", "OUR"), tag="temperature"),
    "dropout": Signature(("conductivity", "osmolality", "base_scale"), tag="conductivity"),
    "bad_status": Signature(("pCO2", "pH", "offgas_CO2"), tag="pCO2"),
    "conductivity_drift": Signature(("conductivity", "osmolality", "base_scale"), size=-0.1),
    "weight_shift": Signature(("weight", "feed_scale", "base_scale")),
    "bubbles": Signature(("conductivity", "osmolality", "base_scale")),
    "membrane_leak": Signature(("pO2", "flow_O2", "offgas_O2"), size=1.0),
    "reference_clogged": Signature(("pH", "pCO2", "flow_CO2", "stirrer")),
    "temperature_compensation": Signature(("conductivity", "osmolality", "temperature")),
    "pressure_not_compensated": Signature(("pO2", "pressure", "flow_O2"), size=5.0),
    "crossed_channels": Signature(("pO2", "pCO2", "flow_O2", "OUR"), other="pCO2", hours=24.0),
    "wrong_unit": Signature(("pCO2", "pH", "offgas_CO2")),
    "out_of_broth": Signature(("pO2", "flow_O2", "offgas_O2", "OUR"), hours=24.0),
    "wrong_buffer": Signature(("pH", "pCO2", "flow_CO2", "base_scale")),
    "clock_shift": Signature(("pCO2", "pH", "offgas_CO2"), tag="pCO2", size=-4.0 * 3600.0),
    "late_values": Signature(("pCO2", "pH", "offgas_CO2"), tag="pCO2", size=6.0 * 3600.0),
    "repeated_values": Signature(("pCO2", "pH", "offgas_CO2"), tag="pCO2"),
    "wrong_type": Signature(("pCO2", "pH", "offgas_CO2"), tag="pCO2"),
    "heading_rows": Signature(("pCO2", "pH", "offgas_CO2"), tag="pCO2", size=2.0 * 3600.0, hours=24.0),
    "offset": Signature(("pCO2", "pH", "offgas_CO2"), tag="pCO2", size=15.0),
    "drift": Signature(("temperature", "jacket_temperature", "OUR"), tag="temperature", size=0.05),
    "trapped_air": Signature(
        ("temperature", "cold_spot", "F0"),
        age_h=120.0,
        hours=20.0,
        recipe={"harvest_h": 125.0, "cip_h": 127.0, "sip_h": 134.0},
    ),
    "sparger_plugged": Signature(("flow_air", "pO2", "pCO2", "kLa")),
    "pump_tube_wear": Signature(("feed_flow", "feed_scale", "glucose", "conductivity"), size=0.005),
    "kLa_loss": Signature(("pO2", "flow_O2", "pCO2", "kLa"), ramp_h=0.25),
    "aeration_loss": Signature(("pO2", "flow_O2", "pCO2", "flow_air")),
    "feed_pump_loss": Signature(("feed_flow", "feed_scale", "glucose", "conductivity")),
    "base_line_blocked": Signature(("pH", "base_flow", "base_scale", "pCO2"), age_h=108.0),
    "wrong_feed": Signature(("conductivity", "glucose", "osmolality", "VCD"), hours=72.0),
    "contamination": Signature(("OUR", "pO2", "pH", "glucose"), hours=42.0),
    "starvation": Signature(("glucose", "lactate", "VCD", "viability"), hours=120.0),
    "agitator_loss": Signature(("stirrer", "pO2", "flow_O2", "kLa")),
    "jacket_failure": Signature(("jacket_temperature", "temperature", "OUR", "pO2")),
    "gas_flow_error": Signature(("flow_air", "pO2", "flow_O2", "offgas_CO2")),
    "retention_fouling": Signature(
        ("titre_harvest", "titre", "sieving"), age_h=192.0, hours=120.0, vessel="cho_perfusion"
    ),
    "exit_filter_plugged": Signature(("pressure", "pO2", "pCO2", "flow_O2"), ramp_h=1.0),
}
"""Every kind of `simulators.faults.FAULTS`."""


@dataclass(frozen=True, slots=True)
class Run:
    """One vessel's run: what the probes said, and what was true."""

    batch: PlantBatch
    truth: dict[str, Any]

    def said(self, name: str) -> tuple[Floats, Floats]:
        """Hours and values of a transmitter."""
        rows = self.batch.tag_index == self.batch.tags.index(f"R1.{name}")
        return self.batch.time_s[rows] / 3600.0, self.batch.value[rows]

    def true(self, name: str) -> tuple[Floats, Floats]:
        """Hours and true values; `base_in` per litre of vessel."""
        return self.truth["time_s"] / 3600.0, self.truth[name]

    def measured(self, name: str) -> bool:
        """Whether there is a probe for it."""
        return f"R1.{name}" in self.batch.tags


def run(hours: float, period_s: float, **vessel: Any) -> Run:
    """Run one vessel with the page's seed."""
    raw = {
        "schema": 1, "id": "plots", "title": {"en": "plots"}, "duration_h": hours, "period_s": period_s,
        "seed": SEED, "vessels": [{"id": "R1", **vessel}],
    }  # fmt: skip
    plant = Plant(Scenario.model_validate(raw))
    batch = plant.advance(hours * 3600.0)
    return Run(batch, plant.truth())


def healthy() -> Path:
    """The same culture at 2 L and at 2,000 L, eleven days, true values."""
    plt = figures.pyplot()
    figure, axes = plt.subplots(4, 3, figsize=(8.6, 8.0), sharex=True, layout="constrained")
    for volume_l, colour in ((2.0, figures.BLUE), (2000.0, figures.ORANGE)):
        shown = run(264.0, 600.0, volume_l=volume_l, variability=False)
        for ax, name in zip(axes.flat, HEALTHY, strict=True):
            hours, values = shown.true(name)
            settled = hours > 1.0
            scale = 1.0 / volume_l if name == "base_in" else 1.0
            label, dashes = f"{volume_l:,.0f} L", "-" if volume_l == 2.0 else "--"
            ax.plot(hours[settled] / 24.0, scale * values[settled], dashes, color=colour, label=label)
            ax.set_title("base given [mL/L]" if name == "base_in" else UNITS[name])
    axes[0, 0].legend()
    for ax in axes[-1]:
        ax.set_xlabel("days")
    return figures.save(figure, "healthy")


def perfusion() -> Path:
    """Twenty days of the packaged perfusion, true values."""
    plant = Plant(load_scenario(packaged("perfusion")).model_copy(update={"period_s": 600.0}))
    plant.advance(479.0 * 3600.0)
    truth = plant.truth()
    shown = ("VCD", "viability", "glucose", "bleed_flow", "titre", "sieving")
    figure, axes = figures.pyplot().subplots(2, 3, figsize=(8.6, 4.0), sharex=True, layout="constrained")
    for ax, name in zip(axes.flat, shown, strict=True):
        ax.plot(truth["time_s"] / 86400.0, truth[name], color=figures.BLUE)
        ax.set_title(UNITS[name])
    axes[0, 0].axhline(20.0, color="black", lw=0.6, ls=":")
    axes[1, 1].plot(
        truth["time_s"] / 86400.0, truth["titre_harvest"], "--", color=figures.ORANGE, label="harvest"
    )
    axes[1, 1].legend()
    for ax in axes[-1]:
        ax.set_xlabel("days")
    return figures.save(figure, "perfusion")


def _by_hours(name: str, scenario: str, period_s: float, shown: Sequence[str], until_h: float) -> Path:
    """True values of a packaged scenario over the hours, phases as dotted lines."""
    plant = Plant(load_scenario(packaged(scenario)).model_copy(update={"period_s": period_s}))
    events = plant.advance(until_h * 3600.0).events
    truth = plant.truth()
    figure, axes = figures.pyplot().subplots(2, 4, figsize=(8.6, 4.0), sharex=True, layout="constrained")
    for ax, quantity in zip(axes.flat, shown, strict=True):
        ax.plot(truth["time_s"] / 3600.0, truth[quantity], color=figures.BLUE, lw=0.9)
        ax.set_title(UNITS[quantity])
        for event in events:
            if event.kind == "phase":
                ax.axvline(event.time_s / 3600.0, color="black", lw=0.6, ls=":")
    for ax in axes[-1]:
        ax.set_xlabel("hours")
    return figures.save(figure, name)


def ecoli() -> Path:
    """The packaged fed-batch of E. coli."""
    shown = ("biomass", "glucose", "acetate", "pO2", "stirrer", "feed_flow", "OUR", "base_in")
    return _by_hours("ecoli", "ecoli_fedbatch", 60.0, shown, 36.0)


def turnaround() -> Path:
    """The packaged turnaround, its first day."""
    shown = ("temperature", "pressure", "F0", "return_conductivity", "pH", "pO2", "weight", "VCD")
    return _by_hours("turnaround", "turnaround", 30.0, shown, 28.0)


def _panel(ax: Any, name: str, faulty: Run, well: Run) -> None:
    if well.measured(name):
        ax.plot(*well.said(name), color=figures.GREY, lw=0.8, label="healthy")
        ax.plot(*faulty.said(name), color=figures.ORANGE, lw=0.9, label="with the fault")
        if name in ("pH", "pO2", "pCO2", "conductivity", "temperature"):
            ax.plot(*faulty.true(name), color="black", lw=0.8, ls=":", label="truth with the fault")
    else:
        ax.plot(*well.true(name), color=figures.GREY, lw=0.8, label="healthy")
        ax.plot(*faulty.true(name), color=figures.ORANGE, lw=0.9, label="with the fault")
    ax.axvline(ONSET_H, color="black", lw=0.5)
    ax.set_title(UNITS[name] if well.measured(name) else f"{UNITS[name]}, true")
    ax.set_xlabel("hours")


def signature(kind: str, well: Run) -> Path:
    """One fault beside the healthy run of the same seed."""
    how = SIGNATURES[kind]
    fault = {"kind": kind, "at_h": ONSET_H, "size": how.size, "ramp_h": how.ramp_h}
    fault |= {"tag": how.tag, "other": how.other}
    faulty = run(how.hours, 120.0, start_h=how.age_h, faults=[fault], kind=how.vessel, recipe=how.recipe)
    figure, axes = figures.pyplot().subplots(
        1, len(how.shown), figsize=(2.6 * len(how.shown), 2.2), layout="constrained"
    )
    for ax, name in zip(axes, how.shown, strict=True):
        _panel(ax, name, faulty, well)
    handles = {label: h for ax in axes for h, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, fontsize=7)
    return figures.save(figure, f"fault-{kind}")


def _section(kind: str) -> str:
    fault, how = FAULTS[kind], SIGNATURES[kind]
    size = fault.size if how.size is None else how.size
    unit = {"tag": "in the unit of the tag", "1": ""}.get(fault.unit, fault.unit)
    told = [f"size {size:g} {unit}".rstrip() if fault.unit else ""]
    told += [f"over {how.ramp_h:g} h" if how.ramp_h else "", f"on {how.tag}" if how.tag else ""]
    told += [f"to blame: {fault.verdict}"]
    return (
        f"### {kind}\n\n{fault.explanation} ({', '.join(part for part in told if part)}.)\n\n"
        f"![{kind}](plots/fault-{kind}.png)\n"
    )


def page(kinds: Sequence[str]) -> str:
    """Text of the page."""
    return f"""# The plant in pictures

Made by `make plots` from the plant itself; [the plant](plant.md) says what is modelled and from which
sources. Every run has seed {SEED}.

## A healthy batch at two scales

True values over eleven days of one culture without variability, at 2 L (line) and at 2,000 L (dashed). The
biology is the same. The large vessel has the better transfer coefficient, but both take the same gas flow
for their volume, and CO2 leaves no faster than the gas carries it: so the broths almost coincide.
The pO2 creeps up because the loop follows a probe that loses half a percent a day; its single peak is
the moment at which pure oxygen first joins the air.

![healthy batch](plots/healthy.png)

## Perfusion

Twenty days of the packaged scenario `perfusion` (2 L, 1.5 vessel volumes a day from the third day). The bleed
follows one count of cells a day, with its scatter, to hold 20e6/mL (dotted); the filter lets less and
less of the product pass (dashed: the titre of the harvest).

![perfusion](plots/perfusion.png)

## E. coli

The packaged scenario `ecoli_fedbatch`: ten grams of glucose a litre, the leap of pO2 that starts the feed
(second dotted line), exponential feeding, and from 27 h on a feed held where air and stirrer can follow.
Acetate is made while sugar is plenty and eaten later.

![E. coli](plots/ecoli.png)

## Cleaning, steaming, preparing

The first day of the packaged scenario `turnaround` (200 L): CIP, SIP, fresh medium and calibration,
inoculation, growth.

![turnaround](plots/turnaround.png)

## Real cultures

What the kinetics foretell of each condition of the public NISTCHO data with their four fitted parameters
estimated on the other conditions (`python -m benchmarks.nistcho_fit`; it needs the data). Figures and
limits are [on the plant's page](plant.md#against-real-cultures).

![NISTCHO](plots/nistcho.png)

## Faults

A 2 L fed-batch on its sixth day (for the fouled retention a perfusion on its ninth, for the trapped air a
vessel that is steamed after the harvest); the fault begins at the thin line, {ONSET_H:g} h. Grey: the healthy
run of the same seed, which is the same to the last bit until then. Orange: what the transmitters say with
the fault. Dotted: what is true in the broth with the fault; even a healthy probe is a little off it. Panels
marked "true" show what no probe measures.

{chr(10).join(_section(kind) for kind in kinds)}"""


def main() -> None:
    """Draw everything and write the page."""
    print(healthy())
    print(perfusion())
    print(ecoli())
    print(turnaround())
    well: dict[tuple[Any, ...], Run] = {}
    for kind in FAULTS:
        how = SIGNATURES[kind]
        key = (how.vessel, how.age_h, how.hours, *how.recipe.items())
        if key not in well:
            well[key] = run(how.hours, 120.0, start_h=how.age_h, kind=how.vessel, recipe=how.recipe)
        print(signature(kind, well[key]))
    PAGE.write_text(page(list(FAULTS)), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
