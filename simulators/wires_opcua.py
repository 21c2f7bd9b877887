"""An OPC UA server that looks like a plant's: analogue items with unit and range, and their history.

Values live in compact rings, so the server's memory is bounded: 20 bytes a value.
"""

import logging
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

from asyncua import Server, ua
from asyncua.server.history import HistoryStorageInterface

from simulators.wires import Row, WireTag, free_port
from simulators.wires_commands import Commands
from simulators.wires_opcua_commands import PlantServer, add_methods
from simulators.wires_opcua_devices import Devices, Nameplate
from simulators.wires_opcua_security import Security, TrustList, Users
from twin.domain.quantity import UNECE, unece_unit_id

NAMESPACE: Final = "urn:bioline:plant"
UNECE_NAMESPACE: Final = "http://www.opcfoundation.org/UA/units/un/cefact"
HISTORY_LENGTH: Final = 200_000
"""Values remembered for each tag (chosen default: 69 days at one in 30 s)."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STATUS: Final = {
    192: ua.StatusCodes.Good,
    64: ua.StatusCodes.UncertainSensorNotAccurate,
    0: ua.StatusCodes.BadSensorFailure,
}
_DISPLAY: Final = {"Cel": "°C", "mm[Hg]": "mmHg", "{rpm}": "rpm"}
_READ: Final = ua.AccessLevel.CurrentRead.mask | ua.AccessLevel.HistoryRead.mask
_WRITE: Final = ua.AccessLevel.CurrentWrite.mask


class _Value(ua.DataValue):  # type: ignore[misc]
    """A DataValue nobody changes after it is made: the server need not copy it for each subscriber."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class _Ring:
    """Times [us], values and status codes of one tag, oldest first."""

    def __init__(self, length: int) -> None:
        self._length = length
        self.times, self.values, self.statuses = array("q"), array("d"), array("I")

    def add(self, time_us: int, value: float, status: int) -> None:
        place = len(self.times)
        if place and time_us < self.times[-1]:
            place = bisect_right(self.times, time_us)
        self.times.insert(place, time_us)
        self.values.insert(place, value)
        self.statuses.insert(place, status)
        surplus = len(self.times) - self._length
        if surplus > self._length // 8:
            del self.times[:surplus], self.values[:surplus], self.statuses[:surplus]

    def between(self, start_us: int, end_us: int) -> range:
        return range(bisect_left(self.times, start_us), bisect_left(self.times, end_us))

    def at(self, place: int) -> ua.DataValue:
        return _data_value(self.times[place], self.values[place], self.statuses[place])


