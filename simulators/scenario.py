"""Scenario files: which vessels run, for how long, and what goes wrong in them."""

import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulators.faults import CROSSED, FAULTS, HEADING, FaultKind, place
from simulators.parameters import names
from simulators.probes import CHANNELS, MEASURED, OUTLETS
from twin.domain.errors import ConfigError

ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
"""Identity of a vessel: it stands in topics, node ids and file names."""
COUNTER = r"\{n(?::0([1-9])d)?\}"
"""Where a fleet counts its vessels: ``{n}``, or ``{n:03d}`` for a fixed width."""


def _counted(n: int) -> Callable[[re.Match[str]], str]:
    return lambda found: f"{n:0{found[1] or 1}d}"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FaultSpec(_Strict):
    """One fault.

    Parameters
    ----------
    kind : str
        One of `simulators.faults.FAULTS`.
    at_h : float
        Onset, hours after the wires open [h].
    size : float or None
        In the kind's unit; None for its reference size.
    ramp_h : float or None
        Time to full size [h]; for drifts the time the drift lasts before its bias stays. None: a step,
        and for drifts no bound.
    end_h : float or None
        When it is over and gone [h].
    tag : str or None
        Tag name, where the kind leaves it open.
    other : str or None
        The second tag of ``crossed_channels``.
    """

    kind: str
    at_h: float = Field(ge=0)
    size: float | None = None
    ramp_h: float | None = Field(default=None, gt=0)
    end_h: float | None = None
    tag: str | None = None
    other: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.kind not in FAULTS:
            raise ValueError(f"kind {self.kind!r} is not known; one of: {', '.join(sorted(FAULTS))}")
        kind = FAULTS[self.kind]
        if kind.tag is None and self.tag is None:
            raise ValueError(f"kind {self.kind!r} needs `tag`, one of: {', '.join(CHANNELS)}")
        if self.tag is not None and kind.on_plant and not kind.choices:
            raise ValueError(f"kind {self.kind!r} takes no `tag`; it concerns {kind.tag}")
        place(self.kind, self.tag)
        self._check_other(kind)
        if self.size is not None and kind.unit == "fraction" and abs(self.size) > 1.0:
            raise ValueError(f"size {self.size:g} came; {self.kind} is a fraction, -1 to 1 would do")
        if kind.action == HEADING and self.magnitude <= 0.0:
            raise ValueError(f"size {self.magnitude:g} came; {self.kind} takes a time above 0 [s]")
        if self.end_h is not None and self.end_h <= self.at_h:
            raise ValueError(f"end_h {self.end_h} is not after at_h {self.at_h}")
        return self

    def _check_other(self, kind: FaultKind) -> None:
        if kind.action != CROSSED:
            if self.other is not None:
                raise ValueError(f"kind {self.kind!r} takes no `other`")
        elif self.other not in MEASURED or self.other == self.concerns:
            known = ", ".join(MEASURED)
            raise ValueError(f"kind {self.kind!r} needs `other`, a second tag; one of: {known}")

    @property
    def magnitude(self) -> float:
        """Size in the kind's unit."""
        return FAULTS[self.kind].size if self.size is None else self.size

    @property
    def concerns(self) -> str:
        """Name of the tag it concerns."""
        return self.tag or FAULTS[self.kind].tag or ""

    @property
    def of_perfusion(self) -> bool:
        """Whether it is about something that only a perfused vessel has."""
        return self.kind == "retention_fouling" or not {self.tag, self.other}.isdisjoint(OUTLETS)


class Recipe(_Strict):
    """When the phases begin, in hours of vessel age; None for a phase that never comes.

    Vessel and culture are of one age unless `inoculate_h` is more than 0. CIP and SIP come before
    `prepare_h`, or after the harvest.
    """

    prepare_h: float | None = Field(default=None, ge=0)
    """fresh medium is filled in, the probes are calibrated"""
    inoculate_h: float = Field(default=0.0, ge=0)
    grow_h: float = 4.0
    feed_start_h: float = 48.0
    shift_h: float | None = None
    shift_temperature: float = 33.0
    harvest_h: float = 336.0
    cip_h: float | None = Field(default=None, ge=0)
    sip_h: float | None = Field(default=None, ge=0)
    sip_temperature: float = Field(default=122.0, ge=121.1, le=130)
    sip_minutes: float = Field(default=20.0, gt=0)
    """least time at 121.1 °C or more by the temperature probe"""
    sip_f0: float = Field(default=15.0, gt=0)
    """least F0 by the temperature probe [min]"""
    glucose_target: float = Field(default=4.5, gt=0)
    """glucose the daily feed decision aims at [g/L]"""
    feed_ml_h: float | None = Field(default=None, ge=0)
    """a constant feed instead of the daily decision [mL/h]"""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        cleaned = [at for at in (self.cip_h, self.sip_h) if at is not None]
        if cleaned != sorted(cleaned):
            raise ValueError("cip_h comes before sip_h")
        if self.prepare_h is not None and self.prepare_h > self.inoculate_h:
            raise ValueError("prepare_h comes before inoculate_h")
        ready = self.inoculate_h if self.prepare_h is None else self.prepare_h
        for at in cleaned:
            if self.prepare_h is None and at < self.harvest_h:
                raise ValueError("cip_h and sip_h before the harvest need prepare_h, for the medium")
            if ready <= at < self.harvest_h:
                raise ValueError("cip_h and sip_h come before prepare_h or after harvest_h")
        return self


