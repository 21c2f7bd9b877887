"""Soft sensors as engineers judge them: error of prediction, bias, coverage, beside naive guesses.

A reference is a true value (simulated batches) or a laboratory result that the twin had not seen (stored
runs). Everything is counted run by run, so that runs can be pooled and drawn anew.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BAND: Final = 1.6449
"""Half width of a band that holds 90 % of a normal distribution [standard deviations]."""
LEAST_RUNS: Final = 5
"""Runs from which an interval of the RMSEP is given (chosen default)."""
DRAWS: Final = 2000
"""Times the runs are drawn anew for it (chosen default)."""


@dataclass(slots=True)
class Band:
    """Sums over the references of one quantity in one run.

    Parameters
    ----------
    points, inside : int
        References compared, and those that lay in the 90 % band.
    squares : float
        Sum of squared errors of the twin [unit^2].
    held_points, held_squares
        The same of the last laboratory result held, where there was one.
    errors : float
        Sum of errors, twin minus reference [unit].
    beside : float
        Squared errors of the twin where a result was held [unit^2].
    past_points, past_squares
        The same of persistence: the reference before this one.
    """

    points: int = 0
    inside: int = 0
    squares: float = 0.0
    held_points: int = 0
    held_squares: float = 0.0
    errors: float = 0.0
    beside: float = 0.0
    past_points: int = 0
    past_squares: float = 0.0


def band(mean: Array, sd: Array, reference: Array, held: Array, past: Array) -> Band:
    """Judge predictions (n,) by references (n,); NaN in `held` and `past` where there was nothing."""
    error, holds, goes_on = mean - reference, held - reference, past - reference
    known, before = np.isfinite(holds), np.isfinite(goes_on)
    return Band(
        points=len(error),
        inside=int((np.abs(error) <= BAND * sd).sum()),
        squares=float((error**2).sum()),
        held_points=int(known.sum()),
        held_squares=float((holds[known] ** 2).sum()),
        errors=float(error.sum()),
        beside=float((error[known] ** 2).sum()),
        past_points=int(before.sum()),
        past_squares=float((goes_on[before] ** 2).sum()),
    )


def pooled(bands: Iterable[Band]) -> Band:
    """All runs as one."""
    total = Band()
    for each in bands:
        for part in fields(Band):
            setattr(total, part.name, getattr(total, part.name) + getattr(each, part.name))
    return total


@dataclass(frozen=True, slots=True)
class Sensor:
    """One soft sensor of a model, and how it did in each run.

    Parameters
    ----------
    model, name, unit : str
        Such as ``"cho_fedbatch"``, ``"est_VCD"``, ``"10*6/mL"``.
    runs : tuple of Band
        Of the runs with a reference.
    """

    model: str
    name: str
    unit: str
    runs: tuple[Band, ...]


COLUMNS: Final = (
    "model", "sensor", "unit", "runs", "compared", "rmsep", "rmsep_low", "rmsep_high", "bias", "coverage90",
    "rmsep_last_assay_held", "compared_last_assay_held", "skill", "rmsep_persistence", "compared_persistence",
)  # fmt: skip
"""Of the table, in this order; None where nothing was compared."""
WORDS: Final = COLUMNS[:3]
"""Those that are no numbers."""


def row(sensor: Sensor) -> dict[str, Any]:
    """A sensor as a row of the table."""
    runs = [b for b in sensor.runs if b.points]
    b = pooled(runs)
    low, high = interval(runs)
    values = (
        sensor.model, sensor.name, sensor.unit, len(runs), b.points, root(b.squares, b.points), low, high,
        plain(b.errors / b.points) if b.points else None, ratio(b.inside, b.points),
        root(b.held_squares, b.held_points), b.held_points,
        plain(1.0 - b.beside / b.held_squares) if b.held_squares else None,
        root(b.past_squares, b.past_points), b.past_points,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def interval(runs: Sequence[Band]) -> tuple[float | None, float | None]:
    """95 % interval of the RMSEP from whole runs drawn anew (Efron & Tibshirani 1993, ch. 13: percentiles).

    Errors within a run go together, runs do not; so runs are what is drawn.
    """
    if len(runs) < LEAST_RUNS:
        return None, None
    squares = np.array([b.squares for b in runs])
    points = np.array([b.points for b in runs])
    drawn = np.random.default_rng(0).integers(0, len(runs), (DRAWS, len(runs)))
    found = np.sqrt(squares[drawn].sum(axis=1) / points[drawn].sum(axis=1))
    low, high = np.quantile(found, (0.025, 0.975))
    return plain(float(low)), plain(float(high))


def stem(name: str) -> str:
    """What is estimated or assayed: of ``est_pH_true`` and of ``pH_lab`` alike it is ``pH``."""
    return name.removeprefix("est_").removesuffix("_true").removesuffix("_lab")


def ratio(part: int, whole: int) -> float | None:
    """A share, or None of nothing."""
    return plain(part / whole) if whole else None


def root(squares: float, points: int) -> float | None:
    """Root of a mean square, or None of nothing."""
    return plain(math.sqrt(squares / points)) if points else None


def plain(value: float) -> float | None:
    """Four significant digits; None for what is no number."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
