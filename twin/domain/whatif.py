"""What if: changes of a run that somebody thinks of; the twin answers, the plant never hears of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from twin.domain.forecast import Forecast

MOST_SCENARIOS: Final = 4
"""Scenarios asked for at once, so that they can be told apart when overlaid (chosen default)."""
MOST_CHANGES: Final = 20
"""Changes of one scenario (chosen default)."""
HARVEST: Final = "harvest"
"""Name of the knob that sets the batch age at which the run ends [h]."""


@dataclass(frozen=True, slots=True)
class Knob:
    """What may be changed in a scenario.

    Parameters
    ----------
    name : str
        Tag name of a set point such as ``"pH_sp"``, a name of the recipe, ``"harvest"``, or a fault's code.
    unit : str
    low, high : float
        What the model can still speak of [unit].
    fault : bool
        True for a fault of the model's own list.
    rate : bool
        True when the value is a change per hour that goes on from its time (faults that grow).
    """

    name: str
    unit: str
    low: float
    high: float
    fault: bool = False
    rate: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is changed.

    Parameters
    ----------
    what : str
        Name of a `Knob`.
    value : float
        From then on [unit of the knob].
    in_h : float
        When, counted from the moment the question is asked at [h].
    """

    what: str
    value: float
    in_h: float = 0.0


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A scenario: changes that belong together."""

    name: str
    changes: tuple[Change, ...] = ()


BASE: Final = "as it is"
"""What the run is called beside its scenarios when nothing is changed."""
BASE_NAMES: Final = (BASE, "sans changement")
"""The same in English and in French, in small letters; no scenario may have such a name."""
AS_IT_IS: Final = WhatIf("")
"""Nothing is changed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the twin expects of one vessel as it is, and in each scenario.

    Parameters
    ----------
    base : Forecast
        When nobody interferes.
    scenarios : Mapping of str to Forecast
        By name, in the order asked.
    """

    base: Forecast
    scenarios: Mapping[str, Forecast]
