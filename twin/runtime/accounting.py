"""The conservation law, watched: a sum that does not close is a link that is down, and so an alarm."""

from dataclasses import dataclass

from twin.ports import Counters, LinkChange

SOURCE = "accounting"


@dataclass(slots=True)
class Accounting:
    """Looks at the counters now and then; two looks in a row decide."""

    broken: bool = False
    doubted: bool = False

    def look(self, counters: Counters, now_ns: int) -> LinkChange | None:
        """What has changed, if anything."""
        doubted, self.doubted = self.doubted, not counters.holds
        if self.doubted and doubted and not self.broken:
            self.broken = True
            return LinkChange(SOURCE, False, _words(counters), now_ns)
        if self.broken and not self.doubted:
            self.broken = False
            return LinkChange(SOURCE, True, "every value is accounted for again", now_ns)
        return None


def _words(c: Counters) -> str:
    refused = sum(c.quarantined.values()) + sum(c.rejected.values())
    known = c.stored + c.duplicate + refused + c.pending
    return (
        f"received {c.received}, but stored {c.stored} + duplicate {c.duplicate} + refused {refused} + "
        f"pending {c.pending} = {known}; this is a fault of the program: keep the log and report it"
    )
