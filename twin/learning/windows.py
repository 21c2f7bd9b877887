"""Runs on one grid of windows, of age or of maturity, and statistics over runs that have gaps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from twin.domain.errors import ConfigError
from twin.monitors.normal import Array, Maturity

RISING = 0.5
"""Least part of the windows in which the tag that tells maturity must rise."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Runs on one grid of windows.

    Parameters
    ----------
    names : tuple of str
        One for each run.
    means, scatters : Array
        (runs, t, n) mean of a window and mean squared successive difference in it; NaN where nothing came.
    """

    names: tuple[str, ...]
    means: Array
    scatters: Array

    def pick(self, names: Sequence[str]) -> "Windows":
        """The named runs, in that order."""
        at = [self.names.index(name) for name in names]
        return Windows(tuple(names), self.means[at], self.scatters[at])


def course_of(runs: Windows, tag: int, window_s: float) -> Array:
    """Mean course of the tag that tells maturity (t): its furthest smoothed value in each window.

    Raises
    ------
    ConfigError
        When the tag does not rise along the runs.
    """
    furthest = np.array([_progress(run, tag, window_s) for run in runs.means])
    course: Array = np.maximum.accumulate(mean_of(furthest))
    rising = float((np.diff(course) > 0).mean())
    if rising < RISING:
        raise ConfigError(
            f"learn: the tag to align by rises in {100 * rising:.0f} % of the windows of good runs; one that "
            f"rises all along, such as what was fed or the weight of a fed-batch, would do"
        )
    return course


def _progress(means: Array, tag: int, window_s: float) -> Array:
    """Furthest smoothed value of a tag in each window of one run (t)."""
    walk, found = Maturity(tag, np.zeros(1), window_s), np.full(len(means), np.nan)
    for w, row in enumerate(means):
        walk.place(row, w)
        found[w] = walk.most if np.isfinite(walk.most) else np.nan
    return found


def matured(runs: Windows, tag: int, course: Array, window_s: float) -> Windows:
    """Runs on the grid of maturity: of each place the first window that reached it."""
    means, scatters = np.full_like(runs.means, np.nan), np.full_like(runs.scatters, np.nan)
    for k, run in enumerate(runs.means):
        walk = Maturity(tag, course, window_s)
        places = np.array([walk.place(row, w) for w, row in enumerate(run)])
        first = np.minimum(np.searchsorted(places, np.arange(len(course))), len(places) - 1)
        reached = np.arange(len(course)) <= places[-1]
        means[k, reached], scatters[k, reached] = run[first[reached]], runs.scatters[k, first[reached]]
    return Windows(runs.names, means, scatters)


def over_runs(values: Array, reduce: Callable[[Array], Array], least: int = 1) -> Array:
    """Statistic over the first axis, NaN where fewer than `least` values came.

    Parameters
    ----------
    values : Array
        (runs, ...); NaN where nothing came.
    reduce : Callable
        (runs, k) to (k) or (m, k), passing over NaN, such as ``lambda v: np.nanmean(v, 0)``.
    """
    enough = np.isfinite(values).sum(0) >= least
    found = reduce(values[:, enough])
    out: Array = np.full((*found.shape[:-1], *values.shape[1:]), np.nan)
    out[..., enough] = found
    return out


def mean_of(values: Array) -> Array:
    """Mean over the first axis of what came."""
    return over_runs(values, lambda v: np.nanmean(v, 0))


def variance_of(values: Array) -> Array:
    """Variance over the first axis of what came; NaN where fewer than two values came."""
    return over_runs(values, lambda v: np.nanvar(v, 0, ddof=1), least=2)


def quantiles_of(values: Array, at: Sequence[float]) -> Array:
    """Quantiles (m, ...) over the first axis of what came."""

    def quantiles(came: Array) -> Array:
        found: Array = np.nanquantile(came, at, axis=0) if came.size else np.empty((len(at), 0))
        return found

    return over_runs(values, quantiles)


def filled(rows: Array) -> Array:
    """Missing values of a trajectory taken from their neighbours in time."""
    out = rows.copy()
    for i in range(rows.shape[1]):
        known = ~np.isnan(rows[:, i])
        out[:, i] = (
            np.interp(np.arange(len(rows)), np.flatnonzero(known), rows[known, i]) if known.any() else 0.0
        )
    return out


def smooth(rows: Array, width: int) -> Array:
    """Moving average over `width` windows, the ends repeated."""
    half = width // 2
    padded = np.pad(rows, ((half, half), (0, 0)), mode="edge").cumsum(0)
    padded = np.concatenate((np.zeros_like(padded[:1]), padded))
    averaged: Array = (padded[2 * half + 1 :] - padded[: -2 * half - 1]) / (2 * half + 1)
    return averaged
