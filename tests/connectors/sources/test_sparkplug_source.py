"""The Sparkplug source against real brokers and the simulated edge node (another hand's bytes)."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from itertools import groupby
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError
from servers import Broker
from watching import Watched, context

from connectors.codecs.sparkplug import decode
from connectors.sources.sparkplug import Config, open_source
from simulators.broker import RunningBroker
from simulators.wires import Row, WireTag
from simulators.wires_mqtt import SparkplugEdge
from twin.domain.measurement import Quality

pytestmark = [pytest.mark.usefixtures("no_leaks"), pytest.mark.servers]
BASE = 1_795_305_600_000_000_000
TAGS = [WireTag(f"R102.{name}", "1", 0.0, 1e6) for name in ("seq", "pH")]


def source(port: int, protocol: Any = "auto", host_id: str = "h", **more: Any) -> Any:
    fields = {"client_id": f"host-{host_id}", "retry_s": 0.2, "retry_max_s": 0.5, "reorder_s": 0.5} | more
    return open_source(Config(id="spb", port=port, protocol=protocol, host_id=host_id, **fields), context())


def edge(
    port: int, protocol: int = 5, host: str | None = "h", name: str = "skid", **more: Any
) -> SparkplugEdge:
    return SparkplugEdge("127.0.0.1", port, TAGS, edge=name, primary_host=host, protocol=protocol, **more)


async def feed(node: SparkplugEdge, start: int, count: int, pause_s: float = 0.005) -> None:
    for n in range(start, start + count):
        await node.publish([Row("R102.seq", BASE + n * 1_000_000, float(n))])
        await asyncio.sleep(pause_s)


def numbers(*parts: Watched) -> set[float]:
    readings = (r for part in parts for r in part.readings)
    return {float(r.value) for r in readings if r.address == "R102.seq" and r.value is not None}


class Listener:
    """Hears a topic filter, as a third client of the broker."""

    def __init__(self, port: int, topic: str, protocol: int = 5) -> None:
        version = paho.MQTTv5 if protocol == 5 else paho.MQTTv311
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"listener-{os.getpid()}", protocol=version
        )
        self.heard: list[paho.MQTTMessage] = []
        self.client.on_message = lambda *args: self.heard.append(args[2])
        self.client.on_connect = lambda *args: self.client.subscribe(topic, qos=1)
        self.listens = threading.Event()
        self.client.on_subscribe = lambda *args: self.listens.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    async def __aenter__(self) -> "Listener":
        assert await asyncio.to_thread(self.listens.wait, 10.0), "the broker took no subscription in 10 s"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.client.disconnect()
        await asyncio.to_thread(self.client.loop_stop)

    async def until(self, count: int, seconds: float = 10.0) -> list[dict[str, Any]]:
        for _ in range(int(seconds / 0.02)):
            if len(self.heard) >= count:
                break
            await asyncio.sleep(0.02)
        return [json.loads(message.payload) for message in self.heard]


async def test_births_and_data_become_readings(any_broker: tuple[int, int]) -> None:
    port, protocol = any_broker
    async with edge(port, protocol) as node:
        await node.publish([Row("R102.pH", BASE, 7.0), Row("R102.seq", BASE, -1.0)])
        async with Watched(source(port, protocol)) as got:
            await got.until(lambda: node.born and len(numbers(got)) == 1)
            await node.publish([Row("R102.pH", BASE + 10**9, 7.1, 0), Row("R102.seq", BASE, 1.0, 64)])
            await got.until(lambda: 1.0 in numbers(got))
    bad = next(r for r in got.readings if r.time_ns == BASE + 10**9)
    assert (bad.value, bad.quality, bad.status) == (7.1, Quality.BAD, 0)
    assert got.ups == [True]
    assert not got.refused


async def test_SPB_16_what_is_measured_while_the_host_is_away_comes_later_as_historical(
    either_broker: tuple[int, int],
) -> None:
    port, protocol = either_broker
    async with edge(port, protocol) as node:
        async with Watched(source(port, protocol)) as first:
            await first.until(lambda: node.born)
            await feed(node, 0, 40)
        await feed(node, 40, 40)
        assert not node.born
        async with Watched(source(port, protocol)) as second:
            await second.until(lambda: node.born)
            await feed(node, 80, 20)
            await second.until(lambda: numbers(first, second) >= {float(n) for n in range(100)})
    assert numbers(first, second) == {float(n) for n in range(100)}
    assert any(r.replayed for r in second.readings)
    live = [
        r.value for r in second.readings if r.address == "R102.seq" and not r.replayed and r.value is not None
    ]
    assert live == sorted(live)


async def test_SPB_07_a_host_that_missed_the_births_asks_for_them(embedded: RunningBroker) -> None:
    async with edge(embedded.port, host=None, name="early") as node:
        await feed(node, 0, 20)
        async with Watched(source(embedded.port, host_id="late")) as got:
            await got.until(lambda: got.ups == [True])
            await feed(node, 20, 60)
            await got.until(lambda: 79.0 in numbers(got))
    assert {row.reason for row in got.refused} == {"no_birth"}
    kept_aside = {float(row.reading.value) for row in got.refused}
    assert numbers(got) | kept_aside >= {float(n) for n in range(20, 80)}


async def test_SPB_02_SPB_14_a_node_that_vanishes_makes_its_values_stale(embedded: RunningBroker) -> None:
    async with (
        edge(embedded.port, name="gone", host="watch") as node,
        Watched(source(embedded.port, host_id="watch")) as got,
    ):
        await got.until(lambda: node.born)
        await feed(node, 0, 5)
        connection = node._client.socket()
        assert connection is not None
        connection.shutdown(socket.SHUT_RDWR)
        await got.until(
            lambda: any(r.quality is Quality.STALE and r.address == "R102.seq" for r in got.readings)
        )
        await feed(node, 5, 5)
        await got.until(lambda: numbers(got) == {float(n) for n in range(10)})


async def test_SPB_03_SPB_05_SPB_06_the_edge_node_obeys(embedded: RunningBroker) -> None:
    """Two lives under two client ids: with one, the second may take the connection over before the broker has
    read the first one's DISCONNECT. A broker that has read the goodbye but not the DISCONNECT says the will,
    the same death, as well.
    """
    async with Listener(embedded.port, "spBv1.0/bioline/+/order/#") as ear:
        for life in range(2):
            async with edge(embedded.port, name="order", host=None, client_id=f"order-{life}") as node:
                for _ in range(200):
                    if node.born:
                        break
                    await asyncio.sleep(0.02)
                await feed(node, 0, 300, 0.0)
                await asyncio.sleep(0.3)
            for _ in range(500):
                if sum("/NDEATH/" in message.topic for message in ear.heard) > life:
                    break
                await asyncio.sleep(0.02)
    kinds = [message.topic.split("/")[2] for message in ear.heard]
    messages = [decode(message.payload) for message in ear.heard]
    assert kinds[:3] == ["NBIRTH", "DBIRTH", "DDATA"]
    assert not any(message.retain for message in ear.heard)
    births = [place for place, kind in enumerate(kinds) if kind == "NBIRTH"]
    for start, end in zip(births, [*births[1:], len(kinds)], strict=True):
        seqs = [
            m.seq for m, kind in zip(messages[start:end], kinds[start:end], strict=True) if kind != "NDEATH"
        ]
        assert seqs == [n % 256 for n in range(len(seqs))]
        assert "NDEATH" in kinds[start:end]
    assert len(births) == 2
    deaths = [m.metrics[0] for m, kind in zip(messages, kinds, strict=True) if kind == "NDEATH"]
    assert {metric.name for metric in deaths} == {"bdSeq"}
    assert all(m.seq is None for m, kind in zip(messages, kinds, strict=True) if kind == "NDEATH")
    first = messages[births[0]].metrics
    assert [metric.name for metric in first] == ["bdSeq", "Node Control/Rebirth"]
    assert first[1].alias is None


async def test_SPB_11_SPB_13_the_state_of_the_host_follows_it(either_broker: tuple[int, int]) -> None:
    port, protocol = either_broker
    host = f"state-{port}-{protocol}"
    async with Listener(port, f"spBv1.0/STATE/{host}", protocol) as ear:
        async with Watched(source(port, protocol, host)) as got:
            await got.until(lambda: got.ups == [True])
            (birth,) = await ear.until(1)
        birth, *deaths = await ear.until(2)
    assert birth["online"] is True
    assert deaths
    for death in deaths:  # two, when the broker has read our goodbye but not that we disconnect
        assert death["online"] is False
        assert death["timestamp"] >= birth["timestamp"]


HOST = """
    import asyncio, contextlib, sys
    sys.path[:0] = [{here!r}]
    from watching import context
    from connectors.sources.sparkplug import Config, open_source
    async def main():
        source = open_source(Config(id="spb", port={port}, host_id="killed"), context())
        async with contextlib.aclosing(source.deliveries()) as deliveries:
            async for delivery in deliveries:
                delivery.ack()
    asyncio.run(main())
