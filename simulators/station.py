"""The plant on its wires: a scenario runs with the line's clock and speaks OPC UA, MQTT and Sparkplug B.

As a program, ``python -m simulators.station SCENARIO --opcua-port P --mqtt-port P``, it prints one
line of JSON when its wires are open, with the time of its first value (`origin_ns`) and the wall
time at which that value is due (`wall_ns`), and runs until it is ended.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from simulators.log import LogEvent
from simulators.plant import Plant, PlantBatch
from simulators.probes import SET_POINTS, instruments
from simulators.probes import tags as tags_of
from simulators.scenario import Scenario, VesselScenario, load_scenario
from simulators.wires import AssayRow, Row, Wire, WireTag
from simulators.wires_commands import LOG_LENGTH, Commanded, Commands
from simulators.wires_mqtt import JsonWire, SparkplugEdge
from simulators.wires_opcua import OpcUaWire
from simulators.wires_opcua_devices import Nameplate
from simulators.wires_opcua_security import Security
from twin.domain.errors import ConfigError
from twin.ports import Clock
from twin.runtime.clock import ScaledClock

PROBES: Final = ("pH", "pO2", "pCO2", "conductivity", "temperature")
"""Tags of the probe head; the rest belong to the skid."""
STEP_S: Final = 0.2
"""Wall time between two looks at the clock [s] (chosen default)."""
LEAD_S: Final = 3.0
"""Wall time between open wires and the first value [s] (chosen default)."""
DEMO_HOST: Final = "bioline-demo-host"
"""Sparkplug host application of the packaged demo line."""
MAKER: Final = "Bioline Twin (simulated)"
WIRES: Final = ("opcua", "mqtt", "sparkplug")

_UNITS: Final[dict[str, str]] = {
    "pH": "1", "pO2": "%", "pCO2": "mm[Hg]", "conductivity": "mS/cm", "temperature": "Cel", "weight": "kg",
    "flow_air": "L/min", "flow_O2": "L/min", "flow_CO2": "L/min", "flow_N2": "L/min",
    "feed_flow": "mL/h", "base_flow": "mL/h", "harvest_flow": "mL/h", "bleed_flow": "mL/h",
    "feed_scale": "g", "base_scale": "g", "stirrer": "{rpm}",
    "offgas_O2": "%", "offgas_CO2": "%", "jacket_temperature": "Cel", "pressure": "mbar",
    "pH_sp": "1", "pO2_sp": "%", "temperature_sp": "Cel", "feed_sp": "mL/h",
}  # fmt: skip
"""UCUM unit of each tag."""
_MEASURED: Final = dict(zip(SET_POINTS, ("pH", "pO2", "temperature", "feed_flow"), strict=True))


def wire_tags(vessel: VesselScenario) -> list[WireTag]:
    """Tags of a vessel with unit and range, as its control system declares them."""
    ranges = instruments(vessel.volume_l, vessel.kind, vessel.steamed)
    specs = {name: ranges[_MEASURED.get(name, name)] for name in tags_of(vessel.kind)}
    return [
        WireTag(f"{vessel.id}.{name}", _UNITS[name], spec.low, spec.high, name in SET_POINTS)
        for name, spec in specs.items()
    ]


def nameplates(tags: Iterable[WireTag]) -> dict[str, Nameplate]:
    """Identification of vessels and their transmitters, which says that they are simulated."""
    found = {}
    for tag in tags:
        if not tag.set_point:
            found[tag.vessel] = Nameplate(MAKER, "Simulated bioreactor", f"SIM-{tag.vessel}")
            found[tag.id] = Nameplate(
                MAKER, f"Simulated {tag.name} transmitter", f"SIM-{tag.vessel}-{tag.name}"
            )
    return found


def routes(scenario: Scenario) -> dict[str, str]:
    """Wire of each tag id.

    Raises
    ------
    ConfigError
        When a vessel names a wire that does not exist.
    """
    found = {}
    for vessel in scenario.vessels:
        for group, wire in vessel.wires.items():
            if (
                group not in ("probes", "skid", "lab")
                or wire not in WIRES
                or (group == "lab" and wire != "mqtt")
            ):
                raise ConfigError(
                    f"scenario {scenario.id}, vessel {vessel.id}: wires.{group}: {wire} is not known; "
                    f"probes and skid take one of {', '.join(WIRES)}, lab takes mqtt"
                )
        for name in tags_of(vessel.kind):
            group = "probes" if name in PROBES else "skid"
            found[f"{vessel.id}.{name}"] = vessel.wires.get(group, "opcua")
    return found


@dataclass
class Station:
    """The wires of one scenario.

    Parameters
    ----------
    scenario : Scenario
    opcua_port, mqtt_port : int
        On 127.0.0.1; the OPC UA server listens, the broker is expected there.
    mqtt_protocol : int
        5 or 311.
    primary_host : str or None
        Sparkplug host application whose absence makes the edge node keep its values.
    plant : Commanded or None
        Where commands go; needed when `writable`.
    writable : bool
        Take set points by OPC UA and Sparkplug, and methods by OPC UA.
    security : Security or None
        Of the OPC UA server; with users, its operators alone may write.

    Raises
    ------
    ConfigError
        When a vessel names a wire that does not exist, or commands have no plant to reach.
    """

    scenario: Scenario
    opcua_port: int
    mqtt_port: int
    mqtt_protocol: int = 5
    primary_host: str | None = None
    plant: Commanded | None = None
    writable: bool = False
    security: Security | None = None
    log: deque[LogEvent] = field(init=False, repr=False, default_factory=lambda: deque(maxlen=LOG_LENGTH))
    """What the plant noted, and the commands refused; the newest last."""
    _routes: dict[str, str] = field(init=False, repr=False)
    _wires: dict[str, Wire] = field(init=False, repr=False, default_factory=dict)
    _json: JsonWire = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._routes = routes(self.scenario)
        if self.writable and self.plant is None:
            raise ConfigError(f"station of scenario {self.scenario.id}: writable, but no plant to command")

    def _commands(self, tags: Iterable[WireTag]) -> Commands | None:
        return Commands(self.plant, tags, self.log) if self.writable and self.plant is not None else None

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open every wire that is used, and close them at the end."""
        tags = [tag for vessel in self.scenario.vessels for tag in wire_tags(vessel)]
        by_wire = {wire: [tag for tag in tags if self._routes[tag.id] == wire] for wire in WIRES}
        async with contextlib.AsyncExitStack() as stack:
            heads = dict.fromkeys(PROBES, "head")
            self._json = JsonWire("127.0.0.1", self.mqtt_port, heads, protocol=self.mqtt_protocol)
            self._wires["mqtt"] = await stack.enter_async_context(self._json)
            if by_wire["opcua"]:
                own = by_wire["opcua"]
                server = OpcUaWire(
                    own,
                    self.opcua_port,
                    security=self.security,
                    commands=self._commands(own),
                    devices=nameplates(own),
                )
                self._wires["opcua"] = await stack.enter_async_context(server)
            if by_wire["sparkplug"]:
                edge = SparkplugEdge(
                    "127.0.0.1",
                    self.mqtt_port,
                    by_wire["sparkplug"],
                    primary_host=self.primary_host,
                    protocol=self.mqtt_protocol,
                    commands=self._commands(by_wire["sparkplug"]),
                    unborn_ns=self._unborn_ns(),
                )
                self._wires["sparkplug"] = await stack.enter_async_context(edge)
            yield

    def _unborn_ns(self) -> int | None:
        """What the plant's clock shows when its wires open, `LEAD_S` of the wall before the first value."""
        start = self.scenario.start
        lead_s = LEAD_S * self.scenario.speed
        return None if start is None else int((start.timestamp() - lead_s) * 1e3) * 1_000_000

    async def publish(self, batch: PlantBatch, origin_ns: int) -> None:
        """Put what the plant said on its wires and in the log."""
        self.log.extend(batch.events)
        by_wire: dict[str, list[Row]] = {}
        for row in rows_of(batch, origin_ns):
            by_wire.setdefault(self._routes[row.tag], []).append(row)
        for wire, rows in by_wire.items():
            await self._wires[wire].publish(rows)
        if batch.assays:
            await self._json.publish_assays(
                [AssayRow(one.tag, _at(origin_ns, one.drawn_s), one.value) for one in batch.assays]
            )


