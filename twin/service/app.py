"""The service: every part of a line joined, started in order and drained the other way."""

import asyncio
import gc
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from twin.domain.asset import Line
from twin.domain.command import Permit
from twin.domain.subscription import Subscription
from twin.engine.core import FORECAST_S, Engine
from twin.engine.tagbook import TagBook, TimeWindow
from twin.ports import (
    Actuator,
    ActuatorContext,
    ChannelInfo,
    Clock,
    Delivery,
    Historian,
    HistorianContext,
    Ledger,
    LinkChange,
    Notifier,
    Publisher,
    PublisherContext,
    Source,
    SourceContext,
)
from twin.runtime import recover
from twin.runtime.channel import Channel
from twin.runtime.clock import ScaledClock, WallClock
from twin.runtime.deliver import Delivery as Deliverer
from twin.runtime.deliver import Pictures
from twin.runtime.health import Health
from twin.runtime.hub import Hub
from twin.runtime.people import PeopleBook
from twin.runtime.pipeline import Pipeline
from twin.runtime.subscriptions import SubscriptionBook
from twin.runtime.supervise import supervise
from twin.runtime.writeback import WriteBack
from twin.service import plugins
from twin.service.batches import BatchLog
from twin.service.build import configured
from twin.service.line import LineFile
from twin.service.model import model_of
from twin.service.normal import watches
from twin.service.picture import open_illustrator
from twin.service.registry.book import ModelBook
from twin.service.registry.files import ModelFiles
from twin.service.registry.resolve import sources_of
from twin.service.settings import Settings
from twin.service.view import ServiceView

FUTURE_S = 5.0
"""A source time this far ahead of the line's clock is refused [s of the wall]."""
OLDEST_DAYS = 400
"""Back-fill older than this is refused [days] (chosen default)."""
TICK_GRACE_S = 120.0
"""Silence after which frames are closed by the clock [s of the line] (chosen default)."""
STALL_S = 10.0
"""On an accelerated line the same [s of the wall], so that a busy machine is not taken for silence."""
COLLECT_AFTER = 20_000
"""New objects between two collections of garbage (chosen default): at 12,000 values/s by OPC UA Python's own
700 cost a seventh of the processor time."""
CANCEL_AGAIN_S = 5.0
"""Time a source has to end before it is told again [s] (chosen default)."""
GRACE_S = 0.5
"""On an accelerated line values may come so late at least [s of the wall] (chosen default)."""
FORECAST_REST_S = 3.0
"""Least time between two forecasts of a vessel [s of the wall] (chosen default)."""
SNAPSHOT_S = 30.0
"""Time between two kept states of the engine [s of the wall] (chosen default)."""

log = structlog.get_logger("service")


@dataclass(slots=True)
class Service:
    """The running parts of a line."""

    line: Line
    clock: Clock
    engine: Engine
    historian: Historian
    ledger: Ledger
    pipeline: Pipeline
    health: Health
    view: ServiceView
    channel: Channel[Delivery]
    sources: list[Source]
    deliverer: Deliverer
    writeback: WriteBack
    publishers: list[Publisher]
    batches: BatchLog

    async def run(self) -> None:
        """Run until cancelled; what was taken in is finished first."""
        gc.set_threshold(COLLECT_AFTER, 10, 10)
        sources = [asyncio.create_task(supervise(s, self.channel, self.clock)) for s in self.sources]
        inner = asyncio.create_task(self.pipeline.run(self.channel))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_watch(inner))
                for task in sources:
                    group.create_task(_watch(task))
                group.create_task(self._tick())
                group.create_task(self._keep_state())
                group.create_task(self.pipeline.outlook.run())
                group.create_task(self.deliverer.run(WallClock().now_ns))
                group.create_task(self.writeback.watch())
                for publisher in self.publishers:
                    group.create_task(publisher.run())
                    group.create_task(self._publish(publisher))
        finally:
            await self._drain(sources, inner)

    async def _drain(self, sources: list["asyncio.Task[None]"], inner: "asyncio.Task[None]") -> None:
        await _ended(sources)
        self.pipeline.hold.give_up()
        self.channel.close()
        await asyncio.gather(inner, return_exceptions=True)
        recover.save(self.engine, self.ledger, self.line)

    async def _publish(self, publisher: Publisher) -> None:
        """Hand over what is there, then what is new."""
        async with aclosing(self.view.follow()) as updates:
            await publisher.publish(self.view.latest())
            async for update in updates:
                await publisher.publish(update)

    async def _tick(self) -> None:
        stall_s = STALL_S * self.clock.speed if self.clock.speed > 1.0 else 0.0
        grace_ns = int(max(TICK_GRACE_S, stall_s) * 1e9)
        while True:
            await asyncio.sleep(1.0)
            if not len(self.channel):
                await self.pipeline.tick(self.clock.now_ns() - grace_ns)

    async def _keep_state(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_S)
            await self.pipeline.save(self.line)


