"""Historian in plain dictionaries: for tests and for replays whose rows need not outlive the process."""

from collections.abc import Iterator, Sequence
from math import isfinite

from pydantic import BaseModel, ConfigDict

from connectors.codecs.decimate import Point, extremes
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.ports import ALONE, Historian, HistorianContext, Trend, WriteReport


class Config(BaseModel):
    """Nothing to choose."""

    model_config = ConfigDict(extra="forbid")


def open_historian(config: Config, context: HistorianContext = ALONE) -> Historian:
    """Start with nothing."""
    return MemoryHistorian()


class MemoryHistorian:
    """By tag, then by time."""

    def __init__(self) -> None:
        self._measured: dict[str, dict[int, Measurement]] = {}
        self._estimated: dict[str, dict[int, Estimate]] = {}

    async def write(self, rows: Sequence[Measurement]) -> WriteReport:
        """Keep measurements."""
        stored, repeated, refused = 0, [], []
        for row in rows:
            if row.value is not None and not isfinite(row.value):
                refused.append((row, "not finite"))
                continue
            series = self._measured.setdefault(row.tag, {})
            known = series.get(row.time_ns)
            if known is None:
                series[row.time_ns] = row
                stored += 1
            elif known.value == row.value:
                repeated.append(row)
            else:
                refused.append((row, "conflict"))
        return WriteReport(stored, tuple(repeated), tuple(refused))

    async def write_estimates(self, rows: Sequence[Estimate]) -> None:
        """Keep the twin's beliefs."""
        for row in rows:
            self._estimated.setdefault(row.name, {})[row.time_ns] = row

    async def read(
        self, tags: Sequence[str], start_ns: int, end_ns: int, limit: int | None = None
    ) -> list[Measurement]:
        """Measurements with start <= time < end, by time and then tag; the first `limit`."""
        rows = [row for tag in set(tags) for row in self._between(tag, start_ns, end_ns)]
        return sorted(rows, key=lambda row: (row.time_ns, row.tag))[:limit]

    async def last(self, tags: Sequence[str]) -> dict[str, Measurement]:
        """Newest measurement of each tag that has one."""
        return {tag: series[max(series)] for tag in tags if (series := self._measured.get(tag))}

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> Trend:
        """Extremes of the measured series."""
        rows = [Point(r.time_ns, r.value, int(r.quality)) for r in self._between(name, start_ns, end_ns)]
        kept = extremes(sorted(rows), start_ns, end_ns, points)
        return Trend(*zip(*kept, strict=True)) if kept else Trend()

    async def trend_estimates(
        self, name: str, start_ns: int, end_ns: int, points: int
    ) -> tuple[Trend, Trend]:
        """Mean and standard deviation of an estimate where the mean has its extremes."""
        series = self._estimated.get(name, {})
        rows = [Point(t, series[t].mean, Quality.GOOD) for t in sorted(series) if start_ns <= t < end_ns]
        kept = extremes(rows, start_ns, end_ns, points)
        if not kept:
            return Trend(), Trend()
        times, means, qualities = zip(*kept, strict=True)
        return Trend(times, means, qualities), Trend(times, tuple(series[t].sd for t in times), qualities)

    async def pending(self) -> int:
        """Nothing ever waits."""
        return 0

    async def close(self) -> None:
        """Nothing to release."""

    def _between(self, tag: str, start_ns: int, end_ns: int) -> Iterator[Measurement]:
        return (row for t, row in self._measured.get(tag, {}).items() if start_ns <= t < end_ns)
