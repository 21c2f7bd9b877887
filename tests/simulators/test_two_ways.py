"""Two ways: a set point written on a wire reaches the controller, and the culture reacts."""

import asyncio
import contextlib
import math
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
from asyncua import Client, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from simulators.broker import RunningBroker, open_broker
from simulators.log import LogEvent
from simulators.operations import OPERATIONS
from simulators.plant import Plant, PlantBatch
from simulators.scenario import Scenario
from simulators.sparkplug_bytes import EdgeMetric, command_metrics, payload
from simulators.station import Station, wire_tags
from simulators.wires import WireTag, free_port
from simulators.wires_commands import Commands
from simulators.wires_opcua import OpcUaWire
from simulators.wires_opcua_security import Security
from simulators.wires_sparkplug_commands import obey
from twin.domain.errors import ConfigError

NS = "urn:bioline:plant"
HOUR = 3600.0


def scenario(**wires: str) -> Scenario:
    vessel = {"id": "R101", "start_h": 72, "variability": False, "disturbance": 0, "wires": wires}
    return Scenario.model_validate(
        {"schema": 1, "id": "s", "title": {"en": "s"}, "duration_h": 48, "period_s": 60, "vessels": [vessel]}
    )


@pytest.fixture(scope="module")
def broker() -> Any:
    with open_broker() as running:
        yield running


@contextlib.asynccontextmanager
async def opened(broker: RunningBroker, writable: bool = True, **wires: str) -> AsyncIterator[Any]:
    plan = scenario(**wires)
    plant = Plant(plan, keep_truth=False)
    station = Station(plan, free_port(), broker.port, plant=plant, writable=writable)
    async with station.opened():
        yield station, plant


@contextlib.asynccontextmanager
async def client(station: Station, user: str = "") -> AsyncIterator[tuple[Client, int]]:
    one = Client(f"opc.tcp://127.0.0.1:{station.opcua_port}")
    if user:
        one.set_user(user)
    async with one:
        yield one, await one.get_namespace_index(NS)


def mean(batch: PlantBatch, name: str, after_s: float = 0.0) -> float:
    rows = (batch.tag_index == batch.tags.index(f"R101.{name}")) & (batch.time_s > after_s)
    return float(np.nanmean(batch.value[rows]))


def refusals(station: Station) -> list[tuple[Any, Any]]:
    return [(e.data["name"], e.data["reason"]) for e in station.log if e.kind == "refused"]


async def until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.02)


async def test_a_ph_set_point_written_by_opcua_makes_the_controller_add_co2(broker: RunningBroker) -> None:
    async with opened(broker) as (station, plant), client(station) as (ua_client, ns):
        before = plant.advance(2 * HOUR)
        await station.publish(before, 0)
        node = ua_client.get_node(f"ns={ns};s=R101.pH_sp")
        assert (await node.read_value()) == pytest.approx(7.05, abs=0.5)
        await node.write_value(6.85)
        after = plant.advance(8 * HOUR)
        await station.publish(after, 0)
        assert (await node.read_value()) == 6.85
        settled = 5 * HOUR
        assert mean(after, "pH", settled) < mean(before, "pH", HOUR) - 0.05
        assert mean(after, "flow_CO2", 2 * HOUR) > mean(before, "flow_CO2", HOUR) + 0.001
        assert mean(after, "pCO2", settled) > 1.2 * mean(before, "pCO2", HOUR)
        assert [e.data["name"] for e in station.log if e.kind == "set_point"] == ["pH_sp"]
        assert not refusals(station)


async def test_po2_and_temperature_follow_what_is_written(broker: RunningBroker) -> None:
    async with opened(broker) as (station, plant), client(station) as (ua_client, ns):
        before = plant.advance(4 * HOUR)
        for name, value in (("pO2_sp", 60.0), ("temperature_sp", 34.0)):
            await ua_client.get_node(f"ns={ns};s=R101.{name}").write_value(value)
        after = plant.advance(12 * HOUR)
        assert abs(mean(after, "pO2", 10 * HOUR) - 60.0) < 3.0
        assert abs(mean(before, "pO2", 3 * HOUR) - 60.0) > 10.0
        assert abs(mean(after, "temperature", 10 * HOUR) - 34.0) < 0.3


BAD_WRITES = [
    (ua.Variant(9.0, ua.VariantType.Double), "BadOutOfRange", "range"),
    (ua.Variant(math.nan, ua.VariantType.Double), "BadOutOfRange", "range"),
    (ua.Variant("7.0", ua.VariantType.String), "BadTypeMismatch", "type"),
    (ua.Variant(7, ua.VariantType.Int32), "BadTypeMismatch", "type"),
    (ua.Variant([7.0], ua.VariantType.Double), "BadTypeMismatch", "type"),
    (ua.Variant(None, ua.VariantType.Null), "BadTypeMismatch", "type"),
]