class Laboratory(_Strict):
    """How samples are drawn and assayed."""

    every_h: float = Field(default=24.0, ge=0.1)
    jitter_h: float = Field(default=1.0, ge=0)
    missing: float = Field(default=0.05, ge=0, lt=1)
    noise: float = Field(default=1.0, ge=0)
    """factor on every assay's scatter"""
    also: tuple[Literal["glutamine", "osmolality", "pO2_lab"], ...] = ()
    """assays beside the usual ones; glutamine of CHO vessels only"""
    adjust_pH: float | None = Field(default=None, gt=0)  # noqa: N815
    """the pH probe is adjusted to the sample when they differ by more than this; null: never"""


class SetPoints(_Strict):
    """What the controllers hold at the start."""

    pH: float = Field(default=7.05, ge=4, le=9)  # noqa: N815
    pO2: float = Field(default=40.0, ge=0, le=200)  # noqa: N815
    temperature: float = Field(default=36.8, ge=4, le=60)


class Perfusion(_Strict):
    """How a vessel of kind ``cho_perfusion`` is perfused, from `Recipe.feed_start_h` on."""

    rate_vvd: float = Field(default=1.5, gt=0, le=4)
    """fresh medium [vessel volumes a day]"""
    cells: float = Field(default=20.0, gt=0)
    """viable cells the bleed holds [1e6/mL]"""


class Microbial(_Strict):
    """How a vessel of kind ``ecoli_fedbatch`` is fed."""

    growth_rate: float = Field(default=0.12, gt=0, le=0.5)
    """of the exponential feed [1/h]"""
    earliest_feed_h: float = Field(default=4.0, ge=0)
    """the feed begins when pO2 leaps up because the sugar is gone, not before this culture age [h]"""
    yield_g: float = Field(default=0.42, gt=0)
    """dry cells the feed is reckoned with [g per g glucose]"""
    guard: bool = True
    """hold the feed back while stirrer and air are at their ends and pO2 is below half its set point"""


Kind = Literal["cho_fedbatch", "cho_perfusion", "ecoli_fedbatch"]


class Fleet(_Strict):
    """Many vessels of one description; `{n}` or `{n:03d}` in `id` counts from 1."""

    count: int = Field(ge=1, le=10_000)
    id: str = "R{n}"


class VesselScenario(_Strict):
    """One vessel (or, with `fleet`, many) and what happens to it."""

    id: str = ""
    fleet: Fleet | None = None
    kind: Kind = "cho_fedbatch"
    volume_l: float = Field(default=2.0, ge=0.05, le=50_000)
    batch: str = ""
    start_h: float = Field(default=0.0, ge=0, le=5_000)
    """culture age when the wires open [h]"""
    parameters: dict[str, float] = Field(default_factory=dict)
    variability: bool = True
    """draw this batch's own clone and medium"""
    disturbance: float = Field(default=0.01, ge=0, le=1)
    """slow relative noise of growth, respiration, lactate and kLa (standard deviation)"""
    set_points: SetPoints = SetPoints()
    recipe: Recipe = Recipe()
    perfusion: Perfusion = Perfusion()
    microbial: Microbial = Microbial()
    laboratory: Laboratory = Laboratory()
    faults: tuple[FaultSpec, ...] = ()
    wires: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.id) == bool(self.fleet):
            raise ValueError("a vessel needs either `id` or `fleet`")
        unknown = sorted(set(self.parameters) - set(names()))
        if unknown:
            raise ValueError(f"parameters not known: {', '.join(unknown)}")
        alien = self.perfusion != Perfusion() or any(f.of_perfusion for f in self.faults)
        if alien and not self.perfused:
            about = ", ".join(OUTLETS)
            raise ValueError(f"perfusion, retention_fouling, {about} need `kind: cho_perfusion`")
        if any(f.kind == "trapped_air" for f in self.faults) and not self.steamed:
            raise ValueError("trapped_air needs `recipe.sip_h`")
        if self.is_microbial and "glutamine" in self.laboratory.also:
            raise ValueError("laboratory.also: glutamine is assayed in CHO vessels only")
        if self.is_microbial and any(f.kind == "contamination" for f in self.faults):
            raise ValueError("contamination is of CHO cultures; one bacterium among others is not modelled")
        if self.microbial != Microbial() and not self.is_microbial:
            raise ValueError("microbial needs `kind: ecoli_fedbatch`")
        return self

    @property
    def steamed(self) -> bool:
        """Whether it is steamed in place."""
        return self.recipe.sip_h is not None

    @property
    def is_microbial(self) -> bool:
        """Whether bacteria live in it."""
        return self.kind == "ecoli_fedbatch"

    @property
    def perfused(self) -> bool:
        """Whether fresh medium flows through it."""
        return self.kind == "cho_perfusion"

    def members(self) -> tuple["VesselScenario", ...]:
        """The vessel itself, or every one of the fleet."""
        if self.fleet is None:
            return (self,)
        ids = (re.sub(COUNTER, _counted(n), self.fleet.id) for n in range(1, self.fleet.count + 1))
        return tuple(
            self.model_copy(update={"id": i, "fleet": None, "batch": f"{self.batch}{i}"}) for i in ids
        )


