"""Faults of probes, of the times they tell, of gas and pumps: each does what `--list-faults` says."""

from typing import Any

import numpy as np
import pytest

from simulators.plant import Plant, PlantBatch
from simulators.scenario import Scenario

ONSET_H, HOURS = 1.0, 3.0


def run(kind: str, hours: float = HOURS, faults: tuple[dict[str, Any], ...] = (), **fault: Any) -> "Run":
    return Run(({"kind": kind, "at_h": ONSET_H} | fault, *faults), hours)


class Run:
    """A 2 L fed-batch on its seventh day with faults, and what it said."""

    def __init__(self, faults: tuple[dict[str, Any], ...], hours: float, steps: int = 1) -> None:
        raw = {"schema": 1, "id": "t", "title": {"en": "t"}, "duration_h": 400, "period_s": 60, "seed": 4}
        vessel = {"id": "R1", "start_h": 150.0, "faults": list(faults)}
        self.plant = Plant(Scenario.model_validate(raw | {"vessels": [vessel]}))
        ends = np.linspace(0.0, hours * 3600.0, steps + 1)[1:]
        self.parts = [self.plant.advance(float(end)) for end in ends]
        self.truth = self.plant.truth()

    def said(self, name: str) -> tuple[Any, Any]:
        batch = self.parts[0]
        rows = batch.tag_index == batch.tags.index(f"R1.{name}")
        return batch.time_s[rows] / 3600.0, batch.value[rows]

    def error(self, name: str) -> Any:
        """Reading less truth, from the onset on (with the time a probe takes to follow)."""
        hours, value = self.said(name)
        return (value - self.truth[name])[hours > ONSET_H + 0.3]


def healthy(name: str) -> Any:
    return Run((), HOURS).error(name)


def test_a_wrong_buffer_turns_the_slope_and_shifts_the_zero() -> None:
    found = run("wrong_buffer")
    hours, value = found.said("pH")
    late = hours > ONSET_H + 0.3
    true = found.truth["pH"][late]
    assert np.mean(value[late] - (7.0 + 0.85 * (true - 7.0) + 0.2)) == pytest.approx(0.0, abs=0.03)


def test_a_clogged_reference_drifts_and_feels_the_flow() -> None:
    found = run("reference_clogged", size=0.03)
    error = found.error("pH")
    assert error[-10:].mean() - error[:10].mean() == pytest.approx(2.0 * 0.03 * 1.6, abs=0.03)


def test_a_leaking_membrane_loses_sensitivity_and_its_zero_rises() -> None:
    found = run("membrane_leak", size=4.0)
    hours, value = found.said("pO2")
    before = (value / found.truth["pO2"])[hours < ONSET_H].mean()
    lost = 4.0 * (HOURS - ONSET_H)
    expected = found.truth["pO2"][-5:].mean() * (before - lost / 100.0) + 0.2 * lost
    assert value[-5:].mean() == pytest.approx(expected, abs=1.0)


def test_a_wrong_temperature_coefficient_scales_with_the_distance_to_25() -> None:
    change = run("temperature_compensation", size=0.5).error("conductivity") - healthy("conductivity")
    true = run("temperature_compensation", size=0.5).truth["conductivity"].mean()
    assert change.mean() / true == pytest.approx(0.005 * 11.8, abs=0.003)


def test_pressure_not_compensated_reads_a_fifth_too_high_at_200_mbar() -> None:
    wet = {"kind": "exit_filter_plugged", "at_h": 0.1, "size": 200.0}
    alone, both = Run((wet,), HOURS), run("pressure_not_compensated", faults=(wet,), tag="pCO2")
    ratio = both.said("pCO2")[1][-30:] / alone.said("pCO2")[1][-30:]
    assert ratio.mean() == pytest.approx(1.2, abs=0.02)


def test_crossed_channels_show_each_other() -> None:
    found = run("crossed_channels", other="pCO2")
    hours, oxygen = found.said("pO2")
    late = hours > ONSET_H + 0.3
    assert np.mean(oxygen[late] / found.truth["pCO2"][late]) == pytest.approx(1.0, abs=0.15)
    shown = found.said("pCO2")[1][late].mean()
    assert shown == pytest.approx(found.truth["pO2"][late].mean(), abs=0.5)


def test_another_unit_scales_the_value() -> None:
    found, well = run("wrong_unit").said("pCO2")[1], Run((), HOURS).said("pCO2")[1]
    assert (found[-30:] / well[-30:]).mean() == pytest.approx(0.1333, rel=0.05)


def test_out_of_the_broth_nothing_conducts_and_the_heating_is_fooled() -> None:
    hours, value = run("out_of_broth", tag="conductivity").said("conductivity")
    assert value[hours > ONSET_H + 0.3].max() < 0.05
    warm = run("out_of_broth", tag="temperature")
    assert warm.truth["temperature"][-1] > 45.0, "the loop heats until the gas is warm"


def test_out_of_the_broth_ph_wanders_and_oxygen_is_that_of_the_gas() -> None:
    hours, acidity = run("out_of_broth", tag="pH").said("pH")
    assert acidity[hours > ONSET_H].std() > 1.5
    found = run("out_of_broth", tag="pO2")
    share = found.truth["offgas_O2"][-1]
    assert found.said("pO2")[1][-10:].mean() == pytest.approx(share / 20.95 * 100.0, rel=0.05)


def test_bubbles_go_to_one_side() -> None:
    error = run("bubbles", size=-1.0).error("conductivity")
    middle = np.median(error)
    assert 0.05 < np.mean(error < middle - 0.5) < 0.16
    assert not (error > middle + 0.5).any()


