"""The MQTT source against real brokers: nothing acknowledged is lost, nothing is acknowledged too early."""

import asyncio
import json
import signal
import threading
import time
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError
from servers import Broker
from watching import Watched, context

from connectors.sources._mqtt_link import _Pauses
from connectors.sources.mqtt import Config, open_source
from simulators.broker import RunningBroker
from simulators.wires import AssayRow, Row
from simulators.wires_mqtt import JsonWire
from twin.domain.instant import iso

pytestmark = [pytest.mark.usefixtures("no_leaks"), pytest.mark.servers]
BASE = 1_795_305_600_000_000_000


def rows(start: int, count: int, tag: str = "R102.seq") -> list[Row]:
    return [Row(tag, BASE + n * 1_000_000, float(n)) for n in range(start, start + count)]


def source(port: int, protocol: Any = "auto", name: str = "m", **more: Any) -> Any:
    config = Config(id=name, port=port, protocol=protocol, retry_s=0.2, retry_max_s=0.5, **more)
    return open_source(config, context())


def went(watched: Watched) -> list[bool]:
    """How the link went; a link that is down speaks again when the cause is another."""
    return [up for up, _ in groupby(watched.ups)]


def numbers(watched: Watched) -> set[float]:
    return {float(r.value) for r in watched.readings if r.address == "R102.seq"}


async def test_values_assays_and_rubbish_arrive_each_as_what_they_are(any_broker: tuple[int, int]) -> None:
    port, protocol = any_broker
    name = f"m-{port}-{protocol}"
    async with (
        Watched(source(port, protocol, name)) as got,
        JsonWire("127.0.0.1", port, {"pH": "head"}, f"pub-{name}", protocol) as wire,
    ):
        await got.until(lambda: got.ups == [True])
        await wire.publish([Row("R102.pH", BASE, 7.01), Row("R102.stirrer", BASE, None, 0)])
        await wire.publish_assays([AssayRow("R102.VCD", BASE, 5.1)])
        for payload in (b"{", b"", b'{"t":"2026-11-22T00:00:00.000Z","v":{"pH":"7,0"}}'):
            wire._client.publish("plant/R102/head", payload, qos=1)
        wire._client.publish("plant/R102/\u00e9t\u00e9", b"[]", qos=1)
        await got.until(lambda: len(got.readings) == 4 and len(got.refused) == 2)
    assert {(r.address, r.value, int(r.quality)) for r in got.readings} == {
        ("R102.pH", 7.01, 192),
        ("R102.stirrer", None, 0),
        ("R102.VCD", 5.1, 192),
        ("R102.pH", "7,0", 192),
    }
    assert {r.time_ns for r in got.readings} == {BASE}
    assert [q.reason for q in got.refused] == ["malformed", "malformed"]


async def test_MQ_02_what_was_not_acknowledged_comes_again(either_broker: tuple[int, int]) -> None:
    port, protocol = either_broker
    name = f"again-{port}-{protocol}"
    async with JsonWire("127.0.0.1", port, client_id=f"pub-{name}", protocol=protocol) as wire:
        async with Watched(source(port, protocol, name), ack=False) as first:
            await first.until(lambda: first.ups == [True])
            await wire.publish(rows(0, 10))
            await first.until(lambda: len(numbers(first)) == 10)
            first.deliveries[1].ack()
            await asyncio.sleep(0.2)
            kept = {float(r.value) for r in first.deliveries[1].readings}
        async with Watched(source(port, protocol, name)) as second:
            await second.until(lambda: len(numbers(second)) == 10 - len(kept))
            assert numbers(second) == {float(n) for n in range(10)} - kept
            await asyncio.sleep(0.2)
        async with Watched(source(port, protocol, name)) as third:
            await third.until(lambda: third.ups == [True])
            await asyncio.sleep(0.3)
            assert not third.readings


async def test_MQ_03_the_broker_keeps_what_comes_while_the_service_is_away(
    either_broker: tuple[int, int],
) -> None:
    port, protocol = either_broker
    name = f"away-{port}-{protocol}"
    async with JsonWire("127.0.0.1", port, client_id=f"pub-{name}", protocol=protocol) as wire:
        async with Watched(source(port, protocol, name)) as first:
            await first.until(lambda: first.ups == [True])
        await wire.publish(rows(0, 1500))
        assert await wire.drained(20)
        async with Watched(source(port, protocol, name)) as second:
            await second.until(lambda: len(numbers(second)) == 1500)
    values = [r.value for r in second.readings]
    assert values == sorted(values), "the order of a topic is kept"
    assert len(second.deliveries) < 1500, "messages that wait come several at a time"