def rows_of(batch: PlantBatch, origin_ns: int) -> Iterable[Row]:
    """Rows of a batch in its order; NaN becomes None, or the words that came in its place."""
    columns = (batch.time_s, batch.tag_index, batch.value, batch.quality)
    told = zip(*(column.tolist() for column in columns), strict=True)
    for place, (time_s, index, value, quality) in enumerate(told):
        sent = batch.words.get(place) if np.isnan(value) else value
        yield Row(batch.tags[index], _at(origin_ns, time_s), sent, quality)


def _at(origin_ns: int, time_s: float) -> int:
    """Source time to the millisecond, as the coarsest of the wires carries it."""
    return origin_ns + round(time_s * 1000) * 1_000_000


async def run_station(
    plant: Plant,
    scenario: Scenario,
    clock: Clock,
    opcua_port: int,
    mqtt_port: int,
    *,
    origin_ns: int | None = None,
    mqtt_protocol: int = 5,
    primary_host: str | None = None,
    writable: bool = False,
    opened: "asyncio.Event | None" = None,
) -> None:
    """Advance the plant with the clock and publish, until cancelled.

    Parameters
    ----------
    origin_ns : int or None
        Source time of the plant's time 0; the clock's time at the call when not given.
    writable : bool
        Take set points from the wires.
    opened : asyncio.Event or None
        Set when the wires are open.
    """
    start_ns = clock.now_ns() if origin_ns is None else origin_ns
    station = Station(scenario, opcua_port, mqtt_port, mqtt_protocol, primary_host, plant, writable)
    async with station.opened():
        if opened is not None:
            opened.set()
        await _follow(plant, station, clock, start_ns)