"""


async def test_SPB_11_a_killed_host_is_reported_by_its_will_with_the_time_of_its_birth(
    mosquitto: Broker,
) -> None:
    code = textwrap.dedent(HOST.format(here=str(Path(__file__).parents[2]), port=mosquitto.port))
    async with Listener(mosquitto.port, "spBv1.0/STATE/killed") as ear:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stderr=subprocess.DEVNULL)
        (birth,) = await ear.until(1, 30)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        birth, death = await ear.until(2)
        await asyncio.sleep(0.05)
        ear.heard.clear()
        ear.client.unsubscribe("spBv1.0/STATE/killed")
        ear.client.subscribe("spBv1.0/STATE/killed", qos=1)
        (kept,) = await ear.until(1)
    assert (birth["online"], death["online"], kept) == (True, False, death)
    assert death["timestamp"] == birth["timestamp"]


async def test_SPB_12_somebody_elses_offline_is_corrected(embedded: RunningBroker) -> None:
    async with Watched(source(embedded.port, host_id="slandered")) as got:
        await got.until(lambda: got.ups == [True])
        async with Listener(embedded.port, "spBv1.0/STATE/slandered") as ear:
            (birth,) = await ear.until(1)
            lie = json.dumps({"online": False, "timestamp": birth["timestamp"] + 1000})
            ear.client.publish("spBv1.0/STATE/slandered", lie, qos=1, retain=True)
            said = await ear.until(3)
    assert [word["online"] for word in said[:3]] == [True, False, True]
    assert said[2]["timestamp"] >= said[1]["timestamp"]


async def test_R_05_the_edge_node_bridges_an_outage_of_the_broker(mosquitto: Broker) -> None:
    async with edge(mosquitto.port) as node, Watched(source(mosquitto.port)) as got:
        await got.until(lambda: node.born)
        feeding = asyncio.create_task(feed(node, 0, 300, 0.01))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(mosquitto.end, signal.SIGKILL)
        await got.until(lambda: got.ups == [True, False])
        await asyncio.sleep(0.5)
        await asyncio.to_thread(mosquitto.start)
        await feeding
        await got.until(lambda: numbers(got) >= {float(n) for n in range(300)})
    assert [up for up, _ in groupby(got.ups)] == [True, False, True]
    assert numbers(got) == {float(n) for n in range(300)}


async def test_rubbish_on_sparkplug_topics_is_kept_aside(embedded: RunningBroker) -> None:
    async with (
        Watched(source(embedded.port, host_id="rubbish", group="rubbish")) as got,
        Listener(embedded.port, "none") as ear,
    ):
        await got.until(lambda: got.ups == [True])
        for topic in ("spBv1.0/rubbish/NDATA/e", "spBv1.0/rubbish/WHAT/e", "spBv1.0/rubbish/DDATA/e/d"):
            ear.client.publish(topic, b"\xff\x01\x02", qos=0)
        await got.until(lambda: len(got.refused) == 3)
    assert sorted(row.reason for row in got.refused) == ["malformed", "malformed", "unknown_topic"]


async def test_without_a_host_id_it_listens_and_says_no_state(embedded: RunningBroker) -> None:
    async with Listener(embedded.port, "spBv1.0/STATE/#") as ear:
        async with edge(embedded.port, host=None, name="heard") as node:
            silent = {"group": "bioline", "client_id": "silent"}
            async with Watched(source(embedded.port, host_id="", **silent)) as got:
                await got.until(lambda: bool(got.links))
                await feed(node, 0, 20)
                await got.until(lambda: 19.0 in numbers(got))
        await asyncio.sleep(0.3)
        assert [m.topic for m in ear.heard if not m.retain] == []


@pytest.mark.parametrize(
    "fields", [{"host_id": "a/b"}, {"group": "a/b"}, {"group": "#"}, {"tag": "{vessel}"}, {"hostid": "x"}]
)
def test_a_config_that_can_not_work_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config(id="spb", **fields)
