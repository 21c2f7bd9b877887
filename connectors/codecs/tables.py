"""Tables as files hold them: CSV, CSV.gz and Parquet, with the lines that are no rows of the table."""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from twin.domain.errors import ConfigError

BLOCK = 65_536
"""Lines of CSV that are held as Python objects at once."""
MOST_TEXT = 200
"""Characters of a malformed line that are kept."""


@dataclass(slots=True)
class Sheet:
    """A table and the lines that did not fit it.

    Parameters
    ----------
    table : pyarrow.Table
        From CSV every column is text as written; from Parquet as typed.
    malformed : list of (str, str)
        What is wrong with a line, and its beginning.
    """

    table: Any
    malformed: list[tuple[str, str]] = field(default_factory=list)


def header(path: Path, delimiter: str, encoding: str = "utf-8") -> tuple[str, ...]:
    """Column names of a file.

    Raises
    ------
    ConfigError
        When it is not CSV, CSV.gz or Parquet, can not be read, or names a column twice.
    """
    try:
        names = _parquet_names(path) if _is_parquet(path) else _csv_names(path, delimiter, encoding)
    except (pa.ArrowException, OSError, EOFError, csv.Error) as error:
        raise _unreadable(path, error) from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{path}: column {', '.join(map(repr, twice))} is there twice; names must differ")
    return names


def read_sheet(path: Path, columns: Sequence[str], delimiter: str, encoding: str = "utf-8") -> Sheet:
    """Read the given columns of a file.

    Raises
    ------
    ConfigError
        When the file as a whole can not be read; single lines that do not fit are told apart.
    """
    try:
        if _is_parquet(path):
            return Sheet(pa_parquet.read_table(path, columns=list(columns)))
        return _read_csv(path, columns, delimiter, encoding)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split())[:300]
    return ConfigError(f"{path}: can not be read ({reason}); a CSV, CSV.gz or Parquet file would do")


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        found = file.read(4) == b"PAR1"
    if not found and path.suffix.lower() == ".parquet":
        raise ConfigError(
            f"{path}: is no Parquet file, it does not begin with PAR1; export it again, or name it .csv"
        )
    return found


def _parquet_names(path: Path) -> tuple[str, ...]:
    return tuple(pa_parquet.read_schema(path).names)


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """Lines without their ends; bytes that are not of the encoding are replaced and spoil one cell only."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        plain = gzip.GzipFile(fileobj=raw) if packed else raw
        with io.TextIOWrapper(plain, encoding, "replace", newline="\n") as lines:
            for i, line in enumerate(lines):
                text = line.rstrip("\r\n")
                yield text.removeprefix("\ufeff") if i == 0 else text


def _cells(line: str, delimiter: str) -> list[str]:
    """Fields of one line; raises csv.Error where a quote is left open."""
    if '"' not in line:
        return line.split(delimiter)
    return next(csv.reader((line,), delimiter=delimiter, strict=True))


def _csv_names(path: Path, delimiter: str, encoding: str) -> tuple[str, ...]:
    first = next(_lines(path, encoding), "")
    if not first:
        raise ConfigError(f"{path}: the first line is empty; a line with the column names would do")
    if "\0" in first:
        raise ConfigError(
            f"{path}: can not be read as {encoding}, it looks like UTF-16; `encoding: utf-16` in the layout "
            "of its source, or of the line's files, would do, or an export in UTF-8"
        )
    return tuple(_cells(first, delimiter))


def _read_csv(path: Path, columns: Sequence[str], delimiter: str, encoding: str) -> Sheet:
    """Every physical line by itself: an open quote or a missing field spoils that line only."""
    names = header(path, delimiter, encoding)
    places = [names.index(column) for column in columns]
    sheet, blocks = Sheet(None), [_Block(columns)]
    for number, line in enumerate(_lines(path, encoding), start=1):
        if number == 1 or not line:
            continue
        cells = _fitting(line, number, len(names), delimiter, sheet)
        if cells is not None and blocks[-1].add([cells[i] for i in places]):
            blocks.append(_Block(columns))
    sheet.table = pa.concat_tables(block.table() for block in blocks)
    return sheet


def _fitting(line: str, number: int, width: int, delimiter: str, sheet: Sheet) -> list[str] | None:
    try:
        cells = _cells(line, delimiter)
        if len(cells) == width:
            return cells
        what = f"line {number}: {len(cells)} fields instead of {width}"
    except csv.Error as error:
        what = f"line {number}: {error}"
    sheet.malformed.append((what, line[:MOST_TEXT]))
    return None


class _Block:
    """Rows on their way into compact columns."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self.rows: list[list[str]] = []
        self.packed: Any = None

    def add(self, row: list[str]) -> bool:
        """Take a row; True when the block is full and was packed."""
        self.rows.append(row)
        if len(self.rows) < BLOCK:
            return False
        self.packed, self.rows = self.table(), []
        return True

    def table(self) -> Any:
        """The rows as a table of text."""
        if self.packed is not None:
            return self.packed
        lists = zip(*self.rows, strict=True) if self.rows else ([] for _ in self.columns)
        return pa.table({c: pa.array(v, pa.string()) for c, v in zip(self.columns, lists, strict=True)})
