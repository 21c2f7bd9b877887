"""A DataValue of OPC UA to a Reading, or to a refusal with its reason. Pure; nothing raises."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.codecs.iso_time import LATEST_NS, datetime_ns
from connectors.codecs.json_topics import KEPT_CHARACTERS, clean
from connectors.codecs.opcua_status import quality_of
from twin.domain.measurement import Quality, Quarantined, Raw, Reading


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is the same for all values of one answer.

    `server_time` tells whether the server's own time may stand in for a missing source time;
    it may not when the line's clock is scaled.
    """

    source: str
    received_ns: int
    replayed: bool = False
    server_time: bool = True


def to_reading(tag: str, data: Any, stamp: Stamp) -> Reading | Quarantined:
    """Reading of an `asyncua.ua.DataValue`.

    The time is the source time; without one the server's, without that the arrival's. A value
    whose status is bad keeps None.
    """
    status = 0 if data.StatusCode is None else int(data.StatusCode.value)
    quality = quality_of(status)
    content = None if data.Value is None else data.Value.Value
    time_ns = _time_ns(data, stamp)
    if time_ns is not None and time_ns > LATEST_NS:
        reading = _reading(tag, _shown(content), Quality.BAD, None, status, stamp)
        return Quarantined(
            reading, "bad_time", f"source time {data.SourceTimestamp} is beyond what a store can hold"
        )
    if quality in (Quality.BAD, Quality.STALE) or content is None:
        worst = quality if quality in (Quality.BAD, Quality.STALE) else Quality.BAD
        return _reading(tag, None, worst, time_ns, status, stamp)
    if isinstance(content, bool):
        reading = _reading(tag, content, Quality.BAD, time_ns, status, stamp)
        detail = f"the truth value {str(content).lower()} where a number is expected"
        return Quarantined(reading, "wrong_type", detail)
    if isinstance(content, (float, str)):
        value: Raw = clean(content) if isinstance(content, str) else content
    elif isinstance(content, int):
        value = content if abs(content) < 2**63 else float(content)
    else:
        reading = _reading(tag, _shown(content), Quality.BAD, time_ns, status, stamp)
        return Quarantined(reading, "wrong_type", f"{type(content).__name__} where a number is expected")
    return _reading(tag, value, quality, time_ns, status, stamp)


def _time_ns(data: Any, stamp: Stamp) -> int:
    for time in (data.SourceTimestamp, data.ServerTimestamp if stamp.server_time else None):
        if isinstance(time, datetime) and time.year > 1677:  # 1601-01-01 is how the wire says "none"
            return datetime_ns(time)
    return stamp.received_ns


def _reading(
    tag: str, value: Raw, quality: Quality, time_ns: int | None, status: int, stamp: Stamp
) -> Reading:
    return Reading(stamp.source, tag, value, quality, time_ns, stamp.received_ns, status, stamp.replayed)


def _shown(content: object) -> str:
    return clean(repr(content)[:KEPT_CHARACTERS])
