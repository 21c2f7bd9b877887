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
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from twin.domain.errors import ConfigError
from twin.processes.base import Array, Parameter, Process

Build = Callable[[Mapping[str, float]], Process]

ROUNDS: Final = 6
"""Times the spreads and residual sizes are found again (chosen default)."""
EVALUATIONS: Final = 30
"""Most evaluations of the counts in the first and the last round (chosen default)."""
FEW: Final = 3
"""... and in those between, which begin near their end (chosen default)."""
CAUCHY: Final = 2.385
"""Residuals of this many standard deviations weigh half (Holland and Welsch 1977: 95 % efficient)."""
REACH: Final = np.log(30.0)
"""A parameter stays within this factor of the model's default, as a logarithm (chosen default)."""
MOST_PERCENT: Final = 99.9
"""Upper bound of a parameter in per cent."""
DETERMINED: Final = 0.25
"""A larger standard error of the logarithm is called poor: a factor 1.6 at 95 % (chosen default)."""
TRADED: Final = 0.7
"""Correlations of at least this size are told (chosen default)."""
NOTHING_KNOWN: Final = 1e-4
"""Information that keeps the matrix invertible: a standard error of 100 in the logarithm."""
LEAST_SPREAD: Final = 0.01
STEP: Final = 1e-4
"""Difference for derivatives, in logarithms and in spreads [1]."""
Z95, Z90 = 1.96, 1.645


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one run.

    Parameters
    ----------
    name, group : str
        Run, and the condition it belongs to.
    hours : Array
        Ages of the counts (c,) [h], rising.
    values : Array
        Counts (c, m) in the order of the model's outputs [their units]; NaN where there is none.
    """

    name: str
    group: str
    hours: Array
    values: Array

    def until(self, age_h: float) -> "Counts":
        """The run as it stood at an age."""
        seen = self.hours <= age_h
        return replace(self, hours=self.hours[seen], values=self.values[seen])


@dataclass(frozen=True, slots=True)
class Estimate:
    """One fitted parameter.

    Parameters
    ----------
    parameter : Parameter
        With the fitted value.
    error : float
        Standard error [parameter's unit], by the delta method.
    low, high : float
        95 % confidence interval [parameter's unit].
    log_error : float
        Standard error of the logarithm [1].
    at_bound : bool
        The fit rests on a bound; the interval is not to be believed.
    """

    parameter: Parameter
    error: float
    low: float
    high: float
    log_error: float
    at_bound: bool

    @property
    def determined(self) -> bool:
        """Whether the runs determine it."""
        return self.log_error <= DETERMINED and not self.at_bound


@dataclass(frozen=True, slots=True)
class Residual:
    """What the fitted courses of the runs leave of one output.

    Parameters
    ----------
    output, unit : str
    count : int
    rmse, bias, median : float
        Root mean square, mean, and median of the size [unit].
    factor : float
        Size of the residuals beside what the model declares for an assay [1].
    outlying : int
        Counts beyond three of these standard deviations.
    """

    output: str
    unit: str
    count: int
    rmse: float
    bias: float
    median: float
    factor: float
    outlying: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fit with all that is known of it.

    Parameters
    ----------
    build : Callable
    names : tuple of str
        Fitted parameters.
    logs : Array
        Their logarithms (p,).
    covariance : Array
        Of these (p, p), including how runs differ.
    spread : Mapping of str to float
        Standard deviation between runs of each starting state.
    factors : Array
        Residual size by output beside what the model declares (m,) [1].
    estimates : tuple of Estimate
    residuals : tuple of Residual
    """

    build: Build
    names: tuple[str, ...]
    logs: Array
    covariance: Array
    spread: Mapping[str, float]
    factors: Array
    estimates: tuple[Estimate, ...] = ()
    residuals: tuple[Residual, ...] = ()

    def values(self) -> dict[str, float]:
        """Fitted parameters by name, as a line file takes them."""
        return _values(self.names, self.logs)

    def correlation(self) -> Array:
        """Correlations of the parameters' logarithms (p, p)."""
        sd = np.sqrt(np.diag(self.covariance))
        return np.asarray(self.covariance / np.outer(sd, sd))


def _values(names: Sequence[str], logs: Array) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, np.exp(logs), strict=True)}


@dataclass(slots=True)
class _Task:
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
        model = self.build(_values(self.names, logs))
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


def _bounds(parameters: Sequence[Parameter]) -> tuple[Array, Array]:
    """Logarithms between which each parameter is sought."""
    centre = np.log([p.value for p in parameters])
    high = [
        np.log(MOST_PERCENT) if p.unit == "%" else c + REACH for p, c in zip(parameters, centre, strict=True)
    ]
    return centre - REACH, np.asarray(high)


