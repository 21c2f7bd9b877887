"""Reports of a running line: on request, and by themselves when a batch has ended."""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog

from connectors.codecs.iso_time import LATEST_NS as LAST_NS
from twin.alarms.words import LANGUAGES
from twin.domain.asset import Line, Vessel
from twin.domain.errors import ConfigError, NotFoundError, StorageError, TwinError
from twin.domain.report import ReportFile
from twin.ports import Clock
from twin.service.export import export, open_history
from twin.service.line import LineFile
from twin.service.report import gather
from twin.service.report.document import Document, document
from twin.service.report.write import FORMS, write
from twin.service.settings import Settings

HOUR: Final = 3_600_000_000_000
SETTLED_NS: Final = HOUR // 6
"""A batch is reported this long after its planned end, its last values being in (chosen default: 10 min)."""
LATEST_NS: Final = 24 * HOUR
"""... and not later than this: a line file whose batch ended long ago asks for none (chosen default)."""
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
                if not await export(history, tags, start_ns, self._end_ns or LAST_NS, out):
                    raise ConfigError(f"export: nothing is stored of {vessel.id}; twin run stores it")
            return out.read_bytes()

    def _document(self, vessel_id: str, language: str, end_ns: int | None, by: str) -> Document:
        asked = gather.Asked(vessel_id, None, end_ns, by)
        work = gather.gather(asked, self.line_sha256, self._line_file, self._line, self._settings)
        return document(asyncio.run(work), language)

    async def watch(self, clock: Clock) -> None:
        """Report every batch that has ended, once and in each language, until cancelled."""
        while True:
            await self.look(clock.now_ns())
            await asyncio.sleep(LOOK_S)

    async def look(self, now_ns: int) -> None:
        """Make every report that is due."""
        for vessel, out, end_ns in list(self.due(now_ns)):
            await self._report(vessel, out, end_ns)

    def due(self, now_ns: int) -> Iterator[tuple[Vessel, Path, int]]:
        """Vessels whose batch has ended, the file that is missing, and the end of the batch [ns]."""
        for vessel in self._line.vessels:
            batch = vessel.batch
            if batch is None or not batch.start_ns:
                continue
            end_ns = batch.start_ns + round(batch.duration_h * HOUR)
            if not SETTLED_NS <= now_ns - end_ns <= LATEST_NS:
                continue
            for language in LANGUAGES:
                stem = f"{_name(vessel)}.{language}"
                there = any((self.folder / f"{stem}{form}").exists() for form in FORMS)
                if not there and self.folder / stem not in self._failed:
                    yield vessel, self.folder / stem, end_ns

    async def _report(self, vessel: Vessel, stem: Path, end_ns: int) -> None:
        """Write one report; PDF where that can be set, else HTML. What fails is said once and left."""
        language = stem.suffix[1:]
        try:
            made = await asyncio.to_thread(self._document, vessel.id, language, end_ns, "")
            self.folder.mkdir(parents=True, exist_ok=True)
            out = Path(f"{stem}.pdf" if _sets_pdf() else f"{stem}.html")
            sha256 = await asyncio.to_thread(write, made, out)
        except (TwinError, OSError) as error:
            self._failed.add(stem)
            log.warning("report not made", vessel=vessel.id, batch=stem.name, reason=str(error))
            return
        log.warning("batch has ended, report made", vessel=vessel.id, file=str(out), sha256=sha256)


def _sets_pdf() -> bool:
    try:
        import typst  # noqa: F401
    except ImportError:
        return False
    return True


def _name(vessel: Vessel) -> str:
    """A file name from the batch, or the vessel where there is none."""
    found = f"{vessel.id}-{vessel.batch.id}" if vessel.batch else vessel.id
    return re.sub(r"[^A-Za-z0-9_-]+", "_", found)
