"""What a calibration is worth on runs it has not seen: each group is left out and forecast."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from twin.domain.errors import ConfigError
from twin.learning.calibrate import EVALUATIONS, STEPS, fit
from twin.learning.calibrate_task import Task
from twin.learning.calibration import Z90, Build, Calibration, Counts, rms
from twin.processes.base import Array


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
        return {m: rms(f - self.seen) for m, f in {"twin": self.twin, **self.baselines}.items()}

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
    known = Task(lambda _: model, (), [run.until(until_h)], states, spread, found.factors)
    z = np.zeros(len(states))
    for _ in range(2):
        known.judge(known.predicted(z))
        z = least_squares(known.residuals, z, known.jacobian, loss=known.loss, max_nfev=EVALUATIONS).x
    own = known.covariance(z)
    every = replace(run, values=np.zeros_like(run.values))
    whole = Task(found.build, found.names, [every], states, spread, found.factors)
    both = np.concatenate([found.logs, z])
    mean = whole.predicted(both)
    whole.judge(mean)
    slopes, p = whole.slopes(both), len(found.names)
    past = Task(found.build, found.names, known.runs, states, spread, found.factors)
    past.judge(past.predicted(both))
    j = past.slopes(both) / past.sd[:, None]
    follow = -own @ j[:, p:].T @ j[:, :p]
    shared = slopes[:, :p] + slopes[:, p:] @ follow
    variance = np.einsum("ij,jk,ik->i", slopes[:, p:], own, slopes[:, p:])
    variance += np.einsum("ij,jk,ik->i", shared, found.covariance, shared) + whole.sd**2
    return mean.reshape(run.values.shape), np.sqrt(variance).reshape(run.values.shape)


def groups_of(runs: Sequence[Counts]) -> list[str]:
    """Groups that can be left out, in the order of the runs."""
    return list(dict.fromkeys(run.group for run in runs))


def leave_one_out(
    build: Build,
    runs: Sequence[Counts],
    until_h: float,
    output: int = 0,
    given: Mapping[str, float] | None = None,
    step: Callable[[int], None] = lambda _: None,
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
    step : callable
        Called with how many of `STEPS` of each of the `groups_of` fits are done more.

    Raises
    ------
    ConfigError
        When there is one group only, or no run goes on after `until_h`.
    """
    groups = groups_of(runs)
    if len(groups) < 2:
        raise ConfigError(f"--leave-one-out: all runs are of group {groups[0]!r}; two groups are the least")
    told = []
    for group in groups:
        rest = [run for run in runs if run.group != group]
        left = [run for run in runs if run.group == group and _goes_on(run, until_h, output)]
        if not left:
            step(STEPS)
        else:
            found = fit(build, rest, given, step)
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
