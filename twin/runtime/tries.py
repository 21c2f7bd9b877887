"""Failed tries to sign in, counted over a sliding time."""

from collections import deque
from collections.abc import Hashable

WINDOW_NS = 15 * 60 * 1_000_000_000
"""Failures are remembered this long [ns]: 15 min (chosen default)."""
MOST_KEYS = 10_000
"""Most accounts and addresses remembered at once (chosen default); the oldest are forgotten first."""


class Tries:
    """At most `most` failures for one key in 15 minutes.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._failed: dict[Hashable, deque[int]] = {}

    def wait_s(self, key: Hashable, now_ns: int) -> float:
        """How long until the next try is heard [s]; 0 when at once."""
        failed = self._recent(key, now_ns)
        return (failed[-self.most] + WINDOW_NS - now_ns) / 1e9 if len(failed) >= self.most else 0.0

    def fail(self, key: Hashable, now_ns: int) -> None:
        """Count a failure."""
        failed = self._recent(key, now_ns)
        failed.append(now_ns)
        self._failed.pop(key, None)
        self._failed[key] = failed
        if len(self._failed) > MOST_KEYS:
            del self._failed[next(iter(self._failed))]

    def forgive(self, key: Hashable) -> None:
        """The newest failure was none."""
        if failed := self._failed.get(key):
            failed.pop()

    def forget(self, key: Hashable) -> None:
        """The right password came."""
        self._failed.pop(key, None)

    def _recent(self, key: Hashable, now_ns: int) -> deque[int]:
        failed = self._failed.get(key, deque())
        while failed and failed[0] <= now_ns - WINDOW_NS:
            failed.popleft()
        return failed
