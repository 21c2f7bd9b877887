"""What only the SQLite historian promises."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.historians._ageing import DAY_NS, EVERY_NS
from connectors.historians.sqlite import Config, open_historian
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


SECOND = 10**9
MINUTE = 60 * SECOND


def wave(start_ns: int, seconds: int) -> list[Measurement]:
    """A value a second with a gap, a spike and uncertain values."""
    rows = []
    for n in range(seconds):
        value: float | None = 7.0 + 0.1 * ((n * 7919) % 13)
        quality = Quality.GOOD
        if n % 300 in (100, 101, 102):
            value, quality = None, Quality.BAD
        elif n % 300 == 150:
            value = 99.0
        elif 200 <= n % 300 < 210:
            quality = Quality.UNCERTAIN
        rows.append(Measurement("R101.pH", value, quality, start_ns + n * SECOND, start_ns + n * SECOND))
    return rows


def thinned(rows: list[Measurement], width_ns: int) -> set[int]:
    """Times that must stay, worked out row by row."""
    stretches: dict[tuple[int, Quality, bool], list[Measurement]] = {}
    for one in rows:
        stretches.setdefault((one.time_ns // width_ns, one.quality, one.value is None), []).append(one)
    kept = set()
    for (_, _, empty), some in stretches.items():
        if empty:
            kept.add(min(one.time_ns for one in some))
        else:
            low = min(one.value or 0.0 for one in some)
            high = max(one.value or 0.0 for one in some)
            kept |= {
                next(o.time_ns for o in some if o.value == low),
                next(o.time_ns for o in some if o.value == high),
            }
    return kept


async def test_old_rows_are_thinned_to_their_extremes_and_nothing_is_made_up(tmp_path: Path) -> None:
    start = T0 // DAY_NS * DAY_NS
    clock = StillClock(start)
    config = Config(path=tmp_path / "h.sqlite", full_days=1, thinned_s=60)
    historian = open_historian(config, HistorianContext(clock))
    old, new = wave(start, 3600), wave(start + 3 * DAY_NS, 600)
    await historian.write([*old, *new])
    await historian.write_estimates([Estimate("R101.VCD", r.time_ns, r.time_ns % 977, 0.1, "1") for r in old])
    assert len(await historian.read(["R101.pH"], 0, 2**62)) == 4200
    clock.now = start + 3 * DAY_NS + EVERY_NS
    await historian.write([row(clock.now)])
    kept = await historian.read(["R101.pH"], 0, 2**62)
    assert {one.time_ns for one in kept if one.time_ns < start + DAY_NS} == thinned(old, MINUTE)
    assert [one for one in kept if one.time_ns < start + DAY_NS] == [one for one in old if one in kept]
    assert [one for one in kept if start + DAY_NS <= one.time_ns < clock.now] == new
    assert max(one.value or 0.0 for one in kept) == 99.0
    means, _ = await historian.trend_estimates("R101.VCD", start, start + DAY_NS, 10_000)
    assert len(means.times_ns) == 120
    await historian.close()


async def test_thinning_goes_on_hour_by_hour_over_a_restart_and_does_not_begin_again(tmp_path: Path) -> None:
    start = T0 // DAY_NS * DAY_NS
    clock = StillClock(start)
    config = Config(path=tmp_path / "h.sqlite", full_days=1, retention_days=100)
    rows = [one for n in range(4) for one in wave(start + n * EVERY_NS, 120)]
    plain = open_historian(Config(path=config.path), HistorianContext(clock))
    await plain.write(rows)
    await plain.close()
    clock.now = start + 30 * DAY_NS
    left = []
    for look in range(6):
        historian = open_historian(config, HistorianContext(clock))
        await historian.write([row(clock.now + look)])
        left.append(len(await historian.read(["R101.pH"], 0, start + 5 * DAY_NS)))
        await historian.close()
    each = len(thinned(rows[:120], MINUTE))
    assert left == [480 - n * (120 - each) for n in (1, 2, 3, 4, 4, 4)]
    late = wave(start, 60)[:10]
    historian = open_historian(config, HistorianContext(clock))
    again = [Measurement(o.tag, o.value, o.quality, o.time_ns + 500, o.received_ns) for o in late]
    assert (await historian.write(again)).stored == 10, "what comes late is kept as it comes"
    await historian.close()


def test_rows_are_not_removed_before_they_are_thinned(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="before they are thinned"):
        Config(path=tmp_path / "h", full_days=10, retention_days=10)


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
