"""Generalised likelihood ratios of faults on a filter's innovations.

For each fault and each candidate onset the bank carries what the fault, at unit size, would have done
to the filter's error (its *signature*), through the filter's own gain, and how much evidence for it
the innovations hold (Willsky & Jones, IEEE Trans. Autom. Control 21 (1976) 108). A filter that
absorbs a drift can not hide it: the absorbing is part of the signature.

The model is not the plant, so a change that the model's own error could feign (`slack`) counts
less: the ratio of a change of total size ``s`` with variance ``v`` is ``s^2 / (v + slack^2)``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.processes.base import Array, Hypothesis, Shape

SPAWN_H: Final = 0.1
"""A candidate onset is added this often [h]."""
RATIO: Final = 1.2
"""Older candidates are kept at ages in about this ratio."""
NEGLIGIBLE: Final = 1.0
"""Explanations with a smaller ratio are not worth a word."""
UNLIKELY: Final = 0.01
"""Nor are those less probable than this (chosen default)."""
LEAST_INFORMATION: Final = 1e-12
"""A size is not told from less [1/size^2]; keeps it finite."""
LEAST_H: Final = 1e-6
"""Least age of a ramp [h]; keeps its total from being nothing."""
_GIVEN: Final = ("prior", "least", "sign", "horizon_h", "most", "fastest")
DEFLATION: Final = 0.25
"""Share of the likelihood believed when hypotheses are compared: the innovations of a model that is not
the plant are correlated in time. Chosen default."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The best explanation of the innovations by one hypothesis.

    Parameters
    ----------
    hypothesis : Hypothesis
    onset_ns : int
        Most likely onset [ns since 1970-01-01 UTC].
    size, size_sd : float
        As in the hypothesis: change for STEP, change per hour for RAMP [state unit].
    total, total_sd : float
        Change so far [state unit].
    ratio : float
        Twice the log-likelihood ratio, less the model's own error.
    raw : float
        Twice the log-likelihood ratio as if the model were the plant.
    probability : float
        Of this hypothesis among all and none.
    error : Array
        What the fault has made of the filter's error at unit size (n,): truth minus belief.
    information : float
        Inverse variance of `size`.
    """

    hypothesis: Hypothesis
    onset_ns: int
    size: float
    size_sd: float
    total: float
    total_sd: float
    ratio: float
    raw: float
    probability: float
    error: Array
    information: float


@dataclass(slots=True)
class Evidence:
    """What the bank knows: arrays over candidates c and hypotheses h.

    ``error`` (c, h, n), ``score`` (c, h), ``information`` (c, h), ``onset`` (c,) in ns.
    """

    error: Array
    score: Array
    information: Array
    onset: NDArray[np.int64]

    def copy(self) -> "Evidence":
        """An independent copy."""
        return Evidence(self.error.copy(), self.score.copy(), self.information.copy(), self.onset.copy())


@dataclass(frozen=True, slots=True)
class Bank:
    """The hypotheses of a model as arrays; what it knows is kept in an `Evidence`.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
    names : sequence of str
        Names of the model's states, in order.
    """

    hypotheses: Sequence[Hypothesis]
    names: Sequence[str]
    _direction: Array = field(init=False, repr=False)
    _ramp: NDArray[np.bool_] = field(init=False, repr=False)
    _given: Mapping[str, Array] = field(init=False, repr=False)
    """numbers of the hypotheses, by name (h,)"""

    def __post_init__(self) -> None:
        direction = np.zeros((len(self.hypotheses), len(self.names)))
        for i, h in enumerate(self.hypotheses):
            direction[i, list(self.names).index(h.state)] = 1.0
        object.__setattr__(self, "_direction", direction)
        object.__setattr__(self, "_ramp", np.array([h.shape is Shape.RAMP for h in self.hypotheses], bool))
        given = {name: np.array([getattr(h, name) for h in self.hypotheses], float) for name in _GIVEN}
        object.__setattr__(self, "_given", given)

    def empty(self) -> Evidence:
        """No candidate yet."""
        h, n = self._direction.shape
        return Evidence(np.zeros((0, h, n)), np.zeros((0, h)), np.zeros((0, h)), np.zeros(0, dtype=np.int64))

    def taken_up(self, error: object, score: object, information: object, onset: object) -> Evidence:
        """Evidence from the arrays or nested lists of a snapshot; lists of no candidate have no shape."""
        h, n = self._direction.shape
        return Evidence(
            np.array(error, dtype=np.float64).reshape(-1, h, n),
            np.array(score, dtype=np.float64).reshape(-1, h),
            np.array(information, dtype=np.float64).reshape(-1, h),
            np.array(onset, dtype=np.int64),
        )

    def step(
        self, known: Evidence, start_ns: int, end_ns: int, F: Array, H: Array, K: Array, precision: Array,
        innovation: Array,
    ) -> None:  # fmt: skip
        """Carry all signatures one frame further and weigh the frame's innovations, in place.

        Parameters
        ----------
        known : Evidence
        start_ns, end_ns : int
            The frame [ns].
        F, H, K, precision, innovation : Array
            Of the filter in this frame: (n, n), (m, n), (n, m), (m, m), (m,); the precision is the inverse of
            the covariance of the innovation.
        """
        hours = (end_ns - start_ns) / 3.6e12
        if known.onset.size == 0 or start_ns - int(known.onset[-1]) >= SPAWN_H * 3.6e12:
            self._spawn(known, start_ns)
            self._prune(known, end_ns)
        shape = known.error.shape
        error = (known.error.reshape(-1, shape[-1]) @ F.T).reshape(shape)
        # a step is set at its birth; a ramp pushes in every frame
        error[:, self._ramp] += hours * self._direction[self._ramp]
        seen = error.reshape(-1, shape[-1]) @ H.T
        weight = seen @ precision
        known.score += (weight @ innovation).reshape(shape[:2])
        known.information += (weight * seen).sum(axis=-1).reshape(shape[:2])
        known.error = error - (seen @ K.T).reshape(shape)

    def forget(self, known: Evidence, mute: NDArray[np.bool_]) -> None:
        """Drop the evidence for the faults marked in `mute` (h,), in place."""
        if mute.any():
            known.score[:, mute] = known.information[:, mute] = 0.0

    def _spawn(self, known: Evidence, onset_ns: int) -> None:
        first = np.where(self._ramp[:, None], 0.0, self._direction)[None]
        zeros = np.zeros((1, len(self.hypotheses)))
        known.error = np.concatenate([known.error, first])
        known.score = np.concatenate([known.score, zeros])
        known.information = np.concatenate([known.information, zeros])
        known.onset = np.append(known.onset, np.int64(onset_ns))

    def _prune(self, known: Evidence, now_ns: int) -> None:
        """Drop candidates that are too old or too close to their neighbours for their age."""
        ages = (now_ns - known.onset) / 3.6e12
        oldest = max((h.horizon_h for h in self.hypotheses), default=0.0)
        keep = ages <= oldest
        last_kept = np.inf
        for i in range(ages.size):
            after = ages[i + 1] if i + 1 < ages.size else 0.0
            crowded = last_kept - after < (RATIO - 1.0) * ages[i] and last_kept < np.inf
            keep[i] = keep[i] and (not crowded or i >= ages.size - 2)
            if keep[i]:
                last_kept = ages[i]
        if not keep.all():
            known.error, known.onset = known.error[keep], known.onset[keep]
            known.score, known.information = known.score[keep], known.information[keep]

    def findings(self, known: Evidence, now_ns: int, blocked: frozenset[str] = frozenset()) -> list[Finding]:
        """The best explanation by each hypothesis, most probable first.

        Parameters
        ----------
        known : Evidence
        now_ns : int
        blocked : frozenset of str
            States that already carry a standing finding.
        """
        if known.onset.size == 0:
            return []
        raw, size = self._weigh(known, now_ns, blocked)
        column = np.arange(len(self.hypotheses))
        best = raw.argmax(axis=0)
        highest = raw[best, column]
        odds = 0.5 * DEFLATION * highest
        top = float(odds.max())
        # against "nothing happened", whose weight is 1; what explains nothing, and what would be
        # too small to tell, weighs nothing
        told = np.abs(size[best, column]) >= self._given["least"]
        weights = np.where(told, self._given["prior"] * (np.exp(odds - top) - np.exp(-top)), 0.0)
        weights = weights / (weights.sum() + np.exp(-top))
        worth = np.flatnonzero((highest > NEGLIGIBLE) & (weights >= UNLIKELY)).tolist()
        found = [self._finding(known, now_ns, int(best[i]), i, float(weights[i])) for i in worth]
        return sorted(found, key=lambda f: (-f.probability, f.hypothesis.code))

    def _weigh(self, known: Evidence, now_ns: int, blocked: frozenset[str]) -> tuple[Array, Array]:
        """Raw ratios, 0 where a hypothesis does not allow the size or the onset, and sizes, both (c, h)."""
        given, ages = self._given, ((now_ns - known.onset) / 3.6e12)[:, None]
        size = known.score / np.maximum(known.information, LEAST_INFORMATION)
        total = size * np.where(self._ramp, np.maximum(ages, LEAST_H), 1.0)
        shut = np.array([h.state in blocked for h in self.hypotheses])
        allowed = (size * given["sign"] >= 0.0) & (ages <= given["horizon_h"]) & ~shut
        allowed &= known.information > 0.0
        allowed &= (np.abs(total) <= given["most"]) & (np.abs(size) <= given["fastest"])
        return np.where(allowed, known.score * size, 0.0), size

    def _finding(self, known: Evidence, now_ns: int, c: int, i: int, probability: float) -> Finding:
        """What candidate c says of hypothesis i."""
        h, onset_ns = self.hypotheses[i], int(known.onset[c])
        score, information = float(known.score[c, i]), float(known.information[c, i])
        size, sd = score / max(information, LEAST_INFORMATION), 1.0 / math.sqrt(information)
        spread = max((now_ns - onset_ns) / 3.6e12, LEAST_H) if h.shape is Shape.RAMP else 1.0
        total = size * spread
        return Finding(
            hypothesis=h,
            onset_ns=onset_ns,
            size=size,
            size_sd=sd,
            total=total,
            total_sd=spread / math.sqrt(information),
            ratio=total * total / (spread * spread / max(information, LEAST_INFORMATION) + h.slack * h.slack),
            raw=score * size,
            probability=probability,
            error=known.error[c, i].copy(),
            information=information,
        )
