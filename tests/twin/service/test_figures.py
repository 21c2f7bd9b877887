"""The scorer on made-up events whose delays, misses and false alarms are known."""

import pytest
from scipy.stats import chi2

from simulators.scenario import FaultSpec
from twin.domain.event import Event, Kind, Stage, Verdict
from twin.service.campaign import BaseSection, Plan
from twin.service.figures import (
    Figures,
    asset_right,
    delay_h,
    figures,
    judge,
    poisson_interval,
    size_error_percent,
)
from twin.service.sensors import Band
from twin.service.trial import HOUR, START_NS, Outcome

BASE = BaseSection(hours=40)


def at(hours: float) -> int:
    return START_NS + round(hours * HOUR)


def finding(hours: float, code: str, **changes: object) -> Event:
    fields: dict[str, object] = {
        "t": at(hours),
        "kind": Kind.DRIFT,
        "asset": "R101",
        "stage": Stage.CONFIRMED,
        "condition": f"R101/{code}/1",
        "tag": "R101.pH",
        "verdict": Verdict.SENSOR,
        "since": at(hours - 2),
        "detail": {"code": code, "rate_per_h": 0.025},
    }
    return Event(**(fields | changes))  # type: ignore[arg-type]


def outcome(fault: FaultSpec | None, *events: Event, hours: float = 40.0, **more: object) -> Outcome:
    return Outcome(Plan(7000, hours, 72.0, fault), events, **more)  # type: ignore[arg-type]


def scored(*outcomes: Outcome) -> Figures:
    return figures([judge(o, BASE) for o in outcomes])


PH = FaultSpec(kind="pH_drift", at_h=10.0)


def test_delays_and_misses_are_exact() -> None:
    told = [outcome(PH, finding(10.0 + d, "ph_probe_drift")) for d in (1.0, 2.0, 4.0, 8.0)]
    found = scored(*told, outcome(PH))
    assert (found["told"], found["missed"], found["miss_rate"]) == (4, 1, 0.2)
    assert found["median_delay_h"] == 3.0
    assert found["delay_quartiles_h"] == [1.75, 5.0]
    assert found["verdict_accuracy"] == found["asset_accuracy"] == 1.0
    assert found["onset_error_h"] == 1.5  # told two hours before each finding: 1, 0, 2, 6 h off
    assert found["size_error_percent"] == 25.0
    assert found["false_alarms"] == 0


def test_a_suspicion_and_a_limit_answer_nothing() -> None:
    suspicion = finding(12.0, "ph_probe_drift", stage=Stage.SUSPECTED)
    limit = finding(13.0, "limit", kind=Kind.LIMIT, verdict=Verdict.UNKNOWN)
    found = scored(outcome(PH, suspicion, limit))
    assert (found["missed"], found["false_alarms"], found["limit_alarms"]) == (1, 0, 1)


def test_a_finding_before_the_onset_is_a_false_alarm_and_no_answer() -> None:
    found = scored(outcome(PH, finding(9.9, "ph_probe_drift")))
    assert (found["missed"], found["false_alarms"]) == (1, 1)


def test_a_wrong_verdict_is_told_and_wrong() -> None:
    wrong = finding(12.0, "kla_loss", verdict=Verdict.PROCESS, tag=None)
    found = scored(outcome(PH, wrong))
    assert (found["told"], found["verdict_accuracy"], found["asset_accuracy"]) == (1, 0.0, 0.0)
    assert found["size_error_percent"] is None


def test_the_right_finding_is_taken_and_the_other_counts_as_beyond() -> None:
    wrong = finding(11.0, "kla_loss", verdict=Verdict.PROCESS, tag=None, condition="R101/kla_loss/1")
    judged = judge(outcome(PH, wrong, finding(13.0, "ph_probe_drift")), BASE)
    assert delay_h(judged) == pytest.approx(3.0)
    assert [e.condition for e in judged.beyond] == ["R101/kla_loss/1"]


def test_false_alarms_on_healthy_batches_per_1000_hours() -> None:
    false = finding(5.0, "ph_probe_drift")
    found = scored(outcome(None, false), outcome(None, hours=460.0))
    assert (found["hours"], found["false_alarms"]) == (500.0, 1)
    assert found["false_alarms_per_1000h"] == 2.0
    assert found["false_alarms_interval"] == [0.05064, 11.14]
    assert found["miss_rate"] is None


