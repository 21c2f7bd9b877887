"""Runs beside others: where they differ, in which phase, which tag first, and how capable a set of runs is.

All runs lie on one grid of windows, aligned by batch age or by maturity. Pure: numpy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twin.learning.windows import Windows, filled, mean_of, smooth, variance_of
from twin.monitors.normal import Array

POINTS = 120
"""Points of the mean course among which the ends of phases are sought."""
SPREADS = 3.0
"""A run differs where it is more than so many spreads of the reference from their mean (quality range)."""
HOLD_H = 1.0
"""How long a difference must last to count [h] (chosen default)."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Part of a batch: windows ``first <= w < last``."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PhaseValues:
    """One tag in one phase: reference runs and the others.

    Parameters
    ----------
    mean, spread : float
        Of the reference runs' means over the phase, of those that have values in it [tag's unit].
    slope : float
        Of their mean course [tag's unit/h].
    others : tuple of float
        Each compared run's mean over the phase; NaN where it has no value [tag's unit].
    other_slopes : tuple of float
        [tag's unit/h].
    difference, low, high : float
        Mean of the compared runs less that of the reference runs, and its 95 % interval (Welch); NaN where
        one side has fewer than two runs [tag's unit].
    inside : float
        Part of the compared runs with values that lie within three spreads of the reference mean; NaN
        where none has values.
    """

    mean: float
    spread: float
    slope: float
    others: tuple[float, ...]
    other_slopes: tuple[float, ...]
    difference: float
    low: float
    high: float
    inside: float


@dataclass(frozen=True, slots=True)
class Departure:
    """From when on a run is not where the reference runs were.

    Parameters
    ----------
    run, tag : int
        Places among the compared runs and the tags.
    window : int
        First window of a difference that lasts.
    spreads : float
        How far, in spreads of the reference runs, at its largest within a day, signed.
    """

    run: int
    tag: int
    window: int
    spreads: float


def phases_of(reference: Windows, count: int) -> list[Phase]:
    """Phases found from the mean course: straight pieces that fit it best, by dynamic programming.

    Every tag counts alike, by its range over the batch (Bellman 1961, segmented least squares).
    """
    mean = filled(mean_of(reference.means))
    at = np.unique(np.linspace(0, len(mean) - 1, min(POINTS, len(mean))).round().astype(int))
    course = mean[at] / np.maximum(np.ptp(mean[at], 0), 1e-12)
    cost = _straight(at / len(mean), course)
    points = len(at)
    best = np.full((count + 1, points + 1), np.inf)
    begin = np.zeros((count + 1, points + 1), dtype=int)
    best[0, 0] = 0.0
    for k in range(1, count + 1):
        for end in range(1, points + 1):
            total = best[k - 1, :end] + cost[:end, end]
            begin[k, end] = int(total.argmin())
            best[k, end] = total[begin[k, end]]
    ends = [points]
    for k in range(count, 0, -1):
        ends.append(int(begin[k, ends[-1]]))
    edges = [0, *(int(at[e]) for e in ends[-2:0:-1]), len(mean)]
    return [Phase(a, b) for a, b in pairwise(edges) if b > a]


def _straight(x: Array, y: Array) -> Array:
    """Squared error (i, j) of straight lines through points i to j-1, over all tags; 3 points at least."""
    points = len(x)
    cost = np.full((points + 1, points + 1), np.inf)
    ones = np.concatenate((np.zeros((1, 3)), np.cumsum(np.stack((np.ones(points), x, x * x), 1), 0)))
    sums = np.concatenate(
        (np.zeros((1, 3, y.shape[1])), np.cumsum(np.stack((y, x[:, None] * y, y * y), 1), 0))
    )
    for i in range(points):
        for j in range(i + 3, points + 1):
            n, sx, sxx = ones[j] - ones[i]
            sy, sxy, syy = sums[j] - sums[i]
            spread = sxx - sx * sx / n
            slope = (sxy - sx * sy / n) / spread
            cost[i, j] = float((syy - sy * sy / n - slope * slope * spread).sum())
    return cost


def phase_values(reference: Windows, others: Windows, phase: Phase, tag: int, window_s: float) -> PhaseValues:
    """Statistics of one tag in one phase."""
    everyone = _means(others, phase, tag)
    known, theirs = _came(_means(reference, phase, tag)), _came(everyone)
    mean, spread = _mean(known), float(np.std(known, ddof=1)) if len(known) > 1 else float("nan")
    difference = _mean(theirs) - mean
    half = _welch_half(known, theirs)
    inside = np.abs(theirs - mean) <= SPREADS * spread
    course = mean_of(reference.means[:, phase.first : phase.last, tag])
    return PhaseValues(
        mean=mean, spread=spread, slope=_slope(course, window_s),
        others=tuple(everyone.tolist()),
        other_slopes=tuple(
            _slope(run[phase.first : phase.last, tag], window_s) for run in others.means
        ),
        difference=difference, low=difference - half, high=difference + half, inside=_mean(inside),
    )  # fmt: skip


