"""Stored data as they are: CSV, CSV.gz and Parquet, long or wide, read by a layout the line file gives.

Every row times value comes out once: as a Reading, or as Quarantined with the reason. What the
values mean (unknown tags, ranges, times that can not be) is judged by the service, as for a wire.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from connectors.codecs.file_layout import OWN_LONG, FileLayout, ValueColumn
from connectors.codecs.file_times import NeverShownError, local_ns, names_no_zone, plain_number, reader
from connectors.codecs.iso_time import LATEST_NS, datetime_ns, format_ns
from connectors.codecs.tables import Sheet, header, read_sheet
from twin.domain.errors import ConfigError
from twin.domain.measurement import Quality, Quarantined, Raw, Reading
from twin.ports import Delivery, SourceContext

__all__ = [
    "LINE_SECTION",
    "Config",
    "FileLayout",
    "FileSource",
    "ValueColumn",
    "open_source",
    "read_file",
    "read_series",
]

CHUNK = 20_000
"""Rows turned into Python objects at once."""
NO_TIME = np.iinfo(np.int64).min


LINE_SECTION: Final = "the line's section `files`"
"""Where the layout of files that a command names is written."""
RECEIVED: Final = "received"
"""When our own service took a row: a sender's clock may have been a little ahead of it."""
ARRIVALS: Final = ("reported", RECEIVED)
"""Columns of our own long files that say when a row came: of `twin simulate`, and of `twin export`."""


def layout_of(source_id: str) -> str:
    """Where the layout of files that a source reads is written."""
    return f"`layout` of the source {source_id!r}"


def read_file(
    path: Path,
    layout: FileLayout | None,
    source_id: str,
    vessels: Set[str] | None = None,
    place: str = LINE_SECTION,
) -> Iterator[Reading | Quarantined]:
    """Every value of a file, by time of arrival and then as written.

    Without a layout our own formats are recognised: ``time, tag, value[, quality][, reported | received]``,
    or a ``time`` column beside columns named by tag ids. The time of arrival is the source time, or
    that at which it was reported where there is one; rows without a time come where they stand.
    With `vessels`, only what is of one of them is read: by its key, else by its tag id.
    `place` says where a layout is, or would be, written.

    Raises
    ------
    ConfigError
        When the file as a whole can not be read, or has not the columns of the layout.
    """
    rows = _opened(path, layout, source_id, place)
    if vessels is not None:
        rows.keep(vessels)
    return rows.stream()


@dataclass(frozen=True, slots=True)
class Series:
    """What a file holds of one tag, in order of time.

    Parameters
    ----------
    address : str
        Tag id.
    times : NDArray[np.int64]
        [ns since 1970-01-01 UTC].
    values : NDArray[np.float64]
        [tag's unit]; finite.
    missing : int
        Rows that had a time and no number: empty, NaN, infinite or text, or reported before they were drawn.
    """

    address: str
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    missing: int = 0


def read_series(path: Path, layout: FileLayout | None) -> Iterator[Series]:
    """The values of a file by tag, as arrays: for work on whole runs.

    What is no value is left out and counted. A tag of which there are rows and no value comes with no times.

    Raises
    ------
    ConfigError
        When the file as a whole can not be read, or has not the columns of the layout.
    """
    return _opened(path, layout, path.name, LINE_SECTION).series()


@dataclass(slots=True)
class _Plan:
    """A layout brought to one file."""

    layout: FileLayout
    values: list[ValueColumn]
    quality: str | None

    def columns(self, names: Sequence[str]) -> list[str]:
        """Columns to be read, in the order a row is taken apart."""
        fixed = [self.layout.time, *self.layout.keys]
        fixed += [c for c in (self.layout.tag, self.layout.value, self.quality, self.layout.reported) if c]
        return fixed + [v.column for v in self.values]


def _opened(path: Path, layout: FileLayout | None, source_id: str, place: str) -> "_Rows":
    names = header(path, *((layout.delimiter, layout.encoding) if layout else (",",)))
    plan = _fit(layout, names) if layout else _own(path, names, place)
    wanted = list(dict.fromkeys(plan.columns(names)))
    _require(path, plan, wanted, names)
    sheet = read_sheet(path, wanted, plan.layout.delimiter, plan.layout.encoding)
    return _Rows(plan, sheet, source_id, place)


