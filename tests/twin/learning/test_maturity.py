"""Runs that go faster or slower than others are compared at the same maturity, not at the same age."""

import numpy as np
import pytest

from twin.domain.errors import ConfigError
from twin.learning import normal as learning
from twin.learning.windows import Windows
from twin.monitors.normal import Maturity, maturity_of

WINDOW_S = 720.0
TAGS = ["fed", "uptake", "other"]


def made(count, seed, offset=0.0):
    """Runs of 40 h whose speed differs by up to 25 %: what is fed tells how far they are."""
    rng = np.random.default_rng(seed)
    t = np.arange(200)
    means = np.empty((count, 200, 3))
    for k, speed in enumerate(rng.uniform(0.8, 1.25, count)):
        far = t * speed
        means[k, :, 0] = far + 0.5 * rng.standard_normal(200)
        means[k, :, 1] = 10 * np.sin(far / 40) + 0.2 * rng.standard_normal(200)
        means[k, :, 2] = rng.standard_normal(200)
    means[:, 100:, 1] += offset
    scatters = rng.chisquare(11, means.shape) / 11
    return Windows(tuple(f"r{seed}-{k}" for k in range(count)), means, scatters)


def learnt(align):
    return learning.learn(made(30, 1), made(20, 2), TAGS, ["1"] * 3, WINDOW_S, 0.5, align)


def delays(model, runs):
    begun = learning.begins(learning.scores(model, runs), model.threshold, WINDOW_S)
    return [next((w - 100 for w in run if w >= 100), None) for run in begun]


def test_a_fault_that_hides_among_speeds_shows_at_the_same_maturity():
    faulty = made(20, 3, offset=1.5)
    by_age, by_maturity = delays(learnt(""), faulty), delays(learnt("fed"), faulty)
    soon = [d for d in by_maturity if d is not None and d <= 10]
    assert len(soon) >= 16
    assert len([d for d in by_age if d is not None and d <= 10]) < len(soon)


def test_good_runs_of_any_speed_are_quiet():
    assert sum(d is not None for d in delays(learnt("fed"), made(20, 4))) <= 2


def test_the_spread_of_good_runs_is_smaller_at_the_same_maturity():
    assert learnt("fed").scale[1] < 0.3 * learnt("").scale[1]


def test_maturity_never_goes_back_and_stands_still_without_values():
    walk = Maturity(0, np.arange(10.0), 3600.0 * 100)
    assert [walk.place(np.array([v]), 0) for v in (2.0, 5.0, 3.0, np.nan, 6.0, 99.0)] == [2, 5, 5, 5, 6, 9]


def test_without_a_tag_maturity_is_age():
    model = learning.fit(made(8, 5), TAGS, ["1"] * 3, WINDOW_S)
    assert maturity_of(model).place(np.zeros(3), 17) == 17


def test_a_tag_that_does_not_rise_is_refused():
    with pytest.raises(ConfigError, match="rises in"):
        learning.learn(made(30, 1), made(20, 2), TAGS, ["1"] * 3, WINDOW_S, 0.5, "other")
