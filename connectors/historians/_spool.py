"""A durable, bounded, checksummed queue of rows on their way to a server.

One SQLite file with ``synchronous=FULL``. Rows leave it only after the server took them, in the
order they came. It also keeps the newest row of every tag, so that a source knows where to go
on even while the server is away, and the rows the server will never take, with its reason.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import orjson

from connectors.sqlite_file import hold, named, open_writer, transaction
from twin.domain.errors import StorageError
from twin.domain.measurement import Estimate, Measurement, Quality

Kind: TypeAlias = Literal["pv", "est"]
Row: TypeAlias = Measurement | Estimate

MIGRATIONS: Final = (
    """
    CREATE TABLE batch (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, rows INTEGER NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL, checksum INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE newest (tag TEXT PRIMARY KEY, t INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE rejected (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, reason TEXT NOT NULL, body BLOB NOT NULL);
    """,
)


DAMAGED: Final = "does not match its checksum: damaged on disk"


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that were written together and leave together."""

    id: int
    rows: tuple[Row, ...]


class Spool:
    """The file; synchronous, for one thread.

    Parameters
    ----------
    path : Path
    capacity : int
        Most rows that may wait.

    Raises
    ------
    StorageError
        The file is not usable or another process holds it.
    """

    def __init__(self, path: Path, capacity: int) -> None:
        self._path = path
        self._capacity = capacity
        self.damaged = 0
        self._held = hold(path)
        try:
            self._db = open_writer(path, MIGRATIONS)
            self.waiting: int = self._rows("SELECT coalesce(sum(rows), 0) FROM batch")[0][0]
        except BaseException:
            self._held.release()
            raise

    def add(self, kind: Kind, rows: Sequence[Row]) -> None:
        """Keep rows; on disk when this returns.

        Raises
        ------
        StorageError
            The spool is full or the disk refused; then none of the rows is kept.
        """
        if not rows:
            return
        if self.waiting + len(rows) > self._capacity:
            raise StorageError(
                f"{self._path}: spool is full ({self.waiting} of {self._capacity} rows wait for the server). "
                f"Nothing more is accepted: bring the server back or allow more rows (spool_rows)."
            )
        body = orjson.dumps([_plain(row) for row in rows])
        times = [row.time_ns for row in rows]
        record = (kind, len(rows), min(times), max(times), zlib.crc32(body), body)
        with transaction(self._db, self._path):
            self._db.execute(_ADD, record)
            if kind == "pv":
                newest = {r.tag: r for r in sorted(rows, key=_time) if isinstance(r, Measurement)}
                self._db.executemany(
                    _NEWEST, [(r.tag, r.time_ns, orjson.dumps(_plain(r))) for r in newest.values()]
                )
        self.waiting += len(rows)

    def head(self, limit: int) -> list[Batch]:
        """The oldest batches, in order: at least one if any waits, together about `limit` rows.

        A batch that does not match its checksum is set aside as rejected, with that reason.
        """
        found: list[Batch] = []
        damaged: list[tuple[int, str, bytes]] = []
        size = 0
        with named(self._path):
            for number, kind, rows, checksum, body in self._db.execute(_HEAD):
                if found and size + rows > limit:
                    break
                if zlib.crc32(body) != checksum:
                    damaged.append((number, kind, body))
                    continue
                found.append(Batch(number, _decoded(kind, body)))
                size += rows
        self._set_aside(damaged)
        return found

    def settle(self, batches: Iterable[Batch], rejected: Sequence[tuple[Row, str]] = ()) -> None:
        """Forget batches the server has taken; keep what it refused for good, with its words."""
        batches = list(batches)
        with transaction(self._db, self._path):
            self._db.executemany(
                _REJECT, [(_kind(row), reason, orjson.dumps(_plain(row))) for row, reason in rejected]
            )
            self._db.executemany("DELETE FROM batch WHERE id = ?", [(batch.id,) for batch in batches])
        self.waiting -= sum(len(batch.rows) for batch in batches)

    def between(self, kind: Kind, start_ns: int, end_ns: int) -> list[Row]:
        """Waiting rows with start <= time < end, in the order they came."""
        bodies = self._rows(_BETWEEN, kind, start_ns, end_ns)
        rows = (
            row for checksum, body in bodies if zlib.crc32(body) == checksum for row in _decoded(kind, body)
        )
        return [row for row in rows if start_ns <= row.time_ns < end_ns]

    def newest(self) -> dict[str, Measurement]:
        """Newest row ever accepted of each tag."""
        return {
            tag: _measurement(orjson.loads(body)) for tag, body in self._rows("SELECT tag, body FROM newest")
        }

    def rejected(self) -> list[tuple[str, bytes]]:
        """Reasons and bodies of what the server (or the checksum) refused for good."""
        return [
            (reason, bytes(body))
            for reason, body in self._rows("SELECT reason, body FROM rejected ORDER BY id")
        ]

    def close(self) -> None:
        """Release the file."""
        self._db.close()
        self._held.release()

    def _set_aside(self, damaged: Sequence[tuple[int, str, bytes]]) -> None:
        if not damaged:
            return
        with transaction(self._db, self._path):
            self._db.executemany(_REJECT, [(kind, DAMAGED, body) for _, kind, body in damaged])
            self._db.executemany("DELETE FROM batch WHERE id = ?", [(number,) for number, _, _ in damaged])
        self.waiting = self._rows("SELECT coalesce(sum(rows), 0) FROM batch")[0][0]
        self.damaged += len(damaged)

    def _rows(self, sql: str, *parameters: object) -> list[Any]:
        with named(self._path):
            return self._db.execute(sql, parameters).fetchall()


_ADD: Final = "INSERT INTO batch (kind, rows, first, last, checksum, body) VALUES (?, ?, ?, ?, ?, ?)"
_HEAD: Final = "SELECT id, kind, rows, checksum, body FROM batch ORDER BY id"
_BETWEEN: Final = "SELECT checksum, body FROM batch WHERE kind = ? AND last >= ? AND first < ? ORDER BY id"
_REJECT: Final = "INSERT INTO rejected (kind, reason, body) VALUES (?, ?, ?)"
_NEWEST: Final = (
    "INSERT INTO newest VALUES (?, ?, ?) "
    "ON CONFLICT (tag) DO UPDATE SET t = excluded.t, body = excluded.body WHERE excluded.t > t"
)


def _time(row: Row) -> int:
    return row.time_ns


def _kind(row: Row) -> Kind:
    return "pv" if isinstance(row, Measurement) else "est"


def _plain(row: Row) -> tuple[str | float | int | None, ...]:
    if isinstance(row, Estimate):
        return (row.name, row.time_ns, row.mean, row.sd, row.unit)
    return (row.tag, row.value, int(row.quality), row.time_ns, row.received_ns, row.late, row.source)


def _decoded(kind: str, body: bytes) -> tuple[Row, ...]:
    return tuple(_measurement(row) if kind == "pv" else Estimate(*row) for row in orjson.loads(body))


def _measurement(row: list[Any]) -> Measurement:
    tag, value, quality, *rest = row
    return Measurement(tag, value, Quality(quality), *rest)
