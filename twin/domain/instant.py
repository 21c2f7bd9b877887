"""Times as people and files read them; inside they are integers [ns since 1970-01-01 UTC]."""

from datetime import UTC, datetime


def iso(time_ns: int) -> str:
    """ISO 8601 with Z and milliseconds of a time [ns since 1970-01-01 UTC]."""
    whole = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{time_ns % 1_000_000_000 // 1_000_000:03d}Z"
