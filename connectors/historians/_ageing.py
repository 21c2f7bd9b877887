"""What becomes of old rows of the embedded historian: thinned out first, removed later."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.sqlite_file import transaction

DAY_NS: Final = 86_400_000_000_000
EVERY_NS: Final = DAY_NS // 24
"""Time of the line's clock between two looks at what has grown old."""
_TABLES: Final = {"measured": ("value", "quality"), "estimated": ("mean", "unit")}
"""Series of each table: the column whose extremes stay, and one that tells rows apart that are not mixed."""


@dataclass(frozen=True, slots=True)
class Ages:
    """When rows are old, on the line's clock [ns]; None: never.

    Parameters
    ----------
    thinned_ns, removed_ns : int or None
        Age from which rows are thinned out, and removed.
    stretch_ns : int
        Of older rows, each stretch of this length keeps its extremes.
    """

    thinned_ns: int | None
    removed_ns: int | None
    stretch_ns: int


class Ageing:
    """Thins out and removes rows; for the thread that writes.

    A stretch keeps the rows with the lowest and the highest value of each quality, and the first without a
    value: rows as they were measured, none made up. At most an hour of data is thinned at a time, so that
    what is to be written does not wait long.

    Parameters
    ----------
    db : sqlite3.Connection
        With a table ``aged (what TEXT PRIMARY KEY, t INTEGER)``.
    path : Path
        For words about it.
    ages : Ages
    """

    def __init__(self, db: sqlite3.Connection, path: Path, ages: Ages) -> None:
        self._db, self._path, self._ages = db, path, ages
        self._due_ns = 0

    def look(self, now_ns: int) -> None:
        """Do what is due, if anything is; raises StorageError as every write."""
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + EVERY_NS
        with transaction(self._db, self._path):
            if self._ages.removed_ns is not None:
                self._remove(now_ns - self._ages.removed_ns)
            if self._ages.thinned_ns is not None and not self._thin(now_ns - self._ages.thinned_ns):
                self._due_ns = 0

    def _remove(self, oldest_ns: int) -> None:
        for table in _TABLES:
            self._db.execute(
                f"DELETE FROM {table} WHERE t < ? AND tag IN (SELECT id FROM word)",  # noqa: S608
                (oldest_ns,),
            )

    def _thin(self, until_ns: int) -> bool:
        """Thin the next hour of what is older than `until_ns`; True when nothing is left to do."""
        width = self._ages.stretch_ns
        end = until_ns // width * width
        for table in _TABLES:
            start = self._begin(table)
            if start is None or start >= end:
                continue
            stop = min(end, start + max(width, EVERY_NS // width * width))
            for (tag,) in self._db.execute("SELECT id FROM word").fetchall():
                about = {"tag": tag, "start": start, "stop": stop, "width": width}
                self._db.execute(_THIN[table], about)
            self._db.execute("INSERT OR REPLACE INTO aged VALUES (?, ?)", (table, stop))
        return all((at := self._begin(table)) is None or at >= end for table in _TABLES)

    def _begin(self, table: str) -> int | None:
        """Time from which on nothing is thinned yet; None where there is nothing."""
        done = self._db.execute("SELECT t FROM aged WHERE what = ?", (table,)).fetchone()
        oldest = self._db.execute(_OLDEST[table], (done[0] if done else -(2**63),)).fetchone()[0]
        return None if oldest is None else int(oldest) // self._ages.stretch_ns * self._ages.stretch_ns


_OLDEST: Final = {
    table: f"SELECT min(first) FROM (SELECT (SELECT t FROM {table} WHERE tag = word.id AND t >= ? "  # noqa: S608
    "ORDER BY t LIMIT 1) AS first FROM word)"
    for table in _TABLES
}
# In SQLite the other columns of a row with one min() or max() are those of the row that holds it.
_STRETCH: Final = "FROM {table} WHERE tag = :tag AND t >= :start AND t < :stop"
_BY: Final = "GROUP BY t / :width, {apart}"
_THIN: Final = {
    table: f"""
    DELETE {stretch} AND t NOT IN (
        SELECT t FROM (SELECT t, min({value}) {stretch} AND {value} IS NOT NULL {by})
        UNION SELECT t FROM (SELECT t, max({value}) {stretch} AND {value} IS NOT NULL {by})
        UNION SELECT min(t) {stretch} AND {value} IS NULL {by})"""  # noqa: S608
    for table, (value, apart) in _TABLES.items()
    for stretch, by in [(_STRETCH.format(table=table), _BY.format(apart=apart))]
}
