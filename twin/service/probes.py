"""How a probe does beside a reference: error now, drift, gain and life, each with its interval, by ranks.

Lines are those of Theil and Sen (Sen, J. Am. Stat. Assoc. 63 (1968) 1379) with the interval from the
distribution of Kendall's tau; a third of the points may be wild. Gains are those of Passing & Bablok
(J. Clin. Chem. Clin. Biochem. 21 (1983) 709), for both sides scatter. Where errors in sequence go together,
the intervals are those of fewer points (Santer et al., J. Geophys. Res. 105 (2000) 7337).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WIDE: Final = 1.96
"""Half width of an interval that holds 95 % of a normal distribution [standard deviations]."""
LEAST_POINTS: Final = 5
"""Comparisons from which a 95 % interval by ranks exists (Kendall's tau: 2/5! < 0.05 < 2/4!)."""
COUNTED: Final = 10
"""Comparisons from which their correlation in sequence is estimated (chosen default)."""
ALIKE: Final = 0.98
"""The correlation in sequence counts as at most this much (chosen default)."""
WEEK: Final = 7.0
"""A drift whose interval over this time stays within the limit counts as told [day] (chosen default)."""
GAIN_KNOWN: Final = 0.2
"""A gain is told when its interval reaches no further than this from it [1] (chosen default)."""
MAD_SD: Final = 1.4826
"""Standard deviation of a normal distribution per median absolute deviation [1]."""
MEDIAN_SD: Final = 1.2533
"""Standard error of a median beside that of a mean, of normal values [1]."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval; the interval may be infinite."""

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half of its width."""
        return (self.high - self.low) / 2.0

    @property
    def sure(self) -> float:
        """How far from 0 it is at least."""
        return max(self.low, -self.high, 0.0)

    @property
    def most(self) -> float:
        """How far from 0 it is at most."""
        return max(abs(self.low), abs(self.high))


@dataclass(frozen=True, slots=True)
class Beside:
    """A probe beside one reference.

    Parameters
    ----------
    points : int
        Comparisons.
    error : Interval or None
        Probe minus reference at the end, on the fitted line [unit].
    drift : Interval or None
        Of that error [unit/day]; None below `LEAST_POINTS`.
    gain : Interval or None
        Slope of the reading by the reference [1].
    """

    points: int
    error: Interval | None = None
    drift: Interval | None = None
    gain: Interval | None = None


def beside(days: Array, probe: Array, reference: Array, end_day: float, doubt: float = 0.0) -> Beside:
    """Compare a probe (n,) with a reference (n,) at times `days` (n,), rising.

    Parameters
    ----------
    days : Array
        [day].
    probe, reference : Array
        [unit]
    end_day : float
        Up to where the line is drawn [day].
    doubt : float
        Standard deviation of what the reference may be wrong by all the time [unit].
    """
    n = days.size
    if n < LEAST_POINTS:
        return Beside(n)
    error = probe - reference
    drift, widen = _line(days, error)
    middle = float(np.median(days))
    rest = error - drift.value * (days - middle)
    level = float(np.median(rest))
    scatter = MAD_SD * float(np.median(np.abs(rest - level)))
    halves = (
        WIDE * MEDIAN_SD * scatter * widen / math.sqrt(n),
        drift.half * (end_day - middle),
        WIDE * doubt,
    )
    now, half = level + drift.value * (end_day - middle), math.hypot(*halves)
    straight = probe - drift.value * (days - end_day)
    return Beside(n, Interval(now, now - half, now + half), drift, gain(reference, straight, widen))


def _line(x: Array, y: Array) -> tuple[Interval, float]:
    """Slope of Theil and Sen, and by how much its interval was widened for correlation in sequence."""
    i, j = np.triu_indices(x.size, 1)
    apart = x[j] > x[i]
    slopes = np.sort((y[j] - y[i])[apart] / (x[j] - x[i])[apart])
    slope = float(np.median(slopes))
    widen = _widening(y - slope * x)
    return _by_ranks(slopes, 0, x.size, widen), widen


def gain(reference: Array, probe: Array, widen: float = 1.0) -> Interval | None:
    """Slope of readings by a reference (n,), both with errors; None when all values are the same."""
    i, j = np.triu_indices(reference.size, 1)
    dx, dy = reference[j] - reference[i], probe[j] - probe[i]
    some = (dx != 0.0) | (dy != 0.0)
    if not some.any():
        return None
    with np.errstate(divide="ignore"):
        slopes = np.sort(
            np.where(dx == 0.0, np.copysign(np.inf, dy), dy / np.where(dx == 0.0, 1.0, dx))[some]
        )
    slopes = slopes[slopes != -1.0]
    return _by_ranks(slopes, int((slopes < -1.0).sum()), reference.size, widen) if slopes.size else None


def _by_ranks(slopes: Array, shift: int, n: int, widen: float) -> Interval:
    """The median of sorted slopes, and what lies Kendall's 95 % of ranks from it, `shift` places up."""
    count = slopes.size
    reach = WIDE * math.sqrt(n * (n - 1) * (2 * n + 5) / 18.0) * widen
    low, high = round((count - reach) / 2.0) - 1 + shift, round((count + reach) / 2.0) + shift
    a, b = min((count - 1) // 2 + shift, count - 1), min(count // 2 + shift, count - 1)
    value = float(slopes[a] if a == b else (slopes[a] + slopes[b]) / 2.0)
    return Interval(
        value,
        float(slopes[low]) if low >= 0 else -math.inf,
        float(slopes[high]) if high < count else math.inf,
    )


def _widening(rest: Array) -> float:
    """By how much an interval is wider because neighbours in sequence go together."""
    if rest.size < COUNTED:
        return 1.0
    rest = rest - np.median(rest)
    power = float((rest**2).sum())
    r = float((rest[1:] * rest[:-1]).sum()) / power if power > 0.0 else 0.0
    r = min(max(r, 0.0), ALIKE)
    return math.sqrt((1.0 + r) / (1.0 - r))


def drift_told(drift: Interval, limit: float) -> bool:
    """Whether a drift is told: it is none at all within its interval, or so small that it does not matter."""
    return drift.sure > 0.0 or drift.half * WEEK <= limit


def gain_told(found: Interval) -> bool:
    """Whether a gain is told."""
    return found.half <= GAIN_KNOWN


def life(error: Interval, drift: Interval, limit: float) -> Interval:
    """Time until an error passes a limit at the present trend [day].

    0 when it has passed; infinite where the trend may be none. The interval is that of the slowest and the
    fastest trend from the error's nearest and furthest end.
    """
    if abs(error.value) >= limit:
        return Interval(0.0, 0.0, 0.0 if error.sure >= limit else _longest(error, drift, limit))
    return Interval(
        _until(error.value, drift.value, limit),
        min(_until(e, d, limit) for e in (error.low, error.high) for d in (drift.low, drift.high)),
        _longest(error, drift, limit),
    )


def _longest(error: Interval, drift: Interval, limit: float) -> float:
    if drift.sure == 0.0:
        return math.inf
    ends = [error.low, error.value, error.high, *([0.0] if error.sure == 0.0 else [])]
    return max(_until(e, d, limit) for e in ends for d in (drift.low, drift.high))


def _until(error: float, drift: float, limit: float) -> float:
    if abs(error) >= limit:
        return 0.0
    return (limit - math.copysign(error, error * drift)) / abs(drift) if drift else math.inf