def fit(build: Build, runs: Sequence[Counts], given: Mapping[str, float] | None = None) -> Calibration:
    """Fit the parameters of a model to runs.

    Parameters
    ----------
    build : Callable
        Of a module of `twin.processes`.
    runs : sequence of Counts
    given : Mapping of str to float, optional
        Parameters that are kept as they are.

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
    task = _Task(held, tuple(p.name for p in free), runs, states, spread, np.ones(len(model.outputs)))
    z, covariance = _solve(task, low, high)
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


def _solve(task: _Task, low: Array, high: Array) -> tuple[Array, Array]:
    """Fit and covariance (p + runs d)."""
    rest = len(task.runs) * len(task.states)
    start = np.log([p.value for p in task.build({}).parameters if p.name in task.names])
    z = np.concatenate([start, np.zeros(rest)])
    wide = np.full(rest, 8.0)
    bounds = (np.concatenate([low, -wide]), np.concatenate([high, wide]))
    for turn in range(ROUNDS):
        task.judge(task.predicted(z))
        most = EVALUATIONS if turn in (0, ROUNDS - 1) else FEW
        z = least_squares(
            task.residuals, z, task.jacobian, bounds, loss=task.loss, max_nfev=most, xtol=1e-5, ftol=1e-5
        ).x
        covariance = task.covariance(z)
        if turn < ROUNDS - 1:
            before = task.spread.copy()
            task.learn_scales(z, covariance)
            _, own = task.split(z)
            z = np.concatenate([z[: len(low)], np.clip(own * before / task.spread, -7.9, 7.9).ravel()])
    return z, covariance


def _estimate(found: Calibration, k: int, parameter: Parameter, low: Array, high: Array) -> Estimate:
    log, sd = float(found.logs[k]), float(np.sqrt(found.covariance[k, k]))
    value, most = float(np.exp(log)), min(sd, 100.0)
    ends = [float(np.exp(np.clip(log + side * Z95 * most, -300.0, 300.0))) for side in (-1.0, 1.0)]
    at_bound = bool(min(log - low[k], high[k] - log) < 1e-3)
    return Estimate(replace(parameter, value=value), value * sd, ends[0], ends[1], sd, at_bound)


def _residuals(task: _Task, z: Array, model: Process) -> tuple[Residual, ...]:
    left = task.observed - task.predicted(z)
    standard = task.residuals(z)[: task.rows]
    told = []
    for m, output in enumerate(model.outputs):
        mine = task.which == m
        if mine.any():
            rmse, bias, median = _size(left[mine]), left[mine].mean(), np.median(np.abs(left[mine]))
            far = int((np.abs(standard[mine]) > 3.0).sum())
            told.append(
                Residual(output.name, output.unit, int(mine.sum()), rmse, float(bias), float(median),
                         float(task.factors[m]), far)
            )  # fmt: skip
    return tuple(told)


def _size(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def in_words(found: Calibration) -> list[str]:
    """What the runs determine and what they do not, a sentence for each parameter that is not determined."""
    correlation, told = found.correlation(), []
    for k, one in enumerate(found.estimates):
        name = one.parameter.name
        others = [
            j for j in np.argsort(-np.abs(correlation[k])) if j != k and abs(correlation[k, j]) >= TRADED
        ]
        trade = ", ".join(f"{found.names[j]} ({correlation[k, j]:+.2f})" for j in others)
        if one.at_bound:
            told.append(f"{name} rests on a bound of its search: these runs do not determine it.")
        elif not one.determined:
            factor = np.exp(min(Z95 * one.log_error, 20.0))
            size = f"a factor {factor:.2g}" if factor < 1000.0 else "a factor above 1000"
            told.append(
                f"{name} is poorly determined: {size} either way at 95 %."
                + (
                    f" It trades off with {trade} (correlation)."
                    if trade
                    else " It trades off with no other."
                )
            )
        elif trade:
            told.append(f"{name} is determined, but moves with {trade} (correlation).")
    return told or ["Every parameter is determined by these runs, and none moves with another."]


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Counts of one output of runs a fit has not seen, beside what was forecast for them.

    Parameters
    ----------
    group : str
    hours, seen : Array
        Ages of the counts (c,) [h] and the counts [output's unit].
    twin, sd : Array
        Forecast of the fitted model from the run's first counts, and its standard deviation.
    baselines : Mapping of str to Array
        Forecasts by other means.
    """

    group: str
    hours: Array
    seen: Array
    twin: Array
    sd: Array
    baselines: Mapping[str, Array]

    def errors(self) -> dict[str, float]:
        """Root mean square error by method."""
        return {m: _size(f - self.seen) for m, f in {"twin": self.twin, **self.baselines}.items()}

    def covered(self) -> int:
        """How many counts lie in the 90 % band."""
        return int((np.abs(self.seen - self.twin) <= Z90 * self.sd).sum())


