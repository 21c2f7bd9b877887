"""The filter against the exact Kalman filter, and its laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.observers.ukf import Belief, Correction, correct, predict, sound

N, M = 5, 3
SCALE = np.ones(N)
FAR = np.full(M, 1e9)


def linear_case(seed: int):
    rng = np.random.default_rng(seed)
    F = np.eye(N) + 0.2 * rng.normal(size=(N, N))
    F /= max(1.0, np.abs(np.linalg.eigvals(F)).max())
    H = rng.normal(size=(M, N))
    q, r = rng.uniform(0.01, 1.0, N), rng.uniform(0.1, 2.0, M)
    root = rng.normal(size=(N, N))
    return rng, F, H, q, r, Belief(rng.normal(size=N), root @ root.T + np.eye(N))


def exact(belief: Belief, F, H, q, r, y, mask) -> Belief:
    mean, cov = F @ belief.mean, F @ belief.cov @ F.T + np.diag(q)
    H, y, r = H[mask], y[mask], r[mask]
    S = H @ cov @ H.T + np.diag(r)
    K = cov @ H.T @ np.linalg.inv(S)
    return Belief(mean + K @ (y - H @ mean), cov - K @ S @ K.T)


def one_step(belief: Belief, F, H, q, r, y, mask, gate=FAR) -> Correction:
    prior = predict(belief, lambda x: x @ F.T, q, SCALE)
    return correct(prior.belief, lambda x: x @ H.T, y, lambda _: r, mask, SCALE, gate)


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_exact_filter_on_a_linear_case_with_missing_readings(seed: int) -> None:
    rng, F, H, q, r, belief = linear_case(seed)
    reference = belief
    for _ in range(100):
        y, mask = rng.normal(size=M), rng.random(M) < 0.7
        belief = one_step(belief, F, H, q, r, np.where(mask, y, np.nan), mask).belief
        reference = exact(reference, F, H, q, r, y, mask)
        assert np.allclose(belief.mean, reference.mean, rtol=1e-9, atol=1e-9)
        assert np.allclose(belief.cov, reference.cov, rtol=1e-9, atol=1e-9)


def test_gives_back_the_linear_maps() -> None:
    _, F, H, q, r, belief = linear_case(7)
    prior = predict(belief, lambda x: x @ F.T, q, SCALE)
    done = correct(prior.belief, lambda x: x @ H.T, np.zeros(M), lambda _: r, np.ones(M, bool), SCALE, FAR)
    assert np.allclose(prior.F, F, atol=1e-9)
    assert np.allclose(done.H, H, atol=1e-9)


def test_a_state_that_is_considered_keeps_its_mean_and_its_doubt_counts() -> None:
    _, F, H, q, r, belief = linear_case(5)
    prior = predict(belief, lambda x: x @ F.T, q, SCALE).belief
    y, mask, considered = np.ones(M), np.ones(M, bool), np.arange(N) == 2
    given = (prior, lambda x: x @ H.T, y, lambda _: r, mask, SCALE, FAR)
    free, held = correct(*given), correct(*given, considered)
    assert held.belief.mean[2] == pytest.approx(prior.mean[2], abs=1e-12)
    assert held.belief.cov[2, 2] == pytest.approx(prior.cov[2, 2], rel=1e-9)
    assert free.belief.cov[2, 2] < held.belief.cov[2, 2]
    assert np.trace(free.belief.cov) < np.trace(held.belief.cov) < np.trace(prior.cov)


def test_a_fleet_is_the_same_as_each_vessel_alone() -> None:
    _, F, H, q, r, _ = linear_case(3)
    rng = np.random.default_rng(4)
    fleet = Belief(rng.normal(size=(4, N)), np.stack([np.eye(N) * (i + 1) for i in range(4)]))
    y, mask = rng.normal(size=(4, M)), rng.random((4, M)) < 0.5
    together = one_step(fleet, F, H, q, r, y, mask).belief
    for i in range(4):
        alone = one_step(Belief(fleet.mean[i], fleet.cov[i]), F, H, q, r, y[i], mask[i]).belief
        assert np.allclose(together.mean[i], alone.mean)
        assert np.allclose(together.cov[i], alone.cov)


def test_no_reading_leaves_the_belief_as_predicted() -> None:
    _, F, H, q, r, belief = linear_case(1)
    prior = predict(belief, lambda x: x @ F.T, q, SCALE).belief
    after = one_step(belief, F, H, q, r, np.full(M, np.nan), np.zeros(M, bool)).belief
    assert np.allclose(after.mean, prior.mean)
    assert np.allclose(after.cov, prior.cov)


def test_a_wild_reading_is_held_back_but_a_lasting_change_gets_through() -> None:
    H, q, r = np.eye(N)[:M], np.full(N, 1e-2), np.full(M, 0.1)
    belief, mask = Belief(np.zeros(N), np.eye(N) * 0.1), np.array([True, False, False])
    wild = one_step(belief, np.eye(N), H, q, r, np.full(M, 1e6), mask, np.full(M, 5.0))
    assert wild.gated[0]
    assert abs(wild.belief.mean[0]) < 5.0 * 0.5
    for _ in range(100):
        belief = one_step(belief, np.eye(N), H, q, r, np.full(M, 10.0), mask, np.full(M, 5.0)).belief
    assert belief.mean[0] == pytest.approx(10.0, abs=0.5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-6, 1e6), st.integers(1, 60))
def test_covariance_stays_positive_definite_for_a_rough_model(seed: int, noise: float, steps: int) -> None:
    rng = np.random.default_rng(seed)
    belief = Belief(rng.normal(size=N), np.diag(rng.uniform(1e-8, 10.0, N)))

    def bent(x):
        return np.tanh(x) + 0.3 * np.sin(3.0 * x[..., ::-1])

    for _ in range(steps):
        prior = predict(belief, bent, np.full(N, 1e-6), SCALE)
        belief = correct(
            prior.belief,
            lambda x: np.exp(x[..., :M]),
            rng.normal(size=M),
            lambda _: np.full(M, noise),
            rng.random(M) < 0.6,
            SCALE,
            np.full(M, 6.0),
        ).belief
        assert sound(belief, SCALE)


def test_sound_tells_broken_beliefs() -> None:
    assert sound(Belief(np.zeros(2), np.eye(2)), np.ones(2))
    assert not sound(Belief(np.array([0.0, np.nan]), np.eye(2)), np.ones(2))
    assert not sound(Belief(np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]])), np.ones(2))
    assert not sound(Belief(np.zeros(2), np.diag([1.0, -1.0])), np.ones(2))
