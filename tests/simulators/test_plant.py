"""The plant as its users see it: determinism, faults, loops, laboratory, and believable ranges."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulators.faults import FAULTS
from simulators.plant import Plant, PlantBatch
from simulators.probes import CHANNELS, TAGS
from simulators.scenario import FaultSpec, Scenario
from twin.domain.errors import ConfigError


def scenario(faults: tuple[dict[str, Any], ...] = (), **changes: Any) -> Scenario:
    vessel = {"id": "R1", "start_h": 96.0, "faults": list(faults)} | changes.pop("vessel", {})
    base = {
        "schema": 1,
        "id": "t",
        "title": {"en": "t", "fr": "t"},
        "duration_h": 24,
        "period_s": 60,
        "seed": 4,
    }
    return Scenario.model_validate(base | changes | {"vessels": [vessel]})


def run(chosen: Scenario, hours: float, seed: int | None = None) -> tuple[Plant, PlantBatch]:
    plant = Plant(chosen, seed)
    return plant, plant.advance(hours * 3600.0)


def series(batch: PlantBatch, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = batch.tag_index == batch.tags.index(f"R1.{name}")
    return batch.time_s[rows] / 3600.0, batch.value[rows], batch.quality[rows]


# -- determinism -----------------------------------------------------------------------------------------


def test_any_steps_give_the_same_data() -> None:
    chosen = scenario(
        ({"kind": "spikes", "tag": "pO2", "at_h": 1.0}, {"kind": "dropout", "tag": "pH", "at_h": 4})
    )
    _, whole = run(chosen, 30.0)
    pieces = Plant(chosen)
    parts = [pieces.advance(t) for t in (0.0, 1.0, 59.9, 60.0, 4000.0, 4000.0, 40_000.0, 90_001.5, 108_000.0)]
    for column in ("time_s", "tag_index", "value", "quality"):
        together = np.concatenate([getattr(part, column) for part in parts])
        np.testing.assert_array_equal(together, getattr(whole, column))
    assert tuple(a for part in parts for a in part.assays) == whole.assays
    assert tuple(e for part in parts for e in part.events) == whole.events


def test_time_does_not_go_back() -> None:
    plant, _ = run(scenario(), 1.0)
    with pytest.raises(ValueError, match="can not go back"):
        plant.advance(10.0)


def test_another_seed_is_another_batch_and_the_same_seed_is_the_same() -> None:
    _, one = run(scenario(), 1.0)
    _, same = run(scenario(), 1.0)
    _, other = run(scenario(), 1.0, seed=5)
    np.testing.assert_array_equal(one.value, same.value)
    assert (one.value != other.value).mean() > 0.5


@pytest.mark.parametrize("kind", FAULTS)
def test_nothing_differs_before_the_onset_and_something_after(kind: str) -> None:
    fault: dict[str, Any] = {"kind": kind, "at_h": 2.0}
    if FAULTS[kind].tag is None:
        fault["tag"] = "pCO2"
    if kind == "crossed_channels":
        fault["other"] = "pCO2"
    if kind in ("contamination", "clock_shift"):
        fault["size"] = {"contamination": 1e6, "clock_shift": 60.0}[kind]
    if kind in ("base_line_blocked", "starvation", "wrong_feed", "feed_pump_loss", "pump_tube_wear"):
        changes: dict[str, Any] = {"vessel": {"start_h": 150.0}}
    elif kind == "retention_fouling":
        changes = {"vessel": {"kind": "cho_perfusion"}}
    elif kind == "trapped_air":
        changes = {"vessel": {"recipe": {"harvest_h": 96.5, "cip_h": 97.0, "sip_h": 97.5}}}
    else:
        changes = {}
    healthy, base = run(scenario(**changes), 8.0)
    faulty, other = run(scenario((fault,), **changes), 8.0)
    before, before2 = base.time_s < 2 * 3600.0, other.time_s < 2 * 3600.0
    np.testing.assert_array_equal(base.value[before], other.value[before2])
    np.testing.assert_array_equal(base.quality[before], other.quality[before2])
    truth, truth2 = healthy.truth(), faulty.truth()
    early = truth["time_s"] < 2 * 3600.0
    for name in truth:
        np.testing.assert_array_equal(truth[name][early], truth2[name][early])
    told = not np.array_equal(base.time_s, other.time_s)
    told = told or not np.array_equal(base.value, other.value, equal_nan=True)
    unseen = {"retention_fouling": "titre_harvest", "trapped_air": "F0"}.get(kind)
    assert told or (unseen and (truth[unseen] != truth2[unseen]).any())


def test_a_faulty_probe_out_of_any_loop_changes_nothing_else() -> None:
    _, healthy = run(scenario(), 6.0)
    _, faulty = run(scenario(({"kind": "noise_burst", "tag": "pCO2", "at_h": 1.0},)), 6.0)
    other = healthy.tag_index != healthy.tags.index("R1.pCO2")
    np.testing.assert_array_equal(healthy.value[other], faulty.value[other])
    assert not np.array_equal(healthy.value[~other], faulty.value[~other])


def test_vessels_of_a_fleet_differ_and_do_not_depend_on_each_other() -> None:
    def fleet(count: int) -> PlantBatch:
        _, batch = run(scenario(vessel={"id": "", "fleet": {"count": count, "id": "R{n}"}}), 0.5)
        return batch

    three, one = fleet(3), fleet(1)
    assert len(three.tags) == 3 * len(TAGS)
    mine = three.tag_index < len(TAGS)
    np.testing.assert_array_equal(three.value[mine], one.value)
    assert (np.diff(three.time_s) >= 0.0).all()
    second = (three.tag_index >= len(TAGS)) & (three.tag_index < 2 * len(TAGS))
    assert (three.value[mine] != three.value[second]).mean() > 0.5


# -- faults do what they say -------------------------------------------------------------------------------


def test_ph_drift_is_followed_by_the_loop() -> None:
    fault = {"kind": "pH_drift", "at_h": 1.0, "size": 0.02, "ramp_h": 8.0}
    plant, batch = run(scenario((fault,)), 12.0)
    truth = plant.truth()
    _, shown, _ = series(batch, "pH")
    bias = shown - truth["pH"]
    assert bias[-60:].mean() - bias[:30].mean() == pytest.approx(0.16, abs=0.01)
    assert abs(shown[-60:].mean() - shown[:30].mean()) < 0.06, "the loop holds what it sees"


def test_fouling_of_the_oxygen_probe_and_its_end() -> None:
    plant, batch = run(scenario(({"kind": "pO2_drift", "at_h": 1.0, "size": -2.0, "end_h": 6.0},)), 8.0)
    hours, shown, _ = series(batch, "pO2")
    gain = shown / plant.truth()["pO2"]
    drift = gain[(hours > 5.5) & (hours < 6.0)].mean() - gain[hours < 1.0].mean()
    assert drift == pytest.approx(-0.02 * 4.75, abs=0.01)
    assert gain[hours > 7.0].mean() == pytest.approx(gain[hours < 1.0].mean(), abs=0.01)


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("frozen", lambda v, q: (v == v[0]).all() and (q == 192).all()),
        ("dead", lambda v, q: (v == -1.0).all() and (q == 192).all()),
        ("bad_status", lambda v, q: np.isnan(v).all() and (q == 0).all()),
        ("dropout", lambda v, q: len(v) == 0),
    ],
)
def test_dead_probes(kind: str, check: Any) -> None:
    _, batch = run(scenario(({"kind": kind, "tag": "conductivity", "at_h": 1.0},)), 3.0)
    hours, shown, quality = series(batch, "conductivity")
    assert check(shown[hours >= 1.0], quality[hours >= 1.0])


def test_loss_of_transfer_is_made_good_by_oxygen_without_an_alarm() -> None:
    plant, batch = run(scenario(({"kind": "kLa_loss", "at_h": 6.0, "size": 0.38},)), 20.0)
    hours, shown, _ = series(batch, "pO2")
    assert 25.0 < shown[hours > 1.0].min() < 40.0
    assert shown[hours > 7.0].mean() == pytest.approx(40.0, abs=0.5)
    truth = plant.truth()
    assert truth["kLa"][370] / truth["kLa"][350] == pytest.approx(0.62, abs=0.06)
    assert truth["flow_O2"][400] > truth["flow_O2"][350]


def test_a_failing_feed_pump_shows_on_the_scale_only() -> None:
    chosen = scenario(({"kind": "feed_pump_loss", "at_h": 2.0, "size": 0.6},), vessel={"start_h": 150.0})
    _plant, batch = run(chosen, 12.0)
    hours, flow, _ = series(batch, "feed_flow")
    _, scale, _ = series(batch, "feed_scale")
    late = hours > 2.1
    fed = -np.polyfit(hours[late], scale[late], 1)[0] / 1.06
    assert fed == pytest.approx(0.4 * flow[late].mean(), rel=0.05)


def test_contamination_takes_over_within_two_days_and_stays_physical() -> None:
    plant, _ = run(scenario(({"kind": "contamination", "at_h": 1.0, "size": 1.0},), duration_h=120), 120.0)
    truth = plant.truth()
    healthy, _ = run(scenario(duration_h=120), 36.0)
    early = len(healthy.truth()["OUR"])
    ratio = truth["OUR"][:early] / healthy.truth()["OUR"]
    hours = truth["time_s"][:early] / 3600.0
    assert ratio[hours < 12.0].max() < 1.02, "not visible at first"
    assert ratio.max() > 2.0
    assert truth["pO2"].min() < 5.0
    assert truth["pO2"].min() > -0.01
    assert truth["glucose"].min() > -0.01
    assert truth["offgas_O2"].min() > 0.0
    assert 0.1 < truth["contaminant"].max() < 20.0


def test_starvation_crashes_the_culture() -> None:
    chosen = scenario(({"kind": "starvation", "at_h": 0.0},), vessel={"start_h": 168.0}, duration_h=120)
    plant, batch = run(chosen, 96.0)
    truth = plant.truth()
    assert truth["glucose"][-1] < 0.05
    assert truth["viability"][-1] < 40.0
    assert series(batch, "feed_sp")[1].max() == 0.0


def test_fault_intervals_are_told() -> None:
    plant, _ = run(scenario(({"kind": "kLa_loss", "at_h": 3.0, "end_h": 5.0},)), 0.0)
    (fault,) = plant.faults()
    assert (fault.tag, fault.verdict, fault.start_s, fault.end_s) == ("R1.pO2", "process", 10800.0, 18000.0)
    assert fault.size == FAULTS["kLa_loss"].size


def test_every_kind_is_explained() -> None:
    for kind, fault in FAULTS.items():
        assert fault.explanation.endswith("."), kind
        assert fault.verdict in ("sensor", "process", "actuator")
        assert fault.on_plant or fault.verdict == "sensor"
        other = "pCO2" if kind == "crossed_channels" else None
        FaultSpec(kind=kind, at_h=0.0, tag=None if fault.tag else CHANNELS[0], other=other)


# -- loops, laboratory, operator -----------------------------------------------------------------------------


def test_a_set_point_written_is_followed_and_logged() -> None:
    plant, _ = run(scenario(), 2.0)
    plant.set_point("R1.pO2_sp", 55.0)
    batch = plant.advance(6 * 3600.0)
    hours, shown, _ = series(batch, "pO2")
    assert shown[hours > 4.0].mean() == pytest.approx(55.0, abs=0.5)
    assert any(event.kind == "set_point" for event in batch.events)
    assert set(series(batch, "pO2_sp")[1]) == {55.0}


@pytest.mark.parametrize(
    ("tag", "value"), [("R9.pH_sp", 7.0), ("R1.pH", 7.0), ("R1.pH_sp", 12.0), ("R1.feed_sp", 1e9), ("x", 1.0)]
)
def test_a_set_point_that_does_not_fit_is_refused(tag: str, value: float) -> None:
    plant, _ = run(scenario(), 0.0)
    with pytest.raises(ConfigError, match="set point"):
        plant.set_point(tag, value)


def test_assays_come_later_than_drawn_and_near_the_truth() -> None:
    chosen = scenario(vessel={"start_h": 0.0}, duration_h=336)
    plant, batch = run(chosen, 336.0)
    truth = plant.truth()
    names = {a.tag.removeprefix("R1.") for a in batch.assays}
    assert names == {"VCD", "viability", "glucose", "lactate", "ammonia", "titre", "pH_lab", "pCO2_lab"}
    cells = [a for a in batch.assays if a.tag == "R1.VCD"]
    assert 10 <= len(cells) <= 15
    assert all(1200.0 <= a.reported_s - a.drawn_s <= 3600.0 for a in cells)
    true = np.interp([a.drawn_s for a in cells], truth["time_s"], truth["VCD"])
    error = np.array([a.value for a in cells]) / true - 1.0
    assert 0.01 < error.std() < 0.09
    first = min(a.drawn_s for a in batch.assays)
    assert first <= 3600.0


def test_more_assays_come_where_asked_for_and_change_no_other() -> None:
    also = ["glutamine", "osmolality", "pO2_lab"]
    plant, more = run(scenario(vessel={"laboratory": {"also": also, "missing": 0.0}}), 3.0)
    _, usual = run(scenario(vessel={"laboratory": {"missing": 0.0}}), 3.0)
    extra = {a.tag.removeprefix("R1."): a.value for a in more.assays if a not in usual.assays}
    assert set(extra) == set(also)
    assert set(usual.assays) < set(more.assays)
    truth = plant.truth()
    assert extra["glutamine"] == pytest.approx(truth["glutamine"][0], rel=0.35, abs=0.2)
    assert extra["osmolality"] == pytest.approx(truth["osmolality"][0], rel=0.05)
    assert extra["pO2_lab"] == pytest.approx(truth["pO2"][0], rel=0.15)


def test_the_sample_at_the_opening_is_drawn_on_time() -> None:
    _, batch = run(scenario(), 3.0)
    assert {a.drawn_s for a in batch.assays} == {0.0}


def test_phases_are_logged_in_order() -> None:
    chosen = scenario(
        vessel={"start_h": 0.0, "recipe": {"shift_h": 60, "shift_temperature": 33.0, "harvest_h": 70}},
        duration_h=80,
    )
    plant, batch = run(chosen, 80.0)
    names = [event.data["phase"] for event in batch.events if event.kind == "phase"]
    assert names == ["inoculate", "grow", "feed", "shift", "harvest"]
    assert all({"en", "fr"} <= event.text.keys() for event in batch.events)
    assert plant.truth()["temperature"][-1] == pytest.approx(33.0, abs=0.2)


# -- believable ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("volume_l", "pco2", "kappa"), [(2.0, 160.0, (12.4, 14.6)), (2000.0, 185.0, (13.0, 15.3))]
)
def test_eleven_days_stay_in_the_expected_ranges(
    volume_l: float, pco2: float, kappa: tuple[float, float]
) -> None:
    chosen = scenario(
        vessel={"start_h": 0.0, "variability": False, "volume_l": volume_l}, duration_h=264, period_s=300
    )
    plant, batch = run(chosen, 264.0)
    truth = plant.truth()
    settled = truth["time_s"] > 6 * 3600.0
    assert truth["pH"][settled].min() > 6.97
    assert truth["pH"][settled].max() < 7.13
    assert truth["pCO2"][settled].min() > 45.0
    assert 100.0 < truth["pCO2"].max() < pco2
    assert kappa[0] < truth["conductivity"][settled].min()
    assert truth["conductivity"].max() < kappa[1]
    assert 2.0 < truth["OUR"].max() < 3.0
    assert truth["glucose"].min() > 1.5
    assert truth["osmolality"].max() < 440.0
    assert 0.002 < truth["base_in"][-1] / volume_l / 1e3 < 0.012
    assert np.abs(truth["pO2"][settled] - 40.0).max() < 12.0
    assert np.abs(truth["temperature"][settled] - 36.8).max() < 0.4
    assert (series(batch, "pH")[2] == 192).all()


def test_kinetics_reproduce_a_real_fed_batch(shared_data: Path) -> None:
    """NISTCHO condition A: viable cells within 0.6e6/mL (root mean square), viability within 1.5 points."""
    with (shared_data / "nistcho_fedbatch" / "nistcho_vcd_condition_means.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["Condition"] == "A"]
    hours, cells, viable = (
        np.array([float(r[c]) for r in rows]) for c in ("mean_hours", "mean_vcd", "mean_via")
    )
    vessel = {
        "start_h": 0.0, "variability": False, "disturbance": 0.0, "parameters": {"inoculum": 0.393},
        "laboratory": {"noise": 0.0, "missing": 0.0},
    }  # fmt: skip
    plant, _ = run(scenario(vessel=vessel, duration_h=268, period_s=300), 268.0)
    truth = plant.truth()
    at = truth["time_s"] / 3600.0

    def rms(name: str, data: np.ndarray) -> float:
        return float(np.sqrt(np.mean((np.interp(hours, at, truth[name]) - data) ** 2)))

    assert rms("VCD", cells) < 0.6
    assert rms("viability", viable) < 1.5
