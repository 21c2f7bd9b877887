"""Whether the filter's surprise is of the size it expects: NIS and whiteness of the innovations.

The normalised innovation squared (NIS) of a consistent filter is chi-square distributed with as many degrees
of freedom as there are readings, and successive innovations are uncorrelated (Bar-Shalom, Li & Kirubarajan,
Estimation with Applications to Tracking and Navigation, 2001, section 5.4). Both are summed up hour by hour:

    NIS per reading     sum of NIS / number of readings; 1 when consistent, its 95 % band is
                        1 -+ 1.96 sqrt(2 / number of readings) (normal approximation of chi-square)
    lag-1 correlation   sum of z(t) z(t-1) / sum of z(t)^2 over all readings, z the innovations over their
                        standard deviations; 0 when white
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from twin.observers.ukf import Correction
from twin.processes.base import Array

HOUR: Final = 3_600_000_000_000
KEPT_H: Final = 24
"""Hours that are remembered."""
BAND: Final = 1.96
"""Half width of a 95 % band [standard deviations]."""


def standardised(done: Correction, read: NDArray[np.bool_]) -> Array:
    """Innovations over their standard deviations (..., m), NaN where there was no reading."""
    sd = np.sqrt(np.diagonal(done.S, axis1=-2, axis2=-1))
    return np.where(read, done.innovation / sd, np.nan)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of innovations.

    Parameters
    ----------
    end_ns : int
        [ns since 1970-01-01 UTC].
    nis : float
        NIS per reading [1].
    readings : float
        How many there were.
    correlation : float
        Lag-1 correlation [1]; 0 when there was no pair.
    """

    end_ns: int
    nis: float
    readings: float
    correlation: float

    @property
    def band(self) -> tuple[float, float]:
        """The 95 % band of `nis` when the filter is consistent."""
        half = BAND * (2.0 / self.readings) ** 0.5
        return max(0.0, 1.0 - half), 1.0 + half

    @property
    def inside(self) -> bool:
        """Whether `nis` lies in its band."""
        low, high = self.band
        return low <= self.nis <= high


@dataclass(frozen=True, slots=True)
class Consistency:
    """Sums of the hour that runs, and the hours before; never changed in place.

    Parameters
    ----------
    before : Array
        Standardised innovations of the last frame, NaN where nothing was read (m,).
    sums : tuple of float
        NIS, readings, products and squares of this hour so far.
    hours : tuple of Hour
        Newest last, at most `KEPT_H`; hours without readings are left out.
    """

    before: Array
    sums: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    hours: tuple[Hour, ...] = ()

    @staticmethod
    def new(outputs: int) -> "Consistency":
        """Nothing known yet."""
        return Consistency(np.full(outputs, np.nan))

    def snapshot(self) -> list[Any]:
        """State as numbers, lists and arrays."""
        hours = [[h.end_ns, h.nis, h.readings, h.correlation] for h in self.hours]
        return [self.before, list(self.sums), hours]

    @staticmethod
    def restored(state: Sequence[Any]) -> "Consistency":
        """From a snapshot, where what was no number may have become None."""
        before, sums, hours = state
        known = tuple(Hour(int(end), *map(float, rest)) for end, *rest in hours)
        nis, readings, products, squares = map(float, sums)
        return Consistency(np.array(before, dtype=np.float64), (nis, readings, products, squares), known)

    def after(self, z: Array, squared: float, end_ns: int) -> "Consistency":
        """With one more frame.

        Parameters
        ----------
        z : Array
            Innovations over their standard deviations, NaN where there was no reading (m,).
        squared : float
            Their normalised square.
        end_ns : int
            End of the frame [ns].
        """
        products = z * self.before
        paired = np.isfinite(products)
        nis, readings, product, square = self.sums
        sums = (
            nis + squared,
            readings + float(np.isfinite(z).sum()),
            product + float(products[paired].sum()),
            square + float((z[paired] ** 2).sum()),
        )
        known = replace(self, before=z, sums=sums)
        return known._closed(end_ns) if end_ns % HOUR == 0 else known

    def _closed(self, end_ns: int) -> "Consistency":
        nis, readings, products, squares = self.sums
        if readings == 0.0:
            return self
        hour = Hour(end_ns, nis / readings, readings, products / squares if squares else 0.0)
        return Consistency(self.before, (0.0, 0.0, 0.0, 0.0), (*self.hours, hour)[-KEPT_H:])

    def mean(self, hours: int) -> tuple[float, float]:
        """NIS per reading and lag-1 correlation over the last `hours` that had readings; 1 and 0 before."""
        last = self.hours[-hours:]
        total = sum(h.readings for h in last)
        if not total:
            return 1.0, 0.0
        nis = sum(h.nis * h.readings for h in last) / total
        return nis, sum(h.correlation * h.readings for h in last) / total

    @property
    def share_inside(self) -> float:
        """Part of the remembered hours whose NIS lies in its 95 % band; 1 before the first."""
        return sum(h.inside for h in self.hours) / len(self.hours) if self.hours else 1.0
