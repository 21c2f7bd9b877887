"""The picture of a notice: the course of its tag, the twin's band, and since when, as PNG.

Drawn like the trends of the report and turned into pixels by typst, in a thread of its own.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from typing import Final

from twin.alarms.routing import first_ns
from twin.alarms.words import catalogue, number, written
from twin.domain.alarm import Notice, Picture
from twin.domain.asset import Line
from twin.domain.event import Event
from twin.domain.tag import Tag
from twin.ports import Clock, Historian, Illustrator
from twin.service.report.drawing import BAND, draw
from twin.service.report.gather import Course
from twin.service.report.pdf import printable

POINTS: Final = 600
"""Points of the course [-], about one for each pixel of the drawing (chosen default)."""
PPI: Final = 108.0
"""Pixels per inch: 960 pixels wide (chosen default)."""
PAGE: Final = b"""#set page(width: auto, height: auto, margin: 6pt, fill: white)
#image(bytes(sys.inputs.svg), format: "svg", width: 640pt)
"""


def open_illustrator(line: Line, historian: Historian, clock: Clock) -> Illustrator | None:
    """What draws the pictures of notices; None where typst is not installed."""
    if find_spec("typst") is None:
        return None
    tags = {tag.id: tag for tag in line.tags()}

    async def illustrate(notice: Notice) -> Picture | None:
        event = notice.alarm.event
        tag = tags.get(_about(event))
        if tag is None:
            return None
        start_ns, end_ns = first_ns(event), max(event.t, clock.now_ns())
        measured = await historian.trend(tag.id, start_ns, end_ns + 1, POINTS)
        mean, sd = await historian.trend_estimates(tag.id, start_ns, end_ns + 1, POINTS)
        course = Course(tag, measured, mean, sd)
        if not measured.times_ns and not mean.times_ns:
            return None
        say = partial(number, language=notice.language)
        png = await asyncio.to_thread(_png, course, start_ns, end_ns, event.since, say)
        legend = catalogue(notice.language)["picture.legend"]
        return Picture(png, told(course, start_ns, end_ns, notice.language), legend)

    return illustrate


def _about(event: Event) -> str:
    """The tag an event is about, else that of its most probable cause."""
    return event.tag or next((cause.tag for cause in event.causes if cause.tag), "")


def _png(
    course: Course, start_ns: int, end_ns: int, since_ns: int | None, say: Callable[[float], str]
) -> bytes:
    import typst

    zero_ns = end_ns if since_ns is None else since_ns
    svg = draw(course, start_ns, end_ns, zero_ns, say, since_ns)
    compiler = typst.Compiler(PAGE, ignore_system_fonts=True, sys_inputs={"svg": printable(svg)})
    made = compiler.compile(format="png", ppi=PPI)
    assert isinstance(made, bytes)
    return made


def told(course: Course, start_ns: int, end_ns: int, language: str) -> str:
    """What a picture shows, in words: between when, first and last value, the twin's belief, limits."""
    words, tag = catalogue(language), course.tag
    parts = [words["picture.head"].format(tag=tag.id, start=_time(start_ns), end=_time(end_ns))]
    values = [v for v in course.measured.values if v is not None]
    if values:
        first, last = _with_unit(values[0], tag, language), _with_unit(values[-1], tag, language)
        parts.append(words["picture.measured"].format(first=first, last=last))
    held = [(m, s) for m, s in zip(course.mean.values, course.sd.values, strict=True) if m is not None and s]
    if held:
        mean, sd = held[-1]
        spread = number(BAND * float(sd or 0.0), language)
        parts.append(words["picture.twin"].format(mean=number(mean, language), spread=spread))
    limits = [v for v in (tag.limits.low, tag.limits.high) if v is not None]
    if limits:
        shown = " / ".join(_with_unit(v, tag, language) for v in limits)
        parts.append(words["picture.limits"].format(limits=shown))
    return " ".join(parts)


def _with_unit(value: float, tag: Tag, language: str) -> str:
    return f"{number(value, language)} {written(tag.unit, language)}".rstrip()


def _time(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%Y-%m-%d %H:%M}"
