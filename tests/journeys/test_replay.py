"""Replay: the same bytes every time, in any batches; every value accounted for; the fault is found."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from simulators.scenario import load_scenario, packaged
from simulators.simulate import simulate
from twin.service import replay
from twin.service.cli import app

ROOT = Path(__file__).resolve().parents[2]
LINE = str(ROOT / "seeds/lines/demo.yaml")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen hours of the demonstration's plant, with truth beside it that nobody reads here."""
    out = tmp_path_factory.mktemp("run") / "run.parquet"
    simulate(load_scenario(packaged("demo")).model_copy(update={"duration_h": 16.0}), out)
    return out


def replayed(run: Path, out: Path, *more: str) -> str:
    assays = str(run.with_suffix("")) + ".assays.parquet"
    command = ["replay", str(run), "--assays", assays, "--line", LINE, "--out", str(out), *more]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.timeout(300)
def test_twice_and_in_other_batches_gives_the_same_bytes(run: Path, tmp_path: Path, monkeypatch) -> None:
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    output = replayed(run, first)
    monkeypatch.setattr(replay, "AT_ONCE", 77)
    replayed(run, second)
    assert first.read_bytes() == second.read_bytes()
    told = [json.loads(line) for line in first.read_text().splitlines()]
    confirmed = [(e["asset"], e["verdict"], e["tag"]) for e in told if e["stage"] == "confirmed"]
    assert sorted(confirmed) == [("R101", "sensor", "R101.pH"), ("R102", "process", None)]
    values = (
        pq.read_metadata(run).num_rows + pq.read_metadata(f"{run.with_suffix('')}.assays.parquet").num_rows
    )
    assert f"received {values}" in " ".join(output.split())


async def test_a_pace_waits_until_each_value_is_due(monkeypatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(replay.time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(replay.asyncio, "sleep", sleep)
    pace = replay.Pace(60.0)
    for minute in (0, 1, 5):
        await pace.until(1_700_000_000_000_000_000 + minute * 60_000_000_000)
    assert waits == [0.0, 1.0, 5.0]


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "inf", "nan"])
def test_a_speed_that_is_none_is_refused(speed: str, run: Path, tmp_path: Path) -> None:
    command = ["replay", str(run), "--line", LINE, "--out", str(tmp_path / "e.jsonl"), "--speed", speed]
    result = CliRunner().invoke(app, command)
    assert result.exception is not None
    assert "--speed" in str(result.exception)
