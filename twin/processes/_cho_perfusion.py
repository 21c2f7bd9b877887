"""Tables of the reduced CHO perfusion model: what differs from the fed-batch, and what comes beside.

Every table begins with that of the fed-batch, so that each place stays where it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeVar

import numpy as np

from twin.domain.event import Verdict
from twin.processes import _cho_fedbatch as batch
from twin.processes import _cho_recipe as recipe
from twin.processes.base import Hypothesis, Input, Output, Parameter, Quantity, Shape, State


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Row = TypeVar("_Row", bound=_Named)


def _with(rows: Sequence[_Row], *new: _Row) -> tuple[_Row, ...]:
    """The rows with those of the same name replaced and the others at the end."""
    return tuple(({row.name: row for row in rows} | {row.name: row for row in new}).values())


_DEFAULT = "chosen default"
_RECIPE = "recipe, " + _DEFAULT

PARAMETERS: Final[tuple[Parameter, ...]] = _with(
    tuple(p for p in batch.PARAMETERS + recipe.RECIPE if p.name not in ("glucose_wanted", "feed_alkalinity")),
    Parameter(
        "X_max", 200.0, "10*9/L", "reached in perfusion: Clincke et al. 2013, Biotechnol. Prog. 29:754"
    ),
    Parameter("theta", 1.0, "1", _DEFAULT),
    Parameter("feed_glucose", 7.5, "g/L", "fresh medium, 5-10 g/L; " + _DEFAULT),
    Parameter(
        "feed_carbon", 1.1, "mol/mol", "of its alkalinity: a tenth dissolved beside bicarbonate, pH 7.1"
    ),
    Parameter("feed_density", 1.01, "kg/L", "as the broth, " + _DEFAULT),
    Parameter("feed_most", 200.0, "mL/(L.h)", "what the pump of medium can deliver; " + _RECIPE),
    Parameter("cells_wanted", 20.0, "10*9/L", "viable cells that the bleed holds; " + _RECIPE),
)

STATES: Final[tuple[State, ...]] = _with(
    batch.STATES,
    State("P", "g/L", 0.15, 0.15, 5e-4, 0.0, 50.0),
    State("growth", "1", 0.9, 0.25, 0.015, 0.0, 2.0),
    State("feed_kappa", "mS/cm", 11.5, 2.0, 0.02, -100.0, 300.0),
    State("feed_left", "g", 5000.0, 5000.0, 0.2, -1e4, 1e8),
    State("pO2", "%", 40.0, 30.0, 30.0, 0.0, 600.0, regulated=True),
    State("log_kLa", "1", 0.0, 0.5, 0.004, -5.0, 5.0),
    State("log_pO2_gain", "1", 0.0, 0.02, 0.003, -3.0, 1.0, consider_h=np.inf),
    State("log_offgas_O2_gain", "1", 0.0, 0.004, 3e-4, -1.0, 1.0),
    State("log_offgas_CO2_gain", "1", 0.0, 0.01, 3e-4, -1.0, 1.0),
    State("alkali_gap", "mmol/L", 0.0, 1.0, 0.05, -50.0, 50.0),
    State("log_sieving", "1", -0.05, 0.1, 0.004, -4.0, 0.1),
    State("harvest_gain", "1", 1.0, 0.02, 0.001, -0.2, 3.0),
    State("bleed_gain", "1", 1.0, 0.02, 0.001, -0.2, 3.0),
)

# pO2: its loop feeds the noise of its probe into the gas within the frame, so what pO2 does at once is no
# evidence about transfer (decision 0413); analysers: half a percent a week, where
# makers allow one; the others: chosen defaults
AGED: Final = ("log_pO2_gain", "log_pCO2_gain", "pH_bias", "log_offgas_O2_gain", "log_offgas_CO2_gain")
"""What has walked unseen since the instruments were calibrated at inoculation."""

_OUT: Final = {"W": 0.01, "P": 0.01}
INPUTS: Final[tuple[Input, ...]] = _with(
    batch.INPUTS,
    Input("harvest_flow", 0.0, _OUT),
    Input("bleed_flow", 0.0, _OUT | {"log_Xv": 0.005, "log_Xd": 0.01}),
)
# chosen defaults: in an hour unseen a sixth of what flows in

OUTPUTS: Final[tuple[Output, ...]] = _with(
    batch.OUTPUTS,
    Output("feed_scale", "g", 0.9, 1e-4, refill="feed_left", refill_least=500.0),
    Output("titre", "g/L", 0.006, 0.08, assay=True),
    Output("titre_harvest", "g/L", 0.006, 0.08, assay=True),
)

QUANTITIES: Final[tuple[Quantity, ...]] = _with(batch.QUANTITIES, Quantity("est_sieving", "1"))

FILTER_FOULING: Final = Hypothesis(
    "filter_fouling",
    Verdict.PROCESS,
    "log_sieving",
    Shape.STEP,
    0.15,
    "titre_harvest",
    sign=-1,
    relative=True,
    unit="%",
    evidence=("R11",),
    hold_h=0.1,
    free_walk=0.03,
    most=4.0,
    prior=15.0,
    rests_on=("titre_harvest", "titre"),
    slack=0.03,
)
HARVEST_PUMP: Final = Hypothesis(
    "harvest_pump_failure",
    Verdict.ACTUATOR,
    "harvest_gain",
    Shape.STEP,
    0.1,
    "harvest_flow",
    factor=100.0,
    unit="%",
    evidence=("R4",),
    hold_h=1.0,
    free_walk=0.02,
    most=1.3,
    rests_on=("harvest_flow", "bleed_flow", "weight", "feed_flow"),
    slack=0.02,
)

CHANCES: Final[Mapping[str, tuple[float, float]]] = {
    "ph_probe_drift": (3.5, 1.5),
    "do_probe_fouling": (4.0, 1.5),
    "pco2_probe_drift": (4.0, 1.5),
    "conductivity_shift": (3.0, 2.0),
    "kla_loss": (2.0, 3.0),
    "aeration_loss": (4.6, 3.5),
    "feed_pump_failure": (10.0, 2.0),
    "base_line_blocked": (6.0, 4.0),
    "wrong_feed": (7.5, 2.0),
    "filter_fouling": (2.0, 1.5),
}
"""Largest ratio in `CHANCE_H` healthy hours by fault, where that is not as in a fed-batch (see
`Hypothesis.chance`): some 20 simulated batches of tuning seeds 1200-1252, with a margin as they are few."""

SLACKS: Final[Mapping[str, float]] = {"do_probe_fouling": 0.03}
"""What the model's own error feigns, where that is not as in a fed-batch (see `Hypothesis.slack`)."""

HYPOTHESES: Final[tuple[Hypothesis, ...]] = tuple(
    replace(
        h,
        chance=CHANCES.get(h.code, h.chance),
        slack=SLACKS.get(h.code, h.slack),
    )
    for h in (*batch.HYPOTHESES, FILTER_FOULING, HARVEST_PUMP)
)

SPREAD: Final[Mapping[str, float]] = {"cells_wanted": 0.1, "pH_sp": 0.005, "pO2_sp": 0.5}
"""What is not known of the recipe, as in `_cho_recipe.SPREAD`; of the cells that the bleed holds: the
logarithm (one count a day scatters by 5 to 10 %). Chosen defaults."""
