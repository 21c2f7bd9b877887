"""Faults of what carries values: wrong clocks, gateways that keep or repeat or spell them, headings."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.faults import CLOCK, FAULTS, HEADING, LATE, ON_CARRIERS, SPELT, TWICE
from simulators.scenario import VesselScenario

COLUMNS: Final = ("time_s", "tag_index", "value", "quality", "form")
NUMBER: Final = 0
"""Form of what is sent as it should be; the others are the actions `SPELT` and `HEADING`."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Values in the order in which they come, shape (n,) each; columns as in `plant.PlantBatch`.

    `form` says how a value is written: `NUMBER`, `SPELT` or `HEADING`.
    """

    time_s: NDArray[np.float64]
    tag_index: NDArray[np.int32]
    value: NDArray[np.float64]
    quality: NDArray[np.int16]
    form: NDArray[np.int8]

    def words(self, tags: tuple[str, ...]) -> dict[int, str]:
        """What stands in place of a number, by row; `tags` are the ids that `tag_index` points into."""
        return {int(at): self._word(int(at), tags) for at in np.flatnonzero(self.form)}

    def _word(self, at: int, tags: tuple[str, ...]) -> str:
        if self.form[at] == HEADING:
            return tags[int(self.tag_index[at])].partition(".")[2]
        return f"{float(self.value[at]):.2f}".replace(".", ",")

    def take(self, places: NDArray[np.intp] | NDArray[np.bool_]) -> "Rows":
        """The rows at these places."""
        return Rows(*(getattr(self, name)[places] for name in COLUMNS))


@dataclass(frozen=True, slots=True)
class CarrierFault:
    """A fault of one tag's carrier; `size` in seconds, the interval in seconds since the wires opened."""

    tag_index: int
    action: int
    start_s: float
    end_s: float
    size: float
    period_s: float

    def hits(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows it concerns."""
        inside = (rows.time_s >= self.start_s) & (rows.time_s < self.end_s)
        mine = inside & (rows.tag_index == self.tag_index)
        if self.action == HEADING:
            mine &= (rows.time_s - self.start_s) % self.size < self.period_s
        if self.action in (HEADING, SPELT):
            mine &= ~np.isnan(rows.value)
        return np.asarray(mine)


def carrier_faults(
    vessels: tuple[VesselScenario, ...], tags: tuple[str, ...], period_s: float
) -> tuple[CarrierFault, ...]:
    """Faults of a scenario that act on what carries values; `tags`: the ids that `tag_index` points into."""
    return tuple(
        CarrierFault(
            tags.index(f"{vessel.id}.{fault.concerns}"),
            FAULTS[fault.kind].action,
            fault.at_h * 3600.0,
            np.inf if fault.end_h is None else fault.end_h * 3600.0,
            fault.magnitude,
            period_s,
        )
        for vessel in vessels
        for fault in vessel.faults
        if FAULTS[fault.kind].action in ON_CARRIERS
    )


@dataclass(slots=True)
class Carriers:
    """Makes times and forms wrong, and keeps values back that come later; the same data in any steps."""

    faults: tuple[CarrierFault, ...]
    _kept: list[tuple[NDArray[np.float64], Rows]] = field(default_factory=list)

    def pass_on(self, rows: Rows, to_s: float) -> Rows:
        """What has come until `to_s` out of what was sent, in order of arrival."""
        if not self.faults:
            return rows
        hits = [fault.hits(rows) for fault in self.faults]
        arrival, said, form = rows.time_s.copy(), rows.time_s.copy(), rows.form.copy()
        times = np.ones(len(rows.time_s), np.int64)
        for fault, hit in zip(self.faults, hits, strict=True):
            if fault.action == CLOCK:
                said[hit] += fault.size
            elif fault.action == LATE:
                arrival[hit] += fault.size
            elif fault.action == TWICE:
                times[hit] = 2
            else:
                form[hit] = fault.action
        places = np.repeat(np.arange(len(times)), times)
        sent = Rows(said, rows.tag_index, rows.value, rows.quality, form).take(places)
        return self._arrived(arrival[places], sent, to_s)

    def _arrived(self, arrival: NDArray[np.float64], rows: Rows, to_s: float) -> Rows:
        self._kept.append((arrival, rows))
        due = np.concatenate([one for one, _ in self._kept])
        kept = Rows(*(np.concatenate([getattr(one, name) for _, one in self._kept]) for name in COLUMNS))
        order = np.argsort(due, kind="stable")
        due, kept = due[order], kept.take(order)
        self._kept = [(due[due > to_s], kept.take(due > to_s))]
        return kept.take(due <= to_s)
