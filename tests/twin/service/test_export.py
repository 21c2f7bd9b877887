"""What is stored comes out as Parquet, whole, while the service runs, and goes back in by replay."""

import asyncio
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from connectors.historians.sqlite import Config, open_historian
from connectors.sources.files import read_file
from twin.domain.measurement import Measurement, Quality, Reading
from twin.service import export as exporting
from twin.service.build import load_line
from twin.service.cli import app
from twin.service.settings import Settings

PH = {"name": "pH", "quantity": "pH", "unit": "1", "low": 0, "high": 14, "accuracy": 0.02}
T = 1_780_000_000_000_000_000
S = 1_000_000_000


def rows(count: int) -> list[Measurement]:
    return [
        Measurement(f"R{k % 2}.pH", 7.0 + k / 1000, Quality.GOOD, T + k // 2 * S, T + k * S, k % 7 == 0, "ua")
        for k in range(count)
    ]


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    vessels = [{"id": "R0", "tags": [PH]}, {"id": "R1", "tags": [PH]}]
    path = tmp_path / "line.json"
    path.write_text(json.dumps({"schema": 1, "line": "l", "origin": "replay", "vessels": vessels}))
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path / "data"))
    return path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout + str(result.exception or "")


async def test_every_row_comes_out_once_beside_a_writer(
    line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "AT_ONCE", 64)
    store = open_historian(Config(path=tmp_path / "data" / "l" / "historian.sqlite"))
    stored = rows(1001)
    await store.write(stored)
    history = exporting.open_history

    async with history(*load_line(line), Settings()) as opened:
        count = await exporting.export(opened, ["R0.pH", "R1.pH"], 0, 2**62, tmp_path / "all.parquet", "l")
    await store.close()
    table = pq.read_table(tmp_path / "all.parquet").to_pylist()
    assert count == len(table) == 1001
    assert [(r["tag"], r["value"], r["late"]) for r in table] == [(m.tag, m.value, m.late) for m in stored]


async def test_the_command_takes_a_span_and_tags_and_replay_reads_it(line: Path, tmp_path: Path) -> None:
    store = open_historian(Config(path=tmp_path / "data" / "l" / "historian.sqlite"))
    await store.write([row._replace(received_ns=row.received_ns + 123_456_789) for row in rows(100)])
    await store.close()
    out = tmp_path / "part.parquet"

    code, said = await asyncio.to_thread(
        run, "export", str(line), "--out", str(out), "--tag", "R1.*", "--from", "2026-05-28T20:26:50Z"
    )
    assert code == 0, said
    assert "40 values of 1 tags" in " ".join(said.split())
    code, said = await asyncio.to_thread(
        run, "replay", str(out), "--line", str(line), "--out", str(tmp_path / "events.jsonl")
    )
    assert code == 0, said
    assert len([row for row in read_file(out, None, "f") if isinstance(row, Reading)]) == 40


async def test_csv_and_parquet_are_read_back_as_the_same_rows(line: Path, tmp_path: Path) -> None:
    store = open_historian(Config(path=tmp_path / "data" / "l" / "historian.sqlite"))
    odd = Measurement("R0.pH", None, Quality.BAD, T - 1, T + 999, False, 'a "wire", and more')
    await store.write([odd, *(row._replace(received_ns=row.received_ns + 123_456_789) for row in rows(40))])
    await store.close()
    read = []
    for name in ("all.csv", "all.parquet"):
        code, said = await asyncio.to_thread(run, "export", str(line), "--out", str(tmp_path / name))
        assert code == 0, said
        assert "41 values of 2 tags" in " ".join(said.split())
        read.append(list(read_file(tmp_path / name, None, "f")))
    assert read[0] == read[1]
    assert len([row for row in read[0] if isinstance(row, Reading)]) == 41
    head = (tmp_path / "all.csv").read_text().splitlines()[0]
    assert head.replace('"', "") == "time,tag,value,quality,received,late,source"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--out", "x.xlsx"), "a name that ends in .parquet, .csv would do"),
        (("--out", "x.parquet", "--tag", "nobody"), "matches no tag"),
        (("--out", "x.parquet", "--from", "yesterday"), "--from"),
        (("--out", "x.parquet"), "is not there"),
    ],
)
def test_what_can_not_be_exported_is_said(line: Path, more: tuple[str, ...], said: str) -> None:
    code, text = run("export", str(line), *more)
    assert code != 0
    assert said in text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--from", "2027-01-01T00:00:00Z"), "nothing is stored of line l from 2027-01-01T00:00:00.000Z on"),
        (("--to", "2020-01-01T00:00:00Z"), "nothing is stored of line l to 2020-01-01T00:00:00.000Z"),
    ],
)
async def test_a_span_without_values_is_refused_with_the_times_there_are(
    line: Path, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    store = open_historian(Config(path=tmp_path / "data" / "l" / "historian.sqlite"))
    await store.write(rows(100))
    await store.close()
    out = tmp_path / "before.parquet"
    out.write_bytes(b"of an earlier export")
    code, text = await asyncio.to_thread(run, "export", str(line), "--out", str(out), *more)
    assert code != 0
    assert said in text
    assert "there are values from 2026-05-28T20:26:40.000Z to 2026-05-28T20:27:29.000Z" in text
    assert out.read_bytes() == b"of an earlier export"
