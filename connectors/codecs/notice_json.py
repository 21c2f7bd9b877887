"""A notice as the JSON document subscribers receive. Pure; the schema only ever grows.

::

    {"schema": 1, "key": ..., "subscriber": ..., "language": "en" | "fr", "title": ..., "text": ...,
     "link": ...,
     "alarm": {"id", "state", "priority", "raised", "changed", "by"},
     "event": {"t", "kind", "asset", "stage", "condition", "tag", "verdict", "since", "size", "unit",
               "confidence", "causes": [{"code", "verdict", "asset", "tag", "probability"}],
               "evidence": [...], "model": {"id", "version", "parameters"} | null, "detail": {...}}}

Times are ISO 8601 in UTC. `key` is the same when the same notice comes again.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from connectors.codecs.iso_time import format_ns
from twin.domain.alarm import Alarm, Notice
from twin.domain.event import Event

SCHEMA: Final = 1


def encode(notice: Notice) -> bytes:
    """UTF-8 JSON; keys in a fixed order, so that the same notice has the same bytes."""
    return orjson.dumps(document(notice))


def document(notice: Notice) -> Mapping[str, Any]:
    """The document as plain values."""
    return {
        "schema": SCHEMA,
        "key": notice.key,
        "subscriber": notice.subscriber,
        "language": notice.language,
        "title": notice.title,
        "text": notice.text,
        "link": notice.link,
        "alarm": _alarm(notice.alarm),
        "event": _event(notice.alarm.event),
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "id": alarm.id,
        "state": alarm.state,
        "priority": alarm.priority,
        "raised": format_ns(alarm.raised_ns),
        "changed": format_ns(alarm.changed_ns),
        "by": alarm.by,
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "t": format_ns(event.t),
        "kind": event.kind,
        "asset": event.asset,
        "stage": event.stage,
        "condition": event.condition,
        "tag": event.tag,
        "verdict": event.verdict,
        "since": None if event.since is None else format_ns(event.since),
        "size": event.size,
        "unit": event.unit,
        "confidence": event.confidence,
        "causes": event.causes,
        "evidence": event.evidence,
        "model": event.model,
        "detail": event.detail,
    }
