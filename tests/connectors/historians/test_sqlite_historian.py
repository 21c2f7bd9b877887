"""What only the SQLite historian promises."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.historians.sqlite import DAY_NS, Config, open_historian
from twin.domain.errors import StorageError
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.ports import HistorianContext

T0 = 1_700_000_000_000_000_000


class StillClock:
    speed = 1.0

    def __init__(self, now: int = T0) -> None:
        self.now = now

    def now_ns(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        return None


def row(t: int, value: float = 1.0) -> Measurement:
    return Measurement("R101.pH", value, Quality.GOOD, t, t)


async def test_R_12_a_second_writer_is_refused_with_the_holder_named(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    first = open_historian(Config(path=path), HistorianContext(StillClock()))
    script = (
        "import asyncio, sys, pathlib\n"
        "from connectors.historians.sqlite import Config, Store\n"
        "Store(Config(path=pathlib.Path(sys.argv[1])))\n"
    )
    other = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, str(path)], capture_output=True, text=True
    )
    assert other.returncode != 0
    assert "already being written by process" in other.stderr
    with pytest.raises(StorageError, match="Two services must not share"):
        open_historian(Config(path=path), HistorianContext(StillClock()))
    await first.close()
    again = open_historian(Config(path=path), HistorianContext(StillClock()))
    await again.close()


async def test_another_process_may_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    historian = open_historian(Config(path=path), HistorianContext(StillClock()))
    await historian.write([row(T0), row(T0 + 1, 2.0)])
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    assert reader.execute("SELECT tag, t, value FROM measurement ORDER BY t").fetchall() == [
        ("R101.pH", T0, 1.0),
        ("R101.pH", T0 + 1, 2.0),
    ]
    await historian.write([row(T0 + 2, 3.0)])
    assert reader.execute("SELECT count(*) FROM measurement").fetchone() == (3,)
    reader.close()
    await historian.close()


async def test_what_is_older_than_the_retention_is_removed_by_the_lines_clock(tmp_path: Path) -> None:
    clock = StillClock(T0 + 10 * DAY_NS)
    config = Config(path=tmp_path / "h.sqlite", retention_days=2)
    historian = open_historian(config, HistorianContext(clock))
    await historian.write_estimates([Estimate("R101.pH", T0, 7.0, 0.1, "1")])
    await historian.write([row(T0), row(T0 + 9 * DAY_NS)])
    assert await historian.read(["R101.pH"], 0, T0 + 20 * DAY_NS) == [row(T0 + 9 * DAY_NS)]
    assert (await historian.trend_estimates("R101.pH", 0, T0 + DAY_NS, 10))[0].times_ns == ()
    await historian.close()


@pytest.mark.parametrize("t", [2**63, 2**200, -(2**63) - 1])
async def test_times_no_clock_shows_are_refused(tmp_path: Path, t: int) -> None:
    historian = open_historian(Config(path=tmp_path / "h.sqlite"), HistorianContext(StillClock()))
    report = await historian.write([row(t), row(T0)])
    assert (report.stored, [reason for _, reason in report.refused]) == (1, ["time"])
    assert await historian.read(["R101.pH"], -(2**70), 2**70) == [row(T0)]
    assert (await historian.trend("R101.pH", -(2**70), 2**70, 1)).times_ns == (T0,)
    await historian.close()


async def test_a_file_that_is_something_else_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    path.write_text("time,value\n" * 1000)
    with pytest.raises(StorageError, match=r"h\.sqlite: file is not a database"):
        open_historian(Config(path=path), HistorianContext(StillClock()))


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(StorageError, match="newer version"):
        open_historian(Config(path=path), HistorianContext(StillClock()))


async def test_R_08_a_full_disk_keeps_nothing_and_heals(tmp_path: Path) -> None:
    historian = open_historian(Config(path=tmp_path / "h.sqlite"), HistorianContext(StillClock()))
    await historian.write([row(T0)])
    db = historian._store._db  # type: ignore[attr-defined]
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages}")
    many = [row(T0 + n) for n in range(1, 5000)]
    with pytest.raises(StorageError, match="full"):
        await historian.write(many)
    assert len(await historian.read(["R101.pH"], T0, T0 + 10_000)) == 1
    db.execute("PRAGMA max_page_count=100000")
    assert (await historian.write(many)).stored == len(many)
    await historian.close()


async def test_the_loop_runs_on_while_the_disk_is_slow(tmp_path: Path) -> None:
    historian = open_historian(Config(path=tmp_path / "h.sqlite"), HistorianContext(StillClock()))
    writing = asyncio.create_task(historian.write([row(T0 + n) for n in range(50_000)]))
    turns = 0
    while not writing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert (await writing).stored == 50_000
    assert turns > 3
    await historian.close()
