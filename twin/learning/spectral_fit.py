"""Fit a PLS model to spectra with reference values, cross-validated by whole runs.

scikit-learn fits (`PLSRegression`, not scaled: Wold et al. 2001, Chemom. Intell. Lab. Syst. 58:109),
chemotools prepares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from chemotools.derivative import SavitzkyGolay
from chemotools.scatter import StandardNormalVariate
from scipy.signal import savgol_coeffs
from scipy.stats import chi2
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.pipeline import Pipeline, make_pipeline

from twin.domain.errors import InputError
from twin.learning.spectral import Array, SpectralModel, judged

DOUBT: Final = 0.95
"""Part of the left-out spectra that lie within the limit beyond which one is uncertain (chosen default)."""
REFUSE: Final = 0.9999
"""The same for the limit beyond which one is not believed (chosen default)."""
BAND: Final = 1.6449
"""Half width of a band that holds 90 % of a normal distribution [standard deviations]."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How spectra are prepared and how many components are tried.

    Parameters
    ----------
    low, high : float
        Part of the axis that is used [axis unit].
    window, order, derivative : int
        Of the Savitzky-Golay filter; window 0 for none.
    snv : bool
    most : int
        Largest number of components tried.
    """

    low: float = -np.inf
    high: float = np.inf
    window: int = 15
    order: int = 2
    derivative: int = 1
    snv: bool = False
    most: int = 10


@dataclass(frozen=True, slots=True)
class Spectra:
    """Spectra with their references.

    Parameters
    ----------
    axis : Array
        (m,) [axis_unit].
    spectra : Array
        (n, m), finite.
    reference : Array
        (n, q) [units], finite.
    groups : sequence of str
        Run or batch of each spectrum (n,).
    names, units : tuple of str
        Of the constituents.
    axis_unit : str
    samples : sequence of str
        What each spectrum is of (n,); empty: each of a sample of its own.
    """

    axis: Array
    spectra: Array
    reference: Array
    groups: Sequence[str]
    names: tuple[str, ...]
    units: tuple[str, ...]
    axis_unit: str
    samples: Sequence[str] = ()


def pipeline(settings: Settings, components: int) -> Pipeline:
    """What is fitted to the kept points of spectra, as scikit-learn and chemotools say it."""
    steps: list[Any] = [StandardNormalVariate()] if settings.snv else []
    if settings.window:
        steps += [
            SavitzkyGolay(
                window_length=settings.window,
                polyorder=settings.order,
                deriv=settings.derivative,
                mode="nearest",
            )
        ]
    return make_pipeline(*steps, PLSRegression(n_components=components, scale=False))


def fit(given: Spectra, settings: Settings) -> SpectralModel:
    """Fit with as many components as cross-validation by group asks for.

    The fewest are taken whose error is within one standard error (over the groups) of the least (Hastie et
    al. 2009, The Elements of Statistical Learning, 7.10). The limits of T2 and Q come from the left-out
    spectra, as scaled chi-square distributions of the same mean and variance (Box 1954, Ann. Math. Stat.
    25:290).

    Raises
    ------
    InputError
        When the spectra are too few, of one group, or the settings leave nothing.
    """
    _check(given, settings)
    components, error, errors = chosen(given, settings)
    _, far = _left_out(given, settings, components)
    doubt, refuse = (np.array([_limit(column, part) for column in far.T]) for part in (DOUBT, REFUSE))
    sigma = np.sqrt((error**2).mean(axis=0))
    about = {
        "components": components,
        "spectra": len(given.spectra),
        "groups": sorted(set(given.groups)),
        "tried": [[float(e) for e in np.sqrt((each**2).mean(axis=0))] for each in errors],
        "rmsecv": sigma.tolist(),
        "bias": error.mean(axis=0).tolist(),
        "coverage90": (np.abs(error) <= BAND * sigma).mean(axis=0).tolist(),
        "range": [float(v) for v in given.reference.min(axis=0)]
        + [float(v) for v in given.reference.max(axis=0)],
    }
    return _compiled(given, settings, components, sigma, doubt, refuse, about)


def chosen(given: Spectra, settings: Settings) -> tuple[int, Array, Array]:
    """Number of components, the errors (n, q) with it, and those with each number tried (k, n, q)."""
    errors = np.stack([_left_out(given, settings, k)[0] for k in _tried(given, settings)])
    components = _fewest(errors, given)
    return components, errors[components - 1], errors


def _compiled(
    given: Spectra, settings: Settings, components: int, sigma: Array, doubt: Array, refuse: Array,
    about: dict[str, object],
) -> SpectralModel:  # fmt: skip
    """The fitted pipeline as numbers."""
    first, beyond = _kept(given.axis, settings)
    kept = given.spectra[:, first:beyond]
    whole = pipeline(settings, components).fit(kept, given.reference)
    pls, z = whole[-1], whole[:-1].transform(kept) if len(whole) > 1 else kept
    kernel = np.zeros(0)
    if settings.window:
        kernel = savgol_coeffs(settings.window, settings.order, deriv=settings.derivative)
    mean = z.mean(axis=0)
    return SpectralModel(
        axis=given.axis,
        first=first,
        beyond=beyond,
        kernel=kernel,
        mean=mean,
        rotations=pls.x_rotations_,
        loadings=pls.x_loadings_,
        coefficients=pls.coef_.T,
        intercept=given.reference.mean(axis=0),
        score_sd=((z - mean) @ pls.x_rotations_).std(axis=0, ddof=1),
        sigma=sigma,
        doubt=doubt,
        refuse=refuse,
        names=given.names,
        units=given.units,
        axis_unit=given.axis_unit,
        snv=settings.snv,
        about=about,
    )


def _left_out(given: Spectra, settings: Settings, components: int) -> tuple[Array, Array]:
    """Errors (n, q) and T2 and Q (n, 2) of each spectrum by a model of the other groups."""
    error, far = np.zeros_like(given.reference), np.zeros((len(given.spectra), 2))
    nothing = np.full(2, np.inf)
    for rest, out in LeaveOneGroupOut().split(given.spectra, groups=given.groups):
        part = Spectra(
            given.axis, given.spectra[rest], given.reference[rest], [given.groups[i] for i in rest],
            given.names, given.units, given.axis_unit,
        )  # fmt: skip
        model = _compiled(part, settings, components, nothing[:0], nothing, nothing, {})
        found = judged(model, given.spectra[out])
        error[out] = found.values - given.reference[out]
        far[out] = np.stack((found.t2, found.q), axis=1)
    return error, far


def _fewest(errors: Array, given: Spectra) -> int:
    """Number of components, from errors (k, n, q) in parts of each constituent's spread."""
    scaled = ((errors / given.reference.std(axis=0)) ** 2).mean(axis=2)
    groups = np.array(given.groups)
    by = np.stack([scaled[:, groups == g].mean(axis=1) for g in sorted(set(given.groups))], axis=1)
    mean = scaled.mean(axis=1)
    best = int(np.argmin(mean))
    reach = mean[best] + by[best].std(ddof=1) / np.sqrt(by.shape[1])
    return int(np.flatnonzero(mean <= reach)[0]) + 1


