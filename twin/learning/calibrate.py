"""Parameters of a process model from counts of past runs, with what is known of them and what is not.

Every run follows the model with parameters all share and with starting states of its own (those the model
says differ from batch to batch). Both are fitted at once: weighted least squares with Cauchy's loss on the
counts and a normal prior on each run's deviations, by the trust-region method of SciPy. A culture that
collapsed, which the law does not know, then weighs little. The spread of the deviations and the size of the
residuals are found along with them (expectation-maximisation at a normal approximation of the posterior;
Lindstrom and Bates, Biometrics 46 (1990) 673). Parameters are fitted as logarithms: they are positive, and an
interval is a factor.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.optimize import least_squares

from twin.domain.errors import ConfigError
from twin.learning.calibrate_task import Task
from twin.learning.calibration import Z95, Build, Calibration, Counts, Estimate, Residual, rms
from twin.processes.base import Array, Parameter, Process

ROUNDS: Final = 6
"""Times the spreads and residual sizes are found again (chosen default)."""
EVALUATIONS: Final = 30
"""Most evaluations of the counts in the first and the last round (chosen default)."""
FEW: Final = 3
"""... and in those between, which begin near their end (chosen default)."""
STEPS: Final = 2 * EVALUATIONS + (ROUNDS - 2) * FEW
"""Steps that one fit is told to take, whether it needs all of them or not."""
REACH: Final = np.log(30.0)
"""A parameter stays within this factor of the model's default, as a logarithm (chosen default)."""
MOST_PERCENT: Final = 99.9
"""Upper bound of a parameter in per cent."""


def _bounds(parameters: Sequence[Parameter]) -> tuple[Array, Array]:
    """Logarithms between which each parameter is sought."""
    centre = np.log([p.value for p in parameters])
    high = [
        np.log(MOST_PERCENT) if p.unit == "%" else c + REACH for p, c in zip(parameters, centre, strict=True)
    ]
    return centre - REACH, np.asarray(high)


def fit(
    build: Build,
    runs: Sequence[Counts],
    given: Mapping[str, float] | None = None,
    step: Callable[[int], None] = lambda _: None,
) -> Calibration:
    """Fit the parameters of a model to runs.

    Parameters
    ----------
    build : Callable
        Of a module of `twin.processes`.
    runs : sequence of Counts
    given : Mapping of str to float, optional
        Parameters that are kept as they are.
    step : callable
        Called with how many of `STEPS` are done more.

    Raises
    ------
    ConfigError
        When the model is driven by inputs, or the runs hold too few counts.
    """
    given = dict(given or {})

    def held(values: Mapping[str, float]) -> Process:
        return build({**given, **values})

    model = held({})
    free = [p for p in model.parameters if p.name not in given]
    _check(model, runs, len(free))
    low, high = _bounds(free)
    set_free = {h.state for h in model.hypotheses}
    states = tuple(i for i, s in enumerate(model.states) if s.start_sd > 0.0 and s.name not in set_free)
    spread = np.array([model.states[i].start_sd for i in states])
    task = Task(held, tuple(p.name for p in free), runs, states, spread, np.ones(len(model.outputs)))
    z, covariance = _solve(task, low, high, step)
    p = len(free)
    found = Calibration(
        held, task.names, z[:p], covariance[:p, :p],
        {model.states[i].name: float(s) for i, s in zip(states, task.spread, strict=True)}, task.factors,
    )  # fmt: skip
    estimates = tuple(_estimate(found, k, q, low, high) for k, q in enumerate(free))
    return replace(found, estimates=estimates, residuals=_residuals(task, z, model))


def _check(model: Process, runs: Sequence[Counts], free: int) -> None:
    if model.inputs:
        raise ConfigError(
            f"calibrate: process model {model.id} is driven by {', '.join(i.name for i in model.inputs)}; "
            f"only models of laboratory counts alone can be calibrated, such as cho_growth"
        )
    counts = sum(int(np.isfinite(run.values).sum()) for run in runs)
    if counts < 3 * free:
        raise ConfigError(
            f"calibrate: {counts} counts in {len(runs)} runs came; {3 * free} are the least "
            f"for {free} parameters; give more runs"
        )


def _solve(task: Task, low: Array, high: Array, step: Callable[[int], None]) -> tuple[Array, Array]:
    """Fit and covariance (p + runs d)."""
    rest = len(task.runs) * len(task.states)
    start = np.log([p.value for p in task.build({}).parameters if p.name in task.names])
    z = np.concatenate([start, np.zeros(rest)])
    wide = np.full(rest, 8.0)
    bounds = (np.concatenate([low, -wide]), np.concatenate([high, wide]))
    for turn in range(ROUNDS):
        task.judge(task.predicted(z))
        most = EVALUATIONS if turn in (0, ROUNDS - 1) else FEW
        told = Told(task.jacobian, step, most)
        z = least_squares(
            task.residuals, z, told, bounds, loss=task.loss, max_nfev=most, xtol=1e-5, ftol=1e-5
        ).x
        told.finish()
        covariance = task.covariance(z)
        if turn < ROUNDS - 1:
            before = task.spread.copy()
            task.learn_scales(z, covariance)
            _, own = task.split(z)
            z = np.concatenate([z[: len(low)], np.clip(own * before / task.spread, -7.9, 7.9).ravel()])
    return z, covariance


class Told:
    """Slopes of a task that say how far a fit has come.

    Parameters
    ----------
    slopes : callable
    step : callable
        Called with how many steps are done more.
    most : int
        Steps of this round; those that were not needed are told at its end.
    """

    def __init__(self, slopes: Callable[[Array], Array], step: Callable[[int], None], most: int) -> None:
        self._slopes, self._step, self._left = slopes, step, most

    def __call__(self, z: Array) -> Array:
        """Slopes at `z`."""
        found = self._slopes(z)
        self._tell(1)
        return found

    def finish(self) -> None:
        """No more is needed."""
        self._tell(self._left)

    def _tell(self, n: int) -> None:
        n = min(n, self._left)
        self._left -= n
        self._step(n)


def _estimate(found: Calibration, k: int, parameter: Parameter, low: Array, high: Array) -> Estimate:
    log, sd = float(found.logs[k]), float(np.sqrt(found.covariance[k, k]))
    value, most = float(np.exp(log)), min(sd, 100.0)
    ends = [float(np.exp(np.clip(log + side * Z95 * most, -300.0, 300.0))) for side in (-1.0, 1.0)]
    at_bound = bool(min(log - low[k], high[k] - log) < 1e-3)
    return Estimate(replace(parameter, value=value), value * sd, ends[0], ends[1], sd, at_bound)


def _residuals(task: Task, z: Array, model: Process) -> tuple[Residual, ...]:
    left = task.observed - task.predicted(z)
    standard = task.residuals(z)[: task.rows]
    told = []
    for m, output in enumerate(model.outputs):
        mine = task.which == m
        if mine.any():
            rmse, bias, median = rms(left[mine]), left[mine].mean(), np.median(np.abs(left[mine]))
            far = int((np.abs(standard[mine]) > 3.0).sum())
            told.append(
                Residual(output.name, output.unit, int(mine.sum()), rmse, float(bias), float(median),
                         float(task.factors[m]), far)
            )  # fmt: skip
    return tuple(told)
