"""Is a fit to spectra better than one to chance: the same fit to references that were shuffled.

Y-randomisation (Rücker, Rücker and Meringer 2007, J. Chem. Inf. Model. 47:2345; for PLS Lindgren et al. 1996,
J. Chemom. 10:521): everything is done again, the choice of components included, with references dealt out
anew to the samples. What a fit gains by its freedom alone is gained then too. It does not tell whether a
model reads the constituent itself or something that went along with it in every run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from twin.learning.spectral import Array
from twin.learning.spectral_fit import Settings, Spectra, chosen

SEED: Final = 20071
"""Of the shuffling: the same files give the same figures (chosen default)."""
TIMES: Final = 20
"""How often references are shuffled (chosen default)."""
ENOUGH: Final = 0.05
"""Largest part of shuffled fits, the fit itself counted among them, that may be as good (chosen default)."""


@dataclass(frozen=True, slots=True)
class Shuffled:
    """Errors of cross-validation with shuffled references, beside that of the fit.

    Parameters
    ----------
    own : Array
        RMSECV of the fit (q,) [units].
    errors : Array
        RMSECV of each shuffled fit (times, q) [units].
    """

    own: Array
    errors: Array

    @property
    def p(self) -> Array:
        """Part of the fits, this one among them, that are as good as it, by constituent (q,)."""
        return np.asarray((1 + (self.errors <= self.own).sum(axis=0)) / (1 + len(self.errors)))

    @property
    def better(self) -> tuple[bool, ...]:
        """Whether the fit is better than chance, by constituent."""
        return tuple(bool(p <= ENOUGH) for p in self.p)

    def told(self) -> dict[str, object]:
        """For the model's file."""
        return {
            "times": len(self.errors),
            "seed": SEED,
            "rmsecv_least": self.errors.min(axis=0).tolist(),
            "rmsecv_median": np.median(self.errors, axis=0).tolist(),
            "p": self.p.tolist(),
            "better": list(self.better),
        }


def shuffled(
    given: Spectra,
    settings: Settings,
    own: Array,
    times: int = TIMES,
    step: Callable[[int], None] = lambda _: None,
) -> Shuffled:
    """Fit again and again to shuffled references.

    All spectra of a sample, and all constituents of a reference, stay together; spectra keep their groups.

    Parameters
    ----------
    given : Spectra
    settings : Settings
    own : Array
        RMSECV with the references as they are (q,) [units].
    times : int
    step : callable
        Called after each.
    """
    names = list(given.samples) or [str(i) for i in range(len(given.spectra))]
    _, first, place = np.unique(names, return_index=True, return_inverse=True)
    draw, errors = np.random.default_rng(SEED), []
    for _ in range(times):
        dealt = given.reference[first][draw.permutation(len(first))][place]
        _, error, _ = chosen(replace(given, reference=dealt), settings)
        errors.append(np.sqrt((error**2).mean(axis=0)))
        step(1)
    return Shuffled(own, np.array(errors))
