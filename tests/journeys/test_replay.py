"""Replay: the same bytes every time, in any batches; every value accounted for; the fault is found."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
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
    first, second, doubled = (tmp_path / f"{name}.jsonl" for name in ("1", "2", "doubled"))
    output = replayed(run, first)
    monkeypatch.setattr(replay, "AT_ONCE", 77)
    replayed(run, second)
    assert first.read_bytes() == second.read_bytes()
    replayed(run, doubled, str(run))  # every value twice: stored once, judged once
    assert first.read_bytes() == doubled.read_bytes()
    told = [json.loads(line) for line in first.read_text().splitlines()]
    confirmed = [(e["asset"], e["verdict"], e["tag"]) for e in told if e["stage"] == "confirmed"]
    assert sorted(confirmed) == [("R101", "sensor", "R101.pH"), ("R102", "process", None)]
    values = (
        pq.read_metadata(run).num_rows + pq.read_metadata(f"{run.with_suffix('')}.assays.parquet").num_rows
    )
    assert f"received {values}" in " ".join(output.split())


def test_a_run_from_before_the_batch_says_that_nothing_was_followed(run: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.json"
    about = yaml.safe_load(Path(LINE).read_text())
    for vessel in about["vessels"]:
        vessel["batch"]["start"] = "2031-01-01T00:00:00Z"
    late.write_text(json.dumps(about))
    command = ["replay", str(run), "--line", str(late), "--out", str(tmp_path / "e.jsonl")]
    output = " ".join(CliRunner().invoke(app, command).output.split())
    assert "R101: all values are from before batch" in output
    assert "batch.start" in output


@pytest.mark.timeout(300)
def test_forecasts_go_to_a_file_of_their_own_and_change_no_event(tmp_path: Path) -> None:
    run = tmp_path / "short.parquet"
    simulate(load_scenario(packaged("demo")).model_copy(update={"duration_h": 3.25}), run)
    with_, without, ahead = tmp_path / "1.jsonl", tmp_path / "2.jsonl", tmp_path / "ahead.jsonl"
    replayed(run, with_, "--forecasts", str(ahead))
    replayed(run, without)
    assert with_.read_bytes() == without.read_bytes()
    rows = [json.loads(line) for line in ahead.read_text().splitlines()]
    for asset in ("R101", "R102"):
        made = [row["made"] for row in rows if row["asset"] == asset]
        assert made == sorted(set(made))
        assert len(made) == 6, "every 15 min from the end of the twin's warm-up of 2 h to 3 h 15"
    last = rows[-1]
    assert last["schema"] == 1
    assert len(last["t"]) == len(last["bands"]["R102.est_VCD"]["middle"])
    assert last["harvest"]["titre"] == sorted(last["harvest"]["titre"])


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
