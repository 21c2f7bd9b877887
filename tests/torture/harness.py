"""One run: start the real servers and the service, kill them in a random order, compare what is left."""

import asyncio
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from servers import Broker

from simulators.wires import free_port
from torture.judge import Verdict, judge
from torture.plant import MQTT_TAGS, OPCUA_TAGS, STEP_S, Plant
from torture.points import INFLUX_POINTS, POINTS
from torture.stores import Embedded, Influx, Store, refused
from twin.runtime.clock import ScaledClock
from twin.service.catcher import Catcher, open_catcher

SPEED = 60.0
PATIENCE_S = 90.0
"""Longest wait for anything that must happen [s]."""
TESTS = Path(__file__).resolve().parent.parent
CODE = os.pathsep.join((str(TESTS), str(TESTS.parent)))
"""Where the processes find the harness and the service: those of this checkout."""


@dataclass(frozen=True)
class Options:
    """What a run does.

    Parameters
    ----------
    service, broker, server, database : int
        Kills at random moments.
    points : sequence of str
        Fail-points, each once.
    pause_s : float
        Longest pause before a kill [s].
    """

    store: str
    seed: int
    service: int
    broker: int = 0
    server: int = 0
    database: int = 0
    points: tuple[str, ...] = ()
    pause_s: float = 2.0

    def actions(self, rng: random.Random) -> list[str]:
        """Everything that is killed, in random order."""
        found = ["service"] * self.service + ["broker"] * self.broker + ["server"] * self.server
        found += ["database"] * self.database + [f"point {name}" for name in self.points]
        rng.shuffle(found)
        return found


def long_form(kills: int, store: str, seed: int, database: int) -> Options:
    """`kills` of the service at random, a fifth of that of broker and server, and every fail-point.

    `database` kills are of the database, where there is one.
    """
    fifth = math.ceil(kills / 5)
    influx = store == "influxdb"
    points = [*POINTS, *(INFLUX_POINTS if influx else ())]
    return Options(store, seed, kills, fifth, fifth, database if influx else 0, tuple(points))


def _line(origin: datetime, ua_port: int, mqtt_port: int, store: Store, catcher: Catcher) -> dict[str, Any]:
    counter = {"quantity": "count", "unit": "1", "low": -1, "high": 1e9, "accuracy": 1, "silence_s": 1e6}
    seq = {"name": "seq", **counter}
    level = {"name": "level", "quantity": "pO2", "unit": "%", "low": 0, "high": 200, "accuracy": 1}
    level |= {"silence_s": 1e6, "limits": {"high": 80}, "deadband": 1}
    tags = {"M1": [seq, level], "M2": [seq], "U1": [seq], "U2": [seq]}
    return {
        "schema": 1,
        "line": "torture",
        "origin": "simulated",
        "clock": {"origin": origin.isoformat(), "wall": origin.isoformat(), "speed": SPEED},
        "vessels": [{"id": vessel, "tags": rows} for vessel, rows in tags.items()],
        "sources": [
            {"kind": "mqtt", "id": "mqtt", "port": mqtt_port, "client_id": "torture"},
            {"kind": "opcua", "id": "ua", "url": f"opc.tcp://127.0.0.1:{ua_port}", "vessels": ["U1", "U2"]},
        ],
        "historian": store.section(),
        "subscribers": [
            {"id": "anna", "notifier": {"kind": "webhook", "url": catcher.url, "allow_private": True}}
        ],
    }


