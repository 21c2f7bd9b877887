"""What the sensors now alive let a filter know: the part of the doubt they take away within a day.

Two covariances begin as those of a vessel nobody has looked at and are carried by the model, linearised at
the present belief, over a day: one without any reading, one with the readings of the sensors that are alive.
The share of a state is ``1 - sd(with) / sd(without)``: 0 for what no sensor speaks of, near 1 for what is
read.
Comparing the normalised covariance before and after is how Ham & Brown (Observability, Eigenvalues, and
Kalman Filtering, IEEE Transactions on Aerospace and Electronic Systems 19 (1983) 269) measure observability;
unlike a rank it tells weak from strong and minds the noise.

What a further doubt about one state would have left follows from the same day without living it again: a
filter that begins with more variance is the first one and what is left of the difference (Lainiotis,
A Unifying Framework for Linear Estimation: Generalized Partitioned Algorithms, Information Sciences 10 (1976)
243).
"""

from collections.abc import Callable
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
    """Covariances after a day without readings and with those that are alive, each (n, n).

    A unit of error in one state at the begin of the day has become a column of `carried` without readings and
    of `remained` with them, (n, n); of its size the readings hold the information `told` (n,).
    """

    without: Array
    seen: Array
    carried: Array
    remained: Array
    told: Array

    def shares(self, slope: Array) -> Array:
        """Shares (r,) of quantities whose slopes by the states are `slope` (r, n)."""
        before, after = (np.einsum("ri,ij,rj->r", slope, cov, slope) for cov in (self.without, self.seen))
        return _share(before, after)

    def shares_of_more(self, place: NDArray[np.intp], more: Array) -> Array:
        """Shares (r,) of states at `place` (r,), each if it alone began with so much `more` variance (r,)."""
        before = self.without[place, place] + more * self.carried[place, place] ** 2
        left = more / (1.0 + more * self.told[place])
        return _share(before, self.seen[place, place] + left * self.remained[place, place] ** 2)


def _share(before: Array, after: Array) -> Array:
    """Part of standard deviations that is gone, from variances before and after."""
    return np.asarray(1.0 - np.sqrt(np.clip(after / np.maximum(before, 1e-300), 0.0, 1.0)))


def doubt(
    process: Process,
    belief: Belief,
    inputs: Array,
    alive: NDArray[np.bool_],
    noise: Callable[[Array], Array],
    prior: Array,
) -> Doubt:
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
    prior : Array
        Standard deviations of the states to begin with (n,).
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
    begin, unit = np.diag(prior**2), np.eye(scale.size)
    found = Doubt(begin, begin, unit, unit, np.zeros(scale.size))
    for hour in range(1, WINDOW_H + 1):
        rows = alive & (~assay | (hour == SAMPLE_H))
        found = _hour(found, F, np.diag(walk), looked.slope[rows], variance[rows])
    return found


def _hour(now: Doubt, F: Array, Q: Array, H: Array, variance: Array) -> Doubt:
    """An hour later, with readings; what they leave is a sum of two squares."""
    without, cov = (F @ each @ F.T + Q for each in (now.without, now.seen))
    S = H @ cov @ H.T + np.diag(variance)
    K = np.linalg.solve(S, H @ cov).T
    left = np.eye(cov.shape[0]) - K @ H
    seen = left @ cov @ left.T + (K * variance) @ K.T
    moved = F @ now.remained
    shown = H @ moved
    told = now.told + (shown * np.linalg.solve(S, shown)).sum(axis=0)
    return Doubt(without, seen, F @ now.carried, left @ moved, told)


def slopes(belief: Belief, function: Callable[[Array], Array], scale: Array) -> Array:
    """Slopes (r, n) of what `function` makes of the states, at a belief."""
    step = 1e-3 * scale
    points = np.concatenate([belief.mean + np.diag(step), belief.mean - np.diag(step)])
    images, n = function(points), scale.size
    return np.asarray(((images[:n] - images[n:]) / (2.0 * step[:, None])).T)
