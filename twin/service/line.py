"""The line file: what a line consists of, as written in YAML by its engineers."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from twin.domain.asset import Form, Origin
from twin.domain.quantity import UNITS, unit_is_known
from twin.domain.registry import USE
from twin.domain.tag import TagKind

Text = dict[Literal["en", "fr"], str]
ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""An identity: it stands in topics, addresses and file names."""
LARGEST_L = 10_000_000.0
"""Largest volume of a batch [L] (chosen default, several times the largest fermenter ever built)."""
Phase = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
"""Name of a phase of a recipe."""
MOST_VESSELS = 10_000
"""Vessels of one fleet (chosen default)."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Between which a batch may start."""


class Strict(BaseModel):
    """A section in which a misspelt key is a fault."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, allow_inf_nan=False)


class LimitsSection(Strict):
    """Alarm limits of a tag, in its unit."""

    low_low: float | None = None
    low: float | None = None
    high: float | None = None
    high_high: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "LimitsSection":
        given = [v for v in (self.low_low, self.low, self.high, self.high_high) if v is not None]
        if given != sorted(given):
            raise ValueError("limits must rise from low_low over low and high to high_high")
        return self


class TagSection(Strict):
    """One tag of a tag set; fields as in `twin.domain.tag.Tag`."""

    name: str = Field(pattern=ID)
    quantity: str
    unit: str
    low: float
    high: float
    accuracy: float = Field(gt=0)
    period_s: float = Field(default=60.0, gt=0)
    silence_s: float = Field(default=300.0, gt=0)
    kind: TagKind = TagKind.ONLINE
    instrument: str = ""
    limits: LimitsSection = LimitsSection()
    deadband: float = Field(default=0.0, ge=0)
    on_delay_s: float = Field(default=180.0, ge=0, le=86_400)
    off_delay_s: float = Field(default=0.0, ge=0, le=86_400)
    latching: bool = False
    like: str = ""

    @field_validator("quantity")
    @classmethod
    def _known(cls, quantity: str) -> str:
        if quantity not in UNITS:
            raise ValueError(f"quantity {quantity!r} is not known; known are {', '.join(UNITS)}")
        return quantity

    @model_validator(mode="after")
    def _fits(self) -> "TagSection":
        if not unit_is_known(self.quantity, self.unit):
            would_do = ", ".join(UNITS.get(self.quantity, ()))
            raise ValueError(f"unit {self.unit!r} does not fit {self.quantity}; {would_do} would do")
        if not self.low < self.high:
            raise ValueError(f"low {self.low} must be below high {self.high}")
        if self.kind is TagKind.ONLINE and self.silence_s < self.period_s:
            raise ValueError(
                f"silence_s {self.silence_s:g} is shorter than period_s {self.period_s:g}; "
                "several periods would do"
            )
        self._limits_can_be_passed()
        return self

    def _limits_can_be_passed(self) -> None:
        for name, limit in self.limits.model_dump().items():
            if limit is not None and not self.low <= limit <= self.high:
                raise ValueError(f"limit {name} {limit} lies outside the range {self.low} to {self.high}")


class TagUse(Strict):
    """A tag set by name, and what is different here."""

    use: str
    override: dict[str, dict[str, Any]] = {}
    only: list[str] | None = Field(default=None, min_length=1)


class ProcessSection(Strict):
    """Process model of a vessel and values that replace its defaults."""

    kind: str
    parameters: dict[str, float] = {}
    model: str = ""

    @field_validator("model")
    @classmethod
    def _named(cls, model: str) -> str:
        return _model_use(model)

    @model_validator(mode="after")
    def _one_place(self) -> "ProcessSection":
        if self.model and self.parameters:
            raise ValueError("parameters come from the registry when model is named; leave one of them out")
        return self


class NormalSection(Strict):
    """What was learnt from good runs, by its name in the registry."""

    model: str = Field(min_length=1)

    @field_validator("model")
    @classmethod
    def _named(cls, model: str) -> str:
        return _model_use(model)


def _model_use(model: str) -> str:
    if model and not USE.fullmatch(model):
        raise ValueError("NAME for the approved version, or NAME@VERSION for a pinned one, would do")
    return model


class ModelsSection(Strict):
    """How models are approved."""

    two_persons: bool = True


class BatchSection(Strict):
    """The batch in the vessel; fields as in `twin.domain.batch.Batch`."""

    id: str
    start: datetime | None = None
    volume_l: float = Field(default=1.0, gt=0)
    cells: float = Field(default=0.0, ge=0)
    duration_h: float = Field(default=336.0, gt=0)

    @field_validator("volume_l")
    @classmethod
    def _holds(cls, volume_l: float) -> float:
        if not volume_l <= LARGEST_L:
            raise ValueError(
                f"{volume_l:g} L is more than any vessel holds; litres up to {LARGEST_L:,.0f} would do"
            )
        return volume_l

    @field_validator("start")
    @classmethod
    def _zoned(cls, start: datetime | None) -> datetime | None:
        if start is not None and start.tzinfo is None:
            raise ValueError("start needs a time zone, such as 2026-11-22T08:00:00Z")
        if start is not None and not EARLIEST <= start < LATEST:
            raise ValueError(f"start must lie from {EARLIEST.year} to {LATEST.year}")
        return start


class FleetSection(Strict):
    """Many equal vessels: one for each key."""

    keys: list[str | int] | str
    id: str = "{key}"

    @field_validator("id")
    @classmethod
    def _one_field(cls, text: str) -> str:
        rest = text.replace("{key}", "")
        if "{key}" not in text or "{" in rest or "}" in rest:
            raise ValueError("id needs {key} once or more and no other field, such as R{key}")
        return text

    @model_validator(mode="after")
    def _some(self) -> Self:
        names = self.names()
        strange = [name for name in names if not re.fullmatch(ID, name)]
        if strange:
            raise ValueError(f"id {strange[0]!r} is none; letters, digits, _ and - would do")
        return self

    def names(self) -> list[str]:
        """Vessel ids in order; ``"0..47"`` counts."""
        return [self.id.replace("{key}", str(key)) for key in self._keys()]

    def _keys(self) -> Sequence[str | int]:
        if not isinstance(self.keys, str):
            if not 0 < len(self.keys) <= MOST_VESSELS:
                raise ValueError(f"keys: {len(self.keys)} came; 1 to {MOST_VESSELS} would do")
            return self.keys
        first, _, last = self.keys.partition("..")
        if not (re.fullmatch("[0-9]{1,9}", first) and re.fullmatch("[0-9]{1,9}", last)):
            raise ValueError(f"keys {self.keys!r}: a list, or two numbers such as 0..47, would do")
        found = range(int(first), int(last) + 1)
        if not 0 < len(found) <= MOST_VESSELS:
            raise ValueError(f"keys {self.keys!r} are {len(found)} vessels; 1 to {MOST_VESSELS} would do")
        return found


class PhasesSection(Strict):
    """How the phase of a vessel is known; fields as in `twin.domain.phase.Phases`."""

    tag: str = ""
    names: dict[int, Phase] = {}
    hours: dict[Phase, float] = {}
    ends: list[Phase] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.tag) == bool(self.hours):
            raise ValueError("a phase is known either by tag with names, or by hours of batch age")
        if bool(self.tag) != bool(self.names):
            raise ValueError("tag and names belong together, such as names: {1: cip, 2: sip, 3: grow}")
        known = {*self.names.values(), *self.hours}
        strange = [each for each in self.ends or () if each not in known]
        if strange:
            raise ValueError(
                f"ends: {strange[0]!r} is none of its phases; there are {', '.join(sorted(known))}"
            )
        return self


class SuppressSection(Strict):
    """Alarms that are suppressed by design in some phases."""

    phases: list[str] = Field(min_length=1)
    kinds: list[str] = Field(default=["*"], min_length=1)
    tags: list[str] = Field(default=["*"], min_length=1)


class VesselSection(Strict):
    """One vessel, or a fleet of equal ones."""

    id: str | None = Field(default=None, pattern=ID)
    fleet: FleetSection | None = None
    name: Text = {}
    process: ProcessSection | None = None
    normal: Annotated[
        Annotated[str, Tag("[text]")] | Annotated[NormalSection, Tag("[section]")],
        Discriminator(lambda found: "[text]" if isinstance(found, str) else "[section]"),
    ] = ""
    batch: BatchSection | None = None
    form: Form = Form.VESSEL
    feeds: list[str] = []
    phases: PhasesSection | None = None
    suppress: list[SuppressSection] = []
    tags: Annotated[
        Annotated[TagUse, Tag("[use]")] | Annotated[list[TagSection], Field(min_length=1), Tag("[list]")],
        Discriminator(lambda found: "[list]" if isinstance(found, list) else "[use]"),
    ]

    @model_validator(mode="after")
    def _one_of(self) -> "VesselSection":
        if (self.id is None) == (self.fleet is None):
            raise ValueError("a vessel has either an id or a fleet")
        return self


class ClockSection(Strict):
    """An accelerated clock, for simulated lines only."""

    origin: datetime
    wall: datetime | None = None
    speed: float = Field(gt=0, le=100_000)


class SubscriberSection(Strict):
    """Who wants to hear of what, by which route."""

    id: str = Field(pattern=ID)
    language: Literal["en", "fr"] = "en"
    assets: list[str] = ["*"]
    kinds: list[str] = ["*"]
    notifier: dict[str, Any]


class WriteSection(Strict):
    """A set point that may be written; fields as in `twin.domain.command.Permit`."""

    tag: str
    actuator: str
    low: float
    high: float
    roles: list[Literal["operator", "engineer"]] = ["engineer"]
    step: float | None = Field(default=None, gt=0)
    every_s: float = Field(default=10.0, ge=0)
    hold_s: float | None = Field(default=None, gt=0)
    fallback: float | None = None

    @model_validator(mode="after")
    def _whole(self) -> "WriteSection":
        if not self.low < self.high:
            raise ValueError(f"low {self.low} must be below high {self.high}")
        if (self.hold_s is None) != (self.fallback is None):
            raise ValueError("hold_s and fallback belong together")
        if self.fallback is not None and not self.low <= self.fallback <= self.high:
            raise ValueError(f"fallback {self.fallback} must lie within {self.low} to {self.high}")
        return self


class ChannelSection(Strict):
    """A route that people can choose for their subscriptions."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    notifier: dict[str, Any]


