"""What the sensors now alive let a filter know: the part of the doubt they take away within a day.

Two covariances begin as those of a vessel nobody has looked at and are carried by the model, linearised at
the present belief, over a day: one without any reading, one with the readings of the sensors that are alive.
The share of a state is ``1 - sd(with) / sd(without)``: 0 for what no sensor speaks of, near 1 for what is
read.
Comparing the normalised covariance before and after is how Ham & Brown (Observability, Eigenvalues, and
Kalman Filtering, IEEE Transactions on Aerospace and Electronic Systems 19 (1983) 269) measure observability;
unlike a rank it tells weak from strong and minds the noise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.observers.ukf import Belief, correct, predict
from twin.processes.base import Array, Process, scales

WINDOW_H: Final = 24
"""How long the sensors are listened to [h]."""
SAMPLE_H: Final = 12
"""Within it, when the one sample of the day is drawn [h]."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Covariances after a day without readings and with those that are alive, each (n, n)."""

    without: Array
    seen: Array

    def shares(self, slope: Array) -> Array:
        """Shares (r,) of quantities whose slopes by the states are `slope` (r, n)."""
        before, after = (np.einsum("ri,ij,rj->r", slope, cov, slope) for cov in (self.without, self.seen))
        return np.asarray(1.0 - np.sqrt(np.clip(after / np.maximum(before, 1e-300), 0.0, 1.0)))


def doubt(
    process: Process,
    belief: Belief,
    inputs: Array,
    alive: NDArray[np.bool_],
    noise: Callable[[Array], Array],
    priors: Sequence[Array],
) -> list[Doubt]:
    """What a day leaves of the doubt.

    Parameters
    ----------
    process : Process
    belief : Belief
        Where the model is linearised.
    inputs : Array
        (k,)
    alive : array of bool
        Which outputs are read now (m,).
    noise : Callable
        Variance of the readings of one frame (m,) given the expected readings (m,).
    priors : sequence of Array
        Standard deviations of the states to begin with, each (n,).

    Returns
    -------
    list of Doubt
        One for each of `priors`.
    """
    scale = scales(process)
    walk = np.array([s.walk for s in process.states]) ** 2
    F = predict(belief, lambda x: process.advance(x, inputs, 1.0), np.zeros(scale.size), scale).F
    nothing = np.zeros(alive.size, dtype=bool)
    looked = correct(
        belief, lambda x: process.observe(x, inputs), np.zeros(alive.size), noise, nothing, scale,
        np.full(alive.size, np.inf),
    )  # fmt: skip
    assay = np.array([o.assay for o in process.outputs], dtype=bool)
    frames = max(3600.0 / process.frame_s, 1.0)
    variance = noise(looked.predicted) / np.where(assay, 1.0, frames)
    prior = np.stack([np.diag(each**2) for each in priors])
    without, seen = prior, prior
    for hour in range(1, WINDOW_H + 1):
        without, seen = (F @ cov @ F.T + np.diag(walk) for cov in (without, seen))
        rows = alive & (~assay | (hour == SAMPLE_H))
        seen = _read(seen, looked.slope[rows], variance[rows])
    return [Doubt(*pair) for pair in zip(without, seen, strict=True)]


def _read(cov: Array, H: Array, variance: Array) -> Array:
    """Covariances (..., n, n) after readings, as sums of two squares."""
    S = H @ cov @ H.T + np.diag(variance)
    K = np.swapaxes(np.linalg.solve(S, H @ cov), -1, -2)
    left = np.eye(cov.shape[-1]) - K @ H
    return np.asarray(left @ cov @ np.swapaxes(left, -1, -2) + (K * variance) @ np.swapaxes(K, -1, -2))


def slopes(belief: Belief, function: Callable[[Array], Array], scale: Array) -> Array:
    """Slopes (r, n) of what `function` makes of the states, at a belief."""
    step = 1e-3 * scale
    points = np.concatenate([belief.mean + np.diag(step), belief.mean - np.diag(step)])
    images, n = function(points), scale.size
    return np.asarray(((images[:n] - images[n:]) / (2.0 * step[:, None])).T)
