"""A scenario made ready for a forecast: which set points hold when, and what faults do to the states."""

import difflib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from twin.domain.asset import Vessel
from twin.domain.errors import InputError
from twin.domain.event import Verdict
from twin.domain.whatif import BASE_NAMES, HARVEST, MOST_CHANGES, MOST_SCENARIOS, Change, Knob, WhatIf
from twin.processes.base import Array, Foreseeing, Hypothesis, Process, Shape

HOUR: Final = 3_600_000_000_000
FARTHEST_H: Final = 504.0
"""A change may lie this far ahead, as far as a forecast reaches [h]."""
LONGEST_RUN_H: Final = 2000.0
"""Latest batch age of a harvest [h] (chosen default)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario in the words of a model.

    Parameters
    ----------
    settings : tuple of Change
        Set points and recipe, in order of time.
    faults : tuple of (float, int, float, bool, bool)
        Of each: when [h], place of its state, size [state unit, per hour when it grows], whether it grows,
        and whether it is a probe that lies.
    states : int
        How many the model has.
    harvest_h : float or None
        Batch age of the harvest [h].
    """

    settings: tuple[Change, ...] = ()
    faults: tuple[tuple[float, int, float, bool, bool], ...] = ()
    states: int = 0
    harvest_h: float | None = None

    @property
    def changes_nothing(self) -> bool:
        """True for the run as it is."""
        return not self.settings and not self.faults and self.harvest_h is None

    def wanted(self, age_h: float) -> dict[str, float]:
        """Values that hold from `age_h` on [h]; those set later are not in it."""
        return {c.what: c.value for c in self.settings if c.in_h <= age_h + 1e-9}

    def pieces(self, begin_h: float, hours: float) -> list[tuple[float, float]]:
        """A step cut where something is changed within it: beginnings and lengths [h]."""
        times = {c.in_h for c in self.settings} | {fault[0] for fault in self.faults}
        inside = {t for t in times if begin_h + 1e-9 < t < begin_h + hours - 1e-9}
        if not inside:
            return [(begin_h, hours)]
        cuts = sorted({begin_h, begin_h + hours} | inside)
        return [(a, b - a) for a, b in itertools.pairwise(cuts)]

    def moved(self, begin_h: float, end_h: float) -> Array:
        """What faults add to each state (n,) between two times: begin <= t < end for jumps [state unit]."""
        return self._total(end_h - 1e-9, False) - self._total(begin_h - 1e-9, False)

    def lies(self, hours: Array) -> Array:
        """What probes read too much by injected faults, at each time (T, n) [state unit]."""
        return np.array([self._total(h, True) for h in hours.tolist()]).reshape(len(hours), self.states)

    def _total(self, age_h: float, lying_only: bool) -> Array:
        total = np.zeros(self.states)
        for at_h, place, size, grows, lying in self.faults:
            if age_h >= at_h and (lying or not lying_only):
                total[place] += size * (age_h - at_h if grows else 1.0)
        return total


def knobs(process: Process, vessel: Vessel) -> tuple[Knob, ...]:
    """Everything that may be changed in a scenario of a vessel."""
    volume_l = vessel.batch.volume_l if vessel.batch else 1.0
    own = process.knobs(volume_l) if isinstance(process, Foreseeing) else ()
    end = (Knob(HARVEST, "h", 0.0, LONGEST_RUN_H),) if vessel.batch else ()
    return (*own, *end, *(_fault_knob(h) for h in process.hypotheses))


def _fault_knob(h: Hypothesis) -> Knob:
    grows = h.shape is Shape.RAMP
    most = min(h.most, h.fastest) if grows else h.most
    low, high = sorted(float(f"{h.readable(size):.3g}") for size in (-most, most))
    return Knob(h.code, h.unit, low if h.sign <= 0 else 0.0, high if h.sign >= 0 else 0.0, True, grows)


def check_together(scenarios: Sequence[WhatIf]) -> None:
    """Refuse scenarios that can not be asked together.

    Raises
    ------
    InputError
        When there are none or too many, two of one name, or one with the name of the run as it is.
    """
    if not 1 <= len(scenarios) <= MOST_SCENARIOS:
        raise InputError(f"what-if: {len(scenarios)} scenarios came; 1 to {MOST_SCENARIOS} at once would do")
    names = [each.name for each in scenarios]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or "" in names:
        raise InputError(
            f"what-if: each scenario needs a name of its own; came {', '.join(map(repr, names))}"
        )
    taken = next((name for name in names if " ".join(name.lower().split()) in BASE_NAMES), None)
    if taken is not None:
        raise InputError(
            f"what-if: {taken!r} is the name of the run when nothing is changed; another name would do"
        )


