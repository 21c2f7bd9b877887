"""What is pushed is what is described: every message of the stream and a notice, by their schemas."""

import asyncio
import json

from scripted_view import ScriptedView, alarm, drift

from connectors.codecs import notice_json
from dashboards import asyncapi
from dashboards.live import Broadcast
from twin.alarms.routing import worded
from twin.domain.subscription import Subscription

TYPES = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}


def unlike(value, schema, where="") -> list[str]:
    """Where a value departs from its schema; as much of JSON Schema as the description uses."""
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{where}: {value!r}"]
    if "const" in schema:
        return [] if value == schema["const"] else [f"{where}: {value!r}"]
    wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None or not any(name != "null" and isinstance(value, TYPES[name]) for name in wanted):
        return [] if value is None and "null" in wanted else [f"{where}: {value!r} is not {wanted}"]
    if isinstance(value, list):
        return [row for i, each in enumerate(value) for row in unlike(each, schema["items"], f"{where}[{i}]")]
    if not isinstance(value, dict):
        return []
    known, other = schema.get("properties", {}), schema.get("additionalProperties")
    found = [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value]
    for name, each in value.items():
        if name in known:
            found += unlike(each, known[name], f"{where}.{name}")
        elif other:
            found += unlike(each, other, f"{where}.{name}")
        elif known:
            found.append(f"{where}.{name} is not described")
    return found


async def test_every_message_of_the_stream_is_as_described():
    view = ScriptedView()
    stream = Broadcast(view, patience_s=0.1).stream(0)
    seen: dict[str, list[str]] = {}
    told = False
    async with asyncio.timeout(60):
        async for chunk in stream:
            for frame in chunk.decode().split("\n\n"):
                lines = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line)
                if "event" in lines:
                    _, schema = asyncapi.STREAM[lines["event"]]
                    seen[lines["event"]] = unlike(json.loads(lines["data"]), schema)
            if not told:
                view.raise_alarm(alarm(drift()))
                view.push(view.set("R101.pH", 7.1), view.set("R101.pO2", None))
                told = True
            if len(seen) == len(asyncapi.STREAM):
                break
    assert {name: found for name, found in seen.items() if found} == {}


def test_a_notice_is_as_described():
    notice = worded(alarm(drift()), Subscription("anna", "fr"))
    assert unlike(json.loads(notice_json.encode(notice)), asyncapi.NOTICE) == []


def test_every_reference_leads_somewhere():
    document = asyncapi.document()
    references = [part for part in json.dumps(document).split('"') if part.startswith("#/")]
    assert references
    for reference in references:
        place = document
        for step in reference[2:].split("/"):
            place = place[step]
