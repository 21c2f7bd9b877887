"""The file of a PLS model: numbers and text only, with a hash over its contents."""

from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from connectors.codecs.array_file import load_arrays, save_arrays
from twin.domain.errors import ConfigError
from twin.learning.spectral import SpectralModel

FORMAT: Final = 1
"""Version of the file; grows when a field changes its meaning or goes."""
_TEXTS: Final = ("first", "beyond", "names", "units", "axis_unit", "snv", "about")


def save_spectral(model: SpectralModel, sink: BinaryIO) -> str:
    """Write the model; returns its hash (SHA-256, hexadecimal)."""
    arrays = {f.name: getattr(model, f.name) for f in fields(model) if f.name not in _TEXTS}
    return save_arrays(arrays, {name: getattr(model, name) for name in _TEXTS}, FORMAT, sink)


@cache
def load_spectral(path: Path) -> tuple[SpectralModel, str]:
    """Read a model and its hash.

    Raises
    ------
    ConfigError
        When it is no such file, of another version, damaged, or its parts do not fit each other.
    """
    arrays, about, digest = load_arrays(path, FORMAT, "model of spectra", "twin fit-spectra")
    made: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in about.items()}
    try:
        model = SpectralModel(**arrays, **made)
    except TypeError as error:
        raise ConfigError(f"{path}: is no model of spectra ({error}); twin fit-spectra makes one") from error
    if not _fits(model):
        raise ConfigError(f"{path}: its arrays do not fit each other; twin fit-spectra makes a sound one")
    return model, digest


def _fits(model: SpectralModel) -> bool:
    p, k, q = model.beyond - model.first, model.score_sd.size, len(model.names)
    wanted = {
        "axis": (model.axis.size,), "mean": (p,), "rotations": (p, k), "loadings": (p, k),
        "coefficients": (p, q), "intercept": (q,), "sigma": (q,), "doubt": (2,), "refuse": (2,),
    }  # fmt: skip
    shapes = all(getattr(model, name).shape == shape for name, shape in wanted.items())
    return (
        shapes and 0 <= model.first < model.beyond <= model.axis.size and bool(np.isfinite(model.sigma).all())
    )
