"""The contracts between the core and the world. Every adapter is one file behind one of these."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import time_ns
from typing import Final, Protocol, TypeAlias

from twin.domain.alarm import Alarm, Figures, Move, Notice, Picture, Trigger
from twin.domain.asset import Line
from twin.domain.audit import Deed, Entry
from twin.domain.command import Permit
from twin.domain.event import Event
from twin.domain.forecast import Forecast
from twin.domain.measurement import Estimate, Measurement, Quarantined, Reading
from twin.domain.people import Actor, Person, Program, Role, SignedIn, Vouched
from twin.domain.playback import PlayState
from twin.domain.spread import Spread
from twin.domain.subscription import Subscription
from twin.domain.tag import Tag
from twin.domain.trust import SelfReport
from twin.domain.whatif import Answer, Knob, WhatIf


class Clock(Protocol):
    """The time of the line: wall clock for a plant, scaled for an accelerated simulation."""

    speed: float

    def now_ns(self) -> int:
        """Time now [ns since 1970-01-01 UTC]."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of the line's time [s]."""
        ...


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A connection went down, came up, or is known to have missed values.

    Parameters
    ----------
    source : str
    up : bool or None
        True up, False down, None when it is only about a gap.
    text : str
        What happened, in words, with what to try.
    time_ns : int
    gap : tuple of (int, int) or None
        Source times between which values are known to be missing.
    """

    source: str
    up: bool | None
    text: str
    time_ns: int
    gap: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a source hands over at once; `ack` is called after all of it is durable.

    `refused` holds what the source itself could not turn into a Reading (malformed
    payloads), so that it is counted and kept with its reason.
    """

    readings: tuple[Reading, ...] = ()
    refused: tuple[Quarantined, ...] = ()
    links: tuple[LinkChange, ...] = ()
    ack: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source may know of the rest.

    Parameters
    ----------
    tags : Mapping[str, Tag]
        By tag id.
    clock : Clock
    last_stored : Callable[[str], int or None]
        Newest stored source time of a tag id [ns], for back-fill after a gap.
    """

    tags: Mapping[str, Tag]
    clock: Clock
    last_stored: Callable[[str], int | None]


class Source(Protocol):
    """A wire values arrive on.

    `deliveries` runs until cancelled. It restores lost connections by itself, reports
    one LinkChange down and one up, and raises `ConnectorError(retry=False)` only for
    what waiting can not mend. Readings that are not acknowledged may come again.
    """

    id: str

    def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Everything that arrives, in order of arrival; closed by whoever runs it."""
        ...


@dataclass(frozen=True, slots=True)
class ActuatorContext:
    """What an actuator may know of the rest."""

    tags: Mapping[str, Tag]


class Actuator(Protocol):
    """A way a set point goes back to the plant. Called by `twin.runtime.writeback` and nobody else."""

    async def write(self, tag: str, value: float) -> str:
        """Write a value [unit of the tag]; returns what the other side said.

        Raises
        ------
        ConnectorError
            When the other side did not take it.
        """
        ...

    async def close(self) -> None:
        """Release everything."""
        ...


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What became of the rows of one write; the three add up to the rows given."""

    stored: int
    duplicate: int = 0
    refused: tuple[tuple[Measurement, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Trend:
    """A decimated series: extremes and order kept. Equal lengths; None where nothing is known."""

    times_ns: tuple[int, ...] = ()
    values: tuple[float | None, ...] = ()
    qualities: tuple[int, ...] = ()


def _unheard(change: LinkChange) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class HistorianContext:
    """What a historian may know of the rest.

    Parameters
    ----------
    clock : Clock or None
        The line's time; decides what is older than a retention. None: the wall's.
    tags : Mapping[str, Tag]
        By tag id; gives the units.
    report : Callable[[LinkChange], None]
        Told on the loop when the server goes away, comes back, or refuses rows.
    """

    clock: Clock | None = None
    tags: Mapping[str, Tag] = field(default_factory=dict)
    report: Callable[[LinkChange], None] = _unheard

    def now_ns(self) -> int:
        """The line's time now [ns since 1970-01-01 UTC]."""
        return time_ns() if self.clock is None else self.clock.now_ns()


ALONE: Final = HistorianContext()
"""For a historian nobody tells or hears anything."""


class History(Protocol):
    """What is stored, for reading only; beside a service that writes it."""

    async def read(
        self, tags: Sequence[str], start_ns: int, end_ns: int, limit: int | None = None
    ) -> list[Measurement]:
        """Measurements with start <= time < end, by time and then tag; the first `limit`."""
        ...

    async def last(self, tags: Sequence[str]) -> dict[str, Measurement]:
        """Newest measurement of each tag that has one."""
        ...

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> Trend:
        """Measured series of a tag, at most about 2 x `points` values (minimum and maximum each)."""
        ...

    async def trend_estimates(
        self, name: str, start_ns: int, end_ns: int, points: int
    ) -> tuple[Trend, Trend]:
        """Mean and standard deviation of an estimate, at the same times."""
        ...

    async def close(self) -> None:
        """Finish and release everything."""
        ...


