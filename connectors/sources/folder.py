"""A drop folder: every CSV, CSV.gz or Parquet file put there is read once, and moved when it is stored.

A file is taken when it has not changed for two looks. After its last value is durable it goes to ``done``,
with the values that were refused and why beside it; one that can not be read as a whole goes to ``refused``
with the reason. A service that dies in the middle reads the file again: what is stored already is known by
tag and time.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

from connectors.sources.files import FileLayout, layout_of, read_file
from twin.domain.errors import ConfigError
from twin.domain.instant import iso
from twin.domain.measurement import Quarantined, Reading
from twin.ports import Delivery, LinkChange, Source, SourceContext

ENDINGS: Final = (".csv", ".csv.gz", ".parquet")
REASON: Final = ".reason.txt"
"""Ending of what says why a file was refused, beside it."""
REFUSED: Final = ".refused.txt"
"""Ending of what says which values of a file were refused and why, beside it."""
MOST_SHOWN: Final = 200
"""Refused values of a file that are written down beside it (chosen default)."""

UNFINISHED: Final = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".swp", "~")
"""Endings of files that are still being written; of these nothing is said."""

log = structlog.get_logger("links")

Stamp = tuple[int, int]


class Drop(BaseModel):
    """What every drop folder is told.

    Parameters
    ----------
    id : str
        Identity of the source.
    folder : Path
        Made when it is missing.
    every_s : float
        Time between two looks [s].
    batch : int
        Values handed over at once.
    """

    model_config = ConfigDict(extra="forbid")

    id: str
    folder: Path
    every_s: float = Field(default=5.0, gt=0)
    batch: int = Field(default=2000, ge=1)


class Config(Drop):
    """A drop folder.

    Parameters
    ----------
    id : str
        Identity of the source.
    folder : Path
        Made when it is missing; hidden files are left alone, and other endings, of which the log tells.
    layout : FileLayout or None
        How the columns are read; None for our own formats.
    every_s : float
        Time between two looks [s].
    batch : int
        Values handed over at once.
    """

    kind: Literal["folder"] = "folder"
    layout: FileLayout | None = None


class FolderSource:
    """Readings from the files of a folder.

    Parameters
    ----------
    config : Drop
    context : SourceContext
    read : callable
        Rows of a file; raises ConfigError when it can not be read as a whole.
    endings : tuple of str
        Of the files that are read, in lower case; a file's own may be in either.
    """

    def __init__(
        self,
        config: Drop,
        context: SourceContext,
        read: Callable[[Path], Iterator[Reading | Quarantined]],
        endings: tuple[str, ...] = ENDINGS,
    ) -> None:
        self.id = config.id
        self._config, self._context = config, context
        self._read, self._endings = read, endings
        self._seen: dict[Path, Stamp] = {}
        self._left: set[Path] = set()
        """files of other endings that were told"""
        self._up: bool | None = None

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Everything that is put there; see `twin.ports.Source`."""
        while True:
            try:
                ready, others = self._sorted_out(await asyncio.to_thread(self._settled))
            except OSError as error:
                if self._up is not False:
                    yield self._link(
                        False, f"{error.filename or self._config.folder}: {error.strerror or error}"
                    )
            else:
                if self._up is not True:
                    yield self._link(True, f"looks into {self._config.folder}", await self._aside())
                if others:
                    yield self._leave(others)
                for path in ready:
                    async for delivery in self._file(path):
                        yield delivery
            await asyncio.sleep(self._config.every_s)

    def _settled(self) -> list[Path]:
        """Files that are as they were at the last look, oldest name first."""
        folder = self._config.folder
        folder.mkdir(parents=True, exist_ok=True)
        now = {
            path: _stamp(path)
            for path in sorted(folder.iterdir())
            if not path.name.startswith(".") and path.is_file()
        }
        settled = [path for path, stamp in now.items() if self._seen.get(path) == stamp]
        self._seen = now
        self._left &= now.keys()
        return settled

    def _sorted_out(self, settled: Sequence[Path]) -> tuple[list[Path], list[Path]]:
        """Files to be read, and those of other endings that were not told yet."""
        ready = [path for path in settled if path.name.lower().endswith(self._endings)]
        others = [path for path in settled if path not in ready and path not in self._left]
        return ready, [path for path in others if not path.name.lower().endswith(UNFINISHED)]

    def _leave(self, others: Sequence[Path]) -> Delivery:
        """Tell once of files that are not read."""
        self._left.update(others)
        names = ", ".join(path.name for path in others)
        text = f"left where it is, for its ending: {names}; {', '.join(self._endings)} would do"
        log.warning("files not read", source=self.id, text=text)
        return self._link(None, text)

    async def _file(self, path: Path) -> AsyncGenerator[Delivery, None]:
        seen = _Seen(self._context.refusal)
        try:
            rows = await asyncio.to_thread(self._read, path)
            while batch := await asyncio.to_thread(_some, rows, self._config.batch):
                yield self._delivery(batch, seen)
        except (ConfigError, OSError) as error:
            await asyncio.to_thread(self._put_away, path, "refused", REASON, str(error))
            log.warning("file refused", source=self.id, file=path.name, reason=str(error))
            text = f"{path.name} can not be read and lies in 'refused': {error}"
            yield self._link(None, text, await self._aside(most=1))
            return
        await seen.stored()
        target = await asyncio.to_thread(self._put_away, path, "done", REFUSED, seen.told())
        text = f"{path.name}: {seen.values} values read; it lies in 'done'"
        if seen.refused:
            why = target.name + REFUSED
            text = (
                f"{path.name}: {seen.values} values read, {seen.refused} of them refused, why stands in "
                f"'{why}'; it lies in 'done'"
            )
            log.warning("values of a file refused", source=self.id, text=text)
        yield self._link(None, text, await self._aside())

    def _delivery(self, batch: list[Reading | Quarantined], seen: "_Seen") -> Delivery:
        now_ns = self._context.clock.now_ns()
        readings = tuple(row._replace(received_ns=now_ns) for row in batch if isinstance(row, Reading))
        refused = tuple(
            replace(row, reading=row.reading._replace(received_ns=now_ns))
            for row in batch
            if isinstance(row, Quarantined)
        )
        return Delivery(readings=readings, refused=refused, ack=seen.expect(readings, refused))

    async def _aside(self, most: int = 0) -> str:
        """How many files lie in 'refused' and which came last; empty when not more than `most` do."""
        names = await asyncio.to_thread(self._refused_files)
        return f"; files in 'refused': {len(names)}, last: {names[-1]}" if len(names) > most else ""

    def _refused_files(self) -> list[str]:
        """Names of refused files that still lie where they were put, oldest first."""
        reasons = sorted(self._config.folder.glob(f"refused/*{REASON}"), key=_written_ns)
        files = [path.with_name(path.name.removesuffix(REASON)) for path in reasons]
        return [path.name for path in files if path.exists()]

    def _put_away(self, path: Path, where: str, ending: str, text: str) -> Path:
        """Move a file, and write a text, if any, in a file of that ending beside it; gives the new place."""
        folder = path.parent / where
        folder.mkdir(exist_ok=True)
        target = folder / path.name
        number = 1
        while target.exists():
            target = folder / f"{number}-{path.name}"
            number += 1
        os.replace(path, target)
        self._seen.pop(path, None)
        if text:
            self._note(target.with_name(target.name + ending), text)
        return target

    def _note(self, path: Path, text: str) -> None:
        """Write why something was refused; where that can not be written it stands in the log."""
        try:
            path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            log.warning("can not be written", source=self.id, file=str(path), error=str(error), text=text)

    def _link(self, up: bool | None, text: str, aside: str = "") -> Delivery:
        self._up = self._up if up is None else up
        return Delivery(links=(LinkChange(self.id, up, text + aside, self._context.clock.now_ns()),))


