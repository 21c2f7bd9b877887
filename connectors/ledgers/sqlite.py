"""Ledger in one SQLite file: events, alarms, outbox, audit trail, documents; one transaction each call."""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from connectors.codecs import records
from connectors.sqlite_file import hold, named, open_reader, open_writer, transaction
from twin.domain.alarm import Alarm, AlarmState, Move, Notice, Priority
from twin.domain.audit import START, Deed, Entry, chained
from twin.domain.errors import StorageError
from twin.domain.event import Event
from twin.domain.measurement import Quarantined
from twin.ports import Document, DueNotice, Ledger, Record, SentNotice

MIGRATIONS: Final = (
    """
    CREATE TABLE events (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
        t INTEGER NOT NULL, kind TEXT NOT NULL, asset TEXT NOT NULL, body BLOB NOT NULL);
    CREATE TRIGGER events_stay_as_written BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END;
    CREATE TRIGGER events_stay BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'an event is never removed'); END;
    CREATE TABLE alarms (
        id TEXT PRIMARY KEY, state TEXT NOT NULL, raised INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX alarms_standing ON alarms (raised) WHERE state <> 'normal';
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, subscriber TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'given_up')),
        next_try INTEGER, tries INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
        body BLOB NOT NULL);
    CREATE INDEX outbox_waiting ON outbox (next_try) WHERE state = 'waiting';
    CREATE TABLE quarantine (
        number INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, reason TEXT NOT NULL,
        body BLOB NOT NULL);
    CREATE TABLE snapshots (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE trail (
        number INTEGER PRIMARY KEY, t INTEGER NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL,
        origin TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, old TEXT NOT NULL,
        new TEXT NOT NULL, why TEXT NOT NULL, hash TEXT NOT NULL);
    CREATE TRIGGER trail_stays_as_written BEFORE UPDATE ON trail
        BEGIN SELECT RAISE(ABORT, 'an entry of the audit trail is never changed'); END;
    CREATE TRIGGER trail_stays BEFORE DELETE ON trail
        BEGIN SELECT RAISE(ABORT, 'an entry of the audit trail is never removed'); END;
    CREATE TABLE documents (
        kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
    """,
    """
    CREATE TABLE moves (
        number INTEGER PRIMARY KEY, t INTEGER NOT NULL, alarm TEXT NOT NULL, old TEXT NOT NULL,
        new TEXT NOT NULL, priority TEXT NOT NULL, active INTEGER NOT NULL, by TEXT NOT NULL,
        why TEXT NOT NULL);
    CREATE INDEX moves_by_time ON moves (t);
    UPDATE OR REPLACE alarms SET
        body = CAST(json_set(CAST(body AS TEXT), '$.id', rtrim(rtrim(id, '0123456789'), '/')) AS BLOB),
        id = rtrim(rtrim(id, '0123456789'), '/')
        WHERE id GLOB '*/[0-9]*';
    """,
    """
    CREATE TABLE outbox_with_withdrawn (
        number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, subscriber TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'given_up', 'withdrawn')),
        next_try INTEGER, tries INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
        body BLOB NOT NULL);
    INSERT INTO outbox_with_withdrawn SELECT * FROM outbox;
    DROP TABLE outbox;
    ALTER TABLE outbox_with_withdrawn RENAME TO outbox;
    CREATE INDEX outbox_waiting ON outbox (next_try) WHERE state = 'waiting';
    CREATE INDEX outbox_by_subscriber ON outbox (subscriber, number);
    """,
)

STATES: Final = ("waiting", "sent", "given_up", "withdrawn")


class Config(BaseModel):
    """One ledger file.

    Parameters
    ----------
    path : Path
        The file; made when it is missing.
    """

    model_config = ConfigDict(extra="forbid")

    path: Path


def open_ledger(config: Config) -> Ledger:
    """Open or make the file.

    Raises
    ------
    StorageError
        Another process writes it, or it is not usable.
    """
    return SqliteLedger(config.path)


def open_record(config: Config) -> Record:
    """Open the file for reading only, beside a service that writes it.

    Raises
    ------
    StorageError
        It is not there or not usable.
    """
    return SqliteRecord(config.path, open_reader(config.path))


def read_trail(config: Config) -> Iterator[Entry]:
    """The audit trail as it is on disk, also while a service writes it.

    Raises
    ------
    StorageError
        The file can not be read.
    """
    db = open_reader(config.path)
    try:
        with named(config.path):
            for row in db.execute(_TRAIL, (0, -1)):
                yield _entry(*row)
    finally:
        db.close()


