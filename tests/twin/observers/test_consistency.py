"""NIS and whiteness: in their bands for a filter that is right, out of them for one that is not."""

import numpy as np
import pytest

from twin.observers.consistency import HOUR, Consistency, standardised
from twin.observers.ukf import Belief, correct

FRAME = HOUR // 30


def followed(noise: float, drift: float = 0.0, hours: int = 20, seed: int = 1) -> Consistency:
    """A filter that believes in readings of noise 1 about a constant, on readings of `noise` that drift."""
    rng, known = np.random.default_rng(seed), Consistency.new(2)
    belief, scale = Belief(np.zeros(2), np.eye(2) * 1e-6), np.ones(2)
    for k in range(1, 30 * hours + 1):
        y = rng.normal(0.0, noise, 2) + drift * np.sin(k / 40)
        done = correct(
            belief, lambda x: x, y, lambda _: np.ones(2), np.ones(2, dtype=bool), scale, np.full(2, 50.0)
        )
        known = known.after(standardised(done, np.isfinite(y)), float(done.nis), k * FRAME)
    return known


def test_a_consistent_filter_is_in_its_band_19_hours_of_20():
    inside = [h.inside for seed in range(10) for h in followed(1.0, seed=seed).hours]
    assert len(inside) == 200
    assert np.mean(inside) == pytest.approx(0.95, abs=0.04)
    nis, correlation = followed(1.0).mean(20)
    assert nis == pytest.approx(1.0, abs=0.08)
    assert abs(correlation) < 0.06


@pytest.mark.parametrize(("noise", "nis"), [(2.0, 4.0), (0.5, 0.25)])
def test_noise_that_is_not_as_believed_leaves_the_band(noise: float, nis: float):
    known = followed(noise)
    assert known.mean(20)[0] == pytest.approx(nis, rel=0.1)
    assert known.share_inside == 0.0


def test_what_the_model_does_not_follow_is_not_white():
    assert followed(0.5, drift=1.0).mean(20)[1] > 0.5


def test_hours_without_readings_are_left_out_and_a_snapshot_keeps_all():
    known = followed(1.0, hours=3)
    nothing = correct(
        Belief(np.zeros(2), np.eye(2)), lambda x: x, np.full(2, np.nan), lambda _: np.ones(2),
        np.zeros(2, dtype=bool), np.ones(2), np.ones(2),
    )  # fmt: skip
    for k in range(91, 121):
        known = known.after(standardised(nothing, np.zeros(2, dtype=bool)), float(nothing.nis), k * FRAME)
    assert len(known.hours) == 3
    again = Consistency.restored(known.snapshot())
    assert (again.hours, again.sums) == (known.hours, known.sums)
    assert np.isnan(again.before).all()
