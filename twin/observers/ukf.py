"""Sigma-point (unscented) filter with masks, gating and self-checks.

The sigma points are the mean and ``mean +- c L_i`` with ``L`` the Cholesky factor of the covariance and
``c = sqrt(3)``. Means and covariances are those of the second-order interpolation filter of
Norgaard, Poulsen & Ravn (Automatica 36 (2000) 1627): every term of the covariance is a sum of
squares, so it can not lose its positive definiteness by negative weights. For linear functions
the filter equals the Kalman filter.

All arrays may carry leading axes "..." (a fleet of vessels with the same model).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.processes.base import Array

SPREAD: Final = 3.0**0.5
"""Distance of the sigma points in standard deviations; sqrt(kurtosis) of a Gaussian."""
FLOOR: Final = 1e-9
"""Least standard deviation of a state in proportion to its scale, so that a factor always exists."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Mean (..., n) and covariance (..., n, n) of the states."""

    mean: Array
    cov: Array

    def of(self, i: int) -> "Belief":
        """The one at a place of the first axis."""
        return Belief(self.mean[i], self.cov[i])

    def copy(self) -> "Belief":
        """With memory of its own."""
        return Belief(self.mean.copy(), self.cov.copy())


@dataclass(frozen=True, slots=True)
class Prediction:
    """Belief before the measurements, and the linear map ``F`` (..., n, n) that led there."""

    belief: Belief
    F: Array

    def blurred(self, moves: Array) -> "Prediction":
        """Less sure by independent causes, each of which moves the states by a row of `moves` (..., k, n)."""
        return Prediction(Belief(self.belief.mean, self.belief.cov + moves.mT @ moves), self.F)


@dataclass(frozen=True, slots=True)
class Correction:
    """What the measurements did.

    Parameters
    ----------
    belief : Belief
        After the measurements.
    predicted : Array
        Readings expected before them (..., m).
    innovation : Array
        Measured minus expected, 0 where nothing was measured (..., m).
    H : Array
        Linear map from state to readings, rows of 0 where nothing was measured (..., m, n).
    S : Array
        Covariance of the innovation as used, 1 on the diagonal where nothing was measured (..., m, m).
    K : Array
        Gain (..., n, m).
    spared : Array
        Covariance of the states with the readings that considered states were spared; 0 for all others
        (..., n, m).
    slope : Array
        As `H`, for every reading whether measured or not (..., m, n).
    spread : Array
        Standard deviation of each expected reading before noise (..., m).
    nis : Array
        Normalised innovation squared over the measured readings (...).
    gated : Array
        True where a reading was too far off to be believed in full (..., m).
    """

    belief: Belief
    predicted: Array
    innovation: Array
    H: Array
    S: Array
    K: Array
    spared: Array
    slope: Array
    spread: Array
    nis: Array
    gated: Array


def factor(cov: Array, scale: Array) -> Array:
    """Lower Cholesky factor (..., n, n) of a covariance, with a floor on the diagonal.

    Raises
    ------
    numpy.linalg.LinAlgError
        When the covariance is not positive definite even with the floor.
    """
    floor = np.zeros_like(cov)
    n = cov.shape[-1]
    floor[..., range(n), range(n)] = (FLOOR * scale) ** 2
    return np.asarray(np.linalg.cholesky(cov + floor))


def sigma_points(belief: Belief, scale: Array) -> tuple[Array, Array]:
    """Factor of the covariance (..., n, n), and points (..., 2n+1, n): the mean, then plus, then minus."""
    low = factor(belief.cov, scale)
    step = SPREAD * low.mT
    centre = belief.mean[..., None, :]
    return low, np.concatenate([centre, centre + step, centre - step], axis=-2)


def _moments(images: Array) -> tuple[Array, Array, Array]:
    """Mean (..., r), first-order differences (..., n, r) and second-order differences (..., n, r)."""
    n = (images.shape[-2] - 1) // 2
    centre, plus, minus = images[..., :1, :], images[..., 1 : n + 1, :], images[..., n + 1 :, :]
    bend = plus + minus - 2.0 * centre
    mean = centre[..., 0, :] + bend.sum(axis=-2) / (2.0 * SPREAD**2)
    return mean, (plus - minus) / (2.0 * SPREAD), bend * (SPREAD**2 - 1.0) ** 0.5 / (2.0 * SPREAD**2)


def _solve_right(rows: Array, low: Array) -> Array:
    """Solve ``X L' = rows'`` for X: the linear map whose first-order differences are `rows`."""
    return np.asarray(np.linalg.solve(low.mT, rows)).mT