async def _ended(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks until they have ended; a driver may take a cancellation for a late answer."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)


async def _watch(task: "asyncio.Task[None]") -> None:
    """Wait for a task without cancelling it along."""
    await asyncio.shield(task)


def clock_of(line_file: LineFile) -> Clock:
    """The clock a line file asks for."""
    section = line_file.clock
    if section is None:
        return WallClock()
    wall_ns = int(section.wall.timestamp() * 1e6) * 1000 if section.wall else None
    return ScaledClock(int(section.origin.timestamp() * 1e6) * 1000, section.speed, wall_ns)


@asynccontextmanager
async def open_service(
    line_file: LineFile, line: Line, settings: Settings, clock: Clock | None = None
) -> AsyncIterator[Service]:
    """Open every part of a line: stores first, then what feeds them; close the other way.

    Raises
    ------
    ConnectorError, StorageError
        When a store can not be opened.
    """
    clock = clock or clock_of(line_file)
    folder = settings.data_dir / line.id
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        ledger = _open(line_file.ledger, "ledgers", "open_ledger", folder)
        stack.callback(ledger.close)
        heard: deque[LinkChange] = deque()
        about = HistorianContext(clock, {tag.id: tag for tag in line.tags()}, heard.append)
        historian = _open(line_file.historian, "historians", "open_historian", folder, about)
        stack.push_async_callback(historian.close)
        notifiers: dict[str, Notifier] = {}
        for name, section in line_file.routes().items():
            notifiers[name] = _open(section, "notifiers", "open_notifier", folder)
            stack.push_async_callback(notifiers[name].close)
        actuators: dict[str, Actuator] = {}
        for section in line_file.actuators:
            known = ActuatorContext({tag.id: tag for tag in line.tags()}, line.id)
            actuators[section["id"]] = _open(section, "actuators", "open_actuator", folder, known)
            stack.push_async_callback(actuators[section["id"]].close)
        service = await _compose(
            line_file, line, clock, historian, ledger, notifiers, actuators, folder, settings
        )
        service.pipeline.heard = heard
        service.writeback.report = lambda change: heard.append(replace(change, time_ns=clock.now_ns()))
        told = PublisherContext(line, clock, heard.append)
        service.publishers = [
            _open(s, "publishers", "open_publisher", folder, told) for s in line_file.publishers
        ]
        yield service


async def _compose(
    line_file: LineFile,
    line: Line,
    clock: Clock,
    historian: Historian,
    ledger: Ledger,
    notifiers: dict[str, Notifier],
    actuators: dict[str, Actuator],
    folder: Path,
    settings: Settings,
) -> Service:
    watched, every_s = watches(line, folder), forecast_s(clock)
    engine = Engine(line, model_of, grace_s(line_file, clock), _served(line_file), watched, every_s)
    health, hub = Health(), Hub(clock)
    book = TagBook(line.tags())
    window = time_window(clock)
    fixed = [Subscription(s.id, s.language, tuple(s.assets), tuple(s.kinds)) for s in line_file.subscribers]
    subscriptions = SubscriptionBook(ledger, fixed, channels_of(line_file), WallClock().now_ns)
    tell = subscriptions.notices
    pipeline = Pipeline(book, engine, historian, ledger, hub, health, clock, tell, window)
    subscriptions.due, subscriptions.address = pipeline.due.set, settings.public_url
    subscriptions.tags = frozenset(book.tags)
    pipeline.outlook.foretold = subscriptions.foretold
    newest = await pipeline.newest()
    await pipeline.recover(line)
    context = SourceContext(
        book.tags, clock, _NewestStored(newest, hub), line.id, lambda reading: book.refusal(reading, window())
    )
    sources = [_open(s, "sources", "open_source", folder, context) for s in line_file.sources]
    channel: Channel[Delivery] = Channel(200)
    people = PeopleBook(ledger, WallClock().now_ns, settings.local)
    models = ModelBook(
        ledger, ModelFiles(folder / "models"), line_file.models.two_persons, WallClock().now_ns
    )
    models.note_use(line, sources_of(line_file))
    batches = BatchLog(ledger, line)
    batches.note(clock.now_ns())
    writeback = WriteBack(_permits(line_file), actuators, ledger, hub.value_of, WallClock().now_ns)
    view = ServiceView(
        line,
        clock,
        historian,
        ledger,
        hub,
        health,
        pipeline,
        people,
        writeback,
        channel,
        subscriptions,
        models,
        batches,
    )
    pictures = Pictures(open_illustrator(line, historian, clock), _with_pictures(line_file))
    deliverer = Deliverer(ledger, notifiers, pipeline.due, pictures)
    return Service(
        line,
        clock,
        engine,
        historian,
        ledger,
        pipeline,
        health,
        view,
        channel,
        sources,
        deliverer,
        writeback,
        [],
        batches,
    )


def _permits(line_file: LineFile) -> dict[str, Permit]:
    rows = [write.model_dump() for write in line_file.writes]
    return {row["tag"]: Permit(**{**row, "roles": tuple(row["roles"])}) for row in rows}


def channels_of(line_file: LineFile) -> list[ChannelInfo]:
    """Routes of a line that people can choose; one that has its address asks for none."""
    found = []
    for section in line_file.channels:
        kind = str(section.notifier["kind"])
        asked = str(getattr(plugins.load("notifiers", kind), "ADDRESS", ""))
        fixed = any(section.notifier.get(name) for name in ("to", "url"))
        private = bool(section.notifier.get("allow_private", False))
        found.append(ChannelInfo(section.id, kind, "" if fixed else asked, private))
    return found


def _with_pictures(line_file: LineFile) -> frozenset[str]:
    """Routes whose notifier can show a picture."""
    routes = line_file.routes().items()
    return frozenset(
        name for name, s in routes if getattr(plugins.load("notifiers", str(s["kind"])), "PICTURES", False)
    )


def _served(line_file: LineFile) -> dict[str, frozenset[str]]:
    """Vessels by the source that serves them, where the source says which."""
    sources = [(str(s.get("id", s.get("kind"))), s.get("vessels")) for s in line_file.sources]
    return {name: frozenset(vessels) for name, vessels in sources if isinstance(vessels, list)}


def forecast_s(clock: Clock) -> float:
    """Time between two forecasts [s of the line]: on an accelerated line not more often than it can bear."""
    return FORECAST_S * math.ceil(FORECAST_REST_S * clock.speed / FORECAST_S)


def grace_s(line_file: LineFile, clock: Clock) -> float:
    """How long after the end of a frame values may still come [s of the line]; see `GRACE_S`."""
    return max(line_file.grace_s, GRACE_S * clock.speed if clock.speed > 1.0 else 0.0)


def time_window(clock: Clock) -> Callable[[], TimeWindow]:
    """Source times that can be true on a live line, by its clock."""
    ahead_ns = int(FUTURE_S * max(clock.speed, 1.0) * 1e9)
    back_ns = OLDEST_DAYS * 86_400 * 1_000_000_000

    def window() -> TimeWindow:
        now_ns = clock.now_ns()
        return TimeWindow(now_ns - back_ns, now_ns + ahead_ns)

    return window


class _NewestStored:
    """Newest stored source time of a tag: what was there at the start, then what came since."""

    def __init__(self, at_start: dict[str, int], hub: Hub) -> None:
        self._at_start, self._hub = at_start, hub

    def __call__(self, tag: str) -> int | None:
        found = self._hub.newest_time_ns(tag)
        return found if found is not None else self._at_start.get(tag)


def _open(section: dict[str, Any], family: str, opener: str, folder: Path, *rest: object) -> Any:
    module, config = configured(family, section, folder)
    return getattr(module, opener)(config, *rest)
