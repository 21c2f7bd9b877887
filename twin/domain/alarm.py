"""Alarms: conditions that stand, with a state after ISA-18.2; Notices: alarms put into words."""

from dataclasses import dataclass
from enum import StrEnum

from twin.domain.event import Event


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
