"""Campaign files: which simulated batches score the twin, on which seeds, with which faults."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulators.batch import stream
from simulators.faults import FAULTS
from simulators.parameters import PARAMETERS, of_kind, scaled
from simulators.scenario import FaultSpec, Kind, Recipe, Scenario
from twin.domain.errors import ConfigError
from twin.service.build import Faults
from twin.service.yaml_file import read_yaml

TUNED: Final = range(1000, 2000)
"""Seeds the model's thresholds were set on; never scored on."""
REACH: Final = 1.5
"""The extra spread is cut at this many standard deviations (chosen default)."""
VESSEL: Final = "R101"
"""The vessel of the campaign's line that is scored."""


def _seeds(text: str) -> str:
    first, _, last = text.partition("..")
    if not (first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise ValueError("two numbers such as 5200..5399 would do, the smaller first")
    return text


def _range(text: str) -> range:
    first, _, last = text.partition("..")
    return range(int(first), int(last) + 1)


SeedRange = Annotated[str, AfterValidator(_seeds)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SeedsSection(_Strict):
    """Seeds used up for tuning and seeds to score on, each ``"first..last"``."""

    tuning: SeedRange
    scoring: SeedRange

    @property
    def pool(self) -> range:
        """Seeds to score on, in the order in which they are used."""
        return _range(self.scoring)

    @model_validator(mode="after")
    def _disjoint(self) -> "SeedsSection":
        for tuned in (TUNED, _range(self.tuning)):
            if self.pool.start < tuned.stop and tuned.start < self.pool.stop:
                raise ValueError(
                    f"scoring seeds {self.scoring} touch the tuning seeds {tuned.start}..{tuned.stop - 1}; "
                    "a score on them would flatter; give seeds nobody has looked at"
                )
        return self


class SpreadSection(_Strict):
    """What differs between batches beyond clone and medium: standard deviations of logarithms [1]."""

    kLa: float = Field(default=0.0, ge=0, le=1)  # noqa: N815
    oxygen_uptake: float = Field(default=0.0, ge=0, le=1)


FOUR_PROBES: Final = frozenset({"pH", "pO2", "pCO2", "conductivity", "temperature", "weight"})
"""On-line tags of the suite `four_probes`; laboratory results come as in the full one."""


class BaseSection(_Strict):
    """Settings of every batch; a fault or a healthy group may have its own length and start."""

    kind: Kind = "cho_fedbatch"
    hours: float = Field(gt=0, le=1000)
    start_h: float = Field(default=72.0, ge=0)
    period_s: float = Field(default=60.0, gt=0, le=600)
    volume_l: float = Field(default=2.0, ge=2, le=2000)
    spread: SpreadSection = SpreadSection()
    suite: Literal["full", "four_probes"] = "full"
    """which on-line tags the vessel of the line has"""
    silent: list[str] = []
    """tags the line names but from which nothing ever comes"""
    no_assays_h: tuple[float, float] | None = None
    """samples drawn between these hours after the wires open are lost"""
    parameters: dict[str, float] = {}
    """of the twin's model, beside and before those of the line, such as `false_alarm_interval_h`"""

    @model_validator(mode="after")
    def _fits_kind(self) -> "BaseSection":
        if self.kind == "ecoli_fedbatch" and self.spread.oxygen_uptake:
            raise ValueError("spread.oxygen_uptake has no meaning for kind ecoli_fedbatch; leave it out")
        return self


class HealthySection(_Strict):
    """Batches in which nothing is wrong."""

    batches: int = Field(ge=1)
    hours: float | None = Field(default=None, gt=0, le=1000)
    start_h: float | None = Field(default=None, ge=0)


def _texts(error: ValidationError) -> str:
    """What pydantic found, without its own words, in one line."""
    return "; ".join(fault["msg"].removeprefix("Value error, ") for fault in error.errors())


class FaultSection(_Strict):
    """One kind of fault at one or more sizes; its onset is drawn from each batch's seed."""

    kind: str
    sizes: list[float] = Field(default=[], max_length=20)
    """in the kind's unit; empty: its reference size"""
    tag: str | None = None
    batches: int = Field(ge=1)
    onset_h: tuple[float, float]
    """earliest and latest, after the wires open [h]"""
    hours: float | None = Field(default=None, gt=0, le=1000)
    start_h: float | None = Field(default=None, ge=0)
    also: str | None = None
    """a second kind of fault with the same onset, at its reference size"""
    also_tag: str | None = None

    @model_validator(mode="after")
    def _known(self) -> "FaultSection":
        if not 0 <= self.onset_h[0] <= self.onset_h[1]:
            raise ValueError(f"onset_h {self.onset_h}: two hours would do, the earlier first")
        at_h = self.onset_h[0]
        try:
            FaultSpec(kind=self.kind, at_h=at_h, tag=self.tag)
            for size in self.sizes:
                FaultSpec(kind=self.kind, at_h=at_h, tag=self.tag, size=size)
            if self.also is not None:
                FaultSpec(kind=self.also, at_h=at_h, tag=self.also_tag)
        except ValidationError as error:
            raise ValueError(_texts(error)) from None
        self._check_sizes()
        return self

    def _check_sizes(self) -> None:
        """Refuse a fault that is none: it would be scored as missed."""
        kind = FAULTS[self.kind]
        if kind.needs_size and 0.0 in self.sizes:
            raise ValueError(
                f"size 0 came; {self.kind} of size 0 [{kind.unit}] is none and would be scored as missed; "
                f"a size such as {kind.size:g} would do, or batches under `healthy`"
            )

    @property
    def magnitudes(self) -> list[float]:
        """The sizes asked for, or the reference size."""
        return self.sizes or [FAULTS[self.kind].size]


class Campaign(_Strict):
    """A whole campaign file."""

    version: Literal[1] = Field(alias="schema")
    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    line: str = "demo"
    """packaged line, or line file, whose vessel R101 (tags, limits, model) follows every batch"""
    seeds: SeedsSection
    base: BaseSection
    healthy: list[HealthySection] = []
    faults: list[FaultSection] = []


@dataclass(frozen=True, slots=True)
class Plan:
    """One batch of a campaign.

    Parameters
    ----------
    seed : int
    hours, start_h : float
        How long it is followed, and the culture's age when that begins [h].
    fault : FaultSpec or None
        What goes wrong in it; None in a healthy batch.
    also : FaultSpec or None
        What goes wrong at the same time.
    """

    seed: int
    hours: float
    start_h: float
    fault: FaultSpec | None
    also: FaultSpec | None = None

    @property
    def faults(self) -> tuple[FaultSpec, ...]:
        """Everything that goes wrong in it."""
        return tuple(f for f in (self.fault, self.also) if f)


def load_campaign(path: Path | Traversable) -> Campaign:
    """Read and check a campaign file.

    Raises
    ------
    ConfigError
        With every fault found, one a line.
    """
    raw = read_yaml(path)
    faults = Faults()
    campaign = _validated(raw, faults)
    if campaign is not None:
        _check_whole(campaign, faults)
    if campaign is None or faults.found:
        raise ConfigError("\n".join(f"{path}: {fault}" for fault in faults.found))
    return campaign


def _validated(raw: Any, faults: Faults) -> Campaign | None:
    try:
        return Campaign.model_validate(raw)
    except ValidationError as error:
        faults.add_validation("", error)
        return None


def _check_whole(campaign: Campaign, faults: Faults) -> None:
    """What one section alone can not know."""
    for i, f in enumerate(campaign.faults):
        hours = f.hours or campaign.base.hours
        if round(f.onset_h[1], 3) >= hours:
            faults.add(f"faults.{i}.onset_h", f"{f.onset_h[1]:.6g} h is not before the end, {hours:g} h")
        else:
            _check_plant(campaign, i, faults)
    wanted, there = len(list(_batches(campaign))), len(campaign.seeds.pool)
    if wanted == 0:
        faults.add("", "no batch is asked for; give `healthy` or `faults`")
    if wanted > there:
        faults.add("seeds.scoring", f"{there} seeds for {wanted} batches; each batch needs one of its own")


def _check_plant(campaign: Campaign, i: int, faults: Faults) -> None:
    """Whether the plant can have this fault: the scenario of one batch says so, as it does of all."""
    about = campaign.faults[i]
    try:
        scenario_of(
            _plan(campaign.base, campaign.seeds.pool.start, about, about.magnitudes[0]), campaign.base
        )
    except ValidationError as error:
        faults.add(f"faults.{i}", f"{about.kind} on {campaign.base.kind}: {_texts(error)}")


def plans(campaign: Campaign) -> list[Plan]:
    """Every batch, in the order of the file; each takes the next scoring seed."""
    asked = zip(campaign.seeds.pool, _batches(campaign), strict=False)
    return [_plan(campaign.base, seed, *about) for seed, about in asked]


def _batches(campaign: Campaign) -> Iterator[tuple[HealthySection | FaultSection, float | None]]:
    for group in campaign.healthy:
        yield from [(group, None)] * group.batches
    for fault in campaign.faults:
        for size in fault.magnitudes:
            yield from [(fault, size)] * fault.batches


def _plan(base: BaseSection, seed: int, about: HealthySection | FaultSection, size: float | None) -> Plan:
    start_h = base.start_h if about.start_h is None else about.start_h
    fault = _fault(about, seed, size) if isinstance(about, FaultSection) else None
    also = None
    if fault and isinstance(about, FaultSection) and about.also:
        also = FaultSpec(kind=about.also, at_h=fault.at_h, tag=about.also_tag)
    return Plan(seed, about.hours or base.hours, start_h, fault, also)


def _fault(about: FaultSection, seed: int, size: float | None) -> FaultSpec:
    at_h = round(float(stream(seed, "onset").uniform(*about.onset_h)), 3)
    return FaultSpec(kind=about.kind, at_h=at_h, size=size, tag=about.tag)


def scenario_of(plan: Plan, base: BaseSection) -> Scenario:
    """What the plant is told; the twin sees nothing of it but the readings.

    A culture is not harvested before it is followed to its end.
    """
    end_h = max(plan.start_h + plan.hours, Recipe().harvest_h)
    vessel = {
        "id": VESSEL,
        "kind": base.kind,
        "volume_l": base.volume_l,
        "start_h": plan.start_h,
        "parameters": _spread(plan.seed, base),
        "recipe": {"harvest_h": end_h},
        "faults": [fault.model_dump() for fault in plan.faults],
    }
    title = {"en": f"Batch of seed {plan.seed}", "fr": f"Lot du germe {plan.seed}"}
    whole = {"schema": 1, "id": "campaign", "title": title, "seed": plan.seed, "duration_h": plan.hours}
    return Scenario.model_validate({**whole, "period_s": base.period_s, "vessels": [vessel]})


def _spread(seed: int, base: BaseSection) -> dict[str, float]:
    draw = np.clip(stream(seed, "spread").standard_normal(2), -REACH, REACH)
    kla, uptake = np.exp(draw * (base.spread.kLa, base.spread.oxygen_uptake)).tolist()
    found = {}
    if base.spread.kLa:
        usual = scaled(base.volume_l) | of_kind(base.kind, base.volume_l)
        found["kla_slope"] = usual["kla_slope"] * kla
    if base.spread.oxygen_uptake:
        found["q_o2"] = PARAMETERS["q_o2"].value * uptake
    return found


def line_path(campaign: Campaign) -> Path | Traversable:
    """Where the campaign's line is: a packaged name, else a path."""
    return _packaged("lines", campaign.line)


def campaign_path(name: str) -> Path | Traversable:
    """Where a campaign is: a packaged name such as ``quick``, else a path."""
    return _packaged("campaigns", name)


def _packaged(folder: str, name: str) -> Path | Traversable:
    found = files("seeds") / folder / f"{name}.yaml"
    return found if "/" not in name and found.is_file() else Path(name)