async def test_MQ_03_the_window_holds_the_broker_back_and_nothing_is_dropped(mosquitto: Broker) -> None:
    async with (
        Watched(source(mosquitto.port, 5, window=10), ack=False) as got,
        JsonWire("127.0.0.1", mosquitto.port) as wire,
    ):
        await got.until(lambda: got.ups == [True])
        await wire.publish(rows(0, 200))
        await got.until(lambda: len(numbers(got)) == 10)
        await asyncio.sleep(0.3)
        assert len(numbers(got)) == 10
        done = 0
        while len(numbers(got)) < 200:
            waiting = got.deliveries[done:]
            done = len(got.deliveries)
            for delivery in waiting:
                delivery.ack()
            await asyncio.sleep(0.01)
    assert numbers(got) == {float(n) for n in range(200)}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_R_05_a_broker_that_ends_and_comes_back_loses_nothing_it_acknowledged(
    durable_mosquitto: Broker, how: signal.Signals
) -> None:
    acknowledged: list[bytes] = []
    async with (
        Watched(source(durable_mosquitto.port)) as got,
        JsonWire(
            "127.0.0.1", durable_mosquitto.port, on_acknowledged=lambda _, data: acknowledged.append(data)
        ) as wire,
    ):
        await got.until(lambda: got.ups == [True])
        for round_ in range(2):
            feeding = asyncio.create_task(feed(wire, round_ * 200, 200))
            await asyncio.sleep(0.3)
            await asyncio.to_thread(durable_mosquitto.end, how)
            await got.until(lambda n=round_: went(got) == [True, False] * (n + 1))
            await asyncio.to_thread(durable_mosquitto.start)
            await got.until(lambda n=round_: went(got) == [True, False] * (n + 1) + [True])
            await feeding
        assert await wire.drained(20)
        sent = {json.loads(data)["v"]["seq"] for data in acknowledged}
        await got.until(lambda: numbers(got) >= sent)
    assert sent == {float(n) for n in range(400)}
    assert [link.gap for link in got.links] == [None] * len(got.links)


async def feed(wire: JsonWire, start: int, count: int) -> None:
    for n in range(start, start + count):
        await wire.publish(rows(n, 1))
        await asyncio.sleep(0.005)


async def test_one_down_and_one_up_however_long_it_lasts(mosquitto: Broker) -> None:
    mosquitto.end()
    async with Watched(source(mosquitto.port)) as got:
        await got.until(lambda: got.ups == [False])
        await asyncio.sleep(1.5)
        assert got.ups == [False]
        mosquitto.start()
        began = time.monotonic()
        await got.until(lambda: got.ups == [False, True])
        assert time.monotonic() - began < 3.0
    assert "check that the broker runs" in got.links[0].text


async def test_a_session_that_the_broker_lost_is_a_hole_that_is_told(
    either_broker: Any, tmp_path: Path
) -> None:
    port, protocol = either_broker
    name = f"hole-{port}-{protocol}"
    wire = JsonWire("127.0.0.1", port, client_id=f"pub-{name}", protocol=protocol)
    started_ns = time.time_ns()
    async with wire, Watched(source(port, protocol, name)) as got:
        await got.until(lambda: got.ups == [True])
        await wire.publish(rows(0, 1))
        await got.until(lambda: len(numbers(got)) == 1)
        heard_ns = time.time_ns()
        await taken_away(port, protocol, f"bioline--{name}")
        await got.until(lambda: went(got) == [True, False, True])
    assert [link.gap is not None for link in got.links] == [False] * (len(got.links) - 1) + [True]
    told = got.links[-1]
    assert told.gap
    assert started_ns < told.gap[0] <= heard_ns
    assert told.gap[1] == told.time_ns
    assert told.text == (
        f"connected to the broker at 127.0.0.1:{port}; the broker did not know our session; "
        f"values it acknowledged since {iso(told.gap[0])} may be missing"
    )


async def taken_away(port: int, protocol: int, client_id: str) -> None:
    """Another client of the name, with a clean session: the broker throws ours away."""
    five = protocol == 5
    other = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if five else True,
        protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
        reconnect_on_failure=False,
    )
    came = threading.Event()
    other.on_connect = lambda *_: came.set()
    other.connect("127.0.0.1", port, **({"clean_start": True} if five else {}))
    other.loop_start()
    assert await asyncio.to_thread(came.wait, 10.0), "the broker answered no CONNECT in 10 s"
    other.disconnect()
    await asyncio.to_thread(other.loop_stop)


async def test_a_broker_without_a_memory_that_starts_again_has_lost_the_session(mosquitto: Broker) -> None:
    async with Watched(source(mosquitto.port)) as got:
        await got.until(lambda: got.ups == [True])
        for n in range(2):
            await asyncio.to_thread(mosquitto.end)
            await got.until(lambda: got.links[-1].up is False)
            await asyncio.to_thread(mosquitto.start)
            await got.until(lambda n=n: sum(link.gap is not None for link in got.links) == n + 1)
    first, second = (link.gap for link in got.links if link.gap)
    assert first[0] < first[1] <= second[0] < second[1]


async def test_a_lost_session_is_told_although_the_connection_that_found_it_ended_at_once() -> None:
    """Session known (SUBACK); not known, ended before the SUBACK; known, as the one before made it."""
    answers = [(0, True), (0, False), (1, True)]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known, stays = answers.pop(0) if answers else (1, False)
        await reader.read(1000)
        writer.write(bytes([0x20, 3, known, 0, 0]))
        wanted = await reader.read(1000)
        if stays:
            writer.write(bytes([0x90, 4, *wanted[2:4], 0, 1]))
            await asyncio.sleep(0.2)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    one = source(server.sockets[0].getsockname()[1], 5, topics=[{"topic": "a/{vessel}"}])
    async with server, Watched(one) as got:
        await got.until(lambda: got.ups.count(True) == 2)
        await asyncio.sleep(0.3)
    assert [link.gap is not None for link in got.links if link.up] == [False, True]