class MemoryHistory(HistoryStorageInterface):  # type: ignore[misc]
    """Raw history of every variable, by its NodeId; string identifiers included."""

    def __init__(self, length: int, page: int = 5000) -> None:
        super().__init__(page)
        self._length, self._page = length, page
        self._rings: dict[ua.NodeId, _Ring] = {}

    async def init(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    def ring(self, node: ua.NodeId) -> _Ring:
        """The ring of a variable, made at its first use."""
        return self._rings.setdefault(node, _Ring(self._length))

    async def read_node_history(
        self, node_id: ua.NodeId, start: datetime | None, end: datetime | None, nb_values: int
    ) -> tuple[list[ua.DataValue], datetime | None]:
        """Values with start <= time < end, backwards when start is later; and where to continue."""
        ring = self._rings.get(node_id)
        if ring is None:
            return [], None
        first, last = _microseconds(start, 0), _microseconds(end, 2**62)
        places = ring.between(min(first, last), max(first, last))
        ordered = list(places if first <= last else reversed(places))
        if nb_values:
            ordered = ordered[:nb_values]
        more = (
            _EPOCH + timedelta(microseconds=ring.times[ordered[self._page]])
            if len(ordered) > self._page
            else None
        )
        return [ring.at(place) for place in ordered[: self._page]], more


def _microseconds(time: datetime | None, none_us: int) -> int:
    if time is None or time.year < 1700:
        return none_us
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _data_value(time_us: int, value: float, status: int) -> ua.DataValue:
    time = _EPOCH + timedelta(microseconds=time_us)
    empty = status & 0x80000000 or value != value
    content = ua.Variant(None, ua.VariantType.Null) if empty else ua.Variant(value, ua.VariantType.Double)
    return _Value(content, ua.StatusCode(status), time, time)


class OpcUaWire:
    """The server.

    Parameters
    ----------
    tags : sequence of WireTag
        One variable each, ``ns=<namespace>;s=<tag id>``, in a folder for each vessel.
    port : int
        On 127.0.0.1; 0 takes a free one.
    namespace : str
    history : int
        Values remembered for each tag.
    security : Security or None
        None serves without encryption (loopback only).
    other_namespaces : sequence of str
        Registered before ours, as other vendors' models are on a real server.
    commands : Commands or None
        Where set points written and methods called go; None serves for reading only.
    devices : Mapping[str, Nameplate]
        Identification of vessels, and of transmitters by tag id; these have a health too.
    """

    def __init__(
        self,
        tags: Sequence[WireTag],
        port: int = 0,
        namespace: str = NAMESPACE,
        history: int = HISTORY_LENGTH,
        security: Security | None = None,
        other_namespaces: Sequence[str] = (),
        commands: Commands | None = None,
        devices: Mapping[str, Nameplate] | None = None,
    ) -> None:
        self.port = port or free_port()
        self._tags, self._namespace, self._security = tuple(tags), namespace, security
        self._others, self._commands = tuple(other_namespaces), commands
        self._devices = Devices(devices or {})
        self._history = MemoryHistory(history)
        self._server: Server | None = None
        self._nodes: dict[str, ua.NodeId] = {}

    @property
    def url(self) -> str:
        """Endpoint of the server."""
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Build the address space and listen; takes about 2 s."""
        logging.getLogger("asyncua.server").setLevel(logging.ERROR)
        server = Server(iserver=self._internal())
        server.iserver.history_manager.set_storage(self._history)
        await server.init()
        server.set_endpoint(self.url)
        server.set_server_name("Bioline simulated plant")
        await self._secure(server)
        for uri in self._others:
            await server.register_namespace(uri)
        index = await server.register_namespace(self._namespace)
        for vessel in dict.fromkeys(tag.vessel for tag in self._tags):
            folder = await server.nodes.objects.add_folder(
                ua.NodeId(vessel, index), ua.QualifiedName(vessel, index)
            )
            for tag in self._tags:
                if tag.vessel == vessel:
                    await self._add(server, folder.nodeid, tag, index)
                    await self._allow(server, folder.nodeid, tag)
        await self._devices.open(server, index)
        await server.start()
        self._server = server

    def _internal(self) -> PlantServer:
        asks = self._security
        if asks is None:
            return PlantServer(Users({}, frozenset(), {}), self._commands)
        users = Users(dict(asks.users), frozenset(asks.operators), dict(asks.user_certificates))
        trusted = None if asks.trusted is None else TrustList(asks.trusted)
        return PlantServer(users, self._commands, trusted)

    async def _allow(self, server: Server, folder: ua.NodeId, tag: WireTag) -> None:
        """Let operators write a set point, where commands are taken."""
        if self._commands is None or not tag.set_point:
            return
        server.iserver.set_points[self._nodes[tag.id]] = tag.id
        if tag.name == "feed_sp":
            await add_methods(server, folder, tag.id)

    async def _secure(self, server: Server) -> None:
        if self._security is None:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            return
        await server.load_certificate(self._security.certificate)
        await server.load_private_key(self._security.private_key)
        server.set_security_policy(
            [
                ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
                ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ]
        )
        if tokens := self._security.tokens():
            server.set_identity_tokens(tokens)

    async def _add(self, server: Server, folder: ua.NodeId, tag: WireTag, index: int) -> None:
        node = ua.NodeId(tag.id, index)
        waiting = ua.DataValue(
            ua.Variant(None, ua.VariantType.Null), ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData)
        )
        attributes = ua.VariableAttributes()
        attributes.DisplayName = attributes.Description = ua.LocalizedText(tag.name)
        attributes.DataType = ua.NodeId(ua.ObjectIds.Double)
        attributes.Value = ua.Variant(0.0, ua.VariantType.Double)
        attributes.ValueRank = ua.ValueRank.Scalar
        attributes.Historizing = True
        writable = self._commands is not None and tag.set_point
        attributes.AccessLevel = attributes.UserAccessLevel = _READ | (_WRITE if writable else 0)
        item = ua.AddNodesItem(
            RequestedNewNodeId=node,
            BrowseName=ua.QualifiedName(tag.name, index),
            NodeClass=ua.NodeClass.Variable,
            ParentNodeId=folder,
            ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasComponent),
            TypeDefinition=ua.NodeId(ua.ObjectIds.AnalogItemType),
            NodeAttributes=attributes,
        )
        results = await server.iserver.isession.add_nodes([item])
        results[0].StatusCode.check()
        variable = server.get_node(node)
        await variable.add_property(
            ua.NodeId(f"{tag.id}.EURange", index), ua.QualifiedName("EURange", 0), ua.Range(tag.low, tag.high)
        )
        await variable.add_property(
            ua.NodeId(f"{tag.id}.EngineeringUnits", index),
            ua.QualifiedName("EngineeringUnits", 0),
            _unit(tag.unit),
        )
        await server.iserver.aspace.write_attribute_value(node, ua.AttributeIds.Value, waiting)
        self._nodes[tag.id] = node

    async def publish(self, rows: Sequence[Row]) -> None:
        """Set values and remember them.

        Raises
        ------
        KeyError
            When a row's tag was not declared.
        """
        if self._server is None:
            raise RuntimeError("the server is not open")
        write = self._server.iserver.aspace.write_attribute_value
        for row in rows:
            node = self._nodes[row.tag]
            time_us = row.time_ns // 1000
            content = self._remembered(node, row, time_us)
            await write(node, ua.AttributeIds.Value, content)
            await self._devices.follow(row.tag, 0 if row.value is None else row.quality, content)

    def _remembered(self, node: ua.NodeId, row: Row, time_us: int) -> ua.DataValue:
        """The row as it is served; the variables are numbers, so that words come as an empty bad value."""
        if isinstance(row.value, str):
            value, status = float("nan"), ua.StatusCodes.BadTypeMismatch
        elif row.value is None:
            value, status = float("nan"), ua.StatusCodes.BadSensorFailure
        else:
            value, status = float(row.value), _STATUS[row.quality]
        self._history.ring(node).add(time_us, value, status)
        return _data_value(time_us, value, status)

    async def close(self) -> None:
        """Stop listening; may be called twice."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _unit(unit: str) -> ua.EUInformation:
    code = UNECE.get(unit)
    display = _DISPLAY.get(unit, unit)
    return ua.EUInformation(
        NamespaceUri=UNECE_NAMESPACE if code else NAMESPACE,
        UnitId=unece_unit_id(code) if code else -1,
        DisplayName=ua.LocalizedText(display),
        Description=ua.LocalizedText(unit),
    )
