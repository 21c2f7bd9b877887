"""InfluxQL: the questions asked of the server and the shape of its answers. Pure.

InfluxQL is the one query language that versions 1, 2 (through a database and retention policy
mapping) and 3 serve. Names are always quoted: ``tag`` alone is a keyword of the language.
"""

# ruff: noqa: S608  (names are constants of this file, tag ids are quoted, the rest are integers)

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from connectors.codecs.line_protocol import LARGEST_TIME
from twin.domain.measurement import Measurement, Quality

Series: TypeAlias = Iterable[dict[str, Any]]

ALL_TIME: Final = (-LARGEST_TIME, LARGEST_TIME)
_FIELDS: Final = '"value", "q", "received", "late", "source"'


def rows(tags: Sequence[str], start_ns: int, end_ns: int, limit: int | None) -> str:
    """Rows of some tags; the first `limit` of each."""
    most = f" ORDER BY time LIMIT {limit}" if limit is not None else ""
    return f'SELECT {_FIELDS} FROM "pv" WHERE {where(tags, start_ns, end_ns)} GROUP BY "tag"{most}'


def newest_of(tags: Sequence[str]) -> str:
    """Newest row of each tag."""
    return (
        f'SELECT {_FIELDS} FROM "pv" WHERE {where(tags, *ALL_TIME)} GROUP BY "tag" ORDER BY time DESC LIMIT 1'
    )


def newest_of_all(each: int) -> str:
    """The `each` newest rows of every tag there is."""
    return f'SELECT {_FIELDS} FROM "pv" GROUP BY "tag" ORDER BY time DESC LIMIT {each}'


def count(kind: str, field: str, condition: str) -> str:
    """Number of rows as ``n``."""
    return f'SELECT count("{field}") AS "n" FROM "{kind}" WHERE {condition}'


def everything(kind: str, field: str, other: str, condition: str) -> str:
    """Two fields of every row."""
    return f'SELECT "{field}", "{other}" FROM "{kind}" WHERE {condition}'


def outermost(kind: str, field: str, other: str, condition: str, width_ns: int) -> str:
    """Rows with the extremes (and for measured data one gap) of each stretch of `width_ns`.

    ``top()`` and ``bottom()`` keep the time of the row they pick, which ``min()`` and ``max()`` do not.
    """
    picks = [("bottom", field), ("top", field), ("top", "none")][: 3 if kind == "pv" else 2]
    stretch = f"GROUP BY time({max(1, width_ns)}ns)"
    return "; ".join(
        f'SELECT {pick}("{of}", 1) AS "{of}", "{other}" FROM "{kind}" WHERE {condition} {stretch}'
        for pick, of in picks
    )


def clipped(*times_ns: int) -> tuple[int, ...]:
    """Times within what the server can store."""
    return tuple(max(-LARGEST_TIME, min(LARGEST_TIME, t)) for t in times_ns)


def where(tags: Sequence[str], start_ns: int, end_ns: int) -> str:
    """Condition on tags and start <= time < end."""
    start, end = clipped(start_ns, end_ns)
    one_of = " OR ".join(f"\"tag\" = '{_quoted(tag)}'" for tag in tags)
    return f"time >= {start} AND time < {end} AND ({one_of})"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def dicts(series: Series) -> list[dict[str, Any]]:
    """Rows by column name, with the tags they were grouped by."""
    return [
        dict(zip(one["columns"], values, strict=True)) | one.get("tags", {})
        for one in series
        for values in one["values"]
    ]


def measurements(series: Series) -> list[Measurement]:
    """Rows of `rows`, `newest_of` and `newest_of_all`.

    The server writes the fields of a row one by one: a row that is only half there is still on its way.
    """
    return [
        Measurement(
            row["tag"],
            number(row["value"]),
            Quality(row["q"]),
            row["time"],
            row["received"],
            row["late"],
            row["source"],
        )
        for row in dicts(series)
        if None not in (row["q"], row["received"], row["late"], row["source"])
    ]


def number(value: Any) -> float | None:
    """JSON writes 7.0 as 7; a gap is null."""
    return None if value is None else float(value)
