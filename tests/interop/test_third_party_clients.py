"""Clients of others at the simulated plant: node-opcua, MQTT.js and the Sparkplug codec of Tahu.

They are fetched from npm into a temporary folder, so this runs only where BIOLINE_INTEROP=1 allows it.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from interop_clients import HERE, allowed, environment, install

from simulators.broker import open_broker
from simulators.operations import OPERATIONS
from simulators.plant import Plant
from simulators.probes import CHANNELS, SET_POINTS, TAGS
from simulators.scenario import Scenario
from simulators.station import Station, wire_tags
from simulators.wires import free_port

PACKAGES = ("node-opcua-client@2.182.2", "mqtt@5.16.0", "sparkplug-payload@1.0.3")
ORIGIN = 1_767_592_800_000_000_000
"""2026-01-05T06:00:00Z"""
PERIOD_S = 60.0

pytestmark = allowed


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("npm"), PACKAGES)


async def node(folder: Path, script: str, *arguments: object) -> Any:
    """Run a script beside the plant; what it printed."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(HERE / script), *map(str, arguments)),
        env=environment(folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), 120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert process.returncode == 0, errors.decode()[-2000:] + out.decode()[-2000:]
    return json.loads(out.decode().splitlines()[-1])


@contextlib.asynccontextmanager
async def running(wire: str) -> AsyncIterator[tuple[Station, Plant, Any]]:
    """A station whose plant has run for two hours and goes on, a minute in a tenth of a second."""
    vessel = {"id": "R101", "start_h": 48, "wires": {"probes": wire, "skid": wire}}
    plan = Scenario.model_validate(
        {"schema": 1, "id": "s", "title": {"en": "s"}, "duration_h": 48, "period_s": 60, "vessels": [vessel]}
    )
    plant = Plant(plan, keep_truth=False)
    port = free_port()

    async def go_on(station: Station) -> None:
        while True:
            await asyncio.sleep(0.1)
            await station.publish(plant.advance(plant.now_s + PERIOD_S), ORIGIN)

    with open_broker() as broker:
        station = Station(plan, port, broker.port, plant=plant, writable=True)
        async with station.opened():
            first = plant.advance(2 * 3600.0)
            await station.publish(first, ORIGIN)
            task = asyncio.create_task(go_on(station))
            try:
                yield station, plant, first
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


async def test_node_opcua_browses_subscribes_reads_history_and_writes(modules: Path) -> None:
    async with running("opcua") as (station, _plant, first):
        said = await node(modules, "opcua_client.cjs", f"opc.tcp://127.0.0.1:{station.opcua_port}", "R101")
    assert set(said["children"]) == {*TAGS, "StartFeed", "HoldFeed", *OPERATIONS}
    index = said["namespaces"].index("urn:bioline:plant")
    assert said["pH"] == f"ns={index};s=R101.pH"
    assert said["EURange"]["high"] > said["EURange"]["low"]
    assert said["EngineeringUnits"]["displayName"]["text"] == "1"
    assert said["device"]["SerialNumber"] == "SIM-R101-pH"
    assert said["device"]["DeviceHealth"] == 0
    times = [time for time, _, _ in said["seen"]]
    assert times == sorted(set(times))
    assert {status for _, _, status in said["seen"]} == {"Good"}
    rows = first.value[first.tag_index == first.tags.index("R101.pH")]
    assert said["historyStatus"] == "Good"
    assert [value for _, value in said["history"]] == rows[: len(said["history"])].tolist()
    assert len(said["history"]) == 120
    assert said["history"][0][0] == "2026-01-05T06:00:00.000Z"
    assert said["writes"] == {
        "inside": "Good",
        "outside": "BadOutOfRange",
        "text": "BadTypeMismatch",
        "measured": "BadUserAccessDenied",
    }
    assert said["calls"] == {"start": "Good", "hold": "Good", "wrong": "BadInvalidArgument"}
    assert said["arguments"] == ["rate"]


async def test_tahu_decodes_births_and_commands_a_set_point(modules: Path) -> None:
    async with running("sparkplug") as (station, plant, _):
        broker_port = station.mqtt_port
        said = await node(modules, "sparkplug_host.cjs", broker_port, "skid", "R101")
        units = {tag.name: tag.unit for tag in wire_tags(plant.scenario.vessels[0])}
    own = said["births"]["spBv1.0/bioline/NBIRTH/skid"]
    assert own["seq"] == 0
    assert [(m["name"], m["type"]) for m in own["metrics"]] == [
        ("bdSeq", "UInt64"),
        ("Node Control/Rebirth", "Boolean"),
    ]
    metrics = {m["name"]: m for m in said["births"]["spBv1.0/bioline/DBIRTH/skid/R101"]["metrics"]}
    assert set(metrics) == {*CHANNELS, *SET_POINTS}
    assert {m["type"] for m in metrics.values()} == {"Double"}
    assert len({m["alias"] for m in metrics.values()}) == len(metrics)
    assert {name: m["properties"]["engUnit"]["value"] for name, m in metrics.items()} == units
    assert all(isinstance(m["value"], int | float) for m in metrics.values())
    assert metrics["pH_sp"]["value"] != 6.9 == said["afterwards"]
    expected = None
    for kind, number in said["sequence"]:
        expected = 0 if kind == "NBIRTH" else expected
        assert expected in (None, number)
        expected = (number + 1) % 256
    aliases = {m["alias"] for m in metrics.values()}
    assert said["data"]
    assert {m["alias"] for m in said["data"]} <= aliases
    assert all("name" not in m for m in said["data"])
    assert next(e.data["reason"] for e in station.log if e.kind == "refused") == "range"
    assert {e.data["name"] for e in station.log if e.kind == "set_point"} == {"pH_sp"}
