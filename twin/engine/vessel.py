"""One vessel: its frames, signal monitors, limits and model, stepped together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, cast

from twin.domain.asset import Vessel
from twin.domain.event import Event
from twin.domain.frame import Frame
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.domain.sample import Assay
from twin.domain.tag import Tag, TagKind
from twin.domain.trust import SelfReport
from twin.engine.checks import Checks
from twin.engine.folding import SilenceFold
from twin.engine.forecast import Question
from twin.engine.frames import SECOND, FrameCutter, condensed
from twin.engine.late import LateValues, told_late
from twin.engine.phases import PhaseWatch

DEFAULT_FRAME_S = 60.0
"""Frame of a vessel without a model [s] (chosen default)."""


class Model(Protocol):
    """What follows a vessel through its frames."""

    frame_s: float

    def step(self, frame: Frame) -> tuple[list[Estimate], list[Event]]:
        """Take one frame; returns beliefs and findings."""
        ...

    def revise(self, frames: Sequence[Frame]) -> tuple[list[Estimate], list[Event]]:
        """Take what came late for frames stepped before; beliefs since, findings at their times."""
        ...

    def question(self, set_points: Mapping[str, float]) -> Question | None:
        """The present belief with the loops at these set points; None when nothing can be said."""
        ...

    def report(self) -> SelfReport | None:
        """How the model itself is; None while it does not know."""
        ...

    def snapshot(self) -> dict[str, object]:
        """State as numbers, strings, lists and arrays."""
        ...

    def restore(self, state: dict[str, object]) -> None:
        """Take up a state from `snapshot`."""
        ...


ModelFactory = Callable[[Vessel], Model | None]


class Watch(Protocol):
    """What follows a vessel through its rows without a process model."""

    def step(self, end_ns: int, rows: Sequence[Measurement]) -> list[Event]:
        """Take the rows of a frame as their sources gave them; returns findings."""
        ...

    def snapshot(self) -> dict[str, object]:
        """State as numbers, strings, lists and arrays."""
        ...

    def restore(self, state: dict[str, object]) -> None:
        """Take up a state from `snapshot`."""
        ...


WatchFactory = Callable[[Vessel], Watch | None]


def no_watch(vessel: Vessel) -> Watch | None:
    """No vessel has one."""
    return None


class Step(NamedTuple):
    """What one frame, or one event from outside, brought forth."""

    estimates: Sequence[Estimate] = ()
    events: Sequence[Event] = ()
    questions: Sequence[Question] = ()
    reports: Sequence[SelfReport] = ()


class VesselEngine:
    """Everything that is inferred about one vessel.

    Parameters
    ----------
    vessel : Vessel
    model : Model or None
    grace_s : float
        How long after the end of a frame values may still come [s].
    watch : Watch or None
    forecast_s : float
        Time between two forecasts and reports of the model on itself, at whole multiples of it [s];
        0 for none.
    """

    def __init__(
        self,
        vessel: Vessel,
        model: Model | None,
        grace_s: float,
        watch: Watch | None = None,
        forecast_s: float = 0.0,
    ) -> None:
        self.vessel = vessel
        self.model = model
        self.watch = watch
        frame_s = model.frame_s if model else DEFAULT_FRAME_S
        self.cutter = FrameCutter(int(frame_s * SECOND), int(grace_s * SECOND))
        self.late = LateValues(self.cutter.frame_ns)
        self.checks = Checks(vessel.tags)
        self._fresh: list[Measurement] = []
        """taken since the last look at the open frame"""
        self.silence = SilenceFold(vessel.id)
        self.phases = PhaseWatch(vessel)
        self.tags: dict[str, Tag] = {t.id: t for t in vessel.tags}
        self._assayed = frozenset(t.id for t in vessel.tags if t.kind is TagKind.ASSAY)
        self._passed = {t.id: t.name for t in vessel.tags if t.kind is TagKind.SETPOINT}
        """set points, which are not judged: names by tag id"""
        self.assays: list[Assay] = []
        self.set_points: dict[str, float] = {}
        self.delays: dict[str, float] = {}
        """from drawing to result of the last of each assay, by tag name [h]"""
        self.forecast_ns = int(forecast_s * SECOND)
        self.assays_only = not self.checks.signals

    def add(self, m: Measurement) -> bool:
        """Take a measurement; False when its frame is closed already (assays never are)."""
        if m.tag in self._assayed:
            return self._add_assay(m)
        if self.cutter.add(m):
            self._fresh.append(m)
            return True
        self.late.add(m)
        return False

    def is_late(self, m: Measurement) -> bool:
        """Tell whether the frame of a measurement is closed already (an assay never comes late)."""
        return self.cutter.is_closed(m.time_ns) and m.tag not in self._assayed

    def awaits_batch(self) -> bool:
        """Tell whether values came and all of them are from before the batch begins."""
        end_ns = self.cutter.end_ns
        return end_ns is not None and not self._begun(end_ns - self.cutter.frame_ns)

    def resume_ns(self) -> int | None:
        """From which source time on stored rows must be handed in again after a restart [ns]."""
        if self.cutter.end_ns is None:
            return None
        start_ns = self.cutter.end_ns - self.cutter.frame_ns + 1
        oldest_ns = self.late.oldest_ns()
        return start_ns if oldest_ns is None else min(start_ns, oldest_ns)

    def advance(self, clock_ns: int | None) -> Iterator[Step]:
        """Step through every complete frame, and before it through what came late for those before.

        Limits passed in the frame that is still open are told at once.
        """
        for end_ns, rows in self.cutter.close(clock_ns):
            yield self._repair(end_ns)
            yield self._frame(end_ns, rows)
        ahead = self._look_ahead()
        if ahead:
            yield Step((), ahead)

    def question(self) -> Question | None:
        """The present belief, for scenarios; None without a model or while it can say nothing."""
        found = self.model.question(self.set_points) if self.model else None
        return found and replace(found, delays=dict(self.delays))

    def is_over(self, at_ns: int, newest_ns: int) -> bool:
        """Tell whether a time is later than the newest value and the grace of one frame [ns]."""
        return at_ns > newest_ns + self.cutter.frame_ns + self.cutter.grace_ns

    def finish(self) -> Iterator[Step]:
        """Step through all that waits: the end of a stored run."""
        return self.advance(self.cutter.last_end_ns())

    def snapshot(self) -> dict[str, object]:
        """State of the model and the monitors up to the last closed frame."""
        return {
            "end_ns": self.cutter.end_ns,
            "watermarks": dict(self.cutter.watermarks),
            "came_ns": self.cutter.came_ns,
            "model": self.model.snapshot() if self.model else None,
            "watch": self.watch.snapshot() if self.watch else None,
            **self.checks.snapshot(),
            "silence": self.silence.snapshot(),
            "phase": self.phases.now,
            "assays": [[a.tag, a.value, a.drawn_ns, a.reported_ns] for a in self.assays],
            "set_points": dict(self.set_points),
            "delays": dict(self.delays),
        }

    def restore(self, state: dict[str, object]) -> None:
        """Take up a state from `snapshot`; waiting rows are to be handed in again."""
        self.cutter.end_ns = cast("int | None", state["end_ns"])
        self.cutter.watermarks = dict(cast("dict[str, int]", state["watermarks"]))
        self.cutter.came_ns = cast("int", state.get("came_ns", 0))
        if self.model and isinstance(state["model"], dict):
            self.model.restore(state["model"])
        kept = state.get("watch")
        if self.watch and isinstance(kept, dict):
            self.watch.restore(kept)
        self.checks.restore(state)
        self.phases.now = str(state.get("phase", ""))
        self.silence.restore(*cast("tuple[int, int, list[str], str]", state["silence"]))
        rows = cast("list[tuple[str, float, int, int]]", state["assays"])
        self.assays = [Assay(*row) for row in rows]
        self.set_points = dict(cast("dict[str, float]", state.get("set_points", {})))
        self.delays = dict(cast("dict[str, float]", state.get("delays", {})))

    def _add_assay(self, m: Measurement) -> bool:
        if m.value is not None and m.quality in (Quality.GOOD, Quality.UNCERTAIN):
            reported_ns = max(m.received_ns, m.time_ns)
            if not any((a.tag, a.drawn_ns, a.value) == (m.tag, m.time_ns, m.value) for a in self.assays):
                self.assays.append(Assay(m.tag, m.value, m.time_ns, reported_ns))
            self.delays[self.tags[m.tag].name] = (reported_ns - m.time_ns) / 3.6e12
        if self.assays_only:
            self.cutter.add(m)
        return True

    def _look_ahead(self) -> list[Event]:
        """Judge what came of the open frame, for limits; what belongs to later ones waits."""
        end_ns = self.cutter.end_ns
        if end_ns is None:
            self._fresh.clear()
            return []
        open_ns = end_ns - self.cutter.frame_ns
        told = self.checks.ahead(m for m in self._fresh if open_ns < m.time_ns <= end_ns)
        self._fresh = [m for m in self._fresh if m.time_ns > end_ns]
        return told

    def _repair(self, now_ns: int) -> Step:
        """Live through closed frames again whose values came late; what they show is told as late."""
        taken = self.late.take()
        if not taken:
            return Step()
        self.checks.back()
        events: list[Event] = []
        patches: list[Frame] = []
        for end_ns, rows in taken:
            judged = [self.checks.late(m) for m in rows if m.tag in self.checks.signals]
            events += [event for _, found in judged for event in found]
            passed = [m for m in rows if m.tag in self._passed]
            patches.append(self._filled(end_ns, [m for m, _ in judged] + passed))
        patches = [frame for frame in patches if self._begun(frame.end_ns)]
        estimates, found = self.model.revise(patches) if self.model and patches else ([], [])
        return Step(estimates, told_late(self.silence.fold(events, now_ns) + found, now_ns))

    def _frame(self, end_ns: int, rows: list[Measurement]) -> Step:
        checked, events = self.checks.frame(end_ns, rows)
        passed = [m for m in rows if m.tag in self._passed]
        events = [*self.phases.step(end_ns, rows), *self.silence.fold(events, end_ns)]
        events += self.watch.step(end_ns, rows) if self.watch else []
        if self.model is None:
            return Step((), events)
        frame = self._condense(end_ns, checked + passed)
        self._hold(frame)
        if not self._begun(end_ns):
            return Step((), events)
        estimates, found = self.model.step(frame)
        return Step(estimates, events + found, *self._outlook(frame))

    def _begun(self, end_ns: int) -> bool:
        """Whether the batch has begun: before, there is no culture that a model could follow."""
        return self.vessel.batch is None or self.vessel.batch.start_ns < end_ns

    def _hold(self, frame: Frame) -> None:
        """Keep the set points of a frame."""
        held = (name for name in self._passed.values() if name in frame.values)
        self.set_points |= {name: frame.values[name].last for name in held}

    def _outlook(self, frame: Frame) -> tuple[list[Question], list[SelfReport]]:
        """The belief to forecast from, and what the model says of itself, where they are due."""
        due = self.forecast_ns and frame.end_ns % self.forecast_ns < frame.end_ns - frame.start_ns
        if self.model is None or not due:
            return [], []
        question, report = self.model.question(self.set_points), self.model.report()
        return [question] if question else [], [report] if report else []

    def _filled(self, end_ns: int, rows: list[Measurement]) -> Frame:
        values = {self.tags[tag].name: value for tag, value in condensed(rows).items()}
        return Frame(end_ns - self.cutter.frame_ns, end_ns, values)

    def _condense(self, end_ns: int, rows: list[Measurement]) -> Frame:
        due = [a for a in self.assays if a.reported_ns <= end_ns]
        self.assays = [a for a in self.assays if a.reported_ns > end_ns]
        return replace(self._filled(end_ns, rows), assays=tuple(due), doubted=self.checks.doubted())
