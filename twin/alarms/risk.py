"""Predicted risk: how probable it is that a quantity passes a bound soon."""

import math
from typing import Final

from twin.domain.forecast import HOUR, Forecast, Outlook
from twin.domain.subscription import Risk

FIVE_PER_CENT: Final = 1.6449
"""Distance of the 5 % and 95 % points from the middle of a normal distribution [standard deviations]."""
AGAIN: Final = 0.5
"""A risk is over, and may be told again, when its probability is below this share of the one asked for."""


def probability(forecast: Forecast, risk: Risk) -> float | None:
    """Largest probability at any one time within the hours asked for, 0..1.

    The ensemble's 5 %, 50 % and 95 % are taken for those of a normal distribution with one spread on
    each side. A lower bound of the probability to pass the bound at some time. None when
    the forecast has no such quantity.
    """
    outlook = next((each for each in forecast.outlooks if each.name == risk.tag), None)
    if outlook is None:
        return None
    until_ns = forecast.made_ns + int(risk.within_h * HOUR)
    ahead = [i for i, t in enumerate(forecast.times_ns) if forecast.made_ns < t <= until_ns]
    return max((_beyond(outlook, i, risk) for i in ahead), default=0.0)


def _beyond(outlook: Outlook, i: int, risk: Risk) -> float:
    middle = outlook.middle[i]
    bound = risk.below if risk.below is not None else risk.above
    assert bound is not None
    edge = outlook.low[i] if bound < middle else outlook.high[i]
    spread = max(abs(edge - middle) / FIVE_PER_CENT, 1e-12)
    under = 0.5 * (1.0 + math.erf((bound - middle) / spread / math.sqrt(2.0)))
    return under if risk.below is not None else 1.0 - under
