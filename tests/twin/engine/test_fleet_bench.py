"""What `benchmarks.fleet_bench` measures is what it says: so many twins, each of which follows its vessel."""

import numpy as np
import pytest

from benchmarks.fleet_bench import (
    ERROR,
    FAR,
    NOISE,
    SCALE,
    START,
    compiled,
    fleet_line,
    look,
    named,
    said,
    step,
)
from twin.observers.ukf import Belief, correct, predict
from twin.service.trial import Follower


def test_every_vessel_of_the_fleet_has_a_twin_that_follows_it() -> None:
    follower = Follower(*fleet_line(2))
    told = []
    for frame in said(1.1, 30.0):
        rows = [named(row, vessel) for row in frame for vessel in follower.engine.vessels]
        measured = [follower._measure(row) for row in rows]
        told += follower.engine.handle([m for m in measured if m is not None]).estimates
    assert follower.refused == 0
    first, second = (
        {e.name.partition(".")[2]: (e.time_ns, e.mean, e.sd) for e in told if e.name.startswith(vessel)}
        for vessel in follower.engine.vessels
    )
    assert {"est_VCD", "est_OUR", "pH"} <= first.keys()
    assert first == second


def test_the_benchs_compiled_functions_are_its_functions() -> None:
    step_one, look_one = compiled()
    x = START * np.linspace(0.8, 1.2, START.size)
    assert step_one(x) == pytest.approx(step(x), rel=1e-12)
    assert look_one(x) == pytest.approx(look(x), rel=1e-12)


def test_the_filter_of_the_bench_comes_nearer_to_the_truth() -> None:
    truth = START * 1.02
    wide = np.diag((0.1 * SCALE) ** 2)
    belief = Belief(np.tile(START, (3, 1)), np.tile(wide, (3, 1, 1)))
    for _ in range(50):
        truth = step(truth)
        prior = predict(belief, step, NOISE, SCALE).belief
        seen = np.ones((3, 8), bool)
        belief = correct(prior, look, np.tile(look(truth), (3, 1)), lambda _: ERROR, seen, SCALE, FAR).belief
    assert look(belief.mean)[0] == pytest.approx(look(truth), abs=0.05)
    assert np.trace(belief.cov[0]) < np.trace(wide)
