"""The next sample that tells most, worked out beside the stream and kept for a while."""

import asyncio
from typing import Final

from twin.domain.sampling import NextSample
from twin.engine.forecast import Question

KEPT_NS: Final = 900_000_000_000
"""An answer counts for so long of the line's time [ns], as a forecast does (chosen default)."""


class SampleDesk:
    """Answers of each vessel; one is worked out at a time."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, tuple[NextSample, ...]]] = {}
        self._one = asyncio.Lock()

    async def ask(self, question: Question) -> tuple[NextSample, ...]:
        """The samples at a belief, or at one of the same vessel less than `KEPT_NS` away."""
        asset = question.forecaster.vessel.id
        async with self._one:
            kept = self._kept.get(asset)
            if kept is None or abs(question.now_ns - kept[0]) >= KEPT_NS:
                kept = question.now_ns, await asyncio.to_thread(question.next_samples)
                self._kept[asset] = kept
            return kept[1]
