"""Faults of the times that values carry: a clock that jumped, values that come late, values sent twice."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.faults import CLOCK, FAULTS, LATE, ON_TIMES
from simulators.scenario import VesselScenario

COLUMNS: Final = ("time_s", "tag_index", "value", "quality")


@dataclass(frozen=True, slots=True)
class Rows:
    """Values in the order in which they come, shape (n,) each; columns as in `plant.PlantBatch`."""

    time_s: NDArray[np.float64]
    tag_index: NDArray[np.int32]
    value: NDArray[np.float64]
    quality: NDArray[np.int16]

    def take(self, places: NDArray[np.intp] | NDArray[np.bool_]) -> "Rows":
        """The rows at these places."""
        return Rows(*(getattr(self, name)[places] for name in COLUMNS))


@dataclass(frozen=True, slots=True)
class TimeFault:
    """A fault of one tag's times; `size` in seconds, the interval in seconds since the wires opened."""

    tag_index: int
    action: int
    start_s: float
    end_s: float
    size: float

    def hits(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows it concerns."""
        inside = (rows.time_s >= self.start_s) & (rows.time_s < self.end_s)
        return np.asarray(inside & (rows.tag_index == self.tag_index))


def time_faults(vessels: tuple[VesselScenario, ...], tags: tuple[str, ...]) -> tuple[TimeFault, ...]:
    """Faults of a scenario that act on times; `tags` are the ids that `tag_index` points into."""
    return tuple(
        TimeFault(
            tags.index(f"{vessel.id}.{fault.concerns}"),
            FAULTS[fault.kind].action,
            fault.at_h * 3600.0,
            np.inf if fault.end_h is None else fault.end_h * 3600.0,
            fault.magnitude,
        )
        for vessel in vessels
        for fault in vessel.faults
        if FAULTS[fault.kind].action in ON_TIMES
    )


@dataclass(slots=True)
class Clocks:
    """Makes times wrong, and keeps values back that come later; the same data in any steps."""

    faults: tuple[TimeFault, ...]
    _kept: list[tuple[NDArray[np.float64], Rows]] = field(default_factory=list)

    def pass_on(self, rows: Rows, to_s: float) -> Rows:
        """What has come until `to_s` out of what was sent, in order of arrival."""
        if not self.faults:
            return rows
        hits = [fault.hits(rows) for fault in self.faults]
        arrival, said, times = rows.time_s.copy(), rows.time_s.copy(), np.ones(len(rows.time_s), np.int64)
        for fault, hit in zip(self.faults, hits, strict=True):
            if fault.action == CLOCK:
                said[hit] += fault.size
            elif fault.action == LATE:
                arrival[hit] += fault.size
            else:
                times[hit] = 2
        places = np.repeat(np.arange(len(times)), times)
        sent = Rows(said, rows.tag_index, rows.value, rows.quality).take(places)
        return self._arrived(arrival[places], sent, to_s)

    def _arrived(self, arrival: NDArray[np.float64], rows: Rows, to_s: float) -> Rows:
        self._kept.append((arrival, rows))
        due = np.concatenate([one for one, _ in self._kept])
        kept = Rows(*(np.concatenate([getattr(one, name) for _, one in self._kept]) for name in COLUMNS))
        order = np.argsort(due, kind="stable")
        due, kept = due[order], kept.take(order)
        self._kept = [(due[due > to_s], kept.take(due > to_s))]
        return kept.take(due <= to_s)
