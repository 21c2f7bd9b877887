"""Made-up spectra: two bands that overlap, a sloping background, noise; known concentrations."""

import numpy as np
from numpy.typing import NDArray

from twin.learning.spectral import SpectralModel
from twin.learning.spectral_fit import Settings, Spectra, fit

Array = NDArray[np.float64]
AXIS = np.arange(400.0, 900.0, 2.5)
NAMES, UNITS = ("glucose", "lactate"), ("g/L", "g/L")


def spectra(concentrations: Array, seed: int = 1) -> Array:
    """Spectra (n, m) of concentrations (n, 2) [g/L]."""
    draw = np.random.default_rng(seed)
    bands = np.array([np.exp(-(((AXIS - at) / 30.0) ** 2)) for at in (600.0, 640.0)])
    slope = draw.uniform(0.0, 5.0, (len(concentrations), 1)) * (AXIS - 400.0) / 500.0
    noise = 0.02 * draw.standard_normal((len(concentrations), AXIS.size))
    return np.asarray(20.0 + concentrations @ bands + slope + noise)


def given(groups: int = 8, each: int = 6) -> Spectra:
    """Samples of some groups."""
    draw = np.random.default_rng(0)
    wanted = draw.uniform(0.0, (20.0, 5.0), (groups * each, 2))
    names = [f"run{i // each}" for i in range(groups * each)]
    return Spectra(AXIS, spectra(wanted), wanted, names, NAMES, UNITS, "cm-1")


def fitted(settings: Settings | None = None) -> SpectralModel:
    """A model of `given`."""
    return fit(given(), settings or Settings(window=11))