class SqliteRecord:
    """The file for reading only. May be called from any thread; calls wait for each other."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path, self._db = path, db
        self._one_at_a_time = threading.RLock()

    def trail(self, after: int = 0, limit: int = 1000) -> list[Entry]:
        """Entries of the audit trail numbered above `after`, oldest first."""
        return [_entry(*row) for row in self._rows(_TRAIL, after, limit)]

    def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """Newest refused readings, newest first."""
        rows = self._rows("SELECT body FROM quarantine ORDER BY number DESC LIMIT ?", limit)
        return [records.decode_quarantined(body) for (body,) in rows]

    def known_alarms(self) -> list[Alarm]:
        """Every alarm, standing or past."""
        rows = self._rows("SELECT body FROM alarms ORDER BY raised DESC, id")
        return [records.decode_alarm(body) for (body,) in rows]

    def moves(self, start_ns: int, end_ns: int) -> list[Move]:
        """Changes of state of every alarm in start <= t < end, oldest first."""
        return [_move(*row) for row in self._rows(_MOVES, start_ns, end_ns)]

    def events(self, after: int = 0, limit: int = 1000) -> list[tuple[int, Event]]:
        """Events with their running number, oldest first, those numbered above `after`."""
        rows = self._rows(
            "SELECT number, body FROM events WHERE number > ? ORDER BY number LIMIT ?", after, limit
        )
        return [(number, records.decode_event(body)) for number, body in rows]

    def documents(self, kind: str) -> dict[str, bytes]:
        """Every document of a kind by key."""
        return dict(self._rows("SELECT key, body FROM documents WHERE kind = ? ORDER BY key", kind))

    def load_snapshot(self, name: str) -> bytes | None:
        """The newest state kept under `name`."""
        rows = self._rows("SELECT body FROM snapshots WHERE name = ?", name)
        return bytes(rows[0][0]) if rows else None

    def close(self) -> None:
        """Release the file."""
        with self._one_at_a_time:
            self._db.close()

    def _rows(self, sql: str, *parameters: object) -> list[Any]:
        with self._one_at_a_time, named(self._path):
            return self._db.execute(sql, parameters).fetchall()


class SqliteLedger(SqliteRecord):
    """The file behind the port, for its one writer."""

    def __init__(self, path: Path) -> None:
        self._held = hold(path)
        try:
            super().__init__(path, open_writer(path, MIGRATIONS))
        except BaseException:
            self._held.release()
            raise

    def commit(
        self,
        events: Sequence[Event] = (),
        alarms: Sequence[Alarm] = (),
        notices: Sequence[Notice] = (),
        deeds: Sequence[Deed] = (),
        documents: Sequence[Document] = (),
    ) -> list[tuple[int, Event]]:
        """Keep all or nothing; returns the events not known before, with their running numbers."""
        with self._transaction() as db:
            _enter(db, deeds)
            _put_documents(db, documents)
            new = [(number, event) for event in events if (number := _add(db, event)) is not None]
            for alarm in alarms:
                _put_alarm(db, alarm)
            rows = [(n.key, n.subscriber, n.not_before_ns, records.encode(n)) for n in notices]
            db.executemany(_ADD_NOTICE, rows)
        return new

    def trail_length(self) -> int:
        """Number of the newest entry of the audit trail; 0 when there is none."""
        return int(self._rows("SELECT coalesce(max(number), 0) FROM trail")[0][0])

    def quarantine(self, rows: Sequence[Quarantined]) -> None:
        """Keep refused readings with their reasons."""
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO quarantine (source, reason, body) VALUES (?, ?, ?)",
                [(_text(row.reading.source), _text(row.reason), records.encode(row)) for row in rows],
            )

    def alarms(self) -> list[Alarm]:
        """Alarms that are not back to normal, newest first."""
        rows = self._rows(
            "SELECT body FROM alarms WHERE state <> ? ORDER BY raised DESC, id", AlarmState.NORMAL.value
        )
        return [records.decode_alarm(body) for (body,) in rows]

    def alarm(self, alarm_id: str) -> Alarm | None:
        """One alarm, standing or past."""
        rows = self._rows("SELECT body FROM alarms WHERE id = ?", alarm_id)
        return records.decode_alarm(rows[0][0]) if rows else None

    def newest_event(self) -> int:
        """Running number of the newest event; 0 when there is none."""
        return int(self._rows("SELECT coalesce(max(number), 0) FROM events")[0][0])

    def due(self, now_ns: int, limit: int = 100) -> list[DueNotice]:
        """Notices to be sent now, oldest first."""
        return [_due(*row) for row in self._rows(_DUE, now_ns, limit)]

    def settle(self, key: str, sent: bool, error: str, next_try_ns: int | None) -> None:
        """Record a delivery: sent, to be tried again at `next_try_ns`, or given up (None).

        Raises
        ------
        StorageError
            No notice has this key.
        """
        state = "sent" if sent else "given_up" if next_try_ns is None else "waiting"
        with self._transaction() as db:
            if not db.execute(_SETTLE, (state, None if sent else next_try_ns, _text(error), key)).rowcount:
                raise StorageError(f"{self._path}: no notice {key!r} in the outbox; nothing was settled.")

    def outbox(self) -> Mapping[str, int]:
        """Number of notices by state: waiting, sent, given_up, withdrawn."""
        return dict.fromkeys(STATES, 0) | dict(
            self._rows("SELECT state, count(*) FROM outbox GROUP BY state")
        )

    def withdraw(self, key: str) -> None:
        """Take back a notice that has become needless."""
        with self._transaction() as db:
            db.execute("UPDATE outbox SET state = 'withdrawn', next_try = NULL WHERE key = ?", (key,))

    def sent_to(self, subscriber: str, limit: int) -> list[SentNotice]:
        """What became of the newest notices of a subscriber, newest first."""
        rows = self._rows(_SENT, subscriber, limit)
        return [SentNotice(records.decode_notice(body).title, *rest) for body, *rest in rows]

    def save_snapshot(self, name: str, blob: bytes) -> None:
        """Keep the newest state of something under `name`."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?)", (name, blob))

    def close(self) -> None:
        """Release the file."""
        super().close()
        self._held.release()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._one_at_a_time, transaction(self._db, self._path):
            yield self._db


