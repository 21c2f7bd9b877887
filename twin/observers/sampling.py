"""What results still to come would take from the doubt of a filter, before anybody draws a sample.

The covariance of a filter does not depend on what is read (Kalman, J. Basic Eng. 82 (1960) 35), so it can be
carried ahead with the readings that will come. Each possible result is a number ``z`` that is cloned from
the state when its sample is drawn (stochastic cloning, Roumeliotis & Burdick, Proc. IEEE Int. Conf. Robotics
and Automation (2002) 1788) and known later; its covariance with the state goes on through prediction and
correction. When it is known it takes ``cov(x, z) cov(z, x) / var(z)`` from the covariance of the state: what
a filter gets that goes back to the drawing, puts the result in and comes forward again.

A fault that begins now leaves its signature in both (Willsky & Jones, IEEE Trans. Autom. Control 21 (1976)
108): the information on its size that a result adds is ``g^2 / var(z)``, ``g`` its signature in ``z`` that
the readings in between have not foretold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.observers.ukf import Belief, correct, predict
from twin.processes.base import Array, Process, noise_of, scales


@dataclass(slots=True)
class Clones:
    """Results j: ``cross`` (n, j) with the state, ``variance`` (j,), ``signature`` (h, j) of faults."""

    cross: Array
    variance: Array
    signature: Array


@dataclass(slots=True)
class Ahead:
    """A filter carried ahead.

    Parameters
    ----------
    belief : Belief
    clones : Clones
    error : Array
        Truth minus belief by a fault of unit size that began at the start (h, n).
    information : Array
        On the size of each fault from the readings so far (h,).
    """

    belief: Belief
    clones: Clones
    error: Array
    information: Array


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults that may begin now: directions (h, n), which grow (h,), standard deviations of sizes (h,)."""

    direction: Array
    ramp: NDArray[np.bool_]
    size: Array


class Lookahead:
    """Steps `Ahead`.

    Parameters
    ----------
    process : Process
    alive : array of bool
        Which outputs are read in line (m,).
    faults : Faults
    """

    def __init__(self, process: Process, alive: NDArray[np.bool_], faults: Faults) -> None:
        self.process, self.faults = process, faults
        assay = np.array([o.assay for o in process.outputs], dtype=bool)
        self._read = alive & ~assay
        self._scale, self.noise = scales(process), noise_of(process)
        self._walk = np.array([s.walk for s in process.states]) ** 2
        self._open = np.full(alive.size, np.inf)

    def begin(self, belief: Belief) -> Ahead:
        """A filter now, with no sample drawn."""
        h, n = self.faults.direction.shape
        clones = Clones(np.zeros((n, 0)), np.zeros(0), np.zeros((h, 0)))
        error = np.where(self.faults.ramp[:, None], 0.0, self.faults.direction)
        return Ahead(belief, clones, error, np.zeros(h))

    def step(self, ahead: Ahead, inputs: Array, hours: float, drawn: Sequence[int] = ()) -> None:
        """Carry on by some hours, in place; at the end samples are drawn for the outputs in `drawn`."""
        prior = predict(
            ahead.belief,
            lambda x: self.process.advance(x, inputs, hours),
            self._walk * hours,
            self._scale,
        )
        self._carry(ahead, prior.F, hours)
        frames = max(hours * 3600.0 / self.process.frame_s, 1.0)
        observe: Callable[[Array], Array] = lambda x: self.process.observe(x, inputs)  # noqa: E731
        done = correct(
            prior.belief,
            observe,
            observe(prior.belief.mean),
            lambda y: self.noise(y) / frames,
            self._read,
            self._scale,
            self._open,
        )
        self._take(ahead, done.H, done.K, done.S)
        ahead.belief = Belief(prior.belief.mean, done.belief.cov)
        places = list(drawn)
        self._draw(ahead, done.slope[places], self.noise(done.predicted)[places])

    def _carry(self, ahead: Ahead, F: Array, hours: float) -> None:
        ahead.clones.cross = F @ ahead.clones.cross
        ahead.error = ahead.error @ F.T
        ahead.error[self.faults.ramp] += hours * self.faults.direction[self.faults.ramp]

    def _take(self, ahead: Ahead, H: Array, K: Array, S: Array) -> None:
        """The readings of a step."""
        clones, seen = ahead.clones, ahead.error @ H.T
        foretold = H @ clones.cross
        weighed = np.linalg.solve(S, foretold)
        clones.variance = clones.variance - (foretold * weighed).sum(axis=0)
        clones.signature = clones.signature - seen @ weighed
        clones.cross = clones.cross - K @ foretold
        ahead.information = ahead.information + (seen * np.linalg.solve(S, seen.T).T).sum(axis=1)
        ahead.error = ahead.error - seen @ K.T

    def _draw(self, ahead: Ahead, slope: Array, variance: Array) -> None:
        """Clone a result for each row of `slope` (r, n)."""
        clones, cov = ahead.clones, ahead.belief.cov
        cross = cov @ slope.T
        clones.cross = np.concatenate([clones.cross, cross], axis=1)
        clones.variance = np.concatenate([clones.variance, (slope * cross.T).sum(axis=1) + variance])
        clones.signature = np.concatenate([clones.signature, ahead.error @ slope.T], axis=1)

    def shares(self, ahead: Ahead, slope: Array) -> tuple[Array, Array]:
        """Of quantities with these slopes (q, n): variances (q,), and shares that results take now (q, j)."""
        variance = np.einsum("qi,ij,qj->q", slope, ahead.belief.cov, slope)
        taken = (slope @ ahead.clones.cross) ** 2 / ahead.clones.variance
        return variance, np.clip(taken / np.maximum(variance, 1e-300)[:, None], 0.0, 1.0)

    def fault_shares(self, ahead: Ahead) -> Array:
        """Share of the variance of each fault's size that each result takes now (h, j)."""
        known = 1.0 / self.faults.size**2 + ahead.information
        more = ahead.clones.signature**2 / ahead.clones.variance
        return np.asarray(more / (known[:, None] + more))