async def test_what_can_not_be_a_set_point_is_refused_and_noted(broker: RunningBroker) -> None:
    async with opened(broker) as (station, plant), client(station, "admin") as (ua_client, ns):
        before = mean(plant.advance(60.0), "pH_sp")
        node = ua_client.get_node(f"ns={ns};s=R101.pH_sp")
        for value, code, _ in BAD_WRITES:
            with pytest.raises(ua.UaStatusCodeError) as refused:
                await node.write_value(ua.DataValue(value))
            assert refused.value.code == getattr(ua.StatusCodes, code)
        with pytest.raises(ua.uaerrors.BadWriteNotSupported):
            await node.write_value(
                ua.DataValue(ua.Variant(7.0), ua.StatusCode(ua.StatusCodes.UncertainSensorNotAccurate))
            )
        with pytest.raises(ua.uaerrors.BadUserAccessDenied):
            await ua_client.get_node(f"ns={ns};s=R101.pH").write_value(7.0)
        assert mean(plant.advance(180.0), "pH_sp") == before
        assert refusals(station) == [("R101.pH_sp", reason) for _, _, reason in BAD_WRITES]
        assert all({"en", "fr"} <= set(line.text) for line in station.log)


async def test_nobody_writes_where_writing_is_off(broker: RunningBroker) -> None:
    async with opened(broker, writable=False) as (station, plant):
        before = mean(plant.advance(60.0), "pH_sp")
        for user in ("", "admin"):
            async with client(station, user) as (off, ns):
                for name in ("pH_sp", "pH"):
                    with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                        await off.get_node(f"ns={ns};s=R101.{name}").write_value(7.0)
                assert not await off.get_node(f"ns={ns};s=R101").get_methods()
        assert mean(plant.advance(180.0), "pH_sp") == before


async def test_methods_start_and_hold_the_feed(broker: RunningBroker) -> None:
    async with opened(broker) as (station, plant), client(station) as (ua_client, ns):
        plant.advance(HOUR)
        vessel = ua_client.get_node(f"ns={ns};s=R101")
        await vessel.call_method(f"{ns}:StartFeed", 5.0)
        fed = plant.advance(2 * HOUR)
        assert mean(fed, "feed_sp", HOUR) == 5.0
        assert mean(fed, "feed_flow", HOUR + 600) == pytest.approx(5.0, rel=0.1)
        await vessel.call_method(f"{ns}:HoldFeed")
        assert mean(plant.advance(3 * HOUR), "feed_flow", 2 * HOUR + 600) == pytest.approx(0.0, abs=0.05)
        for arguments, error in (
            ((-1.0,), ua.uaerrors.BadInvalidArgument),
            (("much",), ua.uaerrors.BadInvalidArgument),
            ((), ua.uaerrors.BadArgumentsMissing),
            ((1.0, 2.0), ua.uaerrors.BadTooManyArguments),
        ):
            with pytest.raises(error):
                await vessel.call_method(f"{ns}:StartFeed", *arguments)


async def test_methods_of_the_recipe_reach_the_batch_and_the_log(broker: RunningBroker) -> None:
    async with opened(broker) as (station, plant), client(station) as (ua_client, ns):
        plant.advance(HOUR)
        vessel = ua_client.get_node(f"ns={ns};s=R101")
        names = {(await one.read_browse_name()).Name for one in await vessel.get_methods()}
        assert names == {"StartFeed", "HoldFeed", *OPERATIONS}
        await vessel.call_method(f"{ns}:HoldPhase")
        held = plant.advance(2 * HOUR)
        assert mean(held, "feed_flow", HOUR + 600) == pytest.approx(0.0, abs=0.05)
        for method, argument in (("ResumePhase", ()), ("TakeSample", ()), ("CalibrateProbe", ("pH",))):
            await vessel.call_method(f"{ns}:{method}", *argument)
        after = plant.advance(4 * HOUR)
        assert mean(after, "feed_flow", 2 * HOUR + 600) > 0.1
        assert [a.tag for a in after.assays if a.drawn_s == 2 * HOUR]
        await vessel.call_method(f"{ns}:StartHarvest")
        await station.publish(held, 0)
        await station.publish(after, 0)
        await station.publish(plant.advance(5 * HOUR), 0)
        told = [(e.kind, e.data.get("what") or e.data.get("probe")) for e in station.log]
        for line in (("recipe", "hold"), ("recipe", "resume"), ("calibration", "pH"), ("recipe", "harvest")):
            assert line in told
        for method, arguments, error in (
            ("ResumePhase", (), ua.uaerrors.BadInvalidState),
            ("CalibrateProbe", ("stirrer",), ua.uaerrors.BadInvalidArgument),
            ("CalibrateProbe", (7.0,), ua.uaerrors.BadInvalidArgument),
            ("CalibrateProbe", (), ua.uaerrors.BadArgumentsMissing),
            ("TakeSample", ("now",), ua.uaerrors.BadTooManyArguments),
        ):
            with pytest.raises(error):
                await vessel.call_method(f"{ns}:{method}", *arguments)
        assert refusals(station) == [
            ("R101.ResumePhase", "state"),
            ("R101.CalibrateProbe", "range"),
            ("R101.CalibrateProbe", "type"),
        ]