def planned(process: Process, vessel: Vessel, now_ns: int, asked: WhatIf) -> Plan:
    """The plan of a scenario that begins at `now_ns` [ns].

    Raises
    ------
    InputError
        When it changes what the model does not know, by more than it can speak of, one thing twice at one
        time, or at no possible time.
    """
    if len(asked.changes) > MOST_CHANGES:
        raise InputError(f"scenario {asked.name!r}: {len(asked.changes)} changes; {MOST_CHANGES} would do")
    known = {knob.name: knob for knob in knobs(process, vessel)}
    for change in asked.changes:
        _check(asked.name, change, known, vessel)
    _check_once(asked)
    _check_in_time(asked, vessel, now_ns)
    places = {s.name: i for i, s in enumerate(process.states)}
    causes = {h.code: h for h in process.hypotheses}
    plain = [c for c in asked.changes if c.what not in causes and c.what != HARVEST]
    ends = [c.value for c in asked.changes if c.what == HARVEST]
    if ends and vessel.batch and ends[-1] <= (age := (now_ns - vessel.batch.start_ns) / HOUR):
        raise InputError(
            f"scenario {asked.name!r}: harvest={ends[-1]:g} came, but the batch is {age:.1f} h old already; "
            "a later batch age would do"
        )
    return Plan(
        tuple(sorted(plain, key=lambda c: c.in_h)),
        tuple(_fault(c, causes[c.what], places) for c in asked.changes if c.what in causes),
        len(process.states),
        ends[-1] if ends else None,
    )


def _check(name: str, change: Change, known: Mapping[str, Knob], vessel: Vessel) -> None:
    what = change.what
    knob = known.get(change.what)
    if knob is None:
        near = difflib.get_close_matches(change.what, known, 3, cutoff=0.5)
        hint = f"near it: {', '.join(near)}" if near else f"there are {', '.join(known) or 'none'}"
        raise InputError(f"scenario {name!r}: {what} can not be changed for {vessel.id}; {hint}")
    if not knob.low <= change.value <= knob.high:
        unit = f"{knob.unit}/h" if knob.rate else knob.unit
        high = f"{knob.high:g}" + ("" if unit == "1" else f" {unit}")
        raise InputError(f"scenario {name!r}: {what}={change.value:g} came; {knob.low:g} to {high} would do")
    if not 0.0 <= change.in_h <= FARTHEST_H:
        raise InputError(
            f"scenario {name!r}: {what} in {change.in_h:g} h came; from 0 to {FARTHEST_H:g} h ahead would do"
        )


def _check_once(asked: WhatIf) -> None:
    """One thing may change again later, but not twice at once; a run has one harvest."""
    keys = [(c.what, 0.0 if c.what == HARVEST else c.in_h) for c in asked.changes]
    for what, in_h in keys:
        if keys.count((what, in_h)) > 1:
            came = ", ".join(f"{c.what}={c.value:g}@{c.in_h:g}" for c in asked.changes if c.what == what)
            would = "one of them" if what == HARVEST else "one of them, or another hour for each"
            raise InputError(
                f"scenario {asked.name!r}: {what} is changed twice at once ({came}); would do: {would}"
            )


def _check_in_time(asked: WhatIf, vessel: Vessel, now_ns: int) -> None:
    """Nothing changes when the run is over; one that is past its planned end goes on, and is not bound."""
    batch = vessel.batch
    if batch is None:
        return
    ends = [c.value for c in asked.changes if c.what == HARVEST]
    end_h = ends[-1] if ends else batch.duration_h
    left_h = end_h - (now_ns - batch.start_ns) / HOUR
    late = next((c for c in asked.changes if c.what != HARVEST and c.in_h >= left_h > 0.0), None)
    if late is not None:
        raise InputError(
            f"scenario {asked.name!r}: {late.what} changes in {late.in_h:g} h, but the run ends in "
            f"{left_h:.1f} h, at a batch age of {end_h:g} h; an earlier change or a later harvest would do"
        )


def _fault(change: Change, h: Hypothesis, places: Mapping[str, int]) -> tuple[float, int, float, bool, bool]:
    grows = h.shape is Shape.RAMP
    return (change.in_h, places[h.state], h.state_size(change.value), grows, h.verdict is Verdict.SENSOR)


def as_planned(process: Process) -> Plan:
    """The plan that changes nothing."""
    return Plan(states=len(process.states))
