"""When a score becomes a finding, and when it is over: hysteresis, and what comes together counts once."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MERGE_H = 6.0
"""What begins within this time of the last beginning in a vessel belongs to the same finding [h]."""
LEAVE = 0.6
"""Part of the threshold a score must stay below for its finding to end (chosen default)."""
CALM_H = 3.0
"""How long it must stay there [h] (chosen default)."""


class Standing:
    """Which scores stand above the threshold, in one vessel or in many side by side.

    Parameters
    ----------
    shape : tuple of int
        (..., k) of the scores.
    threshold : float
    window_s : float
        Length of a window [s].
    """

    def __init__(self, shape: tuple[int, ...], threshold: float, window_s: float) -> None:
        self.threshold = threshold
        self.open: NDArray[np.bool_] = np.zeros(shape, dtype=bool)
        self.last_high = np.zeros(shape, dtype=np.int64)
        self.last_begin = np.full(shape[:-1], -(10**9), dtype=np.int64)
        self._merge = round(MERGE_H * 3600.0 / window_s)
        self._calm = round(CALM_H * 3600.0 / window_s)

    def step(self, scores: Array, window: int) -> NDArray[np.bool_]:
        """Take the scores of a window; True for each vessel in which a new finding begins.

        Windows may be left out when all their scores are below `LEAVE` times the threshold.
        """
        self.open = self.open & (window - self.last_high <= self._calm)
        self.last_high = np.where(scores >= LEAVE * self.threshold, window, self.last_high)
        begin = ~self.open & (scores > self.threshold)
        self.open = self.open | begin
        some = np.asarray(begin.any(-1))
        new = some & (window - self.last_begin > self._merge)
        self.last_begin = np.where(some, window, self.last_begin)
        return np.asarray(new)
