"""Events, alarms, notices and refused readings as JSON, and back. Pure; the round trip changes nothing."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import orjson

from twin.domain.alarm import Alarm, AlarmState, Notice, Priority
from twin.domain.event import Cause, Event, Kind, ModelRef, Stage, Verdict
from twin.domain.measurement import Quality, Quarantined, Raw, Reading

_LARGEST_INT: Final = 2**63
_NUMBERS: Final = ("value", "time_ns", "received_ns", "status")


def encode(record: Event | Alarm | Notice | Quarantined) -> bytes:
    """UTF-8 JSON of a record.

    Numbers JSON has no word for (NaN, infinities, integers beyond 64 bits) are kept as
    ``{"number": "nan"}``; text that is not valid Unicode has its broken parts escaped.
    """
    if isinstance(record, Quarantined):
        return _dumps(_quarantined(record))
    if isinstance(record, Event):
        return _dumps(_event(record))
    if isinstance(record, Alarm):
        return _dumps(_alarm(record))
    return _dumps(_fields(record) | {"alarm": _alarm(record.alarm), "picture": None})


def decode_event(blob: bytes) -> Event:
    """Inverse of `encode`."""
    return _to_event(orjson.loads(blob))


def decode_alarm(blob: bytes) -> Alarm:
    """Inverse of `encode`."""
    return _to_alarm(orjson.loads(blob))


def decode_notice(blob: bytes) -> Notice:
    """Inverse of `encode`."""
    fields = orjson.loads(blob)
    return Notice(**fields | {"alarm": _to_alarm(fields["alarm"])})


def decode_quarantined(blob: bytes) -> Quarantined:
    """Inverse of `encode`."""
    fields = orjson.loads(blob)
    reading = fields["reading"]
    numbers = {name: _from_number(reading[name]) for name in _NUMBERS}
    quality = {"quality": Quality(reading["quality"])}
    return Quarantined(Reading(**reading | numbers | quality), fields["reason"], fields["detail"])


def _dumps(fields: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(fields)
    except orjson.JSONEncodeError:
        return orjson.dumps(_mended(fields))


def _mended(value: Any) -> Any:
    """The same with every text made valid Unicode."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return value


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def _number(value: Raw) -> Any:
    """A raw value in words JSON has."""
    if isinstance(value, float) and not isfinite(value):
        return {"number": repr(value)}
    if isinstance(value, int) and not -_LARGEST_INT <= value < _LARGEST_INT:
        return {"number": hex(value)}
    return value


def _from_number(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    text = value["number"]
    return int(text, 16) if "0x" in text else float(text)


def _event(event: Event) -> dict[str, Any]:
    numbers = {name: _number(getattr(event, name)) for name in ("size", "confidence")}
    detail = {name: _number(value) for name, value in event.detail.items()}
    return _fields(event) | numbers | {"detail": detail}


def _to_event(fields: dict[str, Any]) -> Event:
    verdict, model = fields["verdict"], fields["model"]
    return Event(
        **fields
        | {
            "kind": Kind(fields["kind"]),
            "stage": Stage(fields["stage"]),
            "verdict": None if verdict is None else Verdict(verdict),
            "size": _from_number(fields["size"]),
            "confidence": _from_number(fields["confidence"]),
            "causes": tuple(Cause(**c | {"verdict": Verdict(c["verdict"])}) for c in fields["causes"]),
            "evidence": tuple(fields["evidence"]),
            "model": None if model is None else ModelRef(**model),
            "detail": {name: _from_number(value) for name, value in fields["detail"].items()},
        }
    )


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return _fields(alarm) | {"event": _event(alarm.event)}


def _to_alarm(fields: dict[str, Any]) -> Alarm:
    return Alarm(
        **fields
        | {
            "state": AlarmState(fields["state"]),
            "priority": Priority(fields["priority"]),
            "event": _to_event(fields["event"]),
        }
    )


def _quarantined(row: Quarantined) -> dict[str, Any]:
    reading = row.reading
    numbers = {
        name: _number(getattr(reading, name)) for name in ("value", "time_ns", "received_ns", "status")
    }
    return _fields(row) | {"reading": reading._asdict() | numbers}
