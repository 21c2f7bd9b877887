"""The engine: measurements in, estimates, events and alarms out. A pure function of its inputs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from twin.alarms.machine import AlarmBook
from twin.domain.alarm import Alarm
from twin.domain.asset import Line
from twin.domain.event import Event
from twin.domain.measurement import Estimate, Measurement
from twin.domain.trust import SelfReport
from twin.engine.forecast import Question
from twin.engine.lanes import side_by_side
from twin.engine.vessel import ModelFactory, Step, VesselEngine, WatchFactory, no_watch
from twin.monitors.siblings import Siblings

SIBLINGS = "/siblings"
"""Where a snapshot keeps what is known of siblings; no vessel can have that name."""
LANES = 64
"""Vessels that are stepped in one call at most (chosen default)."""
FORECAST_S = 900.0
"""Time between two forecasts of a vessel on a live line [s]."""


@dataclass(slots=True)
class Outputs:
    """What one call of the engine brought forth, in order."""

    estimates: list[Estimate] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    """beliefs of which a forecast is due"""
    reports: list[SelfReport] = field(default_factory=list)
    late: set[tuple[str, int]] = field(default_factory=set)
    """(tag, time) of measurements whose frame was closed already"""

    def add(self, more: "Outputs") -> None:
        """Take in what a later call brought forth."""
        self.estimates += more.estimates
        self.events += more.events
        self.alarms += more.alarms
        self.questions += more.questions
        self.reports += more.reports
        self.late |= more.late


class Engine:
    """The twins and monitors of every vessel of a line.

    Parameters
    ----------
    line : Line
    model_of : ModelFactory
        Gives the model of a vessel, or None where there is none.
    grace_s : float
        How long after the end of a frame values may still come [s].
    served : Mapping[str, frozenset of str]
        Vessels by the source that serves them, for alarms that are consequences of a lost link.
    watch_of : WatchFactory
        Gives what follows a vessel beside its model, or None where there is nothing.
    forecast_s : float
        Time between two forecasts of a vessel [s]; 0 for none. Nothing else depends on it.
    """

    def __init__(
        self,
        line: Line,
        model_of: ModelFactory,
        grace_s: float = 5.0,
        served: Mapping[str, frozenset[str]] = MappingProxyType({}),
        watch_of: WatchFactory = no_watch,
        forecast_s: float = 0.0,
    ) -> None:
        self.vessels = {
            v.id: VesselEngine(v, model_of(v), grace_s, watch_of(v), forecast_s) for v in line.vessels
        }
        self._owner = {tag.id: self.vessels[tag.asset] for tag in line.tags()}
        latching = frozenset(tag.id for tag in line.tags() if tag.latching)
        self.siblings = Siblings.of(line.vessels)
        designed = {v.id: v.suppress for v in line.vessels if v.suppress}
        self.alarms = AlarmBook(dict(served), latching, designed)

    def handle(self, rows: Sequence[Measurement]) -> Outputs:
        """Take measurements in any order, each once, and step every vessel whose frames are complete."""
        out = Outputs()
        touched: dict[VesselEngine, None] = {}
        for m in rows:
            vessel = self._owner[m.tag]
            touched[vessel] = None
            if not vessel.add(m):
                out.late.add((m.tag, m.time_ns))
        self._advance(out, [partial(vessel.advance, None) for vessel in touched])
        return out

    def marked(self, rows: Sequence[Measurement]) -> list[Measurement]:
        """The same rows, marked late where the frame they belong to is closed already."""
        return [m._replace(late=True) if self._owner[m.tag].is_late(m) else m for m in rows]

    def tick(self, clock_ns: int) -> Outputs:
        """Close every frame that ended before `clock_ns` [ns], so that silence is noticed.

        Those of a vessel whose values come with old times wait for as long as these are behind.
        """
        out = Outputs()
        vessels = self.vessels.values()
        self._advance(out, [partial(v.advance, v.cutter.passed_ns(clock_ns)) for v in vessels])
        return out

    def finish(self) -> Outputs:
        """Close every frame that holds anything: the end of a stored run."""
        out = Outputs()
        self._advance(out, [vessel.finish for vessel in self.vessels.values()])
        return out

    def note(self, events: Iterable[Event]) -> Outputs:
        """Take events found outside (links, phases) so that their alarms move too."""
        out = Outputs()
        self._collect(out, [Step((), tuple(events))])
        return out

    def pass_time(self, now_ns: int) -> Outputs:
        """Let time pass for alarms: shelving ends."""
        return Outputs(alarms=self.alarms.pass_time(now_ns))

    def snapshot(self) -> dict[str, object]:
        """State as numbers, strings, lists and arrays. Alarms live in the ledger."""
        vessels: dict[str, object] = {name: vessel.snapshot() for name, vessel in self.vessels.items()}
        return {**vessels, SIBLINGS: self.siblings.snapshot()}

    def restore(self, state: dict[str, object], alarms: Iterable[Alarm]) -> None:
        """Take up a state from `snapshot` and the alarms that stand."""
        for name, part in state.items():
            if name in self.vessels and isinstance(part, dict):
                self.vessels[name].restore(part)
        if isinstance(found := state.get(SIBLINGS), dict):
            self.siblings.restore(found)
        self.alarms.restore(alarms)
        self.alarms.phases.update((name, v.phases.now) for name, v in self.vessels.items() if v.phases.now)

    def _advance(self, out: Outputs, vessels: Sequence[Callable[[], Iterator[Step]]]) -> None:
        """Let vessels go on side by side; what they bring forth is taken vessel by vessel."""
        for steps in side_by_side([partial(_all, go_on) for go_on in vessels], LANES):
            self._collect(out, steps)

    def _collect(self, out: Outputs, steps: Iterable[Step]) -> None:
        for step in steps:
            unusual = self.siblings.see(step.estimates, step.events)
            out.estimates += step.estimates
            out.events += [*step.events, *unusual]
            out.questions += step.questions
            out.reports += step.reports
            out.alarms += [alarm for event in (*step.events, *unusual) for alarm in self.alarms.apply(event)]


def _all(go_on: Callable[[], Iterator[Step]]) -> list[Step]:
    return list(go_on())
