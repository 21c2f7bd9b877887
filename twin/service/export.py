"""`twin export`: what is stored of a line as one Parquet or CSV file, beside a service that runs."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from connectors.codecs.iso_time import LATEST_NS
from twin.domain.asset import Line
from twin.domain.errors import ConfigError, StorageError
from twin.domain.instant import iso
from twin.domain.measurement import Measurement
from twin.ports import HistorianContext, History
from twin.service.build import configured
from twin.service.line import LineFile
from twin.service.output import whole_file
from twin.service.settings import Settings

AT_ONCE: Final = 50_000
"""Rows read and written at once (chosen default)."""
_TIME: Final = pa.timestamp("ns", tz="UTC")
SCHEMA: Final = pa.schema(
    [
        ("time", _TIME),
        ("tag", pa.dictionary(pa.int32(), pa.string())),
        ("value", pa.float64()),
        ("quality", pa.int16()),
        ("received", _TIME),
        ("late", pa.bool_()),
        ("source", pa.dictionary(pa.int32(), pa.string())),
    ]
)
"""Long format; `twin replay` reads the first five."""


def _parquet(file: BinaryIO) -> Any:
    return pq.ParquetWriter(file, SCHEMA, compression="zstd")


def _csv(file: BinaryIO) -> Any:
    return pa_csv.CSVWriter(file, SCHEMA, write_options=pa_csv.WriteOptions(quoting_style="needed"))


WRITERS: Final[dict[str, Callable[[BinaryIO], Any]]] = {".parquet": _parquet, ".csv": _csv}
"""What writes tables to a file, by the end of its name."""


@asynccontextmanager
async def open_history(line_file: LineFile, line: Line, settings: Settings) -> AsyncIterator[History]:
    """The store of a line, for reading only.

    Raises
    ------
    ConfigError
        When the line keeps nothing that outlives its service.
    StorageError
        When nothing is there or the server does not answer.
    """
    section = line_file.historian
    if section["kind"] == "memory":
        raise ConfigError("the line's historian is memory; nothing of it can be read from outside")
    with TemporaryDirectory(prefix="bioline-export-") as own:
        about = HistorianContext(tags={tag.id: tag for tag in line.tags()})
        history: Any
        if "spool" in section or section["kind"] == "influxdb":
            module, config = configured("historians", {**section, "spool": "spool.sqlite"}, Path(own))
            history = module.open_historian(config, about)
        else:
            module, config = configured("historians", section, settings.data_dir / line.id)
            history = module.open_history(config, about)
        try:
            yield history
        finally:
            await history.close()


async def export(
    history: History, tags: Sequence[str], start_ns: int, end_ns: int, out: Path, of: str
) -> int:
    """Write every stored row of the tags with start <= time < end; returns how many.

    Parameters
    ----------
    history : History
    tags : sequence of str
    start_ns, end_ns : int
        Source times [ns since 1970-01-01 UTC].
    out : Path
        Named ``.parquet`` or ``.csv``; stays as it was when there is no row.
    of : str
        Whose tags they are, for the words of an error.

    Raises
    ------
    ConfigError
        When there is no such row; it says which times there are.
    StorageError
        When more rows carry one time than can be read at once.
    """
    count = 0
    with whole_file(out) as file, WRITERS[out.suffix](file) as sink:
        async for rows in parts(history, tags, start_ns, end_ns):
            sink.write_table(_table(rows))
            count += len(rows)
        if not count:
            raise ConfigError(f"export: {await nothing_between(history, tags, start_ns, end_ns, of)}")
    return count


async def nothing_between(history: History, tags: Sequence[str], start_ns: int, end_ns: int, of: str) -> str:
    """In words: nothing is stored of `of` from `start_ns` to before `end_ns`, and which times there are."""
    oldest = await history.read(tags, 0, LATEST_NS, 1)
    if not oldest:
        return f"nothing is stored of {of}; twin run stores it"
    newest_ns = max(row.time_ns for row in (await history.last(tags)).values())
    begin = f" from {iso(start_ns)}" if start_ns > 0 else ""
    end = f" to {iso(end_ns)}" if end_ns < LATEST_NS else " on" if begin else ""
    return (
        f"nothing is stored of {of}{begin}{end}; "
        f"there are values from {iso(oldest[0].time_ns)} to {iso(newest_ns)}"
    )


async def parts(
    history: History, tags: Sequence[str], start_ns: int, end_ns: int
) -> AsyncIterator[list[Measurement]]:
    """Every stored row of the tags with start <= time < end, in parts of `AT_ONCE` at most.

    Raises
    ------
    StorageError
        When more rows carry one time than can be read at once.
    """
    while True:
        rows = await history.read(tags, start_ns, end_ns, AT_ONCE)
        if len(rows) < AT_ONCE:
            if rows:
                yield rows
            return
        last_ns = rows[-1].time_ns
        whole = [row for row in rows if row.time_ns < last_ns]
        if not whole:
            raise StorageError(f"export: more than {AT_ONCE} rows at {last_ns} ns; fewer tags would do")
        yield whole
        start_ns = last_ns


def _table(rows: Sequence[Measurement]) -> pa.Table:
    columns = [
        pa.array([row.time_ns for row in rows], type=_TIME),
        pa.array([row.tag for row in rows]).dictionary_encode(),
        pa.array([row.value for row in rows], type=pa.float64()),
        pa.array([int(row.quality) for row in rows], type=pa.int16()),
        pa.array([row.received_ns for row in rows], type=_TIME),
        pa.array([row.late for row in rows], type=pa.bool_()),
        pa.array([row.source for row in rows]).dictionary_encode(),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)