class OnChange(_Strict):
    """Transmitters that speak when something has changed; `Scenario.period_s` is how often they look."""

    steps: float = Field(default=1.0, gt=0)
    """a value this many steps of its resolution away is sent"""
    longest_s: float = Field(default=60.0, gt=0)
    """a value that stands still is sent again after this time [s]"""


class Scenario(_Strict):
    """A run of the plant. `vessels` has fleets already written out."""

    schema_: Literal[1] = Field(alias="schema")
    id: str
    title: dict[Literal["en", "fr"], str]
    seed: int = Field(default=1, ge=0)
    start: AwareDatetime | None = None
    """when the wires open; null: now for the wires, 2026-01-01T00:00:00Z for files"""
    duration_h: float = Field(gt=0, le=20_000)
    period_s: float = Field(default=60.0, gt=0, le=3600)
    on_change: OnChange | None = None
    """null: every value is sent"""
    speed: float = Field(default=1.0, gt=0)
    vessels: tuple[VesselScenario, ...]

    @model_validator(mode="after")
    def _expand(self) -> Self:
        if not self.vessels:
            raise ValueError("vessels: at least one is needed")
        members = tuple(m for vessel in self.vessels for m in vessel.members())
        if self.start is not None and not 2000 <= self.start.year < 2100:
            raise ValueError(f"start {self.start.isoformat()}: a year from 2000 to 2099 would do")
        ids = [m.id for m in members]
        strange = [i for i in ids if not re.fullmatch(ID, i)]
        if strange:
            raise ValueError(f"vessel id {strange[0]!r} is none; letters, digits, _ and - would do")
        twice = sorted({i for i in ids if ids.count(i) > 1}) if len(set(ids)) < len(ids) else []
        if twice:
            raise ValueError(f"vessel ids used twice: {', '.join(twice)}")
        self._check_begins(members)
        object.__setattr__(self, "vessels", members)
        return self

    def _check_begins(self, members: tuple[VesselScenario, ...]) -> None:
        """Refuse a fault that begins when the run is over: nobody would see it."""
        for member in members:
            for fault in member.faults:
                if fault.at_h >= self.duration_h:
                    raise ValueError(
                        f"vessel {member.id}: {fault.kind} begins at {fault.at_h:g} h and the run ends after "
                        f"{self.duration_h:g} h; an earlier at_h or a longer duration_h would do"
                    )

    def vessel(self, vessel_id: str) -> VesselScenario:
        """The vessel of that id.

        Raises
        ------
        ConfigError
            When there is none.
        """
        for member in self.vessels:
            if member.id == vessel_id:
                return member
        raise ConfigError(f"scenario {self.id}: no vessel {vessel_id!r}")


def packaged(name: str) -> Traversable:
    """A scenario that comes with the package, by its name without ``.yaml``.

    Raises
    ------
    ConfigError
        When there is none of that name.
    """
    folder = files("seeds") / "scenarios"
    found = folder / f"{name}.yaml"
    if not found.is_file():
        known = sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
        raise ConfigError(f"no scenario {name!r} in the package; there are: {', '.join(known)}")
    return found


def _listed(path: Path | Traversable, error: ValidationError) -> str:
    lines = [f"{path}: {error.error_count()} fault(s)"]
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"]) or "file"
        came = "" if isinstance(fault["input"], Mapping) else f" (got {fault['input']!r})"
        keys = fault["type"] == "model_type"
        what = "keys with their values would do" if keys else fault["msg"].removeprefix("Value error, ")
        lines.append(f"  {where}: {what}{came}")
    return "\n".join(lines)


def load_scenario(path: Path | Traversable) -> Scenario:
    """Read and check a scenario file.

    Raises
    ------
    ConfigError
        With every fault of the file, one a line.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: can not be read ({error.strerror}); give the path of a scenario file"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: is not YAML: {' '.join(str(error).split())[:300]}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: is nested too deeply; a scenario needs five levels") from error
    try:
        return Scenario.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(_listed(path, error)) from error
