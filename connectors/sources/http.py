"""HTTP: InfluxDB line protocol, as Telegraf and many devices send it, and laboratory results as JSON.

A request is answered when everything in it is durable, so a sender that keeps what was not answered loses
nothing; what it sends again is known by tag and time.

- ``POST /write`` and ``POST /api/v2/write``: lines; 204, or 400 with the number of lines and values that were
  refused (the others are stored, as InfluxDB does).
- ``POST /lab/<vessel>``: ``{"t": "2026-11-22T08:00:00Z", "v": {"VCD": 5.2}}``, `t` when the sample was drawn;
  only tags of kind `assay` are taken.
- ``GET /ping``: 204.

What can be known at the door is answered: unknown tags, times and numbers that can not be. What only the
store knows, that it holds another value for a tag and time, is found later and kept with its reason.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.codecs import json_topics, line_protocol_in
from connectors.codecs.json_topics import Decoded, Route
from connectors.codecs.line_protocol_in import PRECISIONS, Series
from connectors.codecs.topics import TopicTemplate
from connectors.sources._http_door import Answer, DoorConfig, Request, open_door
from twin.domain.measurement import Quarantined, Reading
from twin.domain.tag import TagKind
from twin.ports import Delivery, LinkChange, Source, SourceContext

WAITING = 16
"""Deliveries taken in before the next one waits (chosen default)."""
PART = 2_000
"""Values of a large request that are handed on at once, so that other sources get their turn (chosen
default). They are made durable in order: with the last one all are."""
MOST_TOLD: Final = 10
"""Faults of a request that are told in its answer (chosen default)."""
WRONG_TIME: Final = ("past_time", "future_time")
"""Reasons that another unit of time may mend."""


class SeriesConfig(BaseModel):
    """Which lines hold which tags; the first that fits is taken.

    Parameters
    ----------
    measurement : str
        Pattern of the measurement's name.
    tag : str
        Tag id, of ``{measurement}``, ``{field}`` and the line's keys.
    ignore : list of str
        Fields that are no values of the process; they are not counted.
    """

    model_config = ConfigDict(extra="forbid")

    measurement: str = "*"
    tag: str = "{vessel}.{field}"
    ignore: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            self.tag.format_map(_Any())
        except (ValueError, IndexError, AttributeError, TypeError) as error:
            raise ValueError(f"tag {self.tag!r} can not be read: {error}") from error
        return self


class _Any(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key


class Config(DoorConfig):
    """An HTTP source.

    Parameters
    ----------
    id : str
        Identity of the source.
    series : list of SeriesConfig
        For line protocol; empty refuses it.
    laboratory : str
        Tag id of a laboratory result, of ``{vessel}`` and ``{name}``; empty refuses them.
    """

    kind: Literal["http"] = "http"
    id: str
    series: list[SeriesConfig] = Field(default_factory=lambda: [SeriesConfig()])
    laboratory: str = "{vessel}.{name}"

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        try:
            self.laboratory.format(vessel="", name="")
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"laboratory {self.laboratory!r} asks for {error}; known: {{vessel}} {{name}}"
            ) from error
        return self


class HttpSource:
    """Readings from requests."""

    def __init__(self, config: Config, context: SourceContext) -> None:
        self.id = config.id
        self._config, self._context = config, context
        self._series = tuple(Series(one.measurement, one.tag, tuple(one.ignore)) for one in config.series)
        self._routes = (Route(TopicTemplate("lab/{vessel}"), config.laboratory),) if config.laboratory else ()
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue(WAITING)

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Everything that arrives; see `twin.ports.Source`."""
        async with open_door(self._config, self._take) as address:
            now_ns = self._context.clock.now_ns()
            yield Delivery(links=(LinkChange(self.id, True, f"listens at {address}", now_ns),))
            while True:
                yield await self._waiting.get()

    async def _take(self, request: Request) -> Answer:
        if request.method == "GET" and request.path in ("/ping", "/health"):
            return Answer(204)
        if request.method != "POST":
            return Answer(405, {"error": "POST /write, /api/v2/write or /lab/<vessel> would do"})
        if request.path in ("/write", "/api/v2/write") and self._series:
            return await self._lines(request)
        if request.path.startswith("/lab/") and self._routes:
            return await self._results(request)
        if request.path == "/query" and request.query.get("q", "").upper().startswith("CREATE DATABASE"):
            return Answer(200, {"results": [{"statement_id": 0}]})
        return Answer(404, {"error": f"{request.path[:100]} is not known here"})

    async def _lines(self, request: Request) -> Answer:
        asked = request.query.get("precision", "")
        if asked and asked not in PRECISIONS:
            return Answer(400, {"error": f"precision {asked[:20]!r} is not known; ns, us, ms or s would do"})
        now_ns = self._context.clock.now_ns()
        decoded = await asyncio.to_thread(self._read, request.body, asked, now_ns)
        if not await self._durable(decoded):
            return _later()
        if not decoded.refused:
            return Answer(204)
        told = f"{_several(decoded.refused)} dropped={len(decoded.refused)}"
        return Answer(400, {"error": f"partial write: {told}", "reason": decoded.refused[0].reason})

    def _read(self, body: bytes, asked: str, now_ns: int) -> Decoded:
        """What a body says, judged; a large one takes seconds, so it is read beside everything else."""
        read = line_protocol_in.decode(self.id, body, self._series, asked or "ns", now_ns)
        return _judged(read, lambda reading: self._counted(reading, asked))

    def _counted(self, reading: Reading, asked: str) -> Quarantined | None:
        """Why a value of a line will not be taken; a time that would be right in another unit is told so."""
        why = self._context.refusal(reading)
        if why is None or why.reason not in WRONG_TIME or reading.time_ns is None:
            return why
        count = reading.time_ns // PRECISIONS[asked or "ns"]
        for unit in ("s", "ms", "us", "ns"):
            other = self._context.refusal(reading._replace(time_ns=count * PRECISIONS[unit]))
            if other is None or other.reason not in WRONG_TIME:
                came = f"with `precision={asked}`" if asked else "without `precision`"
                return replace(why, detail=f"{why.detail}; it came {came}? `?precision={unit}` would do")
        return why

    async def _results(self, request: Request) -> Answer:
        now_ns = self._context.clock.now_ns()
        read = json_topics.decode(self.id, request.path[1:], request.body, self._routes, now_ns)
        decoded = _judged(read, self._no_result)
        if not (decoded.readings or decoded.refused):
            return Answer(400, {"error": "the body is empty"})
        if not await self._durable(decoded):
            return _later()
        refused = [
            {"tag": one.reading.address, "reason": one.reason, "detail": one.detail}
            for one in decoded.refused
        ]
        status = 200 if decoded.readings else 400
        return Answer(status, {"taken": len(decoded.readings), "refused": refused})

    def _no_result(self, reading: Reading) -> Quarantined | None:
        tag = self._context.tags.get(reading.address)
        if tag is not None and tag.kind is not TagKind.ASSAY:
            text = (
                f"{tag.id} is a tag of kind {tag.kind.value}; a laboratory's results go to tags of kind assay"
            )
            return Quarantined(reading, "not_an_assay", text)
        return self._context.refusal(reading)

    async def _durable(self, decoded: Decoded) -> bool:
        """Hand over and wait for the commit; False when that takes too long (it may still come)."""
        if not (decoded.readings or decoded.refused):
            return True
        done = asyncio.Event()
        *parts, last = (decoded.readings[i : i + PART] for i in range(0, len(decoded.readings) or 1, PART))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._config.commit_s):
                for part in parts:
                    await self._waiting.put(Delivery(part))
                await self._waiting.put(Delivery(last, decoded.refused, ack=done.set))
                await done.wait()
        return done.is_set()


def _judged(decoded: Decoded, refusal: Callable[[Reading], Quarantined | None]) -> Decoded:
    """What was read, with the readings that will not be taken among the refused."""
    found = [(reading, refusal(reading)) for reading in decoded.readings]
    return Decoded(
        tuple(reading for reading, why in found if why is None),
        (*decoded.refused, *(why for _, why in found if why is not None)),
    )


def _several(refused: Sequence[Quarantined]) -> str:
    """What is wrong with the lines of a request: each fault once, the first of them."""
    faults = list(dict.fromkeys(one.detail for one in refused))
    more = len(faults) - MOST_TOLD
    return "; ".join([*faults[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])])


def _later() -> Answer:
    text = "the values are not durable yet; send them again"
    return Answer(503, {"error": text}, (("retry-after", "5"),))


def open_source(config: Config, context: SourceContext) -> Source:
    """Make the source; it listens when its deliveries are asked for."""
    return HttpSource(config, context)
