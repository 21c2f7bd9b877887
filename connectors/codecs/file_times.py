"""Times as foreign files write them, to nanoseconds since 1970-01-01 UTC, exactly."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from connectors.codecs.iso_time import LATEST_NS, parse_ns

NUMERIC: Final = {
    "epoch_s": 10**9,
    "epoch_ms": 10**6,
    "epoch_ns": 1,
    "seconds": 10**9,
    "minutes": 60 * 10**9,
    "hours": 3600 * 10**9,
    "days": 86_400 * 10**9,
}
"""Nanoseconds per unit of each numeric time format."""
RELATIVE: Final = frozenset({"seconds", "minutes", "hours", "days"})
"""Formats that count from an epoch the layout must give."""


def reader(form: str, epoch_ns: int, zone: str | None) -> Callable[[str], int]:
    """Function that reads one time text [ns since 1970-01-01 UTC]; it raises ValueError.

    Parameters
    ----------
    form : str
        ``"iso"`` or a key of `NUMERIC`.
    epoch_ns : int
        Origin of the relative formats [ns since 1970-01-01 UTC].
    zone : str or None
        IANA name of the zone of ISO texts that name none.
    """
    if form in NUMERIC:
        return lambda text: numeric_ns(text, NUMERIC[form], epoch_ns if form in RELATIVE else 0)
    return lambda text: iso_ns(text, zone)


def numeric_ns(text: str, unit_ns: int, origin_ns: int) -> int:
    """Time of a number of units since an origin, rounded to the nanosecond.

    Raises
    ------
    ValueError
        When it is no finite number or beyond what a store can hold.
    """
    try:
        count = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text[:40]!r} is not a number") from error
    if not count.is_finite() or abs(count) * unit_ns > LATEST_NS:
        raise ValueError(f"{text[:40]!r} is not a time a store can hold")
    return origin_ns + round(count * unit_ns)


def iso_ns(text: str, zone: str | None) -> int:
    """Time of an ISO 8601 text; one without a zone is taken as wall time of `zone`.

    Raises
    ------
    ValueError
        When it is not such a text, or names no zone and none is given.
    """
    try:
        return parse_ns(text)
    except ValueError:
        if zone is None:
            raise
    return local_ns(parse_ns(text + "Z" if len(text) > 10 else text + "T00:00:00Z"), zone)


def local_ns(wall_ns: int, zone: str) -> int:
    """UTC of a wall time written as if it were UTC [ns]; the first of two when clocks went back."""
    seconds, rest = divmod(wall_ns, 10**9)
    wall = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=ZoneInfo(zone))
    offset = wall.utcoffset()
    assert offset is not None
    return (seconds - int(offset.total_seconds())) * 10**9 + rest
