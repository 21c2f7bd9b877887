"""What happened as an Atom feed (RFC 4287), and batches as a calendar (RFC 5545)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from xml.etree import ElementTree

from fastapi import Response

from dashboards.payloads import iso
from twin.domain.alarm import ALARMING, AlarmState
from twin.domain.event import Event, Stage
from twin.ports import View

ATOM = "http://www.w3.org/2005/Atom"
ENTRIES, SEARCHED = 50, 1000
"""Entries of a feed, and events looked through for them (chosen defaults)."""
_UNSEEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Signs that XML 1.0 can not carry."""
FOLDED = 73
"""Octets of a calendar's line before it is folded; 75 with the fold itself (RFC 5545, 3.1)."""


def answer(text: str, media_type: str) -> Response:
    """A feed that no cache keeps."""
    return Response(text, media_type=media_type, headers={"cache-control": "no-store"})


def atom(view: View, language: str, base: str) -> str:
    """Newest events that raised an alarm, newest first; not of alarms that are suppressed."""
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed")
    rows = _raised(view)
    newest = rows[0][1].t if rows else view.clock.now_ns()
    _add(feed, "id", f"urn:bioline:{view.line.id}")
    _add(feed, "title", view.line.title.get(language, view.line.id))
    _add(feed, "updated", iso(newest) or "")
    for number, event in rows:
        title, text = view.in_words(event, language)
        entry = ElementTree.SubElement(feed, f"{{{ATOM}}}entry")
        _add(entry, "id", f"urn:bioline:{view.line.id}:{number}")
        _add(entry, "title", title)
        _add(entry, "updated", iso(event.t) or "")
        _add(entry, "content", text)
        link = ElementTree.SubElement(entry, f"{{{ATOM}}}link")
        link.set("href", f"{base}#/unit/{quote(event.asset, safe='')}?lang={language}")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(feed, encoding="unicode")


def _raised(view: View) -> list[tuple[int, Event]]:
    rows = view.events(max(0, view.newest_event() - SEARCHED), SEARCHED)
    put = {alarm.event.condition for alarm in view.alarms() if alarm.state is AlarmState.SUPPRESSED}
    found = [(n, e) for n, e in rows if e.kind in ALARMING and e.stage is Stage.CONFIRMED]
    found = [(n, e) for n, e in found if e.condition not in put]
    return found[::-1][:ENTRIES]


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    """A child with text; signs XML can not carry become replacement characters."""
    child = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}")
    child.text = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def calendar(view: View, language: str) -> str:
    """Every batch from its begin to its end, which is the planned one until it has ended."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//bioline-twin//EN", *_batches(view, language)]
    return "".join(_folded(line) for line in (*lines, "END:VCALENDAR"))


def _batches(view: View, language: str) -> Iterator[str]:
    ends = view.ends()
    for vessel in view.line.vessels:
        batch = vessel.batch
        if batch is None:
            continue
        start = datetime.fromtimestamp(batch.start_ns // 1_000_000_000, UTC)
        ended_ns = ends.get(vessel.id)
        planned = start + timedelta(hours=batch.duration_h)
        end = planned if ended_ns is None else datetime.fromtimestamp(ended_ns // 1_000_000_000, UTC)
        name = vessel.name.get(language, vessel.id)
        yield "BEGIN:VEVENT"
        yield f"UID:{_escaped(f'{view.line.id}/{vessel.id}/{batch.id}')}"
        yield f"DTSTAMP:{start:%Y%m%dT%H%M%SZ}"
        yield f"DTSTART:{start:%Y%m%dT%H%M%SZ}"
        yield f"DTEND:{end:%Y%m%dT%H%M%SZ}"
        yield f"SUMMARY:{_escaped(f'{vessel.id} {batch.id} ({name})')}"
        yield "END:VEVENT"


def _escaped(text: str) -> str:
    for sign in "\\;,":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())


def _folded(line: str) -> str:
    """A line of at most 75 octets; the rest follows after a space, never inside of a sign."""
    parts, octets = [""], 0
    for sign in line:
        size = len(sign.encode("utf-8", "replace"))
        if octets + size > FOLDED:
            parts.append("")
            octets = 0
        parts[-1] += sign
        octets += size
    return "\r\n ".join(parts) + "\r\n"
