"""What the wires carry: ``PYTHONPATH=tests python -m benchmarks.wires_bench [mqtt] [history]``.

mqtt: messages of ten values at QoS 1 from mosquitto through the whole pipeline into the embedded store,
acknowledged after the commit, beside a bare paho client that only counts the same messages in the same run.
history: a hole of an hour at one value a second on 200 tags, read from a server's history; what is missing,
double and out of order is counted.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from servers import Broker

from connectors.sources import opcua
from simulators.wires import Row, WireTag
from simulators.wires_mqtt import JsonWire
from simulators.wires_opcua import OpcUaWire
from twin.domain.tag import Tag
from twin.ports import SourceContext
from twin.runtime.clock import WallClock
from twin.service.app import open_service
from twin.service.build import load_line
from twin.service.settings import Settings

MESSAGES = 5_000
VALUES = 10
TAGS, SECONDS = 200, 3_600


async def send(port: int, first_ns: int) -> None:
    """Put all messages into the broker's session."""
    async with JsonWire("127.0.0.1", port) as wire:
        for number in range(MESSAGES):
            time_ns = first_ns + number * 1_000_000
            await wire.publish([Row(f"R1.v{i}", time_ns, float(number % 50)) for i in range(VALUES)])
        await wire.drained(120)


def subscribed(port: int, name: str) -> paho.Client:
    """A bare client with a kept session that counts."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
    client.user_data_set([0])
    client.on_message = lambda _client, count, _message: count.__setitem__(0, count[0] + 1)
    client.connect("127.0.0.1", port)
    client.subscribe("plant/#", 1)
    return client


def bare(port: int) -> float:
    """Messages a second of a client that only counts."""
    client = subscribed(port, "bare")
    count = client.user_data_get()
    client.loop_start()
    began = time.monotonic()
    while count[0] < MESSAGES:
        time.sleep(0.01)
    took = time.monotonic() - began
    client.disconnect()
    client.loop_stop()
    return MESSAGES / took


def line(folder: Path, port: int) -> Path:
    """One vessel of ten signals."""
    tag = {"quantity": "count", "unit": "1", "low": -1, "high": 1e9, "accuracy": 1, "silence_s": 1e6}
    raw = {
        "schema": 1,
        "line": "bench",
        "vessels": [{"id": "R1", "tags": [{"name": f"v{i}", **tag} for i in range(VALUES)]}],
        "sources": [{"kind": "mqtt", "id": "m", "port": port, "client_id": "bench"}],
    }
    path = folder / "line.json"
    path.write_text(json.dumps(raw))
    return path


async def through(path: Path, folder: Path) -> float:
    """Messages a second into the store, from the connection on."""
    async with open_service(*load_line(path), Settings(data_dir=folder / "data")) as service:
        running = asyncio.create_task(service.run())
        began = time.monotonic()
        while service.view.counters().stored + service.view.counters().duplicate < MESSAGES * VALUES:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        took = time.monotonic() - began
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return MESSAGES / took


async def mqtt() -> None:
    """Fill two sessions with the same messages, then drain each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder / "broker")
        broker.start()
        try:
            for session in ("bare", "bench"):
                client = subscribed(broker.port, session)
                client.loop_start()
                await asyncio.sleep(0.5)
                client.disconnect()
                client.loop_stop()
            await send(broker.port, time.time_ns() - 60_000_000_000)
            reference = await asyncio.to_thread(bare, broker.port)
            ours = await through(line(folder, broker.port), folder)
        finally:
            broker.end()
    print(f"mqtt: bare paho {reference:,.0f} messages/s; stored, judged, acknowledged {ours:,.0f} messages/s")
    print(f"      = {ours * VALUES:,.0f} values/s; ratio {ours / reference:.2f}")


async def history() -> None:
    """Read the hole once and count every value."""
    now_ns = time.time_ns() // 1_000_000_000 * 1_000_000_000
    start_ns = now_ns - SECONDS * 1_000_000_000
    wire = OpcUaWire([WireTag(f"R1.t{i}", "1", -1, 1e9) for i in range(TAGS)])
    async with wire:
        for node in wire._nodes.values():
            ring = wire._history.ring(node)
            for second in range(SECONDS):
                ring.add((start_ns + second * 1_000_000_000) // 1000, float(second), 0)
        tags = {f"R1.t{i}": Tag("R1", f"t{i}", "count", "1", -1, 1e9, 1.0) for i in range(TAGS)}
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
            if found.total() >= TAGS * SECONDS:
                break
        took = time.monotonic() - began
    double = found.total() - len(found)
    print(f"history: {len(found):,} of {TAGS * SECONDS:,} values, double {double}, out of order {disorder}")
    print(f"         {found.total() / took:,.0f} values/s, server in the same process")


if __name__ == "__main__":
    for what in sys.argv[1:] or ["mqtt", "history"]:
        asyncio.run({"mqtt": mqtt, "history": history}[what]())
