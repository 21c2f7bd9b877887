"""Devices on the OPC UA server: what is written on them, and a health that follows the quality sent."""

import asyncio
from typing import Any

from asyncua import Client, ua

from simulators.scenario import VesselScenario
from simulators.station import MAKER, nameplates, wire_tags
from simulators.wires import Row, WireTag
from simulators.wires_opcua import OpcUaWire
from simulators.wires_opcua_devices import DI_NAMESPACE

TAGS = [WireTag("R101.pH", "1", 0.0, 14.0), WireTag("R101.pO2", "%", 0.0, 200.0)]
SECOND = 10**9
START = 1_795_305_600 * SECOND


class Changes:
    """What a subscription brought."""

    def __init__(self) -> None:
        self.values: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()

    def datachange_notification(self, _node: Any, value: int, data: Any) -> None:
        self.values.put_nowait((value, data.monitored_item.Value.SourceTimestamp))


async def test_a_client_finds_the_devices_and_their_health_follows_the_quality() -> None:
    async with OpcUaWire(TAGS, devices=nameplates(TAGS)) as wire, Client(wire.url) as client:
        di = await client.get_namespace_index(DI_NAMESPACE)
        ours = await client.get_namespace_index("urn:bioline:plant")
        devices = await client.nodes.objects.get_child([f"{di}:DeviceSet"])
        (vessel,) = await devices.get_children()
        assert await (await vessel.get_child([f"{di}:SerialNumber"])).read_value() == "SIM-R101"
        probe = await vessel.get_child([f"{ours}:pH"])
        plate = [await (await probe.get_child([f"{di}:{n}"])).read_value() for n in ("Manufacturer", "Model")]
        assert [text.Text for text in plate] == [MAKER, "Simulated pH transmitter"]
        assert await (await probe.get_child([f"{di}:SerialNumber"])).read_value() == "SIM-R101-pH"
        health = await probe.get_child([f"{di}:DeviceHealth"])
        names_of_health = await (await health.get_child(["0:EnumStrings"])).read_value()
        heard = Changes()
        subscription = await client.create_subscription(20, heard)
        await subscription.subscribe_data_change(health)
        assert (await asyncio.wait_for(heard.values.get(), 5))[0] == 0
        said = []
        rows = ((7.0, 192), (7.0, 64), (7.1, 64), (None, 0), (None, 192), (7.0, 192))
        for second, (value, quality) in enumerate(rows):
            other = Row("R101.pO2", START + second * SECOND, 40.0)
            await wire.publish([Row("R101.pH", START + second * SECOND, value, quality), other])
            if second in (1, 3, 5):
                number, time = await asyncio.wait_for(heard.values.get(), 5)
                said.append((names_of_health[number].Text, time.timestamp() - START // SECOND))
        assert said == [("OFF_SPEC", 1.0), ("FAILURE", 3.0), ("NORMAL", 5.0)]
        await asyncio.sleep(0.1)
        assert heard.values.empty()
        other_health = await vessel.get_child([f"{ours}:pO2", f"{di}:DeviceHealth"])
        assert await other_health.read_value() == 0
        await subscription.delete()
        value = await client.get_node(ua.NodeId("R101.pH", ours)).read_value()
        assert value == 7.0


def test_every_transmitter_and_vessel_has_a_nameplate_of_its_own_that_says_simulated() -> None:
    tags = wire_tags(VesselScenario(id="R101"))
    plates = nameplates(tags)
    assert set(plates) == {"R101"} | {tag.id for tag in tags if not tag.set_point}
    assert len({plate.serial_number for plate in plates.values()}) == len(plates)
    assert all("imulated" in plate.manufacturer for plate in plates.values())
