"""The port of time."""

from typing import Protocol


class Clock(Protocol):
    """The time of the line: wall clock for a plant, scaled for an accelerated simulation."""

    speed: float

    def now_ns(self) -> int:
        """Time now [ns since 1970-01-01 UTC]."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of the line's time [s]."""
        ...