def _fit(layout: FileLayout, names: Sequence[str]) -> _Plan:
    return _Plan(layout, [v for v in layout.values if v.column in names], layout.quality)


def _own(path: Path, names: Sequence[str], place: str) -> _Plan:
    if "time" not in names:
        raise ConfigError(
            f"{path}: no column 'time' among {_few(names)}; {place} says which columns are time, key and "
            "values"
        )
    if {"tag", "value"} <= set(names):
        came = next((name for name in ARRIVALS if name in names), None)
        layout = OWN_LONG.model_copy(update={"reported": came})
        return _Plan(layout, [], "quality" if "quality" in names else None)
    columns = [ValueColumn(column=name, tag=name) for name in names if name != "time"]
    if not columns:
        raise ConfigError(f"{path}: there is a time but no value; columns named by tag ids would do")
    return _Plan(FileLayout(values=columns), columns, None)


def _require(path: Path, plan: _Plan, wanted: Sequence[str], names: Sequence[str]) -> None:
    missing = [column for column in wanted if column not in names]
    if missing:
        raise ConfigError(f"{path}: no column {_few(missing)}; the file has {_few(names)}")
    if plan.layout.values and not plan.values:
        sought = [v.column for v in plan.layout.values]
        raise ConfigError(f"{path}: none of the value columns {_few(sought)}; the file has {_few(names)}")


def _few(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:12])) + (", ..." if len(names) > 12 else "")


