"""One batch of a campaign over real wires: the plant's own server or edge node, and the whole service.

The plant runs in a process of its own with an accelerated clock, the service reads its wires with the
same clock, and what the service stored and told is compared with the same batch handed over in process.
"""

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from simulators.broker import open_broker
from simulators.plant import Plant
from simulators.scenario import Scenario
from simulators.simulate import FILE_START
from simulators.station import DEMO_HOST
from simulators.wires import free_port
from twin.domain.asset import Line
from twin.domain.errors import ConnectorError
from twin.domain.event import Event, Kind
from twin.domain.measurement import Estimate, Measurement, Reading
from twin.ports import Counters
from twin.runtime.clock import ScaledClock
from twin.service.app import Service, grace_s, open_service
from twin.service.campaign import VESSEL, BaseSection, Plan, scenario_of
from twin.service.line import LineFile
from twin.service.plant_process import PlantProcess
from twin.service.terminal import settings_now
from twin.service.trial import HOUR, START_NS, Follower, Outcome, line_of, outcome, readings, spoken

OVER: Final = ("opcua", "sparkplug")
"""Wires that a batch's transmitters can speak."""
SPEED: Final = 1200.0
"""Times real time: 40 h in 2 min, 460 values/s at one a minute (chosen default)."""
PATIENCE_S: Final = 60.0
"""How long the service may be behind the end of a batch [s of the wall] (chosen default)."""
PEOPLE: Final = ("actuators", "writes", "publishers", "subscribers", "channels")
"""Sections of a line file that a scored batch has no use for."""
OUTSIDE: Final = frozenset({Kind.LINK, Kind.ALARM, Kind.RISK})
"""Kinds that no engine tells: links of the wires, what people do, and forecasts."""


@dataclass(frozen=True, slots=True)
class Wired:
    """One batch, once in process and once over wires.

    Parameters
    ----------
    direct : Outcome
        In process, as `twin score` follows it.
    carried : Outcome
        Over the wires: the events the service told, and beliefs from what it stored.
    again : tuple of Event
        What the stored rows give when they are handed to an engine in process in their order of arrival.
    said : tuple of Reading
        What the plant says in process of the time of the batch, until the service stopped.
    stored : tuple of Measurement
        What the service stored of the time of the batch.
    counters : Counters
        Of the service at its end.
    outside : Counter of str
        Events of the vessel that no engine tells, by kind.
    belief_sd, on_time_sd : float
        Largest difference between an hourly belief from what was stored and in process [its standard
        deviations]: with every value when it came, and with the laboratory's when they were told.
    """

    direct: Outcome
    carried: Outcome
    again: tuple[Event, ...]
    said: tuple[Reading, ...]
    stored: tuple[Measurement, ...]
    counters: Counters
    outside: Counter[str]
    belief_sd: float
    on_time_sd: float


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a service stored and told of a batch."""

    stored: tuple[Measurement, ...]
    events: tuple[Event, ...]
    counters: Counters
    stopped_ns: int


def run_wired(
    over: str, speed: float, base: BaseSection, line_file: LineFile, line: Line, plan: Plan
) -> Wired:
    """Follow one batch over the wires and in process.

    Raises
    ------
    ConnectorError
        When the plant does not start, or the service is not at the end a minute after the plant.
    """
    mine = line_of(line, plan, base)
    heard = asyncio.run(_carry(over, scenario_on(over, speed, plan, base), line_file, mine, plan))
    plant = Plant(scenario_of(plan, base))
    said = [row for part in spoken(plant, plan) for row in part]
    truth = plant.truth()
    after = readings(plant.advance((heard.stopped_ns - START_NS) / 1e9))
    patient = line_file.model_copy(update={"grace_s": grace_s(line_file, ScaledClock(0, speed))})
    direct, again = _followed(line_file, mine, said), _followed(patient, mine, _arrivals(heard.stored))
    on_time = _followed(patient, mine, _arrivals(_told(heard.stored, said)))
    engine = tuple(e for e in heard.events if e.kind not in OUTSIDE)
    return Wired(
        direct=outcome(plan, direct, truth),
        carried=replace(outcome(plan, again, truth), events=engine),
        again=tuple(e for e in again.events if e.t <= end_of(plan)),
        said=(*said, *(row for row in after if (row.time_ns or 0) <= end_of(plan))),
        stored=heard.stored,
        counters=heard.counters,
        outside=Counter(e.kind.value for e in heard.events if e.kind in OUTSIDE),
        belief_sd=_apart(direct.hourly, again.hourly),
        on_time_sd=_apart(direct.hourly, on_time.hourly),
    )


def end_of(plan: Plan) -> int:
    """When a batch ends [ns since 1970-01-01 UTC]."""
    return START_NS + int(plan.hours * HOUR)


def scenario_on(over: str, speed: float, plan: Plan, base: BaseSection) -> Scenario:
    """The batch's scenario with its transmitters on one kind of wire, its laboratory on MQTT as ever."""
    scenario = scenario_of(plan, base)
    wires = {"probes": over, "skid": over, "lab": "mqtt"}
    vessels = tuple(v.model_copy(update={"wires": wires}) for v in scenario.vessels)
    return scenario.model_copy(update={"vessels": vessels, "speed": speed, "start": FILE_START})


