"""Pipeline: from a delivery to durable rows, beliefs, alarms and viewers, in that order."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from time import time_ns

from twin.alarms.machine import AlarmBook
from twin.domain import instant
from twin.domain.alarm import DESIGN, Alarm, AlarmState, Notice, Trigger
from twin.domain.asset import Line
from twin.domain.audit import Deed
from twin.domain.errors import NotFoundError, StorageError
from twin.domain.event import Event, Kind, Stage
from twin.domain.measurement import Measurement, Quarantined, Reading
from twin.domain.people import Actor
from twin.engine.core import Engine, Outputs
from twin.engine.tagbook import TagBook, TimeWindow
from twin.ports import Clock, Delivery, Historian, Ledger, LinkChange
from twin.runtime.accounting import Accounting
from twin.runtime.channel import Channel
from twin.runtime.health import Health
from twin.runtime.hold import HISTORIAN, LEDGER, Hold
from twin.runtime.hub import Hub
from twin.runtime.links import LINK, STORE, LinkEvents
from twin.runtime.outlook import Outlook
from twin.runtime.recover import restore, save

MOST_ROWS = 5_000
"""Rows from which on no other delivery joins a commit (chosen default: some 30 ms of a core to measure)."""


class Pipeline:
    """The way of every reading. Acknowledges upstream only what is durable.

    Parameters
    ----------
    book, engine, historian, ledger, hub, health, clock
        The parts it joins.
    tell : Callable[[Alarm], list of Notice]
        What is told of an alarm that calls for attention.
    window : Callable[[], TimeWindow]
        Source times that can be true now.

    Attributes
    ----------
    due : asyncio.Event
        Set when a notice waits in the outbox.
    heard : deque of LinkChange
        What stores and publishers report; taken at the next tick.
    in_hand : int
        Rows between the door and the store.
    hold : Hold
        Waits while a store takes nothing.
    outlook : Outlook
        Makes the forecasts.
    """

    def __init__(
        self,
        book: TagBook,
        engine: Engine,
        historian: Historian,
        ledger: Ledger,
        hub: Hub,
        health: Health,
        clock: Clock,
        tell: Callable[[Alarm], list[Notice]],
        window: Callable[[], TimeWindow],
    ) -> None:
        self.book, self.engine, self.historian, self.ledger = book, engine, historian, ledger
        self.hub, self.health, self.clock = hub, health, clock
        self.tell, self.window = tell, window
        self.due = asyncio.Event()
        self.heard: deque[LinkChange] = deque()
        self._told: list[Event] = []
        self._shown = AlarmBook()
        self.in_hand = 0
        self.hold = Hold(clock, self._held)
        self.outlook = Outlook(historian, ledger, hub, self.hold, self.due)
        self._turn = asyncio.Lock()
        self.links = LinkEvents()
        self.accounting = Accounting()

    async def run(self, channel: Channel[Delivery]) -> None:
        """Process deliveries until the channel is closed and empty."""
        async for batch in channel.batches(MOST_ROWS, _rows):
            await self.process(batch)

    async def process(self, batch: Sequence[Delivery]) -> None:
        """Make a batch durable, acknowledge it, then let the engine think about it.

        While a store takes nothing it waits, and nothing of the batch is acknowledged.

        Raises
        ------
        StorageError
            When the service stops before it could be made durable.
        """
        measured, refused = self._measure(batch)
        measured = self.engine.marked(measured)
        self.in_hand = len(measured) + len(refused)
        shown, news = await self._store(measured, refused)
        for delivery in batch:
            delivery.ack()
        links = [link for delivery in batch for link in delivery.links]
        await self._infer(shown, news, links)

    async def tick(self, clock_ns: int) -> None:
        """Let time pass: closes frames nobody completed, notices silence."""
        async with self._turn:
            out = await asyncio.to_thread(self.engine.tick, clock_ns)
            change = self.accounting.look(self.health.counters(self.in_hand), self.clock.now_ns())
            if change is not None:
                self.heard.append(change)
            out.alarms += self.engine.pass_time(self.clock.now_ns()).alarms
            while self.heard:
                self._told += self._note(self.heard.popleft())
            told, self._told = self._told, []
            out.add(self.engine.note(told))
            await self._keep(out)

    async def recover(self, line: Line) -> None:
        """Take up where the last run of the service stopped; waits while what is stored can not be read."""
        self.links.restore(self.ledger.alarms())
        now_ns = self.clock.now_ns()
        for store in (HISTORIAN, LEDGER):  # one that still takes nothing is found at the first row
            self._told += self.links.events(LinkChange(store, True, "takes rows again", now_ns), STORE)
        await self._keep(await restore(self.engine, self.ledger, self._read, line, now_ns))

    async def newest(self) -> dict[str, int]:
        """Newest stored source time by tag [ns]; viewers see the values. Waits while it can not read."""
        tags = list(self.book.tags)
        found = await self.hold.until_kept(HISTORIAN, partial(self.historian.last, tags))
        self.hub.publish(measurements=list(found.values()))
        return {tag: m.time_ns for tag, m in found.items()}

    async def _read(self, tags: list[str], start_ns: int, end_ns: int, limit: int) -> list[Measurement]:
        read = partial(self.historian.read, tags, start_ns, end_ns, limit)
        return list(await self.hold.until_kept(HISTORIAN, read))

    async def save(self, line: Line) -> None:
        """Keep the engine's state, so that a restart need not think everything again."""
        async with self._turn:
            await self.hold.until_kept(
                LEDGER, lambda: asyncio.to_thread(save, self.engine, self.ledger, line)
            )

    async def move(
        self, alarm_id: str, trigger: Trigger, by: Actor, why: str = "", hours: float | None = None
    ) -> Alarm:
        """Move an alarm for a person and keep that, with its entry in the audit trail."""
        self._check_ledger()
        async with self._turn:
            now_ns = self.clock.now_ns()
            until_ns = None if hours is None else now_ns + int(hours * 3.6e12)
            before = self.engine.alarms.alarms.get(alarm_id)
            changed = self.engine.alarms.move(alarm_id, trigger, now_ns, by.name, why, until_ns)
            if before != changed[0]:
                await self._keep_move(before, changed, trigger, by, why)
            return self.engine.alarms.alarms[alarm_id]

    async def _keep_move(
        self, before: Alarm | None, changed: list[Alarm], trigger: Trigger, by: Actor, why: str
    ) -> None:
        alarm = changed[0]
        event = person_event(alarm, trigger.value, by.name, why)
        old = before.state.value if before else ""
        done = deed(by, f"alarm.{trigger.value}", alarm.id, old, _told(alarm), why)
        try:
            fresh = await asyncio.to_thread(self.ledger.commit, [event], changed, (), [done])
        except StorageError:
            self.engine.alarms.restore([before] if before else [])
            raise
        self._publish(fresh, changed)

    async def remark(self, alarm_id: str, sort: str, by: Actor, text: str) -> None:
        """Keep what a person says of an alarm: a comment, or that it is not so."""
        self._check_ledger()
        async with self._turn:
            alarm = self.engine.alarms.alarms.get(alarm_id)
            if alarm is None:
                raise NotFoundError(f"no alarm {alarm_id!r}; the list of alarms has those that stand")
            event = person_event(alarm, sort, by.name, text, self.clock.now_ns())
            done = deed(by, f"alarm.{sort}", alarm.id, "", alarm.state.value, text)
            self._publish(await asyncio.to_thread(self.ledger.commit, [event], (), (), [done]), ())

    async def enter(self, events: Sequence[Event], deeds: Sequence[Deed]) -> None:
        """Keep what people did, and show it."""
        self._check_ledger()
        async with self._turn:
            self._publish(await asyncio.to_thread(self.ledger.commit, events, (), (), deeds), ())

    def _check_ledger(self) -> None:
        """Refuse what could not be entered in the audit trail."""
        if LEDGER in self.hold.why:
            raise StorageError(
                f"the ledger takes nothing now: {self.hold.why[LEDGER]}; make room, then try again"
            )

    def _measure(self, batch: Iterable[Delivery]) -> tuple[list[Measurement], list[Quarantined]]:
        measured: list[Measurement] = []
        refused: list[Quarantined] = []
        window = self.window()
        for delivery in batch:
            refused += delivery.refused
            for reading in delivery.readings:
                found = self.book.measure(reading, window)
                if isinstance(found, Quarantined):
                    refused.append(found)
                else:
                    measured.append(found)
                    self.health.compare(reading)
            self.health.arrived(delivery)
        return measured, refused

    async def _store(
        self, measured: list[Measurement], refused: list[Quarantined]
    ) -> tuple[list[Measurement], list[Measurement]]:
        """Make rows durable; returns those that stand, for people, and what of them is news, for twins."""
        write = partial(self.historian.write, measured)
        report = await self.hold.until_kept(HISTORIAN, write) if measured else None
        conflicts = report.refused if report else ()
        refused = refused + [_quarantined(m, reason) for m, reason in conflicts]
        if refused:
            await self.hold.until_kept(LEDGER, lambda: asyncio.to_thread(self.ledger.quarantine, refused))
        self.health.quarantined(refused)
        self.in_hand = 0
        if report:
            self.health.counts.stored += report.stored
            self.health.counts.duplicate += report.duplicate
        return (report.standing(measured), report.news(measured)) if report else ([], [])

    async def _infer(
        self, shown: list[Measurement], news: list[Measurement], links: list[LinkChange]
    ) -> None:
        async with self._turn:
            self.hub.publish(measurements=shown)
            out = await asyncio.to_thread(self.engine.handle, news) if news else Outputs()
            out.add(self.engine.note([e for link in links for e in self._note(link)]))
            await self._keep(out)

    async def _keep(self, out: Outputs) -> None:
        if out.estimates:
            await self.hold.until_kept(HISTORIAN, partial(self.historian.write_estimates, out.estimates))
        self.hub.publish(estimates=out.estimates)
        self.hub.report(out.reports)
        if out.events or out.alarms:
            newest = {alarm.id: alarm for alarm in out.alarms}  # a consequence calls for nobody
            made = [n for alarm in newest.values() for n in self.tell(alarm)]
            done = [_designed(alarm) for alarm in newest.values() if alarm.by == DESIGN]
            fresh = await self.hold.until_kept(
                LEDGER,
                lambda: asyncio.to_thread(self.ledger.commit, out.events, out.alarms, made, done),
                meanwhile=lambda: self.hub.publish(alarms=out.alarms),
            )
            self._publish(fresh, out.alarms)
            if made:
                self.due.set()
        self.outlook.ask(out.questions)

    def _held(self, change: LinkChange) -> None:
        """A store takes nothing, or takes rows again: shown at once, told at the next tick."""
        events = self._note(change, STORE)
        self._told += events
        self.hub.publish(alarms=[alarm for event in events for alarm in self._shown.apply(event)])

    def alarms(self) -> list[Alarm]:
        """Alarms that are not normal; while a store takes nothing, with those that could not be kept yet."""
        kept = {alarm.id: alarm for alarm in self.ledger.alarms()}
        if not self.hold.why:
            return list(kept.values())
        merged = kept | {alarm.id: alarm for alarm in tuple(self.engine.alarms.alarms.values())}
        for alarm in self._shown.alarms.values():
            if alarm.active and not (alarm.id in merged and merged[alarm.id].active):
                merged[alarm.id] = alarm
        return [alarm for alarm in merged.values() if alarm.state is not AlarmState.NORMAL]

    def _note(self, link: LinkChange, code: str = LINK) -> list[Event]:
        self.health.link(link)
        return self.links.events(link, code)

    def _publish(self, fresh: Sequence[tuple[int, Event]], alarms: Sequence[Alarm]) -> None:
        self.hub.publish(events=fresh, alarms=alarms)


