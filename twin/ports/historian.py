"""The port of the store of series."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import time_ns
from typing import Final, Protocol

from twin.domain.measurement import Estimate, Measurement
from twin.domain.tag import Tag
from twin.ports.clock import Clock
from twin.ports.source import LinkChange, unheard


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What became of the rows of one write; the three add up to the rows given."""

    stored: int
    repeated: tuple[Measurement, ...] = ()
    """rows the store has already, with the same value"""
    refused: tuple[tuple[Measurement, str], ...] = ()

    @property
    def duplicate(self) -> int:
        """Number of rows that came again."""
        return len(self.repeated)

    def standing(self, rows: Sequence[Measurement]) -> list[Measurement]:
        """Those of the rows given that are stored, now or before."""
        return _without(rows, [row for row, _ in self.refused])

    def news(self, rows: Sequence[Measurement]) -> list[Measurement]:
        """Those of the rows given that were stored now."""
        return _without(rows, [*self.repeated, *(row for row, _ in self.refused)])


def _without(rows: Sequence[Measurement], others: Sequence[Measurement]) -> list[Measurement]:
    passed_over = {id(row) for row in others}
    return [row for row in rows if id(row) not in passed_over] if passed_over else list(rows)


@dataclass(frozen=True, slots=True)
class Trend:
    """A decimated series: extremes and order kept. Equal lengths; None where nothing is known."""

    times_ns: tuple[int, ...] = ()
    values: tuple[float | None, ...] = ()
    qualities: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HistorianContext:
    """What a historian may know of the rest.

    Parameters
    ----------
    clock : Clock or None
        The line's time; decides what is older than a retention. None: the wall's.
    tags : Mapping[str, Tag]
        By tag id; gives the units.
    report : Callable[[LinkChange], None]
        Told on the loop when the server goes away, comes back, or refuses rows.
    """

    clock: Clock | None = None
    tags: Mapping[str, Tag] = field(default_factory=dict)
    report: Callable[[LinkChange], None] = unheard

    def now_ns(self) -> int:
        """The line's time now [ns since 1970-01-01 UTC]."""
        return time_ns() if self.clock is None else self.clock.now_ns()


ALONE: Final = HistorianContext()
"""For a historian nobody tells or hears anything."""


class History(Protocol):
    """What is stored, for reading only; beside a service that writes it."""

    async def read(
        self, tags: Sequence[str], start_ns: int, end_ns: int, limit: int | None = None
    ) -> list[Measurement]:
        """Measurements with start <= time < end, by time and then tag; the first `limit`."""
        ...

    async def last(self, tags: Sequence[str]) -> dict[str, Measurement]:
        """Newest measurement of each tag that has one."""
        ...

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> Trend:
        """Measured series of a tag, at most about 2 x `points` values (minimum and maximum each)."""
        ...

    async def trend_estimates(
        self, name: str, start_ns: int, end_ns: int, points: int
    ) -> tuple[Trend, Trend]:
        """Mean and standard deviation of an estimate, at the same times."""
        ...

    async def close(self) -> None:
        """Finish and release everything."""
        ...


class Historian(History, Protocol):
    """Time series. Measured data and model data are kept apart.

    `write` and `write_estimates` return when every row is durable, and raise
    `StorageError` when it is not (then nothing may be acknowledged upstream).
    Writing the same (tag, time) with the same value again changes nothing and is
    reported as duplicate; a different value for a stored key is refused.
    """

    async def write(self, rows: Sequence[Measurement]) -> WriteReport:
        """Keep measurements."""
        ...

    async def write_estimates(self, rows: Sequence[Estimate]) -> None:
        """Keep the twin's beliefs; later beliefs about the same time replace earlier ones."""
        ...

    async def pending(self) -> int:
        """Durable rows that still wait for the server (0 for an embedded store)."""
        ...
