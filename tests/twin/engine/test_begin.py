"""A model follows a batch from its begin: what is measured before is watched and limited, and no culture."""

from collections.abc import Sequence

from twin.domain.asset import Line, Origin, Vessel
from twin.domain.batch import Batch
from twin.domain.event import Event, Kind
from twin.domain.frame import Frame
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.domain.tag import Limits, Tag, TagKind
from twin.domain.trust import SelfReport
from twin.engine.core import Engine
from twin.engine.forecast import Question

S = 1_000_000_000
BEGIN_S = 3600
PH = Tag("R1", "pH", "pH", "1", 0.0, 14.0, 0.02, limits=Limits(high=8.0), on_delay_s=0.0, silence_s=1e6)
SET = Tag("R1", "pH_sp", "pH", "1", 0.0, 14.0, 0.02, kind=TagKind.SETPOINT, silence_s=1e6)


class Follower:
    """Notes what it is given."""

    frame_s = 60.0

    def __init__(self) -> None:
        self.stepped: list[int] = []
        self.revised: list[int] = []

    def step(self, frame: Frame) -> tuple[list[Estimate], list[Event]]:
        self.stepped.append(frame.end_ns // S)
        return [], []

    def revise(self, frames: Sequence[Frame]) -> tuple[list[Estimate], list[Event]]:
        self.revised += [frame.end_ns // S for frame in frames]
        return [], []

    def question(self, set_points: dict[str, float]) -> Question | None:
        self.set_points = dict(set_points)
        return None

    def report(self) -> SelfReport | None:
        return None

    def snapshot(self) -> dict[str, object]:
        return {}

    def restore(self, state: dict[str, object]) -> None:
        return


def row(tag: Tag, t_s: int, value: float) -> Measurement:
    return Measurement(tag.id, value, Quality.GOOD, t_s * S, t_s * S)


def running() -> tuple[Engine, Follower]:
    follower = Follower()
    vessel = Vessel("R1", {}, (PH, SET), "x", batch=Batch("b", BEGIN_S * S))
    line = Line("l", {}, "", Origin.SIMULATED, (vessel,))
    return Engine(line, lambda _: follower, 0.0, forecast_s=60.0), follower


def test_the_model_is_given_nothing_before_the_batch_begins() -> None:
    engine, follower = running()
    rows = [row(PH, t, 7.0) for t in range(0, 2 * BEGIN_S, 30)]
    engine.handle(rows)
    engine.tick(2 * BEGIN_S * S)
    assert follower.stepped[0] == BEGIN_S + 60
    assert follower.stepped[-1] == 2 * BEGIN_S


def test_limits_are_watched_and_set_points_kept_before_it_begins() -> None:
    engine, follower = running()
    found = engine.handle([row(SET, 0, 6.9), *(row(PH, t, 12.0) for t in range(0, 600, 30))])
    found.events += engine.tick(1200 * S).events
    assert [event.kind for event in found.events] == [Kind.LIMIT]
    engine.handle([row(PH, t, 7.0) for t in range(BEGIN_S, BEGIN_S + 300, 30)])
    engine.tick((BEGIN_S + 300) * S)
    assert follower.set_points == {"pH_sp": 6.9}


def test_what_comes_late_for_the_time_before_is_not_handed_to_the_model() -> None:
    engine, follower = running()
    engine.handle([row(PH, t, 7.0) for t in range(0, BEGIN_S + 600, 60)])
    engine.tick((BEGIN_S + 540) * S)
    late = [row(PH, BEGIN_S - 615, 7.0), row(PH, BEGIN_S + 105, 7.0)]
    engine.handle(late)
    engine.handle([row(PH, t, 7.0) for t in range(BEGIN_S + 600, BEGIN_S + 900, 60)])
    engine.tick((BEGIN_S + 900) * S)
    assert follower.revised == [BEGIN_S + 120]
