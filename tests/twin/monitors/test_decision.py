"""One verdict per fault: suspected, confirmed, revised, closed."""

from dataclasses import replace

import numpy as np
import pytest

from twin.domain.event import ModelRef, Stage, Verdict
from twin.monitors.decision import HOUR, QUIET_H, Decisions
from twin.monitors.glr import Finding
from twin.processes.base import Hypothesis, Shape

DRIFT = Hypothesis(
    "drift", Verdict.SENSOR, "bias", Shape.RAMP, 0.004, "pH", evidence=("R1",), hold_h=0.5, slack=0.01
)
LOSS = Hypothesis(
    "loss", Verdict.PROCESS, "log_k", Shape.STEP, 0.1, sign=-1, relative=True, unit="%", slack=0.02
)


def decisions() -> Decisions:
    return Decisions("R1", {"drift": DRIFT, "loss": LOSS}, ModelRef("m", "1", "abc"))


def finding(h: Hypothesis, ratio: float, p: float, size: float = 0.02, hours: float = 5.0) -> Finding:
    total = size * hours if h.shape is Shape.RAMP else size
    return Finding(h, 0, size, size / 10, total, total / 10, ratio, ratio, p, np.zeros(2), 1.0)


def stages(events) -> list[str]:
    return [e.stage.value for e in events]


def test_weak_findings_say_nothing() -> None:
    d = decisions()
    assert d.weigh([finding(DRIFT, 5.0, 0.99)], HOUR) == ([], None)
    assert d.weigh([finding(DRIFT, 50.0, 0.99, size=0.001)], HOUR) == ([], None)
    assert d.weigh([], HOUR) == ([], None)


