"""The View: all that a dashboard may ask, answered from the running parts."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

from twin.alarms.figures import figures
from twin.alarms.words import catalogue, in_words
from twin.domain.alarm import Alarm, Figures, Move, Trigger
from twin.domain.asset import Line
from twin.domain.batch import Stored
from twin.domain.command import Command, Permit
from twin.domain.errors import NotFoundError
from twin.domain.event import Event
from twin.domain.forecast import Forecast
from twin.domain.people import Actor
from twin.domain.report import ReportFile
from twin.domain.sampling import NextSample
from twin.domain.spread import Spread
from twin.domain.trust import SelfReport
from twin.domain.whatif import Answer, Knob, WhatIf
from twin.engine.forecast import Question
from twin.ports import (
    Clock,
    Counters,
    Delivery,
    Historian,
    Ledger,
    LinkState,
    Models,
    People,
    Playback,
    Playbacks,
    Subscriptions,
    Trend,
    Update,
)
from twin.runtime.channel import Channel
from twin.runtime.hand import Hand
from twin.runtime.health import Health
from twin.runtime.hub import Hub
from twin.runtime.pipeline import Pipeline
from twin.runtime.samples import SampleDesk
from twin.runtime.spread import counted
from twin.runtime.writeback import WriteBack
from twin.service.batches import BatchLog
from twin.service.report.reporter import Reporter
from twin.service.silence import check_heard


class ServiceView:
    """`twin.ports.View` over the running service."""

    def __init__(
        self,
        line: Line,
        clock: Clock,
        historian: Historian,
        ledger: Ledger,
        hub: Hub,
        health: Health,
        pipeline: Pipeline,
        people: People,
        writeback: WriteBack,
        channel: Channel[Delivery],
        subscriptions: Subscriptions,
        models: Models,
        batches: BatchLog,
    ) -> None:
        self._batches = batches
        self._samples = SampleDesk()
        self.models: Models | None = models
        self.playbacks: Playbacks | None = None
        self.subscriptions = subscriptions
        self.playback: Playback | None = None
        self.reporter: Reporter | None = None
        self.line, self.clock, self.people = line, clock, people
        self._historian, self._ledger, self._hub = historian, ledger, hub
        self._health, self._pipeline, self._writeback = health, pipeline, writeback
        self._hand = Hand(line, pipeline, channel)

    def latest(self) -> Update:
        """Newest value and estimate of everything, and the standing alarms."""
        newest = self._hub.latest()
        return Update(newest.measurements, newest.estimates, (), tuple(self.alarms()), newest.now_ns)

    def follow(self) -> AsyncGenerator[Update, None]:
        """Changes from now on."""
        return self._hub.follow()

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> tuple[Trend, Trend, Trend]:
        """Measured values, and mean and standard deviation of the twin's estimate."""
        measured = await self._historian.trend(name, start_ns, end_ns, points)
        mean, sd = await self._historian.trend_estimates(name, start_ns, end_ns, points)
        return measured, mean, sd

    async def spread(self, tag: str, start_ns: int, end_ns: int) -> Spread:
        """How the values of a tag lie and how far they could be believed; of a long time its end."""
        known = next((each for each in self.line.tags() if each.id == tag), None)
        if known is None:
            raise NotFoundError(f"this line has no tag {tag!r}")
        end_ns = max(start_ns + 1, min(end_ns, self.clock.now_ns()))
        return await counted(self._historian, known, start_ns, end_ns)

    def alarms(self) -> list[Alarm]:
        """Alarms that stand or wait for acknowledgement."""
        return self._pipeline.alarms()

    def holding(self) -> Mapping[str, str]:
        """Stores that take nothing now, and why."""
        return dict(self._pipeline.hold.why)

    def events(self, after: int, limit: int) -> list[tuple[int, Event]]:
        """Events by running number."""
        return self._ledger.events(after, limit)

    def newest_event(self) -> int:
        """Running number of the newest event; 0 when there is none."""
        return self._ledger.newest_event()

    def alarm_log(self, start_ns: int, end_ns: int) -> list[Move]:
        """Changes of state of every alarm in start <= t < end, oldest first."""
        return self._ledger.moves(start_ns, end_ns)

    def alarm_figures(self, start_ns: int, end_ns: int) -> Figures:
        """Performance of the alarms between two times, after ISA-18.2."""
        return figures(self._ledger.moves(0, end_ns), start_ns, end_ns)

    async def move(
        self, alarm_id: str, trigger: Trigger, by: Actor, why: str = "", hours: float | None = None
    ) -> Alarm:
        """Acknowledge, shelve for some hours, take out of service or bring an alarm back."""
        return await self._pipeline.move(alarm_id, trigger, by, why, hours)

    async def reference(self, tag: str, value: float, drawn_ns: int | None, by: Actor, why: str) -> str:
        """Take a laboratory's value for a tag; returns the tag it is stored under."""
        return await self._hand.reference(tag, value, drawn_ns, by, why)

    async def calibrated(self, tag: str, by: Actor, why: str) -> None:
        """Keep that an instrument was calibrated now."""
        await self._hand.calibrated(tag, by, why)

    def ends(self) -> Mapping[str, int]:
        """When the present batch of a vessel ended before its plan, by vessel [ns since 1970-01-01 UTC]."""
        return self._batches.early(self.clock.now_ns())

    async def end_batch(self, asset: str, at_ns: int | None, by: Actor, why: str) -> Stored:
        """Take a person's word that the batch of a vessel has ended."""
        return self._batches.end(asset, at_ns, self.clock.now_ns(), by, why)

    async def remark(self, alarm_id: str, sort: str, by: Actor, text: str) -> None:
        """Keep a comment on an alarm, or that a person says it is not so."""
        await self._pipeline.remark(alarm_id, sort, by, text)

    def permits(self) -> list[Permit]:
        """What may be written to the plant."""
        return list(self._writeback.permits.values())

    async def command(self, tag: str, value: float, by: Actor, why: str) -> str:
        """Write a set point to the plant; returns what the other side said."""
        return await self._writeback.order(Command(tag, value, by.name, by.role.value, by.origin, why))

    def forecasts(self) -> list[Forecast]:
        """The newest forecast of each vessel that has one."""
        found = self._hub.forecasts
        return [found[vessel.id] for vessel in self.line.vessels if vessel.id in found]

    async def report(self, asset: str, language: str, form: str, by: Actor) -> ReportFile:
        """The report of a vessel's batch so far."""
        return await self._papers().make(asset, language, form, by.name)

    async def export(self, asset: str) -> ReportFile:
        """The stored values of a vessel's batch so far as Parquet."""
        return await self._papers().export(asset)

    def _papers(self) -> Reporter:
        if self.reporter is None:
            raise NotFoundError("This service makes no reports; twin report LINE.yaml does.")
        return self.reporter

    def knobs(self, asset: str) -> Sequence[Knob]:
        """What a scenario of a vessel may change."""
        return self._question(asset).knobs()

    async def what_if(self, asset: str, scenarios: Sequence[WhatIf]) -> Answer:
        """What the twin expects as it is and in each scenario; the belief of now, held fast meanwhile."""
        return await asyncio.to_thread(self._question(asset).answer, scenarios)

    async def next_samples(self, asset: str) -> Sequence[NextSample]:
        """Which assay, drawn when in the next day, takes most of the twin's doubt away."""
        return await self._samples.ask(self._question(asset))

    def _question(self, asset: str) -> Question:
        vessel = self._pipeline.engine.vessels[asset]
        check_heard(vessel)
        question = vessel.question()
        if question is None:
            raise NotFoundError(
                f"The twin of {asset} can say nothing of what is to come now: it has not settled yet, does "
                "not trust itself, or there is none."
            )
        return question

    def twins(self) -> list[SelfReport]:
        """What each twin that has looked at itself said last."""
        found = self._hub.reports
        return [found[vessel.id] for vessel in self.line.vessels if vessel.id in found]

    def counters(self) -> Counters:
        """The conservation law now."""
        return self._health.counters(self._pipeline.in_hand)

    def links(self) -> list[LinkState]:
        """State of every source."""
        return self._health.links()

    def in_words(self, event: Event, language: str) -> tuple[str, str]:
        """Title and text of an event."""
        return in_words(event, language)

    def messages(self, language: str) -> Mapping[str, str]:
        """Texts of the message catalogue by key."""
        return catalogue(language)
