"""Networks that cut, swallow and hold: every source comes back by itself, misses nothing, and leaks nothing.

`BIOLINE_CYCLES=200` is the long form.
"""

import asyncio
import gc
import os
import random
import time
from typing import Any

import pytest
from fault_proxy import FaultProxy
from servers import Broker
from watching import Watched, context

from connectors.sources import mqtt, opcua, sparkplug
from simulators.wires import Row, WireTag
from simulators.wires_mqtt import JsonWire, SparkplugEdge
from simulators.wires_opcua import OpcUaWire
from twin.domain.tag import Tag

CYCLES = int(os.environ.get("BIOLINE_CYCLES", "3"))
MOODS = ("cut", "swallow", "hold")
TAGS = {"R1.seq": Tag("R1", "seq", "count", "1", -1, 1e9, 1.0)}

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180 + 40 * CYCLES)]


def held(got: Watched) -> tuple[int, int]:
    """Descriptors and tasks of this process; what the watcher keeps holds clients of the past."""
    got.deliveries.clear()
    gc.collect()
    return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())


def ups(got: Watched) -> list[bool]:
    """Up or down of the source's own link, whatever nodes behind it do."""
    return [change.up for change in got.links if change.up is not None and change.source in "mus"]


async def spoil(proxy: FaultProxy, mood: str, got: Watched) -> float:
    """One fault from its begin to the source's return; gives how long the return took [s]."""
    await got.until(lambda: ups(got)[-1], 60)
    seen = len(ups(got))
    if mood == "cut":
        await proxy.cut()
        await got.until(lambda: len(ups(got)) > seen, 60)
        await proxy.listen()
    else:
        proxy.feel("swallow" if mood == "swallow" else "hold")
        await got.until(lambda: len(ups(got)) > seen, 60)
        proxy.feel("well")
    ready = time.monotonic()
    await got.until(lambda: ups(got)[-1] and len(ups(got)) > seen + 1, 60)
    return time.monotonic() - ready


def numbers(got: Watched) -> set[float]:
    """Counters that came, whatever came twice or empty."""
    return {r.value for r in got.readings if isinstance(r.value, float)}


async def cycles(proxy: FaultProxy, got: Watched, send: Any) -> list[float]:
    rng = random.Random(7)
    took = []
    after_one: tuple[int, int] = (0, 0)
    for number in range(CYCLES):
        for _ in range(5):
            await send()
        took.append(await spoil(proxy, MOODS[number % 3] if number < 3 else rng.choice(MOODS), got))
        await send()
        await got.until(lambda: numbers(got) == set(range(send.count)), 60)
        await got.until(lambda: proxy.lines == 1, 60)
        after_one = after_one if number else held(got)
    # a server in this process keeps lost sessions until their time is over
    await got.until(lambda: held(got)[1] <= after_one[1] + 3, 90)
    descriptors, tasks = held(got)
    assert descriptors <= after_one[0] + 3
    assert tasks <= after_one[1] + 3
    return took


class Sender:
    def __init__(self, wire: JsonWire | OpcUaWire | SparkplugEdge) -> None:
        self.wire, self.count = wire, 0

    async def __call__(self) -> None:
        await self.wire.publish([Row("R1.seq", time.time_ns() // 1000 * 1000, float(self.count))])
        self.count += 1
        await asyncio.sleep(0.02)


async def test_R_07_mqtt_over_a_network_that_cuts_swallows_and_holds(mosquitto: Broker) -> None:
    async with FaultProxy(mosquitto.port) as proxy, JsonWire("127.0.0.1", mosquitto.port) as wire:
        config = mqtt.Config(id="m", port=proxy.port, keepalive_s=2, retry_s=0.2, retry_max_s=1.0)
        async with Watched(mqtt.open_source(config, context(TAGS))) as got:
            await got.until(lambda: ups(got) == [True])
            took = await cycles(proxy, got, Sender(wire))
    print(f"mqtt back after {max(took):.1f} s at most in {CYCLES} cycles")
    assert len(took) == CYCLES


async def test_R_07_sparkplug_over_a_network_that_cuts_swallows_and_holds(mosquitto: Broker) -> None:
    tags = [WireTag("R1.seq", "1", -1, 1e9)]
    async with (
        FaultProxy(mosquitto.port) as proxy,
        SparkplugEdge("127.0.0.1", mosquitto.port, tags, primary_host="h") as edge,
    ):
        config = sparkplug.Config(
            id="s", port=proxy.port, host_id="h", keepalive_s=2, retry_s=0.2, retry_max_s=1.0
        )
        async with Watched(sparkplug.open_source(config, context(TAGS))) as got:
            await got.until(lambda: ups(got) == [True] and edge.born)
            took = await cycles(proxy, got, Sender(edge))
    print(f"sparkplug back after {max(took):.1f} s at most in {CYCLES} cycles")
    assert len(took) == CYCLES


async def test_R_07_opcua_over_a_network_that_cuts_swallows_and_holds() -> None:
    async with OpcUaWire([WireTag("R1.seq", "1", -1, 1e9)]) as wire, FaultProxy(wire.port) as proxy:
        stored: dict[str, int] = {}
        config = opcua.Config(
            id="u", url=f"opc.tcp://127.0.0.1:{proxy.port}", watchdog_s=1, connect_timeout_s=2,
            keepalive_s=3, retry_s=0.2, retry_max_s=1.0, history_first_h=1,
        )  # fmt: skip
        async with Watched(opcua.open_source(config, context(TAGS, stored))) as got:
            await got.until(lambda: ups(got) == [True])
            took = await cycles(proxy, got, Sender(wire))
    print(f"opcua back after {max(took):.1f} s at most in {CYCLES} cycles")
    assert len(took) == CYCLES