class Controller:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.now_s = 5.0
        self.told: list[tuple[str, float]] = []

    def set_point(self, tag_id: str, value: float) -> None:
        self.told.append((tag_id, value))

    def operate(self, vessel: str, operation: str, about: str = "") -> None:
        self.told.append((f"{vessel}.{operation}", 0.0))


async def test_operators_alone_write_where_there_are_users(tmp_path: Path) -> None:
    certificate, key = tmp_path / "server.der", tmp_path / "server.pem"
    usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    uri, host = "urn:freeopcua:python:server", "127.0.0.1"
    await setup_self_signed_certificate(key, certificate, uri, host, usage, {"organizationName": "Test"})
    security = Security(certificate, key, (("ann", "a"), ("bob", "b")), operators=("ann",))
    tags = [WireTag("R101.feed_sp", "mL/h", 0.0, 50.0, set_point=True)]
    plant, log = Controller(), deque[LogEvent]()
    async with OpcUaWire(tags, security=security, commands=Commands(plant, tags, log)) as wire:
        for user, password in (("bob", "b"), ("ann", "a")):
            one = Client(wire.url)
            one.application_uri = uri
            one.set_user(user)
            one.set_password(password)
            await one.set_security(SecurityPolicyAes256Sha256RsaPss, certificate, key)
            async with one:
                ns = await one.get_namespace_index(NS)
                node, vessel = one.get_node(f"ns={ns};s=R101.feed_sp"), one.get_node(f"ns={ns};s=R101")
                rights = await node.get_user_access_level()
                assert (ua.AccessLevel.CurrentWrite in rights) == (user == "ann")
                if user == "bob":
                    with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                        await node.write_value(5.0)
                    with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                        await vessel.call_method(f"{ns}:HoldFeed")
                    with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                        await vessel.call_method(f"{ns}:StartHarvest")
                    assert not plant.told
                else:
                    await node.write_value(5.0)
                    await vessel.call_method(f"{ns}:HoldFeed")
    assert plant.told == [("R101.feed_sp", 5.0), ("R101.feed_sp", 0.0)]
    assert [(line.time_s, line.data["reason"]) for line in log] == [(5.0, "role")] * 3


def test_a_writable_station_needs_a_plant() -> None:
    with pytest.raises(ConfigError, match="no plant"):
        Station(scenario(), 1, 1, writable=True)


# --- Sparkplug -----------------------------------------------------------------------------------------


