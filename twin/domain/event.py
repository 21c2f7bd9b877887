"""Events: things that happened, at a time, immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What sort of thing happened."""

    DRIFT = "drift"
    """a sensor, an actuator or the process leaves what the twin expects"""
    LIMIT = "limit"
    """a value passed one of its limits"""
    SIGNAL_LOST = "signal_lost"
    """no value came for longer than the tag allows"""
    FROZEN = "frozen"
    """the value no longer moves"""
    DEAD = "dead"
    """the channel reports an impossible constant, such as zero"""
    SPIKE = "spike"
    """single values far from their neighbours"""
    NOISE = "noise"
    """the scatter grew or collapsed"""
    UNUSUAL = "unusual"
    """a vessel is unlike its siblings"""
    GAP = "gap"
    """values are known to be missing between two times"""
    PHASE = "phase"
    """the recipe entered another phase"""
    SAMPLE = "sample"
    """a laboratory result arrived"""
    RISK = "risk"
    """a forecast says that a bound may be passed"""
    CALIBRATION = "calibration"
    """an instrument was calibrated"""
    LINK = "link"
    """a connection went down or came up"""
    TWIN = "twin"
    """the twin changed its trust in itself"""
    ALARM = "alarm"
    """a person or the clock moved an alarm"""


class Verdict(StrEnum):
    """Who is to blame."""

    SENSOR = "sensor"
    PROCESS = "process"
    ACTUATOR = "actuator"
    UNKNOWN = "unknown"


class Stage(StrEnum):
    """How far a finding has come."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    REVISED = "revised"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Cause:
    """One possible cause with its probability; `code` is a key of the message catalogue."""

    code: str
    verdict: Verdict
    asset: str
    tag: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model said so."""

    id: str
    version: str
    parameters: str
    """first 12 hexadecimal digits of the SHA-256 over the parameter values"""
    registered: str = ""
    """name and version in the registry, such as ``"growth@3"``; empty where it is in none"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    t : int
        Source time at which it became known [ns since 1970-01-01 UTC].
    kind : Kind
    asset : str
    stage : Stage
    condition : str
        Identity of the standing condition this event is about; the same for its
        suspected, confirmed, revised and closed events, new for the next occurrence.
    tag : str or None
        Tag id.
    verdict : Verdict or None
    since : int or None
        Estimated onset [ns since 1970-01-01 UTC].
    size : float or None
        How large, in `unit`, signed: measured minus expected, or the change itself.
    unit : str
    confidence : float or None
        Probability of the verdict, 0..1.
    causes : tuple of Cause
        Most probable first.
    evidence : tuple of str
        Codes of the redundancy relations and monitors that speak for it.
    model : ModelRef or None
    detail : Mapping[str, float | str]
        Further facts by name, such as ``{"rate_per_h": 0.02}``.
    """

    t: int
    kind: Kind
    asset: str
    stage: Stage
    condition: str
    tag: str | None = None
    verdict: Verdict | None = None
    since: int | None = None
    size: float | None = None
    unit: str = ""
    confidence: float | None = None
    causes: tuple[Cause, ...] = ()
    evidence: tuple[str, ...] = ()
    model: ModelRef | None = None
    detail: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Identity: the same finding seen again after a restart has the same one."""
        return f"{self.condition}/{self.stage.value}/{self.t}"
