"""The port of all that a dashboard may ask of the service."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from twin.domain.alarm import Alarm, Figures, Move, Trigger
from twin.domain.asset import Line
from twin.domain.batch import Stored
from twin.domain.command import Permit
from twin.domain.event import Event
from twin.domain.forecast import Forecast
from twin.domain.measurement import Estimate, Measurement
from twin.domain.people import Actor
from twin.domain.report import ReportFile
from twin.domain.sampling import NextSample
from twin.domain.spread import Spread
from twin.domain.trust import SelfReport
from twin.domain.whatif import Answer, Knob, WhatIf
from twin.ports.clock import Clock
from twin.ports.historian import Trend
from twin.ports.models import Models
from twin.ports.people import People
from twin.ports.playback import Playback
from twin.ports.playbacks import Playbacks
from twin.ports.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True)
class LinkState:
    """One connection as a person sees it.

    `skew_s` says how far the source's clock is behind ours [s] (ahead, when negative), as far as the
    times of its values tell; None when they tell nothing.
    """

    source: str
    up: bool
    text: str
    since_ns: int
    received: int = 0
    gaps: int = 0
    skew_s: float | None = None


@dataclass(frozen=True, slots=True)
class Counters:
    """The conservation law: received = stored + duplicate + quarantined + rejected + pending."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    pending: int = 0

    @property
    def holds(self) -> bool:
        """True when the two sides are equal."""
        kept = self.stored + self.duplicate + self.pending
        refused = sum(self.quarantined.values()) + sum(self.rejected.values())
        return self.received == kept + refused


@dataclass(frozen=True, slots=True)
class Update:
    """One push to a viewer: newest values (conflated) and every event and alarm (never dropped).

    `events` carry their running numbers in the ledger, for resuming.
    """

    measurements: tuple[Measurement, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    events: tuple[tuple[int, Event], ...] = ()
    alarms: tuple[Alarm, ...] = ()
    now_ns: int = 0


class View(Protocol):
    """All that a dashboard may ask of the service."""

    line: Line
    clock: Clock
    people: People
    subscriptions: Subscriptions
    playback: Playback | None
    """None on a live line"""
    models: Models | None
    """None in a replay"""
    playbacks: Playbacks | None
    """None in a replay"""

    def latest(self) -> Update:
        """Newest value and estimate of everything, and the standing alarms."""
        ...

    def follow(self) -> AsyncGenerator[Update, None]:
        """Changes from now on; a slow reader gets newer values, never fewer events.

        An async generator: whoever follows closes it, and it ends when the service stops.
        """
        ...

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> tuple[Trend, Trend, Trend]:
        """Measured values, and mean and standard deviation of the twin's estimate."""
        ...

    async def spread(self, tag: str, start_ns: int, end_ns: int) -> Spread:
        """How the values of a tag lie and how far they could be believed; of a long time its end.

        Raises `NotFoundError` when the line has no such tag.
        """
        ...

    def alarms(self) -> list[Alarm]:
        """Alarms that stand or wait for acknowledgement."""
        ...

    def holding(self) -> Mapping[str, str]:
        """Stores that take nothing now, and why; what comes waits, and alarms may be missing."""
        ...

    def events(self, after: int, limit: int) -> list[tuple[int, Event]]:
        """Events by running number."""
        ...

    def newest_event(self) -> int:
        """Running number of the newest event; 0 when there is none."""
        ...

    def alarm_log(self, start_ns: int, end_ns: int) -> list[Move]:
        """Changes of state of every alarm in start <= t < end, oldest first."""
        ...

    def alarm_figures(self, start_ns: int, end_ns: int) -> Figures:
        """Performance of the alarms between two times, after ISA-18.2."""
        ...

    async def move(
        self, alarm_id: str, trigger: Trigger, by: Actor, why: str = "", hours: float | None = None
    ) -> Alarm:
        """Acknowledge, shelve for some hours, take out of service or bring an alarm back.

        Raises `NotFoundError` when there is no such alarm, `InputError` when that means
        nothing in its state.
        """
        ...

    async def reference(self, tag: str, value: float, drawn_ns: int | None, by: Actor, why: str) -> str:
        """Take a laboratory's value for a tag; returns the tag it is stored under.

        Raises `NotFoundError` when the vessel has no laboratory tag for it, `InputError` when
        the value or the time can not be true.
        """
        ...

    async def calibrated(self, tag: str, by: Actor, why: str) -> None:
        """Keep that an instrument was calibrated now; raises `NotFoundError`."""
        ...

    def ends(self) -> Mapping[str, int]:
        """When the present batch of a vessel ended before its plan, by vessel [ns since 1970-01-01 UTC]."""
        ...

    async def end_batch(self, asset: str, at_ns: int | None, by: Actor, why: str) -> Stored:
        """Take a person's word that a vessel's batch has ended, now (None) or at a time [ns].

        Raises `InputError` when none runs there or none ran at that time.
        """
        ...

    async def remark(self, alarm_id: str, sort: str, by: Actor, text: str) -> None:
        """Keep a ``comment`` on an alarm, or that a person says it is ``not_so``."""
        ...

    def permits(self) -> list[Permit]:
        """What may be written to the plant; empty unless the line file enables it."""
        ...

    async def command(self, tag: str, value: float, by: Actor, why: str) -> str:
        """Write a set point to the plant; returns what the other side said.

        Raises
        ------
        CommandRefusedError
            When the guard does not let it pass.
        ConnectorError
            When the other side did not take it.
        """
        ...

    def forecasts(self) -> list[Forecast]:
        """The newest forecast of each vessel that has one, in the order of the line."""
        ...

    def knobs(self, asset: str) -> Sequence[Knob]:
        """What a scenario of a vessel may change; raises `NotFoundError` while its twin can say nothing."""
        ...

    async def what_if(self, asset: str, scenarios: Sequence[WhatIf]) -> Answer:
        """What the twin expects as it is and in each scenario; the plant hears nothing of it.

        Raises `NotFoundError` while the twin can say nothing, `InputError` when a scenario can not be
        answered.
        """
        ...

    async def next_samples(self, asset: str) -> Sequence[NextSample]:
        """Which assay, drawn when in the next day, takes most of the twin's doubt away, the best first.

        Raises `NotFoundError` while the twin can say nothing.
        """
        ...

    async def report(self, asset: str, language: str, form: str, by: Actor) -> ReportFile:
        """The report of a vessel's batch so far, as ``"pdf"`` or ``"html"``, from what is stored.

        Raises `NotFoundError` when there is nothing to report or nothing here can make such a file.
        """
        ...

    async def export(self, asset: str) -> ReportFile:
        """The stored values of a vessel's batch as Parquet; raises `NotFoundError` when there are none."""
        ...

    def twins(self) -> list[SelfReport]:
        """What each twin that has looked at itself said last, in the order of the line."""
        ...

    def counters(self) -> Counters:
        """The conservation law now."""
        ...

    def links(self) -> list[LinkState]:
        """State of every source."""
        ...

    def in_words(self, event: Event, language: str) -> tuple[str, str]:
        """Title and text of an event in ``"en"`` or ``"fr"``."""
        ...

    def messages(self, language: str) -> Mapping[str, str]:
        """Texts of the message catalogue by key, in ``"en"`` or ``"fr"``.

        Keys: ``kind.<kind>``, ``verdict.<verdict>``, ``stage.<stage>``, ``state.<alarm state>``,
        ``priority.<priority>``, ``cause.<code>.name``, ``.cause``, ``.consequence``, ``.action``,
        ``evidence.<code>``, ``quantity.<name>``.
        """
        ...
