"""What a playback beside the running line costs: time, memory, and the service's own answers meanwhile.

``python -m benchmarks.desk_bench FOLDER``: a batch of 14 days at a value a minute is made there once.
"""

import asyncio
import os
import statistics
import sys
import time
from importlib.resources import files
from pathlib import Path

import httpx
import orjson

from connectors.historians import sqlite
from simulators.scenario import load_scenario, packaged
from simulators.simulate import simulate
from twin.domain.measurement import Measurement
from twin.domain.people import Actor, Role
from twin.engine.tagbook import TagBook
from twin.service.app import open_service
from twin.service.build import load_line
from twin.service.pages import open_pages
from twin.service.play.desk import PlayDesk
from twin.service.replay import WINDOW, arrival, read_files
from twin.service.settings import Settings

WHO = Actor("engineer", Role.ENGINEER, "benchmark")
LONGEST_S = 600.0


def line_of(folder: Path) -> Path:
    """The demo's line on stores of its own, its batch from the first value on."""
    text = (files("seeds") / "lines" / "demo.yaml").read_text("utf-8")
    head = text[: text.index("sources:")].replace("2025-12-29T", "2026-01-01T")
    path = folder / "line.yaml"
    path.write_text(head + "historian: {kind: sqlite}\nledger: {kind: sqlite}\n")
    return path


async def fill(folder: Path, line: Path) -> None:
    """Fourteen days of R101 in the historian, without findings of a live run."""
    scenario, run = load_scenario(packaged("demo")), folder / "run.parquet"
    vessel = scenario.vessels[0].model_copy(update={"faults": (), "start_h": 0})
    simulate(scenario.model_copy(update={"duration_h": 336.0, "period_s": 60.0, "vessels": (vessel,)}), run)
    rows = sorted(read_files([run, Path(f"{run.with_suffix('')}.assays.parquet")], None), key=arrival)
    book = TagBook(load_line(line)[1].tags())
    store = sqlite.open_historian(sqlite.Config(path=folder / "data/demo/historian.sqlite"))
    for i in range(0, len(rows), 5000):
        found = [book.measure(row, WINDOW) for row in rows[i : i + 5000]]
        await store.write([m for m in found if isinstance(m, Measurement)])
    await store.close()


async def answers(client: httpx.AsyncClient, name: str, seconds: float) -> None:
    """Print how long the service takes to answer."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        await client.get("livez")
        took.append(1e3 * (time.perf_counter() - begun))
        await asyncio.sleep(0.05)
    took.sort()
    middle, high = statistics.median(took), took[int(0.99 * len(took)) - 1]
    print(f"{name}: median {middle:.1f} ms, 99 % {high:.1f} ms, longest {took[-1]:.1f} ms of {len(took)}")


def memory_mb(pid: int) -> float:
    """Memory that a process holds [MB]."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(row for row in rows if row.startswith("VmRSS")).split()[1]) / 1024


async def measure(folder: Path, line: Path) -> None:
    """Open the batch beside the service and print the figures."""
    line_file, built = load_line(line)
    settings = Settings(data_dir=folder / "data", port=0)
    async with (
        open_service(line_file, built, settings) as service,
        open_pages(service.view, settings) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        desk = PlayDesk(line_file, "0" * 64, settings, service.batches, service.clock)
        watching = asyncio.create_task(desk.watch())
        await answers(client, "before", 10.0)
        begun = time.monotonic()
        opened = await desk.open("R101", "B-101", WHO)
        print(f"opened after {time.monotonic() - begun:.0f} s")
        await answers(client, "while it is worked through", 20.0)
        pid, most = desk._playbacks[opened.key].process.pid, 0.0
        while time.monotonic() - begun < LONGEST_S:
            passed = await desk.ask(opened.key, WHO, "GET", "/api/v1/playback", {"host": "localhost"}, b"")
            state = orjson.loads(b"".join([part async for part in passed.body]))
            most = max(most, memory_mb(pid))
            if state["ready"] == state["end"]:
                break
            await asyncio.sleep(1.0)
        print(f"worked through after {time.monotonic() - begun:.0f} s; most memory {most:.0f} MB, ", end="")
        print(f"the service {memory_mb(os.getpid()):.0f} MB")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def main() -> None:
    """Make the batch where it is missing, then measure."""
    folder = Path(sys.argv[1])
    (folder / "data" / "demo").mkdir(parents=True, exist_ok=True)
    line = line_of(folder)
    if not (folder / "data/demo/historian.sqlite").exists():
        asyncio.run(fill(folder, line))
    asyncio.run(measure(folder, line))


if __name__ == "__main__":
    main()
