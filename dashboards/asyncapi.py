"""What is pushed, described: the live stream and the notices (AsyncAPI 3.0)."""

from typing import Any, Final

from twin.domain.alarm import AlarmState, Priority
from twin.domain.event import Kind, Stage, Verdict

TIME: Final = {"type": ["string", "null"], "format": "date-time"}
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": ["number", "null"]}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def _choice(*values: str) -> dict[str, Any]:
    return {"enum": [*values]}


READING: Final = _object(t=TIME, value=NUMBER, quality=_choice("good", "uncertain", "bad", "stale"))
BELIEF: Final = _object(t=TIME, mean={"type": "number"}, sd={"type": "number"}, unit=TEXT)
CAUSE: Final = _object(
    code=TEXT,
    verdict=_choice(*Verdict),
    asset=TEXT,
    tag={"type": ["string", "null"]},
    probability={"type": "number"},
)
EVENT: Final = _object(
    number={"type": ["integer", "null"]},
    id=TEXT,
    t=TIME,
    kind=_choice(*Kind),
    asset=TEXT,
    stage=_choice(*Stage),
    priority={"enum": [*Priority, None]},
    condition=TEXT,
    tag={"type": ["string", "null"]},
    verdict={"enum": [*Verdict, None]},
    since=TIME,
    size=NUMBER,
    unit=TEXT,
    confidence=NUMBER,
    causes={"type": "array", "items": CAUSE},
    evidence={"type": "array", "items": TEXT},
    model={"type": ["object", "null"]},
    detail={"type": "object"},
)
ALARM: Final = _object(
    id=TEXT,
    state=_choice(*AlarmState),
    priority=_choice(*Priority),
    raised=TIME,
    changed=TIME,
    by=TEXT,
    active={"type": "boolean"},
    until=TIME,
    why=TEXT,
    part_of=TEXT,
    respond_min={"type": "integer"},
    event=EVENT,
)
ALARMS: Final = {"type": "array", "items": ALARM}
STORES: Final = {"type": "object", "additionalProperties": TEXT}
VALUES: Final = {
    "now": TIME,
    "tags": {"type": "object", "additionalProperties": READING},
    "twin": {"type": "object", "additionalProperties": BELIEF},
}
NOTICE: Final = _object(
    schema={"const": 1},
    key=TEXT,
    subscriber=TEXT,
    language=_choice("en", "fr"),
    title=TEXT,
    text=TEXT,
    link=TEXT,
    alarm={"type": "object"},
    event={"type": "object"},
)

STREAM: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "snapshot": (
        "First, and after every reconnection; its id is the number of the newest event known.",
        _object(**VALUES, alarms=ALARMS, stores=STORES),
    ),
    "values": ("Newest values by name; a slow reader gets fewer, never older.", _object(**VALUES)),
    "alarms": ("The whole list after each change.", ALARMS),
    "stores": ("Stores that take nothing now, and why; after each change of alarms.", STORES),
    "event": ("Every event, from the ledger; its id is the number to resume after.", EVENT),
    "clock": ("When nothing else was said for two seconds.", _object(now=TIME)),
}
"""What comes on the stream, by the name of the Server-Sent Event."""


def document() -> dict[str, Any]:
    """The description as a document."""
    messages = {
        name: {"name": name, "summary": text, "contentType": "application/json", "payload": schema}
        for name, (text, schema) in STREAM.items()
    }
    notice = {"name": "notice", "contentType": "application/json", "payload": NOTICE}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Bioline Twin", "version": "1"},
        "channels": {
            "stream": {"address": "/api/v1/stream", "messages": _referred(messages)},
            "notices": {"address": "bioline/notices", "messages": _referred({"notice": notice})},
        },
        "operations": {
            "follow": {"action": "send", "channel": {"$ref": "#/channels/stream"}},
            "notify": {"action": "send", "channel": {"$ref": "#/channels/notices"}},
        },
        "components": {"messages": {**messages, "notice": notice}},
    }


def _referred(messages: dict[str, Any]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
