"""The usual bias of each probe, remembered from when nothing was said against it.

What an honest probe should read is the belief with each bias replaced by its usual value. The usual
value is a memory of the belief, so the two are correlated; the correlation is carried along (a state and its
delayed copy: "stochastic cloning", Roumeliotis & Burdick, ICRA 2002), so that the
spread of what an honest probe should read holds the belief's own doubt about the broth: little
while the probe is believed, all of it when the probe lies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.observers.ukf import Belief, Correction, factor
from twin.processes.base import Array

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Usual:
    """Usual biases of k probes beside a belief about n states.

    Parameters
    ----------
    mean : Array
        (..., k) [state unit].
    cross : Array
        Covariance of the states with them (..., n, k).
    cov : Array
        Their own covariance (..., k, k).
    """

    mean: Array
    cross: Array
    cov: Array

    @staticmethod
    def of(belief: Belief, places: Places) -> "Usual":
        """The biases as they are believed now."""
        cross = belief.cov[:, places]
        return Usual(belief.mean[places], cross, cross[places])

    def of_vessel(self, i: int) -> "Usual":
        """Those at a place of the first axis."""
        return Usual(self.mean[i], self.cross[i], self.cov[i])

    def copy(self) -> "Usual":
        """With memory of its own."""
        return Usual(self.mean.copy(), self.cross.copy(), self.cov.copy())

    def carried(self, F: Array, before: Belief, moved: Array, places: Places) -> "Usual":
        """Over one step of the model: what the broth itself does to a bias is not the probe's doing.

        Parameters
        ----------
        F : Array
            Linear map of the step (..., n, n).
        before : Belief
            At the begin of the step.
        moved : Array
            What the model adds to each state (..., n).
        places : Places
            Of the biases among the states (k,).
        """
        G = F[..., places, :] - np.eye(F.shape[-1])[places]
        shift = G @ self.cross
        return Usual(
            self.mean + moved[..., places],
            F @ (self.cross + before.cov @ G.mT),
            self.cov + shift + shift.mT + G @ before.cov @ G.mT,
        )

    def corrected(self, done: Correction, considered: NDArray[np.bool_]) -> "Usual":
        """After readings: what they teach about the broth they teach about the memory too.

        Not about a bias that is `considered` (..., k): its memory is left alone as it is itself.
        """
        seen = done.H @ self.cross
        gain = np.where(considered[..., :, None], 0.0, np.asarray(np.linalg.solve(done.S, seen)).mT)
        taught = gain @ seen
        cov = self.cov - taught - taught.mT + gain @ done.S @ gain.mT
        cross = self.cross - done.K @ seen - done.spared @ gain.mT
        mean = self.mean + (gain @ done.innovation[..., None])[..., 0]
        return Usual(mean, cross, 0.5 * (cov + cov.mT))

    def apart_from(self, states: NDArray[np.bool_]) -> "Usual":
        """When states (..., n) were set anew, by no reading (an exchanged bottle)."""
        return Usual(self.mean, np.where(states[..., None], 0.0, self.cross), self.cov)

    def learnt(self, belief: Belief, share: Array, places: Places) -> "Usual":
        """Moved towards the present biases by `share` of the way (k,), 0 to 1."""
        keep = 1.0 - share
        now = belief.cov[:, places]
        mixed = keep[:, None] * self.cross[places].T * share
        return Usual(
            keep * self.mean + share * belief.mean[places],
            self.cross * keep + now * share,
            keep[:, None] * self.cov * keep + mixed + mixed.T + share[:, None] * now[places] * share,
        )

    def doubted(self, sd: Array) -> "Usual":
        """Less sure of each by `sd` (k,)."""
        return Usual(self.mean, self.cross, self.cov + np.diag(sd**2))

    def honest(self, belief: Belief, places: Places, scale: Array) -> Belief:
        """The belief with each bias replaced by its usual value."""
        mean, cov = belief.mean.copy(), belief.cov.copy()
        mean[places] = self.mean
        cov[:, places], cov[places] = self.cross, self.cross.T
        cov[np.ix_(places, places)] = self.cov
        cov = 0.5 * (cov + cov.T)
        try:
            factor(cov, scale)
        except np.linalg.LinAlgError:  # rounding: then without the correlation, which always holds
            cov[:, places] = 0.0
            cov[places] = 0.0
            cov[np.ix_(places, places)] = 0.5 * (self.cov + self.cov.T)
        return Belief(mean, cov)
