"""What a calibration is: counts of runs, fitted parameters, what is left over, and what is known of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from twin.processes.base import Array, Parameter, Process

Build = Callable[[Mapping[str, float]], Process]

DETERMINED: Final = 0.25
"""A larger standard error of the logarithm is called poor: a factor 1.6 at 95 % (chosen default)."""
TRADED: Final = 0.7
"""Correlations of at least this size are told (chosen default)."""
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
        return values_of(self.names, self.logs)

    def correlation(self) -> Array:
        """Correlations of the parameters' logarithms (p, p)."""
        sd = np.sqrt(np.diag(self.covariance))
        return np.asarray(self.covariance / np.outer(sd, sd))


def values_of(names: Sequence[str], logs: Array) -> dict[str, float]:
    """Parameters by name from their logarithms."""
    return {name: float(value) for name, value in zip(names, np.exp(logs), strict=True)}


def rms(values: Array) -> float:
    """Root mean square."""
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
