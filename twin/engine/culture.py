"""The twin of one vessel: a belief stepped frame by frame, and the faults it tells."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from twin.domain.asset import Vessel
from twin.domain.event import Event, Kind, Stage
from twin.domain.frame import Frame, FrameValue
from twin.domain.measurement import Estimate
from twin.domain.sample import Assay
from twin.domain.trust import SelfReport, Trust
from twin.engine import lanes
from twin.engine.forecast import Forecaster, Present, Question
from twin.engine.inputs import Inputs
from twin.engine.mind import Expected, Mind, Release, Stepper, Turn
from twin.engine.revision import revise
from twin.engine.selfview import ALIVE_H, SelfView
from twin.engine.trust import TrustKeeper
from twin.engine.usual import Usual
from twin.monitors.decision import Decisions
from twin.monitors.glr import Finding
from twin.observers.consistency import Consistency
from twin.observers.rewind import HOUR, Row, Tape, readings_of
from twin.observers.ukf import SPREAD, Belief, factor
from twin.processes.base import Array, Process, Shape, model_ref

UNCERTAIN: Final = 3.0
"""Noise of a reading of uncertain quality, in units of that of a good one (chosen default)."""
LASTING: Final = 0.1
"""Part of a reading's noise that the mean of many does not lose: display steps, wander (chosen default)."""
WARM_UP_H: Final = 2.0
"""Nothing is decided in the first hours of a vessel [h] (chosen default)."""
SETTLE_H: Final = 1.0
"""After a confirmed fault the belief settles this long before the next is looked for [h] (default)."""
RAIL: Final = 0.004
"""Readings within this share of the range from its end are not used (chosen default)."""
EARLY_H: Final = 3.0
"""Samples drawn up to this long before the twin began are used at its begin [h] (chosen default)."""
CLEAR: Final = 1.5
"""A change must be this many standard deviations at the second look (chosen default)."""
MARGIN_H: Final = 0.1
"""A state is let go this much before the onset found [h] (chosen default)."""
HONEST_H: Final = 24.0
"""What counts as a probe's usual bias follows the belief with this time constant [h] (default)."""
LAYOUT: Final = 4
"""Of a snapshot."""
SPARSE: Final = 2.0
"""By how much a finding counts for less where values come more seldom than frames: what happens in between is
not seen. Chosen default; of five healthy batches of tuning seeds with a value in 300 s three were told a
fault without it and with held inputs taken as exact, none with it."""
FULL: Final = 0.75
"""Share of the last frames that must have a reading for values not to be sparse (chosen default)."""
RECENT_H: Final = 2.0
"""Which frames are the last [h] (chosen default)."""
DARK_H: Final = 1.0
"""After this long without any reading the twin settles as at its begin [h] (chosen default)."""


