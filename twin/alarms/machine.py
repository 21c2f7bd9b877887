"""The book of alarms: every alarm of a line, moved by events, people and time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from twin.alarms.consequences import explains
from twin.alarms.states import ASIDE, after
from twin.domain.alarm import ALARMING, DESIGN, Alarm, AlarmState, Priority, Trigger, point, priority
from twin.domain.errors import InputError, NotFoundError
from twin.domain.event import Event, Kind, Stage
from twin.domain.phase import PREFIX, Suppression

LONGEST_SHELVING_H = 12.0
"""An alarm is put aside for a shift at most [h] (chosen default)."""

_STAGES = tuple(Stage)


@dataclass(slots=True)
class AlarmBook:
    """Alarms by id, standing or not.

    Parameters
    ----------
    served : Mapping[str, frozenset of str]
        Vessels by the source that serves them.
    latching : frozenset of str
        Tags whose limit alarms stay until they are reset.
    designed : Mapping[str, tuple of Suppression]
        What is suppressed by design, by vessel.
    phases : dict[str, str]
        The phase of each vessel whose phase is known.
    """

    served: Mapping[str, frozenset[str]] = field(default_factory=dict)
    latching: frozenset[str] = frozenset()
    designed: Mapping[str, tuple[Suppression, ...]] = field(default_factory=dict)
    phases: dict[str, str] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)

    @property
    def standing(self) -> dict[str, Alarm]:
        """Alarms that are not normal."""
        return {key: alarm for key, alarm in self.alarms.items() if alarm.state is not AlarmState.NORMAL}

    def restore(self, alarms: Iterable[Alarm]) -> None:
        """Take up alarms as they were kept."""
        self.alarms.update((alarm.id, alarm) for alarm in alarms)

    def apply(self, event: Event) -> list[Alarm]:
        """Move the alarm of an event's condition, and what is a consequence of it; or begin a phase.

        An event that was taken before (a replay after a restart) changes nothing.

        Returns
        -------
        list of Alarm
            Every alarm of which anything changed; the event's own first. One that is suppressed in the
            instant it is raised has never called.
        """
        if event.kind is Kind.PHASE:
            self.phases[event.asset] = str(event.detail.get("phase", ""))
            return self._refold(event.t)
        if event.kind not in ALARMING or event.stage is Stage.SUSPECTED:
            return []
        name = point(event.condition)
        known = self.alarms.get(name)
        if known is not None and _order(event) <= _order(known.event):
            return []
        moved = (
            self._cleared(known, event) if event.stage is Stage.CLOSED else self._raised(name, known, event)
        )
        if moved is None:
            return []
        self.alarms[name] = moved
        return list({alarm.id: alarm for alarm in (moved, *self._refold(event.t))}.values())

    def move(
        self,
        alarm_id: str,
        trigger: Trigger,
        now_ns: int,
        by: str = "",
        why: str = "",
        until_ns: int | None = None,
    ) -> list[Alarm]:
        """Move an alarm for a person; doing so a second time changes nothing.

        Returns
        -------
        list of Alarm
            That alarm, and whatever else changed with it.

        Raises
        ------
        NotFoundError
            There is no such alarm.
        InputError
            The trigger means nothing in the alarm's state, or what it needs is missing.
        """
        known = self.alarms.get(alarm_id)
        if known is None:
            raise NotFoundError(f"no alarm {alarm_id!r}; the list of alarms has those that stand")
        _check(known, trigger, now_ns, why, until_ns)
        moved = _moved(known, trigger, now_ns, by=by)
        if moved.state is not known.state or trigger is Trigger.SHELVE:
            moved = replace(moved, by=by, why=why, until_ns=until_ns, part_of="")
            self.alarms[alarm_id] = moved
        return [moved, *self._refold(now_ns)]

    def pass_time(self, now_ns: int) -> list[Alarm]:
        """End every shelving whose time is over."""
        over = [a for a in self.alarms.values() if a.until_ns is not None and a.until_ns <= now_ns]
        moved = [replace(_moved(a, Trigger.EXPIRE, now_ns), until_ns=None, why="") for a in over]
        self.alarms.update((alarm.id, alarm) for alarm in moved)
        return [*moved, *self._refold(now_ns)] if moved else []

    def _raised(self, name: str, known: Alarm | None, event: Event) -> Alarm:
        alarm = known or Alarm(name, AlarmState.NORMAL, Priority.LOW, event, event.t, event.t)
        alarm = replace(alarm, event=event, priority=priority(event), active=True)
        return _moved(alarm, Trigger.RAISE, event.t)

    def _cleared(self, known: Alarm | None, event: Event) -> Alarm | None:
        if known is None or (known.state is AlarmState.NORMAL and not known.active):
            return None
        trigger = Trigger.LATCH if event.tag in self.latching else Trigger.CLEAR
        return _moved(replace(known, event=event, active=False), trigger, event.t)

    def _refold(self, now_ns: int) -> list[Alarm]:
        """Fold consequences under what explains them, and let go those whose fault is over."""
        changed = []
        standing = [alarm for alarm in self.alarms.values() if alarm.active or alarm.part_of]
        for alarm in standing:
            under = self._reason(alarm, standing)
            if alarm.part_of and not under:
                changed.append(_released(_moved(alarm, Trigger.UNSUPPRESS, now_ns)))
            elif under and alarm.part_of != under and _folds(alarm):
                changed.append(_put_under(_moved(alarm, Trigger.SUPPRESS, now_ns), under))
        self.alarms.update((alarm.id, alarm) for alarm in changed)
        return changed

    def _reason(self, alarm: Alarm, standing: Iterable[Alarm]) -> str:
        """Why an alarm that stands is suppressed: the phase, or the alarm that explains it; else nothing."""
        if not alarm.active:
            return ""
        phase = self.phases.get(alarm.event.asset, "")
        if any(rule.takes(alarm.event, phase) for rule in self.designed.get(alarm.event.asset, ())):
            return PREFIX + phase
        fault = self._fault_of(alarm, standing)
        return fault.id if fault else ""

    def _fault_of(self, alarm: Alarm, standing: Iterable[Alarm]) -> Alarm | None:
        """What explains an alarm that stands; something that is itself explained explains nothing."""
        faults = (
            other
            for other in standing
            if other.active and not other.part_of and explains(other, alarm, self.served)
        )
        return next(faults, None)


def _put_under(alarm: Alarm, under: str) -> Alarm:
    """Suppressed for a reason; by design is said of a phase only, a consequence names its fault."""
    if under.startswith(PREFIX):
        return replace(alarm, part_of=under, by=DESIGN, why=under)
    return replace(alarm, part_of=under)


def _released(alarm: Alarm) -> Alarm:
    if alarm.part_of.startswith(PREFIX):
        return replace(alarm, part_of="", by=DESIGN, why="")
    return replace(alarm, part_of="")


def _folds(alarm: Alarm) -> bool:
    return alarm.state is AlarmState.SUPPRESSED or alarm.state not in ASIDE


def _order(event: Event) -> tuple[int, int, int]:
    """Place of an event in the life of its alarm: time, occurrence, stage."""
    number = event.condition.rpartition("/")[2]
    return event.t, int(number) if number.isdigit() else 0, _STAGES.index(event.stage)


def _moved(alarm: Alarm, trigger: Trigger, now_ns: int, by: str = "") -> Alarm:
    state = after(alarm.state, trigger, alarm.active)
    if state is alarm.state:
        return alarm
    raised_ns = now_ns if state is AlarmState.UNACK else alarm.raised_ns
    return replace(alarm, state=state, changed_ns=now_ns, raised_ns=raised_ns, by=by)


def _check(alarm: Alarm, trigger: Trigger, now_ns: int, why: str, until_ns: int | None) -> None:
    if trigger in (Trigger.SHELVE, Trigger.REMOVE) and not why.strip():
        raise InputError("why is missing: an alarm is put aside for a reason, in a few words")
    if trigger is Trigger.SHELVE:
        hours = ((until_ns or 0) - now_ns) / 3.6e12
        if not 0 < hours <= LONGEST_SHELVING_H:
            raise InputError(
                f"shelving for {hours:.3g} h; more than 0 and at most {LONGEST_SHELVING_H:g} h would do"
            )
    if trigger is Trigger.ACKNOWLEDGE:  # from two stations: the second finds it done
        return
    longer = trigger is Trigger.SHELVE and alarm.state is AlarmState.SHELVED
    if not longer and after(alarm.state, trigger, alarm.active) is alarm.state:
        raise InputError(f"{trigger.value} means nothing for an alarm that is {alarm.state.value}")
