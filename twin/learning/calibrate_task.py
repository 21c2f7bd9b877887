"""The least-squares problem of a calibration: runs, a model, and how residuals and deviations are judged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.learning.calibration import Build, Counts, values_of
from twin.processes.base import Array

CAUCHY: Final = 2.385
"""Residuals of this many standard deviations weigh half (Holland and Welsch 1977: 95 % efficient)."""
NOTHING_KNOWN: Final = 1e-4
"""Information that keeps the matrix invertible: a standard error of 100 in the logarithm."""
LEAST_SPREAD: Final = 0.01
STEP: Final = 1e-4
"""Difference for derivatives, in logarithms and in spreads [1]."""


@dataclass(slots=True)
class Task:
    """Runs, a model and the scales by which residuals and deviations are judged."""

    build: Build
    names: tuple[str, ...]
    runs: Sequence[Counts]
    states: tuple[int, ...]
    spread: Array
    factors: Array
    seen: list[NDArray[np.bool_]] = field(init=False)
    which: NDArray[np.int64] = field(init=False)
    observed: Array = field(init=False)
    sd: Array = field(init=False)
    derived: tuple[Array, Array] = field(init=False)
    """where slopes were last asked for, and what they were"""

    def __post_init__(self) -> None:
        """Lay out every count there is in rows: its output, its value."""
        self.seen = [np.isfinite(run.values) for run in self.runs]
        self.which = np.concatenate([np.nonzero(s)[1] for s in self.seen])
        self.observed = np.concatenate([run.values[s] for run, s in zip(self.runs, self.seen, strict=True)])
        self.sd = np.ones(len(self.which))
        self.derived = np.zeros(0), np.zeros((0, 0))

    @property
    def rows(self) -> int:
        """Number of counts."""
        return len(self.which)

    def split(self, z: Array) -> tuple[Array, Array]:
        """Logarithms (p,) and deviations in spreads (runs, d)."""
        p = len(self.names)
        return z[:p], z[p:].reshape(len(self.runs), len(self.states))

    def courses(self, logs: Array, deviations: Array) -> list[Array]:
        """Outputs of each run at its counts (..., c, m) for deviations (..., runs, d)."""
        model = self.build(values_of(self.names, logs))
        mean, _ = model.begin(None, 0.0)
        x = np.broadcast_to(mean, (*deviations.shape[:-1], len(mean))).copy()
        x[..., self.states] += deviations * self.spread
        step, nothing = model.frame_s / 3600.0, np.zeros(0)
        last = max(run.hours[-1] for run in self.runs)
        course = [x]
        for _ in range(int(last / step) + 1):
            course.append(model.advance(course[-1], nothing, step))
        every = model.observe(np.stack(course), nothing)
        return [self._at(every[..., r, :], run.hours / step) for r, run in enumerate(self.runs)]

    @staticmethod
    def _at(course: Array, places: Array) -> Array:
        """Values between steps: linear, which errs by (rate times step)^2 / 8, below 0.02 %."""
        whole = places.astype(int)
        part = (places - whole).reshape(-1, *([1] * (course.ndim - 1)))
        return np.asarray(np.moveaxis((1.0 - part) * course[whole] + part * course[whole + 1], 0, -2))

    def predicted(self, z: Array) -> Array:
        """Outputs at every count that there is, one after the other (rows,)."""
        courses = self.courses(*self.split(z))
        return np.concatenate([c[s] for c, s in zip(courses, self.seen, strict=True)])

    def judge(self, predicted: Array) -> None:
        """Take standard deviations from what is predicted, as the model declares them."""
        outputs = self.build({}).outputs
        absolute = np.array([o.sd for o in outputs])[self.which]
        relative = np.array([o.relative for o in outputs])[self.which]
        self.sd = self.factors[self.which] * np.hypot(absolute, relative * predicted)

    def residuals(self, z: Array) -> Array:
        """Standardised residuals, then the deviations (rows + runs d,)."""
        return np.concatenate([(self.predicted(z) - self.observed) / self.sd, z[len(self.names) :]])

    def slopes(self, z: Array) -> Array:
        """Derivatives of `predicted` (rows, p + runs d): a run depends on its own deviations only."""
        if not np.array_equal(self.derived[0], z):
            self.derived = z.copy(), self._slopes(z)
        return self.derived[1]

    def _slopes(self, z: Array) -> Array:
        logs, own = self.split(z)
        out = np.zeros((self.rows, len(z)))
        here = self.predicted(z) if len(logs) else np.zeros(0)
        for k in range(len(logs)):
            shift = STEP * np.eye(len(z))[k]
            out[:, k] = (self.predicted(z + shift) - here) / STEP
        d = len(self.states)
        shifts = STEP * np.eye(d)[:, None, :]
        both = self.courses(logs, np.stack([own + shifts, own - shifts]))
        row = 0
        for r, (course, seen) in enumerate(zip(both, self.seen, strict=True)):
            change = (course[0] - course[1]) / (2.0 * STEP)
            begin = len(logs) + r * d
            out[row : row + seen.sum(), begin : begin + d] = change[:, seen].T
            row += seen.sum()
        return out

    def jacobian(self, z: Array) -> Array:
        """Derivatives of `residuals`."""
        prior = np.eye(len(z))[len(self.names) :]
        return np.vstack([self.slopes(z) / self.sd[:, None], prior])

    def loss(self, squares: Array) -> Array:
        """Cauchy's loss for counts, squares for deviations, as SciPy asks for it (3, rows + runs d)."""
        counted = np.arange(len(squares)) < self.rows
        weight = np.where(counted, 1.0 / (1.0 + squares / CAUCHY**2), 1.0)
        rho = np.where(counted, CAUCHY**2 * np.log1p(squares / CAUCHY**2), squares)
        return np.stack([rho, weight, np.where(counted, -((weight / CAUCHY) ** 2), 0.0)])

    def covariance(self, z: Array) -> Array:
        """Inverse of the information at a fit, counts weighted as the loss does."""
        weight = np.sqrt(self.loss(self.residuals(z) ** 2)[1])
        whitened = self.jacobian(z) * weight[:, None]
        return np.linalg.inv(whitened.T @ whitened + NOTHING_KNOWN * np.eye(len(z)))

    def learn_scales(self, z: Array, covariance: Array) -> None:
        """Spreads between runs and residual sizes that the fit speaks for."""
        standard, slopes = self.residuals(z)[: self.rows], self.slopes(z) / self.sd[:, None]
        _, own = self.split(z)
        doubt = np.diag(covariance)[len(self.names) :].reshape(own.shape)
        self.spread = np.maximum(self.spread * np.sqrt(np.mean(own**2 + doubt, axis=0)), LEAST_SPREAD)
        self.derived = np.zeros(0), np.zeros((0, 0))
        unsure = np.einsum("ij,jk,ik->i", slopes, covariance, slopes)
        for m in range(len(self.factors)):
            mine = self.which == m
            if mine.any():
                size = np.hypot(1.4826 * np.median(np.abs(standard[mine])), np.sqrt(np.median(unsure[mine])))
                self.factors[m] = np.clip(self.factors[m] * size, 0.1, 10.0)