class CultureTwin:
    """Steps a process model along a vessel's frames.

    Deterministic and without a clock: the same frames give the same estimates and events.

    Parameters
    ----------
    vessel : Vessel
    process : Process
    every_s : float
        Estimates are told at multiples of this [s]; 0: with every frame. Events do not depend on it.
    """

    def __init__(self, vessel: Vessel, process: Process, every_s: float = 0.0) -> None:
        self._every_ns = int(every_s * 1e9)
        self.vessel = vessel
        self.process = process
        self.frame_s = process.frame_s
        self._tags = {tag.name: tag for tag in vessel.tags}
        self._stepper = Stepper(process, self._tags)
        self._forecaster = Forecaster(vessel, process)
        self._place = {name: i for i, name in enumerate(self._stepper.names)}
        self._reading = {o.name: i for i, o in enumerate(process.outputs)}
        self._shares = np.array([q.share for q in process.quantities])
        self._online = np.array([not o.assay for o in process.outputs], dtype=bool)
        self._model = model_ref(process, vessel.process_model)
        self._keeper = TrustKeeper(vessel.id, self._model)
        self._selfview = SelfView(vessel.id, process, self._stepper.noise, self._model)
        self._decisions = Decisions(
            vessel.id, {h.code: h for h in self._stepper.bank.hypotheses}, self._model
        )
        self._bias = {self._stepper.names[i]: k for k, i in enumerate(self._stepper.biases)}
        self._inputs = Inputs(process, self._tags)
        grounds = [self._tags.keys() >= set(h.rests_on) for h in process.hypotheses]
        self._groundless = ~np.array(grounds, dtype=bool)
        """faults that rest on a tag the vessel does not have: never told"""
        self._mind: Mind | None = None
        self._tape: Tape[Mind] = Tape()
        self._releases: list[Release] = []
        self._read_ns = 0
        self._start_ns = 0
        self._settled_ns = 0

    def step(self, frame: Frame) -> tuple[list[Estimate], list[Event]]:
        """Take one frame; returns beliefs at its end and findings."""
        mind = self._mind or self._begin(frame.start_ns)
        row = self._row(frame)
        self._tape.record(row)
        events = self._take_assays(frame.assays, row)
        mind = self._mind or mind
        self._mind, resets = mind, mind.resets
        expected = self._advance(mind, row)
        tells = self._every_ns == 0 or row.end_ns % self._every_ns == 0
        band = self._band(expected, row) if tells else []
        if mind.resets > resets:
            events.append(self._told(row.end_ns, "filter_reset", {"resets": float(mind.resets)}))
        events += self._decide(row)
        mind = self._mind
        self._tape.mark(row.end_ns, mind.copy)
        events = self._keeper.pass_on(events) + self._judge(mind, row)
        tells = tells and self._keeper.level is not Trust.OFF
        return band + self._quantities(mind, row) if tells else [], events

    def revise(self, frames: Sequence[Frame]) -> tuple[list[Estimate], list[Event]]:
        """Take what came late for frames that were stepped already; see `twin.engine.revision`."""
        estimates, events = revise(self, frames)
        return [] if self._keeper.level is Trust.OFF else estimates, self._keeper.pass_on(events)

    def _judge(self, mind: Mind, row: Row) -> list[Event]:
        """Once an hour: how the twin is, and what follows for its trust."""
        if row.end_ns % HOUR or row.end_ns < self._settled_ns:
            return []
        self._selfview.look(mind, self._tape.rows, self._decisions.busy(row.end_ns))
        return self._keeper.judge(self._selfview.figures, row.end_ns)

    def report(self) -> SelfReport | None:
        """How the twin is, as of the last full hour; None before it has looked at itself."""
        return self._selfview.report(self._keeper)

    def _begin(self, start_ns: int) -> Mind:
        batch = self.vessel.batch
        age_h = (start_ns - batch.start_ns) / HOUR if batch else 0.0
        mean, sd = self.process.begin(batch, age_h)
        self._start_ns = start_ns
        self._settled_ns = start_ns + int(WARM_UP_H * HOUR)
        self._read_ns = start_ns
        belief = Belief(mean, np.diag(sd**2))
        fresh = Consistency.new(len(self._reading))
        self._mind = Mind(belief, self._stepper.bank.empty(), Usual.of(belief, self._stepper.biases), fresh)
        self._tape.mark(start_ns, self._mind.copy)
        return self._mind

    def _row(self, frame: Frame) -> Row:
        """The frame as numbers; inputs keep their last value while nothing comes."""
        inputs, scatter, unknown = self._inputs.take(frame, self._start_ns)
        doubted = [not frame.doubted.isdisjoint(h.rests_on) for h in self.process.hypotheses]
        mute = self._groundless | np.array(doubted, dtype=bool)
        readings, widen = self._readings(frame)
        return Row(frame.start_ns, frame.end_ns, inputs, scatter, readings, widen, unknown, mute)

    def _readings(self, frame: Frame) -> tuple[Array, Array]:
        """Usable readings of a frame (m,), NaN where there is none, and their noise factors (m,)."""
        readings, widen = [math.nan] * len(self._reading), [1.0] * len(self._reading)
        for name, i in self._reading.items():
            value = frame.values.get(name)
            if value is None or self.process.outputs[i].assay or self._railed(name, value):
                continue
            if math.isfinite(value.mean):
                readings[i] = value.mean
                widen[i] = _scatter(value.count) * (UNCERTAIN if value.uncertain else 1.0)
        return np.array(readings), np.array(widen)

    def _railed(self, name: str, value: FrameValue) -> bool:
        """Tell whether a reading lies at the end of its range: then it says "at least", not "equal"."""
        tag = self._tags.get(name)
        if tag is None:
            return False
        margin = RAIL * (tag.high - tag.low)
        return value.mean > tag.high - margin or (value.uncertain and value.mean < tag.low + margin)

    def _take_assays(self, assays: tuple[Assay, ...], row: Row) -> list[Event]:
        """Put results into the rows of their samples; go back when that is before this frame."""
        events, late = [], row.start_ns
        for assay in assays:
            place = self._reading.get(assay.tag.partition(".")[2])
            if place is None or not np.isfinite(assay.value):
                continue
            drawn_ns = self._known_time(assay.drawn_ns)
            target = row if drawn_ns > row.start_ns else self._tape.row_at(drawn_ns)
            if target is None or self._tape.back_to(target.end_ns) is None:
                events.append(self._told(row.end_ns, "assay_too_late", {"tag": assay.tag}))
                continue
            target.readings[place] = assay.value
            late = min(late, target.start_ns)
        if late < row.start_ns:
            self._rewind(late, row.start_ns)
        return events

    def _known_time(self, drawn_ns: int) -> int:
        """Time to use for a sample: one drawn shortly before the twin began counts as its first."""
        before = self._start_ns - drawn_ns
        return self._start_ns + 1 if 0 <= before <= EARLY_H * HOUR else drawn_ns

    def _rewind(self, time_ns: int, now_ns: int, afresh: bool = False) -> bool:
        """Go back to before `time_ns` and forward again to `now_ns`; what was decided stays decided.

        With `afresh` the evidence for faults starts anew there. False when that is too long ago.
        """
        found = self._tape.back_to(time_ns + 1)
        if found is None:
            return False
        mark_ns, mind = found[0], found[1].copy()
        self._tape.forget_marks_after(mark_ns)
        if afresh:
            mind.evidence = self._stepper.bank.empty()
        for row in self._tape.rows_after(mark_ns):
            if row.end_ns > now_ns:
                break
            self._advance(mind, row)
            self._tape.mark(row.end_ns, mind.copy)
        self._mind = mind
        return True

    def _decide(self, row: Row) -> list[Event]:
        mind, now_ns = self._mind, row.end_ns
        if mind is None:
            return []
        values = dict(zip(self._place, mind.belief.mean.tolist(), strict=True))
        events = self._decisions.follow(values, now_ns)
        for release in self._releases:
            if release.end_ns == 0 and release.code not in self._decisions.standing:
                release.end_ns = now_ns
        if self._online.any() and not np.isfinite(row.readings[self._online]).any():
            return events
        if row.start_ns - self._read_ns > DARK_H * HOUR:
            self._settled_ns = max(self._settled_ns, now_ns + int(WARM_UP_H * HOUR))
        self._read_ns = now_ns
        if now_ns < self._settled_ns:
            mind.evidence = self._stepper.bank.empty()
            return events
        self._stepper.bank.forget(mind.evidence, self._decisions.unfounded())
        findings = self._stepper.bank.findings(mind.evidence, now_ns, self._decisions.blocked())
        if self._sparse():
            findings = [replace(f, ratio=f.ratio / SPARSE) for f in findings]
        told, leader = self._decisions.weigh(findings, now_ns)
        if leader is not None:
            told += self._second_look(leader, findings, now_ns)
        return events + told

    def _sparse(self) -> bool:
        """Tell whether many of the last frames had no reading."""
        last = readings_of(self._tape.rows[-int(RECENT_H * 3600.0 / self.frame_s) :])
        return float((np.isfinite(last) & self._online).any(axis=1).mean()) < FULL

    def _second_look(self, f: Finding, findings: Sequence[Finding], now_ns: int) -> list[Event]:
        """Live through the fault again with its state let go, and confirm it if it is still there.

        What the filter had put down to other states while it did not know of the fault is
        undone by this, and the size no longer rests on a linear law.
        """
        h, place = f.hypothesis, self._place[f.hypothesis.state]
        hours = max((now_ns - f.onset_ns) / HOUR, MARGIN_H)
        start_ns = max(f.onset_ns - int(max(0.1 * hours, MARGIN_H) * HOUR), self._start_ns)
        first, later = np.zeros(len(self._place)), np.zeros(len(self._place))
        first[place], later[place] = max(f.total**2 / hours, h.free_walk**2), h.free_walk**2
        before, marks = self._mind, list(self._tape.marks)
        self._releases += [Release(start_ns, now_ns, h.code, first), Release(now_ns, 0, h.code, later)]
        found = self._tape.back_to(start_ns + 1)
        if before is None or found is None or not self._rewind(start_ns, now_ns, afresh=True):
            del self._releases[-2:]
            return []
        belief = self._mind.belief if self._mind else before.belief
        then = found[1].belief
        baseline = float(then.mean[place])
        total = float(belief.mean[place]) - baseline
        # of the change, not of the level: what was not known before is no doubt about what changed
        sd = float(np.sqrt(max(belief.cov[place, place] - then.cov[place, place], f.total_sd**2)))
        least = h.least * (hours if h.shape is Shape.RAMP else 1.0)
        small = abs(total) < max(2.0 * h.slack, 0.5 * least) or total * f.total < 0.0
        if small or abs(total) < CLEAR * sd:
            del self._releases[-2:]
            self._mind, self._tape.marks = before, marks
            self._decisions.held.clear()
            if small:
                before.evidence = self._stepper.bank.empty()
            return []
        size = total / hours if h.shape is Shape.RAMP else total
        better = replace(f, total=total, total_sd=sd, size=size)
        self._settled_ns = now_ns + int(SETTLE_H * HOUR)
        return [self._decisions.confirm(better, findings, now_ns, baseline)]

    def _advance(self, mind: Mind, row: Row) -> Expected:
        """One step, and what it teaches about usual biases: nothing where a fault acts or is suspected."""
        age_h = (row.end_ns - self._start_ns) / HOUR
        expected = lanes.step(self._stepper, Turn(mind, row, self._releases, age_h))
        young = age_h < HONEST_H / 2
        hours = (row.end_ns - row.start_ns) / HOUR
        share = np.full(len(self._bias), 1.0 if young else min(hours / HONEST_H, 1.0))
        codes = [release.code for release in self._releases if release.acts_in(row)]
        codes += self._decisions.suspected_at(row.end_ns)
        states = [self._decisions.hypotheses[code].state for code in codes]
        share[[self._bias[state] for state in states if state in self._bias]] = 0.0
        mind.usual = mind.usual.learnt(mind.belief, share, self._stepper.biases)
        return expected

    def _band(self, expected: Expected, row: Row) -> list[Estimate]:
        """What honest probes should read, as expected before this row's readings were looked at.

        A probe that was found to lie says no more what its usual bias is: it is known to its
        accuracy, and what was taken away to what the model's own error may feign.
        """
        lying = self._decisions.lying()
        doubt = np.zeros(len(self._bias))
        for h in lying:
            doubt[self._bias[h.state]] = h.slack
        mean, sd = self._stepper.honest(expected, row, doubt)
        for h in lying:
            if h.tag in self._reading and h.tag in self._tags:
                place = self._reading[h.tag]
                sd[place] = np.hypot(sd[place], self._tags[h.tag].accuracy)
        return [
            Estimate(f"{self.vessel.id}.{o.name}", row.end_ns, float(mean[i]), float(sd[i]), o.unit)
            for i, o in enumerate(self.process.outputs)
        ]

    def _quantities(self, mind: Mind, row: Row) -> list[Estimate]:
        """Values nobody measures, with the spread of the belief."""
        low = SPREAD * factor(mind.belief.cov, self._stepper.scale).T
        centre = mind.belief.mean
        images = self.process.derive(np.concatenate([centre[None], centre + low, centre - low]), row.inputs)
        n = centre.size
        spread = (((images[1 : n + 1] - images[n + 1 :]) / (2.0 * SPREAD)) ** 2).sum(axis=0)
        sd = np.sqrt(spread + (self._shares * images[0]) ** 2)
        return [
            Estimate(f"{self.vessel.id}.{q.name}", row.end_ns, float(images[0, i]), float(sd[i]), q.unit)
            for i, q in enumerate(self.process.quantities)
        ]

    def _told(self, now_ns: int, code: str, detail: Mapping[str, float | str]) -> Event:
        """An event about the twin itself."""
        return Event(
            t=now_ns,
            kind=Kind.TWIN,
            asset=self.vessel.id,
            stage=Stage.CONFIRMED,
            condition=f"{self.vessel.id}/{code}",
            model=self._model,
            detail={"code": code, **detail},
        )

    def question(self, set_points: Mapping[str, float]) -> Question | None:
        """The present belief, for forecasts and scenarios; None in the first hours, or without trust."""
        rows, mind = self._tape.rows, self._mind
        unsettled = mind is None or not rows or rows[-1].end_ns < self._settled_ns
        if unsettled or mind is None or self._keeper.level is not Trust.ADVICE:
            return None
        drifts, lies = np.zeros(len(self._place)), np.zeros(len(self._place))
        for state, rate in self._decisions.rates().items():
            drifts[self._place[state]] = rate
        for h in self._decisions.lying():
            place = self._place[h.state]
            lies[place] = mind.belief.mean[place] - mind.usual.mean[self._bias[h.state]]
        present = Present(mind.belief, self._inputs.values, drifts, lies, self._tape.read_within(ALIVE_H))
        return Question(self._forecaster, rows[-1].end_ns, present, dict(set_points))

    def snapshot(self) -> dict[str, Any]:
        """State as numbers, strings, lists and arrays."""
        return {
            "layout": self._layout(),
            "start_ns": self._start_ns,
            "settled_ns": self._settled_ns,
            "mind": _plain(self._mind) if self._mind else None,
            "inputs": self._inputs.snapshot(),
            "read_ns": self._read_ns,
            "rows": [
                [r.start_ns, r.end_ns, r.inputs, r.scatter, r.readings, r.widen, r.unknown, r.mute]
                for r in self._tape.rows
            ],
            "marks": [[t, _plain(m)] for t, m in self._tape.marks],
            "releases": [[r.start_ns, r.end_ns, r.code, r.walk] for r in self._releases],
            "decisions": self._decisions.snapshot(),
            "trust": self._keeper.snapshot(),
            "looks": self._selfview.looks,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state from `snapshot`; one of another layout or model is left: the twin begins anew."""
        if state.get("layout") != self._layout():
            return
        self._start_ns, self._settled_ns = int(state["start_ns"]), int(state["settled_ns"])
        self._mind = self._taken_up(state["mind"]) if state["mind"] else None
        self._inputs.restore(state["inputs"])
        self._read_ns = int(state["read_ns"])
        self._tape.rows = [_row(row) for row in state["rows"]]
        self._tape.marks = [(int(t), self._taken_up(m)) for t, m in state["marks"]]
        self._releases = [
            Release(int(start), int(end), str(code), np.array(walk))
            for start, end, code, walk in state["releases"]
        ]
        self._decisions.restore(state["decisions"])
        self._keeper.restore(state["trust"])
        self._selfview.looks = [(int(t), int(n)) for t, n in state["looks"]]

    def _layout(self) -> list[Any]:
        """What a snapshot must have been written with to be understood: the form, the model, its states."""
        faults = [h.code for h in self.process.hypotheses]
        return [LAYOUT, self._model.id, self._model.parameters, list(self._stepper.names), faults]

    def _taken_up(self, state: Any) -> Mind:
        (mean, cov, resets, consistency), evidence, usual = state
        belief = Belief(np.array(mean), np.array(cov))
        known = self._stepper.bank.taken_up(*evidence)
        surprise = Consistency.restored(consistency)
        return Mind(belief, known, Usual(*map(np.array, usual)), surprise, int(resets))


def _scatter(count: int) -> float:
    """Noise of the mean of so many readings, in units of that of one."""
    return math.sqrt(LASTING**2 + (1.0 - LASTING**2) / count)


def _row(state: Any) -> Row:
    """A row from a snapshot, where a reading that was not there may have become None."""
    start, end, *numbers, unknown, mute = state
    inputs, scatter, readings, widen = (np.array(values, dtype=np.float64) for values in numbers)
    flags = (np.array(values, dtype=np.bool_) for values in (unknown, mute))
    return Row(int(start), int(end), inputs, scatter, readings, widen, *flags)


def _plain(mind: Mind) -> list[Any]:
    known, usual = mind.evidence, mind.usual
    return [
        [mind.belief.mean, mind.belief.cov, mind.resets, mind.consistency.snapshot()],
        [known.error, known.score, known.information, known.onset],
        [np.ascontiguousarray(part) for part in (usual.mean, usual.cross, usual.cov)],
    ]
