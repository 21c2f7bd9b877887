"""Vessels whose values come with old times: time passes for them from their newest value on."""

from collections.abc import Iterable
from typing import Final

from twin.domain.measurement import Measurement
from twin.domain.tag import Tag, TagKind

BEHIND_NS: Final = 120_000_000_000
"""Values this much older than their arrival are a backlog [ns] (chosen default, as the grace of a tick)."""


class Backlog:
    """The newest source time of each vessel and when it came."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self._owner = {t.id: t.asset for t in tags if t.kind is not TagKind.ASSAY}
        self._newest: dict[str, tuple[int, int]] = {}

    def see(self, rows: Iterable[Measurement]) -> None:
        """Take note of rows that were stored."""
        for m in rows:
            asset = self._owner.get(m.tag)
            if asset is not None and m.value is not None:
                before = self._newest.get(asset, (0, 0))
                self._newest[asset] = max(before[0], m.time_ns), max(before[1], m.received_ns)

    def held(self, clock_ns: int) -> dict[str, int]:
        """Up to when frames of vessels with a backlog may be closed by a clock [ns], by vessel."""
        behind = {a: (s, r) for a, (s, r) in self._newest.items() if r - s > BEHIND_NS}
        return {asset: source_ns + clock_ns - came_ns for asset, (source_ns, came_ns) in behind.items()}
