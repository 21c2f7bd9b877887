"""Set points reach the plant over both wires, or it is said why not."""

import asyncio
from collections import deque

import pytest
from pydantic import ValidationError

from connectors.actuators import opcua, sparkplug
from connectors.codecs.sparkplug import decode, typed
from simulators.broker import open_broker
from simulators.wires import Row, WireTag, free_port
from simulators.wires_commands import Commands
from simulators.wires_mqtt import SparkplugEdge
from simulators.wires_opcua import OpcUaWire
from twin.domain.errors import ConfigError, ConnectorError
from twin.domain.tag import Tag, TagKind
from twin.ports import ActuatorContext

TAG = Tag("R1", "pH_sp", "pH", "1", 0, 14, 0.02, kind=TagKind.SETPOINT)
CONTEXT = ActuatorContext({"R1.pH_sp": TAG})
WIRE = WireTag("R1.pH_sp", "1", 0, 14, set_point=True)
NOW = 1_800_000_000_000_000_000


class Controllers:
    """The part of a plant that set points reach."""

    now_s = 0.0

    def __init__(self) -> None:
        self.set: list[tuple[str, float]] = []
        self.news = asyncio.Event()

    def set_point(self, tag_id: str, value: float) -> None:
        if value > 8.0:
            raise ConfigError("too high")
        self.set.append((tag_id, value))
        self.news.set()


def commanded() -> tuple[Controllers, Commands]:
    controllers = Controllers()
    return controllers, Commands(controllers, [WIRE], deque())


async def test_a_set_point_is_written_by_opcua() -> None:
    controllers, commands = commanded()
    async with OpcUaWire([WIRE], commands=commands) as wire:
        await wire.publish([Row("R1.pH_sp", NOW, 7.0)])
        config = opcua.Config(id="ua", url=wire.url)
        actuator = opcua.open_actuator(config, CONTEXT)
        assert await actuator.write("R1.pH_sp", 7.1) == "Good"
        assert controllers.set == [("R1.pH_sp", 7.1)]
        with pytest.raises(ConnectorError, match="BadOutOfRange"):
            await actuator.write("R1.pH_sp", 9.0)


async def test_a_server_that_takes_no_commands_says_so() -> None:
    async with OpcUaWire([WIRE]) as wire:
        actuator = opcua.open_actuator(opcua.Config(id="ua", url=wire.url), CONTEXT)
        with pytest.raises(ConnectorError, match="Bad"):
            await actuator.write("R1.pH_sp", 7.1)


async def test_a_server_that_is_away_is_an_error_not_a_wait() -> None:
    config = opcua.Config(id="ua", url=f"opc.tcp://127.0.0.1:{free_port()}", connect_timeout_s=1)
    with pytest.raises(ConnectorError, match="could not be written"):
        await opcua.open_actuator(config, CONTEXT).write("R1.pH_sp", 7.1)


async def test_a_set_point_is_commanded_by_sparkplug() -> None:
    controllers, commands = commanded()
    with open_broker() as broker:
        edge = SparkplugEdge("127.0.0.1", broker.port, [WIRE], commands=commands)
        async with edge, asyncio.timeout(60):
            await edge.publish([Row("R1.pH_sp", NOW, 7.0)])
            config = sparkplug.Config(id="spb", port=broker.port, edge="skid")
            actuator = sparkplug.open_actuator(config, CONTEXT)
            while not controllers.set:
                assert await actuator.write("R1.pH_sp", 7.1) == "sent to spBv1.0/bioline/DCMD/skid/R1"
                await asyncio.sleep(0.2)  # the node may not have been born yet, and a command is not kept
    assert set(controllers.set) == {("R1.pH_sp", 7.1)}


async def test_a_broker_that_is_away_is_an_error_not_a_wait() -> None:
    config = sparkplug.Config(id="spb", port=free_port(), edge="skid", connect_timeout_s=1)
    with pytest.raises(ConnectorError, match="could not be commanded"):
        await sparkplug.open_actuator(config, CONTEXT).write("R1.pH_sp", 7.1)


@pytest.mark.parametrize(("device", "topic"), [("{asset}", "DCMD/skid/R1"), ("", "NCMD/skid")])
def test_SPB_06_a_command_names_its_metric_and_type(device: str, topic: str) -> None:
    config = sparkplug.Config(id="spb", edge="skid", device=device, datatype="Float")
    where, data = sparkplug.message(config, TAG, 7.25, 5)
    assert where == f"spBv1.0/bioline/{topic}"
    (metric,) = decode(data).metrics
    assert metric.wire is not None
    assert metric.datatype is not None
    assert (metric.name, typed(metric.wire, metric.datatype)) == ("pH_sp", 7.25)


def test_a_template_that_asks_for_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValidationError, match="known"):
        sparkplug.Config(id="spb", edge="skid", device="{nobody}")