def test_a_drift_of_conductivity_and_a_pulled_hose() -> None:
    drift = run("conductivity_drift", size=-1.0).error("conductivity")
    assert drift[-10:].mean() - drift[:10].mean() == pytest.approx(-0.0165 * 13.0, abs=0.06)
    assert run("weight_shift").error("weight").mean() - healthy("weight").mean() == pytest.approx(
        0.02, abs=1e-3
    )


# -- times ------------------------------------------------------------------------------------------------


def test_a_clock_that_jumped_tells_other_times_of_the_same_values() -> None:
    well, found = Run((), HOURS).said("pCO2"), run("clock_shift", tag="pCO2", end_h=2.0).said("pCO2")
    np.testing.assert_array_equal(well[1], found[1])
    inside = (well[0] >= ONSET_H) & (well[0] < 2.0)
    np.testing.assert_allclose(found[0][inside], well[0][inside] - 1.0)
    np.testing.assert_array_equal(found[0][~inside], well[0][~inside])


def test_values_sent_twice() -> None:
    hours, value = run("repeated_values", tag="pH").said("pH")
    late = hours >= ONSET_H
    np.testing.assert_array_equal(value[late][::2], value[late][1::2])
    assert late.sum() == 2 * 121


def test_late_values_come_with_their_own_times_and_in_any_steps_alike() -> None:
    fault = ({"kind": "late_values", "tag": "pO2", "at_h": 0.5, "size": 900.0, "end_h": 1.0},)
    whole, pieces = Run(fault, 2.0), Run(fault, 2.0, steps=23)
    for column in ("time_s", "tag_index", "value", "quality"):
        together = np.concatenate([getattr(part, column) for part in pieces.parts])
        np.testing.assert_array_equal(together, getattr(whole.parts[0], column))
    hours, value = whole.said("pO2")
    assert (np.diff(hours) < 0.0).any()
    np.testing.assert_array_equal(value[np.argsort(hours, kind="stable")], Run((), 2.0).said("pO2")[1])
    before: PlantBatch = Run(fault, 0.7).parts[0]
    assert before.time_s[before.tag_index == before.tags.index("R1.pO2")].max() < 0.5 * 3600.0


# -- forms ------------------------------------------------------------------------------------------------


def test_a_value_of_the_wrong_type_is_spelt_with_a_decimal_comma() -> None:
    well, found = Run((), HOURS), run("wrong_type", tag="pH", end_h=2.0)
    batch = found.parts[0]
    hours, value = found.said("pH")
    inside = (hours >= ONSET_H) & (hours < 2.0)
    assert np.isnan(value[inside]).all()
    np.testing.assert_array_equal(value[~inside], well.said("pH")[1][~inside])
    spelt = [float(text.replace(",", ".")) for _, text in sorted(batch.words.items())]
    np.testing.assert_allclose(spelt, well.said("pH")[1][inside], atol=0.006)
    assert all("," in text for text in batch.words.values())
    assert {batch.tags[batch.tag_index[at]] for at in batch.words} == {"R1.pH"}


def test_a_heading_stands_among_the_data_and_in_any_steps_alike() -> None:
    fault = ({"kind": "heading_rows", "tag": "pCO2", "at_h": 0.5, "size": 1200.0},)
    whole, pieces = Run(fault, HOURS), Run(fault, HOURS, steps=17)
    for one in (whole, pieces):
        told = [(part.time_s[at], text) for part in one.parts for at, text in sorted(part.words.items())]
        assert told == [(1800.0 + 1200.0 * n, "pCO2") for n in range(8)]
    together = np.concatenate([part.value for part in pieces.parts])
    np.testing.assert_array_equal(together, whole.parts[0].value)
    assert np.isnan(together).sum() == 8


def test_any_probe_may_jump_or_drift() -> None:
    jump = run("offset", tag="offgas_CO2", size=0.5).error("offgas_CO2") - healthy("offgas_CO2")
    assert jump.mean() == pytest.approx(0.5, abs=0.02)
    drift = run("drift", tag="pressure", size=10.0).error("pressure") - healthy("pressure")
    assert drift[-1] - drift[0] == pytest.approx(10.0 * 1.7, abs=0.5)


# -- gas and pumps ----------------------------------------------------------------------------------------


def test_a_plugged_sparger_shows_in_flow_transfer_and_carbon_dioxide() -> None:
    found, well = run("sparger_plugged", hours=8.0), Run((), 8.0)
    hours, flow = found.said("flow_air")
    asked = well.said("flow_air")[1]
    just = (hours > ONSET_H) & (hours < ONSET_H + 0.05)
    assert flow[just].mean() < 0.75 * asked[just].mean()
    assert found.truth["pCO2"][-1] > 1.1 * well.truth["pCO2"][-1]
    at = int(ONSET_H * 60) + 1
    assert found.truth["kLa"][at] < 0.6 * well.truth["kLa"][at]


@pytest.mark.parametrize(("pump", "given"), [("feed_flow", "feed_in"), ("base_flow", "base_in")])
def test_a_worn_tube_delivers_less_and_less(pump: str, given: str) -> None:
    """Half a per cent an hour for twenty hours, then it stays at a tenth."""
    worn = {"kind": "pump_tube_wear", "at_h": 0.0, "size": 0.005, "ramp_h": 20.0, "tag": pump}
    found, well = Run((worn,), 30.0), Run((), 30.0)
    share = np.diff(found.truth[given])[-120:].sum() / (found.said(pump)[1][-120:].sum() / 60.0 + 1e-12)
    told = np.diff(well.truth[given])[-120:].sum() / (well.said(pump)[1][-120:].sum() / 60.0 + 1e-12)
    if pump == "feed_flow":
        assert share / told == pytest.approx(0.9, abs=0.005)
    else:
        assert found.truth[given][-1] <= well.truth[given][-1]
