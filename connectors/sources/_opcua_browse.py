"""Every variable below an OPC UA server's Objects that shows a number, with what the server says of it.

Enumerations (OPC 10000-3 5.8.3, such as DeviceHealth of OPC 10000-100) and states that name their numbers
(MultiStateDiscrete, OPC 10000-8 5.3.3) come as integers and measure nothing: they are left out.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncua import ua

from connectors.codecs.opcua_units import ServerUnit
from connectors.sources._opcua_session import Session, chunks, server_unit

MOST: Final = 20_000
"""Nodes looked at (chosen default)."""
DEEPEST: Final = 12
_NAMED_STATES: Final = ("EnumStrings", "EnumValues")
"""Properties of a variable whose numbers have names."""
_ENUMERATION: Final = ua.NodeId(ua.ObjectIds.Enumeration)
_MOST_UP: Final = 8
"""Supertypes of a data type looked at (chosen default)."""
_AT_ONCE: Final = 200
_NUMBERS: Final = frozenset(
    {ua.VariantType.Double, ua.VariantType.Float, ua.VariantType.SByte, ua.VariantType.Byte}
    | {ua.VariantType.Int16, ua.VariantType.UInt16, ua.VariantType.Int32, ua.VariantType.UInt32}
    | {ua.VariantType.Int64, ua.VariantType.UInt64}
)


@dataclass(frozen=True, slots=True)
class Found:
    """One variable.

    Parameters
    ----------
    namespace : str
        URI.
    identifier : str
        With its kind, such as ``s=R101.pH``.
    name : str
    parents : tuple of str
        Names from below Objects down.
    description : str
    said : ServerUnit
        Unit and range.
    value : float or None
        What it showed.
    """

    namespace: str
    identifier: str
    name: str
    parents: tuple[str, ...]
    description: str
    said: ServerUnit
    value: float | None


async def variables(session: Session) -> list[Found]:
    """Browse from Objects down, each node once; the server's own nodes are left out."""
    namespaces = await session.client.get_namespace_array()
    places = await _walk(session)
    nodes = list(places)
    values = await _read(session, nodes, ua.AttributeIds.Value)
    descriptions = await _read(session, nodes, ua.AttributeIds.Description)
    numeric = {node: value for node, value in values.items() if _numeric(value)}
    types = await _data_types(session, list(numeric))
    enumerations = await _enumerations(session, set(types.values()))
    session.nodes = {str(i): node for i, node in enumerate(numeric) if types.get(node) not in enumerations}
    for name in _NAMED_STATES:
        named = await session.properties(list(session.nodes), name)
        session.nodes = {key: node for key, node in session.nodes.items() if key not in named}
    units = await session.properties(list(session.nodes), "EngineeringUnits")
    ranges = await session.properties(list(session.nodes), "EURange")
    found = []
    for key, node in session.nodes.items():
        *parents, name = places[node]
        text = descriptions.get(node)
        said = server_unit(units.get(key), ranges.get(key))
        content = numeric[node].Value.Value
        identifier = ua.NodeId(node.Identifier, 0, node.NodeIdType).to_string()
        found.append(
            Found(
                namespaces[node.NamespaceIndex],
                identifier,
                name,
                tuple(parents),
                (text.Value.Value.Text or "") if text is not None and text.Value is not None else "",
                said,
                None if content is None else float(content),
            )
        )
    return found


async def _data_types(session: Session, nodes: list[ua.NodeId]) -> dict[ua.NodeId, ua.NodeId]:
    answers = await _read(session, nodes, ua.AttributeIds.DataType)
    return {
        node: data.Value.Value
        for node, data in answers.items()
        if data.Value is not None and isinstance(data.Value.Value, ua.NodeId)
    }


async def _enumerations(session: Session, types: set[ua.NodeId]) -> set[ua.NodeId]:
    """Those of some data types that are Enumeration or come of it."""
    above: dict[ua.NodeId, ua.NodeId | None] = {one: one for one in types}
    for _ in range(_MOST_UP):
        tops = [top for top in dict.fromkeys(above.values()) if top not in (None, _ENUMERATION)]
        supers = await _supertypes(session, [top for top in tops if top is not None])
        above = {one: supers.get(top, top) if top else None for one, top in above.items()}
    return {one for one, top in above.items() if top == _ENUMERATION}


