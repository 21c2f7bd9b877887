"""Many batches: the same table on any number of processes, and after being killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulators.monte_carlo import Outcome, monte_carlo
from simulators.scenario import Scenario, load_scenario, packaged
from twin.domain.errors import ConfigError


def scenario(**changes: object) -> Scenario:
    raw = load_scenario(packaged("healthy")).model_dump(by_alias=True) | {
        "duration_h": 24.0,
        "period_s": 300.0,
    }
    return Scenario.model_validate(raw | changes)


def run(out: Path, batches: int = 6, jobs: int = 1, **changes: object) -> Outcome:
    return monte_carlo(scenario(**changes), out, batches, jobs)


def test_any_number_of_processes_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = run(tmp_path / "one.parquet"), run(tmp_path / "two.parquet", jobs=2)
    assert one.sha256 == two.sha256
    assert one.table.read_bytes() == two.table.read_bytes()
    assert (one.batches, two.resumed) == (6, 0)
    rows = pq.read_table(one.table).to_pylist()
    assert [row["seed"] for row in rows] == list(range(scenario().seed, scenario().seed + 6))
    assert len({row["sha256"] for row in rows}) == 6, "no batch is like another"
    assert all(row["VCD_end"] > 0.3 and row["pH_min"] > 6.9 for row in rows)


def test_a_killed_run_goes_on_and_comes_to_the_same_hash(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole.parquet", batches=20)
    out, file = tmp_path / "killed.parquet", tmp_path / "scenario.yaml"
    part = tmp_path / "killed.parquet.part"
    file.write_text(json.dumps(scenario().model_dump(by_alias=True, mode="json")), encoding="utf-8")
    command = [sys.executable, "-m", "simulators.monte_carlo", str(file), "--batches", "20", "--jobs", "1"]
    with subprocess.Popen([*command, "--out", str(out)], cwd=Path(__file__).parents[2]) as process:
        while process.poll() is None and (not part.exists() or part.read_bytes().count(b"\n") < 4):
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    with part.open("ab") as torn:
        torn.write(b'[{"seed": 3, "ves')
    again = run(out, batches=20)
    assert 3 <= again.resumed < 20
    assert again.sha256 == whole.sha256
    assert out.read_bytes() == whole.table.read_bytes()
    assert not part.exists()


def test_rows_of_another_scenario_are_not_mixed_in(tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    (tmp_path / "x.parquet.part").write_text(
        '{"scenario": "other", "of": "", "plant": ""}\n', encoding="utf-8"
    )
    with pytest.raises(ConfigError, match="another scenario"):
        run(out)


def test_a_run_over_several_kinds_of_vessels(tmp_path: Path) -> None:
    vessels = [{"id": "A"}, {"id": "F", "kind": "ecoli_fedbatch"}]
    told = run(tmp_path / "both.parquet", batches=2, vessels=vessels, duration_h=6.0)
    rows = pq.read_table(told.table).to_pylist()
    assert [row["vessel"] for row in rows] == ["A", "F", "A", "F"]
    assert rows[1]["VCD_end"] is None
    assert rows[1]["biomass_end"] > 0.3
