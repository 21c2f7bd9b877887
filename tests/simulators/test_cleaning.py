"""CIP, SIP, preparation and inoculation: independent numbers, and what the probes say."""

from typing import Any

import numpy as np
import pytest

from simulators import cleaning
from simulators.plant import Plant, PlantBatch
from simulators.probes import instruments
from simulators.scenario import Recipe, Scenario, VesselScenario, load_scenario, packaged
from simulators.station import wire_tags
from twin.domain.errors import ConfigError


def turnaround(hours: float = 30.0, faults: tuple[dict[str, Any], ...] = (), **recipe: Any) -> Plant:
    raw = load_scenario(packaged("turnaround")).model_dump(by_alias=True)
    raw["duration_h"], vessel = hours, raw["vessels"][0]
    vessel |= {"faults": list(faults), "recipe": vessel["recipe"] | recipe}
    return Plant(Scenario.model_validate(raw))


def run(hours: float = 30.0, **changes: Any) -> tuple[PlantBatch, dict[str, Any]]:
    plant = turnaround(hours, **changes)
    return plant.advance(hours * 3600.0), plant.truth()


def noted(batch: PlantBatch, kind: str) -> list[Any]:
    return [event for event in batch.events if event.kind == kind]


@pytest.mark.parametrize(("celsius", "minutes", "f0"), [(121.1, 15, 15.0), (124, 15, 29.2), (111, 60, 5.9)])
def test_f0_of_worked_examples(celsius: float, minutes: float, f0: float) -> None:
    assert minutes * cleaning.f0_rate(celsius) == pytest.approx(f0, rel=0.01)


@pytest.mark.parametrize(("celsius", "bar"), [(100.0, 1.0133), (121.1, 2.0566), (134.0, 3.0416)])
def test_pressure_of_saturated_steam_is_that_of_the_tables(celsius: float, bar: float) -> None:
    assert cleaning.steam_pressure(celsius) * 1.01325 == pytest.approx(bar, rel=0.01)


@pytest.mark.parametrize(("caustic", "acid", "kappa"), [
    (0.1, 0.0, 22.1), (0.01, 0.0, 2.38), (0.0, 0.1, 38.5), (0.0, 0.01, 4.10), (0.1, 0.1, 10.2),
])  # fmt: skip
def test_conductivity_of_what_comes_back_is_that_of_handbooks(
    caustic: float, acid: float, kappa: float
) -> None:
    """Molar conductivities at 25 Cel: NaOH 221, 238; HNO3 385, 406; NaNO3 102 S cm2/mol."""
    assert cleaning.conductivity(caustic, acid) == pytest.approx(kappa, rel=0.02)


def test_cip_and_sip_reach_what_they_must() -> None:
    batch, truth = run()
    hours = truth["time_s"] / 3600.0
    (cip,), (sip,) = noted(batch, "cip"), noted(batch, "sip")
    assert cip.data["conductivity"] <= 1.3e-3
    assert truth["pH"][(hours > 1.0) & (hours < 1.7)].max() > 11.5
    assert truth["conductivity"].max() == pytest.approx(22.1, rel=0.02)
    assert sip.data["f0_min"] >= 15.0
    assert truth["F0"][-1] >= 15.0
    steaming = truth["temperature"] > 121.0
    assert np.ptp(hours[steaming]) * 60.0 >= 20.0
    assert np.median(truth["pressure"][steaming]) == pytest.approx(1100.0, abs=25.0)
    assert truth["weight"][(hours > 3.0) & (hours < 7.5)].max() == 0.0


def test_the_probes_follow_into_the_steam() -> None:
    batch, truth = run(8.0)
    rows = batch.tag_index == batch.tags.index("R101.temperature")
    assert batch.value[rows].max() == pytest.approx(122.1, abs=0.4)
    assert (batch.quality[rows] == 192).all()
    assert np.abs(batch.value[rows] - truth["temperature"]).max() < 8.0
    tag = next(t for t in wire_tags(turnaround().scenario.vessels[0]) if t.name == "pressure")
    assert (tag.low, tag.high) == (-50.0, 3000.0)
    assert instruments(2.0)["temperature"].high == 100.0


def test_trapped_air_spoils_sip_and_no_probe_sees_it() -> None:
    fault = {"kind": "trapped_air", "at_h": 3.0, "size": 7.0, "end_h": 6.0}
    well, truth = run(8.0)
    batch, spoilt = run(8.0, faults=(fault,))
    np.testing.assert_array_equal(batch.value, well.value)
    assert noted(batch, "sip")[0].data["f0_min"] >= 15.0
    assert spoilt["F0"][-1] == pytest.approx(truth["F0"][-1] * 10.0**-0.7, rel=0.1)
    assert spoilt["F0"][-1] < 15.0


def test_a_temperature_probe_that_reads_too_high_ends_sip_too_soon() -> None:
    fault = {"kind": "temperature_bias", "at_h": 0.0, "size": 2.0}
    batch, truth = run(8.0, faults=(fault,))
    assert noted(batch, "sip")[0].data["f0_min"] > 1.4 * truth["F0"][-1]