async def test_two_lines_with_sources_of_one_name_keep_their_sessions(either_broker: tuple[int, int]) -> None:
    port, protocol = either_broker
    config = Config(id=f"lines-{port}", port=port, protocol=protocol, retry_s=0.2, retry_max_s=0.5)
    a, b = (open_source(config, replace(context(), line=line)) for line in ("a", "b"))
    async with Watched(a) as first, Watched(b) as second:
        await first.until(lambda: first.ups == [True])
        await second.until(lambda: second.ups == [True])
        await asyncio.sleep(0.6)
        assert first.ups == second.ups == [True]


async def test_a_session_that_is_taken_over_is_called_so() -> None:
    """A broker of MQTT 5 says why (0x8E); mosquitto 2.0.11 just closes, so the answers come from here."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(bytes([0x20, 3, 0, 0, 0]))
        wanted = await reader.read(1000)
        writer.write(bytes([0x90, 4, *wanted[2:4], 0, 1]) + bytes([0xE0, 1, 0x8E]))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    config = Config(
        id="m",
        port=server.sockets[0].getsockname()[1],
        protocol=5,
        client_id="one",
        topics=[{"topic": "a/{vessel}"}],
    )
    async with server, Watched(open_source(config, context())) as got:
        await got.until(lambda: False in got.ups)
    text = next(link.text for link in got.links if link.up is False)
    assert text.startswith("session taken over: another client uses client_id one")


async def test_two_clients_of_one_name_fight_at_growing_pauses(mosquitto: Broker) -> None:
    config = Config(id="m", port=mosquitto.port, client_id="one", retry_s=0.1, retry_max_s=30)
    async with Watched(open_source(config, context())) as a, Watched(open_source(config, context())) as b:
        await a.until(lambda: a.ups.count(False) + b.ups.count(False) >= 2)
        await asyncio.sleep(3)
        downs = [link for link in (*a.links, *b.links) if not link.up]
    assert len(downs) <= 14, "with the first pause only it were 30"
    assert all("another client may use client_id one" in link.text for link in downs)


async def test_a_connection_lost_without_a_reason_names_the_likely_one(embedded: RunningBroker) -> None:
    config = Config(id="m", port=embedded.port_311, protocol=311, client_id="same", retry_s=0.2)
    async with Watched(open_source(config, context())) as a, Watched(open_source(config, context())) as b:
        await a.until(lambda: False in a.ups + b.ups)
        (down, *_) = [link.text for link in (*a.links, *b.links) if not link.up]
    assert "lost without a reason" in down
    assert "another client may use client_id same" in down


def test_pauses_grow_until_a_connection_is_steady() -> None:
    pauses, now, waited = _Pauses(1.0, 30.0), 100.0, []
    for stood_s in (50.0, 1.0, 1.0, 2.0, 4.0, 8.0, 500.0):
        pauses.up(now)
        now += stood_s
        waited.append(pauses.next(now))
        now += waited[-1]
    assert waited == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 1.0]


def test_names_of_sessions_are_valid_and_those_of_other_lines_differ() -> None:
    assert Config(id="Wägen #1").session_name("l1") == "bioline-l1-W-gen--1"
    assert Config(id="m").session_name("l1") != Config(id="m").session_name("l2")
    assert Config(id="m", client_id="mine").session_name("l1") == "mine"


async def test_auto_finds_the_protocol_the_broker_speaks(embedded: RunningBroker) -> None:
    for port in (embedded.port, embedded.port_311):
        async with Watched(source(port, "auto", f"auto-{port}")) as got:
            await got.until(lambda: got.ups == [True])


async def test_a_closed_source_leaves_no_thread(embedded: RunningBroker) -> None:
    before = set(threading.enumerate())
    async with Watched(source(embedded.port, name="threads")) as got:
        await got.until(lambda: got.ups == [True])
    async with Watched(source(1, name="nobody")) as got:
        await got.until(lambda: got.ups == [False])
    left = {thread for thread in threading.enumerate() if "paho" in thread.name} - before
    assert not left


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "broker.plant"},
        {"host": "192.168.1.5", "tls": True},
        {"protocol": 4},
        {"topics": []},
        {"topics": [{"topic": "plant/#"}]},
        {"topics": [{"topic": "plant/{vessel}", "tag": "{line}.{name}"}]},
        {"portt": 1},
        {"port": 0},
    ],
)
def test_a_config_that_can_not_work_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config(id="m", **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "localhost"},
        {"host": "::1"},
        {"host": "b.plant", "allow_insecure": True},
        {"host": "b", "tls": True, "user": "u"},
    ],
)
def test_a_config_that_is_safe_is_taken(fields: dict[str, Any]) -> None:
    assert Config(id="m", **fields).id == "m"