@pytest.mark.parametrize(
    ("fault", "told", "error"),
    [
        (FaultSpec(kind="kLa_loss", at_h=10, size=0.4), {"size": -30.0, "tag": None}, -25.0),
        (FaultSpec(kind="feed_pump_loss", at_h=10), {"size": -55.0, "tag": "R101.feed_flow"}, 10.0),
        (FaultSpec(kind="temperature_bias", at_h=10), {"size": 0.6, "tag": "R101.temperature"}, 20.0),
        (FaultSpec(kind="conductivity_shift", at_h=10), {"size": -0.36, "tag": "R101.conductivity"}, -20.0),
        (FaultSpec(kind="frozen", at_h=10, tag="pH"), {"size": 1.0}, None),
    ],
)
def test_sizes_compare_in_the_unit_of_the_finding(
    fault: FaultSpec, told: dict[str, object], error: float | None
) -> None:
    right = {"kLa_loss": Verdict.PROCESS, "feed_pump_loss": Verdict.ACTUATOR}.get(fault.kind, Verdict.SENSOR)
    event = finding(11.0, "x", verdict=right, **told)
    judged = judge(outcome(fault, event, level=15.0), BASE)
    assert asset_right(judged)
    found = size_error_percent(judged)
    assert found == (None if error is None else pytest.approx(error))


def test_coverage_and_errors_pool_over_batches() -> None:
    one = outcome(None, bands={"VCD": Band(10, 9, 40.0, 5, 45.0), "glucose": Band(10, 5, 0.0)})
    found = scored(one, outcome(None, bands={"VCD": Band(30, 30, 0.0)}))
    assert found["coverage90"] == pytest.approx(44 / 50)
    cells = found["quantities"]["VCD"]
    assert (cells["coverage90"], cells["rmsep"], cells["rmsep_last_assay_held"]) == (0.975, 1.0, 3.0)
    assert found["quantities"]["lactate"]["rmsep"] is None


@pytest.mark.parametrize("count", [0, 1, 3, 20, 150])
def test_the_poisson_interval_is_exact(count: int) -> None:
    low, high = poisson_interval(count)
    assert low == pytest.approx(chi2.ppf(0.025, 2 * count) / 2 if count else 0.0, abs=1e-9)
    assert high == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2, rel=1e-9)


def test_a_finding_that_blames_nobody_is_a_fact_and_no_answer() -> None:
    end = finding(12.0, "end_of_range", kind=Kind.DEAD, verdict=Verdict.UNKNOWN)
    found = scored(outcome(PH, end))
    assert (found["missed"], found["false_alarms"], found["blameless_findings"]) == (1, 0, 1)


@pytest.mark.parametrize(("second", "both"), [("kla_loss", 1.0), ("ph_probe_drift", 0.0)])
def test_of_two_faults_both_must_be_told(second: str, both: float) -> None:
    plan = Plan(7000, 40.0, 72.0, PH, FaultSpec(kind="kLa_loss", at_h=10.0))
    verdict = Verdict.PROCESS if second == "kla_loss" else Verdict.SENSOR
    other = finding(11.0, second, verdict=verdict, tag=None, condition="R101/second/1")
    found = scored(Outcome(plan, (finding(13.0, "ph_probe_drift"), other)))
    assert found["both_named"] == both
    assert found["false_alarms"] == 0


def test_a_fault_that_matters_later_is_also_timed_from_then() -> None:
    told = finding(20.0, "base_line_blocked", verdict=Verdict.ACTUATOR, tag="R101.base_flow")
    blocked = FaultSpec(kind="base_line_blocked", at_h=10.0)
    found = scored(outcome(blocked, told, visible_h=19.5), outcome(blocked, told))
    assert found["median_delay_h"] == 10.0
    assert found["median_after_it_mattered_h"] == 0.5


def test_a_fault_that_never_mattered_is_neither_told_nor_missed() -> None:
    blocked = FaultSpec(kind="base_line_blocked", at_h=10.0)
    found = scored(outcome(blocked), outcome(blocked, visible_h=20.0), outcome(PH))
    assert (found["idle"], found["told"], found["missed"], found["miss_rate"]) == (1, 0, 2, 1.0)


def test_that_a_silenced_tag_is_silent_is_no_finding() -> None:
    lost = finding(0.1, "no_signal", kind=Kind.SIGNAL_LOST, tag="R101.pCO2")
    assert judge(outcome(None, lost), BASE).beyond == (lost,)
    assert judge(outcome(None, lost), BASE.model_copy(update={"silent": ["pCO2"]})).beyond == ()
