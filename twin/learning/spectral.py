"""What a spectrum says of concentrations: a fitted PLS model as numbers, and how like its spectra another is.

    z = SavGol(SNV(x[kept])) - mean,   T = z R,   c = c0 + z B,   e = z - T P'
    T2 = sum(T^2 / s^2)  (Hotelling 1931),   Q = e'e  (Jackson & Mudholkar 1979, Technometrics 21:341)

SNV (standard normal variate: Barnes et al. 1989, Appl. Spectrosc. 43:772) and the Savitzky-Golay filter
(1964, Anal. Chem. 36:1627) are left out where the model does not use them. The same numbers as scikit-learn's
PLSRegression with chemotools' preprocessing, without either.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twin.domain.measurement import Quality

Array: TypeAlias = NDArray[np.float64]

NEAR: Final = 0.05
"""Two axes are the same when no point differs by more than this part of a step (chosen default)."""


@dataclass(frozen=True, slots=True)
class SpectralModel:
    """A fitted PLS model: m points of a spectrum, p kept ones, k components, q constituents.

    Parameters
    ----------
    axis : Array
        Wavenumbers, shifts or wavelengths (m,), rising or falling [axis_unit].
    first, beyond : int
        Which of the points are kept.
    kernel : Array
        Savitzky-Golay coefficients (w,), as they are convolved with; empty for none.
    mean : Array
        Of the prepared spectra fitted on (p,).
    rotations, loadings : Array
        R and P (p, k).
    coefficients : Array
        B (p, q) [unit of the constituent].
    intercept : Array
        c0 (q,) [unit].
    score_sd : Array
        Standard deviation of the scores fitted on (k,).
    sigma : Array
        RMSECV of each constituent (q,) [unit]: its noise.
    doubt, refuse : Array
        Limits (2,) of T2 and Q beyond which a spectrum is uncertain, and beyond which it is not believed.
    names, units : tuple of str
        Of the constituents.
    axis_unit : str
    snv : bool
        Whether each spectrum is brought to mean 0 and standard deviation 1.
    about : dict
        What it was fitted on and how good it was found.
    """

    axis: Array
    first: int
    beyond: int
    kernel: Array
    mean: Array
    rotations: Array
    loadings: Array
    coefficients: Array
    intercept: Array
    score_sd: Array
    sigma: Array
    doubt: Array
    refuse: Array
    names: tuple[str, ...]
    units: tuple[str, ...]
    axis_unit: str
    snv: bool
    about: dict[str, object]


@dataclass(frozen=True, slots=True)
class Judged:
    """What n spectra say.

    Parameters
    ----------
    values : Array
        Concentrations (n, q) [unit of the constituent].
    t2, q : Array
        How far the spectra are from those fitted on: within the model and off it (n,) [1, squared signal].
    quality : tuple of Quality
        Good, uncertain beyond `doubt`, bad beyond `refuse`.
    """

    values: Array
    t2: Array
    q: Array
    quality: tuple[Quality, ...]


def judged(model: SpectralModel, spectra: Array) -> Judged:
    """Concentrations of finite spectra (n, m) on the model's axis."""
    z = prepared(model, spectra) - model.mean
    scores = z @ model.rotations
    off = z - scores @ model.loadings.T
    t2, q = ((scores / model.score_sd) ** 2).sum(axis=1), (off**2).sum(axis=1)
    far = np.stack((t2, q), axis=1)
    beyond = (far > model.doubt).any(axis=1).astype(int) + (far > model.refuse).any(axis=1)
    quality = tuple((Quality.GOOD, Quality.UNCERTAIN, Quality.BAD)[n] for n in beyond.tolist())
    return Judged(model.intercept + z @ model.coefficients, t2, q, quality)


def prepared(model: SpectralModel, spectra: Array) -> Array:
    """Spectra (n, m) cut, scaled and filtered: (n, p)."""
    x = spectra[:, model.first : model.beyond]
    if model.snv:
        x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    if not model.kernel.size:
        return x
    half = model.kernel.size // 2
    wide = np.pad(x, ((0, 0), (half, half)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(wide, model.kernel.size, axis=1) @ model.kernel[::-1]


def axis_fault(model: SpectralModel, axis: Array) -> str:
    """Why spectra on `axis` (n,) are none of the model's, in words; empty when they are."""
    own = model.axis
    ends = f"{own[0]:g} to {own[-1]:g} {model.axis_unit}"
    if axis.shape != own.shape:
        return (
            f"{axis.size} points came, the model knows {own.size} from {ends}; the instrument's settings of "
            "the fit would do, or a model fitted on these"
        )
    off = np.abs(axis - own)
    if not off.max() <= NEAR * np.abs(np.diff(own)).min():
        place = int(np.argmax(np.where(np.isfinite(off), off, np.inf)))
        return (
            f"point {place + 1} of the axis is {axis[place]:g}, the model has {own[place]:g} there ({ends}); "
            "nothing is interpolated: the same axis would do, or a model fitted on this one"
        )
    return ""


def spectrum_fault(model: SpectralModel, spectrum: Array) -> str:
    """Why one spectrum (m,) can not be judged, in words; empty when it can."""
    odd = np.flatnonzero(~np.isfinite(spectrum))
    if odd.size:
        where = f"{model.axis[odd[0]]:g} {model.axis_unit}"
        return f"{odd.size} of {spectrum.size} intensities are no finite numbers, the first at {where}"
    kept = spectrum[model.first : model.beyond]
    if np.ptp(kept) <= 1e-12 * np.abs(kept).max():
        return "every intensity is the same: no light, or the detector is saturated"
    return ""
