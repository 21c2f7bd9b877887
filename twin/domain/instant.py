"""Times as people and files read them; inside they are integers [ns since 1970-01-01 UTC]."""

from datetime import UTC, datetime
from typing import Final

MOST_HOURS: Final = 1e6
"""No run is longer: more than a hundred years [h]."""


def iso(time_ns: int) -> str:
    """ISO 8601 with Z and milliseconds of a time [ns since 1970-01-01 UTC]."""
    whole = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{time_ns % 1_000_000_000 // 1_000_000:03d}Z"


def hours_ns(hours: float) -> int:
    """A span of hours [h] as whole nanoseconds.

    Raises
    ------
    ValueError
        When it is no number, or longer than any run.
    """
    if not abs(hours) <= MOST_HOURS:
        raise ValueError("a finite number of hours from the first value, such as 96.0, would do")
    return round(hours * 3.6e12)
