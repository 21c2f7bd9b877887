"""Inputs of a model: held while they are not seen, and as sure as their readings are steady."""

import numpy as np
import pytest

from twin.domain.frame import Frame, FrameValue
from twin.domain.tag import Tag
from twin.engine.inputs import JUMP, Inputs
from twin.processes import cho_fedbatch

MINUTE = 60_000_000_000
PROCESS = cho_fedbatch.build({})
TAGS = {"flow_air": Tag("R1", "flow_air", "", "L/min", 0.0, 0.1, 0.001, silence_s=60.0)}
AIR = [i.name for i in PROCESS.inputs].index("flow_air")


def frame(number: int, *readings: float) -> Frame:
    """The frame of two minutes that ends at this number of frames."""
    start_ns, end_ns = 2 * (number - 1) * MINUTE, 2 * number * MINUTE
    if not readings:
        return Frame(start_ns, end_ns, {})
    jumps = float(np.square(np.diff(readings)).sum())
    value = FrameValue(float(np.mean(readings)), readings[-1], len(readings), jumps=jumps)
    return Frame(start_ns, end_ns, {"flow_air": value})


def variance_after(readings_a_frame: int, sd: float, frames: int = 400) -> float:
    rng, inputs = np.random.default_rng(1), Inputs(PROCESS, TAGS)
    for n in range(1, frames + 1):
        _, variance, _ = inputs.take(frame(n, *(0.01 + sd * rng.standard_normal(readings_a_frame))), 0)
    return float(variance[AIR])


@pytest.mark.parametrize("count", [1, 2, 24])
def test_the_mean_of_a_frame_is_as_sure_as_its_readings_scatter_and_many(count: int) -> None:
    assert variance_after(count, 1e-4) == pytest.approx(1e-8 / count, rel=0.6)


def test_a_steady_input_is_exact() -> None:
    assert variance_after(2, 0.0) == 0.0


def test_a_new_set_point_is_no_scatter() -> None:
    inputs = Inputs(PROCESS, TAGS)
    rng = np.random.default_rng(2)
    for n in range(1, 200):
        _, before, _ = inputs.take(frame(n, *(0.01 + 1e-5 * rng.standard_normal(2))), 0)
    _, after, _ = inputs.take(frame(200, 0.01, 0.02), 0)
    share = 2.0 / 60.0
    assert after[AIR] <= before[AIR] * (1.0 + share * (JUMP - 1.0)) * (1.0 + 1e-9)


def test_what_is_not_seen_keeps_its_value_less_and_less_sure_and_is_unknown_after_an_hour() -> None:
    inputs = Inputs(PROCESS, TAGS)
    inputs.take(frame(1, 0.010, 0.012), 0)
    _, seen, _ = inputs.take(frame(2, 0.011, 0.012), 0)
    values, variance, unknown = inputs.take(frame(20), 0)
    assert values[AIR] == pytest.approx(0.0115)
    assert variance[AIR] == pytest.approx(18.0 * 2.0 * seen[AIR]), (
        "18 frames old, of one reading instead of two"
    )
    assert not unknown[AIR]
    assert inputs.take(frame(40), 0)[2][AIR]


def test_a_snapshot_goes_on_as_if_nothing_had_been() -> None:
    one, other = Inputs(PROCESS, TAGS), Inputs(PROCESS, TAGS)
    for n, pair in enumerate([(0.01, 0.012), (0.011, 0.013), (0.01, 0.0125)], 1):
        one.take(frame(n, *pair), 0)
    other.restore(one.snapshot())
    for mine, theirs in zip(
        one.take(frame(4, 0.01, 0.02), 0), other.take(frame(4, 0.01, 0.02), 0), strict=True
    ):
        assert np.array_equal(mine, theirs)