class Run:
    """The processes of one run."""

    def __init__(self, options: Options, folder: Path, say: Callable[[str], None]) -> None:
        self.options, self.folder, self.say = options, folder, say
        self.rng = random.Random(options.seed)
        self.data, self.journal = folder / "data", folder / "journal"
        self.data.mkdir(parents=True)
        self.journal.touch()
        self.line = folder / "line.json"
        self.ua_port = free_port()
        self.kills: Counter[str] = Counter()
        self.broker = Broker(folder / "broker", durable=True)
        self.store: Store
        self.plant: Plant
        self._service: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    async def run(self) -> Verdict:
        """Kill everything that is to be killed, let the service catch up, judge."""
        origin = datetime.now(UTC)
        origin_ns = int(origin.timestamp() * 1e6) * 1000
        self.broker.start()
        self.store = (
            Influx(self.folder / "influx") if self.options.store == "influxdb" else Embedded(self.data)
        )
        self.plant = Plant(ScaledClock(origin_ns, SPEED, origin_ns), self.broker.port, self.journal)
        sending: asyncio.Task[None] | None = None
        try:
            self._start_server()
            async with open_catcher() as catcher:
                about = _line(origin, self.ua_port, self.broker.port, self.store, catcher)
                self.line.write_text(json.dumps(about))
                self._start_service()
                sending = asyncio.create_task(self.plant.run())
                first = await self._first()
                for action in self.options.actions(self.rng):
                    await self._do(action)
                return await self._finish(sending, first, catcher)
        finally:
            self.plant.stop()
            if sending:
                await asyncio.gather(sending, return_exceptions=True)
            self._end()

    # -- killing -----------------------------------------------------------------------------

    async def _do(self, action: str) -> None:
        what, _, point = action.partition(" ")
        await self._settle()
        self.say(f"{self.store.name}: {action} at {self.plant.count}")
        self.kills[what if what != "point" else action] += 1
        if what == "service":
            self._kill(self._service)
            self._start_service()
        elif what == "broker":
            await asyncio.to_thread(self.broker.end, signal.SIGKILL)
            await asyncio.to_thread(self.broker.start)
        elif what == "server":
            self._kill(self._server)
            self._start_server()
        elif what == "database":
            assert self.store.server is not None
            self.store.server.kill()
            await asyncio.sleep(self.rng.uniform(0.0, 1.0))
            await asyncio.to_thread(self.store.server.start)
        else:
            await self._die_at(point)

    async def _settle(self) -> None:
        """A random pause; in three of four cases from the moment on when values are stored again."""
        self._alive()
        if self.rng.random() < 0.75:
            newest = await self._newest(MQTT_TAGS[0])
            await self._until(lambda: self._newest_above(MQTT_TAGS[0], newest), "no value is stored any more")
        await asyncio.sleep(self.rng.uniform(0.0, self.options.pause_s))

    async def _die_at(self, point: str) -> None:
        """Put a service with a trap in the place of the one that runs."""
        self._kill(self._service)
        passages = str(self.rng.randint(1, 3))
        self._start_service([sys.executable, "-m", "torture.victim", str(self.line), point, passages])
        assert self._service is not None
        service = self._service

        async def dead() -> bool:
            return service.poll() is not None

        await self._until(dead, f"fail-point {point} was not reached")
        assert service.returncode == -signal.SIGKILL, f"{point}: ended with {service.returncode}\n{self.log}"
        self._start_service()

    # -- processes ---------------------------------------------------------------------------

    def _start_service(self, command: list[str] | None = None) -> None:
        known = {"TWIN_DATA_DIR": str(self.data), "TWIN_PORT": "0", "PYTHONPATH": CODE}
        command = command or [sys.executable, "-m", "twin.service", "run", str(self.line)]
        with (self.data / "log.txt").open("ab") as log:
            self._service = subprocess.Popen(command, env=os.environ | known, stdout=log, stderr=log)

    def _start_server(self) -> None:
        command = [sys.executable, "-m", "torture.server", str(self.journal), str(self.ua_port), *OPCUA_TAGS]
        with (self.folder / "server.txt").open("ab") as log:
            environment = os.environ | {"PYTHONPATH": CODE}
            self._server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    @staticmethod
    def _kill(process: "subprocess.Popen[bytes] | None") -> None:
        if process is not None:
            process.kill()
            process.wait()

    def _end(self) -> None:
        self._kill(self._service)
        self._kill(self._server)
        self.broker.end()
        if self.store.server is not None:
            self.store.server.kill()

    @property
    def log(self) -> str:
        """End of what the service said."""
        return (self.data / "log.txt").read_text()[-3000:]

    def _alive(self) -> None:
        for process in (self._service, self._server):
            assert process is not None
            assert process.poll() is None, f"{process.args} ended by itself\n{self.log}"

    # -- waiting -----------------------------------------------------------------------------

    async def _newest(self, tag: str) -> int:
        return await asyncio.to_thread(self.store.newest, tag)

    async def _newest_above(self, tag: str, number: int) -> bool:
        return await self._newest(tag) > number

    async def _first(self) -> int:
        """The counter from which on the broker kept every message for the service."""
        found: list[int] = []

        async def there() -> bool:
            self._alive()
            rows = await asyncio.to_thread(self.store.rows, MQTT_TAGS[:1])
            found[:] = [int(row.value) for row in rows]
            return bool(found)

        await self._until(there, "nothing was ever stored")
        return min(found)

    async def _until(self, done: Callable[[], Any], complaint: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not await done():
            assert time.monotonic() < deadline, f"{complaint}\n{self.log}"
            await asyncio.sleep(0.1)

    async def _finish(self, sending: "asyncio.Task[None]", first: int, catcher: Catcher) -> Verdict:
        self.plant.stop()
        await sending
        wanted = {key for key in self.plant.taken if key[1] >= first}
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            rows = await asyncio.to_thread(self.store.rows, MQTT_TAGS + OPCUA_TAGS)
            there = {(row.tag, int(row.value)) for row in rows} | _keys(refused(self.data))
            if wanted <= there:
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(10 * STEP_S)
        assert self._service is not None
        self._service.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(self._service.wait, PATIENCE_S) == 0, self.log
        rows = self.store.rows(MQTT_TAGS + OPCUA_TAGS)
        verdict = judge(self.plant, rows, refused(self.data), first)
        verdict.kills, verdict.notices, verdict.posts = self.kills, len(catcher.caught), catcher.posts
        return verdict


def _keys(rows: list[tuple[str, float]]) -> set[tuple[str, int]]:
    return {(tag, int(value)) for tag, value in rows}


async def torture(options: Options, folder: Path, say: Callable[[str], None] = lambda text: None) -> Verdict:
    """One run in an empty folder."""
    return await Run(options, folder, say).run()
