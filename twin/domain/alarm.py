"""Alarms: conditions that stand, with a state after ISA-18.2; Notices: alarms put into words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from twin.domain.event import Event, Kind, Verdict


class AlarmState(StrEnum):
    """States after ISA-18.2 / IEC 62682."""

    NORMAL = "normal"
    UNACK = "unack"
    ACKED = "acked"
    RTN_UNACK = "rtn_unack"
    """the condition is gone, nobody acknowledged it"""
    LATCHED_UNACK = "latched_unack"
    """the condition is gone, the alarm stays until it is reset"""
    LATCHED_ACKED = "latched_acked"
    SHELVED = "shelved"
    """put aside by a person, for a time"""
    SUPPRESSED = "suppressed"
    """put aside by design: a consequence of another alarm"""
    OUT_OF_SERVICE = "out_of_service"
    """put aside by an engineer until it is returned"""


class Trigger(StrEnum):
    """What moves an alarm."""

    RAISE = "raise"
    CLEAR = "clear"
    LATCH = "latch"
    """the condition of an alarm that latches is gone"""
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    EXPIRE = "expire"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    REMOVE = "remove"
    """take out of service"""
    RETURN = "return"
    """return to service"""


class Priority(StrEnum):
    """Urgency, from consequence and time to respond."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Consequence(StrEnum):
    """What is lost when nobody responds."""

    SEVERE = "severe"
    """the batch"""
    MAJOR = "major"
    """product or quality"""
    MINOR = "minor"
    """sight of the process"""


@dataclass(frozen=True, slots=True)
class Response:
    """What an alarm asks of a person: how bad, and how soon [min]."""

    consequence: Consequence
    minutes: int


SOON_MIN, LATER_MIN = 15, 120
"""Times to respond that part the columns of `PRIORITIES` [min] (chosen defaults)."""

_P = Priority

PRIORITIES: Final[dict[Consequence, tuple[Priority, Priority, Priority]]] = {
    Consequence.SEVERE: (_P.CRITICAL, _P.HIGH, _P.MEDIUM),
    Consequence.MAJOR: (_P.HIGH, _P.HIGH, _P.MEDIUM),
    Consequence.MINOR: (_P.MEDIUM, _P.MEDIUM, _P.LOW),
}
"""Priority by consequence and time to respond: within 15 min, within 2 h, later (chosen defaults)."""

RESPONSES: Final[dict[tuple[Kind, Verdict | None], Response]] = {
    (Kind.DRIFT, Verdict.PROCESS): Response(Consequence.SEVERE, 60),
    (Kind.DRIFT, Verdict.ACTUATOR): Response(Consequence.SEVERE, 60),
    (Kind.DRIFT, Verdict.SENSOR): Response(Consequence.MAJOR, 60),
    (Kind.DEAD, Verdict.SENSOR): Response(Consequence.MINOR, 60),
    (Kind.FROZEN, Verdict.SENSOR): Response(Consequence.MINOR, 60),
    (Kind.LIMIT, Verdict.UNKNOWN): Response(Consequence.MINOR, 15),
    (Kind.SIGNAL_LOST, Verdict.UNKNOWN): Response(Consequence.MINOR, 60),
    (Kind.LINK, None): Response(Consequence.MINOR, 60),
    (Kind.UNUSUAL, Verdict.PROCESS): Response(Consequence.MAJOR, 480),
}
"""What each sort of alarm asks for, by kind and verdict (chosen defaults)."""

EXTREME: Final = Response(Consequence.SEVERE, 10)
"""A limit of the second kind (chosen default)."""
UNWRITTEN: Final = Response(Consequence.MAJOR, 15)
"""A fallback that the plant does not take: a set point stands that nobody watches (chosen default)."""
OTHERWISE: Final = Response(Consequence.MINOR, 480)
"""Whatever is not listed: within the shift (chosen default)."""

ALARMING: Final = frozenset(
    {
        Kind.DRIFT, Kind.LIMIT, Kind.SIGNAL_LOST, Kind.FROZEN, Kind.DEAD, Kind.SPIKE, Kind.NOISE, Kind.LINK,
        Kind.UNUSUAL,
    }
)  # fmt: skip
"""Kinds of events that can stand as an alarm; the rest is only recorded."""


DESIGN: Final = "design"
"""Who moves an alarm that the line file suppresses in a phase, and lets it go after."""


def response(event: Event) -> Response:
    """What the alarm that `event` raises asks of a person."""
    if event.kind is Kind.LIMIT and str(event.detail.get("which", "")) in ("low_low", "high_high"):
        return EXTREME
    if event.detail.get("code") == "fallback":
        return UNWRITTEN
    return RESPONSES.get((event.kind, event.verdict), OTHERWISE)