@dataclass(slots=True)
class _Rows:
    """One file on its way to Readings: times as arrays, the rest in the table until it is due."""

    plan: _Plan
    sheet: Sheet
    source: str
    place: str
    addresses: dict[tuple[str, ...], str] = field(default_factory=dict)

    def stream(self) -> Iterator[Reading | Quarantined]:
        """Malformed lines first, then every value in order of arrival."""
        for what, text in self.sheet.malformed:
            yield self._refused("", text, None, 0, "malformed_row", what)
        layout, table = self.plan.layout, self.sheet.table
        times = self._times(layout.time)
        arrivals = self._times(layout.reported) if layout.reported else times
        due = _carried(np.where(times == NO_TIME, NO_TIME, arrivals))
        order = np.argsort(due, kind="stable")
        for start in range(0, len(order), CHUNK):
            part = order[start : start + CHUNK]
            yield from self._chunk(table.take(pa.array(part)), times[part], arrivals[part], due[part])

    def keep(self, vessels: Set[str]) -> None:
        """Leave out what is of vessels that are not named: by the key, else by the tag id."""
        layout = self.plan.layout
        if layout.keys:
            kept = [rows for prefix, rows in self._by_vessel() if prefix.removesuffix(".") in vessels]
        elif layout.tag:
            named = _groups(self.sheet.table.column(layout.tag))
            kept = [rows for name, rows in named if _vessel_of(layout.tags.get(name, name)) in vessels]
        else:
            self.plan.values = [column for column in self.plan.values if _vessel_of(column.tag) in vessels]
            return
        chosen = np.sort(np.concatenate(kept)) if kept else np.zeros(0, dtype=np.int64)
        self.sheet.table = self.sheet.table.take(pa.array(chosen))

    def series(self) -> Iterator[Series]:
        """Every tag's values by vessel, in order of time."""
        layout, table = self.plan.layout, self.sheet.table
        times = self._times(layout.time)
        early = np.zeros(len(times), dtype=bool)
        if layout.reported and self._judges_reports:
            reports = self._times(layout.reported)
            early = (reports != NO_TIME) & (reports < times)
        if len(times) and (times == NO_TIME).all():
            first = _cells_of(table.column(layout.time).slice(0, 1))[0]
            raise ConfigError(f"{self.source}: no row has a time; {self._why_no_time(layout.time, first)}")
        for prefix, rows in self._by_vessel():
            rows = rows[times[rows] != NO_TIME]
            rows = rows[np.argsort(times[rows], kind="stable")]
            for column in self.plan.values:
                numbers = np.where(
                    early[rows], np.nan, _floats(table.column(column.column), rows, layout.decimal)
                )
                yield from _series(prefix + column.tag, times[rows], column.scale * numbers + column.offset)
            if layout.tag and layout.value:
                numbers = np.where(
                    early[rows], np.nan, _floats(table.column(layout.value), rows, layout.decimal)
                )
                for name, of_tag in _groups(table.column(layout.tag).take(pa.array(rows))):
                    address = prefix + layout.tags.get(name, name)
                    yield from _series(address, times[rows[of_tag]], numbers[of_tag])

    def _by_vessel(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Begin of the tag ids of each vessel, and its rows."""
        keys = [self.sheet.table.column(name) for name in self.plan.layout.keys]
        if not keys:
            yield "", np.arange(self.sheet.table.num_rows)
            return
        if len(keys) == 1:
            for key, rows in _groups(keys[0]):
                yield self._vessel((key,)), rows
            return
        cells = list(zip(*(map(_text, key.to_pylist()) for key in keys), strict=True))
        for pair in dict.fromkeys(cells):
            yield self._vessel(pair), np.array([i for i, cell in enumerate(cells) if cell == pair])

    def _times(self, name: str) -> NDArray[np.int64]:
        """Times of a column [ns since 1970-01-01 UTC]; `NO_TIME` where there is none."""
        column = self.sheet.table.column(name)
        if pa.types.is_timestamp(column.type):
            return _stamps(column, self.plan.layout.zone)
        coded = pa.concat_arrays(column.unify_dictionaries().chunks) if column.num_chunks else pa.nulls(0)
        coded = coded if isinstance(coded, pa.DictionaryArray) else coded.dictionary_encode()
        read = _careful(self._reader())
        known = np.array([*map(read, coded.dictionary.to_pylist()), NO_TIME], dtype=np.int64)
        codes: NDArray[np.int32] = pc.fill_null(coded.indices, len(known) - 1).to_numpy(zero_copy_only=False)
        return known[codes]

    def _why_no_time(self, name: str, cell: Any) -> str:
        layout, kind = self.plan.layout, self.sheet.table.column(name).type
        naive = pa.types.is_timestamp(kind) and kind.tz is None and cell is not None
        if layout.zone is None and (naive or names_no_zone(_text(cell).strip(), layout.format)):
            remedy = f"`zone: UTC`, or `zone: Europe/Paris`, in {self.place} would do"
            return f"column {name!r}: {_text(cell)!r:.60} names no zone; {remedy}"
        read = reader("iso", 0, layout.zone) if naive else self._reader()
        try:
            read(_text(cell).strip())
        except NeverShownError as error:
            return f"column {name!r}: {_text(cell)!r:.60}: {error}"
        except (ValueError, OverflowError):
            pass
        return f"column {name!r}: {cell!r:.60} is no time of the form {layout.format}"

    @property
    def _judges_reports(self) -> bool:
        """Whether rows say when a laboratory reported them: never before it had a sample."""
        return self.plan.layout.reported not in (None, RECEIVED)

    def _early(self, time: int, reported: int) -> str:
        """That a result was known before there was a sample, and what would do."""
        drawn, known = self.plan.layout.time, self.plan.layout.reported
        return (
            f"reported {format_ns(reported)} ({known!r}), before it was drawn {format_ns(time)} ({drawn!r}); "
            "are the columns exchanged? a report at or after the drawing would do"
        )

    def _reader(self) -> Callable[[str], int]:
        layout = self.plan.layout
        epoch_ns = datetime_ns(layout.epoch) if layout.epoch else 0
        return reader(layout.format, epoch_ns, layout.zone, layout.decimal)

    def _chunk(
        self, table: Any, times: NDArray[np.int64], arrivals: NDArray[np.int64], due: NDArray[np.int64]
    ) -> Iterator[Reading | Quarantined]:
        layout = self.plan.layout
        cells = {name: _cells_of(table.column(name)) for name in table.column_names}
        keys = list(zip(*(map(_text, cells[name]) for name in layout.keys), strict=True))
        for i, (time, arrival, when) in enumerate(
            zip(times.tolist(), arrivals.tolist(), due.tolist(), strict=True)
        ):
            prefix = self._vessel(keys[i]) if keys else ""
            quality = _quality(cells[self.plan.quality][i]) if self.plan.quality else Quality.GOOD
            unread = layout.time if time == NO_TIME else layout.reported if arrival == NO_TIME else None
            for column, address, raw in self._cells(cells, prefix, i):
                if unread:
                    detail = self._why_no_time(unread, cells[unread][i])
                    yield self._refused(address, raw, None, when, "bad_time", detail)
                elif self._judges_reports and arrival < time:
                    yield self._refused(
                        address, raw, time, when, "reported_early", self._early(time, arrival)
                    )
                else:
                    yield self._value(column, address, raw, quality, time, when)

    def _cells(
        self, cells: dict[str, list[Any]], prefix: str, i: int
    ) -> Iterator[tuple[ValueColumn | None, str, Any]]:
        layout = self.plan.layout
        if layout.tag and layout.value:
            name = _text(cells[layout.tag][i])
            yield None, prefix + layout.tags.get(name, name), cells[layout.value][i]
        for column in self.plan.values:
            yield column, prefix + column.tag, cells[column.column][i]

    def _vessel(self, key: tuple[str, ...]) -> str:
        prefix = self.addresses.get(key)
        if prefix is None:
            prefix = self.plan.layout.vessel.replace("{key}", "-".join(key)) + "."
            self.addresses[key] = prefix
        return prefix

    def _value(
        self,
        column: ValueColumn | None,
        address: str,
        raw: Any,
        quality: Quality | None,
        time: int,
        when: int,
    ) -> Reading | Quarantined:
        if quality is None:
            return self._refused(address, raw, time, when, "unknown_quality", "192, 64, 0 or 500 would do")
        if raw is None or raw == "":
            if quality in (Quality.BAD, Quality.STALE):
                return Reading(self.source, address, None, quality, time, when, replayed=True)
            return self._refused(address, None, time, when, "no_value", "the field is empty")
        if isinstance(raw, bool):
            detail = f"the truth value {str(raw).lower()} came; a number would do"
            return self._refused(address, raw, time, when, "wrong_type", detail)
        number = _number(raw, self.plan.layout.decimal)
        if number is None:
            return self._refused(
                address,
                raw,
                time,
                when,
                "not_a_number",
                f"{raw!r:.60} is no number with the decimal mark {self.plan.layout.decimal!r}",
            )
        if column is not None:
            number = column.scale * number + column.offset
        return Reading(self.source, address, number, quality, time, when, replayed=True)

    def _refused(
        self, address: str, raw: Any, time: int | None, when: int, reason: str, detail: str
    ) -> Quarantined:
        value: Raw = raw if isinstance(raw, float | int | bool | str) else None if raw is None else str(raw)
        return Quarantined(
            Reading(self.source, address, value, Quality.BAD, time, when, replayed=True), reason, detail
        )


def _cells_of(column: Any) -> list[Any]:
    """Cells as Python objects; nanoseconds, which `datetime` can not hold, as text."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("ns")).cast(pa.string())
    cells: list[Any] = column.to_pylist()
    return cells


def _vessel_of(tag_id: str) -> str:
    return tag_id.partition(".")[0]


def _groups(column: Any) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Each distinct cell of a column as text, and where it stands."""
    coded = column.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    for code, cell in enumerate(coded.dictionary.to_pylist()):
        first, last = np.searchsorted(codes[order], (code, code + 1))
        yield _text(cell), order[first:last]


def _floats(column: Any, rows: NDArray[np.int64], decimal: str) -> NDArray[np.float64]:
    """Numbers of a column; NaN where there is none."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers: NDArray[np.float64] = column.to_numpy()[rows].astype(float)
        return numbers
    found = (_number(cell, decimal) for cell in column.take(pa.array(rows)).to_pylist())
    return np.array([np.nan if number is None else number for number in found], dtype=float)


def _series(address: str, times: NDArray[np.int64], values: NDArray[np.float64]) -> Iterator[Series]:
    finite = np.isfinite(values)
    if len(values):
        yield Series(address, times[finite], values[finite], int(len(values) - finite.sum()))


def _stamps(column: Any, zone: str | None) -> NDArray[np.int64]:
    """Times of a typed column; one without a zone is wall time of `zone`, or none where that is missing."""
    if column.type.tz is None and zone is None:
        return np.full(len(column), NO_TIME, dtype=np.int64)
    counts = pc.fill_null(column.cast(pa.int64()), NO_TIME).to_numpy()
    unit_ns = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[column.type.unit]
    held = np.abs(np.maximum(counts, -LATEST_NS)) <= LATEST_NS // unit_ns
    times: NDArray[np.int64] = np.where(held, np.where(held, counts, 0) * unit_ns, NO_TIME)
    if column.type.tz is None and zone is not None:
        return np.array([_in_zone(t, zone) for t in times.tolist()], dtype=np.int64)
    return times


def _in_zone(wall_ns: int, zone: str) -> int:
    try:
        return NO_TIME if wall_ns == NO_TIME else local_ns(wall_ns, zone)
    except (ValueError, OverflowError):
        return NO_TIME


def _careful(read: Callable[[str], int]) -> Callable[[Any], int]:
    """Reader of any cell that answers `NO_TIME` where there is no time in it."""

    def one(cell: Any) -> int:
        try:
            return read(_text(cell).strip())
        except (ValueError, OverflowError):
            return NO_TIME

    return one


def _carried(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each missing time replaced by the one of the row before it (0 at the top)."""
    last = np.maximum.accumulate(np.where(times != NO_TIME, np.arange(len(times)), -1))
    carried: NDArray[np.int64] = np.where(last >= 0, times[last], 0)
    return carried


def _text(cell: Any) -> str:
    """A cell as text; bytes that are no UTF-8 are replaced, whole floats lose their point."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)


def _number(raw: Any, decimal: str) -> float | None:
    """A cell as number (NaN and infinities included), or None when it is none; truth values are none."""
    if isinstance(raw, int | float | Decimal) and not isinstance(raw, bool):
        return float(raw)
    if not isinstance(raw, str):
        return None
    try:
        return float(plain_number(raw, decimal))
    except ValueError:
        return None


_QUALITIES = {q.name.lower(): q for q in Quality} | {str(q.value): q for q in Quality}


def _quality(cell: Any) -> Quality | None:
    return _QUALITIES.get(_text(cell).strip().lower())


class Config(BaseModel):
    """Stored files as a source of a running line.

    Parameters
    ----------
    id : str
        Identity of the source.
    paths : list of Path
        Read one after the other.
    layout : FileLayout or None
        None for our own formats.
    batch : int
        Values per delivery.
    """

    model_config = ConfigDict(extra="forbid")

    id: str = "files"
    paths: list[Path] = Field(min_length=1)
    layout: FileLayout | None = None
    batch: int = Field(default=2000, ge=1)


def _take(rows: Iterator[Reading | Quarantined], most: int) -> list[Reading | Quarantined]:
    return list(islice(rows, most))


class FileSource:
    """Every value of the files once, as fast as they are taken; then silence."""

    def __init__(self, config: Config) -> None:
        self.id = config.id
        self.config = config

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Values in order; what is no Reading goes along as refused."""
        for path in self.config.paths:
            where = layout_of(self.id)
            rows = await asyncio.to_thread(read_file, path, self.config.layout, self.id, place=where)
            while batch := await asyncio.to_thread(_take, rows, self.config.batch):
                yield Delivery(
                    readings=tuple(row for row in batch if isinstance(row, Reading)),
                    refused=tuple(row for row in batch if isinstance(row, Quarantined)),
                )
        await asyncio.Event().wait()


def open_source(config: Config, context: SourceContext) -> FileSource:
    """The source; files are opened when it is first asked."""
    return FileSource(config)
