"""Soft sensors beside the laboratory of stored runs: every result is predicted before it is folded in.

The prediction is what the twin expected the laboratory to say at the end of the frame in which the sample was
drawn, from readings before that frame and from results that had been reported by its end. It is taken as
it was told first: what the twin came to believe later, when the result had come, does not count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from twin.domain.asset import Line, Vessel
from twin.domain.measurement import Quality
from twin.processes.base import Process
from twin.service.model import process_of
from twin.service.play.recording import Recording
from twin.service.play.series import Series
from twin.service.sensors import Band, Sensor, band, stem

FIRST_NS: Final = 2 * 3_600_000_000_000
"""Samples drawn in the first hours of a twin are not compared: it settles [ns] (as `twin score`)."""

Foretold: TypeAlias = dict[int, tuple[float, float]]
"""Mean and standard deviation by end of frame [ns], as told first."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the laboratory results of all runs.

    Parameters
    ----------
    results : int
        Usable results of quantities that a model predicts.
    compared : int
    early : int
        Of samples drawn before the twin began or in its first two hours.
    untold : int
        Where the twin said nothing: it had no trust in itself, or no frame.
    """

    results: int
    compared: int
    early: int
    untold: int


@dataclass(frozen=True, slots=True)
class Result:
    """One laboratory result [unit of its tag], when it was drawn and known [ns]."""

    drawn_ns: int
    known_ns: int
    value: float


def stored_sensors(recording: Recording, line: Line) -> tuple[list[Sensor], Counts]:
    """Every soft sensor of every model of the line, pooled over the vessels it follows.

    Sensors of which no laboratory speaks are there too, with no run.
    """
    models: dict[str, tuple[Process, list[Vessel]]] = {}
    for vessel in line.vessels:
        if vessel.process:
            models.setdefault(vessel.process, (process_of(vessel), []))[1].append(vessel)
    sensors: list[Sensor] = []
    counts = np.zeros(4, dtype=int)
    for name, (process, vessels) in models.items():
        found = [_vessel(recording, vessel, process) for vessel in vessels]
        for q in process.quantities:
            runs = tuple(bands[stem(q.name)] for bands, _ in found if stem(q.name) in bands)
            sensors.append(Sensor(name, q.name, q.unit, runs))
        counts += np.sum([each for _, each in found], axis=0)
    return sensors, Counts(*counts.tolist())


def _vessel(recording: Recording, vessel: Vessel, process: Process) -> tuple[dict[str, Band], list[int]]:
    """By what is assayed: how it was predicted; and the counts of `Counts`."""
    frame_ns = int(process.frame_s * 1e9)
    bands: dict[str, Band] = {}
    counts = [0, 0, 0, 0]
    for output in process.outputs:
        tag = f"{vessel.id}.{output.name}"
        if not output.assay or tag not in recording.measured:
            continue
        results = list(_results(recording.measured[tag]))
        foretold = _foretold(recording.believed.get(tag, Series()))
        begin_ns = min(foretold, default=0) - frame_ns
        late = [r for r in results if foretold and r.drawn_ns >= begin_ns + FIRST_NS]
        ends = [-(-r.drawn_ns // frame_ns) * frame_ns for r in late]
        pairs = [(r, foretold[end]) for r, end in zip(late, ends, strict=True) if end in foretold]
        if pairs:
            bands[stem(output.name)] = _band(pairs, results)
        sizes = (len(results), len(pairs), len(results) - len(late), len(late) - len(pairs))
        counts = [a + b for a, b in zip(counts, sizes, strict=True)]
    return bands, counts


def _band(pairs: Sequence[tuple[Result, tuple[float, float]]], results: Sequence[Result]) -> Band:
    """Predictions judged by their results, beside the result known at the drawing and the one before."""
    held, past = [], []
    for r, _ in pairs:
        known = [o for o in results if o.known_ns <= r.drawn_ns and o.drawn_ns < r.drawn_ns]
        before = [o for o in results if o.drawn_ns < r.drawn_ns]
        held.append(max(known, key=lambda o: o.drawn_ns).value if known else np.nan)
        past.append(max(before, key=lambda o: o.drawn_ns).value if before else np.nan)
    told = np.array([p for _, p in pairs])
    values = np.array([r.value for r, _ in pairs])
    return band(told[:, 0], told[:, 1], values, np.array(held), np.array(past))


def _results(s: Series) -> Iterator[Result]:
    for i, quality in enumerate(s.more):
        if s.value[i] == s.value[i] and quality in (Quality.GOOD, Quality.UNCERTAIN):
            yield Result(s.time[i], s.known[i], s.value[i])


def _foretold(s: Series) -> Foretold:
    """Predictions as told first: what is told again after late values is not put in their place."""
    found: Foretold = {}
    for i, time_ns in enumerate(s.time):
        found.setdefault(time_ns, (s.value[i], s.more[i]))
    return found
