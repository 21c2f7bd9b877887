"""The port of the store of events, alarms, notices and the state of the twin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from twin.domain.alarm import Alarm, Move, Notice
from twin.domain.audit import Deed, Entry
from twin.domain.event import Event
from twin.domain.measurement import Quarantined


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

    def documents(self, kind: str) -> dict[str, bytes]:
        """Every document of a kind by key."""
        ...

    def load_snapshot(self, name: str) -> bytes | None:
        """The newest state kept under `name`."""
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
