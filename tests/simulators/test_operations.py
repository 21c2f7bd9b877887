"""What an operator asks of recipe, laboratory and probes is done, and culture and log book follow."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simulators.operations import NotNow
from simulators.plant import Plant, PlantBatch
from simulators.scenario import Scenario
from twin.domain.errors import ConfigError

HOUR = 3600.0


def plant(kind: str = "cho_fedbatch", **more: Any) -> Plant:
    vessel = {"id": "R1", "start_h": 72, "variability": False, "disturbance": 0, "kind": kind} | more
    return Plant(
        Scenario.model_validate(
            {
                "schema": 1,
                "id": "s",
                "title": {"en": "s"},
                "duration_h": 96,
                "period_s": 60,
                "vessels": [vessel],
            }
        )
    )


def seen(batch: PlantBatch, name: str) -> NDArray[np.float64]:
    return batch.value[batch.tag_index == batch.tags.index(f"R1.{name}")]


def true(run: Plant, name: str, at_h: float) -> float:
    truth = run.truth()
    return float(np.interp(at_h * HOUR, truth["time_s"], truth[name]))


def lines(*batches: PlantBatch, kind: str) -> list[tuple[float, Any]]:
    return [
        (round(e.time_s / HOUR, 2), e.data.get("phase", e.data.get("what")))
        for batch in batches
        for e in batch.events
        if e.kind == kind
    ]


def test_a_held_recipe_feeds_nothing_and_its_phases_come_later() -> None:
    recipe = {"recipe": {"feed_start_h": 60, "shift_h": 90, "shift_temperature": 33.0}}
    free, held = plant(**recipe), plant(**recipe)
    before = held.advance(10 * HOUR)
    held.operate("R1", "HoldPhase")
    stood = held.advance(22 * HOUR)
    held.operate("R1", "ResumePhase")
    after = held.advance(34 * HOUR)
    free.advance(34 * HOUR)
    assert seen(before, "feed_flow")[-60:].mean() > 0.5
    assert seen(stood, "feed_flow")[10:].max() < 0.05
    fed = seen(before, "feed_flow")[-60:].mean()
    assert seen(after, "feed_flow")[10:60].mean() == pytest.approx(fed, rel=0.05)
    assert true(held, "glucose", 21.9) < true(free, "glucose", 21.9) - 0.3
    assert lines(before, stood, after, kind="recipe") == [(10.0, "hold"), (22.0, "resume")]
    assert (30.0, "shift") in lines(before, stood, after, kind="phase")
    assert true(held, "temperature", 29.9) > 36.5 > 34.0 > true(held, "temperature", 34.0)
    assert true(free, "temperature", 22.0) < 34.0


def test_the_next_phase_begins_when_it_is_asked_for() -> None:
    run = plant(recipe={"shift_h": 200, "shift_temperature": 33.0})
    before = run.advance(HOUR)
    run.operate("R1", "AdvancePhase")
    after = run.advance(8 * HOUR)
    assert lines(before, after, kind="phase")[-1] == (1.0, "shift")
    assert seen(before, "temperature")[-1] > 36.0
    assert seen(after, "temperature_sp")[-1] == 33.0
    assert true(run, "temperature", 8.0) == pytest.approx(33.0, abs=0.2)


def test_a_harvest_asked_for_ends_the_feed_and_leaves_phases_out() -> None:
    run = plant(recipe={"shift_h": 90, "harvest_h": 160})
    before = run.advance(2 * HOUR)
    run.operate("R1", "HoldPhase")
    run.operate("R1", "StartHarvest")
    after = run.advance(60 * HOUR)
    assert lines(before, after, kind="phase")[-1] == (2.0, "harvest")
    assert seen(before, "feed_flow")[-10:].mean() > 0.1
    assert seen(after, "feed_flow")[10:].max() < 0.05
    assert seen(after, "temperature_sp")[-1] == seen(before, "temperature_sp")[-1]
    with pytest.raises(ConfigError, match="feed_sp"):
        run.set_point("R1.feed_sp", 5.0)
    for operation in ("StartHarvest", "HoldPhase", "ResumePhase", "AdvancePhase"):
        with pytest.raises(NotNow):
            run.operate("R1", operation)


def test_a_sample_asked_for_is_assayed_and_taken_out_of_the_vessel() -> None:
    asked, other = plant(laboratory={"missing": 0}), plant(laboratory={"missing": 0})
    for run in (asked, other):
        run.advance(5 * HOUR)
    asked.operate("R1", "TakeSample")
    got, without = asked.advance(36 * HOUR), other.advance(36 * HOUR)
    beside = {a.tag: a for a in got.assays if a.drawn_s == 5 * HOUR}
    assert set(beside) >= {"R1.VCD", "R1.viability", "R1.glucose", "R1.titre", "R1.pH_lab"}
    assert beside["R1.VCD"].value == pytest.approx(true(asked, "VCD", 5.0), rel=0.2)
    assert all(a.reported_s > a.drawn_s for a in beside.values())
    assert true(other, "volume", 5.1) - true(asked, "volume", 5.1) == pytest.approx(0.006, rel=0.1)
    scheduled = [a.drawn_s for a in got.assays if a.drawn_s != 5 * HOUR]
    assert scheduled == [a.drawn_s for a in without.assays]
    assert [e.time_s for e in got.events if "on_request" in e.data] == [5 * HOUR]


def test_a_calibrated_probe_tells_the_truth_and_the_loop_brings_the_culture_back() -> None:
    drift = {"kind": "pH_drift", "at_h": 2, "size": 0.02, "ramp_h": 10}
    run = plant(faults=[drift])
    off = seen(run.advance(14 * HOUR), "pH")[-30:].mean() - true(run, "pH", 13.9)
    assert off > 0.15
    acid = true(run, "pH", 13.9)
    run.operate("R1", "CalibrateProbe", "pH")
    after = run.advance(30 * HOUR)
    assert seen(after, "pH")[-60:].mean() == pytest.approx(true(run, "pH", 29.5), abs=0.05)
    assert true(run, "pH", 29.5) > acid + 0.1
    (told,) = [e for e in after.events if e.kind == "calibration"]
    assert told.data["by"] == pytest.approx(-off, abs=0.04)


@pytest.mark.parametrize(("probe", "fault"), [("pO2", "pO2_drift"), ("pCO2", "pCO2_drift")])
def test_the_gain_of_a_gas_probe_is_put_right(probe: str, fault: str) -> None:
    run = plant(faults=[{"kind": fault, "at_h": 0, "size": -1.5, "ramp_h": 10}])
    before = seen(run.advance(12 * HOUR), probe)[-30:].mean() / true(run, probe, 11.9)
    run.operate("R1", "CalibrateProbe", probe)
    after = seen(run.advance(20 * HOUR), probe)[-30:].mean() / true(run, probe, 19.9)
    assert before < 0.9
    assert after == pytest.approx(1.0, abs=0.06)


def test_bacteria_are_fed_when_the_next_phase_is_asked_for() -> None:
    run = plant("ecoli_fedbatch", start_h=6)
    assert seen(run.advance(HOUR), "feed_flow").max() < 0.5
    run.operate("R1", "AdvancePhase")
    after = run.advance(3 * HOUR)
    assert lines(after, kind="phase") == [(1.0, "feed")]
    flow = seen(after, "feed_flow")[10:]
    assert flow[-1] > flow[0] > 2.0


def test_what_can_not_be_done_is_said_and_changes_nothing() -> None:
    run, other = plant(), plant()
    for one in (run, other):
        one.advance(HOUR)
    with pytest.raises(NotNow, match="not held"):
        run.operate("R1", "ResumePhase")
    for asked, word in (
        (("R1", "Dance"), "HoldPhase"),
        (("R2", "HoldPhase"), "R1"),
        (("R1", "CalibrateProbe"), "pH"),
    ):
        with pytest.raises(ConfigError, match=word) as refused:
            run.operate(*asked)
        assert not isinstance(refused.value, NotNow)
    a, b = run.advance(5 * HOUR), other.advance(5 * HOUR)
    np.testing.assert_array_equal(a.value, b.value)
    dead = plant(faults=[{"kind": "dead", "tag": "pH", "at_h": 0, "size": 0}])
    dead.advance(HOUR)
    with pytest.raises(NotNow, match="can not be calibrated"):
        dead.operate("R1", "CalibrateProbe", "pH")


def test_an_empty_vessel_gives_no_sample() -> None:
    recipe = {"cip_h": 0, "sip_h": 4, "prepare_h": 8, "inoculate_h": 12, "grow_h": 12}
    run = plant(start_h=0, recipe=recipe)
    run.advance(HOUR)
    for operation, about in (("TakeSample", ""), ("StartHarvest", ""), ("CalibrateProbe", "pH")):
        with pytest.raises(NotNow):
            run.operate("R1", operation, about)
    run.operate("R1", "HoldPhase")
    run.advance(3 * HOUR)
    run.operate("R1", "ResumePhase")
    begun = lines(run.advance(20 * HOUR), kind="phase")[:3]
    assert [name for _, name in begun] == ["sip", "prepare", "inoculate"]
    assert [at for at, _ in begun] == pytest.approx([6.0, 10.0, 14.0], abs=0.03)
