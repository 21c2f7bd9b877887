"""Who made each device, and how it is: identification and NE 107 health as OPC 10000-100 names them.

Objects and names of the standard's namespace are used; its node set of types is not loaded, so clients
find them by browse name, not by type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from asyncua import Server, ua

DI_NAMESPACE: Final = "http://opcfoundation.org/UA/DI/"
NORMAL, FAILURE, CHECK_FUNCTION, OFF_SPEC, MAINTENANCE_REQUIRED = range(5)
"""DeviceHealthEnumeration of OPC 10000-100."""
NAMES: Final = ("NORMAL", "FAILURE", "CHECK_FUNCTION", "OFF_SPEC", "MAINTENANCE_REQUIRED")
HEALTH: Final = {192: NORMAL, 64: OFF_SPEC, 0: FAILURE}
"""Health by the quality a transmitter sends; it announces neither checks nor maintenance."""


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What is written on a device."""

    manufacturer: str
    model: str
    serial_number: str


class Devices:
    """Devices below ``Objects/DeviceSet``, ``s=DeviceSet.<device id>``, and the health of transmitters.

    Parameters
    ----------
    plates : Mapping[str, Nameplate]
        By device id: a vessel, then below it the tags that its transmitters measure. In one flat
        folder they would take the driver a time that grows with the square of their number.
    """

    def __init__(self, plates: Mapping[str, Nameplate]) -> None:
        self._plates = dict(plates)
        self._health: dict[str, tuple[ua.NodeId, int]] = {}
        self._server: Server | None = None

    async def open(self, server: Server, index: int) -> None:
        """Add them to the address space; ids are in the namespace `index`."""
        if not self._plates:
            return
        self._server = server
        standard = await server.register_namespace(DI_NAMESPACE)
        folder = await server.nodes.objects.add_folder(
            ua.NodeId("DeviceSet", index), ua.QualifiedName("DeviceSet", standard)
        )
        for device, plate in self._plates.items():
            node = ua.NodeId(f"DeviceSet.{device}", index)
            vessel, _, name = device.partition(".")
            below = server.get_node(ua.NodeId(f"DeviceSet.{vessel}", index)) if name else folder
            item = await below.add_object(node, ua.QualifiedName(name or vessel, index))
            for part, content in (
                ("Manufacturer", ua.LocalizedText(plate.manufacturer)),
                ("Model", ua.LocalizedText(plate.model)),
                ("SerialNumber", plate.serial_number),
            ):
                place = ua.NodeId(f"{node.Identifier}.{part}", index)
                await item.add_property(place, ua.QualifiedName(part, standard), content)
            if name:
                await self._add_health(server, node, device, standard)

    async def _add_health(self, server: Server, device: ua.NodeId, tag: str, standard: int) -> None:
        node = ua.NodeId(f"{device.Identifier}.DeviceHealth", device.NamespaceIndex)
        health = await server.get_node(device).add_variable(
            node, ua.QualifiedName("DeviceHealth", standard), NORMAL, ua.VariantType.Int32
        )
        names = [ua.LocalizedText(name) for name in NAMES]
        await health.add_property(
            ua.NodeId(f"{node.Identifier}.EnumStrings", node.NamespaceIndex),
            ua.QualifiedName("EnumStrings", 0),
            names,
        )
        self._health[tag] = node, NORMAL

    async def follow(self, tag: str, quality: int, written: ua.DataValue) -> None:
        """Say the health that goes with a value's quality, at the value's time, when it changes."""
        known = self._health.get(tag)
        health = HEALTH[quality]
        if known is None or known[1] == health or self._server is None:
            return
        self._health[tag] = known[0], health
        content = ua.Variant(health, ua.VariantType.Int32)
        value = ua.DataValue(content, ua.StatusCode(), written.SourceTimestamp, written.ServerTimestamp)
        await self._server.iserver.aspace.write_attribute_value(known[0], ua.AttributeIds.Value, value)
