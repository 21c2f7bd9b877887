"""What the service knows of itself: the conservation law and the state of every link."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from twin.domain.measurement import Quarantined, Reading
from twin.ports import Counters, Delivery, LinkChange, LinkState
from twin.runtime.skew import Skew

log = structlog.get_logger("links")


@dataclass(slots=True)
class Counts:
    """Running counts since the start of the process."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)


class Health:
    """Counts and links, fed by the pipeline and read by the pages."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._links: dict[str, LinkState] = {}
        self._by_source: Counter[str] = Counter()
        self._skews: defaultdict[str, Skew] = defaultdict(Skew)
        self._met: defaultdict[str, set[str]] = defaultdict(set)
        """addresses of which a source said something since its link came up"""

    def arrived(self, delivery: Delivery) -> None:
        """Count readings and refused payloads at the door."""
        self.counts.received += len(delivery.readings) + len(delivery.refused)
        self._by_source.update([row.source for row in delivery.readings])
        self._by_source.update([refusal.reading.source for refusal in delivery.refused])

    def compare(self, row: Reading) -> None:
        """Compare clocks by a reading that was taken; the time of a refused one may be anything.

        The first reading of each address since its link came up may have stood there for long.
        """
        met = self._met[row.source]
        if row.address not in met:
            met.add(row.address)
        elif row.time_ns is not None and not row.replayed:
            self._skews[row.source].add(row.time_ns, row.received_ns)

    def quarantined(self, rows: Sequence[Quarantined]) -> None:
        """Count refused rows that are kept with their reason."""
        self.counts.quarantined.update(row.reason for row in rows)

    def link(self, change: LinkChange) -> None:
        """Take a change of a link."""
        known = self._links.get(change.source)
        was_up = known.up if known else False
        up = was_up if change.up is None else change.up
        base = known or LinkState(change.source, up, change.text, change.time_ns)
        if up and not was_up:
            self._met[change.source].clear()
        since = change.time_ns if up != was_up or known is None else base.since_ns
        gaps = base.gaps + (change.gap is not None)
        if change.up is not None and (known is None or up != was_up):
            log.info("link up" if up else "link down", source=change.source, text=change.text)
        elif change.up is False and change.text != base.text:
            log.info("link still down", source=change.source, text=change.text)
        self._links[change.source] = replace(base, up=up, text=change.text, since_ns=since, gaps=gaps)

    def links(self) -> list[LinkState]:
        """State of every source that ever spoke."""
        return [self._whole(link) for link in self._links.values()]

    def _whole(self, link: LinkState) -> LinkState:
        skew = self._skews.get(link.source)
        return replace(
            link, received=self._by_source[link.source], skew_s=None if skew is None else skew.seconds
        )

    def counters(self, pending: int) -> Counters:
        """The conservation law now, with `pending` rows between door and store."""
        c = self.counts
        return Counters(c.received, c.stored, c.duplicate, dict(c.quarantined), dict(c.rejected), pending)
