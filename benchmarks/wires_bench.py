"""What the wires carry: ``PYTHONPATH=tests python -m benchmarks.wires_bench``, or some of its runs by name.

mqtt: ten vessels of the simulated plant, one message a vessel, head and second at QoS 1, wait in mosquitto
and go through the whole service into the embedded store: decoded, judged, committed, acknowledged, and
thought about by the twin of every vessel. Beside it, in the same run, a bare paho client that only counts the
same messages.
influxdb: the same into a real InfluxDB, through the spool on the disk, and until all is in the database.
opcua: a server in a process of its own puts the same values on, 12,000 a second or as fast as it can; the
service subscribes.
live: the same vessels by MQTT from a process of its own, paced to 4,000 values a second; how long a value
takes from the moment it is due on the wire to the store, and how long from the moment at which the first
value of the batch that completes a frame is due to the twin's decision. A generator that is late counts
against us.
history: a hole of an hour at one value a second on 200 tags, read from a server's history; what is missing,
double and out of order is counted.

Processor time is that of the service alone; the broker and the server have their own.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from servers import Broker, influxd

from connectors.sources import opcua
from simulators.plant import Plant
from simulators.scenario import Scenario
from simulators.station import PROBES, rows_of, wire_tags
from simulators.wires import Row, WireTag, free_port
from simulators.wires_mqtt import JsonWire
from simulators.wires_opcua import OpcUaWire
from twin.domain.tag import Tag
from twin.ports import Clock, SourceContext
from twin.runtime.clock import ScaledClock, WallClock
from twin.service.app import Service, open_service
from twin.service.build import load_line
from twin.service.settings import Settings

VESSELS, SECONDS, START_H = 10, 900, 72.0
LIVE_SECONDS = 2 * SECONDS
LIVE_RATE, OPCUA_RATE = 4_000.0, 12_000.0
"""Values a second that are put on the wire; the line's clock is as much faster than the wall's."""
HOLE_TAGS, HOLE_S = 200, 3_600
PATIENCE_S = 120.0
"""Longest wait for values that were said to be stored [s]."""
SUBSCRIBED_NS = 10_000_000_000
"""By then the service has subscribed: what is said before it ever did, no broker keeps."""


def plan() -> Scenario:
    """Ten vessels that say everything every second."""
    vessel = {"fleet": {"count": VESSELS, "id": "R{n:02d}"}, "start_h": START_H}
    about = {"schema": 1, "id": "bench", "title": {"en": "b"}, "duration_h": 2, "period_s": 1}
    return Scenario.model_validate(about | {"vessels": [vessel]})


def seconds(origin_ns: int, count: int = SECONDS) -> Iterator[list[Row]]:
    """What the plant says, second by second."""
    plant = Plant(plan(), keep_truth=False)
    for second in range(count):
        yield list(rows_of(plant.advance(float(second)), origin_ns))


def line(folder: Path, origin_ns: int, source: dict[str, Any], **more: Any) -> Path:
    """The vessels with their twins, and one source; `more` sections of the line file."""
    start = datetime.fromtimestamp(origin_ns / 1e9, UTC) - timedelta(hours=START_H)
    batch = {"id": "B", "start": start.isoformat(), "volume_l": 2.0}
    vessels = [
        {"id": v.id, "process": {"kind": "cho_fedbatch"}, "batch": batch, "tags": {"use": "cho_probes"}}
        for v in plan().vessels
    ]
    path = folder / "line.json"
    whole = {"schema": 1, "line": "bench", "vessels": vessels, "sources": [source]} | more
    path.write_text(json.dumps(whole))
    return path


def paced(origin_ns: int, rate: float, wall_ns: int) -> ScaledClock:
    """A clock by which a second's values of all vessels come at this rate."""
    values = sum(len(wire_tags(vessel)) for vessel in plan().vessels)
    return ScaledClock(origin_ns, rate / values, wall_ns)