def forecast(found: Calibration, run: Counts, until_h: float) -> tuple[Array, Array]:
    """Forecast of every count of a run from those until an age, and the forecast's standard deviations.

    The run's own deviations are fitted to what is known of it; the band adds what is not known of them, of
    the parameters, and the residuals of the fit.

    Returns
    -------
    tuple of Array
        Means and standard deviations (c, m) [outputs' units].
    """
    model = found.build(found.values())
    names = [s.name for s in model.states]
    states = tuple(names.index(name) for name in found.spread)
    spread = np.array(list(found.spread.values()))
    known = _Task(lambda _: model, (), [run.until(until_h)], states, spread, found.factors)
    z = np.zeros(len(states))
    for _ in range(2):
        known.judge(known.predicted(z))
        z = least_squares(known.residuals, z, known.jacobian, loss=known.loss, max_nfev=EVALUATIONS).x
    own = known.covariance(z)
    every = replace(run, values=np.zeros_like(run.values))
    whole = _Task(found.build, found.names, [every], states, spread, found.factors)
    both = np.concatenate([found.logs, z])
    mean = whole.predicted(both)
    whole.judge(mean)
    slopes, p = whole.slopes(both), len(found.names)
    past = _Task(found.build, found.names, known.runs, states, spread, found.factors)
    past.judge(past.predicted(both))
    j = past.slopes(both) / past.sd[:, None]
    follow = -own @ j[:, p:].T @ j[:, :p]
    shared = slopes[:, :p] + slopes[:, p:] @ follow
    variance = np.einsum("ij,jk,ik->i", slopes[:, p:], own, slopes[:, p:])
    variance += np.einsum("ij,jk,ik->i", shared, found.covariance, shared) + whole.sd**2
    return mean.reshape(run.values.shape), np.sqrt(variance).reshape(run.values.shape)


def leave_one_out(
    build: Build,
    runs: Sequence[Counts],
    until_h: float,
    output: int = 0,
    given: Mapping[str, float] | None = None,
) -> list[Forecasts]:
    """Leave each group out in turn, fit the others, and forecast its runs from their first counts.

    Parameters
    ----------
    build : Callable
    runs : sequence of Counts
    until_h : float
        Age until which the counts of a left-out run are known [h].
    output : int
        Position of the output that is told.
    given : Mapping of str to float, optional

    Raises
    ------
    ConfigError
        When there is one group only, or no run goes on after `until_h`.
    """
    groups = list(dict.fromkeys(run.group for run in runs))
    if len(groups) < 2:
        raise ConfigError(f"--leave-one-out: all runs are of group {groups[0]!r}; two groups are the least")
    told = []
    for group in groups:
        rest = [run for run in runs if run.group != group]
        left = [run for run in runs if run.group == group and _goes_on(run, until_h, output)]
        if left:
            found = fit(build, rest, given)
            told.append(_joined(group, [_beside(found, run, rest, until_h, output) for run in left]))
    if not told:
        raise ConfigError(f"--leave-one-out: no run has counts before and after {until_h:g} h")
    return told


def _goes_on(run: Counts, until_h: float, output: int) -> bool:
    """Whether an output was counted before an age and after it."""
    hours, _ = _present(run, output)
    return len(hours) > 0 and bool(hours[0] <= until_h < hours[-1])


def _beside(
    found: Calibration, run: Counts, rest: Sequence[Counts], until_h: float, output: int
) -> Forecasts:
    """One run's later counts beside the forecasts for them."""
    mean, sd = forecast(found, run, until_h)
    seen = run.values[:, output]
    known = np.flatnonzero((run.hours <= until_h) & np.isfinite(seen))
    later = (run.hours > until_h) & np.isfinite(seen)
    last, hours = known[-1], run.hours[later]
    curve = _mean_curve(rest, output)
    ahead = curve(hours)
    ratio = seen[last] / curve(run.hours[last : last + 1])[0]
    baselines = {
        "last value": np.full(len(hours), seen[last]),
        "mean curve": ahead,
        "scaled mean curve": ratio * ahead,
    }
    return Forecasts(run.group, hours, seen[later], mean[later, output], sd[later, output], baselines)


def _mean_curve(runs: Sequence[Counts], output: int) -> Callable[[Array], Array]:
    """Mean of other runs at an age, each within its own time; past all of them their last values."""

    def at(hours: Array) -> Array:
        rows = [np.interp(hours, *_present(run, output), left=np.nan, right=np.nan) for run in runs]
        held = [np.interp(hours, *_present(run, output)) for run in runs]
        with_some = np.isfinite(rows).any(axis=0)
        inside = np.nansum(rows, axis=0) / np.maximum(np.isfinite(rows).sum(axis=0), 1)
        return np.asarray(np.where(with_some, inside, np.mean(held, axis=0)))

    return at


def _present(run: Counts, output: int) -> tuple[Array, Array]:
    there = np.isfinite(run.values[:, output])
    return run.hours[there], run.values[there, output]


def _joined(group: str, parts: Sequence[Forecasts]) -> Forecasts:
    def together(name: str) -> Array:
        return np.concatenate([getattr(part, name) for part in parts])

    baselines = {m: np.concatenate([p.baselines[m] for p in parts]) for m in parts[0].baselines}
    return Forecasts(group, together("hours"), together("seen"), together("twin"), together("sd"), baselines)


def overall(told: Sequence[Forecasts]) -> Forecasts:
    """All groups as one."""
    return _joined("all", told)
