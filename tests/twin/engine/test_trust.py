"""Trust: demoted when figures stay poor, back when they stay good, and what people hear meanwhile."""

from dataclasses import replace

import numpy as np
import orjson
import pytest

from twin.domain.event import Cause, Event, Kind, ModelRef, Stage, Verdict
from twin.domain.trust import Trust
from twin.engine.trust import HOUR, Figures, TrustKeeper
from twin.observers.consistency import Consistency, Hour

MODEL = ModelRef("m", "1", "0" * 12)


def consistency(nis: float, correlation: float = 0.0, readings: float = 300.0) -> Consistency:
    hours = tuple(Hour(h * HOUR, nis, readings, correlation) for h in range(6))
    return replace(Consistency.new(1), hours=hours)


GOOD = Figures(consistency(0.3), 1.0, 0.0, False, 0, False)


def fault(stage: Stage, t: int = 0) -> Event:
    return Event(
        t, Kind.DRIFT, "R1", stage, "R1/kla_loss/1", verdict=Verdict.PROCESS, size=-30.0, confidence=0.97,
        causes=(Cause("kla_loss", Verdict.PROCESS, "R1", None, 0.97),), evidence=("R2",), model=MODEL,
        detail={"code": "kla_loss"},
    )  # fmt: skip


def judged(keeper: TrustKeeper, figures: Figures, hours: range) -> list[Event]:
    return [event for h in hours for event in keeper.judge(figures, h * HOUR)]


@pytest.mark.parametrize(
    ("figures", "level", "reason"),
    [
        (replace(GOOD, consistency=consistency(4.0)), Trust.MONITOR, "twin_surprised"),
        (replace(GOOD, consistency=consistency(20.0)), Trust.OFF, "twin_surprised"),
        (replace(GOOD, consistency=consistency(1.5, 0.9)), Trust.MONITOR, "twin_not_white"),
        (replace(GOOD, known=0.4), Trust.MONITOR, "twin_blind"),
        (replace(GOOD, dark_h=7.0), Trust.MONITOR, "twin_dark"),
        (replace(GOOD, resets=3), Trust.OFF, "twin_unstable"),
    ],
)
def test_what_is_poor_for_hours_demotes_and_says_why_and_good_hours_bring_it_back(figures, level, reason):
    keeper = TrustKeeper("R1", MODEL)
    assert judged(keeper, figures, range(3)) == []
    (down,) = judged(keeper, figures, range(3, 5))
    assert (keeper.level, down.stage, down.kind) == (level, Stage.CONFIRMED, Kind.TWIN)
    assert (down.detail["code"], down.detail["trust"], down.detail["before"]) == (reason, level, "advice")
    (up,) = judged(keeper, GOOD, range(5, 9))
    assert (keeper.level, up.stage, up.condition) == (Trust.ADVICE, Stage.CLOSED, down.condition)


def test_one_good_hour_between_does_not_demote():
    keeper, bad = TrustKeeper("R1", MODEL), replace(GOOD, consistency=consistency(4.0))
    for h in range(20):
        assert keeper.judge(GOOD if h % 3 == 0 else bad, h * HOUR) == []


@pytest.mark.parametrize(
    "figures",
    [
        replace(GOOD, consistency=consistency(4.0), explained=True),
        replace(GOOD, consistency=consistency(3.0, readings=1.0)),
        replace(GOOD, dark_h=40.0, samples_only=True),
        replace(GOOD, consistency=consistency(0.2, 0.95)),
    ],
)
def test_a_fault_that_explains_it_few_readings_and_caution_do_not_count(figures):
    assert judged(TrustKeeper("R1", MODEL), figures, range(30)) == []


def test_a_finding_is_told_at_every_level_and_says_how_far_the_twin_trusts_itself():
    keeper = TrustKeeper("R1", MODEL)
    assert keeper.pass_on([fault(Stage.CONFIRMED)]) == [fault(Stage.CONFIRMED)]
    judged(keeper, replace(GOOD, known=0.1), range(4))
    (heard,) = keeper.pass_on([fault(Stage.CONFIRMED, 5 * HOUR)])
    assert (heard.stage, heard.detail["trust"]) == (Stage.CONFIRMED, "monitor")
    (up,) = judged(keeper, GOOD, range(7, 11))
    assert (up.kind, up.stage) == (Kind.TWIN, Stage.CLOSED)
    assert "trust" not in keeper.pass_on([fault(Stage.REVISED)])[0].detail


def test_other_events_pass_untouched():
    keeper = TrustKeeper("R1", MODEL)
    judged(keeper, replace(GOOD, resets=9), range(4))
    limit = replace(fault(Stage.CONFIRMED), kind=Kind.LIMIT)
    assert keeper.pass_on([limit]) == [limit]


def test_a_snapshot_through_json_keeps_trust():
    keeper, again = TrustKeeper("R1", MODEL), TrustKeeper("R1", MODEL)
    judged(keeper, replace(GOOD, known=0.1), range(4))
    again.restore(orjson.loads(orjson.dumps(keeper.snapshot())))
    assert (again.level, again.number, again.since_ns) == (Trust.MONITOR, 1, 3 * HOUR)
    assert judged(again, GOOD, range(7, 11)) == judged(keeper, GOOD, range(7, 11))
    assert np.isfinite(again.since_ns)
