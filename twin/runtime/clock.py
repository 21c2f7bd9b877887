"""Clocks: the wall clock for a plant, a scaled one for an accelerated simulation."""

import asyncio
import time


class WallClock:
    """The time of this machine."""

    speed = 1.0

    def now_ns(self) -> int:
        """Time now [ns since 1970-01-01 UTC]."""
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` [s]."""
        await asyncio.sleep(seconds)


class ScaledClock:
    """A clock that starts at `origin_ns` now and runs `speed` times as fast as the wall's.

    Parameters
    ----------
    origin_ns : int
        What it shows when it is made [ns since 1970-01-01 UTC].
    speed : float
        Seconds of the line's time in one second of the wall's.
    wall_ns : int or None
        Wall time at which it shows `origin_ns`; now when not given.
    """

    def __init__(self, origin_ns: int, speed: float, wall_ns: int | None = None) -> None:
        self.origin_ns = origin_ns
        self.speed = speed
        self.wall_ns = time.time_ns() if wall_ns is None else wall_ns

    def now_ns(self) -> int:
        """Time now [ns since 1970-01-01 UTC]."""
        return self.origin_ns + round((time.time_ns() - self.wall_ns) * self.speed)

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of the line's time [s]."""
        await asyncio.sleep(seconds / self.speed)
