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


class Priority(StrEnum):
    """Urgency, from consequence and time to respond."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


PRIORITIES: Final[dict[tuple[Kind, Verdict | None], Priority]] = {
    (Kind.DRIFT, Verdict.PROCESS): Priority.HIGH,
    (Kind.DRIFT, Verdict.ACTUATOR): Priority.HIGH,
    (Kind.DRIFT, Verdict.SENSOR): Priority.HIGH,
    (Kind.DEAD, Verdict.SENSOR): Priority.MEDIUM,
    (Kind.FROZEN, Verdict.SENSOR): Priority.MEDIUM,
    (Kind.LIMIT, Verdict.UNKNOWN): Priority.MEDIUM,
    (Kind.SIGNAL_LOST, Verdict.UNKNOWN): Priority.MEDIUM,
    (Kind.LINK, None): Priority.MEDIUM,
}
"""Priority by kind and verdict, from consequence and time to respond (chosen defaults); else LOW."""

ALARMING: Final = frozenset(
    {Kind.DRIFT, Kind.LIMIT, Kind.SIGNAL_LOST, Kind.FROZEN, Kind.DEAD, Kind.SPIKE, Kind.NOISE, Kind.LINK}
)
"""Kinds of events that can stand as an alarm; the rest is only recorded."""


def priority(event: Event) -> Priority:
    """Priority of the alarm that `event` raises; limits of the second kind are critical."""
    if event.kind is Kind.LIMIT and str(event.detail.get("which", "")) in ("low_low", "high_high"):
        return Priority.CRITICAL
    return PRIORITIES.get((event.kind, event.verdict), Priority.LOW)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A condition that stands.

    Parameters
    ----------
    id : str
        The `condition` of the events it comes from.
    state : AlarmState
    priority : Priority
    event : Event
        The latest event of the condition (verdict, since, size, causes).
    raised_ns : int
        When it was raised [ns since 1970-01-01 UTC].
    changed_ns : int
        Last change of state [ns since 1970-01-01 UTC].
    by : str
        Who moved it last; empty when the plant did.
    """

    id: str
    state: AlarmState
    priority: Priority
    event: Event
    raised_ns: int
    changed_ns: int
    by: str = ""


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
    """

    key: str
    subscriber: str
    language: str
    title: str
    text: str
    alarm: Alarm
    tries: int = 0
