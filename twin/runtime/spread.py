"""The values of a tag counted where they are stored, so many at most."""

import asyncio
from typing import Final

from twin.domain.measurement import Measurement
from twin.domain.spread import Spread, spread
from twin.domain.tag import Tag
from twin.ports import History

MOST_ROWS: Final = 100_000
"""Values that are counted for one histogram: 27 h at one a second (chosen default)."""
DAY_NS: Final = 86_400_000_000_000


async def counted(history: History, tag: Tag, start_ns: int, end_ns: int, most: int = MOST_ROWS) -> Spread:
    """How the values of a tag lie in start <= t < end; of more than `most` those at the end."""
    quiet_ns = min(int(tag.silence_s * 1e9), DAY_NS)
    while True:
        rows: list[Measurement] = await history.read([tag.id], start_ns - quiet_ns, end_ns, most + 1)
        if len(rows) <= most or end_ns - start_ns < 2:
            return await asyncio.to_thread(spread, tag, rows, start_ns, end_ns)
        seen_ns = rows[-1].time_ns - start_ns
        start_ns = max(start_ns + 1, end_ns - max(seen_ns, 2) // 2 - 1)
