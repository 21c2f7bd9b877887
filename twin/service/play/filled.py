"""Runs that were filled in afterwards: looked at in the time of their measurement."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from twin.domain.asset import Line
from twin.domain.measurement import Quarantined, Reading
from twin.domain.tag import TagKind
from twin.service.replay import arrival

Row: TypeAlias = Reading | Quarantined
HOUR: Final = 3_600_000_000_000
LATE_NS: Final = HOUR
"""A value on line that came later than this after its measurement was filled in [ns] (chosen default)."""
SHARE: Final = 0.5
"""A run that came within less than this part of the time it lasted was filled in (chosen default)."""


def in_own_time(rows: Sequence[Row], line: Line) -> tuple[Sequence[Row], bool]:
    """The rows of a run in the order in which it is looked at, and whether it was filled in afterwards.

    A run of days that came within minutes (line protocol with old times, a gateway that had stored it) has no
    order of arrival worth looking at: what was filled in counts as known when it was measured. Of laboratory
    results only those that came after the whole run do; the others came when they were reported. A run that
    came while it lasted, holes filled later and all, stays as it came; how long it lasted its values on line
    say, for a sample may have been drawn long before.

    Parameters
    ----------
    rows : sequence of Reading or Quarantined
        By arrival; at least one.
    line : Line
    """
    assays = {tag.id for tag in line.tags() if tag.kind is TagKind.ASSAY}
    timed = [
        (row.address, row.time_ns) for row in rows if isinstance(row, Reading) and row.time_ns is not None
    ]
    times = [t for _, t in timed]
    online = [t for address, t in timed if address not in assays] or times
    lasted_ns = max(online, default=0) - min(online, default=0)
    came_ns = arrival(rows[-1]) - arrival(rows[0])
    if lasted_ns <= LATE_NS or came_ns >= SHARE * lasted_ns:
        return rows, False
    first, last = min(times), max(times)
    return sorted((_placed(row, first, last, assays) for row in rows), key=arrival), True


def _placed(row: Row, first: int, last: int, assays: set[str]) -> Row:
    if isinstance(row, Quarantined):
        return replace(row, reading=_known(row.reading, first, last, assays))
    return _known(row, first, last, assays)


def _known(reading: Reading, first: int, last: int, assays: set[str]) -> Reading:
    """A reading as known when it was measured, if it was filled in; without a time at the end."""
    time_ns = last if reading.time_ns is None else min(max(reading.time_ns, first), last)
    patience_ns = last - time_ns if reading.address in assays else LATE_NS
    late = reading.received_ns - time_ns > patience_ns
    return reading._replace(received_ns=time_ns) if late else reading
