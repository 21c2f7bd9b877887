"""The plant as a whole: every vessel of a scenario, stepped to any time, the same data in any steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.batch import BatchRun
from simulators.carriers import NUMBER, Carriers, Rows, carrier_faults
from simulators.faults import FAULTS
from simulators.laboratory import AssayResult
from simulators.log import LogEvent
from simulators.loop import CELLS_ONLY, CLEANED, KEPT, MICROBIAL, NOTHING, PERFUSION, TRUTH
from simulators.probes import tags
from simulators.reporting import Exceptions
from simulators.scenario import Scenario
from twin.domain.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PlantBatch:
    """Everything the plant said in one interval, ``from < time <= to``.

    Parameters
    ----------
    tags : tuple of str
        Tag ids that `tag_index` points into.
    time_s : float64 array, shape (n,)
        Seconds since the wires opened, as the transmitter says: never falling, but for clocks that are wrong
        and values that come late.
    tag_index : int32 array, shape (n,)
    value : float64 array, shape (n,)
        NaN where the transmitter sent none, or no number.
    quality : int16 array, shape (n,)
        192 good, 64 uncertain, 0 bad.
    words : Mapping[int, str]
        What was sent in place of a number, by row.
    assays : tuple of AssayResult
        Laboratory results reported in the interval.
    events : tuple of LogEvent
    """

    tags: tuple[str, ...]
    time_s: NDArray[np.float64]
    tag_index: NDArray[np.int32]
    value: NDArray[np.float64]
    quality: NDArray[np.int16]
    words: Mapping[int, str] = field(default_factory=dict)
    assays: tuple[AssayResult, ...] = ()
    events: tuple[LogEvent, ...] = ()

    @property
    def tag(self) -> list[str]:
        """Tag id of every row."""
        return [self.tags[i] for i in self.tag_index]


@dataclass(frozen=True, slots=True)
class FaultInterval:
    """A declared fault as it truly was; times in seconds since the wires opened."""

    vessel: str
    kind: str
    tag: str
    verdict: str
    size: float
    unit: str
    start_s: float
    end_s: float
    ramp_s: float | None


@dataclass(slots=True)
class Plant:
    """The vessels of a scenario.

    Parameters
    ----------
    scenario : Scenario
    seed : int or None
        In place of the scenario's own.
    keep_truth : bool
        Record true values for `truth`.
    """

    scenario: Scenario
    seed: int | None = None
    keep_truth: bool = True
    now_s: float = field(default=-1.0, init=False)
    _runs: dict[str, BatchRun] = field(init=False, repr=False)
    _tags: tuple[str, ...] = field(init=False, repr=False)
    _carriers: Carriers = field(init=False, repr=False)
    _quiet: tuple[Exceptions, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        seed = self.scenario.seed if self.seed is None else self.seed
        self._runs = {v.id: BatchRun(v, self.scenario.period_s, seed) for v in self.scenario.vessels}
        self._tags = tuple(f"{v.id}.{name}" for v in self.scenario.vessels for name in tags(v.kind))
        how = self.scenario.on_change
        self._quiet = () if how is None else tuple(Exceptions(v, how) for v in self.scenario.vessels)
        faults = carrier_faults(self.scenario.vessels, self._tags, self.scenario.period_s)
        self._carriers = Carriers(faults)

    @property
    def tags(self) -> tuple[str, ...]:
        """Tag ids of all transmitters and set points."""
        return self._tags

    def advance(self, to_s: float) -> PlantBatch:
        """Run to `to_s` seconds after the wires opened; the first call includes time 0.

        Raises
        ------
        ValueError
            When `to_s` lies before the time reached.
        """
        if to_s < self.now_s:
            raise ValueError(f"the plant is at {self.now_s} s and can not go back to {to_s} s")
        self.now_s = to_s
        said = [run.advance(to_s, self.keep_truth) for run in self._runs.values()]
        for one, quiet in zip(said, self._quiet, strict=False):
            quiet.thin(one.time_s, one.values, one.qualities)
        value = np.concatenate([one.values for one in said], axis=1).ravel()
        quality = np.concatenate([one.qualities for one in said], axis=1).ravel()
        columns = len(self._tags)
        time_s = np.repeat(said[0].time_s, columns)
        tag = np.tile(np.arange(columns, dtype=np.int32), len(said[0].time_s))
        rows = Rows(time_s, tag, value, quality, np.full(len(value), NUMBER, np.int8))
        if (quality == NOTHING).any():
            rows = rows.take(quality != NOTHING)
        rows = self._carriers.pass_on(rows, to_s)
        words = rows.words(self._tags)
        assays = (assay for one in said for assay in one.assays)
        events = (event for one in said for event in one.events)
        return PlantBatch(
            tags=self._tags,
            time_s=rows.time_s,
            tag_index=rows.tag_index,
            value=np.where(rows.form == NUMBER, rows.value, np.nan) if words else rows.value,
            quality=rows.quality,
            words=words,
            assays=tuple(sorted(assays, key=lambda a: (a.reported_s, a.tag))),
            events=tuple(sorted(events, key=lambda e: (e.time_s, e.vessel))),
        )

    def truth(self) -> dict[str, Any]:
        """What no probe shows: columns ``time_s``, ``vessel`` and every name of `loop.TRUTH`.

        With a perfused vessel in the plant, those of `loop.PERFUSION` too; with a microbial one, those of
        `loop.MICROBIAL`, and in its rows those of `loop.CELLS_ONLY` are NaN.

        The true values of the measured quantities carry the tag's name, at every sampling time so far.
        """
        columns: dict[str, list[Any]] = {"time_s": [], "vessel": []}
        tables = []
        for vessel, run in self._runs.items():
            table = run.truth_table()
            if run.scenario.is_microbial:
                table[:, [KEPT.index(name) for name in CELLS_ONLY]] = np.nan
            columns["time_s"].append(run.truth_times())
            columns["vessel"].append(np.repeat(vessel, len(table)))
            tables.append(table)
        rows = np.concatenate(tables)
        out: dict[str, Any] = {name: np.concatenate(parts) for name, parts in columns.items()}
        names = (*TRUTH, *self._beside())
        return out | {name: rows[:, KEPT.index(name)] for name in names}

    def _beside(self) -> tuple[str, ...]:
        """True values of single kinds of vessels in this plant."""
        perfused = any(vessel.perfused for vessel in self.scenario.vessels)
        microbial = any(vessel.is_microbial for vessel in self.scenario.vessels)
        cleaned = any(v.recipe.cip_h is not None or v.steamed for v in self.scenario.vessels)
        shown = (PERFUSION if perfused else ()) + (MICROBIAL if microbial else ())
        return shown + (CLEANED if cleaned else ())

    def faults(self) -> tuple[FaultInterval, ...]:
        """Declared faults of all vessels with their true times."""
        end = self.scenario.duration_h * 3600.0
        return tuple(
            FaultInterval(
                vessel=vessel.id,
                kind=fault.kind,
                tag=f"{vessel.id}.{fault.concerns}",
                verdict=FAULTS[fault.kind].verdict,
                size=fault.magnitude,
                unit=FAULTS[fault.kind].unit,
                start_s=fault.at_h * 3600.0,
                end_s=end if fault.end_h is None else fault.end_h * 3600.0,
                ramp_s=None if fault.ramp_h is None else fault.ramp_h * 3600.0,
            )
            for vessel in self.scenario.vessels
            for fault in vessel.faults
        )

    def set_point(self, tag_id: str, value: float) -> None:
        """Write a set point, such as ``"R101.pH_sp"``; acts from the time reached on.

        Raises
        ------
        ConfigError
            When there is no such set point or the value is outside its limits.
        """
        vessel, _, name = tag_id.partition(".")
        if vessel not in self._runs:
            raise ConfigError(f"set point {tag_id}: no vessel {vessel!r}; there are: {', '.join(self._runs)}")
        self._runs[vessel].crew.set_point(name, value)

    def operate(self, vessel: str, operation: str, about: str = "") -> None:
        """Carry out one of `operations.OPERATIONS`, such as ``HoldPhase``, at the time reached.

        Raises
        ------
        ConfigError
            When vessel, operation or argument do not exist; `operations.NotNow` when its time is not now.
        """
        if vessel not in self._runs:
            raise ConfigError(f"{operation}: no vessel {vessel!r}; there are: {', '.join(self._runs)}")
        self._runs[vessel].crew.operate(operation, about)