class Commander:
    """A Sparkplug host that only commands."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> "Commander":
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, data: bytes, device: str = "R101", retain: bool = False) -> None:
        self._client.publish(f"spBv1.0/bioline/DCMD/skid/{device}", data, qos=0, retain=retain)


def dcmd(value: Any, name: str = "", alias: int | None = None) -> bytes:
    return payload(1, None, [EdgeMetric(value, 1, name, alias, declare=True)])


def alias_of(name: str) -> int:
    return [tag.name for tag in wire_tags(scenario().vessels[0])].index(name) + 1


@contextlib.asynccontextmanager
async def by_sparkplug(broker: RunningBroker, writable: bool = True) -> AsyncIterator[Any]:
    both = {"probes": "sparkplug", "skid": "sparkplug"}
    async with opened(broker, writable, **both) as (station, plant):
        edge: Any = station._wires["sparkplug"]
        await until(lambda: bool(edge.born))
        await asyncio.sleep(0.2)  # the broker has taken the subscriptions
        with Commander(broker.port) as commander:
            yield station, plant, commander


async def test_a_dcmd_by_name_or_alias_reaches_the_culture(broker: RunningBroker) -> None:
    async with by_sparkplug(broker) as (station, plant, commander):
        before = plant.advance(2 * HOUR)
        commander.send(dcmd(6.85, "pH_sp"))
        commander.send(dcmd(60.0, alias=alias_of("pO2_sp")))
        noted: list[Any] = []

        def both() -> bool:
            noted.extend(e for e in plant.advance(plant.now_s).events if e.kind == "set_point")
            return len(noted) >= 2

        await until(both)
        after = plant.advance(10 * HOUR)
        assert mean(after, "pO2", 8 * HOUR) == pytest.approx(60.0, abs=3.0)
        assert mean(after, "pCO2", 8 * HOUR) > 1.2 * mean(before, "pCO2", HOUR)
        assert mean(after, "flow_CO2", 4 * HOUR) > mean(before, "flow_CO2", HOUR)
        assert not refusals(station)


async def test_dcmds_that_can_not_be_carried_out_are_ignored_and_noted(broker: RunningBroker) -> None:
    async with by_sparkplug(broker) as (station, plant, commander):
        before = plant.advance(60.0)
        bad = [
            (dcmd(9.0, "pH_sp"), ("R101.pH_sp", "range")),
            (dcmd(None, "pH_sp"), ("R101.pH_sp", "type")),
            (payload(1, None, [EdgeMetric(7, 1, "pH_sp", datatype=8)]), ("R101.pH_sp", "type")),
            (dcmd(7.0, "pH"), ("R101.pH", "unknown")),
            (dcmd(7.0, "colour"), ("R101.colour", "unknown")),
            (dcmd(7.0, alias=900), ("R101.alias 900", "unknown")),
            (dcmd(7.0, "pH_sp", alias_of("pO2_sp")), ("R101.pH_sp", "unknown")),
            (b"\x12\xff\x01text", ("R101", "unreadable")),
        ]
        for data, _ in bad:
            commander.send(data)
        commander.send(dcmd(7.0, "pH_sp"), device="R999")
        await until(lambda: len(station.log) > len(bad))
        assert refusals(station) == [*(expected for _, expected in bad), ("R999.pH_sp", "unknown")]
        after = plant.advance(180.0)
        for name in ("pH_sp", "pO2_sp"):
            assert mean(after, name) == mean(before, name)


async def test_a_retained_dcmd_and_one_where_writing_is_off_do_nothing(broker: RunningBroker) -> None:
    with Commander(broker.port) as early:
        early.send(dcmd(6.7, "pH_sp"), retain=True)
        await asyncio.sleep(0.2)
        async with by_sparkplug(broker) as (station, plant, _):
            before = mean(plant.advance(60.0), "pH_sp")
            assert before != 6.7
            assert not station.log or not refusals(station)
        async with by_sparkplug(broker, writable=False) as (station, plant, commander):
            commander.send(dcmd(6.7, "pH_sp"))
            await asyncio.sleep(0.3)
            assert mean(plant.advance(60.0), "pH_sp") == before
        early.send(b"", retain=True)
        await asyncio.sleep(0.1)


def test_a_dcmd_is_read_by_the_field_numbers_of_the_specification() -> None:
    def metric(*parts: bytes) -> bytes:
        body = b"".join(parts)
        return bytes([0x12, len(body)]) + body

    double = metric(b"\x0a\x01a", b"\x69" + struct.pack("<d", 7.5))
    single = metric(b"\x10\x05", b"\x65" + struct.pack("<f", 7.5))
    text = metric(b"\x0a\x01b", b"\x7a\x02hi")
    truth = metric(b"\x0a\x01c", b"\x70\x01")
    found = [(m.name, m.alias, m.value) for m in command_metrics(double + single + text + truth)]
    assert found == [("a", None, 7.5), ("", 5, 7.5), ("b", None, "hi"), ("c", None, True)]
    for cut in (double[:-1], b"\x12", b"\x13", metric(b"\x0a\x01\xff")):
        with pytest.raises(ValueError, match="payload"):
            command_metrics(cut)


@settings(max_examples=200)
@given(st.binary(max_size=60), st.binary(max_size=200))
def test_no_bytes_of_a_client_break_the_gate(name: bytes, anything: bytes) -> None:
    plant, log = Controller(), deque[LogEvent](maxlen=3)
    commands = Commands(plant, [WireTag("R101.pH_sp", "1", 0.0, 14.0, set_point=True)], log)
    for data in (anything, b"\x12" + bytes([len(anything) % 128]) + anything, dcmd(1.0) + name):
        obey(commands, "R101", {"R101.pH_sp": 1}, data)
    assert len(log) <= 3


def test_a_long_name_is_noted_cut_and_the_log_is_bounded() -> None:
    log = deque[LogEvent](maxlen=3)
    commands = Commands(Controller(), [], log)
    for _ in range(5):
        obey(commands, "R101", {}, dcmd(1.0, "x" * 5000))
    assert len(log) == 3
    assert all(len(line.text["en"]) < 300 for line in log)
