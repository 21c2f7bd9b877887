"""Spectra as files hold them: a table with one spectrum a row, or JSON records."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from connectors.codecs.tables import header, read_sheet
from twin.domain.errors import ConfigError

Array = NDArray[np.float64]

ENDINGS: Final = (".csv", ".csv.gz", ".parquet", ".json")


@dataclass(frozen=True, slots=True)
class Record:
    """One spectrum as it came.

    Parameters
    ----------
    texts : dict of str
        What stands beside it, such as ``time``.
    axis, intensities : Array
        (m,), NaN where there was no number.
    fault : str
        Why it is none, in words; empty when it is one.
    """

    texts: dict[str, str]
    axis: Array
    intensities: Array
    fault: str = ""


def read_spectra(path: Path, beside: tuple[str, ...]) -> Iterator[Record]:
    """Spectra of a file, in its order.

    A table (CSV, CSV.gz, Parquet) has the columns `beside` and one for each point of the axis, whose name is
    the number. JSON is one record or a list of them, each with `beside`, ``axis`` and ``intensities``.

    Raises
    ------
    ConfigError
        When the file as a whole can not be read.
    """
    return _records(path, beside) if path.suffix.lower() == ".json" else _rows(path, beside)


def _rows(path: Path, beside: tuple[str, ...]) -> Iterator[Record]:
    names = header(path, ",")
    missing = [name for name in beside if name not in names]
    points = [name for name in names if name not in beside]
    axis = np.array([_number(name) for name in points])
    if missing or not points or not np.isfinite(axis).all():
        odd = [name for name, value in zip(points, axis, strict=True) if not np.isfinite(value)]
        raise ConfigError(
            f"{path}: columns {', '.join(beside)} and one for each point of the axis, named by its number, "
            f"are needed; missing: {', '.join(missing) or 'none'}; no numbers: {', '.join(odd[:5]) or 'none'}"
        )
    sheet = read_sheet(path, names, ",")
    texts = {name: [str(cell) for cell in sheet.table[name].to_pylist()] for name in beside}
    values = np.stack([_column(sheet.table[name].to_pylist()) for name in points], axis=1)
    for what, line in sheet.malformed:
        yield Record(dict.fromkeys(beside, ""), axis, np.zeros(0), f"{what}: {line}")
    for i, row in enumerate(values):
        yield Record({name: cells[i] for name, cells in texts.items()}, axis, row)


def _records(path: Path, beside: tuple[str, ...]) -> Iterator[Record]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: can not be read as JSON ({error})") from error
    for each in found if isinstance(found, list) else [found]:
        yield _record(each, beside)


def _record(each: Any, beside: tuple[str, ...]) -> Record:
    nothing = np.zeros(0)
    if not isinstance(each, dict):
        return Record(dict.fromkeys(beside, ""), nothing, nothing, f"{str(each)[:80]!r} is no record")
    texts = {name: str(each.get(name, "")) for name in beside}
    lists = [each.get(name) for name in ("axis", "intensities")]
    if not all(isinstance(part, list) and part for part in lists):
        return Record(texts, nothing, nothing, "`axis` and `intensities`, two lists of numbers, are needed")
    axis, intensities = (_column(part) for part in lists if part)
    fault = "" if axis.size == intensities.size else f"{intensities.size} intensities on {axis.size} points"
    return Record(texts, axis, intensities, fault)


def _column(cells: list[Any]) -> Array:
    try:
        return np.array(cells, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array([_number(cell) for cell in cells])


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")
