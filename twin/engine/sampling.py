"""The next sample that tells most: every assay of a vessel in the next day, weighed by one look ahead."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.domain.asset import Vessel
from twin.domain.sampling import Doubt, NextSample
from twin.domain.tag import TagKind
from twin.domain.trust import Seen
from twin.observers.observability import slopes
from twin.observers.sampling import Ahead, Faults, Lookahead
from twin.observers.ukf import Belief
from twin.processes.base import Array, Hypothesis, Process, Shape, scales

HOUR: Final = 3_600_000_000_000
STEP_H: Final = 0.25
"""Step of the look ahead [h]: what a result then takes is what was promised within 10 %."""
DRAWN_H: Final = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0, 24.0)
"""When samples are thought to be drawn [h from now] (chosen default)."""
DELAY_H: Final = 2.0
"""From drawing to result, while no result of the assay has come [h] (chosen default)."""
LONGEST_H: Final = 48.0
"""A result counts as coming after this time at the latest [h]: no further back does the twin go."""
JUMPS: Final = 3.0
"""A fault that jumps is asked for at so many times its least size, one that grows at its least rate."""


@dataclass(slots=True)
class _Candidate:
    """One possible result: place of its output, when drawn and known [h], and what it takes."""

    output: int
    drawn_h: float
    known_h: float
    total: float = 0.0
    doubts: list[Doubt] = field(default_factory=list)
    faults: list[Seen] = field(default_factory=list)


def horizon_h(delays: Mapping[str, float]) -> float:
    """How far to look ahead [h]: until the last possible result."""
    longest = max((delay for delay in delays.values()), default=DELAY_H)
    return float(np.ceil(DRAWN_H[-1] + min(max(longest, DELAY_H), LONGEST_H)))


def next_samples(
    process: Process,
    vessel: Vessel,
    now_ns: int,
    belief: Belief,
    path: Sequence[Array],
    alive: NDArray[np.bool_],
    delays: Mapping[str, float],
) -> tuple[NextSample, ...]:
    """Every assay of a vessel at every time of `DRAWN_H`, what tells most first.

    Parameters
    ----------
    process, vessel
    now_ns : int
        Time of the belief [ns since 1970-01-01 UTC].
    belief : Belief
    path : sequence of Array
        Inputs (k,) of each `STEP_H` that follows.
    alive : array of bool
        Which outputs are read in line (m,).
    delays : Mapping of str to float
        From drawing to result by name of the assay [h].

    Returns
    -------
    tuple of NextSample
        Empty for a vessel without a laboratory.
    """
    names = {tag.name for tag in vessel.tags if tag.kind is TagKind.ASSAY}
    assays = [i for i, o in enumerate(process.outputs) if o.assay and o.name in names]
    if not assays:
        return ()
    lookahead = Lookahead(process, alive, _faults(process))
    scale = scales(process)
    ahead, candidates = lookahead.begin(belief), list[_Candidate]()
    matters = _matters(process, names)
    for step, inputs in enumerate(path, 1):
        now_h = step * STEP_H
        drawn = assays if now_h in DRAWN_H else []
        lookahead.step(ahead, inputs, STEP_H, drawn)
        candidates += [_Candidate(i, now_h, now_h + _delay(process, i, delays)) for i in drawn]
        known = [c for c in candidates if c.known_h <= now_h]
        fresh = [c for c in known if not c.doubts]
        if known and (fresh or now_h == int(now_h)):
            slope = slopes(ahead.belief, lambda x, u=inputs: process.derive(x, u), scale)  # type: ignore[misc]
            _weigh(lookahead, ahead, slope, candidates, fresh, matters if now_h == int(now_h) else [], now_h)
    hours = len(path) * STEP_H
    found = [_told(c, vessel.id, process, now_ns, hours) for c in candidates if c.doubts]
    return tuple(sorted(found, key=lambda each: (-each.worth, each.drawn_ns, each.tag)))


def _faults(process: Process) -> Faults:
    names = [s.name for s in process.states]
    direction = np.zeros((len(process.hypotheses), len(names)))
    for i, h in enumerate(process.hypotheses):
        direction[i, names.index(h.state)] = 1.0
    ramp = np.array([h.shape is Shape.RAMP for h in process.hypotheses], dtype=bool)
    return Faults(direction, ramp, np.array([_size(h) for h in process.hypotheses]))


def _size(h: Hypothesis) -> float:
    return h.least * (1.0 if h.shape is Shape.RAMP else JUMPS)


def _delay(process: Process, output: int, delays: Mapping[str, float]) -> float:
    return min(max(delays.get(process.outputs[output].name, DELAY_H), STEP_H), LONGEST_H)


def _matters(process: Process, names: set[str]) -> list[int]:
    """Places of the quantities that the vessel's laboratory measures; all where it measures none."""
    stems = {name.removesuffix("_lab") for name in names}
    found = [
        i
        for i, q in enumerate(process.quantities)
        if q.name.removeprefix("est_").removesuffix("_true") in stems
    ]
    return found or list(range(len(process.quantities)))


def _weigh(
    lookahead: Lookahead,
    ahead: Ahead,
    slope: Array,
    candidates: Sequence[_Candidate],
    fresh: Sequence[_Candidate],
    matters: Sequence[int],
    now_h: float,
) -> None:
    """Add what every known result takes at this hour, and what a fresh one takes of quantities and faults."""
    variance, shares = lookahead.shares(ahead, slope)
    for j, c in enumerate(candidates):
        if c.known_h <= now_h and len(matters):
            c.total += float(shares[list(matters), j].mean())
    if not fresh:
        return
    faults, process = lookahead.fault_shares(ahead), lookahead.process
    for j, c in enumerate(candidates):
        if any(c is each for each in fresh):
            c.doubts = list(_doubts(process, variance, shares[:, j]))
            c.faults = [
                Seen(h.code, round(float(s), 3))
                for h, s in zip(process.hypotheses, faults[:, j], strict=True)
            ]


def _doubts(process: Process, variance: Array, shares: Array) -> Iterator[Doubt]:
    for q, before, share in zip(process.quantities, np.sqrt(variance), shares, strict=True):
        after = float(before) * float(np.sqrt(1.0 - share))
        yield Doubt(q.name, q.unit, float(f"{before:.4g}"), float(f"{after:.4g}"), round(float(share), 3))


def _told(c: _Candidate, asset: str, process: Process, now_ns: int, hours: float) -> NextSample:
    drawn_ns, known_ns = (now_ns + round(h * HOUR) for h in (c.drawn_h, c.known_h))
    return NextSample(
        f"{asset}.{process.outputs[c.output].name}",
        drawn_ns,
        known_ns,
        c.drawn_h,
        round(c.total / hours, 4),
        tuple(sorted(c.doubts, key=lambda d: -d.share)),
        tuple(sorted(c.faults, key=lambda s: -s.share)),
    )
