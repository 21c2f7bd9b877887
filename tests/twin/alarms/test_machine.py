"""The alarm state machine: no raise is lost, acknowledging never clears a condition."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.alarms.machine import AlarmBook
from twin.alarms.routing import notices
from twin.alarms.states import TRANSITIONS, drawn
from twin.domain.alarm import ALARMING, PRIORITIES, RESPONSES, AlarmState, Priority, Trigger, priority
from twin.domain.errors import InputError, NotFoundError
from twin.domain.event import Cause, Event, Kind, Stage, Verdict
from twin.domain.subscription import Subscription

EVENT = Event(
    t=1, kind=Kind.DRIFT, asset="R101", stage=Stage.CONFIRMED, condition="R101/pH_drift/1",
    tag="R101.pH", verdict=Verdict.SENSOR, since=0, size=0.08, unit="1", confidence=0.97,
)  # fmt: skip


ID = "R101/pH_drift"
TRIGGERS = [each for each in Trigger if each not in (Trigger.RAISE, Trigger.CLEAR, Trigger.LATCH)]
HOUR = 3_600_000_000_000


def at(stage: Stage, t: int) -> Event:
    return replace(EVENT, stage=stage, t=t)


def standing(*events: Event, latching: frozenset[str] = frozenset()) -> AlarmBook:
    book = AlarmBook(latching=latching)
    for event in events:
        book.apply(event)
    return book


def state(book: AlarmBook, alarm_id: str = ID) -> AlarmState:
    return book.alarms[alarm_id].state


def test_from_raise_over_acknowledge_to_normal() -> None:
    book = AlarmBook()
    (raised,) = book.apply(at(Stage.CONFIRMED, 1))
    assert (raised.id, raised.state, raised.priority) == (ID, AlarmState.UNACK, Priority.HIGH)
    assert book.move(ID, Trigger.ACKNOWLEDGE, 2, "anna")[0].state is AlarmState.ACKED
    (gone,) = book.apply(at(Stage.CLOSED, 3))
    assert gone.state is AlarmState.NORMAL
    assert book.standing == {}


def test_gone_before_acknowledged_stays_in_the_list() -> None:
    book = standing(at(Stage.CONFIRMED, 1), at(Stage.CLOSED, 2))
    assert state(book) is AlarmState.RTN_UNACK
    assert book.move(ID, Trigger.ACKNOWLEDGE, 3, "anna")[0].state is AlarmState.NORMAL


def test_suspicion_raises_nothing() -> None:
    assert AlarmBook().apply(at(Stage.SUSPECTED, 1)) == []


def test_an_unknown_alarm_can_not_be_acknowledged() -> None:
    with pytest.raises(NotFoundError, match="no alarm"):
        AlarmBook().move("nothing", Trigger.ACKNOWLEDGE, 1, "anna")


STEPS = st.lists(st.sampled_from(["confirmed", "revised", "closed", *TRIGGERS]), max_size=25)


@given(STEPS, st.booleans())
def test_AL_01_no_raise_is_lost_and_no_person_clears_a_condition(steps, latching) -> None:
    book = AlarmBook(latching=frozenset({"R101.pH"}) if latching else frozenset())
    active = False
    for t, step in enumerate(steps, 1):
        if not isinstance(step, Trigger):
            book.apply(at(Stage(step), t))
            active = step != "closed" and (active or step in ("confirmed", "revised"))
        elif ID in book.alarms:
            with contextlib.suppress(InputError):
                book.move(ID, step, t, "anna", "because", t + HOUR if step is Trigger.SHELVE else None)
        alarm = book.alarms.get(ID)
        if alarm is not None:
            assert alarm.active is active
            assert (alarm.state is AlarmState.NORMAL) <= (not active)
            assert (alarm.state in (AlarmState.UNACK, AlarmState.ACKED)) <= active
            assert (alarm.until_ns is not None) is (alarm.state is AlarmState.SHELVED)
        else:
            assert not active


def test_AL_01_every_state_has_a_way_in_and_a_way_to_normal() -> None:
    assert {old for old, _ in TRANSITIONS} == set(AlarmState)
    assert {new for pair in TRANSITIONS.values() for new in pair} == set(AlarmState)
    reached = {AlarmState.NORMAL}
    for _ in AlarmState:
        reached |= {old for (old, _), new in TRANSITIONS.items() if reached & set(new)}
    assert reached == set(AlarmState)


def test_AL_01_what_latches_needs_a_reset_after_it_is_clear() -> None:
    book = standing(at(Stage.CONFIRMED, 1), at(Stage.CLOSED, 2), latching=frozenset({"R101.pH"}))
    assert state(book) is AlarmState.LATCHED_UNACK
    assert book.move(ID, Trigger.ACKNOWLEDGE, 3, "anna")[0].state is AlarmState.LATCHED_ACKED
    assert book.move(ID, Trigger.RESET, 4, "anna")[0].state is AlarmState.NORMAL
    with pytest.raises(InputError, match="reset means nothing"):
        book.move(ID, Trigger.RESET, 5, "anna")


def test_AL_02_shelving_needs_a_reason_and_an_end_within_a_shift() -> None:
    book = standing(at(Stage.CONFIRMED, 1))
    with pytest.raises(InputError, match="why is missing"):
        book.move(ID, Trigger.SHELVE, 2, "anna", " ", 2 + HOUR)
    for until in (None, 2, 2 + 13 * HOUR):
        with pytest.raises(InputError, match="at most 12 h"):
            book.move(ID, Trigger.SHELVE, 2, "anna", "probe is changed", until)


def test_AL_02_a_shelf_ends_by_itself_and_calls_again_when_it_still_stands() -> None:
    book = standing(at(Stage.CONFIRMED, 1))
    book.move(ID, Trigger.SHELVE, 2, "anna", "probe is changed", 2 + HOUR)
    assert book.apply(at(Stage.REVISED, 3))[0].state is AlarmState.SHELVED
    assert book.pass_time(1 + HOUR) == []
    (back,) = book.pass_time(2 + HOUR)
    assert (back.state, back.raised_ns, back.until_ns) == (AlarmState.UNACK, 2 + HOUR, None)


def test_AL_02_a_shelf_that_ends_over_a_condition_that_is_gone_ends_in_silence() -> None:
    book = standing(at(Stage.CONFIRMED, 1))
    book.move(ID, Trigger.SHELVE, 2, "anna", "probe is changed", 2 + HOUR)
    book.apply(at(Stage.CLOSED, 3))
    assert book.pass_time(3 + HOUR)[0].state is AlarmState.NORMAL


def test_AL_02_what_is_raised_anew_while_shelved_stays_on_the_shelf() -> None:
    book = standing(at(Stage.CONFIRMED, 1), at(Stage.CLOSED, 2))
    book.move(ID, Trigger.ACKNOWLEDGE, 3, "anna")
    book.move(ID, Trigger.SHELVE, 3, "anna", "it chatters", 3 + HOUR)
    again = replace(EVENT, t=4, condition="R101/pH_drift/2")
    assert book.apply(again)[0].state is AlarmState.SHELVED


def test_AL_05_acknowledging_from_two_stations_changes_nothing_more() -> None:
    book = standing(at(Stage.CONFIRMED, 1))
    first = book.move(ID, Trigger.ACKNOWLEDGE, 2, "anna")
    assert book.move(ID, Trigger.ACKNOWLEDGE, 3, "ben") == first


def test_events_taken_before_change_nothing_when_they_come_again() -> None:
    events = [at(Stage.CONFIRMED, 1), at(Stage.REVISED, 2), at(Stage.CLOSED, 3)]
    book = standing(*events)
    book.move(ID, Trigger.ACKNOWLEDGE, 4, "anna")
    again = AlarmBook()
    again.restore(book.alarms.values())
    assert [again.apply(event) for event in events] == [[], [], []]
    assert state(again) is AlarmState.NORMAL


def limit(which: str, tag: str = "pO2", t: int = 5, stage: Stage = Stage.CONFIRMED) -> Event:
    return replace(
        EVENT, t=t, kind=Kind.LIMIT, stage=stage, condition=f"R101/limit_{which}/{tag}/1", tag=f"R101.{tag}",
        verdict=Verdict.UNKNOWN, causes=(), detail={"which": which},
    )  # fmt: skip


KLA = replace(
    EVENT, condition="R101/kla_loss/1", tag=None, verdict=Verdict.PROCESS, t=10,
    causes=(Cause("kla_loss", Verdict.PROCESS, "R101", None, 0.9),),
)  # fmt: skip


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_one_fault_is_one_alarm_with_its_consequences_folded_under_it(order) -> None:
    events = [limit("low"), KLA]
    book = standing(*(events[i] for i in order))
    low = book.alarms["R101/limit_low/pO2"]
    assert (low.state, low.part_of) == (AlarmState.SUPPRESSED, "R101/kla_loss")
    assert state(book, "R101/kla_loss") is AlarmState.UNACK


def test_a_consequence_that_outlasts_its_fault_calls_for_itself() -> None:
    book = standing(limit("low"), KLA)
    changed = book.apply(replace(KLA, stage=Stage.CLOSED, t=20))
    low = next(alarm for alarm in changed if alarm.id == "R101/limit_low/pO2")
    assert (low.state, low.part_of, low.raised_ns) == (AlarmState.UNACK, "", 20)


def test_a_consequence_that_ends_first_ends_in_silence() -> None:
    book = standing(limit("low"), KLA, limit("low", t=15, stage=Stage.CLOSED))
    assert state(book, "R101/limit_low/pO2") is AlarmState.NORMAL


def test_what_is_more_urgent_is_never_folded_away() -> None:
    book = standing(KLA, limit("low_low"), limit("low"))
    assert state(book, "R101/limit_low_low/pO2") is AlarmState.UNACK
    assert book.alarms["R101/limit_low/pO2"].part_of in ("R101/kla_loss", "R101/limit_low_low/pO2")


def test_a_fault_elsewhere_explains_nothing() -> None:
    book = standing(
        KLA, limit("low", "pH"), replace(limit("low"), asset="R102", condition="R102/limit_low/pO2/1")
    )
    assert {alarm.part_of for alarm in book.alarms.values()} == {""}


def test_a_lost_link_explains_the_silence_of_the_vessels_it_serves() -> None:
    book = AlarmBook(served={"ua": frozenset({"R101"})})
    lost = Event(
        1, Kind.SIGNAL_LOST, "R101", Stage.CONFIRMED, "R101/signal_lost/pH/1", "R101.pH", Verdict.UNKNOWN
    )
    book.apply(lost)
    book.apply(replace(lost, asset="R102", condition="R102/signal_lost/pH/1", tag="R102.pH"))
    book.apply(Event(2, Kind.LINK, "ua", Stage.CONFIRMED, "ua/link/2"))
    assert book.alarms["R101/signal_lost/pH"].part_of == "ua/link"
    assert book.alarms["R102/signal_lost/pH"].part_of == ""


def test_the_picture_in_the_pages_is_drawn_from_the_table() -> None:
    page = Path(__file__).resolve().parents[3] / "docs/explanation/alarms.md"
    assert f"```mermaid\n{drawn()}```" in page.read_text(encoding="utf-8"), "run scripts/draw-alarm-states"


def test_AL_06_priority_follows_from_consequence_and_time_to_respond() -> None:
    for row in PRIORITIES.values():
        assert list(row) == sorted(row, key=list(Priority).index)
    assert priority(limit("low_low")) is Priority.CRITICAL
    assert priority(replace(EVENT, kind=Kind.NOISE)) is Priority.LOW
    assert all(response.minutes > 0 for response in RESPONSES.values())


def test_notices_go_once_to_those_who_asked_in_their_language() -> None:
    (alarm,) = AlarmBook().apply(EVENT)
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
        assert AlarmBook().apply(replace(EVENT, kind=kind)) == []