async def _follow(plant: Plant, station: Station, clock: Clock, origin_ns: int) -> None:
    while True:
        now_s = (clock.now_ns() - origin_ns) / 1e9
        if now_s >= max(plant.now_s, 0.0):
            await station.publish(plant.advance(now_s), origin_ns)
        await clock.sleep(STEP_S * clock.speed)


def _security(
    certificate: Path | None, private_key: Path | None, users: Path | None, trusted: Path | None
) -> Security | None:
    """Security of the OPC UA server as the command line asks for it.

    Raises
    ------
    ConfigError
        When one of certificate and key is missing, or the file of users is not one.
    """
    if certificate is None or private_key is None:
        if any((certificate, private_key, users, trusted)):
            raise ConfigError(
                "--certificate and --private-key are needed, both, and for --users and --trusted too"
            )
        return None
    accounts = {} if users is None else _accounts(users)
    beside = Path() if users is None else users.parent
    return Security(
        certificate,
        private_key,
        tuple((name, str(a["password"])) for name, a in accounts.items() if "password" in a),
        tuple(name for name, account in accounts.items() if account.get("operator")),
        tuple((name, beside / str(a["certificate"])) for name, a in accounts.items() if "certificate" in a),
        trusted,
    )


def _accounts(users: Path) -> dict[str, dict[str, object]]:
    like = '{"ann": {"password": "...", "operator": true}, "bob": {"certificate": "bob.der"}}'
    try:
        told = json.loads(users.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--users {users}: can not be read ({error}); JSON such as {like} would do"
        ) from error
    if not isinstance(told, dict) or not all(map(_is_account, told.values())):
        raise ConfigError(
            f"--users {users}: each account needs a password or a certificate, not both; "
            f"JSON such as {like} would do"
        )
    return told


def _is_account(told: object) -> bool:
    return isinstance(told, dict) and bool(told.get("password")) != bool(told.get("certificate"))


async def _main(arguments: argparse.Namespace) -> None:
    scenario = load_scenario(arguments.scenario)
    plant = Plant(scenario, keep_truth=False)
    Plant(scenario, keep_truth=False).advance(scenario.period_s)  # compiles before the clock starts
    ports = arguments.opcua_port, arguments.mqtt_port
    host, protocol = arguments.primary_host or None, arguments.mqtt_protocol
    security = _security(arguments.certificate, arguments.private_key, arguments.users, arguments.trusted)
    station = Station(scenario, *ports, protocol, host, plant, arguments.writable, security)
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        async with station.opened():
            wall_ns = time.time_ns() + int(LEAD_S * 1e9)
            origin_ns = wall_ns if scenario.start is None else int(scenario.start.timestamp()) * 1_000_000_000
            origin_ns -= origin_ns % 1_000_000_000
            sys.stdout.write(json.dumps({"origin_ns": origin_ns, "wall_ns": wall_ns}) + "\n")
            sys.stdout.flush()
            await _follow(plant, station, ScaledClock(origin_ns, scenario.speed, wall_ns), origin_ns)


def _end_with_stdin() -> None:
    """End as SIGTERM would once nobody holds the other end of standard input: who started us has ended."""
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a scenario on its wires until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m simulators.station", description=main.__doc__)
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--opcua-port", type=int, required=True)
    parser.add_argument("--mqtt-port", type=int, required=True)
    parser.add_argument("--mqtt-protocol", type=int, choices=(5, 311), default=5)
    parser.add_argument(
        "--primary-host",
        default=DEMO_HOST,
        metavar="HOST_ID",
        help="Sparkplug host application whose STATE births and data wait for: the `host_id` of the line's "
        "source; empty waits for none (default: %(default)s)",
    )
    parser.add_argument("--writable", action="store_true", help="take set points from clients of the wires")
    parser.add_argument("--certificate", type=Path, help="of the OPC UA server, DER: sessions are encrypted")
    parser.add_argument("--private-key", type=Path, help="of the OPC UA server, PEM")
    parser.add_argument("--users", type=Path, help="JSON file of accounts; operators alone may write")
    parser.add_argument(
        "--trusted",
        type=Path,
        metavar="FOLDER",
        help="certificates of the OPC UA applications that may connect",
    )
    parser.add_argument("--with-stdin", action="store_true", help="end when standard input does")
    told = parser.parse_args(arguments)
    if told.with_stdin:
        threading.Thread(target=_end_with_stdin, name="stdin", daemon=True).start()
    try:
        asyncio.run(_main(told))
    except ConfigError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