def expect(belief: Belief, function: Callable[[Array], Array], scale: Array) -> tuple[Array, Array]:
    """Mean and standard deviation (..., r) of what `function` makes of a belief."""
    _, points = sigma_points(belief, scale)
    mean, first, second = _moments(function(points))
    return mean, np.sqrt((first**2 + second**2).sum(axis=-2))


def predict(belief: Belief, function: Callable[[Array], Array], noise: Array, scale: Array) -> Prediction:
    """Carry a belief through `function` ((..., p, n) -> (..., p, n)) and add process noise.

    Parameters
    ----------
    belief : Belief
    function : Callable
        State transition, vectorised over sigma points.
    noise : Array
        Variance of what the model does not know over this step (..., n).
    scale : Array
        Natural size of each state, for the floor of the factor (n,).
    """
    low, points = sigma_points(belief, scale)
    return gathered(function(points), low, noise)


def gathered(images: Array, low: Array, noise: Array) -> Prediction:
    """What became of the points of `sigma_points` (..., 2n+1, n), with process noise (..., n)."""
    mean, first, second = _moments(images)
    cov = first.mT @ first + second.mT @ second
    n = cov.shape[-1]
    cov[..., range(n), range(n)] += noise
    return Prediction(Belief(mean, cov), _solve_right(first, low))


def correct(
    belief: Belief,
    function: Callable[[Array], Array],
    measured: Array,
    noise: Callable[[Array], Array],
    mask: Array,
    scale: Array,
    gate: Array,
    considered: NDArray[np.bool_] | None = None,
) -> Correction:
    """Put measurements into a belief.

    Parameters
    ----------
    belief : Belief
    function : Callable
        Expected readings, (..., p, n) -> (..., p, m).
    measured : Array
        Readings (..., m); anything where `mask` is False.
    noise : Callable
        Variance of the readings (..., m) given the expected readings (..., m).
    mask : Array
        True where there is a reading (..., m).
    scale : Array
        As in `predict`.
    gate : Array
        Readings further off than this many standard deviations get so much more noise that
        they are exactly that far off: a wild value can not tear the belief away, a lasting
        change still gets through (..., m).
    considered : Array or None
        True for states whose doubt counts but which are not corrected (..., n): a Schmidt-Kalman update
        (Schmidt, Advances in Control Systems 3 (1966) 293).
    """
    low, points = sigma_points(belief, scale)
    predicted, first, second = _moments(function(points))
    spread = (first**2 + second**2).sum(axis=-2)
    slope = _solve_right(first, low)
    first = np.where(mask[..., None, :], first, 0.0)
    second = np.where(mask[..., None, :], second, 0.0)
    innovation = np.where(mask, measured - predicted, 0.0)
    variance = np.where(mask, noise(predicted), 1.0)
    gated = innovation**2 > gate**2 * (spread + variance)
    variance = np.where(gated, innovation**2 / gate**2 - spread, variance)
    S = first.mT @ first + second.mT @ second
    m = S.shape[-1]
    S[..., range(m), range(m)] += variance
    H = np.where(mask[..., None], slope, 0.0)
    cross = first.mT @ low.mT
    K = np.asarray(np.linalg.solve(S, cross)).mT
    held = np.zeros((1, 1), bool) if considered is None else considered[..., :, None]
    spared, K = np.where(held, cross.mT, 0.0), np.where(held, 0.0, K)
    after = _joseph(belief, K, H, S - H @ belief.cov @ H.mT, innovation)
    nis = (innovation * np.linalg.solve(S, innovation[..., None])[..., 0]).sum(axis=-1)
    return Correction(after, predicted, innovation, H, S, K, spared, slope, np.sqrt(spread), nis, gated)


def _joseph(belief: Belief, K: Array, H: Array, rest: Array, innovation: Array) -> Belief:
    """Corrected belief; the covariance is a sum of two squares and so stays positive definite."""
    left = np.eye(H.shape[-1]) - K @ H
    cov = left @ belief.cov @ left.mT + K @ rest @ K.mT
    mean = belief.mean + (K @ innovation[..., None])[..., 0]
    return Belief(mean, 0.5 * (cov + cov.mT))


def sound(belief: Belief, scale: Array) -> bool:
    """Tell whether a belief is finite, positive definite and not absurdly wide."""
    if not (np.isfinite(belief.mean).all() and np.isfinite(belief.cov).all()):
        return False
    variances = np.diagonal(belief.cov, axis1=-2, axis2=-1)
    if (variances < 0.0).any():
        return False
    try:
        factor(belief.cov, scale)
    except np.linalg.LinAlgError:
        return False
    return True
