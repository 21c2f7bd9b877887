"""Clocks that only tests move."""


class StillClock:
    """The time of a run, moved by whoever holds it; nobody may wait by it."""

    speed = 1.0

    def __init__(self, time_ns: int = 0) -> None:
        self.time_ns = time_ns

    def now_ns(self) -> int:
        return self.time_ns

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits in this test")
