"""Small rows and an opened historian for the tests and for the processes they kill."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from connectors.historians.influxdb import Config, open_historian
from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Tag
from twin.ports import Historian, HistorianContext, LinkChange

T0 = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


class RealClock:
    speed = 1.0

    def now_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def row(n: int, value: float | None = None, tag: str = "R101.pH", t: int | None = None) -> Measurement:
    at = T0 + n * SECOND if t is None else t
    return Measurement(tag, float(n) if value is None else value, Quality.GOOD, at, at)


@asynccontextmanager
async def opened(
    server: Any,
    spool: Path,
    heard: list[LinkChange] | None = None,
    tags: dict[str, Tag] | None = None,
    **more: Any,
) -> AsyncIterator[Historian]:
    fields = {"url": server.url, "database": "plant", "spool": spool, "timeout_s": 2.0} | more
    told: Callable[[LinkChange], None] = (lambda change: None) if heard is None else heard.append
    historian = open_historian(Config(**fields), HistorianContext(RealClock(), tags or {}, told))
    try:
        yield historian
    finally:
        await historian.close()
