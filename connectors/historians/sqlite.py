"""Historian in one plain SQLite file: the embedded default, no server needed.

Rows lie clustered by (tag, time), so one tag's stretch of history is one run of pages.
One thread writes, one reads; the event loop never waits for the disk, and other processes
may read the file (``mode=ro``) while it is written.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from pathlib import Path
from typing import Final, ParamSpec, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.historians._ageing import DAY_NS, Ageing, Ages
from connectors.sqlite_file import hold, named, open_reader, open_writer, transaction
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.ports import ALONE, Historian, HistorianContext, History, Trend, WriteReport

P = ParamSpec("P")
R = TypeVar("R")
Point: TypeAlias = tuple[int, float | None, float]
Record: TypeAlias = tuple[int, int, float | None, int, int, bool, int]

MIGRATIONS: Final = (
    """
    CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
    CREATE TABLE measured (
        tag INTEGER NOT NULL REFERENCES word, t INTEGER NOT NULL, value REAL, quality INTEGER NOT NULL,
        lag INTEGER NOT NULL, late INTEGER NOT NULL, source INTEGER NOT NULL REFERENCES word,
        PRIMARY KEY (tag, t)) WITHOUT ROWID;
    CREATE TABLE estimated (
        tag INTEGER NOT NULL REFERENCES word, t INTEGER NOT NULL, mean REAL NOT NULL, sd REAL NOT NULL,
        unit INTEGER NOT NULL REFERENCES word,
        PRIMARY KEY (tag, t)) WITHOUT ROWID;
    CREATE VIEW measurement AS
        SELECT w.text AS tag, t, value, quality, t + lag AS received, late, s.text AS source
        FROM measured m JOIN word w ON w.id = m.tag JOIN word s ON s.id = m.source;
    CREATE VIEW estimate AS
        SELECT w.text AS name, t, mean, sd, u.text AS unit
        FROM estimated e JOIN word w ON w.id = e.tag JOIN word u ON u.id = e.unit;
    """,
    "CREATE TABLE aged (what TEXT PRIMARY KEY, t INTEGER NOT NULL);",
)

LARGEST: Final = 2**63 - 1
CACHE_KIB: Final = 32_768
"""Page cache of the writer: keeps the newest page of every tag in memory; chosen default."""


class Config(BaseModel):
    """One embedded historian.

    Parameters
    ----------
    path : Path
        The file; made when it is missing.
    retention_days : float or None
        Rows older than this, by the line's clock, are removed [d]; None keeps everything.
    full_days : float or None
        Rows older than this are thinned out [d]: of each stretch of `thinned_s` the rows with the lowest and
        the highest value of each quality stay, and the first without a value; None keeps every row.
    thinned_s : float
        Length of such a stretch [s].
    """

    model_config = ConfigDict(extra="forbid")

    path: Path
    retention_days: float | None = Field(default=None, gt=0, le=100_000)
    full_days: float | None = Field(default=None, gt=0, le=100_000)
    thinned_s: float = Field(default=60.0, ge=0.001, le=86_400)

    @model_validator(mode="after")
    def _thinned_before_removed(self) -> Self:
        if self.full_days and self.retention_days and self.full_days >= self.retention_days:
            raise ValueError(
                f"full_days {self.full_days:g} is not below retention_days {self.retention_days:g}: "
                "rows would be removed before they are thinned"
            )
        return self

    @property
    def ages(self) -> Ages:
        """When rows are old."""
        thinned, removed = (
            None if days is None else int(days * DAY_NS) for days in (self.full_days, self.retention_days)
        )
        return Ages(thinned, removed, int(self.thinned_s * 1e9))


def open_historian(config: Config, context: HistorianContext = ALONE) -> Historian:
    """Open or make the file.

    Raises
    ------
    StorageError
        Another process writes it, or it is not usable.
    """
    return SqliteHistorian(Store(config), context)


def open_history(config: Config, context: HistorianContext = ALONE) -> History:
    """Open the file for reading only, beside a service that writes it.

    Raises
    ------
    StorageError
        It is not there or not usable.
    """
    return SqliteHistory(Reading(config.path))


class SqliteHistory:
    """The file behind the port, for reading only."""

    def __init__(self, reading: "Reading") -> None:
        self._reading = reading

    async def read(
        self, tags: Sequence[str], start_ns: int, end_ns: int, limit: int | None = None
    ) -> list[Measurement]:
        """Measurements with start <= time < end, by time and then tag; the first `limit`."""
        return await asyncio.to_thread(self._reading.read, tags, start_ns, end_ns, limit)

    async def last(self, tags: Sequence[str]) -> dict[str, Measurement]:
        """Newest measurement of each tag that has one."""
        return await asyncio.to_thread(self._reading.last, tags)

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> Trend:
        """Extremes of the measured series, decimated in SQL."""
        return await asyncio.to_thread(self._reading.trend, name, start_ns, end_ns, points)

    async def trend_estimates(
        self, name: str, start_ns: int, end_ns: int, points: int
    ) -> tuple[Trend, Trend]:
        """Mean and standard deviation of an estimate where the mean has its extremes."""
        return await asyncio.to_thread(self._reading.trend_estimates, name, start_ns, end_ns, points)

    async def close(self) -> None:
        """Release the file."""
        self._reading.close_reader()


class SqliteHistorian:
    """The file behind the port: every call is handed to the writing or the reading thread."""

    def __init__(self, store: "Store", context: HistorianContext) -> None:
        self._store = store
        self._context = context
        self._writing = ThreadPoolExecutor(1, "historian-write")
        self._reading = ThreadPoolExecutor(1, "historian-read")

    async def write(self, rows: Sequence[Measurement]) -> WriteReport:
        """Keep measurements."""
        return await self._do(self._writing, self._store.write, rows, self._context.now_ns())

    async def write_estimates(self, rows: Sequence[Estimate]) -> None:
        """Keep the twin's beliefs."""
        await self._do(self._writing, self._store.write_estimates, rows)

    async def read(
        self, tags: Sequence[str], start_ns: int, end_ns: int, limit: int | None = None
    ) -> list[Measurement]:
        """Measurements with start <= time < end, by time and then tag; the first `limit`."""
        return await self._do(self._reading, self._store.read, tags, start_ns, end_ns, limit)

    async def last(self, tags: Sequence[str]) -> dict[str, Measurement]:
        """Newest measurement of each tag that has one."""
        return await self._do(self._reading, self._store.last, tags)

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> Trend:
        """Extremes of the measured series, decimated in SQL."""
        return await self._do(self._reading, self._store.trend, name, start_ns, end_ns, points)

    async def trend_estimates(
        self, name: str, start_ns: int, end_ns: int, points: int
    ) -> tuple[Trend, Trend]:
        """Mean and standard deviation of an estimate where the mean has its extremes."""
        return await self._do(self._reading, self._store.trend_estimates, name, start_ns, end_ns, points)

    async def pending(self) -> int:
        """Nothing ever waits: a written row is on disk."""
        return 0

    async def close(self) -> None:
        """Finish what is under way and release the file."""
        await self._do(self._reading, self._store.close_reader)
        await self._do(self._writing, self._store.close_writer)
        self._reading.shutdown()
        self._writing.shutdown()

    @staticmethod
    async def _do(thread: ThreadPoolExecutor, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(thread, lambda: call(*args, **kwargs))


class Reading:
    """What is read of the file, for one thread; beside whoever writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = open_reader(path)

    def read(self, tags: Sequence[str], start_ns: int, end_ns: int, limit: int | None) -> list[Measurement]:
        """Rows of several tags by time and then tag."""
        wanted = sorted(set(tags))
        sql = _READ.format(marks=", ".join("?" * len(wanted)))
        rows = self._rows(sql, (*wanted, _clip(start_ns), _clip(end_ns), -1 if limit is None else limit))
        return [_measurement(row) for row in rows]

    def last(self, tags: Sequence[str]) -> dict[str, Measurement]:
        """Newest row of each tag."""
        newest = (self._rows(_LAST, (tag,)) for tag in tags)
        return {row[0]: _measurement(row) for rows in newest for row in rows}

    def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> Trend:
        """Minimum, maximum and first gap of each of so many equal stretches of time."""
        span = (name, _clip(start_ns), _clip(end_ns))
        count, known = self._rows(_COUNT, span)[0]
        if count <= 2 * points:
            return _trend(self._rows(_ALL, span))
        buckets = points if known == count else 2 * points // 3
        return _trend(self._extremes(_BUCKETS, span, buckets))

    def trend_estimates(self, name: str, start_ns: int, end_ns: int, points: int) -> tuple[Trend, Trend]:
        """Mean and standard deviation at the same times."""
        span = (name, _clip(start_ns), _clip(end_ns))
        few = self._rows(_COUNT_ESTIMATED, span)[0][0] <= 2 * points
        rows = self._rows(_ALL_ESTIMATED, span) if few else self._extremes(_BUCKETS_ESTIMATED, span, points)
        good = int(Quality.GOOD)
        return _trend((t, mean, good) for t, mean, _ in rows), _trend((t, sd, good) for t, _, sd in rows)

    def _extremes(self, queries: Iterable[str], span: tuple[str, int, int], buckets: int) -> list[Point]:
        _, start, end = span
        width = max(1, min(LARGEST, -(-(end - start) // max(1, buckets))))
        found = {row for sql in queries for row in self._rows(sql, (*span, start, width))}
        return sorted(found, key=lambda row: row[0])

    def _rows(self, sql: str, parameters: tuple[object, ...]) -> list[tuple]:  # type: ignore[type-arg]
        with named(self._path):
            return self._reader.execute(sql, parameters).fetchall()

    def close_reader(self) -> None:
        """Close the reading connection."""
        self._reader.close()


class Store(Reading):
    """The file itself, synchronous: `write...` for one thread, the rest for one other."""

    def __init__(self, config: Config) -> None:
        self._lock = hold(config.path)
        try:
            self._db = open_writer(config.path, MIGRATIONS)
            self._db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            self._ageing = Ageing(self._db, config.path, config.ages)
            super().__init__(config.path)
        except BaseException:
            self._lock.release()
            raise
        self._ids: dict[str, int] = {}

    # -- the writing thread ------------------------------------------------------------------

    def write(self, rows: Sequence[Measurement], now_ns: int) -> WriteReport:
        """Keep measurements; one transaction."""
        refused = [(row, reason) for row in rows if (reason := refusal(row)) is not None]
        good = rows if not refused else [row for row in rows if refusal(row) is None]
        ids = self._numbers({row.tag for row in good} | {row.source for row in good})
        records = [
            (ids[r.tag], r.time_ns, r.value, int(r.quality), r.received_ns - r.time_ns, r.late, ids[r.source])
            for r in good
        ]
        with transaction(self._db, self._path):
            stored = self._insert_all(records)
            repeated: list[Measurement] = []
            if stored != len(records):
                stored, repeated, conflicts = self._insert_each(good, records)
                refused += [(row, "conflict") for row in conflicts]
        self._ageing.look(now_ns)
        return WriteReport(stored, tuple(repeated), tuple(refused))

    def _insert_all(self, records: list[Record]) -> int:
        """Insert when all are new; otherwise leave nothing of them and answer less than their number."""
        self._db.execute("SAVEPOINT batch")
        stored = self._db.executemany(f"{_INSERT} ON CONFLICT DO NOTHING", records).rowcount if records else 0
        if stored != len(records):
            self._db.execute("ROLLBACK TO batch")
        self._db.execute("RELEASE batch")
        return stored

    def _insert_each(
        self, rows: Sequence[Measurement], records: list[Record]
    ) -> tuple[int, list[Measurement], list[Measurement]]:
        stored = 0
        repeated: list[Measurement] = []
        conflicts: list[Measurement] = []
        for row, record in zip(rows, records, strict=True):
            if self._db.execute(f"{_INSERT} ON CONFLICT DO NOTHING", record).rowcount:
                stored += 1
            elif self._db.execute(_VALUE, record[:2]).fetchone()[0] == row.value:
                repeated.append(row)
            else:
                conflicts.append(row)
        return stored, repeated, conflicts

    def write_estimates(self, rows: Sequence[Estimate]) -> None:
        """Keep beliefs; the newest about a time stays."""
        ids = self._numbers({row.name for row in rows} | {row.unit for row in rows})
        records = [(ids[row.name], row.time_ns, row.mean, row.sd, ids[row.unit]) for row in rows]
        with transaction(self._db, self._path):
            self._db.executemany("INSERT OR REPLACE INTO estimated VALUES (?, ?, ?, ?, ?)", records)

    def _numbers(self, words: set[str]) -> dict[str, int]:
        """Small numbers that stand for tag ids, units and sources in the rows."""
        missing = sorted(words - self._ids.keys())
        if missing:
            with transaction(self._db, self._path):
                self._db.executemany(
                    "INSERT INTO word (text) VALUES (?) ON CONFLICT DO NOTHING", [(word,) for word in missing]
                )
            self._ids = {text: number for number, text in self._db.execute("SELECT id, text FROM word")}
        return self._ids

    def close_writer(self) -> None:
        """Close, fold the log into the file, let others write."""
        self._db.close()
        self._lock.release()


_INSERT: Final = "INSERT INTO measured VALUES (?, ?, ?, ?, ?, ?, ?)"
_VALUE: Final = "SELECT value FROM measured WHERE tag = ? AND t = ?"
_COLUMNS: Final = (
    "SELECT w.text, t, value, quality, lag, late, s.text "
    "FROM word w JOIN measured m ON m.tag = w.id JOIN word s ON s.id = m.source "
)
_READ: Final = _COLUMNS + "WHERE w.text IN ({marks}) AND t >= ? AND t < ? ORDER BY t, w.text LIMIT ?"
_LAST: Final = _COLUMNS + "WHERE w.text = ? ORDER BY t DESC LIMIT 1"
_MEASURED: Final = "FROM measured WHERE tag = (SELECT id FROM word WHERE text = ?) AND t >= ? AND t < ? "
_ESTIMATED: Final = _MEASURED.replace("measured", "estimated")
_COUNT: Final = "SELECT count(*), count(value) " + _MEASURED
_COUNT_ESTIMATED: Final = "SELECT count(*) " + _ESTIMATED
_ALL: Final = "SELECT t, value, quality " + _MEASURED + "ORDER BY t"
_ALL_ESTIMATED: Final = "SELECT t, mean, sd " + _ESTIMATED + "ORDER BY t"
_PER_BUCKET: Final = "GROUP BY (t - ?) / ?"
# In SQLite the other columns of a row with one min() or max() are those of the row that holds it.
_BUCKETS: Final = (
    "SELECT t, min(value), quality " + _MEASURED + "AND value IS NOT NULL " + _PER_BUCKET,
    "SELECT t, max(value), quality " + _MEASURED + "AND value IS NOT NULL " + _PER_BUCKET,
    "SELECT min(t), NULL, quality " + _MEASURED + "AND value IS NULL " + _PER_BUCKET,
)
_BUCKETS_ESTIMATED: Final = (
    "SELECT t, min(mean), sd " + _ESTIMATED + _PER_BUCKET,
    "SELECT t, max(mean), sd " + _ESTIMATED + _PER_BUCKET,
)


def refusal(row: Measurement) -> str | None:
    """Why a row can not be kept, or None."""
    if row.value is not None and not isfinite(row.value):
        return "not finite"
    if not (-LARGEST <= row.time_ns < LARGEST and -LARGEST <= row.received_ns - row.time_ns <= LARGEST):
        return "time"
    return None


def _clip(time_ns: int) -> int:
    return max(-LARGEST, min(LARGEST, time_ns))


def _measurement(row: tuple[str, int, float | None, int, int, int, str]) -> Measurement:
    tag, t, value, quality, lag, late, source = row
    return Measurement(tag, value, Quality(quality), t, t + lag, bool(late), source)


def _trend(rows: Iterable[Point]) -> Trend:
    points = tuple(rows)
    return Trend(
        tuple(t for t, _, _ in points), tuple(v for _, v, _ in points), tuple(int(q) for _, _, q in points)
    )
