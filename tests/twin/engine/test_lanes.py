"""Vessels side by side: the same for each as if it were alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from twin.engine import lanes
from twin.engine.mind import Expected, Mind, Release, Stepper, Turn
from twin.engine.usual import Usual
from twin.observers.consistency import Consistency
from twin.observers.rewind import Row
from twin.observers.ukf import Belief
from twin.processes import cho_fedbatch, cho_growth, cho_perfusion, gas_exchange

HOUR = 3_600_000_000_000
MODELS = (cho_fedbatch, cho_growth, cho_perfusion, gas_exchange)


def mind_of(stepper: Stepper, age_h: float) -> Mind:
    mean, sd = stepper.process.begin(None, age_h)
    belief = Belief(mean, np.diag(sd**2))
    fresh = Consistency.new(len(stepper.process.outputs))
    return Mind(belief, stepper.bank.empty(), Usual.of(belief, stepper.biases), fresh)


def row_of(stepper: Stepper, frame: int, rng: np.random.Generator) -> Row:
    """Readings around what is believed at the begin, one in five missing; one input in ten not known."""
    process = stepper.process
    frame_ns = int(process.frame_s * 1e9)
    u = np.array([i.default for i in process.inputs]) * rng.uniform(0.9, 1.1, len(process.inputs))
    expected = process.observe(process.begin(None, 48.0)[0], u)
    readings = expected * rng.normal(1.0, 0.01, expected.size)
    readings[rng.random(expected.size) < 0.2] = np.nan
    return Row(
        frame * frame_ns,
        (frame + 1) * frame_ns,
        u,
        (0.01 * u) ** 2,
        readings,
        np.ones(readings.size),
        rng.random(u.size) < 0.1,
        np.zeros(len(process.hypotheses), dtype=bool),
    )


def numbers(mind: Mind, expected: Expected) -> list[bytes]:
    evidence, usual = mind.evidence, mind.usual
    parts: list[Any] = [mind.belief.mean, mind.belief.cov, usual.mean, usual.cross, usual.cov]
    parts += [evidence.error, evidence.score, evidence.information, evidence.onset]
    parts += [expected.belief.mean, expected.belief.cov, mind.consistency.before]
    return [np.ascontiguousarray(part).tobytes() for part in parts]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__.rpartition(".")[2])
def test_many_steps_in_one_call_are_what_each_is_alone(model: Any):
    stepper = Stepper(model.build({}), ())
    walk = np.zeros(len(stepper.names))
    walk[stepper.biases] = 0.01
    together, alone = ([mind_of(stepper, 24.0 + 12.0 * i) for i in range(5)] for _ in range(2))
    rng = np.random.default_rng(1)
    for frame in range(20):
        rows = [row_of(stepper, frame, rng) for _ in together]
        released = [[Release(0, 0, "one", walk)] if i == 3 else [] for i in range(5)]
        ages = [0.1 * frame + 100.0 * i for i in range(5)]
        given = list(zip(rows, released, ages, strict=True))
        side = stepper.step([Turn(mind, *rest) for mind, rest in zip(together, given, strict=True)])
        for i, (mind, rest) in enumerate(zip(alone, given, strict=True)):
            (one,) = stepper.step([Turn(mind, *rest)])
            assert numbers(together[i], side[i]) == numbers(mind, one), (frame, i)
    assert {mind.resets for mind in together} == {0}
    assert not np.array_equal(together[0].belief.mean, together[1].belief.mean)


def test_a_mind_that_is_lost_is_reset_and_leaves_those_beside_it_alone():
    stepper = Stepper(cho_growth.build({}), ())
    minds, beside = ([mind_of(stepper, 24.0) for _ in range(3)] for _ in range(2))
    minds[1].belief = Belief(np.full_like(minds[1].belief.mean, np.nan), minds[1].belief.cov)
    row = row_of(stepper, 0, np.random.default_rng(2))
    stepper.step([Turn(mind, row) for mind in minds])
    assert [mind.resets for mind in minds] == [0, 1, 0]
    for i in (0, 2):
        (expected,) = stepper.step([Turn(beside[i], row)])
        assert numbers(minds[i], expected)[:9] == numbers(beside[i], expected)[:9]


@pytest.mark.parametrize("width", [1, 2, 7])
def test_results_come_in_the_order_of_the_tasks_and_steps_are_shared(
    width: int, monkeypatch: pytest.MonkeyPatch
):
    stepper = Stepper(cho_growth.build({}), ())
    sizes: list[int] = []
    plain = stepper.step

    def counted(turns: Any) -> list[Expected]:
        sizes.append(len(turns))
        return plain(turns)

    monkeypatch.setattr(stepper, "step", counted)

    def task(place: int, steps: int) -> Callable[[], int]:
        def followed() -> int:
            mind, rng = mind_of(stepper, 24.0), np.random.default_rng(place)
            for frame in range(steps):
                lanes.step(stepper, Turn(mind, row_of(stepper, frame, rng)))
            return place

        return followed

    steps = [3, 0, 5, 1, 4]
    assert lanes.side_by_side([task(i, n) for i, n in enumerate(steps)], width) == [0, 1, 2, 3, 4]
    assert sum(sizes) == sum(steps)
    assert max(sizes) == min(width, 4)


def test_what_a_task_raises_is_raised_by_the_call():
    def wrong() -> int:
        raise ValueError("no such tag")

    with pytest.raises(ValueError, match="no such tag"):
        lanes.side_by_side([lambda: 1, wrong], 2)


def test_within_a_lane_tasks_follow_each_other():
    order: list[str] = []

    def inner(name: str) -> Callable[[], None]:
        return lambda: order.append(name)

    def outer() -> None:
        lanes.side_by_side([inner("one"), inner("two")], 2)

    lanes.side_by_side([outer, lambda: order.append("three")], 2)
    assert order == ["one", "two", "three"]
