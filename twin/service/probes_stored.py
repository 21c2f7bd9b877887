"""Probes of stored runs beside the laboratory and beside the belief of their twin."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twin.domain.asset import Line, Vessel
from twin.domain.errors import ConfigError
from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.measurement import Quality
from twin.domain.tag import Tag, TagKind
from twin.service.play.recording import Recording
from twin.service.play.series import Series
from twin.service.probes import Array, Beside, Interval, beside, drift_told, life
from twin.service.sensors import stem

Times: TypeAlias = NDArray[np.int64]

DAY: Final = 86_400_000_000_000
HOUR: Final = 3_600_000_000_000
SETTLED_NS: Final = 2 * HOUR
"""Beliefs of the first hours of a twin are not compared: it settles [ns] (as `twin soft-sensors`)."""
AROUND_NS: Final = 300_000_000_000
"""Readings so long before and after a sample was drawn stand beside its result [ns] (chosen default)."""
OF_PROBES: Final = frozenset({Kind.SIGNAL_LOST, Kind.FROZEN, Kind.DEAD, Kind.SPIKE, Kind.NOISE})
"""Findings that are about the probe, beside drifts whose verdict is the sensor."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe and how it did.

    Parameters
    ----------
    tag : Tag
    limit : float
        Error from which it should be recalibrated [unit].
    controls : bool
        A set point of the vessel is of what it measures: its error is the culture's error.
    lab, twin : Beside
    findings : Mapping of str to int
        Conditions that were confirmed, by kind.
    """

    tag: Tag
    limit: float
    controls: bool
    lab: Beside
    twin: Beside
    findings: Mapping[str, int]

    @property
    def judged(self) -> Beside:
        """Beside the laboratory, or the twin where the laboratory says too little."""
        return self.lab if self.lab.error else self.twin

    @property
    def judged_by(self) -> str:
        """Which reference that is."""
        return "laboratory" if self.lab.error else "twin" if self.twin.error else ""

    @property
    def life(self) -> Interval | None:
        """Time until its error passes the limit [day]; None where no drift is told."""
        error, drift = self.judged.error, self.judged.drift
        if error is None or drift is None:
            return None
        told = drift_told(drift, self.limit) or error.sure >= self.limit
        return life(error, drift, self.limit) if told else None

    @property
    def surely(self) -> float:
        """Error that is sure beside the limit [1]."""
        return self.judged.error.sure / self.limit if self.judged.error else 0.0

    @property
    def ratio(self) -> float:
        """Error as told beside the limit [1]."""
        return abs(self.judged.error.value) / self.limit if self.judged.error else 0.0

    @property
    def due(self) -> bool:
        """Whether it should be recalibrated: beside the laboratory its error is surely beyond the limit."""
        return self.judged_by == "laboratory" and self.surely >= 1.0

    @property
    def check(self) -> bool:
        """Whether it should be compared with a reference: only the twin or a finding speaks against it.

        A laboratory whose interval lies within the limit clears a finding; one that is too wide does not.
        """
        suspected = Kind.DRIFT.value in self.findings or self.surely >= 1.0
        return suspected and not self.due and not self.cleared

    @property
    def cleared(self) -> bool:
        """Whether beside the laboratory its error is surely within the limit."""
        error = self.judged.error
        return self.judged_by == "laboratory" and error is not None and error.most <= self.limit

    @property
    def urgency(self) -> tuple[bool, bool, float, bool]:
        """By what comes first; of two alike the one that controls, for its error is the culture's."""
        return self.due, self.check, self.ratio if self.due or self.check else self.surely, self.controls


def stored_probes(recording: Recording, line: Line, limits: Mapping[str, float]) -> list[Probe]:
    """Every online tag of the line with a laboratory's counterpart or a belief, the most urgent first.

    Parameters
    ----------
    recording : Recording
    line : Line
    limits : Mapping of str to float
        Errors from which a probe should be recalibrated, by tag name or id, in place of the tag's accuracy.

    Raises
    ------
    ConfigError
        When a limit is of no tag, or no number above 0.
    """
    _check(limits, line)
    found = [
        probe
        for vessel in line.vessels
        for tag in vessel.tags
        if tag.kind is TagKind.ONLINE and (probe := _probe(recording, vessel, tag, limits))
    ]
    return sorted(found, key=lambda probe: probe.urgency, reverse=True)