def priority(event: Event) -> Priority:
    """Priority of the alarm that `event` raises."""
    asked = response(event)
    column = 0 if asked.minutes <= SOON_MIN else 1 if asked.minutes <= LATER_MIN else 2
    return PRIORITIES[asked.consequence][column]


def point(condition: str) -> str:
    """The alarm a condition belongs to: the same for every occurrence, such as ``"R101/frozen/pH"``."""
    name, _, number = condition.rpartition("/")
    return name if name and number.isdigit() else condition


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that can go wrong, and how it stands with it.

    Parameters
    ----------
    id : str
        The same for every occurrence, see `point`.
    state : AlarmState
    priority : Priority
    event : Event
        The latest event of the latest occurrence (verdict, since, size, causes).
    raised_ns : int
        When it last called for attention [ns since 1970-01-01 UTC].
    changed_ns : int
        Last change of state [ns since 1970-01-01 UTC].
    by : str
        Who moved it last; `DESIGN` when the line file did, empty when the plant or the clock did.
    active : bool
        True while the condition stands, whatever the state.
    until_ns : int or None
        When shelving ends by itself [ns since 1970-01-01 UTC].
    why : str
        The reason of the last move by a person.
    part_of : str
        Id of the alarm it is a consequence of, or ``phase/`` and the phase in which it is suppressed by
        design; empty when it stands for itself.
    """

    id: str
    state: AlarmState
    priority: Priority
    event: Event
    raised_ns: int
    changed_ns: int
    by: str = ""
    active: bool = True
    until_ns: int | None = None
    why: str = ""
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of an alarm's state, as kept in the log of alarms."""

    t: int
    """[ns since 1970-01-01 UTC]"""
    alarm: str
    old: AlarmState
    new: AlarmState
    priority: Priority
    active: bool
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Performance of the alarms of a line over a time (ISA-18.2-2016, clause 16; EEMUA 191).

    Parameters
    ----------
    hours : float
        Length of the time [h].
    raised : int
        Calls for attention.
    per_10min : float
        Their mean number in 10 min.
    most_per_10min : int
        Their largest number in one period of 10 min.
    crowded : float
        Share of periods of 10 min with more than ten, 0..1.
    flood : float
        Share of time in flood, 0..1: from a period with more than ten to one with less than five.
    chattering : tuple of str
        Alarms raised three times or more within one minute.
    fleeting : tuple of str
        Alarms that cleared by themselves within ten seconds.
    stale : tuple of str
        Alarms whose condition stood for more than 24 h at the end.
    top : tuple of (str, int)
        The ten that were raised most often, with their numbers.
    top_share : float
        Share of these ten among all, 0..1.
    priorities : tuple of (str, int)
        Calls for attention by priority.
    shelved : int
        How often an alarm was shelved.
    suppressed : int
        How often an alarm was suppressed by design, in a phase or under the alarm that explains it.
    """

    hours: float
    raised: int
    per_10min: float
    most_per_10min: int
    crowded: float
    flood: float
    chattering: tuple[str, ...]
    fleeting: tuple[str, ...]
    stale: tuple[str, ...]
    top: tuple[tuple[str, int], ...]
    top_share: float
    priorities: tuple[tuple[str, int], ...]
    shelved: int
    suppressed: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing that goes along with a notice.

    Parameters
    ----------
    png : bytes
        The picture.
    text : str
        What it shows, in the notice's language, for whoever does not see it.
    legend : str
        What its lines and colours mean.
    """

    png: bytes
    text: str
    legend: str


@dataclass(frozen=True, slots=True)
class Notice:
    """An alarm put into words for one recipient by one route.

    Parameters
    ----------
    key : str
        Identity for de-duplication: condition, change and subscriber.
    subscriber : str
    language : str
        ``"en"`` or ``"fr"``.
    title, text : str
        In the subscriber's language.
    alarm : Alarm
    tries : int
        Deliveries tried so far.
    channel : str
        Route it goes by; empty when the subscriber has one of its own.
    address : str
        Where to on that route: a mail address, a web address, a topic.
    not_before_ns : int
        Wall time before which it is held back [ns since 1970-01-01 UTC].
    unless_seen : bool
        True when it is withdrawn if somebody acknowledged in the meantime.
    gathered : bool
        True when those that are due together go out as one.
    stop : str
        Address of the page that ends the subscription.
    link : str
        Address of the page that shows what the notice is about.
    picture : Picture or None
        Made when it is sent, for routes that can show it; never kept.
    """

    key: str
    subscriber: str
    language: str
    title: str
    text: str
    alarm: Alarm
    tries: int = 0
    channel: str = ""
    address: str = ""
    not_before_ns: int = 0
    unless_seen: bool = False
    gathered: bool = False
    stop: str = ""
    link: str = ""
    picture: Picture | None = None