def _came(values: Array) -> Array:
    """Those of the runs that have values in the phase."""
    return values[np.isfinite(values)]


def _mean(values: Array | NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _means(runs: Windows, phase: Phase, tag: int) -> Array:
    return mean_of(runs.means[:, phase.first : phase.last, tag].T)


def _welch_half(a: Array, b: Array) -> float:
    """Half width of the 95 % interval of the difference of two means, unequal variances (Welch 1947)."""
    if len(a) < 2 or len(b) < 2:
        return float("nan")
    va, vb = float(a.var(ddof=1)) / len(a), float(b.var(ddof=1)) / len(b)
    if va + vb == 0.0:
        return 0.0
    freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    return student_975(freedom) * float(np.sqrt(va + vb))


def student_975(freedom: float) -> float:
    """The 97.5 % quantile of Student's t, by Cornish and Fisher's series (Abramowitz and Stegun 26.7.5).

    Within 1 % from 3 degrees of freedom on; below, the exact values of 1 and 2 are joined.
    """
    if freedom < 3:
        return float(np.interp(freedom, (1, 2, 3), (12.706, 4.303, 3.182)))
    z = 1.959964
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom ** (k + 1) for k, term in enumerate(terms))


def _slope(course: Array, window_s: float) -> float:
    """Least squares slope of the windows that have a value [unit/h]."""
    hours = np.arange(len(course)) * window_s / 3600.0
    known = ~np.isnan(course)
    if known.sum() < 2:
        return float("nan")
    return float(np.polyfit(hours[known], course[known], 1)[0])


def departures(reference: Windows, others: Windows, window_s: float) -> list[Departure]:
    """Where each run leaves the reference runs, the first to leave first, while one of these has values."""
    came = np.isfinite(reference.means).any(0)
    mean = filled(mean_of(reference.means))
    spread = np.sqrt(smooth(filled(variance_of(reference.means)), 25))
    spread = np.maximum(spread, 1e-3 * np.maximum(np.ptp(mean, 0), 1e-12))
    hold, day = max(1, round(HOLD_H * 3600.0 / window_s)), round(86_400.0 / window_s)
    found = []
    for k, run in enumerate(others.means):
        z = np.where(came, (run - mean) / spread, np.nan)
        for tag in range(z.shape[1]):
            window = _lasting(z[:, tag], hold)
            if window is not None:
                near = z[window : window + day, tag]
                found.append(Departure(k, tag, window, float(near[np.nanargmax(np.abs(near))])))
    return sorted(found, key=lambda d: (d.window, -abs(d.spreads)))


def _lasting(z: Array, hold: int) -> int | None:
    """First window from which on the value is outside, on the same side, for `hold` windows."""
    for side in (1.0, -1.0):
        outside = np.concatenate(([0], np.cumsum(side * z > SPREADS)))
        full = np.flatnonzero(outside[hold:] - outside[:-hold] == hold)
        if len(full):
            other = _lasting(np.where(side * z > 0, 0.0, z), hold) if side > 0 else None
            return int(full[0]) if other is None else min(int(full[0]), other)
    return None


@dataclass(frozen=True, slots=True)
class Capability:
    """Process capability of one attribute.

    Parameters
    ----------
    cpk, low, high : float
        Index and its 95 % interval (Bissell 1990).
    mean, spread : float
        [tag's unit].
    runs : int
    """

    cpk: float
    low: float
    high: float
    mean: float
    spread: float
    runs: int


def capability(values: Sequence[float], lower: float | None, upper: float | None) -> Capability | None:
    """Cpk of values against limits; None without a limit, spread or at least five runs."""
    known = np.array([v for v in values if np.isfinite(v)])
    if (lower is None and upper is None) or len(known) < 5 or known.std(ddof=1) == 0.0:
        return None
    mean, spread, n = float(known.mean()), float(known.std(ddof=1)), len(known)
    sides = [(upper - mean) if upper is not None else np.inf, (mean - lower) if lower is not None else np.inf]
    cpk = min(sides) / (3.0 * spread)
    half = 1.959964 * float(np.sqrt(1.0 / (9.0 * n) + cpk * cpk / (2.0 * (n - 1))))
    return Capability(cpk, cpk - half, cpk + half, mean, spread, n)