def sources_of(over: str, opcua_port: int, mqtt_port: int) -> list[dict[str, Any]]:
    """Sections of a line file that read the plant's wires."""
    broker = {"host": "127.0.0.1", "port": mqtt_port}
    laboratory = {"kind": "mqtt", "id": "laboratory", "client_id": "bioline-score", **broker}
    if over == "sparkplug":
        plant = {"kind": "sparkplug", "id": "plant", "group": "bioline", "host_id": DEMO_HOST, **broker}
    else:
        url = f"opc.tcp://127.0.0.1:{opcua_port}/"
        plant = {"kind": "opcua", "id": "plant", "url": url, "security": "none", "publish_ms": 100}
    return [plant, laboratory]


def _followed(line_file: LineFile, line: Line, rows: Sequence[Reading]) -> Follower:
    follower = Follower(line_file, line)
    follower.take(rows)
    follower.finish()
    return follower


def _apart(one: Sequence[Estimate], other: Sequence[Estimate]) -> float:
    known = {(e.name, e.time_ns): e for e in one}
    pairs = [(known[e.name, e.time_ns], e) for e in other if (e.name, e.time_ns) in known]
    return max((abs(a.mean - b.mean) / max(a.sd, 1e-12) for a, b in pairs), default=0.0)


def _told(stored: Sequence[Measurement], said: Sequence[Reading]) -> list[Measurement]:
    """The same, received when the plant told it: results of the laboratory are used in that order."""
    when = {(r.address, r.time_ns): r.received_ns for r in said}
    return [m._replace(received_ns=when.get((m.tag, m.time_ns), m.received_ns)) for m in stored]


def _arrivals(stored: Sequence[Measurement]) -> list[Reading]:
    rows = sorted(stored, key=lambda m: (m.received_ns, m.time_ns, m.tag))
    return [Reading(m.source or "", m.tag, m.value, m.quality, m.time_ns, m.received_ns) for m in rows]


async def _carry(over: str, scenario: Scenario, line_file: LineFile, line: Line, plan: Plan) -> _Heard:
    end_ns = end_of(plan)
    with tempfile.TemporaryDirectory(prefix="bioline-score-") as name:
        folder = Path(name)
        async with contextlib.AsyncExitStack() as stack:
            broker = stack.enter_context(contextlib.closing(open_broker()))
            plant = PlantProcess(scenario, free_port(), broker.port, folder)
            await stack.enter_async_context(plant.started())
            served = _served(over, plant, line_file)
            own = {"data_dir": folder, "host": "127.0.0.1", "sign_in": "local", "oidc": None}
            settings = settings_now().model_copy(update=own)  # and what is logged goes to stderr
            service = await stack.enter_async_context(open_service(served, line, settings))
            async with _running(service) as running:
                await _reached(service, running, end_ns)
            return await _heard(service, line, end_ns)


def _served(over: str, plant: PlantProcess, line_file: LineFile) -> LineFile:
    """The line's file with this run's wires and clock, and nobody who is told or commands."""
    sources = sources_of(over, plant.opcua_port, plant.mqtt_port)
    stores = {"historian": {"kind": "sqlite"}, "ledger": {"kind": "sqlite"}}
    nobody: dict[str, Any] = {key: [] for key in PEOPLE}
    return line_file.model_copy(update={"clock": plant.clock, "sources": sources, **stores, **nobody})


@contextlib.asynccontextmanager
async def _running(service: Service) -> AsyncIterator["asyncio.Task[None]"]:
    """The service at work; at the end it finishes what it took in."""
    task = asyncio.create_task(service.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _reached(service: Service, running: "asyncio.Task[None]", end_ns: int) -> None:
    """Wait until the twin has closed every frame of the batch."""
    cutter = service.engine.vessels[VESSEL].cutter
    patience_ns = int(PATIENCE_S * service.clock.speed * 1e9)
    while cutter.end_ns is None or cutter.end_ns <= end_ns:
        await asyncio.wait({running}, timeout=0.2)
        if running.done():
            await running
            raise ConnectorError("the service ended before the batch; see above", retry=False)
        if service.clock.now_ns() > end_ns + patience_ns:
            raise ConnectorError(
                f"the service is not at the end of the batch {PATIENCE_S:g} s after the plant: this machine "
                f"is too busy for {service.clock.speed:g} times real time; a smaller --speed or fewer --jobs "
                "would do",
                retry=False,
            )


async def _heard(service: Service, line: Line, end_ns: int) -> _Heard:
    tags = [tag.id for tag in line.tags()]
    stored = await service.historian.read(tags, START_NS, end_ns + 1)
    told = [e for _, e in service.ledger.events(0, 1_000_000) if e.asset == VESSEL and e.t <= end_ns]
    return _Heard(tuple(stored), tuple(told), service.view.counters(), service.clock.now_ns())
