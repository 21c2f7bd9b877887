"""The alarm state machine after ISA-18.2 / IEC 62682, as one table."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from twin.domain.alarm import ALARMING, Alarm, AlarmState, priority
from twin.domain.errors import NotFoundError
from twin.domain.event import Event, Stage


class Trigger(StrEnum):
    """What moves an alarm."""

    RAISE = "raise"
    CLEAR = "clear"
    ACKNOWLEDGE = "acknowledge"


_S, _T = AlarmState, Trigger
TRANSITIONS: Final[dict[tuple[AlarmState, Trigger], AlarmState]] = {
    (_S.NORMAL, _T.RAISE): _S.UNACK,
    (_S.UNACK, _T.ACKNOWLEDGE): _S.ACKED,
    (_S.UNACK, _T.CLEAR): _S.RTN_UNACK,
    (_S.ACKED, _T.CLEAR): _S.NORMAL,
    (_S.RTN_UNACK, _T.ACKNOWLEDGE): _S.NORMAL,
    (_S.RTN_UNACK, _T.RAISE): _S.UNACK,
}
"""Where each trigger leads; a pair that is not listed changes nothing."""


@dataclass(slots=True)
class AlarmBook:
    """Alarms that stand or wait for a person, by id."""

    standing: dict[str, Alarm] = field(default_factory=dict)

    def apply(self, event: Event) -> Alarm | None:
        """Move the alarm of an event's condition; returns it when anything about it changed."""
        if event.kind not in ALARMING or event.stage is Stage.SUSPECTED:
            return None
        known = self.standing.get(event.condition)
        if event.stage is Stage.CLOSED:
            return self._move(known, Trigger.CLEAR, event, event.t, "") if known else None
        alarm = known or Alarm(event.condition, AlarmState.NORMAL, priority(event), event, event.t, event.t)
        return self._move(alarm, Trigger.RAISE, event, event.t, "")

    def acknowledge(self, alarm_id: str, by: str, now_ns: int) -> Alarm:
        """Acknowledge for a person; a second time changes nothing.

        Raises
        ------
        NotFoundError
            When no such alarm stands.
        """
        known = self.standing.get(alarm_id)
        if known is None:
            raise NotFoundError(f"no standing alarm {alarm_id!r}; the list of alarms has those that stand")
        return self._move(known, Trigger.ACKNOWLEDGE, known.event, now_ns, by)

    def _move(self, alarm: Alarm, trigger: Trigger, event: Event, now_ns: int, by: str) -> Alarm:
        state = TRANSITIONS.get((alarm.state, trigger), alarm.state)
        moved = replace(alarm, state=state, event=event)
        if state is not alarm.state:
            moved = replace(moved, changed_ns=now_ns, by=by)
        if state is AlarmState.NORMAL:
            self.standing.pop(alarm.id, None)
        else:
            self.standing[alarm.id] = moved
        return moved
