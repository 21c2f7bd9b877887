"""A perfused vessel: balances with harvest and bleed, cells held, a filter that ages and may foul."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simulators import chemistry, parameters, state, vessel
from simulators.plant import Plant, PlantBatch
from simulators.probes import OUTLETS, SET_POINTS, instruments, tags
from simulators.scenario import FaultSpec, Scenario, VesselScenario, load_scenario, packaged
from simulators.station import wire_tags

DAY_H = 24.0


def scenario(hours: float, **changes: Any) -> Scenario:
    one = {"id": "R1", "kind": "cho_perfusion", "recipe": {"harvest_h": 1e6}} | changes
    raw = {
        "schema": 1, "id": "p", "title": {"en": "p"}, "duration_h": hours, "period_s": 600, "seed": 3,
        "vessels": [one],
    }  # fmt: skip
    return Scenario.model_validate(raw)


def run(hours: float, **changes: Any) -> tuple[Plant, dict[str, Any]]:
    plant = Plant(scenario(hours, **changes))
    plant.advance(hours * 3600.0)
    return plant, plant.truth()


@cache
def twenty_days() -> tuple[Plant, dict[str, Any]]:
    """The packaged scenario."""
    plant = Plant(load_scenario(packaged("perfusion")).model_copy(update={"period_s": 600.0}))
    plant.advance(479 * 3600.0)
    return plant, plant.truth()


@settings(max_examples=15)
@given(
    cells=st.floats(0.1, 40.0),
    feed=st.floats(0.0, 0.3),
    harvest=st.floats(0.0, 0.3),
    bleed=st.floats(1e-6, 0.1),
    filtered=st.floats(0.0, 300.0),
    rejected=st.floats(0.0, 1.0),
)
def test_volume_sodium_carbon_oxygen_cells_and_product_balances_close(
    cells: float, feed: float, harvest: float, bleed: float, filtered: float, rejected: float
) -> None:
    p = parameters.record(2.0, parameters.perfusion(2.0) | {"inoculum": cells, "feed_carbon": 26.0}, {})
    k, u, work = chemistry.constants(), vessel.inputs(), np.zeros((3, state.STATES))
    chemistry.constants_at(36.8, k)
    y = vessel.start(p, k)
    y[state.TITRE], y[state.V_HARVEST] = 0.5, filtered
    inputs = {
        "air": 20.0, "o2": 10.0, "co2": 1.0, "feed": feed, "base": 1e-3, "harvest": harvest, "bleed": bleed,
        "rejected": rejected, "feed_glc": p.feed_glc, "feed_gln": p.feed_gln, "feed_na": p.feed_na,
        "feed_cl": 100.0, "kla": 10.0, "jacket_in": 37.0, "head": 1.003, "hydrogen": 1e-7,
    }  # fmt: skip
    for name, value in inputs.items():
        u[name] = value
    before = y.copy()
    for _ in range(240):
        vessel.step(y, p, k, u, 15.0 / 3600.0, work)
    c = y - before

    def closed(change: float, entered: float, left: float) -> None:
        scale = abs(entered) + abs(left) + abs(change)
        assert change == pytest.approx(entered - left, abs=1e-9 * scale)

    gas_o2, gas_c = c[state.O2_IN] - c[state.O2_OUT], c[state.C_IN] - c[state.C_OUT]
    liquid = c[state.V_FEED] + c[state.V_BASE]
    closed(c[state.V], liquid, c[state.V_EVAPORATED] + c[state.V_HARVEST] + c[state.V_BLED])
    sodium = c[state.V_FEED] * u.feed_na + 2.0 * c[state.V_BASE] * p.base_carbonate
    closed(c[state.NA], sodium, c[state.NA_LEFT])
    carbon = gas_c + c[state.C_MADE] + c[state.C_ADDED]
    closed(c[state.CT] + c[state.HCO2], carbon, c[state.C_LEFT])
    closed(c[state.OXY] + c[state.HO2], gas_o2, c[state.O2_USED] + c[state.O2_LEFT])
    everything = c[state.XV] + c[state.XD] + c[state.XL]
    closed(everything, c[state.CELLS_MADE], c[state.CELLS_LEFT])
    closed(c[state.TITRE], c[state.TITRE_MADE], c[state.TITRE_HARVESTED] + c[state.TITRE_BLED])
    rounding = 240 * 2.0**-53 * (filtered + harvest)  # half a last place for each addition
    assert c[state.V_HARVEST] == pytest.approx(harvest, rel=1e-9, abs=rounding)


def test_twenty_days_of_volume_and_product_close_samples_included() -> None:
    plant, _ = twenty_days()
    (one,) = plant._runs.values()
    y, p = one.y, one.p
    entered = p.volume + y[state.V_FEED] + y[state.V_BASE]
    left = y[state.V_EVAPORATED] + y[state.V_HARVEST] + y[state.V_BLED] + one.removed[state.V]
    assert y[state.V] == pytest.approx(entered - left, abs=1e-9 * entered)
    gone = y[state.TITRE_HARVESTED] + y[state.TITRE_BLED] + one.removed[state.TITRE]
    assert y[state.TITRE] == pytest.approx(y[state.TITRE_MADE] - gone, abs=1e-9 * y[state.TITRE_MADE])
    assert entered > 20.0 * p.volume


def test_the_bleed_holds_the_cells_within_a_tenth_for_the_last_five_of_twenty_days() -> None:
    _, truth = twenty_days()
    late = truth["time_s"] > 15 * 86400.0
    assert np.abs(truth["VCD"][late] / 20.0 - 1.0).max() < 0.1
    assert truth["bleed_flow"][late].min() > 0.0
    assert np.ptp(truth["glucose"][late]) < 1.0
    assert truth["glucose"][late].min() > 1.0
    assert truth["viability"][late].min() > 90.0


def test_the_volume_is_held_and_so_is_the_broth() -> None:
    _, truth = twenty_days()
    assert np.abs(truth["volume"] / 2.0 - 1.0).max() < 0.02
    flowing = truth["time_s"] > 3 * 86400.0
    through = truth["harvest_flow"] + truth["bleed_flow"]
    assert through[flowing].mean() == pytest.approx(1e3 * 1.5 * 2.0 / 24.0, rel=0.02)
    assert np.abs(truth["pH"][flowing] - 7.05).max() < 0.08
    assert np.abs(truth["osmolality"][flowing] - 325.0).max() < 20.0


@pytest.mark.parametrize("kind", ["starvation", "feed_pump_loss"])
def test_a_vessel_without_feed_is_not_emptied(kind: str) -> None:
    fault = {"kind": kind, "at_h": 192.0, "size": 1.0}
    _, truth = run(12 * DAY_H, variability=False, faults=[fault])
    assert truth["volume"].min() > 1.75
    assert truth["bleed_flow"][truth["time_s"] < 190 * 3600.0].max() > 20.0


def test_another_density_is_held_too() -> None:
    _, truth = run(16 * DAY_H, perfusion={"cells": 10.0, "rate_vvd": 1.0}, variability=False)
    late = truth["time_s"] > 12 * 86400.0
    assert truth["VCD"][late].mean() == pytest.approx(10.0, rel=0.1)


def test_sieving_declines_with_what_was_filtered() -> None:
    plant, truth = twenty_days()
    (one,) = plant._runs.values()
    assert (np.diff(truth["sieving"]) <= 0.0).all()
    turnovers = one.y[state.V_HARVEST] / 2.0
    assert truth["sieving"][-1] == pytest.approx(0.6 + 0.38 * np.exp(-turnovers / 45.0), rel=1e-6)
    np.testing.assert_allclose(truth["titre_harvest"], truth["sieving"] * truth["titre"])
    assert truth["sieving"][0] == pytest.approx(0.98, abs=1e-6)
    assert truth["sieving"][-1] < 0.9


def test_a_fouled_filter_shows_in_the_titres_of_harvest_and_vessel() -> None:
    well_plant, well = run(10 * DAY_H, variability=False)
    fault = {"kind": "retention_fouling", "at_h": 144.0, "size": 0.4}
    plant, fouled = run(10 * DAY_H, variability=False, faults=[fault])
    late = well["time_s"] > 8 * 86400.0
    ratio = (fouled["titre_harvest"] / fouled["titre"])[late] / (well["titre_harvest"] / well["titre"])[late]
    assert ratio == pytest.approx(0.6, abs=0.01)
    assert (fouled["titre"][late] > 1.1 * well["titre"][late]).all()
    np.testing.assert_array_equal(well["VCD"], fouled["VCD"])
    assert plant.faults()[0].verdict == "process"
    assert well_plant.faults() == ()


def test_the_harvest_is_assayed_and_any_steps_give_the_same() -> None:
    chosen = scenario(72.0)
    whole, pieces = Plant(chosen), Plant(chosen)
    batch = whole.advance(72 * 3600.0)
    parts = [pieces.advance(hours * 3600.0) for hours in (0.0, 13.3, 50.0, 72.0)]
    np.testing.assert_array_equal(np.concatenate([part.value for part in parts]), batch.value)
    assert tuple(a for part in parts for a in part.assays) == batch.assays
    assert "R1.titre_harvest" in {a.tag for a in batch.assays}
    phases = [event.data["phase"] for event in batch.events if event.kind == "phase"]
    assert phases == ["inoculate", "grow", "perfuse"]


def said(batch: PlantBatch, tag: str) -> Any:
    return batch.value[batch.tag_index == batch.tags.index(tag)]


def test_the_pumps_of_harvest_and_bleed_say_what_leaves_with_a_meter_of_their_own() -> None:
    plant = Plant(scenario(60.0, start_h=96.0))
    batch, truth = plant.advance(60 * 3600.0), plant.truth()
    errors = []
    for name in OUTLETS:
        spec, shown = instruments(2.0, "cho_perfusion")[name], said(batch, f"R1.{name}")
        off = shown[-200:] - truth[name][-200:]
        errors.append(off.mean() / truth[name][-200:].mean())
        assert 0.0 < off.std() < 2.0 * np.hypot(spec.noise, spec.resolution), name
        assert abs(errors[-1]) < 4.0 * spec.gain, name
    assert errors[0] != pytest.approx(errors[1], abs=1e-4)
    feed, left = said(batch, "R1.feed_flow")[-200:], sum(said(batch, f"R1.{name}")[-200:] for name in OUTLETS)
    assert left.mean() == pytest.approx(feed.mean(), rel=0.05)


def test_the_wires_of_a_mixed_plant_carry_the_tags_of_each_kind() -> None:
    one = scenario(2.0).model_dump(by_alias=True)
    fed = {"id": "R2", "kind": "cho_fedbatch"}
    alone = Plant(Scenario.model_validate(one | {"vessels": [fed]})).advance(7200.0)
    plant = Plant(Scenario.model_validate(one | {"vessels": [*one["vessels"], fed]}))
    batch = plant.advance(7200.0)
    assert plant.tags == tuple(f"R1.{name}" for name in tags("cho_perfusion")) + alone.tags
    np.testing.assert_array_equal(batch.value[batch.tag_index >= len(tags("cho_perfusion"))], alone.value)
    assert len(plant.tags) == 2 * len(tags("cho_fedbatch")) + len(OUTLETS)
    wired = {tag.id: tag for tag in wire_tags(plant.scenario.vessel("R1"))}
    assert tuple(wired) == plant.tags[: len(wired)]
    assert wired["R1.bleed_flow"].unit == wired["R1.feed_flow"].unit
    assert {name for name in SET_POINTS if wired[f"R1.{name}"].set_point} == set(SET_POINTS)


def test_a_meter_of_the_harvest_may_fail_as_any_other() -> None:
    fault = {"kind": "frozen", "tag": "harvest_flow", "at_h": 1.0}
    batch = Plant(scenario(3.0, start_h=96.0, faults=[fault])).advance(3 * 3600.0)
    late = said(batch, "R1.harvest_flow")[8:]
    assert late[0] > 10.0
    assert np.ptp(late) == 0.0
    assert np.ptp(said(batch, "R1.bleed_flow")[8:]) > 0.0
    crossed = FaultSpec(kind="crossed_channels", tag="harvest_flow", other="bleed_flow", at_h=1.0)
    assert crossed.of_perfusion
    with pytest.raises(ValidationError, match="bleed_flow need `kind: cho_perfusion`"):
        VesselScenario.model_validate({"id": "R1", "faults": [fault]})


def test_a_fed_batch_knows_nothing_of_it() -> None:
    plant, truth = run(1.0, kind="cho_fedbatch")
    assert "sieving" not in truth
    assert not {f"R1.{name}" for name in OUTLETS} & set(plant.tags)
    assert not set(OUTLETS) & set(truth)
    with pytest.raises(ValidationError, match="need `kind: cho_perfusion`"):
        VesselScenario.model_validate({"id": "R1", "perfusion": {"cells": 10.0}})
    with pytest.raises(ValidationError, match="need `kind: cho_perfusion`"):
        VesselScenario.model_validate({"id": "R1", "faults": [{"kind": "retention_fouling", "at_h": 1.0}]})
