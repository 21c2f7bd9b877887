"""Reports of a running line: on request, and by themselves when a batch has ended."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog

from connectors.codecs.iso_time import LATEST_NS as LAST_NS
from twin.alarms.words import LANGUAGES
from twin.domain.asset import Line, Vessel
from twin.domain.batch import Stored
from twin.domain.errors import ConfigError, NotFoundError, StorageError, TwinError
from twin.domain.report import ReportFile
from twin.ports import Clock
from twin.service.batches import line_of
from twin.service.export import export, open_history
from twin.service.line import LineFile
from twin.service.report import gather
from twin.service.report.document import Document, document
from twin.service.report.write import FORMS, write
from twin.service.settings import Settings

HOUR: Final = 3_600_000_000_000
SETTLED_NS: Final = HOUR // 6
"""A batch is reported this long after its end, its last values being in (chosen default: 10 min)."""
LATEST_NS: Final = 24 * HOUR
"""... and not later than this: a batch that ended long ago asks for none (chosen default)."""
LOOK_S: Final = 30.0
"""Between two looks [s of the wall] (chosen default)."""

log = structlog.get_logger("report")


class Reporter:
    """Makes reports from the stores beside the running service, in a thread of their own.

    Parameters
    ----------
    line_file, line
    settings : Settings
    line_sha256 : str
        Hash of the line file.
    end_ns : int or None
        Where a batch that is over ends [ns]; None: at what is stored last.
    """

    def __init__(
        self,
        line_file: LineFile,
        line: Line,
        settings: Settings,
        line_sha256: str,
        end_ns: int | None = None,
    ) -> None:
        self._end_ns = end_ns
        self._line_file, self._line, self._settings = line_file, line, settings
        self.line_sha256 = line_sha256
        self._failed: set[Path] = set()

    @property
    def folder(self) -> Path:
        """Where the reports of ended batches lie."""
        return self._settings.data_dir / self._line.id / "reports"

    async def make(self, vessel_id: str, language: str, form: str, by: str) -> ReportFile:
        """The report of a vessel's batch so far.

        Raises
        ------
        NotFoundError
            When there is nothing to report, or nothing here can make such a file.
        """
        try:
            made = await asyncio.to_thread(self._document, vessel_id, language, self._end_ns, by)
            body = await asyncio.to_thread(FORMS[f".{form}"], made)
        except (ConfigError, StorageError) as error:
            raise NotFoundError(str(error)) from error
        vessel = next(v for v in self._line.vessels if v.id == vessel_id)
        return ReportFile(f"{_name(vessel)}.{language}.{form}", body, made.sha256())

    async def export(self, vessel_id: str) -> ReportFile:
        """The stored values of a vessel's batch as Parquet, as ``twin export`` writes them.

        Raises
        ------
        NotFoundError
            When nothing is stored, or the store can not be read.
        """
        vessel = next(v for v in self._line.vessels if v.id == vessel_id)
        try:
            body = await asyncio.to_thread(lambda: asyncio.run(self._exported(vessel)))
        except (ConfigError, StorageError) as error:
            raise NotFoundError(str(error)) from error
        return ReportFile(f"{_name(vessel)}.parquet", body, hashlib.sha256(body).hexdigest())

    async def _exported(self, vessel: Vessel) -> bytes:
        start_ns = vessel.batch.start_ns if vessel.batch else 0
        tags = [tag.id for tag in vessel.tags]
        with TemporaryDirectory(prefix="bioline-export-") as folder:
            out = Path(folder) / "values.parquet"
            async with open_history(self._line_file, self._line, self._settings) as history:
                await export(history, tags, start_ns, self._end_ns or LAST_NS, out, vessel.id)
            return out.read_bytes()

    def _document(self, vessel_id: str, language: str, end_ns: int | None, by: str) -> Document:
        asked = gather.Asked(vessel_id, None, end_ns, by)
        work = gather.gather(asked, self.line_sha256, self._line_file, self._line, self._settings)
        return document(asyncio.run(work), language)

    async def watch(self, clock: Clock, batches: Callable[[int], list[Stored]]) -> None:
        """Report every batch that has ended, once and in each language, until cancelled.

        Parameters
        ----------
        clock : Clock
            Of the line.
        batches : Callable[[int], list of Stored]
            Every batch as it is known at a time [ns].
        """
        while True:
            now_ns = clock.now_ns()
            await self.look(batches(now_ns), now_ns)
            await asyncio.sleep(LOOK_S)

    async def look(self, batches: Iterable[Stored], now_ns: int) -> None:
        """Make every report that is due."""
        for found, out in list(self.due(batches, now_ns)):
            await self._report(found, out)

    def due(self, batches: Iterable[Stored], now_ns: int) -> Iterator[tuple[Stored, Path]]:
        """Batches that have ended, each with the file that is missing."""
        for found in batches:
            if not found.batch.start_ns or found.ended_ns is None:
                continue
            if not SETTLED_NS <= now_ns - found.ended_ns <= LATEST_NS:
                continue
            for language in LANGUAGES:
                stem = f"{_named(found.vessel, found.batch.id)}.{language}"
                there = any((self.folder / f"{stem}{form}").exists() for form in FORMS)
                if not there and self.folder / stem not in self._failed:
                    yield found, self.folder / stem

    async def _report(self, found: Stored, stem: Path) -> None:
        """Write one report; PDF where that can be set, else HTML. What fails is said once and left."""
        language = stem.suffix[1:]
        try:
            made = await asyncio.to_thread(self._of_past, found, language)
            self.folder.mkdir(parents=True, exist_ok=True)
            out = Path(f"{stem}.pdf" if _sets_pdf() else f"{stem}.html")
            sha256 = await asyncio.to_thread(write, made, out)
        except (TwinError, OSError) as error:
            self._failed.add(stem)
            log.warning("report not made", vessel=found.vessel, batch=stem.name, reason=str(error))
            return
        log.warning("batch has ended, report made", vessel=found.vessel, file=str(out), sha256=sha256)

    def _of_past(self, found: Stored, language: str) -> Document:
        """The report of a batch that has ended, with the line as it was then."""
        line = line_of(self._line_file, found, self._settings)
        own = Reporter(self._line_file, line, self._settings, self.line_sha256)
        return own._document(found.vessel, language, found.ended_ns, "")


def _sets_pdf() -> bool:
    try:
        import typst  # noqa: F401
    except ImportError:
        return False
    return True


def _name(vessel: Vessel) -> str:
    """A file name from the batch, or the vessel where there is none."""
    return _named(vessel.id, vessel.batch.id if vessel.batch else "")


def _named(*parts: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", "-".join(filter(None, parts)))
