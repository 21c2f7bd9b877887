"""Fleet mode on the wires: 50 vessels of one scenario on one station, and every value arrives."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest

from connectors.sources import mqtt, opcua, sparkplug
from simulators.broker import open_broker
from simulators.plant import Plant
from simulators.probes import TAGS
from simulators.scenario import Scenario
from simulators.station import Station, rows_of, wire_tags
from simulators.wires import free_port
from twin.domain.measurement import Reading
from twin.domain.tag import Tag
from twin.ports import Source, SourceContext
from twin.runtime.clock import ScaledClock

ORIGIN = 1_795_305_600_000_000_000
VESSELS, PERIOD_S, STEPS = 50, 60.0, 8


def fleet() -> Scenario:
    half = VESSELS // 2
    vessels = [
        {"fleet": {"count": half, "id": "U{n:03d}"}, "start_h": 48},
        {
            "fleet": {"count": half, "id": "M{n:03d}"},
            "start_h": 48,
            "wires": {"probes": "mqtt", "skid": "sparkplug"},
        },
    ]
    return Scenario.model_validate(
        {
            "schema": 1,
            "id": "fleet",
            "title": {"en": "f"},
            "duration_h": 9,
            "period_s": 60,
            "vessels": vessels,
        }
    )


async def take(source: Source, into: list[Reading], up: set[str]) -> None:
    async with contextlib.aclosing(source.deliveries()) as deliveries:  # type: ignore[type-var]
        async for delivery in deliveries:
            into += delivery.readings
            up |= {change.source for change in delivery.links if change.up}
            assert not delivery.refused
            delivery.ack()


async def until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.05)


@pytest.mark.timeout(150)
async def test_fifty_vessels_say_everything_by_three_wires() -> None:
    plan = fleet()
    assert len(plan.vessels) == VESSELS
    tags = {
        tag.id: Tag(tag.vessel, tag.name, "count", tag.unit, tag.low, tag.high, 1.0)
        for vessel in plan.vessels
        for tag in wire_tags(vessel)
    }
    port = free_port()
    plant = Plant(plan, keep_truth=False)
    up: set[str] = set()
    got: list[Reading] = []
    with open_broker() as broker:
        context = SourceContext(tags, ScaledClock(ORIGIN, 1.0, time.time_ns()), lambda _: None)
        on_opcua = [vessel.id for vessel in plan.vessels if not vessel.wires]
        sources: list[Any] = [
            opcua.open_source(
                opcua.Config(id="ua", url=f"opc.tcp://127.0.0.1:{port}", vessels=on_opcua, retry_s=0.2),
                context,
            ),
            mqtt.open_source(mqtt.Config(id="json", port=broker.port), context),
            sparkplug.open_source(sparkplug.Config(id="spb", port=broker.port, host_id="h"), context),
        ]
        station = Station(plan, port, broker.port, primary_host="h")
        async with station.opened():
            tasks = [asyncio.create_task(take(source, got, up)) for source in sources]
            edge: Any = station._wires["sparkplug"]
            await until(lambda: up >= {"ua", "json", "spb"} and edge.born)
            expected: dict[tuple[str, int], float | None] = {}
            for step in range(STEPS):
                batch = plant.advance(step * PERIOD_S)
                await station.publish(batch, ORIGIN)
                expected |= {(row.tag, row.time_ns): row.value for row in rows_of(batch, ORIGIN)}
                await asyncio.sleep(0)
            await until(
                lambda: len({(one.address, one.time_ns) for one in got} & expected.keys()) == len(expected)
            )
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended
    assert len(expected) == VESSELS * len(TAGS) * STEPS
    arrived = {(one.address, one.time_ns): one.value for one in got if (one.address, one.time_ns) in expected}
    assert arrived == expected
    assert {one.address.partition(".")[0] for one in got} == {vessel.id for vessel in plan.vessels}
