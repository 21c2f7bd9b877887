"""The View over a recording: the same answers as a running service gives, as of the playhead."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import NoReturn

from twin.alarms.figures import figures
from twin.alarms.words import catalogue, in_words
from twin.domain.alarm import Alarm, AlarmState, Figures, Move, Trigger
from twin.domain.asset import Line
from twin.domain.batch import Stored
from twin.domain.command import Permit
from twin.domain.errors import NotAllowedError, NotFoundError
from twin.domain.event import Event
from twin.domain.forecast import Forecast
from twin.domain.people import Actor
from twin.domain.report import ReportFile
from twin.domain.sampling import NextSample
from twin.domain.spread import Spread
from twin.domain.trust import SelfReport, Trust
from twin.domain.whatif import Answer, Knob, WhatIf
from twin.engine.forecast import Question
from twin.ports import (
    Clock,
    Counters,
    LinkState,
    Models,
    People,
    Playback,
    Playbacks,
    Subscriptions,
    Trend,
    Update,
)
from twin.runtime.samples import SampleDesk
from twin.runtime.spread import counted
from twin.service.play.player import Player
from twin.service.report.reporter import Reporter

PAUSE_S = 0.25
"""Between two updates of a viewer [s] (chosen default, as of a live line)."""


class PlayView:
    """`twin.ports.View` over a recording. Nothing is moved, written or sent by it.

    Parameters
    ----------
    line : Line
    player : Player
    people : People
    subscriptions : Subscriptions
    """

    def __init__(self, line: Line, player: Player, people: People, subscriptions: Subscriptions) -> None:
        self.line = line
        self.clock: Clock = player
        self.playback: Playback | None = player
        self.models: Models | None = None
        self.playbacks: Playbacks | None = None
        self.reporter: Reporter | None = None
        self.people, self.subscriptions = people, subscriptions
        self._player = player
        self._samples = SampleDesk()
        self._recording = player.recording
        self._ahead: dict[str, Forecast] = {}

    def keep(self, reporter: Reporter) -> None:
        """Take note that the run is in the line's stores, and who makes its papers."""
        self.reporter, self._player.kept = reporter, True

    def latest(self) -> Update:
        """Newest value and estimate of everything at the playhead, and the alarms that stood."""
        r, now_ns = self._recording, self.clock.now_ns()
        measured = [r.measurement(n, i) for n, s in r.measured.items() if (i := s.latest(now_ns)) is not None]
        believed = [
            r.estimate(n, i) for n, s in list(r.believed.items()) if (i := s.latest(now_ns)) is not None
        ]
        return Update(tuple(measured), tuple(believed), (), tuple(self.alarms()), now_ns)

    async def follow(self) -> AsyncGenerator[Update, None]:
        """What changes as the playhead moves."""
        before, epoch = self.clock.now_ns(), self._player.epoch
        while True:
            await asyncio.sleep(PAUSE_S)
            now_ns, jumped = self.clock.now_ns(), self._player.epoch != epoch
            if now_ns == before and not jumped:
                continue
            newest, told = self.latest(), self._recording.count_events(before)
            events = () if jumped else tuple(self.events(told, 1000))
            yield Update(newest.measurements, newest.estimates, events, newest.alarms, now_ns)
            before, epoch = now_ns, self._player.epoch

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> tuple[Trend, Trend, Trend]:
        """Measured values and beliefs up to the playhead, as known then or with hindsight."""
        r, known_ns = self._recording, self._player.known_ns()
        span = (known_ns, start_ns, min(end_ns, self.clock.now_ns() + 1))
        measured, believed = r.measured.get(name), r.believed.get(name)
        own = measured.trend(*span, points) if measured else Trend()
        mean, sd = believed.trends(*span, points) if believed else (Trend(), Trend())
        return own, mean, sd

    async def spread(self, tag: str, start_ns: int, end_ns: int) -> Spread:
        """How the values of a tag lie and how far they could be believed; of a long time its end."""
        known = next((each for each in self.line.tags() if each.id == tag), None)
        if known is None:
            raise NotFoundError(f"this line has no tag {tag!r}")
        end_ns = max(start_ns + 1, min(end_ns, self.clock.now_ns()))
        return await counted(self._recording.store, known, start_ns, end_ns)

    def alarms(self) -> list[Alarm]:
        """Alarms that stood at the playhead, newest first."""
        found = self._recording.alarms(self.clock.now_ns()).values()
        standing = [alarm for alarm in found if alarm.state is not AlarmState.NORMAL]
        return sorted(standing, key=lambda alarm: -alarm.raised_ns)

    def holding(self) -> Mapping[str, str]:
        """Nothing: what is stored already waits for no store."""
        return {}

    def events(self, after: int, limit: int) -> list[tuple[int, Event]]:
        """Events by running number, those told by the playhead."""
        until = min(self.newest_event(), after + limit)
        told = self._recording.told
        return [(i + 1, told[i][1]) for i in range(after, until)]

    def newest_event(self) -> int:
        """Running number of the newest event told by the playhead."""
        return self._recording.count_events(self.clock.now_ns())

    def alarm_log(self, start_ns: int, end_ns: int) -> list[Move]:
        """Changes of state of every alarm in start <= t < end, up to the playhead."""
        end_ns, states, found = min(end_ns, self.clock.now_ns() + 1), dict[str, AlarmState](), []
        for known_ns, a in self._recording.moved:
            old = states.get(a.id, AlarmState.NORMAL)
            states[a.id] = a.state
            if a.state is not old and start_ns <= a.changed_ns < end_ns and known_ns < end_ns:
                found.append(Move(a.changed_ns, a.id, old, a.state, a.priority, a.active, a.by, a.why))
        return found

    def alarm_figures(self, start_ns: int, end_ns: int) -> Figures:
        """Performance of the alarms between two times, after ISA-18.2."""
        return figures(self.alarm_log(0, end_ns), start_ns, end_ns)

    def permits(self) -> list[Permit]:
        """Nothing may be written."""
        return []

    async def command(self, tag: str, value: float, by: Actor, why: str) -> str:
        """Refused."""
        _refuse()

    async def move(
        self, alarm_id: str, trigger: Trigger, by: Actor, why: str = "", hours: float | None = None
    ) -> Alarm:
        """Refused."""
        _refuse()

    async def reference(self, tag: str, value: float, drawn_ns: int | None, by: Actor, why: str) -> str:
        """Refused."""
        _refuse()

    async def calibrated(self, tag: str, by: Actor, why: str) -> None:
        """Refused."""
        _refuse()

    def ends(self) -> Mapping[str, int]:
        """When the present batch of a vessel ended before its plan, by vessel [ns since 1970-01-01 UTC]."""
        return {}

    async def end_batch(self, asset: str, at_ns: int | None, by: Actor, why: str) -> Stored:
        """Refused."""
        _refuse()

    async def remark(self, alarm_id: str, sort: str, by: Actor, text: str) -> None:
        """Refused."""
        _refuse()

    def forecasts(self) -> list[Forecast]:
        """What was forecast from the belief at the playhead, for every vessel whose twin had one."""
        return [found for v in self.line.vessels if (found := self._forecast(v.id)) is not None]

    def _forecast(self, asset: str) -> Forecast | None:
        now_ns = self.clock.now_ns()
        question = self._recording.question(asset, now_ns)
        report = self._recording.report(asset, now_ns)
        if question is None or (report is not None and report.trust is not Trust.ADVICE):
            return None
        made = self._ahead.get(asset)
        if made is None or made.made_ns != question.now_ns:
            made = self._ahead[asset] = question.forecast()
        return made

    async def report(self, asset: str, language: str, form: str, by: Actor) -> ReportFile:
        """The report of the batch from the line's stores; refused where a file is played."""
        return await self._papers().make(asset, language, form, by.name)

    async def export(self, asset: str) -> ReportFile:
        """The values of the batch from the line's stores; refused where a file is played."""
        return await self._papers().export(asset)

    def _papers(self) -> Reporter:
        if self.reporter is None:
            raise NotFoundError(
                "A file that is played has no report; twin report LINE.yaml makes one from the line's stores."
            )
        return self.reporter

    def knobs(self, asset: str) -> Sequence[Knob]:
        """What a scenario of a vessel may change."""
        return self._question(asset).knobs()

    async def what_if(self, asset: str, scenarios: Sequence[WhatIf]) -> Answer:
        """What the twin would have answered at the playhead."""
        return await asyncio.to_thread(self._question(asset).answer, scenarios)

    async def next_samples(self, asset: str) -> Sequence[NextSample]:
        """Which assay, drawn when in the next day, takes most of the twin's doubt away."""
        return await self._samples.ask(self._question(asset))

    def _question(self, asset: str) -> Question:
        now_ns = self.clock.now_ns()
        self._recording.check_not_over(asset, now_ns)
        question = self._recording.question(asset, now_ns)
        if question is None:
            raise NotFoundError(f"The twin of {asset} could say nothing of what was to come at this moment.")
        return question

    def twins(self) -> list[SelfReport]:
        """What each twin had said of itself by the playhead."""
        now_ns = self.clock.now_ns()
        return [r for v in self.line.vessels if (r := self._recording.report(v.id, now_ns)) is not None]

    def counters(self) -> Counters:
        """The conservation law of what was worked through so far."""
        t = self._recording.tally
        return Counters(t.received, t.stored, t.duplicate, dict(t.quarantined))

    def links(self) -> list[LinkState]:
        """The run itself."""
        state, received = self._player.state(), self._recording.tally.received
        return [LinkState(state.run, True, "connected", state.start_ns, received)]

    def in_words(self, event: Event, language: str) -> tuple[str, str]:
        """Title and text of an event."""
        return in_words(event, language)

    def messages(self, language: str) -> Mapping[str, str]:
        """Texts of the message catalogue by key."""
        return catalogue(language)


def _refuse() -> NoReturn:
    raise NotAllowedError("This is a replay: nothing is moved, written or kept by it.")