async def _supertypes(session: Session, types: list[ua.NodeId]) -> dict[ua.NodeId, ua.NodeId | None]:
    """What each of some data types is a subtype of; None at the root."""
    if not types:
        return {}
    up, kind = ua.BrowseDirection.Inverse, ua.ObjectIds.HasSubtype
    answers = await _browse(session, types, up, kind, subtypes=False, mask=ua.NodeClass.DataType)
    return {
        one: _node(answer.References[0]) if answer.References else None
        for one, answer in zip(types, answers, strict=True)
    }


async def _walk(session: Session) -> dict[ua.NodeId, tuple[str, ...]]:
    """Path of names of every variable."""
    start = ua.NodeId(ua.ObjectIds.ObjectsFolder)
    waiting: deque[tuple[ua.NodeId, tuple[str, ...]]] = deque([(start, ())])
    seen, places = {start}, {}
    while waiting and len(seen) < MOST:
        some = [waiting.popleft() for _ in range(min(_AT_ONCE, len(waiting)))]
        answers = await _children(session, [node for node, _ in some])
        for (_, path), references in zip(some, answers, strict=True):
            for reference in references:
                node = _node(reference)
                if node in seen or node.NamespaceIndex == 0:
                    continue
                seen.add(node)
                below = (*path, reference.BrowseName.Name or reference.DisplayName.Text or "")
                if reference.NodeClass == ua.NodeClass.Variable:
                    places[node] = below
                if len(below) < DEEPEST:
                    waiting.append((node, below))
    return places


async def _browse(
    session: Session,
    nodes: Sequence[ua.NodeId],
    direction: ua.BrowseDirection,
    kind: int,
    *,
    subtypes: bool,
    mask: int,
) -> list[Any]:
    """The server's answer for each node: its references of one kind, in one direction."""
    asked = [
        ua.BrowseDescription(
            NodeId=node,
            BrowseDirection=direction,
            ReferenceTypeId=ua.NodeId(kind),
            IncludeSubtypes=subtypes,
            NodeClassMask=mask,
            ResultMask=ua.BrowseResultMask.All,
        )
        for node in nodes
    ]
    return list(await session.client.uaclient.browse(ua.BrowseParameters(NodesToBrowse=asked)))


def _node(reference: Any) -> ua.NodeId:
    """What a reference points at, without server and namespace address."""
    known = reference.NodeId
    return ua.NodeId(known.Identifier, known.NamespaceIndex, known.NodeIdType)


async def _children(session: Session, nodes: Sequence[ua.NodeId]) -> list[list[Any]]:
    down, kind = ua.BrowseDirection.Forward, ua.ObjectIds.HierarchicalReferences
    mask = ua.NodeClass.Object | ua.NodeClass.Variable
    answers = await _browse(session, nodes, down, kind, subtypes=True, mask=mask)
    found = [list(answer.References or ()) for answer in answers]
    points = {i: answer.ContinuationPoint for i, answer in enumerate(answers) if answer.ContinuationPoint}
    while points:
        more = await session.client.uaclient.browse_next(
            ua.BrowseNextParameters(ReleaseContinuationPoints=False, ContinuationPoints=list(points.values()))
        )
        following = {}
        for i, answer in zip(points, more, strict=True):
            found[i].extend(answer.References or ())
            if answer.ContinuationPoint:
                following[i] = answer.ContinuationPoint
        points = following
    return found


async def _read(session: Session, nodes: list[ua.NodeId], attribute: ua.AttributeIds) -> dict[ua.NodeId, Any]:
    values: dict[ua.NodeId, Any] = {}
    for some in chunks(nodes, _AT_ONCE):
        values |= zip(some, await session.client.uaclient.read_attributes(some, attribute), strict=True)
    return values


def _numeric(data: Any) -> bool:
    content = data.Value
    if content is None or content.VariantType is ua.VariantType.Null:
        return True  # waiting for its first value
    return content.VariantType in _NUMBERS and not isinstance(content.Value, list)
