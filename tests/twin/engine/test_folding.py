"""Signals lost together are one finding; single ones stay single."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from twin.alarms.words import catalogue
from twin.domain.event import Cause, Event, Kind, Stage, Verdict
from twin.engine.folding import LEAST, SilenceFold


def event(name: str, stage: Stage, t: int) -> Event:
    return Event(
        t=t, kind=Kind.SIGNAL_LOST, asset="R1", stage=stage, condition=f"R1/signal_lost/{name}/1",
        tag=f"R1.{name}", since=t - 300,
    )  # fmt: skip


def lost(names: str, t: int) -> list[Event]:
    return [event(name, Stage.CONFIRMED, t) for name in names]


def back(names: str, t: int) -> list[Event]:
    return [event(name, Stage.CLOSED, t) for name in names]


def test_a_wire_that_falls_silent_is_one_finding_until_its_last_signal_is_back() -> None:
    fold = SilenceFold("R1")
    (one,) = fold.fold(lost("abcde", 10), 10)
    assert (one.stage, one.tag, one.detail["count"]) == (Stage.CONFIRMED, None, 5.0)
    (more,) = fold.fold(lost("f", 20), 20)
    assert (more.stage, more.condition, more.detail["count"]) == (Stage.REVISED, one.condition, 6.0)
    (fewer,) = fold.fold(back("abcd", 30), 30)
    assert (fewer.stage, fewer.detail["tags"]) == (Stage.REVISED, "e, f")
    assert fold.fold([], 35) == []
    (over,) = fold.fold(back("ef", 40), 40)
    assert (over.stage, over.condition) == (Stage.CLOSED, one.condition)


def test_signals_that_never_spoke_are_not_said_to_have_fallen_silent() -> None:
    never = (Cause("never_heard", Verdict.SENSOR, "R1", None, 1.0),)
    unheard = [replace(each, causes=never) for each in lost("abc", 10)]
    (one,) = SilenceFold("R1").fold(unheard, 10)
    assert one.causes[0].code == "signals_never_heard"
    assert "only:" in catalogue("en")["cause.signals_never_heard.action"]
    (mixed,) = SilenceFold("R1").fold([*unheard, *lost("d", 10)], 10)
    assert mixed.causes[0].code == "signals_lost_together"


def test_single_signals_stay_single() -> None:
    fold = SilenceFold("R1")
    found = fold.fold(lost("ab"[: LEAST - 1], 10), 10)
    assert [e.tag for e in found] == ["R1.a", "R1.b"]
    assert [e.stage for e in fold.fold(back("ab", 20), 20)] == [Stage.CLOSED] * 2


def test_the_next_time_is_another_condition() -> None:
    fold = SilenceFold("R1")
    (first,) = fold.fold(lost("abc", 10), 10)
    fold.fold(back("abc", 20), 20)
    (second,) = fold.fold(lost("abc", 30), 30)
    assert first.condition != second.condition


@given(st.lists(st.sets(st.sampled_from("abcdefgh")), max_size=12))
def test_whatever_is_silent_is_named_and_whatever_is_named_is_silent(silent_sets) -> None:
    fold, standing, silent = SilenceFold("R1"), {}, set()
    for t, now in enumerate([*silent_sets, set()]):
        changes = lost("".join(sorted(now - silent)), t) + back("".join(sorted(silent - now)), t)
        silent = set(now)
        for e in fold.fold(changes, t):
            names = set(e.detail["tags"].split(", ")) if "tags" in e.detail else {e.tag.partition(".")[2]}
            standing.pop(e.condition, None)
            if e.stage is not Stage.CLOSED:
                standing[e.condition] = names
        assert set().union(*standing.values()) == silent