_ADD_EVENT: Final = (
    "INSERT INTO events (id, t, kind, asset, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
)
_PUT_ALARM: Final = "INSERT OR REPLACE INTO alarms VALUES (?, ?, ?, ?)"
_STATE: Final = "SELECT state, json_extract(CAST(body AS TEXT), '$.active') FROM alarms WHERE id = ?"
_ADD_MOVE: Final = (
    "INSERT INTO moves (t, alarm, old, new, priority, active, by, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_MOVES: Final = (
    "SELECT t, alarm, old, new, priority, active, by, why FROM moves "
    "WHERE t >= ? AND t < ? ORDER BY t, number"
)
_ADD_NOTICE: Final = (
    "INSERT INTO outbox (key, subscriber, next_try, body) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
)
_EVENTS: Final = "SELECT number, body FROM events WHERE number > ? ORDER BY number LIMIT ?"
_DUE: Final = (
    "SELECT body, next_try, tries FROM outbox "
    "WHERE state = 'waiting' AND next_try <= ? ORDER BY number LIMIT ?"
)
_SENT: Final = (
    "SELECT body, state, tries, error FROM outbox WHERE subscriber = ? ORDER BY number DESC LIMIT ?"
)
_SETTLE: Final = "UPDATE outbox SET state = ?, next_try = ?, error = ?, tries = tries + 1 WHERE key = ?"


_ADD_ENTRY: Final = "INSERT INTO trail VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TRAIL: Final = (
    "SELECT number, t, who, role, origin, action, subject, old, new, why, hash FROM trail "
    "WHERE number > ? ORDER BY number LIMIT ?"
)


def _enter(db: sqlite3.Connection, deeds: Sequence[Deed]) -> None:
    """Put deeds at the end of the trail, each chained to the one before."""
    if not deeds:
        return
    last = db.execute("SELECT number, hash FROM trail ORDER BY number DESC LIMIT 1").fetchone()
    number, before = last or (0, START)
    for deed in deeds:
        number += 1
        entry = chained(number, Deed(deed.t, *(_text(text) for text in astuple(deed)[1:])), before)
        before = entry.hash
        db.execute(_ADD_ENTRY, (number, *astuple(entry.deed), entry.hash))


def _entry(number: int, t: int, *rest: str) -> Entry:
    return Entry(number, Deed(t, *rest[:-1]), rest[-1])


def _put_documents(db: sqlite3.Connection, documents: Sequence[Document]) -> None:
    for each in documents:
        if each.body is None:
            db.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (each.kind, each.key))
        else:
            db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (each.kind, each.key, each.body))


def _add(db: sqlite3.Connection, event: Event) -> int | None:
    """The event's running number, or None when it was known."""
    row = (event.id, event.t, event.kind.value, event.asset, records.encode(event))
    added = db.execute(_ADD_EVENT, row)
    return added.lastrowid if added.rowcount else None


def _put_alarm(db: sqlite3.Connection, alarm: Alarm) -> None:
    """Replace an alarm's former state; a change of state or condition goes to the log of moves."""
    row = db.execute(_STATE, (alarm.id,)).fetchone() or (AlarmState.NORMAL.value, 0)
    old, active = row[0], bool(row[1])
    db.execute(_PUT_ALARM, _alarm_row(alarm))
    if (old, active) == (alarm.state.value, alarm.active):
        return
    t = alarm.changed_ns if old != alarm.state.value else alarm.event.t
    move = (t, alarm.id, old, alarm.state.value, alarm.priority.value, alarm.active)
    db.execute(_ADD_MOVE, (*move, _text(alarm.by), _text(alarm.why)))


def _move(t: int, alarm: str, old: str, new: str, priority: str, active: int, by: str, why: str) -> Move:
    return Move(t, alarm, AlarmState(old), AlarmState(new), Priority(priority), bool(active), by, why)


def _alarm_row(alarm: Alarm) -> tuple[str, str, int, bytes]:
    return (alarm.id, alarm.state.value, alarm.raised_ns, records.encode(alarm))


def _due(body: bytes, next_try: int, tries: int) -> DueNotice:
    notice = records.decode_notice(body)
    return DueNotice(replace(notice, tries=tries), next_try)


def _text(text: str) -> str:
    """Text SQLite can keep: broken Unicode escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