class LineFile(Strict):
    """A whole line file."""

    version: Literal[1] = Field(alias="schema")
    line: str = Field(pattern=ID)
    title: Text = {}
    site: str = ""
    origin: Origin = Origin.PLANT
    clock: ClockSection | None = None
    grace_s: float = Field(default=5.0, ge=0, le=86_400)
    vessels: list[VesselSection] = Field(min_length=1)
    sources: list[dict[str, Any]] = []
    actuators: list[dict[str, Any]] = []
    writes: list[WriteSection] = []
    publishers: list[dict[str, Any]] = []
    historian: dict[str, Any] = {"kind": "sqlite"}
    ledger: dict[str, Any] = {"kind": "sqlite"}
    subscribers: list[SubscriberSection] = []
    channels: list[ChannelSection] = []
    files: dict[str, Any] | None = None
    models: ModelsSection = ModelsSection()

    def routes(self) -> dict[str, dict[str, Any]]:
        """Notifiers by the name of their subscriber or channel."""
        subscribers = {each.id: each.notifier for each in self.subscribers}
        return subscribers | {each.id: each.notifier for each in self.channels}

    @model_validator(mode="after")
    def _clock_is_simulated(self) -> "LineFile":
        if self.clock and self.origin is not Origin.SIMULATED:
            raise ValueError("clock: only a line of origin simulated may have another clock than the wall's")
        return self
