"""Replay: stored data through the same engine as live, as fast as it goes or at N times real time."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from connectors.historians.memory import MemoryHistorian
from connectors.sources.files import FileLayout, read_file
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.domain.event import Event
from twin.domain.forecast import Forecast
from twin.domain.instant import iso
from twin.domain.measurement import Measurement, Quarantined, Reading
from twin.engine.core import FORECAST_S, Engine, Outputs
from twin.engine.tagbook import TagBook, TimeWindow
from twin.engine.vessel import WatchFactory, no_watch
from twin.service.jsonl import event_line, forecast_line
from twin.service.line import LineFile
from twin.service.model import model_of

WINDOW = TimeWindow(946_684_800_000_000_000, 4_102_444_800_000_000_000)
"""Source times a stored run may have: 2000-01-01 to 2100-01-01 UTC."""
AT_ONCE = 2_000


@dataclass(slots=True)
class Tally:
    """What became of every value of a replay."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    """the first refused value of each reason, in words"""
    late: int = 0
    events: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    """what a person should know about the replay as a whole"""

    @property
    def holds(self) -> bool:
        """True when received = stored + duplicate + quarantined."""
        return self.received == self.stored + self.duplicate + self.quarantined.total()

    def measure(self, row: Reading | Quarantined, book: TagBook) -> Measurement | None:
        """The measurement that a row is, counted as received; None when it is refused."""
        self.received += 1
        found = row if isinstance(row, Quarantined) else book.measure(row, WINDOW)
        if isinstance(found, Quarantined):
            self.quarantined[found.reason] += 1
            self.examples.setdefault(found.reason, found.detail)
            return None
        return found

    def reasons(self) -> list[str]:
        """Why values were refused: each reason, how many, and the first of them."""
        return [
            f"quarantined: {reason}: {count}, such as {self.examples.get(reason, '-')}"
            for reason, count in sorted(self.quarantined.items())
        ]


def all_refused(rows: Iterable[Reading | Quarantined], line: Line) -> Tally | None:
    """What became of the rows when none of them can be stored; None as soon as one can, or without rows."""
    book, tally = TagBook(line.tags()), Tally()
    if any(tally.measure(row, book) is not None for row in rows):
        return None
    return tally if tally.received else None


def read_files(
    paths: Sequence[Path], layout: FileLayout | None, vessels: Set[str] | None = None
) -> Iterator[Reading | Quarantined]:
    """Rows of several files as one stream in time order; of all vessels, or of those named.

    Raises
    ------
    ConfigError
        When a file can not be read or its columns are not those of the layout.
    """
    return merge(*(read_file(path, layout, path.name, vessels) for path in paths), key=arrival)


def arrival(row: Reading | Quarantined) -> int:
    """When a row came to the service [ns since 1970-01-01 UTC]."""
    reading = row.reading if isinstance(row, Quarantined) else row
    return reading.received_ns


class Replay:
    """One run of stored rows through an engine of its own.

    Parameters
    ----------
    line_file, line
        What the rows are of.
    out : BinaryIO or None
        Where EVENTS.jsonl goes; None: nowhere.
    watch_of : WatchFactory
        What follows a vessel beside its model.
    forecasts : BinaryIO or None
        Where forecasts go; None: none are made. The events are the same.
    """

    def __init__(
        self,
        line_file: LineFile,
        line: Line,
        out: BinaryIO | None = None,
        watch_of: WatchFactory = no_watch,
        forecasts: BinaryIO | None = None,
    ) -> None:
        every_s = FORECAST_S if forecasts else 0.0
        self.engine = Engine(line, model_of, line_file.grace_s, watch_of=watch_of, forecast_s=every_s)
        self.forecasts = forecasts
        self.book = TagBook(line.tags())
        self.store = MemoryHistorian()
        self.out = out
        self.tally = Tally()
        self.events: list[Event] = []
        self.foreseen: list[Forecast] = []

    async def run(
        self, rows: Iterable[Reading | Quarantined], speed: float | None, progress: Callable[[int], None]
    ) -> Tally:
        """Feed every row; `speed` None is as fast as it goes; returns the tally."""
        pace = Pace(speed)
        for batch in _batches(rows):
            await pace.until(arrival(batch[0]))
            await self._take(batch)
            progress(len(batch))
        self._keep(self.engine.finish())
        self._write()
        self.tally.notes += self._unjudged()
        return self.tally

    def _unjudged(self) -> Iterator[str]:
        """Vessels of which nothing was judged because their batch had not begun."""
        for name, engine in self.engine.vessels.items():
            batch = engine.vessel.batch
            if batch is not None and engine.awaits_batch():
                yield (
                    f"{name}: all values are from before batch {batch.id} begins ({iso(batch.start_ns)}), so "
                    "its model followed nothing; a batch.start of the run itself, in a copy of the line, "
                    "would do"
                )

    async def until(
        self, rows: Iterable[Reading | Quarantined], at_ns: int | None, progress: Callable[[int], None]
    ) -> None:
        """Feed rows up to a moment [ns], and let the engine know as much as a live one did then.

        With None for the moment the rows are fed to their end.
        """
        for batch in _batches(rows):
            await self._take(batch)
            progress(len(batch))
        self._keep(self.engine.finish() if at_ns is None else self.engine.tick(at_ns))

    async def _take(self, batch: Sequence[Reading | Quarantined]) -> None:
        measured = [m for m in map(self._measure, batch) if m is not None]
        report = await self.store.write(measured)
        self.tally.stored += report.stored
        self.tally.duplicate += report.duplicate
        for m, reason in report.refused:
            self.tally.quarantined[reason] += 1
            self.tally.examples.setdefault(
                reason, f"{m.tag}: {m.value} came, another value is stored for its time"
            )
        kept = report.news(measured)
        self._accept(kept)
        self._keep(self.engine.handle(kept))

    def _accept(self, rows: Sequence[Measurement]) -> None:
        """Take note of rows that were stored."""

    def _measure(self, row: Reading | Quarantined) -> Measurement | None:
        return self.tally.measure(row, self.book)

    def _keep(self, out: Outputs) -> None:
        self.tally.late += len(out.late)
        self.events += out.events
        if self.forecasts is not None:
            self.foreseen += [question.forecast() for question in out.questions]
        for alarm in out.alarms:
            self.tally.alarms[alarm.state.value] += 1

    def _write(self) -> None:
        """Everything found, by time, asset and condition: what is told first depends on the batches."""
        for event in sorted(self.events, key=lambda e: (e.t, e.asset, e.condition)):
            self.tally.events[f"{event.kind.value}.{event.stage.value}"] += 1
            if self.out is not None:
                self.out.write(event_line(event))
        if self.forecasts is not None:
            self.forecasts.writelines(
                map(forecast_line, sorted(self.foreseen, key=lambda f: (f.made_ns, f.asset)))
            )


class Pace:
    """Holds a replay back to `speed` times real time."""

    def __init__(self, speed: float | None) -> None:
        self.speed, self.origin_ns, self.started = speed, 0, time.monotonic()

    async def until(self, time_ns: int) -> None:
        """Wait until `time_ns` of the run is due."""
        if self.speed is None:
            return
        self.origin_ns = self.origin_ns or time_ns
        due = self.started + (time_ns - self.origin_ns) / 1e9 / self.speed
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def _batches(rows: Iterable[Reading | Quarantined]) -> Iterator[list[Reading | Quarantined]]:
    found = iter(rows)
    while batch := list(islice(found, AT_ONCE)):
        yield batch


def layout_of(line_file: LineFile) -> FileLayout | None:
    """How the line's engineers say foreign files are to be read."""
    return FileLayout.model_validate(line_file.files) if line_file.files is not None else None


def check_files(paths: Sequence[Path]) -> None:
    """Refuse paths that are no files, before anything is opened.

    Raises
    ------
    ConfigError
    """
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise ConfigError(f"no such file: {', '.join(missing)}; a Parquet, CSV or CSV.gz file would do")
