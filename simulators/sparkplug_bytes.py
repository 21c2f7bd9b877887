"""Sparkplug B payloads of an edge node, written byte by byte from the specification's field numbers.

Small on purpose and apart from the service's own codec, so that the service is not tested
against itself (Sparkplug 3.0, section 6.4; Protocol Buffers encoding).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

INT32, UINT64, DOUBLE, BOOLEAN, STRING = 3, 8, 10, 11, 12
REBIRTH: Final = "Node Control/Rebirth"


@dataclass(frozen=True, slots=True)
class EdgeMetric:
    """One metric to send; a `value` of None is sent as null.

    Parameters
    ----------
    name : str
        Empty when the alias stands for it.
    alias : int or None
    datatype : int
    declare : bool
        Say the data type, as births do.
    quality : int
        192 is left out.
    unit : str
        Property ``engUnit`` of births; empty is left out.
    """

    value: float | int | bool | str | None
    time_ms: int
    name: str = ""
    alias: int | None = None
    datatype: int = DOUBLE
    declare: bool = False
    historical: bool = False
    quality: int = 192
    unit: str = ""


def payload(time_ms: int, seq: int | None, metrics: Iterator[EdgeMetric] | list[EdgeMetric]) -> bytes:
    """A message; `seq` None leaves it out, as in NDEATH."""
    parts = [_number(1, time_ms)]
    parts += [_block(2, _metric(metric)) for metric in metrics]
    if seq is not None:
        parts.append(_number(3, seq))
    return b"".join(parts)


def _metric(metric: EdgeMetric) -> bytes:
    parts = []
    if metric.name:
        parts.append(_block(1, metric.name.encode()))
    if metric.alias is not None:
        parts.append(_number(2, metric.alias))
    parts.append(_number(3, metric.time_ms))
    if metric.declare:
        parts.append(_number(4, metric.datatype))
    if metric.historical:
        parts.append(_number(5, 1))
    properties = _properties(metric)
    if metric.value is None:
        parts.append(_number(7, 1))
    if properties:
        parts.append(_block(9, properties))
    if metric.value is not None:
        parts.append(_value(metric.datatype, metric.value))
    return b"".join(parts)


def _value(datatype: int, value: float | int | bool | str) -> bytes:
    if isinstance(value, str):
        return _block(15, value.encode())
    if datatype == DOUBLE:
        return b"\x69" + struct.pack("<d", value)  # field 13, 64 bit
    if datatype == BOOLEAN:
        return _number(14, int(value))
    return _number(11, int(value))


def _properties(metric: EdgeMetric) -> bytes:
    keys, values = b"", b""
    if metric.quality != 192:
        keys += _block(1, b"Quality")
        values += _block(2, _number(1, INT32) + _number(3, metric.quality))
    if metric.unit:
        keys += _block(1, b"engUnit")
        values += _block(2, _number(1, STRING) + _block(8, metric.unit.encode()))
    return keys + values


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _block(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def asks_rebirth(data: bytes) -> bool:
    """True when an NCMD sets ``Node Control/Rebirth``; anything unreadable asks for nothing."""
    try:
        for field, content in _fields(data):
            if field == 2 and isinstance(content, bytes):
                metric = dict(_fields(content))
                if metric.get(1) == REBIRTH.encode() and metric.get(14) == 1:
                    return True
    except (IndexError, ValueError):
        return False
    return False


@dataclass(frozen=True, slots=True)
class CommandMetric:
    """One metric of a DCMD, by name or by alias; `value` is what it carries, None for null."""

    name: str
    alias: int | None
    value: float | int | bool | str | None


def command_metrics(data: bytes) -> list[CommandMetric]:
    """Metrics of a DCMD.

    Raises
    ------
    ValueError
        When the message is not a whole payload.
    """
    try:
        found = [content for field, content in _fields(data) if field == 2]
        return [_command(dict(_fields(one))) for one in found if isinstance(one, bytes)]
    except (IndexError, ValueError) as error:
        raise ValueError(f"not a payload: {error}") from error


def _command(fields: dict[int, bytes | int]) -> CommandMetric:
    name, alias = fields.get(1, b""), fields.get(2)
    return CommandMetric(
        name.decode() if isinstance(name, bytes) else "",
        alias if isinstance(alias, int) else None,
        _command_value(fields),
    )


def _command_value(fields: dict[int, bytes | int]) -> float | int | bool | str | None:
    """A float for float and double, else what the other fields of `value` hold."""
    for field, form in ((13, "<d"), (12, "<f")):
        content = fields.get(field)
        if isinstance(content, bytes) and len(content) == struct.calcsize(form):
            number: float = struct.unpack(form, content)[0]
            return number
    for field in (10, 11):
        whole = fields.get(field)
        if isinstance(whole, int):
            return whole
    if 14 in fields:
        return bool(fields[14])
    text = fields.get(15)
    return text.decode() if isinstance(text, bytes) else None


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        kind = key & 7
        if kind == 0:
            number, place = _read_varint(data, place)
            yield key >> 3, number
            continue
        size = {1: 8, 5: 4}.get(kind)
        if size is None:
            if kind != 2:
                raise ValueError(f"wire type {kind}")
            size, place = _read_varint(data, place)
        if place + size > len(data):
            raise ValueError("cut short")
        yield key >> 3, data[place : place + size]
        place += size


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number too long")