def test_the_vessel_is_prepared_calibrated_and_inoculated() -> None:
    batch, truth = run(48.0)
    hours = truth["time_s"] / 3600.0
    phases = [event.data["phase"] for event in noted(batch, "phase")]
    assert phases == ["cip", "sip", "prepare", "inoculate", "grow"]
    assert {event.data["probe"] for event in noted(batch, "calibration")} == {"pH", "pO2", "pCO2"}
    assert truth["VCD"][(hours > 8.2) & (hours < 19.9)].max() == 0.0
    assert 0.3 < truth["VCD"][np.searchsorted(hours, 20.2)] < 0.6
    assert truth["VCD"][-1] > 1.8 * truth["VCD"][np.searchsorted(hours, 20.2)]
    drawn = {assay.drawn_s for assay in batch.assays}
    assert not any(1.0 < at / 3600.0 < 8.0 for at in drawn), "nothing to sample in an empty vessel"


def test_steam_shifts_the_ph_probe_and_the_calibration_takes_it_back() -> None:
    batch, truth = run(20.0)
    rows = batch.tag_index == batch.tags.index("R101.pH")
    error, hours = batch.value[rows] - truth["pH"], truth["time_s"] / 3600.0
    before, after, calibrated = (
        error[(hours > low) & (hours < high)].mean() for low, high in ((0.3, 0.9), (6.0, 7.5), (9.0, 19.0))
    )
    assert abs(after - before) > 0.005
    assert abs(calibrated) < 0.03


def test_an_off_line_ph_adjusts_the_probe_and_is_logged() -> None:
    raw = {"schema": 1, "id": "t", "title": {"en": "t"}, "duration_h": 30, "seed": 4}
    drift = {"kind": "pH_offset", "at_h": 1.0, "size": 0.2}
    vessel = {
        "id": "R",
        "start_h": 96.0,
        "faults": [drift],
        "laboratory": {"adjust_pH": 0.05, "missing": 0.0},
    }
    plant = Plant(Scenario.model_validate(raw | {"vessels": [vessel]}))
    batch = plant.advance(30 * 3600.0)
    (event,) = noted(batch, "calibration")
    assert event.data["by"] == pytest.approx(-0.2, abs=0.05)
    rows = batch.tag_index == batch.tags.index("R.pH")
    assert np.mean((batch.value[rows] - plant.truth()["pH"])[-60:]) == pytest.approx(0.0, abs=0.06)


def test_phases_change_what_may_be_set() -> None:
    plant = turnaround()
    plant.advance(2.0 * 3600.0)
    with pytest.raises(ConfigError, match="locked while the vessel is cleaned"):
        plant.set_point("R101.pH_sp", 7.0)
    plant.advance(10.0 * 3600.0)
    with pytest.raises(ConfigError, match="not between"):
        plant.set_point("R101.feed_sp", 10.0)
    plant.set_point("R101.pH_sp", 7.0)
    plant.advance(24.5 * 3600.0)
    plant.set_point("R101.feed_sp", 10.0)


def test_a_vessel_may_be_cleaned_after_the_harvest_and_any_steps_give_the_same() -> None:
    raw = {"schema": 1, "id": "t", "title": {"en": "t"}, "duration_h": 12, "seed": 4}
    vessel = {"id": "R", "start_h": 96.0, "recipe": {"harvest_h": 98.0, "cip_h": 99.0, "sip_h": 102.0}}
    whole, pieces = (Plant(Scenario.model_validate(raw | {"vessels": [vessel]})) for _ in range(2))
    batch = whole.advance(12 * 3600.0)
    parts = [pieces.advance(t) for t in (0.0, 9_000.0, 10_001.0, 14_000.0, 14_000.0, 25_000.0, 43_200.0)]
    np.testing.assert_array_equal(np.concatenate([part.value for part in parts]), batch.value)
    assert tuple(e for part in parts for e in part.events) == batch.events
    assert [e.kind for e in batch.events if e.kind in ("cip", "sip")] == ["cip", "sip"]


@pytest.mark.parametrize(("recipe", "told"), [
    ({"cip_h": 1.0}, "need prepare_h"),
    ({"cip_h": 5.0, "sip_h": 1.0, "prepare_h": 8.0, "inoculate_h": 9.0}, "cip_h comes before sip_h"),
    ({"prepare_h": 8.0}, "prepare_h comes before inoculate_h"),
    ({"cip_h": 30.0, "prepare_h": 8.0, "inoculate_h": 9.0}, "or after harvest_h"),
])  # fmt: skip
def test_phases_out_of_order_are_refused(recipe: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Recipe.model_validate(recipe)


def test_trapped_air_needs_steam() -> None:
    with pytest.raises(ValueError, match="trapped_air needs"):
        VesselScenario.model_validate({"id": "R", "faults": [{"kind": "trapped_air", "at_h": 1}]})