class _Seen:
    """What came of a file: which deliveries are durable, and which values are refused.

    Parameters
    ----------
    refusal : callable
        Why the line will not take a reading; see `twin.ports.SourceContext`.
    """

    def __init__(self, refusal: Callable[[Reading], Quarantined | None]) -> None:
        self.values = self.refused = 0
        self._refusal = refusal
        self._shown: list[Quarantined] = []
        self._open = 0
        self._changed = asyncio.Event()

    def expect(self, readings: Sequence[Reading], refused: Sequence[Quarantined]) -> Callable[[], None]:
        """Count one delivery; gives its acknowledgement."""
        self._open += 1
        self.values += len(readings) + len(refused)
        late = [why for reading in readings if (why := self._refusal(reading)) is not None]
        self.refused += len(refused) + len(late)
        self._shown += [*refused, *late][: MOST_SHOWN - len(self._shown)]
        return self._one

    def _one(self) -> None:
        self._open -= 1
        self._changed.set()

    async def stored(self) -> None:
        """Wait until all deliveries are durable."""
        while self._open:
            self._changed.clear()
            await self._changed.wait()

    def told(self) -> str:
        """The refused values, one a line, as many as are shown."""
        lines = [_refused_line(one) for one in self._shown]
        more = self.refused - len(lines)
        return "\n".join([*lines, f"and {more} more"] if more else lines)


def _refused_line(one: Quarantined) -> str:
    reading = one.reading
    time = "no time" if reading.time_ns is None else iso(reading.time_ns)
    return f"{reading.address or '?'}, {time}, {reading.value!r}: {one.reason}: {one.detail}"


def _some(rows: Iterator[Reading | Quarantined], most: int) -> list[Reading | Quarantined]:
    return list(islice(rows, most))


def _written_ns(path: Path) -> int:
    """When a file was written [ns since 1970-01-01 UTC]; 0 when it has just been taken away."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def open_source(config: Config, context: SourceContext) -> Source:
    """Make the source; the folder is looked into when its deliveries are asked for."""
    place = layout_of(config.id)
    return FolderSource(config, context, lambda path: read_file(path, config.layout, config.id, place=place))
