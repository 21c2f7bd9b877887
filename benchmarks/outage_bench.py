"""An hour without the database: ``PYTHONPATH=tests python -m benchmarks.outage_bench``.

Ten vessels of the simulated plant speak by MQTT, at 8,000 values a second of the wall, which is 35 times
real time. InfluxDB is away for an hour of their data, then comes back while they go on. Told are what is
lost or double in the end, how much the memory of the service grew meanwhile, how fast the backlog left, and
how long new values took to the local disk, after which the pages show them, while it did.

The vessels speak in a process of their own.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from servers import Server, influxd

from benchmarks.wires_bench import PROBES, line, mosquitto, paced, plan, running, seconds
from simulators.station import wire_tags
from simulators.wires_mqtt import JsonWire
from twin.runtime.clock import ScaledClock
from twin.service.app import Service

RATE = 8_000.0
BEFORE_S, AWAY_S, AFTER_S = 300, 3_600, 1_800
"""Data before, during and after the absence [s of the line]."""
WHOLE_S = BEFORE_S + AWAY_S + AFTER_S
TAGS = [tag.id for vessel in plan().vessels for tag in wire_tags(vessel)]


async def speak(port: int, origin_ns: int, wall_ns: int) -> None:
    """The vessels."""
    clock = paced(origin_ns, RATE, wall_ns)
    async with JsonWire("127.0.0.1", port, dict.fromkeys(PROBES, "head")) as wire:
        for rows in seconds(origin_ns, WHOLE_S):
            await clock.sleep(max(0.0, (rows[0].time_ns - clock.now_ns()) / 1e9))
            await wire.publish(rows)
        await wire.drained(300)


class Watch:
    """When values of the line's time are due on the wire, and when they are durable here."""

    def __init__(self, service: Service, clock: ScaledClock) -> None:
        self._historian: Any = service.pipeline.historian
        self._write, self._clock = self._historian.write, clock
        self._historian.write = self._timed
        self._milliseconds = np.zeros(600_000, np.int64)

    async def _timed(self, rows: Any) -> Any:
        report = await self._write(rows)
        now_ns = self._clock.now_ns()
        took = [(now_ns - row.time_ns) / 1e6 / self._clock.speed for row in rows]
        np.add.at(self._milliseconds, np.clip(took, 0, len(self._milliseconds) - 1).astype(int), 1)
        return report

    def told(self) -> str:
        """Median and 99th percentile since the last time."""
        share = np.cumsum(self._milliseconds) / max(1, self._milliseconds.sum())
        median, p99 = (float(np.searchsorted(share, part)) / 1e3 for part in (0.5, 0.99))
        self._milliseconds[:] = 0
        return f"wire to disk median {median:.2f} s, p99 {p99:.2f} s"

    @property
    def backlog(self) -> int:
        """Rows that wait for the server."""
        return int(self._historian._spool.waiting)


def memory_mb() -> float:
    """Memory of this process [MB]."""
    words = Path("/proc/self/status").read_text(encoding="ascii").split()
    return int(words[words.index("VmRSS:") + 1]) / 1024


async def until(clock: ScaledClock, time_ns: int) -> float:
    """Wait until the line's clock shows a time; the most memory seen meanwhile [MB]."""
    most = 0.0
    while clock.now_ns() < time_ns:
        most = max(most, memory_mb())
        await asyncio.sleep(0.2)
    return most


async def away(server: Server, service: Service, clock: ScaledClock) -> None:
    """The hour and what follows it."""
    watch, second = Watch(service, clock), 1_000_000_000
    await until(clock, clock.origin_ns + BEFORE_S * second)
    server.kill()
    before = memory_mb()
    print(f"with the database:  {watch.told()}; {before:.0f} MB", flush=True)
    most = await until(clock, clock.origin_ns + (BEFORE_S + AWAY_S) * second)
    print(f"without:            {watch.told()}; {most - before:+.0f} MB at most", flush=True)
    held, busy = watch.backlog, time.process_time()
    server.start()
    began = time.monotonic()
    while watch.backlog > RATE:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    took = time.monotonic() - began
    print(f"{held:,} rows waited; gone after {took:.0f} s ({AWAY_S / took:.0f} times real time)")
    print(
        f"meanwhile:          {watch.told()}; {(time.process_time() - busy) / took:.2f} of a core", flush=True
    )


async def counted(server: Server, service: Service) -> None:
    """What is in the database in the end, against what was said."""
    whole = WHOLE_S * len(TAGS)
    while service.view.counters().stored < whole or service.pipeline.historian._spool.waiting:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    found = {
        series["tags"]["tag"]: int(series["values"][0][1])
        for series in server.query('SELECT count("received") FROM "pv" GROUP BY "tag"', "plant")
    }
    short = {tag: WHOLE_S - found.get(tag, 0) for tag in TAGS if found.get(tag, 0) != WHOLE_S}
    done = service.view.counters()
    print(f"in the database {sum(found.values()):,} of {whole:,} values; tags that differ: {short or 'none'}")
    print(f"received {done.received:,}, stored {done.stored:,}, came again {done.duplicate:,}")


async def main() -> None:
    """Run it."""
    origin_ns = (time.time_ns() // 1_000_000_000) * 1_000_000_000
    with tempfile.TemporaryDirectory() as name, mosquitto(folder := Path(name)) as broker:
        (folder / "influx").mkdir()
        server = influxd(folder / "influx")
        server.start()
        server.query("CREATE DATABASE plant")
        store = {"kind": "influxdb", "url": server.url, "database": "plant"}
        source = {"kind": "mqtt", "id": "m", "port": broker.port, "client_id": "bench"}
        wall_ns = time.time_ns() + 8_000_000_000
        clock = paced(origin_ns, RATE, wall_ns)
        speaker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.outage_bench", json.dumps([broker.port, origin_ns, wall_ns])
        )
        try:
            async with running(line(folder, origin_ns, source, historian=store), folder, clock) as service:
                await away(server, service, clock)
                await speaker.wait()
                await counted(server, service)
        finally:
            if speaker.returncode is None:
                speaker.kill()
            server.kill()


if __name__ == "__main__":
    asyncio.run(speak(*json.loads(sys.argv[1])) if len(sys.argv) > 1 else main())