def _limit(values: Array, part: float) -> float:
    """What `part` of values like these stay below."""
    mean, variance = values.mean(), max(values.var(ddof=1), 1e-300)
    scale, freedom = variance / (2.0 * mean), 2.0 * mean**2 / variance
    return float(scale * chi2.ppf(part, freedom))


def _kept(axis: Array, settings: Settings) -> tuple[int, int]:
    """First and beyond the last point within the range."""
    inside = np.flatnonzero((axis >= settings.low) & (axis <= settings.high))
    return (int(inside[0]), int(inside[-1]) + 1) if inside.size else (0, 0)


def _tried(given: Spectra, settings: Settings) -> range:
    """Numbers of components that every fold can bear."""
    groups = np.array(given.groups)
    largest = max(int((groups == g).sum()) for g in set(given.groups))
    first, beyond = _kept(given.axis, settings)
    return range(1, min(settings.most, len(groups) - largest - 1, beyond - first) + 1)


def _check(given: Spectra, settings: Settings) -> None:
    first, beyond = _kept(given.axis, settings)
    ends = f"{given.axis.min():g} to {given.axis.max():g} {given.axis_unit}"
    if settings.window and (settings.window % 2 == 0 or settings.window <= settings.order):
        raise InputError(f"window {settings.window}: an odd number above the order {settings.order} would do")
    if settings.derivative > settings.order:
        raise InputError(f"derivative {settings.derivative} needs an order of at least as much")
    if beyond - first <= max(settings.window, 2):
        raise InputError(
            f"the range {settings.low:g} to {settings.high:g} leaves {beyond - first} points of an axis from "
            f"{ends}; a wider one would do"
        )
    steps = np.diff(given.axis)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        raise InputError(f"the axis ({ends}) neither rises nor falls throughout")
    if len(set(given.groups)) < 3 or not len(_tried(given, settings)):
        raise InputError(
            f"{len(given.spectra)} spectra of {len(set(given.groups))} groups came; cross-validation leaves "
            "whole runs out: three or more groups would do"
        )
    flat = [n for n, sd in zip(given.names, given.reference.std(axis=0), strict=True) if sd == 0.0]
    if flat:
        raise InputError(f"{', '.join(flat)}: the reference never changes; nothing can be learnt of it")
