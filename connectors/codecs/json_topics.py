"""Multiplexed JSON: one message per probe head, ``{"t": time, "v": {name: value}, "q": {name: quality}}``.

Strict on types: text stays text (the tag book refuses it by name), what is not JSON, not of
this form or has no readable time is refused here with its reason. Nothing raises.

Devices with a form of their own, one flat object such as ``{"od": 0.12, "timestamp": time}``, are read by a
route that names the keys that are values and the one that is the time.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Final

from connectors.codecs.iso_time import parse_ns
from connectors.codecs.topics import TopicTemplate
from twin.domain.measurement import Quality, Quarantined, Raw, Reading

KEPT_CHARACTERS: Final = 1000
"""How much of a refused payload is kept for a person to read (chosen default)."""

_KEYS: Final = frozenset({"t", "v", "q"})
_RAW: Final = (float, int, str, NoneType)
_QUALITIES: Final = {quality.value: quality for quality in Quality}


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one message held."""

    readings: tuple[Reading, ...] = ()
    refused: tuple[Quarantined, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Which topics hold which tags: a topic template and how a tag id is made of its fields and a name.

    With `values` (name by key of the object) the message is a flat object whose time is under `time`; its
    other keys are no values.
    """

    topic: TopicTemplate
    tag: str = "{vessel}.{name}"
    values: Mapping[str, str] = field(default_factory=dict)
    time: str = "timestamp"


def clean(text: str) -> str:
    """Text that every store can keep: no lone surrogates, no NUL, of bounded length."""
    kept = text[:KEPT_CHARACTERS].replace("\0", "\\0")
    return kept.encode("utf-8", "backslashreplace").decode("utf-8")


def decode(
    source: str,
    topic: str,
    payload: bytes,
    routes: tuple[Route, ...],
    received_ns: int,
    replayed: bool = False,
) -> Decoded:
    """Readings of one message; an empty payload means that a retained value was unset and holds nothing."""
    if not payload:
        return Decoded()
    for route in routes:
        fields = route.topic.match(topic)
        if fields is not None:
            return _decode(_Context(source, topic, received_ns, replayed), payload, route, fields)
    return Decoded(
        refused=(_Context(source, topic, received_ns, replayed).refuse(payload, "unknown_topic", topic),)
    )


@dataclass(frozen=True, slots=True)
class _Context:
    source: str
    topic: str
    received_ns: int
    replayed: bool

    def reading(self, address: str, value: Raw, quality: Quality, time_ns: int | None) -> Reading:
        return Reading(
            self.source,
            address,
            value,
            quality,
            time_ns,
            self.received_ns,
            status=None,
            replayed=self.replayed,
        )

    def refuse(self, payload: bytes, reason: str, detail: str) -> Quarantined:
        text = payload[:KEPT_CHARACTERS].decode("utf-8", "backslashreplace")
        return Quarantined(self.reading(self.topic, text, Quality.BAD, None), reason, clean(detail))


def _decode(context: _Context, payload: bytes, route: Route, fields: dict[str, str]) -> Decoded:
    try:
        values, qualities, time = _flat(_load(payload), route) if route.values else _parts(_load(payload))
    except (ValueError, RecursionError) as error:
        return Decoded(refused=(context.refuse(payload, "malformed", _malformed(error, route)),))
    try:
        time_ns = None if time is None else parse_ns(time)
    except ValueError as error:
        return Decoded(refused=(context.refuse(payload, "bad_time", str(error)),))
    readings: list[Reading] = []
    refused: list[Quarantined] = []
    for name, value in values.items():
        address = route.tag.format(**fields, name=name)
        quality = _quality(qualities.get(name, 192), value)
        if quality is not None and isinstance(value, _RAW) and not isinstance(value, bool):
            readings.append(context.reading(address, value, quality, time_ns))
            continue
        kept = context.reading(address, _shown(value), Quality.BAD, time_ns)
        if quality is None:
            refused.append(
                Quarantined(
                    kept, "bad_quality", f"quality {_shown(qualities[name])} is none of 0, 64, 192, 500"
                )
            )
        else:
            refused.append(
                Quarantined(kept, "wrong_type", f"{type(value).__name__} where a number is expected")
            )
    return Decoded(tuple(readings), tuple(refused))


def _malformed(error: Exception, route: Route) -> str:
    """What is wrong with the form of a message, and what would do when it is no JSON at all."""
    if isinstance(error, json.JSONDecodeError):
        what = f"this is no JSON ({error.msg} at line {error.lineno} column {error.colno})"
    elif isinstance(error, UnicodeDecodeError):
        what = "this is no JSON (not UTF-8)"
    elif isinstance(error, RecursionError):
        what = "this is no JSON that can be read (too deep)"
    else:
        return str(error)[:200]
    if route.values:
        return f"{what}; an object with {', '.join([*route.values, route.time])} would do"
    return f'{what}; an object such as {{"t": "2026-11-22T08:00:00Z", "v": {{"NAME": 5.2}}}} would do'


def _load(payload: bytes) -> Any:
    return json.loads(payload.decode("utf-8"), parse_int=_integer, object_pairs_hook=_unique)


def _integer(text: str) -> int | float:
    """An integer that a 64-bit store can hold, else the nearest float (possibly infinite)."""
    return int(text) if len(text) < 19 else float(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice in one object")
    return found


def _parts(data: Any) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    if not isinstance(data, dict):
        raise ValueError(f"{type(data).__name__} where an object with t, v and q is expected")
    strange = sorted(set(data) - _KEYS)
    if strange:
        raise ValueError(f"unknown key {strange[0][:60]!r}; t, v and q are known")
    values, qualities, time = data.get("v"), data.get("q", {}), data.get("t")
    if not isinstance(values, dict) or not values or "" in values:
        raise ValueError("v must be an object with at least one named value")
    if not isinstance(qualities, dict) or not set(qualities) <= set(values):
        raise ValueError("q must be an object with names that v has")
    if time is not None and not isinstance(time, str):
        raise ValueError(f"t must be an ISO 8601 text, not {type(time).__name__}")
    return values, qualities, time


def _flat(data: Any, route: Route) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    """Values, qualities and time of a flat object."""
    if not isinstance(data, dict):
        raise ValueError(f"{type(data).__name__} where an object with {', '.join(route.values)} is expected")
    values = {name: data[key] for key, name in route.values.items() if key in data}
    if not values:
        raise ValueError(f"none of the keys {', '.join(route.values)} is in the object")
    time = data.get(route.time)
    if time is not None and not isinstance(time, str):
        raise ValueError(f"{route.time} must be an ISO 8601 text, not {type(time).__name__}")
    return values, {}, time


def _quality(code: Any, value: Any) -> Quality | None:
    quality = _QUALITIES.get(code) if type(code) is int else None  # neither true nor 64.0
    return Quality.BAD if value is None and quality not in (None, Quality.STALE) else quality


def _shown(value: Any) -> str:
    return repr(value)[:KEPT_CHARACTERS]
