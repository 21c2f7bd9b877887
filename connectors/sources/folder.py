"""A drop folder: every CSV, CSV.gz or Parquet file put there is read once, and moved when it is stored.

A file is taken when it has not changed for two looks. After its last value is durable it goes to ``done``;
one that can not be read as a whole goes to ``refused`` with the reason beside it. A service that dies in the
middle reads the file again: what is stored already is known by tag and time.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.sources.files import FileLayout, read_file
from twin.domain.errors import ConfigError
from twin.domain.measurement import Quarantined, Reading
from twin.ports import Delivery, LinkChange, Source, SourceContext

ENDINGS: Final = (".csv", ".csv.gz", ".parquet")

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
        Made when it is missing; hidden files and other endings are left alone.
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
        Of the files that are read.
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
        self._up: bool | None = None

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Everything that is put there; see `twin.ports.Source`."""
        while True:
            try:
                ready = await asyncio.to_thread(self._ready)
            except OSError as error:
                if self._up is not False:
                    yield self._link(
                        False, f"{error.filename or self._config.folder}: {error.strerror or error}"
                    )
            else:
                if self._up is not True:
                    yield self._link(True, f"looks into {self._config.folder}")
                for path in ready:
                    async for delivery in self._file(path):
                        yield delivery
            await asyncio.sleep(self._config.every_s)

    def _ready(self) -> list[Path]:
        """Files that are as they were at the last look, oldest name first."""
        folder = self._config.folder
        folder.mkdir(parents=True, exist_ok=True)
        now = {
            path: _stamp(path)
            for path in sorted(folder.iterdir())
            if path.name.endswith(self._endings) and not path.name.startswith(".") and path.is_file()
        }
        settled = [path for path, stamp in now.items() if self._seen.get(path) == stamp]
        self._seen = now
        return settled

    async def _file(self, path: Path) -> AsyncGenerator[Delivery, None]:
        try:
            rows = await asyncio.to_thread(self._read, path)
            stored = _Stored()
            while batch := await asyncio.to_thread(_some, rows, self._config.batch):
                yield self._delivery(batch, stored)
        except (ConfigError, OSError) as error:
            await asyncio.to_thread(self._put_away, path, "refused", str(error))
            yield self._link(None, f"{path.name} can not be read and lies in 'refused': {error}")
            return
        await stored.all()
        await asyncio.to_thread(self._put_away, path, "done")
        yield self._link(None, f"{path.name}: {stored.values} values read; it lies in 'done'")

    def _delivery(self, batch: list[Reading | Quarantined], stored: "_Stored") -> Delivery:
        now_ns = self._context.clock.now_ns()
        return Delivery(
            readings=tuple(replace(row, received_ns=now_ns) for row in batch if isinstance(row, Reading)),
            refused=tuple(
                replace(row, reading=replace(row.reading, received_ns=now_ns))
                for row in batch
                if isinstance(row, Quarantined)
            ),
            ack=stored.expect(len(batch)),
        )

    def _put_away(self, path: Path, where: str, reason: str = "") -> None:
        folder = path.parent / where
        folder.mkdir(exist_ok=True)
        target = folder / path.name
        number = 1
        while target.exists():
            target = folder / f"{number}-{path.name}"
            number += 1
        os.replace(path, target)
        if reason:
            target.with_name(target.name + ".reason.txt").write_text(reason + "\n", encoding="utf-8")
        self._seen.pop(path, None)

    def _link(self, up: bool | None, text: str) -> Delivery:
        self._up = self._up if up is None else up
        return Delivery(links=(LinkChange(self.id, up, text, self._context.clock.now_ns()),))


class _Stored:
    """Which deliveries of a file are durable."""

    def __init__(self) -> None:
        self.values = 0
        self._open = 0
        self._changed = asyncio.Event()

    def expect(self, count: int) -> Callable[[], None]:
        """Count one delivery of so many values; gives its acknowledgement."""
        self._open += 1
        self.values += count
        return self._one

    def _one(self) -> None:
        self._open -= 1
        self._changed.set()

    async def all(self) -> None:
        """Wait until all of them are."""
        while self._open:
            self._changed.clear()
            await self._changed.wait()


def _some(rows: Iterator[Reading | Quarantined], most: int) -> list[Reading | Quarantined]:
    return list(islice(rows, most))


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def open_source(config: Config, context: SourceContext) -> Source:
    """Make the source; the folder is looked into when its deliveries are asked for."""
    return FolderSource(config, context, lambda path: read_file(path, config.layout, config.id))