class Historian(History, Protocol):
    """Time series. Measured data and model data are kept apart.

    `write` and `write_estimates` return when every row is durable, and raise
    `StorageError` when it is not (then nothing may be acknowledged upstream).
    Writing the same (tag, time) with the same value again changes nothing and is
    reported as duplicate; a different value for a stored key is refused.
    """

    async def write(self, rows: Sequence[Measurement]) -> WriteReport:
        """Keep measurements."""
        ...

    async def write_estimates(self, rows: Sequence[Estimate]) -> None:
        """Keep the twin's beliefs; later beliefs about the same time replace earlier ones."""
        ...

    async def pending(self) -> int:
        """Durable rows that still wait for the server (0 for an embedded store)."""
        ...


@dataclass(frozen=True, slots=True)
class DueNotice:
    """A notice that waits in the outbox."""

    notice: Notice
    next_try_ns: int


@dataclass(frozen=True, slots=True)
class SentNotice:
    """What became of a notice."""

    title: str
    state: str
    tries: int
    error: str


@dataclass(frozen=True, slots=True)
class Document:
    """Something small that is kept under a name and changed by people: an account, a subscription.

    `body` None removes it.
    """

    kind: str
    key: str
    body: bytes | None


class Record(Protocol):
    """What a ledger holds of what happened, for reading only; beside a service that writes it."""

    def trail(self, after: int = 0, limit: int = 1000) -> list[Entry]:
        """Entries of the audit trail numbered above `after`, oldest first."""
        ...

    def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """Newest refused readings."""
        ...

    def known_alarms(self) -> list[Alarm]:
        """Every alarm, standing or past."""
        ...

    def moves(self, start_ns: int, end_ns: int) -> list[Move]:
        """Changes of state of every alarm in start <= t < end, oldest first; each is kept by `commit`."""
        ...

    def events(self, after: int = 0, limit: int = 1000) -> list[tuple[int, Event]]:
        """Events with their running number, oldest first, those numbered above `after`."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class Ledger(Record, Protocol):
    """What needs a transaction: events, alarms, outbox, audit trail, documents, quarantine, snapshots.

    Every method returns after the commit is on disk. Synchronous: calls are short.
    """

    def commit(
        self,
        events: Sequence[Event] = (),
        alarms: Sequence[Alarm] = (),
        notices: Sequence[Notice] = (),
        deeds: Sequence[Deed] = (),
        documents: Sequence[Document] = (),
    ) -> list[tuple[int, Event]]:
        """Keep all or nothing; returns the events that were not known before, with their numbers.

        A notice whose key is known is left as it is. Alarms and documents replace their
        former state. Deeds are put at the end of the audit trail.
        """
        ...

    def documents(self, kind: str) -> dict[str, bytes]:
        """Every document of a kind by key."""
        ...

    def trail_length(self) -> int:
        """Number of the newest entry of the audit trail; 0 when there is none."""
        ...

    def quarantine(self, rows: Sequence[Quarantined]) -> None:
        """Keep refused readings with their reasons."""
        ...

    def alarms(self) -> list[Alarm]:
        """Alarms that are not back to normal, newest first."""
        ...

    def alarm(self, alarm_id: str) -> Alarm | None:
        """One alarm, standing or past."""
        ...

    def newest_event(self) -> int:
        """Running number of the newest event; 0 when there is none."""
        ...

    def due(self, now_ns: int, limit: int = 100) -> list[DueNotice]:
        """Notices to be sent now, oldest first."""
        ...

    def withdraw(self, key: str) -> None:
        """Take back a notice that has become needless."""
        ...

    def settle(self, key: str, sent: bool, error: str, next_try_ns: int | None) -> None:
        """Record a delivery: sent, to be tried again at `next_try_ns`, or given up (None)."""
        ...

    def outbox(self) -> Mapping[str, int]:
        """Number of notices by state: waiting, sent, given_up, withdrawn."""
        ...

    def sent_to(self, subscriber: str, limit: int) -> list[SentNotice]:
        """What became of the newest notices of a subscriber, newest first."""
        ...

    def save_snapshot(self, name: str, blob: bytes) -> None:
        """Keep the newest state of something under `name`."""
        ...

    def load_snapshot(self, name: str) -> bytes | None:
        """The newest state kept under `name`."""
        ...


Illustrator: TypeAlias = Callable[[Notice], Awaitable[Picture | None]]
"""Draws what a notice is about; None when there is nothing to draw."""


class Notifier(Protocol):
    """A route to a person."""

    async def send(self, notice: Notice) -> None:
        """Deliver; raise `ConnectorError` (with `retry`) when the other side did not take it.

        The notice's `key` goes along so that the other side can tell a repetition.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


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


