"""CHO growth and death from laboratory counts alone: theta-logistic growth with density-driven death.

    dXv/dt = (mu - kd) Xv,                     mu = mu0 m (1 - (X / X_max)^theta)
    dXd/dt = kd Xv - lysis Xd,                 kd = k (kd0 + kd1 (X / X_max)^power) + decline

with X = Xv + Xd the total cells. The scales m and k and the capacity X_max differ from batch to batch
and drift slowly within one: they are states, known at the start only as far as other batches tell.
`decline` is a death rate the law does not know (starvation, poisoning, contamination); it stays at zero
unless a finding sets it free.

What it ignores: nutrients, products, volume changes, lag. Units: time h, cells 1e9/L (= 1e6/mL).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from twin.domain.batch import Batch
from twin.domain.event import Verdict
from twin.processes.base import (
    Array,
    Hypothesis,
    Input,
    Output,
    Parameter,
    Process,
    Quantity,
    Shape,
    State,
    Table,
    index,
    parameter_table,
)

_FIT = "fit of the theta-logistic law to the NISTCHO fed-batch assays, condition A"
_LYSIS = "order of the lysis rates of CHO models (Moeller et al. 2020: 0.001 1/h); chosen default"
_DEFAULT = "chosen default"

PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter("mu0", 0.0339, "1/h", _FIT),
    Parameter("X_max", 23.4, "10*9/L", _FIT),
    Parameter("theta", 0.92, "1", _FIT),
    Parameter("kd0", 4e-4, "1/h", _FIT),
    Parameter("kd1", 0.0034, "1/h", _FIT),
    Parameter("kd_power", 6.4, "1", _FIT),
    Parameter("lysis", 8e-4, "1/h", _LYSIS),
    Parameter("inoculum", 0.4, "10*9/L", _DEFAULT),
    Parameter("viability_start", 97.0, "%", _DEFAULT),
)

STATES: Final[tuple[State, ...]] = (
    State("log_Xv", "1", 0.0, 0.4, 0.010, -7.0, 5.0),
    State("log_Xd", "1", -3.5, 0.6, 0.040, -9.0, 5.0),
    State("log_mu", "1", 0.0, 0.20, 0.015, -3.0, 1.5),
    State("log_X_max", "1", 0.0, 0.20, 0.010, -2.0, 2.0),
    State("log_kd", "1", 0.0, 0.30, 0.020, -3.0, 3.0),
    State("decline", "1/h", 0.0, 1e-5, 1e-6, -0.05, 1.0),
)

OUTPUTS: Final[tuple[Output, ...]] = (
    Output("VCD", "10*6/mL", 0.03, 0.08, assay=True),
    Output("viability", "%", 1.0, assay=True),
)

QUANTITIES: Final[tuple[Quantity, ...]] = (
    Quantity("est_VCD", "10*6/mL"),
    Quantity("est_viability", "%"),
    Quantity("est_growth_rate", "1/h"),
    Quantity("est_death_rate", "1/h"),
)

HYPOTHESES: Final[tuple[Hypothesis, ...]] = (
    Hypothesis(
        "culture_decline", Verdict.PROCESS, "decline", Shape.STEP, 0.008, "viability", sign=+1, unit="1/h",
        evidence=("cell_balance",), threshold=25.0, free_walk=0.001, slack=0.002,
        horizon_h=60.0,
    ),
)  # fmt: skip

CROWDED: Final = 1.1
"""Total cells over capacity beyond which the death law is not continued (chosen default)."""

_S: Final = index(tuple(s.name for s in STATES))
_LOW: Final = np.array([s.low for s in STATES])
_HIGH: Final = np.array([s.high for s in STATES])


class ChoGrowth:
    """The growth model; see the module's words.

    Parameters
    ----------
    table : Table
        Parameter values.
    """

    id = "cho_growth"
    version = "1"
    frame_s = 3600.0
    states = STATES
    inputs: tuple[Input, ...] = ()
    outputs = OUTPUTS
    quantities = QUANTITIES
    hypotheses = HYPOTHESES

    def __init__(self, table: Table) -> None:
        self.parameters = table.parameters
        self._p: Mapping[str, float] = table.values

    def begin(self, batch: Batch | None, age_h: float) -> tuple[Array, Array]:
        """Belief about a culture first seen at age `age_h` [h]: grown unseen from the inoculum."""
        p = self._p
        mean = np.array([s.start for s in STATES])
        sd = np.array([s.start_sd for s in STATES])
        cells = batch.cells if batch is not None and batch.cells > 0.0 else p["inoculum"]
        mean[_S["log_Xv"]] = np.log(cells)
        mean[_S["log_Xd"]] = np.log(cells * (100.0 / p["viability_start"] - 1.0))
        unseen = max(age_h, 0.0)
        for _ in range(int(np.ceil(unseen))):
            mean = self.advance(mean, np.zeros(0), unseen / np.ceil(unseen))
        sd[_S["log_Xv"]] += sd[_S["log_mu"]] * min(p["mu0"] * unseen, 3.0)
        return mean, sd

    def _rates(self, x: Array) -> tuple[Array, Array, Array, Array]:
        """Growth and death rate [1/h], viable and dead cells [1e9/L]."""
        p = self._p
        viable, dead = np.exp(x[..., _S["log_Xv"]]), np.exp(x[..., _S["log_Xd"]])
        crowd = np.minimum((viable + dead) / (p["X_max"] * np.exp(x[..., _S["log_X_max"]])), 3.0)
        mu = p["mu0"] * np.exp(x[..., _S["log_mu"]]) * np.maximum(0.0, 1.0 - crowd ** p["theta"])
        law = p["kd0"] + p["kd1"] * np.minimum(crowd, CROWDED) ** p["kd_power"]
        kd = np.maximum(np.exp(x[..., _S["log_kd"]]) * law + x[..., _S["decline"]], 0.0)
        return mu, kd, viable, dead

    def advance(self, x: Array, u: Array, hours: float) -> Array:
        """States `hours` later: viable cells exactly for constant rates, dead cells by their balance."""
        x = np.clip(x, _LOW, _HIGH)
        out = x.copy()
        mu, kd, viable, dead = self._rates(x)
        out[..., _S["log_Xv"]] += (mu - kd) * hours
        out[..., _S["log_Xd"]] += np.log1p(kd * viable / dead * hours) - self._p["lysis"] * hours
        return np.clip(out, _LOW, _HIGH)

    def observe(self, x: Array, u: Array) -> Array:
        """Expected counts: viable density [1e6/mL] and viability [%]."""
        x = np.clip(x, _LOW, _HIGH)
        viable, dead = np.exp(x[..., _S["log_Xv"]]), np.exp(x[..., _S["log_Xd"]])
        return np.stack([viable, 100.0 * viable / (viable + dead)], axis=-1)

    def derive(self, x: Array, u: Array) -> Array:
        """What the counts are believed to be, and the two rates."""
        mu, kd, _, _ = self._rates(np.clip(x, _LOW, _HIGH))
        return np.concatenate([self.observe(x, u), np.stack([mu, kd], axis=-1)], axis=-1)


def build(parameters: Mapping[str, float]) -> Process:
    """The model with `parameters` in place of its defaults.

    Raises
    ------
    ModelError
        For a parameter the model does not have.
    """
    return ChoGrowth(parameter_table("cho_growth", PARAMETERS, parameters))
