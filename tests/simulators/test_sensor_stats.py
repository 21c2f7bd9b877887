"""Probes beside the logs of real ones, and transmitters that report on change."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.sensor_stats import median, real, simulated, stats
from simulators.plant import Plant, PlantBatch
from simulators.scenario import Scenario


def test_the_figures_of_a_known_series() -> None:
    values = np.round(7.0 + 1e-3 * np.arange(400.0) + np.random.default_rng(1).normal(0.0, 0.05, 400), 2)
    values[100:107] = 7.5
    found = stats(values)
    assert found.scatter == pytest.approx(0.05, rel=0.2)
    assert 0.02 < found.residual < 0.05
    assert found.step == pytest.approx(0.01)
    assert found.longest >= 7.0


def test_ph_of_a_bacterial_vessel_scatters_and_stands_as_in_real_reactors(shared_data: Path) -> None:
    ours, theirs = median(simulated("pH", 3)), median(real(shared_data, "pH"))
    assert ours.scatter == pytest.approx(theirs.scatter, rel=0.35)
    assert ours.step == pytest.approx(theirs.step)
    assert ours.longest < 3.0 * theirs.longest
    assert ours.residual < theirs.residual < 4.0 * ours.residual, "real reactors are fed in pulses"


def test_po2_of_a_bacterial_vessel_follows_within_a_minute_but_is_calmer(shared_data: Path) -> None:
    ours, theirs = median(simulated("pO2", 3)), median(real(shared_data, "pO2"))
    assert ours.fastest > 5.0
    assert ours.scatter < theirs.scatter


def run(steps: int = 1, **changes: Any) -> PlantBatch:
    raw: dict[str, Any] = {"schema": 1, "id": "t", "title": {"en": "t"}, "duration_h": 2, "period_s": 5}
    raw |= {"vessels": [{"id": "R", "start_h": 96.0}]} | changes
    plant = Plant(Scenario.model_validate(raw))
    parts = [plant.advance(float(end)) for end in np.linspace(0.0, 7200.0, steps + 1)[1:]]
    columns = ("time_s", "tag_index", "value", "quality")
    return PlantBatch(parts[0].tags, *(np.concatenate([getattr(p, c) for p in parts]) for c in columns))


def of(batch: PlantBatch, name: str) -> tuple[Any, Any]:
    rows = batch.tag_index == batch.tags.index(f"R.{name}")
    return batch.time_s[rows], batch.value[rows]


def test_what_has_not_changed_is_not_said_but_once_a_minute() -> None:
    full, thin = run(), run(on_change={})
    assert len(thin.value) < 0.7 * len(full.value)
    for name in ("pH", "pO2", "weight", "temperature_sp"):
        times, values = of(thin, name)
        every, all_values = of(full, name)
        assert np.diff(times).max() <= 60.0
        held = values[np.searchsorted(times, every, side="right") - 1]
        resolution = {"pH": 0.01, "pO2": 0.1, "weight": 1e-3, "temperature_sp": 0.0}[name]
        assert np.abs(held - all_values).max() < resolution + 1e-9
    times, values = of(thin, "pH_sp")
    assert set(np.diff(times)) == {60.0}


def test_on_change_in_any_steps_gives_the_same_and_a_bad_value_is_said() -> None:
    fault = {"kind": "bad_status", "tag": "pH", "at_h": 0.5, "end_h": 0.52}
    changes: dict[str, Any] = {"vessels": [{"id": "R", "start_h": 96.0, "faults": [fault]}], "on_change": {}}
    whole, pieces = run(**changes), run(37, **changes)
    np.testing.assert_array_equal(whole.value, pieces.value)
    np.testing.assert_array_equal(whole.time_s, pieces.time_s)
    assert np.isnan(of(whole, "pH")[1]).sum() >= 2