@asynccontextmanager
async def running(path: Path, folder: Path, clock: Clock | None = None) -> AsyncIterator[Service]:
    """The service, until the end of the block."""
    settings = Settings(data_dir=folder / "data")
    async with open_service(*load_line(path), settings, clock) as service:
        task = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def stored(service: Service, count: int) -> tuple[float, float]:
    """Wait until so many values are durable; wall and processor time that took [s]."""
    began, busy = time.monotonic(), time.process_time()
    while (done := service.view.counters()).stored + done.duplicate < count:
        assert not done.quarantined, done
        assert time.monotonic() - began < PATIENCE_S, f"{done} after {PATIENCE_S:g} s, {count} were said"
        await asyncio.sleep(0.02)
    return time.monotonic() - began, time.process_time() - busy


def told(name: str, count: int, wall: float, busy: float) -> None:
    """One line of figures."""
    print(f"{name:<34} {count / wall:>9,.0f} values/s   {1e6 * busy / count:>6.1f} µs of processor each")


@contextmanager
def mosquitto(folder: Path) -> Iterator[Broker]:
    """A broker of its own."""
    broker = Broker(folder / "broker")
    broker.start()
    try:
        yield broker
    finally:
        broker.end()


def subscribed(port: int, name: str) -> paho.Client:
    """A bare client with a kept session that counts."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
    client.user_data_set([0])
    client.on_message = lambda _client, count, _message: count.__setitem__(0, count[0] + 1)
    client.connect("127.0.0.1", port)
    client.subscribe("plant/#", 1)
    return client


async def send(port: int, origin_ns: int) -> int:
    """Put everything into the broker's sessions; the number of values."""
    count = 0
    async with JsonWire("127.0.0.1", port, dict.fromkeys(PROBES, "head")) as wire:
        for rows in seconds(origin_ns):
            count += len(rows)
            await wire.publish(rows)
        await wire.drained(300)
    return count


def bare(port: int, messages: int) -> tuple[float, float]:
    """Wall and processor time of a client that only counts [s]."""
    client = subscribed(port, "bare")
    count = client.user_data_get()
    began, busy = time.monotonic(), time.process_time()
    client.loop_start()
    while count[0] < messages:
        time.sleep(0.01)
    took = time.monotonic() - began, time.process_time() - busy
    client.disconnect()
    client.loop_stop()
    return took


async def mqtt() -> None:
    """Fill two sessions with the same messages, then drain each."""
    with tempfile.TemporaryDirectory() as name, mosquitto(folder := Path(name)) as broker:
        await drained(broker.port, folder)


async def into_influxdb() -> None:
    """The same into a database."""
    with tempfile.TemporaryDirectory() as name, mosquitto(folder := Path(name)) as broker:
        (folder / "influx").mkdir()
        server = influxd(folder / "influx")
        server.start()
        server.query("CREATE DATABASE plant")
        try:
            await drained(broker.port, folder, {"kind": "influxdb", "url": server.url, "database": "plant"})
        finally:
            server.kill()


async def drained(port: int, folder: Path, store: dict[str, Any] | None = None) -> None:
    """Fill the sessions of a bare client and of the service, and see how fast each empties its own."""
    messages, origin_ns = 2 * VESSELS * SECONDS, _origin()
    source = {"kind": "mqtt", "id": "m", "port": port, "client_id": "bench"}
    path = line(folder, origin_ns, source, **({"historian": store} if store else {}))
    for session in ("bare", "bench"):
        client = subscribed(port, session)
        client.loop_start()
        await asyncio.sleep(0.5)
        client.disconnect()
        client.loop_stop()
    began, busy = time.monotonic(), time.process_time()
    count = await send(port, origin_ns)
    told("load generator, MQTT", count, time.monotonic() - began, time.process_time() - busy)
    told("bare paho, counts only", count, *await asyncio.to_thread(bare, port, messages))
    async with running(path, folder) as service:
        began, busy = time.monotonic(), time.process_time()
        took = await stored(service, count)
        while store and await service.pipeline.historian.pending():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        whole = time.monotonic() - began, time.process_time() - busy
    told("the service with ten twins", count, *took)
    if store:
        told("the same until it is in InfluxDB", count, *whole)
    print(f"{messages / took[0]:,.0f} messages/s of {count / messages:.1f} values; {_thought(service)}")


