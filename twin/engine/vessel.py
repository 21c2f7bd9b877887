"""One vessel: its frames, signal monitors, limits and model, stepped together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, cast

from twin.domain.asset import Vessel
from twin.domain.event import Event
from twin.domain.forecast import Forecast
from twin.domain.frame import Frame, FrameValue
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.domain.sample import Assay
from twin.domain.tag import Tag, TagKind
from twin.domain.trust import SelfReport
from twin.engine.folding import SilenceFold
from twin.engine.forecast import Question
from twin.engine.frames import SECOND, FrameCutter, believed
from twin.engine.late import LateValues, told_late
from twin.engine.limits import LimitWatch
from twin.engine.phases import PhaseWatch
from twin.monitors.signals import SignalWatch

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

    def forecast(self, set_points: Mapping[str, float]) -> Forecast | None:
        """What is to come from here, with the loops at these set points; None when nothing can be said."""
        ...

    def question(self, set_points: Mapping[str, float]) -> Question | None:
        """The present belief, for scenarios; None when nothing can be said."""
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
    forecasts: Sequence[Forecast] = ()
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
        online = [t for t in vessel.tags if t.kind is TagKind.ONLINE]
        self.signals = {t.id: SignalWatch(t) for t in online}
        self.limits = {t.id: LimitWatch(t) for t in online}
        self.silence = SilenceFold(vessel.id)
        self.phases = PhaseWatch(vessel)
        self.tags: dict[str, Tag] = {t.id: t for t in vessel.tags}
        self.assays: list[Assay] = []
        self.set_points: dict[str, float] = {}
        self.forecast_ns = int(forecast_s * SECOND)
        self.assays_only = not online

    def add(self, m: Measurement) -> bool:
        """Take a measurement; False when its frame is closed already (assays never are)."""
        if self.tags[m.tag].kind is TagKind.ASSAY:
            return self._add_assay(m)
        if self.cutter.add(m):
            return True
        self.late.add(m)
        return False

    def is_late(self, m: Measurement) -> bool:
        """Tell whether the frame of a measurement is closed already (an assay never comes late)."""
        return self.tags[m.tag].kind is not TagKind.ASSAY and self.cutter.is_closed(m.time_ns)

    def resume_ns(self) -> int | None:
        """From which source time on stored rows must be handed in again after a restart [ns]."""
        if self.cutter.end_ns is None:
            return None
        start_ns = self.cutter.end_ns - self.cutter.frame_ns + 1
        oldest_ns = self.late.oldest_ns()
        return start_ns if oldest_ns is None else min(start_ns, oldest_ns)

    def advance(self, clock_ns: int | None) -> Iterator[Step]:
        """Step through every complete frame, and before it through what came late for those before."""
        for end_ns, rows in self.cutter.close(clock_ns):
            yield self._repair(end_ns)
            yield self._frame(end_ns, rows)

    def question(self) -> Question | None:
        """The present belief, for scenarios; None without a model or while it can say nothing."""
        return self.model.question(self.set_points) if self.model else None

    def finish(self) -> Iterator[Step]:
        """Step through all that waits: the end of a stored run."""
        return self.advance(self.cutter.last_end_ns())

    def snapshot(self) -> dict[str, object]:
        """State of the model and the monitors up to the last closed frame."""
        return {
            "end_ns": self.cutter.end_ns,
            "watermarks": dict(self.cutter.watermarks),
            "model": self.model.snapshot() if self.model else None,
            "watch": self.watch.snapshot() if self.watch else None,
            "signals": {tag: watch.snapshot() for tag, watch in self.signals.items()},
            "silence": self.silence.snapshot(),
            "phase": self.phases.now,
            "limits": {t: w.snapshot() for t, w in self.limits.items()},
            "assays": [[a.tag, a.value, a.drawn_ns, a.reported_ns] for a in self.assays],
            "set_points": dict(self.set_points),
        }

    def restore(self, state: dict[str, object]) -> None:
        """Take up a state from `snapshot`; waiting rows are to be handed in again."""
        self.cutter.end_ns = cast("int | None", state["end_ns"])
        self.cutter.watermarks = dict(cast("dict[str, int]", state["watermarks"]))
        if self.model and isinstance(state["model"], dict):
            self.model.restore(state["model"])
        kept = state.get("watch")
        if self.watch and isinstance(kept, dict):
            self.watch.restore(kept)
        for tag, part in cast("dict[str, dict[str, object]]", state["signals"]).items():
            if tag in self.signals:
                self.signals[tag].restore(part)
        self.phases.now = str(state.get("phase", ""))
        self.silence.restore(*cast("tuple[int, int, list[str]]", state["silence"]))
        for tag, parts in cast("dict[str, list[dict[str, int]]]", state["limits"]).items():
            if tag in self.limits:
                self.limits[tag].restore(parts)
        rows = cast("list[tuple[str, float, int, int]]", state["assays"])
        self.assays = [Assay(*row) for row in rows]
        self.set_points = dict(cast("dict[str, float]", state.get("set_points", {})))

    def _add_assay(self, m: Measurement) -> bool:
        if m.value is not None and m.quality in (Quality.GOOD, Quality.UNCERTAIN):
            self.assays.append(Assay(m.tag, m.value, m.time_ns, max(m.received_ns, m.time_ns)))
        if self.assays_only:
            self.cutter.add(m)
        return True

    def _repair(self, now_ns: int) -> Step:
        """Live through closed frames again whose values came late; what they show is told as late."""
        events: list[Event] = []
        patches: list[Frame] = []
        for end_ns, rows in self.late.take():
            checked = [self._check_late(m, events) for m in rows if m.tag in self.signals]
            passed = [m for m in rows if self.tags[m.tag].kind is TagKind.SETPOINT]
            patches.append(self._filled(end_ns, checked + passed))
        if not patches:
            return Step()
        patches = [frame for frame in patches if self._begun(frame.end_ns)]
        estimates, found = self.model.revise(patches) if self.model and patches else ([], [])
        return Step(estimates, told_late(self.silence.fold(events, now_ns) + found, now_ns))

    def _check_late(self, m: Measurement, events: list[Event]) -> Measurement:
        """Judge a late value where it is newer than all that was judged of its tag."""
        last_ns = self.signals[m.tag].last_ns
        if last_ns is not None and m.time_ns <= last_ns:
            return m
        return self._check(replace(m, late=False), events)

    def _frame(self, end_ns: int, rows: list[Measurement]) -> Step:
        events: list[Event] = []
        checked = [self._check(m, events) for m in rows if m.tag in self.signals]
        passed = [m for m in rows if self.tags[m.tag].kind is TagKind.SETPOINT]
        for watch in self.signals.values():
            events += watch.tick(end_ns)
        events = [*self.phases.step(end_ns, rows), *self.silence.fold(events, end_ns)]
        events += self.watch.step(end_ns, rows) if self.watch else []
        if self.model is None:
            return Step((), events)
        frame = self._condense(end_ns, checked + passed)
        self._hold(frame)
        if not self._begun(end_ns):
            return Step((), events)
        estimates, found = self.model.step(frame)
        forecast, report = self._outlook(frame)
        return Step(estimates, events + found, forecast, report)

    def _begun(self, end_ns: int) -> bool:
        """Whether the batch has begun: before, there is no culture that a model could follow."""
        return self.vessel.batch is None or self.vessel.batch.start_ns < end_ns

    def _hold(self, frame: Frame) -> None:
        """Keep the set points of a frame."""
        held = (t.name for t in self.tags.values() if t.kind is TagKind.SETPOINT)
        self.set_points |= {name: frame.values[name].last for name in held if name in frame.values}

    def _outlook(self, frame: Frame) -> tuple[list[Forecast], list[SelfReport]]:
        """The forecast, and what the model says of itself, in a frame in which they are due."""
        due = self.forecast_ns and frame.end_ns % self.forecast_ns < frame.end_ns - frame.start_ns
        if self.model is None or not due:
            return [], []
        made, report = self.model.forecast(self.set_points), self.model.report()
        return [made] if made else [], [report] if report else []

    def _check(self, m: Measurement, events: list[Event]) -> Measurement:
        checked, found = self.signals[m.tag].update(m)
        events += found
        events += self.limits[m.tag].update(checked)
        return checked

    def _filled(self, end_ns: int, rows: list[Measurement]) -> Frame:
        values = {self.tags[tag].name: _condensed(found) for tag, found in believed(rows).items()}
        return Frame(end_ns - self.cutter.frame_ns, end_ns, values)

    def _condense(self, end_ns: int, rows: list[Measurement]) -> Frame:
        due = [a for a in self.assays if a.reported_ns <= end_ns]
        self.assays = [a for a in self.assays if a.reported_ns > end_ns]
        doubted = frozenset(watch.tag.name for watch in self.signals.values() if watch.doubted)
        return replace(self._filled(end_ns, rows), assays=tuple(due), doubted=doubted)


def _condensed(rows: list[Measurement]) -> FrameValue:
    numbers = [m.value for m in rows if m.value is not None]
    return FrameValue(
        mean=sum(numbers) / len(numbers),
        last=numbers[-1],
        count=len(numbers),
        uncertain=any(m.quality is Quality.UNCERTAIN for m in rows),
    )