class People(Protocol):
    """Accounts, sessions and machine tokens of a line.

    Whatever changes something is entered in the audit trail with the actor given.
    """

    local: bool
    """True when nobody signs in and whoever reaches the loopback address acts as operator."""

    def whose(self, session: str | None, token: str | None, origin: str) -> Actor | None:
        """Who shows this session's or machine's secret; in local mode the local operator."""
        ...

    def unclaimed(self) -> bool:
        """True while nobody has an account that can sign in."""
        ...

    async def sign_in(self, name: str, password: str, origin: str) -> SignedIn:
        """Open a session; raises `SignInError`."""
        ...

    async def accept(self, invitation: str, name: str, password: str, origin: str) -> SignedIn:
        """Choose a password with an invitation, and open a session; raises `SignInError`."""
        ...

    def vouched(self, who: Vouched, origin: str) -> SignedIn:
        """Open a session for whom an identity provider vouches; raises `SignInError`."""
        ...

    def invited(self, invitation: str) -> Person | None:
        """Whom an invitation is for; the name is empty when it may be chosen."""
        ...

    def sign_out(self, session: str, by: Actor) -> None:
        """End a session."""
        ...

    def people(self) -> list[Person]:
        """Every account, by name."""
        ...

    def programs(self) -> list[Program]:
        """Every machine's token, by name; never the token itself."""
        ...

    def invite(self, person: Person, by: Actor) -> str:
        """Make an account, or let a person choose another password; returns the one-time secret."""
        ...

    def change(self, name: str, role: Role, barred: bool, by: Actor) -> Person:
        """Change role or access; every session of the person ends at once."""
        ...

    def admit(self, name: str, role: Role, days: float, by: Actor) -> str:
        """Give a program a token, which is returned this once."""
        ...

    def dismiss(self, name: str, by: Actor) -> None:
        """Take a program's token back."""
        ...

    def trail(self, after: int, limit: int) -> list[Entry]:
        """Entries of the audit trail numbered above `after`, oldest first."""
        ...

    def trail_length(self) -> int:
        """Number of the newest entry of the audit trail."""
        ...


@dataclass(frozen=True, slots=True)
class Leaving:
    """Where somebody is sent to sign in, and the secret that the browser keeps meanwhile."""

    url: str
    browser: str


class IdentityProvider(Protocol):
    """Who says who somebody is, in place of a password here."""

    label: str
    """what people call it"""

    async def leave(self) -> Leaving:
        """Begin a sign-in; raises `ConnectorError` when the provider can not be asked."""
        ...

    async def come_back(self, browser: str, answer: Mapping[str, str]) -> Vouched:
        """End a sign-in with the provider's answer; raises `SignInError` or `ConnectorError`."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A route notices can take; an address on it is a ``mail``, a ``url``, a ``topic`` or there is none."""

    name: str
    kind: str
    address: str


class Subscriptions(Protocol):
    """What people want to hear of. Whoever changes something is entered in the audit trail."""

    def channels(self) -> list[ChannelInfo]:
        """Routes that can be chosen."""
        ...

    def of(self, owner: str) -> list[Subscription]:
        """Every subscription of a person."""
        ...

    def put(self, subscription: Subscription, by: Actor) -> Subscription:
        """Keep a new one (`subscriber` empty) or change one's own; raises `InputError`, `NotFoundError`."""
        ...

    def drop(self, number: str, by: Actor) -> None:
        """Remove one's own; raises `NotFoundError`."""
        ...

    def stop(self, number: str, secret: str) -> bool:
        """Stop one with the secret its notices carry, without signing in."""
        ...

    def test(self, number: str, by: Actor) -> None:
        """Send a test notice the way of any other; raises `NotFoundError`."""
        ...

    def told(self, number: str, by: Actor) -> list[SentNotice]:
        """What became of the newest notices of one's own; raises `NotFoundError`."""
        ...


@dataclass(frozen=True, slots=True)
class PublisherContext:
    """What a publisher may know of the rest; `report` is told when its link goes or comes back."""

    line: Line
    clock: Clock
    report: Callable[[LinkChange], None] = _unheard


class Publisher(Protocol):
    """A place where others read what is measured and believed."""

    id: str

    async def publish(self, update: Update) -> None:
        """Take what is new; must not wait for the other side."""
        ...

    async def run(self) -> None:
        """Keep the link and send what was taken, until cancelled."""
        ...


class Playback(Protocol):
    """The playhead of a stored run; raises `InputError` for what it can not do."""

    def state(self) -> PlayState:
        """Where it stands."""
        ...

    def play(self, speed: float | None) -> None:
        """Go on from here at `speed` times real time; None: as fast as it goes."""
        ...

    def pause(self) -> None:
        """Stand still here."""
        ...

    def seek(self, time_ns: int) -> None:
        """Jump to a time [ns since 1970-01-01 UTC]."""
        ...

    def step(self, seconds: float) -> None:
        """Jump by some time, back when negative [s], and stand there."""
        ...

    def look_back(self, hindsight: bool) -> None:
        """Show what is known by now, or what was known at the playhead."""
        ...


class View(Protocol):
    """All that a dashboard may ask of the service."""

    line: Line
    clock: Clock
    people: People
    subscriptions: Subscriptions
    playback: Playback | None
    """None on a live line"""

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
