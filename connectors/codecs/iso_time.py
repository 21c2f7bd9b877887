"""ISO 8601 text to nanoseconds and back, exactly (no float in between)."""

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta
from typing import Final

LATEST_NS: Final = 2**63 - 1
"""Newest time a signed 64-bit store can hold: 2262-04-11 [ns since 1970-01-01 UTC]."""

_PATTERN: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,18}))?)?(Z|z|[+-]\d\d:?\d\d)", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def parse_ns(text: str) -> int:
    """Time of an ISO 8601 text with a zone [ns since 1970-01-01 UTC]; digits after the ninth are cut.

    Seconds may be left out.

    Raises
    ------
    ValueError
        When it is not such a text, has no zone, or names no existing time.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text[:60]!r} is not an ISO 8601 time with a zone, such as 2026-11-22T08:00:00.000Z"
        )
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    seconds = timegm((year, month, day, hour, minute, second)) - _offset_s(match[8])
    total = seconds * 1_000_000_000 + int((match[7] or "")[:9].ljust(9, "0"))
    if abs(total) > LATEST_NS:
        raise ValueError(f"{text[:60]!r} is beyond what a store can hold (year 1678 to 2262)")
    return total


def _offset_s(zone: str) -> int:
    if zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{zone!r} is not an offset from UTC")
    return (hours * 3600 + minutes * 60) * (1 if zone[0] == "+" else -1)


def format_ns(time_ns: int) -> str:
    """ISO 8601 text in UTC, with as many groups of three decimals as the time needs, at least one."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    digits = f"{rest:09d}"
    while len(digits) > 3 and digits.endswith("000"):
        digits = digits[:-3]
    return f"{(_EPOCH + timedelta(seconds=seconds)).strftime('%Y-%m-%dT%H:%M:%S')}.{digits}Z"


def datetime_ns(time: datetime) -> int:
    """Nanoseconds of a datetime; without a zone it is taken as UTC."""
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND * 1000


def ns_datetime(time_ns: int) -> datetime:
    """Datetime in UTC, cut to whole microseconds."""
    return _EPOCH + timedelta(microseconds=time_ns // 1000)
