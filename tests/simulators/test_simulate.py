"""Files of a scenario: same bytes for the same seed, truth kept apart."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from simulators.scenario import Scenario
from simulators.simulate import Written, simulate


@pytest.fixture
def scenario() -> Scenario:
    fault = {"kind": "bad_status", "tag": "pCO2", "at_h": 2, "end_h": 3}
    vessels: list[dict[str, Any]] = [
        {"id": "R1", "start_h": 72, "faults": [fault]},
        {"id": "R2", "start_h": 50},
    ]
    raw = {
        "schema": 1, "id": "s", "title": {"en": "s"}, "duration_h": 30, "period_s": 120,
        "start": "2026-03-01T12:00:00Z", "vessels": vessels,
    }  # fmt: skip
    return Scenario.model_validate(raw)


def files(written: Written) -> tuple[Path, ...]:
    return written.values, written.assays, written.truth, written.faults


def test_same_scenario_same_bytes_and_another_seed_others(scenario: Scenario, tmp_path: Path) -> None:
    one, two = (simulate(scenario, tmp_path / name) for name in ("a.parquet", "b.parquet"))
    other = simulate(scenario, tmp_path / "c.parquet", seed=77)
    for first, second, third in zip(files(one), files(two), files(other), strict=True):
        assert first.read_bytes() == second.read_bytes()
        assert first.read_bytes() != third.read_bytes()


def test_the_long_file_holds_every_value_in_order(scenario: Scenario, tmp_path: Path) -> None:
    written = simulate(scenario, tmp_path / "run.parquet")
    table = pq.read_table(written.values)
    assert table.column_names == ["time", "tag", "value", "quality"]
    assert str(table.schema.field("time").type) == "timestamp[ns, tz=UTC]"
    assert table.num_rows == written.rows == 2 * 23 * (30 * 30 + 1)
    times = table["time"].cast("int64").to_numpy()
    assert (np.diff(times) >= 0).all()
    assert times[0] == 1772366400 * 10**9
    bad = table["quality"].to_numpy() == 0
    assert bad.sum() == 30
    assert table["value"].null_count == 30
    assert set(table["tag"].to_pylist()) == {f"{v}.{n}" for v in ("R1", "R2") for n in table_names()}


def table_names() -> tuple[str, ...]:
    from simulators.probes import TAGS

    return TAGS


def test_assays_truth_and_faults_beside_it(scenario: Scenario, tmp_path: Path) -> None:
    written = simulate(scenario, tmp_path / "run.parquet")
    assays = pq.read_table(written.assays)
    assert assays.column_names == ["time", "reported", "tag", "value"]
    late = assays["reported"].cast("int64").to_numpy() - assays["time"].cast("int64").to_numpy()
    assert (late > 0).all()
    truth = pq.read_table(written.truth)
    assert {"time", "vessel", "pH", "VCD", "OUR", "kLa"} <= set(truth.column_names)
    told = json.loads(written.faults.read_text(encoding="utf-8"))
    assert told["faults"][0]["start"] == "2026-03-01T14:00:00Z"
    assert told["faults"][0]["verdict"] == "sensor"
    assert {entry["kind"] for entry in told["log"]} >= {"phase", "sample"}
