"""A filter that is lost is found out within the step in which it happens, whatever loses it."""

import numpy as np
import orjson
import pytest

from twin.domain.asset import Vessel
from twin.domain.batch import Batch
from twin.domain.event import Event
from twin.domain.frame import Frame
from twin.domain.sample import Assay
from twin.domain.trust import Trust
from twin.engine.culture import CultureTwin
from twin.observers.ukf import Belief
from twin.processes import cho_growth
from twin.processes.base import Array

HOUR = 3_600_000_000_000
T0 = 1_767_225_600_000_000_000


class Sabotaged:
    """The growth model, whose answer at one step is spoilt."""

    def __init__(self) -> None:
        self._model = cho_growth.build({})
        self.spoil: float | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def advance(self, x: Array, u: Array, hours: float) -> Array:
        out = self._model.advance(x, u, hours)
        return out if self.spoil is None else out * self.spoil


def twin_and_model() -> tuple[CultureTwin, Sabotaged]:
    model = Sabotaged()
    vessel = Vessel("R1", {"en": "R1"}, (), "cho_growth", {}, Batch("b", T0, 1.0, 0.4))
    return CultureTwin(vessel, model), model  # type: ignore[arg-type]


def step(twin: CultureTwin, hour: int) -> list[Event]:
    start, end = T0 + hour * HOUR, T0 + (hour + 1) * HOUR
    due = (Assay("R1.VCD", 0.4 * np.exp(0.03 * hour), start + 1, end),) if hour % 12 == 0 else ()
    estimates, events = twin.step(Frame(start, end, {}, due))
    assert all(np.isfinite([e.mean, e.sd]).all() for e in estimates)
    return [e for e in events if e.detail.get("code") == "filter_reset"]


@pytest.mark.parametrize("spoil", [np.nan, np.inf, 1e200])
def test_a_model_that_diverges_for_one_step_resets_the_filter_in_that_step_and_no_later(spoil: float):
    twin, model = twin_and_model()
    assert [event for hour in range(30) for event in step(twin, hour)] == []
    model.spoil = spoil
    (reset,) = step(twin, 30)
    assert reset.t == T0 + 31 * HOUR
    assert reset.detail["resets"] == 1.0
    model.spoil = None
    assert [event for hour in range(31, 60) for event in step(twin, hour)] == []


@pytest.mark.parametrize("spoil", [-1.0, np.nan])
def test_a_covariance_that_is_lost_is_found_in_the_next_step(spoil: float):
    twin, _ = twin_and_model()
    for hour in range(30):
        step(twin, hour)
    mind = twin._mind
    assert mind is not None
    mind.belief = Belief(mind.belief.mean, mind.belief.cov * spoil)
    (reset,) = step(twin, 30)
    assert reset.detail["resets"] == 1.0
    assert [event for hour in range(31, 60) for event in step(twin, hour)] == []


def test_trust_and_consistency_survive_a_snapshot_through_json():
    whole, _ = twin_and_model()
    for hour in range(60):
        step(whole, hour)
    again, _ = twin_and_model()
    state = orjson.loads(orjson.dumps(whole.snapshot(), option=orjson.OPT_SERIALIZE_NUMPY))
    again.restore(state)
    for hour in range(60, 140):
        start, end = T0 + hour * HOUR, T0 + (hour + 1) * HOUR
        assert again.step(Frame(start, end)) == whole.step(Frame(start, end))
    assert again.report() == whole.report()
    report = whole.report()
    assert report is not None
    assert report.trust is Trust.MONITOR, "no sample for three days"
    assert whole.question({}) is None