def _check(limits: Mapping[str, float], line: Line) -> None:
    tags = [tag for tag in line.tags() if tag.kind is TagKind.ONLINE]
    known = {tag.name for tag in tags} | {tag.id for tag in tags}
    for name, value in limits.items():
        if name not in known:
            some = ", ".join(sorted({tag.name for tag in tags})[:12])
            raise ConfigError(
                f"--limit {name}={value:g}: line {line.id} has no probe {name}; it has {some} ..."
            )
        if not 0.0 < value < float("inf"):
            raise ConfigError(f"--limit {name}={value:g}: a number above 0 in the unit of the tag would do")


def _probe(recording: Recording, vessel: Vessel, tag: Tag, limits: Mapping[str, float]) -> Probe | None:
    lab, twin = _beside_lab(recording, vessel, tag), _beside_twin(recording, tag)
    if lab is None and twin is None:
        return None
    controls = any(t.kind is TagKind.SETPOINT and t.name == f"{tag.name}_sp" for t in vessel.tags)
    limit = limits.get(tag.id, limits.get(tag.name, tag.accuracy))
    findings = _findings([event for _, event in recording.told], tag)
    return Probe(tag, limit, controls, lab or Beside(0), twin or Beside(0), findings)


def _beside_lab(recording: Recording, vessel: Vessel, tag: Tag) -> Beside | None:
    """Each result beside the median of the readings around its drawing; None without a laboratory's tag."""
    same = [t for t in vessel.tags if t.kind is TagKind.ASSAY and stem(t.name) in (tag.name, tag.like)]
    if not same:
        return None
    times, values = _good(recording.measured[tag.id])
    drawn, results = _good(recording.measured[same[0].id])
    begins = np.searchsorted(times, drawn - AROUND_NS)
    ends = np.searchsorted(times, drawn + AROUND_NS, side="right")
    some = ends > begins
    medians = np.array([np.median(values[a:b]) for a, b in zip(begins[some], ends[some], strict=True)])
    return _compared(recording, drawn[some], medians, results[some])


def _beside_twin(recording: Recording, tag: Tag) -> Beside | None:
    """Medians of every hour beside what the twin believed; None where it believes nothing of the tag."""
    stems = [f"{tag.asset}.est_{name}" for name in (tag.name, tag.like) if name]
    names = [f"{each}{end}" for each in stems for end in ("_true", "")]
    believed = next((s for n in names if (s := recording.believed.get(n))), None)
    if believed is None or not believed.time:
        return None
    times, values = _good(recording.measured[tag.id])
    places = believed.between(recording.end_ns, min(believed.time) + SETTLED_NS, recording.end_ns + 1)
    if not places.size:
        return Beside(0)
    told, means = np.array(believed.time, np.int64)[places], np.array(believed.value)[places]
    read, expected = _hourly(times, values), _hourly(told, means)
    hours = np.array(sorted(read.keys() & expected.keys()), dtype=np.int64)
    doubt = float(np.median(np.array(believed.more)[places]))
    pairs = np.array([(read[h], expected[h]) for h in hours.tolist()]).reshape(-1, 2)
    return _compared(recording, hours * HOUR, pairs[:, 0], pairs[:, 1], doubt)


def _compared(
    recording: Recording, times: Times, probe: Array, reference: Array, doubt: float = 0.0
) -> Beside:
    days = (times - recording.start_ns) / DAY
    return beside(days, probe, reference, (recording.end_ns - recording.start_ns) / DAY, doubt)


def _good(series: Series) -> tuple[Times, Array]:
    """Times [ns] and values of good rows, by time."""
    values = np.array(series.value)
    good = np.isfinite(values) & (np.array(series.more) == float(Quality.GOOD))
    times = np.array(series.time, np.int64)[good]
    order = np.argsort(times, kind="stable")
    return times[order], values[good][order]


def _hourly(times: Times, values: Array) -> dict[int, float]:
    """Medians by hour since 1970; times rise."""
    hours, begins = np.unique(times // HOUR, return_index=True)
    parts = np.split(values, begins[1:])
    return {int(h): float(np.median(part)) for h, part in zip(hours, parts, strict=True)}


def _findings(events: list[Event], tag: Tag) -> dict[str, int]:
    """Confirmed conditions about the probe, by kind."""
    conditions = {
        (e.condition, e.kind.value)
        for e in events
        if e.tag == tag.id
        and e.stage is Stage.CONFIRMED
        and (e.kind in OF_PROBES or (e.kind is Kind.DRIFT and e.verdict is Verdict.SENSOR))
    }
    return dict(sorted(Counter(kind for _, kind in conditions).items()))
