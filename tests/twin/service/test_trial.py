"""When a fault begins to matter, from the truth of its batch."""

import numpy as np

from twin.service.trial import MATTERS


def test_starvation_matters_two_points_after_glucose_ran_out() -> None:
    truth = {
        "glucose": np.array([2.0, 1.0, 0.05, 0.0, 0.0, 0.0]),
        "viability": np.array([99.0, 96.0, 95.0, 94.0, 92.5, 80.0]),
    }
    assert MATTERS["starvation"](truth, 0).tolist() == [False, False, False, False, True, True]


def test_a_culture_that_ages_without_hunger_has_not_starved() -> None:
    truth = {"glucose": np.full(4, 2.0), "viability": np.array([99.0, 97.0, 95.0, 90.0])}
    assert not MATTERS["starvation"](truth, 0).any()
