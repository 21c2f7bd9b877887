"""Rows that come a second time long after the first: a server would take them again and forget the first.

A broker that was killed may send thousands of messages again which were acknowledged to it; a source may
read a history twice. What is not newer than the newest row of its tag on the server is looked up there
before it is sent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.historians._spool import Row
from twin.domain.instant import iso
from twin.domain.measurement import Measurement

GAP_NS: Final = 600_000_000_000
"""Rows further apart than this are looked up by a question each [ns] (chosen default)."""

Key = tuple[str, int]


@dataclass(slots=True)
class Repeats:
    """Newest time on the server of each tag [ns]."""

    newest: dict[str, int] = field(default_factory=dict)

    def learn(self, rows: Iterable[Row]) -> None:
        """Take note of rows that are on the server."""
        for row in rows:
            if isinstance(row, Measurement):
                self.newest[row.tag] = max(row.time_ns, self.newest.get(row.tag, row.time_ns))

    def suspects(self, rows: Iterable[Row]) -> list[Measurement]:
        """Those that may be there already, by time."""
        found = [
            row
            for row in rows
            if isinstance(row, Measurement) and row.tag in self.newest and row.time_ns <= self.newest[row.tag]
        ]
        return sorted(found, key=lambda row: row.time_ns)


def stretches(rows: Sequence[Measurement]) -> Iterator[tuple[list[str], int, int]]:
    """Tags, begin and end (exclusive) [ns] that hold all of the rows, which are in order of time."""
    begin = 0
    for i in range(1, len(rows) + 1):
        if i == len(rows) or rows[i].time_ns - rows[i - 1].time_ns > GAP_NS:
            part = rows[begin:i]
            yield sorted({row.tag for row in part}), part[0].time_ns, part[-1].time_ns + 1
            begin = i


def sifted(rows: Iterable[Row], there: Mapping[Key, float | None]) -> tuple[list[Row], list[tuple[Row, str]]]:
    """Rows that are not on the server, and those that contradict what is there."""
    fresh: list[Row] = []
    against: list[tuple[Row, str]] = []
    for row in rows:
        if not isinstance(row, Measurement) or (row.tag, row.time_ns) not in there:
            fresh.append(row)
        elif there[row.tag, row.time_ns] != row.value:
            held = there[row.tag, row.time_ns]
            text = f"conflict: {row.tag} at {iso(row.time_ns)} came as {row.value}, the server holds {held}"
            against.append((row, text))
    return fresh, against
