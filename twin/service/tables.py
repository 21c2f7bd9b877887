"""Tables of a notebook: rows as a `pyarrow.Table`, and names that must be known."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from twin.domain.errors import NotFoundError


def known_names(names: Iterable[str], known: Mapping[str, object], sort: str) -> list[str]:
    """The names as a list.

    Raises
    ------
    NotFoundError
        When one is not known; `sort` says of what.
    """
    found = list(names)
    for name in found:
        if name not in known:
            some = ", ".join(list(known)[:12])
            raise NotFoundError(f"there is no {sort} {name!r} in this run; there are {some} ...")
    return found


def table(rows: Sequence[tuple[Any, ...]], names: Sequence[str], kinds: Sequence[Any]) -> "pa.Table":
    """Rows as columns with these names and kinds."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [pa.array(column, type=kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(names))


def figures(rows: Iterable[Mapping[str, Any]], names: Sequence[str], words: Sequence[str]) -> "pa.Table":
    """Rows by name as columns; all but `words` are numbers."""
    kinds = [pa.string() if name in words else pa.float64() for name in names]
    kept = [tuple(row[n] if n in words or row[n] is None else float(row[n]) for n in names) for row in rows]
    return table(kept, names, kinds)