def _rows(delivery: Delivery) -> int:
    return 1 + len(delivery.readings) + len(delivery.refused)


def _quarantined(m: Measurement, reason: str) -> Quarantined:
    reading = Reading(m.source, m.tag, m.value, m.quality, m.time_ns, m.received_ns)
    at = instant.iso(m.time_ns)
    return Quarantined(reading, reason, f"{m.value} came; the store holds another value of {m.tag} for {at}")


def person_event(alarm: Alarm, what: str, by: str, why: str, t: int | None = None) -> Event:
    """What a person did about an alarm, as an event of its own."""
    at = alarm.changed_ns if t is None else t
    detail: dict[str, float | str] = {"what": what, "by": by, "state": alarm.state.value, "alarm": alarm.id}
    return replace(
        alarm.event,
        t=at,
        kind=Kind.ALARM,
        stage=Stage.REVISED,
        condition=f"{alarm.id}/{what}/{at}",
        evidence=(),
        detail=detail | ({"why": why} if why else {}),
    )


def _designed(alarm: Alarm) -> Deed:
    """What the line file's design did to an alarm, for the audit trail."""
    action = "alarm.suppress" if alarm.state is AlarmState.SUPPRESSED else "alarm.unsuppress"
    return Deed(time_ns(), DESIGN, "", "line file", action, alarm.id, "", alarm.state.value, alarm.why)


def _told(alarm: Alarm) -> str:
    """State after a move, with its end when it has one."""
    return alarm.state.value + ("" if alarm.until_ns is None else f" until {instant.iso(alarm.until_ns)}")


def deed(by: Actor, action: str, subject: str, old: str, new: str, why: str) -> Deed:
    """What somebody does now, for the audit trail."""
    return Deed(time_ns(), by.name, by.role.value, by.origin, action, subject, old, new, why)
