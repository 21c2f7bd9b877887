"""The line file: what a line consists of, as written in YAML by its engineers."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from twin.domain.asset import Origin
from twin.domain.quantity import UNITS, unit_is_known
from twin.domain.tag import TagKind

Text = dict[str, str]


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

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
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
        return self


class TagUse(Strict):
    """A tag set by name, and what is different here."""

    use: str
    override: dict[str, dict[str, Any]] = {}
    only: list[str] | None = None


class ProcessSection(Strict):
    """Process model of a vessel and values that replace its defaults."""

    kind: str
    parameters: dict[str, float] = {}


class BatchSection(Strict):
    """The batch in the vessel; fields as in `twin.domain.batch.Batch`."""

    id: str
    start: datetime | None = None
    volume_l: float = Field(default=1.0, gt=0)
    cells: float = Field(default=0.0, ge=0)
    duration_h: float = Field(default=336.0, gt=0)

    @field_validator("start")
    @classmethod
    def _zoned(cls, start: datetime | None) -> datetime | None:
        if start is not None and start.tzinfo is None:
            raise ValueError("start needs a time zone, such as 2026-11-22T08:00:00Z")
        return start


class FleetSection(Strict):
    """Many equal vessels: one for each key."""

    keys: list[str | int] | str
    id: str = "{key}"

    def names(self) -> list[str]:
        """Vessel ids in order; ``"0..47"`` counts."""
        if isinstance(self.keys, str):
            first, _, last = self.keys.partition("..")
            if not (first.isdigit() and last.isdigit()):
                raise ValueError(f"fleet keys {self.keys!r}: a list, or two numbers such as 0..47, would do")
            return [self.id.format(key=k) for k in range(int(first), int(last) + 1)]
        return [self.id.format(key=k) for k in self.keys]


class VesselSection(Strict):
    """One vessel, or a fleet of equal ones."""

    id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    fleet: FleetSection | None = None
    name: Text = {}
    process: ProcessSection | None = None
    normal: str = ""
    batch: BatchSection | None = None
    tags: TagUse | list[TagSection]

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

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
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
    line: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
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

    def routes(self) -> dict[str, dict[str, Any]]:
        """Notifiers by the name of their subscriber or channel."""
        subscribers = {each.id: each.notifier for each in self.subscribers}
        return subscribers | {each.id: each.notifier for each in self.channels}

    @model_validator(mode="after")
    def _clock_is_simulated(self) -> "LineFile":
        if self.clock and self.origin is not Origin.SIMULATED:
            raise ValueError("clock: only a line of origin simulated may have another clock than the wall's")
        return self