async def serve(port: int, origin_ns: int) -> None:
    """The OPC UA server of the run: waits for the time to begin, then says everything."""
    tags = [tag for vessel in plan().vessels for tag in wire_tags(vessel)]
    said = list(seconds(origin_ns))
    async with OpcUaWire(tags, port) as wire:
        print("open", flush=True)
        clock = paced(origin_ns, OPCUA_RATE, int(await asyncio.to_thread(sys.stdin.readline)))
        busy = time.process_time()
        for rows in said:
            await clock.sleep(max(0.0, (rows[0].time_ns - clock.now_ns()) / 1e9))
            await wire.publish(rows)
            await asyncio.sleep(0)
        took = (time.time_ns() - clock.wall_ns) / 1e9, time.process_time() - busy
        print(json.dumps(took), flush=True)
        await asyncio.to_thread(sys.stdin.readline)


@asynccontextmanager
async def beside(role: str, port: int, origin_ns: int) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """A peer in a process of its own, once it is open: what it is told, and the line it answers with."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "benchmarks.wires_bench", role, str(port), str(origin_ns)]
    peer = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert peer.stdin is not None
    assert peer.stdout is not None
    stdin, stdout = peer.stdin, peer.stdout

    async def say(word: str) -> str:
        stdin.write(f"{word}\n".encode())
        return (await stdout.readline()).decode()

    try:
        await stdout.readline()
        yield say
    finally:
        peer.kill()
        await peer.wait()


async def by_opcua() -> None:
    """Subscribe to a server that says 12,000 values a second."""
    origin_ns, port = _origin(), free_port()
    async with beside("serve", port, origin_ns) as say:
        wall_ns = time.time_ns() + 8_000_000_000
        source = {"kind": "opcua", "id": "u", "url": f"opc.tcp://127.0.0.1:{port}", "publish_ms": 100}
        clock = paced(origin_ns, OPCUA_RATE, wall_ns)
        with tempfile.TemporaryDirectory() as name:
            path = line(Path(name), origin_ns, source)
            async with running(path, Path(name), clock) as service:
                while not any(one.up for one in service.view.links()):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
                await asyncio.sleep(2.0)
                assert time.time_ns() < wall_ns, "the machine is too slow to begin in time"
                spent = asyncio.create_task(say(str(wall_ns)))
                await asyncio.sleep((wall_ns - time.time_ns()) / 1e9)
                count = SECONDS * sum(len(wire_tags(vessel)) for vessel in plan().vessels)
                took = await stored(service, service.view.counters().stored + count)
                told("the server alone", count, *json.loads(await spent))
                told("the service with ten twins", count, *took)
                print(_thought(service))


class Stopwatch:
    """How long values take through a service that is told when they are due."""

    def __init__(self, service: Service, clock: ScaledClock) -> None:
        self.clock = clock
        self.stored: list[float] = []
        self.decided: list[float] = []
        pipeline: Any = service.pipeline
        self._keep, self._think = pipeline.historian.write, pipeline.engine.handle
        pipeline.historian.write, pipeline.engine.handle = self._write, self._handle

    async def _write(self, rows: Any) -> Any:
        report = await self._keep(rows)
        self.stored.extend(self._age(row.time_ns) for row in rows)
        return report

    def _handle(self, rows: Any) -> Any:
        out = self._think(rows)
        if out.estimates:
            self.decided.append(self._age(min(row.time_ns for row in rows)))
        return out

    def _age(self, time_ns: int) -> float:
        """Time since a value was due [s of the wall]."""
        return (self.clock.now_ns() - time_ns) / 1e9 / self.clock.speed


async def live() -> None:
    """How long values and decisions take while 4,000 values a second come."""
    origin_ns = _origin()
    with tempfile.TemporaryDirectory() as name, mosquitto(folder := Path(name)) as broker:
        source = {"kind": "mqtt", "id": "m", "port": broker.port, "client_id": "bench"}
        async with beside("say", broker.port, origin_ns) as say:
            wall_ns = time.time_ns() + SUBSCRIBED_NS
            clock = paced(origin_ns, LIVE_RATE, wall_ns)
            async with running(line(folder, origin_ns, source), folder, clock) as service:
                watch = Stopwatch(service, clock)
                count = int(await say(str(wall_ns)))
                await stored(service, count)
                rate = count * 1e9 / (time.time_ns() - wall_ns)
    for what, seen in (("wire to store", watch.stored), ("wire to decision", watch.decided)):
        median, p99 = np.percentile(seen, [50, 99])
        print(f"{what:<17} median {1e3 * median:6.0f} ms, p99 {1e3 * p99:6.0f} ms, {len(seen):,} times")
    print(f"at {rate:,.0f} values/s, generator in a process of its own")


async def say(port: int, origin_ns: int) -> None:
    """The heads of the run: wait for the time to begin, then say everything as it is due."""
    said = list(seconds(origin_ns, LIVE_SECONDS))
    async with JsonWire("127.0.0.1", port, dict.fromkeys(PROBES, "head")) as wire:
        print("open", flush=True)
        clock = paced(origin_ns, LIVE_RATE, int(await asyncio.to_thread(sys.stdin.readline)))
        for rows in said:
            await clock.sleep(max(0.0, (rows[0].time_ns - clock.now_ns()) / 1e9))
            await wire.publish(rows)
        await wire.drained(PATIENCE_S)
        print(sum(map(len, said)), flush=True)
        await asyncio.to_thread(sys.stdin.readline)


async def history() -> None:
    """Read the hole once and count every value."""
    now_ns = time.time_ns() // 1_000_000_000 * 1_000_000_000
    start_ns = now_ns - HOLE_S * 1_000_000_000
    wire = OpcUaWire([WireTag(f"R1.t{i}", "1", -1, 1e9) for i in range(HOLE_TAGS)])
    async with wire:
        for node in wire._nodes.values():
            ring = wire._history.ring(node)
            for second in range(HOLE_S):
                ring.add((start_ns + second * 1_000_000_000) // 1000, float(second), 0)
        tags = {f"R1.t{i}": Tag("R1", f"t{i}", "count", "1", -1, 1e9, 1.0) for i in range(HOLE_TAGS)}
        context = SourceContext(tags, WallClock(), lambda tag: start_ns - 1)
        source = opcua.open_source(opcua.Config(id="u", url=wire.url), context)
        found: Counter[tuple[str, int]] = Counter()
        disorder, newest, began = 0, dict.fromkeys(tags, 0), time.monotonic()
        async for delivery in source.deliveries():
            for row in delivery.readings:
                if row.replayed and row.time_ns is not None:
                    found[row.address, row.time_ns] += 1
                    disorder += row.time_ns < newest[row.address]
                    newest[row.address] = row.time_ns
            if found.total() >= HOLE_TAGS * HOLE_S:
                break
        took = time.monotonic() - began
    double = found.total() - len(found)
    print(
        f"history: {len(found):,} of {HOLE_TAGS * HOLE_S:,} values, double {double}, out of order {disorder}"
    )
    print(f"         {found.total() / took:,.0f} values/s, server in the same process")


def _origin() -> int:
    return (time.time_ns() // 1_000_000_000 - SECONDS - 60) * 1_000_000_000


def _thought(service: Service) -> str:
    return f"{len(service.pipeline.hub.latest().estimates)} beliefs of the twins at the end"


PEERS = {"serve": serve, "say": say}
RUNS = {"mqtt": mqtt, "influxdb": into_influxdb, "opcua": by_opcua, "live": live, "history": history}


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("runs", nargs="*", default=list(RUNS))
    runs = asked.parse_args().runs
    if runs[0] in PEERS:
        asyncio.run(PEERS[runs[0]](int(runs[1]), int(runs[2])))
    else:
        for what in runs:
            asyncio.run(RUNS[what]())
