"""The same run live and replayed: the same EVENTS.jsonl, from its file and from the live line's store."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from clocks import StillClock
from typer.testing import CliRunner

from simulators.scenario import load_scenario, packaged
from simulators.simulate import simulate
from twin.domain.measurement import Quarantined, Reading
from twin.ports import Delivery
from twin.service.app import open_service
from twin.service.build import load_line
from twin.service.cli import app
from twin.service.jsonl import event_line
from twin.service.replay import arrival, read_files
from twin.service.settings import Settings

SEED = Path(__file__).resolve().parents[2] / "seeds/lines/demo.yaml"
HOURS = 16.0


def in_parts(rows: Sequence[Reading | Quarantined], size: int) -> Iterator[list[Reading]]:
    for i in range(0, len(rows), size):
        yield [row for row in rows[i : i + size] if isinstance(row, Reading)]


async def live(line: Path, folder: Path, rows: Sequence[Reading | Quarantined]) -> bytes:
    """Everything the running service told of a run, as the lines of EVENTS.jsonl."""
    line_file, built = load_line(line)
    clock = StillClock()
    async with open_service(line_file, built, Settings(data_dir=folder), clock) as service:
        for part in in_parts(rows, 613):
            clock.time_ns = max(clock.time_ns, max(row.received_ns for row in part))
            await service.pipeline.process([Delivery(tuple(part))])
        last_ns = max(v.cutter.last_end_ns() or 0 for v in service.engine.vessels.values())
        clock.time_ns = last_ns
        await service.pipeline.tick(last_ns)
        told = [event for _, event in service.ledger.events(0, 1_000_000)]
    return b"".join(map(event_line, sorted(told, key=lambda e: (e.t, e.asset, e.condition))))


@pytest.mark.timeout(300)
async def test_live_and_replayed_from_file_and_store_give_the_same_bytes(tmp_path: Path, monkeypatch) -> None:
    run, line = tmp_path / "run.parquet", tmp_path / "line.yaml"
    simulate(load_scenario(packaged("demo")).model_copy(update={"duration_h": HOURS}), run)
    text = SEED.read_text("utf-8")
    line.write_text(text[: text.index("sources:")] + "historian: {kind: sqlite}\nledger: {kind: sqlite}\n")
    files = [run, Path(f"{run.with_suffix('')}.assays.parquet")]
    rows = sorted(read_files(files, None), key=arrival)
    told = await live(line, tmp_path / "data", rows)
    assert told.count(b"confirmed") >= 2, "a drifting probe and a lost transfer are in the run"

    import asyncio

    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path / "data"))
    common = ["--line", str(line)]
    for name, source in {
        "file": [str(files[0]), "--assays", str(files[1])],
        "store": ["--store"],
    }.items():
        out = tmp_path / f"{name}.jsonl"
        command = ["replay", *source, *common, "--out", str(out)]
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
        assert result.exit_code == 0, (result.output, result.exception)
        assert out.read_bytes() == told, name


def test_files_and_store_are_not_mixed_and_an_empty_store_is_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path))
    line = str(SEED)
    for source, words in (
        ([], "files or --store are needed"),
        (["a.parquet", "--store"], "not both"),
        (["a.parquet", "--from", "2026-01-01T00:00:00Z"], "go with --store"),
        (["--store"], "no"),
    ):
        command = ["replay", *source, "--line", line, "--out", str(tmp_path / "e.jsonl")]
        result = CliRunner().invoke(app, command)
        assert words in str(result.exception), source
