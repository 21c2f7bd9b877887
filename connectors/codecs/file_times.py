"""Times as foreign files write them, to nanoseconds since 1970-01-01 UTC, exactly."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from connectors.codecs.iso_time import LATEST_NS, datetime_ns, parse_ns

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


class NeverShownError(ValueError):
    """A wall time that no clock of its zone showed: clocks went forward over it."""


def reader(form: str, epoch_ns: int, zone: str | None, decimal: str = ".") -> Callable[[str], int]:
    """Function that reads one time text [ns since 1970-01-01 UTC]; it raises ValueError.

    Parameters
    ----------
    form : str
        ``"iso"``, a key of `NUMERIC`, or a pattern such as ``"%d.%m.%Y %H:%M"``.
    epoch_ns : int
        Origin of the relative formats [ns since 1970-01-01 UTC].
    zone : str or None
        IANA name of the zone of texts that name none.
    decimal : str
        Decimal mark of the numeric formats.
    """
    if form in NUMERIC:
        origin_ns = epoch_ns if form in RELATIVE else 0
        return lambda text: numeric_ns(plain_number(text, decimal), NUMERIC[form], origin_ns)
    if "%" in form:
        return lambda text: pattern_ns(text, form, zone)
    return lambda text: iso_ns(text, zone)


def plain_number(text: str, decimal: str) -> str:
    """A number as Python reads it.

    Raises
    ------
    ValueError
        When a mark stands in it that is not the decimal mark: nobody can tell ``1.234`` from ``1,234``.
    """
    other = "." if decimal == "," else ","
    if other in text or "_" in text or not text.isascii():
        raise ValueError(f"{text[:40]!r} is not a number with the decimal mark {decimal!r}")
    return text.replace(decimal, ".")


def pattern_ns(text: str, form: str, zone: str | None) -> int:
    """Time of a text in the form of a strptime pattern.

    Raises
    ------
    ValueError
        When it has another form, or names no zone and none is given.
    """
    read = datetime.strptime(text, form)  # noqa: DTZ007 -- its zone is looked at next
    if read.tzinfo is not None:
        return datetime_ns(read)
    if zone is None:
        raise ValueError(f"{text[:40]!r} names no zone")
    return local_ns(datetime_ns(read.replace(tzinfo=UTC)), zone)


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


def names_no_zone(text: str, form: str) -> bool:
    """True when a text is a time of the form in all but its zone."""
    try:
        if "%" in form:
            return datetime.strptime(text, form).tzinfo is None  # noqa: DTZ007 -- that is the question
        return form == "iso" and iso_ns(text, "UTC") is not None and not _zoned(text)
    except (ValueError, OverflowError):
        return False


def _zoned(text: str) -> bool:
    try:
        parse_ns(text)
    except ValueError:
        return False
    return True


def local_ns(wall_ns: int, zone: str) -> int:
    """UTC of a wall time written as if it were UTC [ns]; the first of two when clocks went back.

    Raises
    ------
    NeverShownError
        When clocks went forward over it.
    """
    seconds, rest = divmod(wall_ns, 10**9)
    wall = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=ZoneInfo(zone))
    offset = wall.utcoffset()
    assert offset is not None
    if wall.replace(fold=1).utcoffset() != offset and wall.astimezone(UTC).astimezone(wall.tzinfo) != wall:
        raise NeverShownError(
            f"{wall:%Y-%m-%d %H:%M} was never shown by a clock in {zone}: clocks went forward over it; "
            "was it written in winter time or UTC? a time with its offset, or another `zone`, would do"
        )
    return (seconds - int(offset.total_seconds())) * 10**9 + rest
