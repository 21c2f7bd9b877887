"""Sparkplug B payloads: protobuf bytes to small frozen records and back.

The messages are described here from the field numbers of the Sparkplug 3.0 specification,
section 6.4, so that no generated module ties the project to one protobuf release. Data sets
and templates stay undecoded bytes: the service has no use for them, and nothing nested is
ever unfolded.
"""

import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError

from twin.domain.measurement import Raw

REBIRTH: Final = "Node Control/Rebirth"
BD_SEQ: Final = "bdSeq"
QUALITY: Final = "Quality"

if api_implementation.Type() != "upb":
    warnings.warn(
        "protobuf runs without its compiled part: Sparkplug decoding is about twenty times slower; "
        "install a binary wheel of protobuf for this platform",
        stacklevel=1,
    )


class DataType(IntEnum):
    """Data types of metrics and properties (Sparkplug 3.0, 6.4.16)."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15


class SparkplugError(ValueError):
    """Bytes or values that are not Sparkplug B."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A value as the wire holds it: which member of the `oneof`, and its content."""

    member: str
    content: Any


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a payload.

    Parameters
    ----------
    name : str
        Empty in data messages that carry an alias.
    alias : int or None
    timestamp_ms : int or None
        [ms since 1970-01-01 UTC].
    datatype : int or None
        A `DataType`, or another number as it came; data messages leave it out.
    wire : Wire or None
        None when no value came.
    is_null, is_historical : bool
    properties : Mapping[str, Wire]
    """

    name: str = ""
    alias: int | None = None
    timestamp_ms: int | None = None
    datatype: int | None = None
    wire: Wire | None = None
    is_null: bool = False
    is_historical: bool = False
    properties: Mapping[str, Wire] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payload:
    """One message."""

    timestamp_ms: int | None = None
    seq: int | None = None
    metrics: tuple[Metric, ...] = ()


_F = descriptor_pb2.FieldDescriptorProto
_MESSAGES: Final[dict[str, list[tuple[str, int, int, str]]]] = {
    "Payload": [
        ("timestamp", 1, _F.TYPE_UINT64, ""),
        ("metrics", 2, _F.TYPE_MESSAGE, "Metric*"),
        ("seq", 3, _F.TYPE_UINT64, ""),
        ("uuid", 4, _F.TYPE_STRING, ""),
        ("body", 5, _F.TYPE_BYTES, ""),
    ],
    "Metric": [
        ("name", 1, _F.TYPE_STRING, ""),
        ("alias", 2, _F.TYPE_UINT64, ""),
        ("timestamp", 3, _F.TYPE_UINT64, ""),
        ("datatype", 4, _F.TYPE_UINT32, ""),
        ("is_historical", 5, _F.TYPE_BOOL, ""),
        ("is_transient", 6, _F.TYPE_BOOL, ""),
        ("is_null", 7, _F.TYPE_BOOL, ""),
        ("metadata", 8, _F.TYPE_BYTES, ""),
        ("properties", 9, _F.TYPE_MESSAGE, "PropertySet"),
        ("int_value", 10, _F.TYPE_UINT32, "value"),
        ("long_value", 11, _F.TYPE_UINT64, "value"),
        ("float_value", 12, _F.TYPE_FLOAT, "value"),
        ("double_value", 13, _F.TYPE_DOUBLE, "value"),
        ("boolean_value", 14, _F.TYPE_BOOL, "value"),
        ("string_value", 15, _F.TYPE_STRING, "value"),
        ("bytes_value", 16, _F.TYPE_BYTES, "value"),
        ("dataset_value", 17, _F.TYPE_BYTES, "value"),
        ("template_value", 18, _F.TYPE_BYTES, "value"),
        ("extension_value", 19, _F.TYPE_BYTES, "value"),
    ],
    "PropertySet": [("keys", 1, _F.TYPE_STRING, "*"), ("values", 2, _F.TYPE_MESSAGE, "PropertyValue*")],
    "PropertyValue": [
        ("type", 1, _F.TYPE_UINT32, ""),
        ("is_null", 2, _F.TYPE_BOOL, ""),
        ("int_value", 3, _F.TYPE_UINT32, "value"),
        ("long_value", 4, _F.TYPE_UINT64, "value"),
        ("float_value", 5, _F.TYPE_FLOAT, "value"),
        ("double_value", 6, _F.TYPE_DOUBLE, "value"),
        ("boolean_value", 7, _F.TYPE_BOOL, "value"),
        ("string_value", 8, _F.TYPE_STRING, "value"),
        ("propertyset_value", 9, _F.TYPE_BYTES, "value"),
        ("propertysets_value", 10, _F.TYPE_BYTES, "value"),
        ("extension_value", 11, _F.TYPE_BYTES, "value"),
    ],
}
"""Fields by message: name, number, type, and what it is: of a message type, repeated (*), in the oneof."""

_PACKAGE: Final = "bioline.sparkplug_b"


def _message_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="bioline/sparkplug_b.proto", package=_PACKAGE, syntax="proto2"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for title, number, kind, note in fields:
            label = _F.LABEL_REPEATED if note.endswith("*") else _F.LABEL_OPTIONAL
            one = message.field.add(name=title, number=number, type=kind, label=label)
            if note == "value":
                if not message.oneof_decl:
                    message.oneof_decl.add(name="value")
                one.oneof_index = 0
            elif note.strip("*"):
                one.type_name = f".{_PACKAGE}.{note.strip('*')}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


_Payload: Final = _message_class()

_INTEGERS: Final[dict[int, tuple[str, int, bool]]] = {
    DataType.INT8: ("int_value", 8, True),
    DataType.INT16: ("int_value", 16, True),
    DataType.INT32: ("int_value", 32, True),
    DataType.INT64: ("long_value", 64, True),
    DataType.UINT8: ("int_value", 8, False),
    DataType.UINT16: ("int_value", 16, False),
    DataType.UINT32: ("int_value", 32, False),
    DataType.UINT64: ("long_value", 64, False),
    DataType.DATETIME: ("long_value", 64, False),
}
"""Member, width [bit] and sign of the integer types."""

_OTHERS: Final[dict[int, str]] = {
    DataType.FLOAT: "float_value",
    DataType.DOUBLE: "double_value",
    DataType.BOOLEAN: "boolean_value",
    DataType.STRING: "string_value",
    DataType.TEXT: "string_value",
    DataType.UUID: "string_value",
}


def typed(wire: Wire, datatype: int) -> Raw:
    """Value of a wire content under its declared type.

    Raises
    ------
    SparkplugError
        When the type is not supported, the content is of another member, or out of the type's range.
    """
    if datatype in _INTEGERS:
        member, bits, signed = _INTEGERS[datatype]
        # 32-bit unsigned values are seen in the wider member too (several edge nodes in the field do so)
        if wire.member != member and not (datatype == DataType.UINT32 and wire.member == "long_value"):
            raise SparkplugError(f"{wire.member} where {member} is declared")
        return _integer(int(wire.content), bits, signed)
    member = _OTHERS.get(datatype, "")
    if not member:
        raise SparkplugError(f"data type {datatype} is not supported")
    if wire.member != member:
        raise SparkplugError(f"{wire.member} where {member} is declared")
    content: Raw = wire.content
    return content


def _integer(content: int, bits: int, signed: bool) -> int:
    top = 1 << bits
    if signed:
        # narrow signed values come sign-extended to the member's width, or not extended at all
        content &= top - 1
        return content - top if content >= top >> 1 else content
    if content >= top:
        raise SparkplugError(f"{content} does not fit {bits} bits")
    return content


def wire_of(value: Raw, datatype: int) -> Wire:
    """The wire content of a value under a type; the inverse of `typed`."""
    if datatype in _INTEGERS:
        member, bits, signed = _INTEGERS[datatype]
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise SparkplugError(f"{value!r} is not an integer between {low} and {high}")
        return Wire(member, value & (2 ** (64 if member == "long_value" else 32) - 1))
    if datatype not in _OTHERS or value is None:
        raise SparkplugError(f"data type {datatype} with {value!r} can not be written")
    if datatype == DataType.FLOAT and isinstance(value, (int, float)):
        return Wire("float_value", struct.unpack("<f", struct.pack("<f", value))[0])
    return Wire(_OTHERS[datatype], value)


def decode(data: bytes) -> Payload:
    """Read a payload.

    Raises
    ------
    SparkplugError
        When the bytes are not a Sparkplug B payload.
    """
    try:
        message = _Payload.FromString(data)
    except (DecodeError, RuntimeError) as error:
        raise SparkplugError(f"not a Sparkplug B payload: {str(error)[:120]}") from error
    payload = Payload(
        message.timestamp if message.HasField("timestamp") else None,
        message.seq if message.HasField("seq") else None,
        tuple(_metric(metric) for metric in message.metrics),
    )
    if any(isinstance(text, bytes) for metric in payload.metrics for text in _texts(metric)):
        raise SparkplugError("not a Sparkplug B payload: a text in it is not UTF-8")
    return payload


def _texts(metric: Metric) -> tuple[object, ...]:
    """Every text of a metric; one that is not UTF-8 comes out of protobuf as bytes."""
    wires = (metric.wire, *metric.properties.values())
    return (metric.name, *metric.properties, *(w.content for w in wires if w and w.member == "string_value"))


def _metric(message: Any) -> Metric:
    return Metric(
        name=message.name,
        alias=message.alias if message.HasField("alias") else None,
        timestamp_ms=message.timestamp if message.HasField("timestamp") else None,
        datatype=message.datatype if message.HasField("datatype") else None,
        wire=_wire(message),
        is_null=message.is_null,
        is_historical=message.is_historical,
        properties=_properties(message.properties) if message.HasField("properties") else {},
    )


def _wire(message: Any) -> Wire | None:
    member = message.WhichOneof("value")
    return Wire(member, getattr(message, member)) if member else None


def _properties(message: Any) -> dict[str, Wire]:
    pairs = zip(message.keys, message.values, strict=False)
    found = {key: _wire(value) for key, value in pairs}
    return {key: wire for key, wire in found.items() if wire is not None}


def encode(payload: Payload) -> bytes:
    """Write a payload; what is None or empty is left out."""
    message = _Payload()
    if payload.timestamp_ms is not None:
        message.timestamp = payload.timestamp_ms
    if payload.seq is not None:
        message.seq = payload.seq
    for metric in payload.metrics:
        _write_metric(message.metrics.add(), metric)
    data: bytes = message.SerializeToString()
    return data


def _write_metric(message: Any, metric: Metric) -> None:
    if metric.name:
        message.name = metric.name
    for title, value in (
        ("alias", metric.alias),
        ("timestamp", metric.timestamp_ms),
        ("datatype", metric.datatype),
    ):
        if value is not None:
            setattr(message, title, value)
    if metric.is_null:
        message.is_null = True
    if metric.is_historical:
        message.is_historical = True
    if metric.wire is not None:
        setattr(message, metric.wire.member, metric.wire.content)
    for key, wire in metric.properties.items():
        message.properties.keys.append(key)
        setattr(message.properties.values.add(), wire.member, wire.content)