def test_suspected_then_confirmed_after_it_held_under_one_condition() -> None:
    d = decisions()
    assert d.weigh([finding(DRIFT, 15.0, 0.9)], HOUR // 2) == ([], None)
    told, confirmed = d.weigh([finding(DRIFT, 15.0, 0.9)], HOUR)
    assert stages(told) == ["suspected"]
    assert confirmed is None
    assert d.weigh([finding(DRIFT, 30.0, 0.9)], 2 * HOUR) == ([], None)
    found = [finding(DRIFT, 30.0, 0.9)]
    done, confirmed = d.weigh(found, 2 * HOUR + HOUR // 2)
    assert done == []
    assert confirmed is found[0]
    event = d.confirm(confirmed, found, 2 * HOUR + HOUR // 2, baseline=0.0)
    assert event.stage is Stage.CONFIRMED
    assert {e.condition for e in (*told, event)} == {"R1/drift/1"}
    assert d.suspected == {}
    assert event.tag == "R1.pH"
    assert event.verdict is Verdict.SENSOR
    assert event.size == pytest.approx(0.1)
    assert event.detail["rate_per_h"] == pytest.approx(0.1 / 2.5)
    assert event.causes[0].code == "drift"
    assert event.evidence == ("R1",)


def test_holding_is_interrupted_by_another_leader() -> None:
    d = decisions()
    d.weigh([finding(DRIFT, 30.0, 0.9)], HOUR)
    d.weigh([finding(LOSS, 30.0, 0.6, -0.3), finding(DRIFT, 30.0, 0.4)], HOUR + HOUR // 4)
    told, confirmed = d.weigh([finding(DRIFT, 30.0, 0.9)], HOUR + HOUR // 2)
    assert confirmed is None
    assert Stage.CONFIRMED not in [e.stage for e in told]


def test_an_ambiguous_finding_is_not_confirmed() -> None:
    d = decisions()
    for hour in range(1, 10):
        _, confirmed = d.weigh([finding(DRIFT, 60.0, 0.55), finding(LOSS, 58.0, 0.45, -0.3)], hour * HOUR)
        assert confirmed is None


def test_suspicion_is_closed_when_the_evidence_goes() -> None:
    d = decisions()
    d.weigh([finding(DRIFT, 15.0, 0.9)], HOUR // 2)
    d.weigh([finding(DRIFT, 15.0, 0.9)], HOUR)
    told, _ = d.weigh([finding(DRIFT, 3.0, 0.9)], 2 * HOUR)
    assert stages(told) == ["closed"]
    assert d.suspected == {}


def confirmed_loss() -> Decisions:
    d = decisions()
    found = [finding(LOSS, 60.0, 0.95, -0.4)]
    _, confirmed = d.weigh(found, HOUR)
    assert confirmed is not None
    d.confirm(confirmed, found, HOUR, baseline=0.5)
    return d


def test_a_standing_condition_blocks_its_state_and_follows_the_belief() -> None:
    d = confirmed_loss()
    assert d.blocked() == {"log_k"}
    assert d.follow({"log_k": 0.1, "bias": 0.0}, 2 * HOUR) == []
    told = d.follow({"log_k": -0.3, "bias": 0.0}, 3 * HOUR)
    assert stages(told) == ["revised"]
    assert told[0].size == pytest.approx(100 * np.expm1(-0.8), rel=1e-3)
    assert d.follow({"log_k": -0.31, "bias": 0.0}, 4 * HOUR) == []


def test_a_drift_is_told_again_as_it_grows_but_not_for_nothing_and_hourly_at_most() -> None:
    d = decisions()
    found = [finding(DRIFT, 60.0, 0.95, -0.02)]
    d.confirm(found[0], found, HOUR, baseline=0.0)
    assert d.follow({"bias": -0.105, "log_k": 0.0}, 3 * HOUR) == []
    told = d.follow({"bias": -0.121, "log_k": 0.0}, 4 * HOUR)
    assert stages(told) == ["revised"]
    assert told[0].size == pytest.approx(-0.121)
    assert d.follow({"bias": -0.2, "log_k": 0.0}, 5 * HOUR - 1) == []
    assert stages(d.follow({"bias": -0.2, "log_k": 0.0}, 5 * HOUR)) == ["revised"]


def test_it_is_closed_when_the_state_is_back_for_long_enough_and_counts_anew() -> None:
    d = confirmed_loss()
    back = {"log_k": 0.49, "bias": 0.0}
    assert d.follow(back, 5 * HOUR) == []
    assert d.follow(back, 5 * HOUR + int((QUIET_H - 0.5) * HOUR)) == []
    assert stages(d.follow(back, 5 * HOUR + int(QUIET_H * HOUR))) == ["closed"]
    assert d.blocked() == frozenset()
    again = finding(LOSS, 60.0, 0.95, -0.4)
    assert d.confirm(again, [again], 20 * HOUR, baseline=0.5).condition == "R1/loss/2"


def test_a_relapse_while_it_looks_over_keeps_it_standing() -> None:
    d = confirmed_loss()
    d.follow({"log_k": 0.49, "bias": 0.0}, 5 * HOUR)
    d.follow({"log_k": 0.1, "bias": 0.0}, 7 * HOUR)
    assert d.follow({"log_k": 0.49, "bias": 0.0}, 9 * HOUR) == []


def test_snapshot_and_restore_change_nothing() -> None:
    d = confirmed_loss()
    for hour in (2, 3):
        d.weigh([finding(DRIFT, 15.0, 0.9)], hour * HOUR)
    again = decisions()
    again.restore(d.snapshot())
    later = [finding(DRIFT, 40.0, 0.9)]
    for hour in (4, 5, 6):
        mine, theirs = d.weigh(later, hour * HOUR), again.weigh(later, hour * HOUR)
        assert mine == theirs
    assert mine[1] is later[0]
    assert again.snapshot() == d.snapshot()
    assert set(again.standing) == {"loss"}
    assert set(again.suspected) == {"drift"}


def test_a_vessel_that_left_the_model_is_told_nothing_else_by_it() -> None:
    guest = Hypothesis("guest", Verdict.PROCESS, "uptake", Shape.RAMP, 0.01, sign=+1, eclipses=True)
    d = Decisions("R1", {"drift": DRIFT, "guest": guest}, ModelRef("m", "1", "abc"))
    d.confirm(finding(DRIFT, 30.0, 0.9), [], HOUR, baseline=0.0)
    assert d.blocked() == {"bias"}
    d.confirm(finding(guest, 30.0, 0.9), [], HOUR, baseline=0.0)
    assert d.blocked() == {"bias", "uptake"}


def test_what_is_told_against_a_state_has_no_ground_once_a_finding_has_let_it_go() -> None:
    d = confirmed_loss()
    assert not d.unfounded().any()
    gain = replace(DRIFT, held=("log_k",))
    d = replace(d, hypotheses={"drift": gain, "loss": LOSS})
    assert d.unfounded().tolist() == [True, False]
    assert not replace(d, standing={}).unfounded().any()
