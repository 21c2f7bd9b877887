"""The memory of usual biases is corrected with the belief as if both were one belief."""

import numpy as np
import pytest

from twin.engine.usual import Usual
from twin.observers.ukf import Belief, correct

N, M = 4, 2
PLACES = np.array([1, 3])


def case(seed: int) -> tuple[Belief, Usual, np.ndarray, np.ndarray, np.ndarray]:
    """A belief and a memory of two of its states with a common covariance; readings and their noise."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(N + 2, N + 2))
    joint = A @ A.T + np.eye(N + 2)
    belief = Belief(rng.normal(size=N), joint[:N, :N])
    usual = Usual(rng.normal(size=2), joint[:N, N:], joint[N:, N:])
    return belief, usual, rng.normal(size=(M, N)), rng.normal(size=M), 0.3 + rng.random(M)


@pytest.mark.parametrize("held", [(False, False), (True, False), (True, True)])
def test_a_correction_is_that_of_belief_and_memory_together(held: tuple[bool, bool]) -> None:
    belief, usual, H, y, r = case(1)
    considered = np.zeros(N, bool)
    considered[PLACES] = held
    far, scale = np.full(M, 1e6), np.full(N, 1e-6)
    done = correct(belief, lambda x: x @ H.T, y, lambda _: r, np.ones(M, bool), scale, far, considered)
    after = usual.corrected(done, considered[PLACES])

    P = np.block([[belief.cov, usual.cross], [usual.cross.T, usual.cov]])
    mean = np.concatenate([belief.mean, usual.mean])
    Ha = np.hstack([H, np.zeros((M, 2))])
    S = Ha @ P @ Ha.T + np.diag(r)
    K = P @ Ha.T @ np.linalg.inv(S)
    K[np.concatenate([considered, held])] = 0.0
    left = np.eye(N + 2) - K @ Ha
    P = left @ P @ left.T + K @ np.diag(r) @ K.T
    mean = mean + K @ (y - H @ belief.mean)
    assert after.mean == pytest.approx(mean[N:], abs=1e-6)
    assert after.cross == pytest.approx(P[:N, N:], abs=1e-6)
    assert after.cov == pytest.approx(P[N:, N:], abs=1e-6)
