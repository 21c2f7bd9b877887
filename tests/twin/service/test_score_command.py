"""`twin score` from end to end, and that it follows batches as the service does."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from simulators.simulate import simulate
from twin.service import trial
from twin.service.build import load_line
from twin.service.campaign import Campaign, Plan, load_campaign, plans, scenario_of
from twin.service.cli import app
from twin.service.jsonl import event_line
from twin.service.replay import Replay, read_files

TINY = {
    "schema": 1,
    "id": "tiny",
    "seeds": {"tuning": "1000..1999", "scoring": "7100..7101"},
    "base": {"hours": 2, "spread": {"kLa": 0.3}},
    "healthy": [{"batches": 1}],
    "faults": [{"kind": "dropout", "tag": "pCO2", "batches": 1, "onset_h": [0.5, 1.0]}],
}


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return path


def faulty(path: Path) -> tuple[Campaign, Plan]:
    asked = load_campaign(path)
    return asked, plans(asked)[1]


def test_the_score_is_the_same_for_one_and_two_jobs(campaign: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"{jobs}.json" for jobs in (1, 2)]
    for jobs, out in enumerate(outs, start=1):
        result = CliRunner().invoke(app, ["score", str(campaign), "--out", str(out), "--jobs", str(jobs)])
        assert result.exit_code == 0, result.output
        last = json.loads(result.stdout.splitlines()[-1])
        assert last == json.loads(out.read_text())["total"]
    assert outs[0].read_bytes() == outs[1].read_bytes()
    score = json.loads(outs[0].read_text())
    assert score["seeds"]["used"] == [7100, 7101]
    assert score["versions"]["model"]["id"] == "cho_fedbatch"
    assert (score["total"]["miss_rate"], score["total"]["false_alarms_per_1000h"]) == (0.0, 0.0)
    assert 0.0 < score["faults"][0]["median_delay_h"] < 0.3


def test_a_batch_is_followed_as_a_replay_follows_it(campaign: Path, tmp_path: Path) -> None:
    asked, plan = faulty(campaign)
    line_file, line = load_line(files("seeds") / "lines" / "demo.yaml")
    outcome = trial.run_one(asked.base, line_file, line, plan)
    written = simulate(scenario_of(plan, asked.base), tmp_path / "run.parquet")
    sink = io.BytesIO()
    rows = read_files([written.values, written.assays], None)
    asyncio.run(Replay(line_file, line, sink).run(rows, None, lambda _: None))
    assert outcome.events
    assert b"".join(map(event_line, outcome.events)) == sink.getvalue()


def test_the_engine_is_not_told_what_is_wrong(campaign: Path) -> None:
    asked, plan = faulty(campaign)
    healthy = Plan(plan.seed, plan.hours, plan.start_h, None)
    _, line = load_line(files("seeds") / "lines" / "demo.yaml")
    assert trial.line_of(line, plan, asked.base) == trial.line_of(line, healthy, asked.base)
    assert plan.fault is not None
    assert plan.fault.kind not in repr(trial.line_of(line, plan, asked.base))


def test_a_folder_that_is_not_there_is_said_before_anything_runs(campaign: Path, tmp_path: Path) -> None:
    out = tmp_path / "no" / "score.json"
    result = CliRunner().invoke(app, ["score", str(campaign), "--out", str(out)])
    assert result.exit_code != 0
    assert "there is no folder" in str(result.exception)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int], Path]]:
    """`twin score --jobs 2` at work, the processes it has started, and where its figures would go."""
    long = {**TINY, "base": {"hours": 300}, "healthy": [{"batches": 2}], "faults": []}
    path, out = tmp_path / "long.yaml", tmp_path / "score.json"
    path.write_text(yaml.safe_dump(long))
    asked = ["score", str(path), "--out", str(out), "--jobs", "2"]
    with subprocess.Popen(
        [sys.executable, "-m", "twin.service", *asked], stderr=subprocess.PIPE, text=True
    ) as process:
        yield process, _children(process.pid, 3), out  # a tracker of semaphores, two workers
        process.kill()


def _children(parent: int, count: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    until = time.monotonic() + 60.0
    while len(found := listed.read_text().split()) < count and time.monotonic() < until:
        time.sleep(0.1)
    assert len(found) == count
    return [int(each) for each in found]


def _wait_for_work(pids: list[int]) -> None:
    """Until two of the processes have used a second of processor: they have imported what they need."""
    until = time.monotonic() + 60.0
    while sorted(map(_used_s, pids))[-2] < 1.0:
        assert time.monotonic() < until
        time.sleep(0.1)


def _used_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _left(pids: list[int], seconds: float) -> list[int]:
    until = time.monotonic() + seconds
    while (left := [pid for pid in pids if _runs(pid)]) and time.monotonic() < until:
        time.sleep(0.1)
    return left


@pytest.mark.skipif(sys.platform != "linux", reason="children are read from /proc")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_workers_end_with_the_command_however_it_ends(
    running: tuple[subprocess.Popen[str], list[int], Path], number: signal.Signals, code: int
) -> None:
    process, workers, out = running
    _wait_for_work(workers)
    os.kill(process.pid, number)
    assert process.wait(60) == code
    assert _left(workers, 60.0) == []
    assert process.stderr is not None
    told = process.stderr.read()
    assert (f"score: ended by {number.name}; nothing was written" in told) == (number != signal.SIGKILL)
    assert "Traceback" not in told
    assert not out.exists()
