"""What the historians cost on the load of a line: `python benchmarks/historian_bench.py sqlite`.

Load: 2 vessels x 22 tags x 20 values/s each (880 rows/s at real time, or a slower line run faster),
written in batches of one second of one line; 400,000 rows by default. Prints rows/s, CPU time a row of
this process, bytes a row on disk, and the time of one tag's trend over everything in 600 stretches.
"""

import argparse
import asyncio
import math
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

from connectors.historians import influxdb, memory, sqlite
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.ports import Historian

T0 = 1_700_000_000_000_000_000
STEP_NS = 50_000_000
TAGS = [f"R{101 + n // 22}.tag{n % 22}" for n in range(44)]


def batch(second: int) -> list[Measurement]:
    """One second of the line: 20 values of each of 44 tags, three decimals, in order of time."""
    times = [T0 + (20 * second + k) * STEP_NS for k in range(20)]
    return [
        Measurement(
            tag, round(40 + 10 * math.sin(t / 6e10 + n), 3), Quality.GOOD, t, t + 3_000_000, source="ua-101"
        )
        for t in times
        for n, tag in enumerate(TAGS)
    ]


def cpu_s() -> float:
    """CPU time of this process, user and system [s]."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(historian: Historian, folder: Path, rows: int) -> None:
    """Write, drain, read; print what it took."""
    batches = [batch(second) for second in range(rows // 880)]
    count = sum(map(len, batches))
    waits, began, cpu = [], time.perf_counter(), cpu_s()
    for rows_of_a_second in batches:
        start = time.perf_counter()
        report = await historian.write(rows_of_a_second)
        waits.append(1000 * (time.perf_counter() - start))
        assert report.stored == len(rows_of_a_second)
    accepted = time.perf_counter() - began
    while await historian.pending():  # noqa: ASYNC110  (the port offers no event to wait for)
        await asyncio.sleep(0.01)
    elapsed, cpu = time.perf_counter() - began, cpu_s() - cpu
    waits.sort()
    print(f"rows {count}  accepted {count / accepted:,.0f}/s  at rest {count / elapsed:,.0f}/s")
    print(f"CPU {1e6 * cpu / count:.1f} us/row   a write of 880 rows: p50 {waits[len(waits) // 2]:.1f} ms, "
          f"p99 {waits[int(0.99 * len(waits))]:.1f} ms")  # fmt: skip
    print(f"database file {sizes(folder) / count:.1f} B/row")
    end = T0 + count // 44 * STEP_NS
    await timed("trend, 1 tag, everything, 600 stretches", lambda: historian.trend(TAGS[7], T0, end, 600))
    await timed(
        "trend, 1 tag, last tenth", lambda: historian.trend(TAGS[7], T0 + 9 * (end - T0) // 10, end, 600)
    )
    await timed("last of 44 tags", lambda: historian.last(TAGS))
    beliefs = [Estimate(tag, T0 + n * STEP_NS, 40.0, 0.1, "1") for n in range(1000) for tag in TAGS]
    began, cpu = time.perf_counter(), cpu_s()
    await historian.write_estimates(beliefs)
    print(f"{len(beliefs)} estimates at once: {len(beliefs) / (time.perf_counter() - began):,.0f}/s")


def sizes(folder: Path) -> int:
    """Database files without their logs [B]."""
    return sum(path.stat().st_size for path in folder.glob("*.sqlite"))


async def timed(name: str, call) -> None:  # type: ignore[no-untyped-def]
    """Median of five."""
    took = []
    for _ in range(5):
        start = time.perf_counter()
        await call()
        took.append(1000 * (time.perf_counter() - start))
    print(f"{name}: {statistics.median(took):.1f} ms")


def opened(kind: str, folder: Path, url: str) -> Historian:
    """A historian of this kind in an empty folder."""
    if kind == "sqlite":
        return sqlite.open_historian(sqlite.Config(path=folder / "history.sqlite"))
    if kind == "influxdb":
        config = influxdb.Config(url=url, database="bench", spool=folder / "spool.sqlite")
        return influxdb.open_historian(config)
    return memory.open_historian(memory.Config())


async def main() -> None:
    """Run one kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", default="sqlite", choices=["sqlite", "influxdb", "memory"])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument(
        "--url", default="http://127.0.0.1:8086", help="InfluxDB with an empty database bench"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        historian = opened(chosen.kind, Path(folder), chosen.url)
        await measure(historian, Path(folder), chosen.rows)
        await historian.close()


if __name__ == "__main__":
    asyncio.run(main())
