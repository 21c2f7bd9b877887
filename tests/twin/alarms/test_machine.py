"""The alarm state machine: no raise is lost, acknowledging never clears a condition."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.alarms.machine import TRANSITIONS, AlarmBook, Trigger
from twin.alarms.routing import Subscription, notices
from twin.domain.alarm import ALARMING, AlarmState, Priority
from twin.domain.errors import TwinError
from twin.domain.event import Event, Kind, Stage, Verdict

EVENT = Event(
    t=1, kind=Kind.DRIFT, asset="R101", stage=Stage.CONFIRMED, condition="R101/pH_drift/1",
    tag="R101.pH", verdict=Verdict.SENSOR, since=0, size=0.08, unit="1", confidence=0.97,
)  # fmt: skip


def at(stage: Stage, t: int) -> Event:
    return replace(EVENT, stage=stage, t=t)


def test_from_raise_over_acknowledge_to_normal() -> None:
    book = AlarmBook()
    raised = book.apply(at(Stage.CONFIRMED, 1))
    assert raised is not None
    assert raised.state is AlarmState.UNACK
    assert raised.priority is Priority.HIGH
    assert book.acknowledge(raised.id, "anna", 2).state is AlarmState.ACKED
    gone = book.apply(at(Stage.CLOSED, 3))
    assert gone is not None
    assert gone.state is AlarmState.NORMAL
    assert book.standing == {}


def test_gone_before_acknowledged_stays_in_the_list() -> None:
    book = AlarmBook()
    book.apply(at(Stage.CONFIRMED, 1))
    gone = book.apply(at(Stage.CLOSED, 2))
    assert gone is not None
    assert gone.state is AlarmState.RTN_UNACK
    assert book.acknowledge(gone.id, "anna", 3).state is AlarmState.NORMAL


def test_suspicion_raises_nothing() -> None:
    assert AlarmBook().apply(at(Stage.SUSPECTED, 1)) is None


def test_an_unknown_alarm_can_not_be_acknowledged() -> None:
    with pytest.raises(TwinError, match="no standing alarm"):
        AlarmBook().acknowledge("nothing", "anna", 1)


@given(st.lists(st.sampled_from(["confirmed", "revised", "closed", "acknowledge"]), max_size=12))
def test_standing_exactly_when_the_condition_stands_or_waits_for_a_person(steps) -> None:
    book, active = AlarmBook(), False
    for t, step in enumerate(steps):
        if step == "acknowledge":
            if EVENT.condition in book.standing:
                book.acknowledge(EVENT.condition, "anna", t)
        else:
            book.apply(at(Stage(step), t))
            active = step != "closed"
        alarm = book.standing.get(EVENT.condition)
        if active:
            assert alarm is not None
            assert alarm.state in (AlarmState.UNACK, AlarmState.ACKED)
        else:
            assert alarm is None or alarm.state is AlarmState.RTN_UNACK


def test_the_table_never_clears_by_acknowledging_what_stands() -> None:
    assert TRANSITIONS[AlarmState.UNACK, Trigger.ACKNOWLEDGE] is AlarmState.ACKED
    assert (AlarmState.ACKED, Trigger.ACKNOWLEDGE) not in TRANSITIONS


def test_notices_go_once_to_those_who_asked_in_their_language() -> None:
    alarm = AlarmBook().apply(EVENT)
    assert alarm is not None
    people = [
        Subscription("anna", "fr", ("R101",), ("drift",)),
        Subscription("ben", "en", ("R1*",), ("*",)),
        Subscription("carl", "en", ("R102",), ("*",)),
        Subscription("dora", "en", ("*",), ("limit",)),
    ]
    made = notices(alarm, people)
    assert [n.subscriber for n in made] == ["anna", "ben"]
    assert "capteur" in made[0].text
    assert "0,08" in made[0].text
    assert "sensor, 97 %" in made[1].text
    assert len({n.key for n in made}) == 2
    assert [n.key for n in notices(alarm, people)] == [n.key for n in made]


def test_events_that_are_only_recorded_raise_no_alarm() -> None:
    for kind in set(Kind) - ALARMING:
        assert AlarmBook().apply(replace(EVENT, kind=kind)) is None
