"""The service is killed (-9) at random moments: nothing is lost or doubled, no notice comes twice.

Real peers: mosquitto, influxd, an OPC UA server. Values are gap-free counters, so that what was sent,
acknowledged and stored can be compared one by one.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from servers import Broker, Server, free_port, influxd, needs

from simulators.wires import Row, WireTag
from simulators.wires_mqtt import JsonWire
from simulators.wires_opcua import OpcUaWire
from twin.runtime.clock import ScaledClock
from twin.service.catcher import Catcher, open_catcher

KILLS = int(os.environ.get("BIOLINE_KILLS", "10"))
SPEED = 60.0
STEP_S = 0.05
LEVEL_PERIOD_S = 12.0
STARTED: "list[subprocess.Popen[bytes]]" = []
"""Every service of this run, so that none outlives it."""

pytestmark = [
    pytest.mark.servers,
    pytest.mark.timeout(180 + 20 * KILLS),
]


def tags(limited: bool) -> list[dict[str, Any]]:
    counter = {"quantity": "count", "unit": "1", "low": -1, "high": 1e9, "accuracy": 1, "silence_s": 1e6}
    found = [{"name": "seq", **counter}]
    if limited:
        level = {"quantity": "pO2", "unit": "%", "low": 0, "high": 200, "accuracy": 1, "silence_s": 1e6}
        found.append({"name": "level", **level, "limits": {"high": 80}, "deadband": 1})
    return found


def line(origin: datetime, ua_port: int, mqtt_port: int, influx: Server, catcher: Catcher) -> dict[str, Any]:
    host = influx.url.removeprefix("http://")
    return {
        "schema": 1,
        "line": "kill",
        "origin": "simulated",
        "clock": {"origin": origin.isoformat(), "wall": origin.isoformat(), "speed": SPEED},
        "vessels": [{"id": "M1", "tags": tags(True)}, {"id": "U1", "tags": tags(False)}],
        "sources": [
            {"kind": "mqtt", "id": "mqtt", "port": mqtt_port, "client_id": "kill-test"},
            {"kind": "opcua", "id": "ua", "url": f"opc.tcp://127.0.0.1:{ua_port}", "vessels": ["U1"]},
        ],
        "historian": {"kind": "influxdb", "url": f"http://{host}", "database": "plant"},
        "subscribers": [
            {"id": "anna", "notifier": {"kind": "webhook", "url": catcher.url, "allow_private": True}}
        ],
    }


class Plant:
    """Sends counters on both wires and keeps what was sent and what the broker acknowledged."""

    def __init__(self, clock: ScaledClock, mqtt_port: int, ua_port: int) -> None:
        self.clock = clock
        self.sent = 0
        self.acknowledged: set[int] = set()
        self.mqtt = JsonWire("127.0.0.1", mqtt_port, on_acknowledged=self._keep)
        ua_tags = [WireTag("U1.seq", "1", -1, 1e9)]
        self.ua = OpcUaWire(ua_tags, ua_port)

    def _keep(self, topic: str, payload: bytes) -> None:
        self.acknowledged.add(int(json.loads(payload)["v"]["seq"]))

    async def run(self) -> None:
        async with self.mqtt, self.ua:
            while True:
                await self.step()
                await asyncio.sleep(STEP_S)

    async def step(self) -> None:
        time_ns = self.clock.now_ns() // 1_000_000 * 1_000_000
        high = self.sent * STEP_S % LEVEL_PERIOD_S > LEVEL_PERIOD_S / 2
        level = Row("M1.level", time_ns, 90.0 if high else 40.0)
        await self.mqtt.publish([Row("M1.seq", time_ns, float(self.sent)), level])
        await self.ua.publish([Row("U1.seq", time_ns, float(self.sent))])
        self.sent += 1


def start(path: Path, data: Path) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"TWIN_DATA_DIR": str(data), "TWIN_PORT": "0"}
    log = (data / "log.txt").open("ab")
    command = [sys.executable, "-m", "twin.service", "run", str(path)]
    with log:
        STARTED.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
    return STARTED[-1]


def stored(influx: Server, tag: str) -> Counter[int]:
    """How often each counter value is in the database."""
    series = influx.query(f'SELECT "value" FROM "pv" WHERE "tag" = \'{tag}\'', "plant")
    return Counter(int(row[1]) for part in series for row in part["values"])


async def killed_often(
    path: Path, data: Path, rng: random.Random, influx: Server
) -> "tuple[subprocess.Popen[bytes], int]":
    """Start, kill, start again; returns the running service and the first value the broker kept for it."""
    service = start(path, data)
    while not (found := stored(influx, "M1.seq")):
        assert service.poll() is None, (data / "log.txt").read_text()[-3000:]
        await asyncio.sleep(0.2)
    for _ in range(KILLS):
        await asyncio.sleep(rng.uniform(0.5, 6.0))
        assert service.poll() is None, (data / "log.txt").read_text()[-3000:]
        service.send_signal(signal.SIGKILL)
        service.wait()
        service = start(path, data)
    return service, min(found)


async def caught_up(influx: Server, last: int) -> None:
    """Wait until the value `last` is in the database from both wires."""
    for _ in range(120):
        await asyncio.sleep(0.5)
        if last in stored(influx, "M1.seq") and last in stored(influx, "U1.seq"):
            return


async def test_killed_at_random_moments(tmp_path: Path) -> None:
    needs("influxd")
    needs("mosquitto")
    broker, influx = Broker(tmp_path / "broker"), influxd(tmp_path / "influx")
    broker.start()
    influx.start()
    influx.query("CREATE DATABASE plant")
    seed = random.SystemRandom().randrange(2**32)
    print(f"kill seed {seed}")
    origin = datetime.now(UTC)
    ua_port = free_port()
    clock = ScaledClock(int(origin.timestamp() * 1e6) * 1000, SPEED, int(origin.timestamp() * 1e6) * 1000)
    data = tmp_path / "data"
    data.mkdir()
    try:
        async with open_catcher() as catcher:
            path = tmp_path / "line.json"
            path.write_text(json.dumps(line(origin, ua_port, broker.port, influx, catcher)))
            plant = Plant(clock, broker.port, ua_port)
            sending = asyncio.create_task(plant.run())
            service, first = await killed_often(path, data, random.Random(seed), influx)
            await asyncio.sleep(8)
            counted = range(first, plant.sent)
            await finish(counted[-1], sending, influx, service)
            judge(plant, influx, catcher, counted, (data / "log.txt").read_text())
    finally:
        for process in STARTED:
            process.kill()
            process.wait()
        influx.kill()
        broker.end()


async def finish(
    last: int, sending: "asyncio.Task[None]", influx: Server, service: "subprocess.Popen[bytes]"
) -> None:
    """Let the service catch up, then end everything in good order."""
    try:
        await caught_up(influx, last)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        service.send_signal(signal.SIGTERM)
        assert service.wait(20) == 0


def judge(plant: Plant, influx: Server, catcher: Catcher, counted: range, log: str) -> None:
    """Compare the ledger of the senders with the store, and the notices with themselves."""
    by_mqtt, by_ua = stored(influx, "M1.seq"), stored(influx, "U1.seq")
    acknowledged = plant.acknowledged & set(counted)
    lost = acknowledged - by_mqtt.keys(), set(counted) - by_ua.keys()
    invented = (by_mqtt.keys() | by_ua.keys()) - set(range(plant.sent))
    doubled = [n for found in (by_mqtt, by_ua) for n, count in found.items() if count > 1]
    print(
        f"kills {KILLS}, sent {plant.sent}, acknowledged {len(plant.acknowledged)}, "
        f"lost {len(lost[0])} + {len(lost[1])}, invented {len(invented)}, doubled {len(doubled)}, "
        f"notices {len(catcher.caught)} in {catcher.posts} posts"
    )
    assert (lost, invented, doubled) == ((set(), set()), set(), []), log[-3000:]
    assert len(catcher.caught) >= 2
    assert catcher.posts == len(catcher.caught)
