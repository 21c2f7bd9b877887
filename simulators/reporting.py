"""Report by exception: a transmitter that speaks when its value has changed, or has been still for long."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulators.compiled import compiled
from simulators.probes import SET_POINTS, instruments
from simulators.scenario import OnChange, VesselScenario

UNSAID: Final = -1
"""Quality of what is not sent; `loop.NOTHING`."""


@compiled
def thin(
    times: Any, values: Any, qualities: Any, last: Any, status: Any, sent: Any, bands: Any, longest_s: float
) -> None:
    """Take out of `qualities` what need not be said.

    Parameters
    ----------
    times : float64 array, shape (rows,)
    values, qualities : arrays, shape (rows, tags)
    last, status, sent : float64 arrays, shape (tags,)
        What was said of each tag before: value, quality, and when; changed in place.
    bands : float64 array, shape (tags,)
        A value this far from the one said before is said.
    longest_s : float
        And so is one that comes this long after it.
    """
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            if qualities[i, j] == UNSAID:
                continue
            moved = not abs(values[i, j] - last[j]) < bands[j]
            if moved or qualities[i, j] != status[j] or times[i] - sent[j] >= longest_s:
                last[j], status[j], sent[j] = values[i, j], qualities[i, j], times[i]
            else:
                qualities[i, j] = UNSAID


class Exceptions:
    """What one vessel's transmitters need not say."""

    def __init__(self, vessel: VesselScenario, how: OnChange) -> None:
        specs = instruments(vessel.volume_l, vessel.kind, vessel.steamed)
        steps = [how.steps * spec.resolution for spec in specs.values()]
        self._bands = 0.999 * np.array(steps + [1e-12] * len(SET_POINTS))
        self._last, self._status, self._sent = (np.full(len(self._bands), -np.inf) for _ in range(3))
        self._longest_s = how.longest_s

    def thin(
        self, times: NDArray[np.float64], values: NDArray[np.float64], qualities: NDArray[np.int16]
    ) -> None:
        """Mark in `qualities` (rows, tags) what is not sent."""
        thin(
            times, values, qualities, self._last, self._status, self._sent, self._bands, self._longest_s
        )  # fmt: skip
