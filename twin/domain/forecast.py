"""Forecasts: what the twin expects to come, with bands; model data, never mixed with what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from twin.domain.event import ModelRef
from twin.domain.measurement import Estimate

HOUR: Final = 3_600_000_000_000
LEADS_H: Final = (24, 72)
"""How long before they come true values of a forecast are kept [h]."""
WIDE: Final = 3.2897
"""Width of a band that holds 90 % of a normal distribution [standard deviations]."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """One quantity ahead.

    Parameters
    ----------
    name : str
        As of an `Estimate`: a tag id for what a probe would read, or ``"<asset>.est_<quantity>"``.
    unit : str
    low, middle, high : tuple of float
        5 %, 50 % and 95 % of the ensemble at the times of the forecast [unit].
    """

    name: str
    unit: str
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Exit:
    """When the true value of a tag leaves its limits if nothing is done.

    Parameters
    ----------
    tag : str
        Tag id.
    low, high : float or None
        The limits [tag's unit].
    probability : float
        That it leaves them before the horizon, 0..1.
    likely_ns : int or None
        Time by which it has left with 50 % [ns since 1970-01-01 UTC]; None when that is beyond the horizon.
    sure_ns : int or None
        The same with 80 %.
    """

    tag: str
    low: float | None
    high: float | None
    probability: float
    likely_ns: int | None = None
    sure_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Harvest:
    """The end of the batch as it is expected.

    Parameters
    ----------
    early_ns, at_ns, late_ns : int
        5 %, 50 % and 95 % of the ensemble [ns since 1970-01-01 UTC].
    reason : str
        ``"plan"``: the planned duration; ``"viability"``: viability reaches its low limit before.
    titre : tuple of float
        5 %, 50 % and 95 % of the product then [`unit`]; empty when the model has no product.
    unit : str
    """

    early_ns: int
    at_ns: int
    late_ns: int
    reason: str
    titre: tuple[float, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one vessel is expected to do if nobody interferes.

    Parameters
    ----------
    asset : str
    made_ns : int
        Time of the belief it starts from [ns since 1970-01-01 UTC].
    times_ns : tuple of int
        Times of all outlooks, the first is `made_ns`.
    outlooks : tuple of Outlook
    exits : tuple of Exit
        Earliest first; those with less than one per cent are left out.
    harvest : Harvest or None
        None without a batch.
    model : ModelRef
    """

    asset: str
    made_ns: int
    times_ns: tuple[int, ...]
    outlooks: tuple[Outlook, ...]
    exits: tuple[Exit, ...]
    harvest: Harvest | None
    model: ModelRef


def kept(forecast: Forecast) -> Iterator[Estimate]:
    """What of a forecast is stored, as estimates with names of their own.

    ``R101.est_VCD@24h`` is what was expected of ``R101.est_VCD`` 24 h before, at the time it was expected
    for: beside the estimates of that time it shows how good forecasts are. ``R101.est_titre@harvest`` and
    ``R101.harvest@harvest`` (time from now [h]) are what was expected of the end, at the time it was.
    """
    for lead in LEADS_H:
        time_ns = forecast.made_ns + lead * HOUR
        if time_ns in forecast.times_ns:
            i = forecast.times_ns.index(time_ns)
            for o in forecast.outlooks:
                spread = (o.high[i] - o.low[i]) / WIDE
                yield Estimate(f"{o.name}@{lead}h", time_ns, o.middle[i], spread, o.unit)
    end, asset = forecast.harvest, forecast.asset
    if end is None:
        return
    hours = tuple((t - forecast.made_ns) / HOUR for t in (end.early_ns, end.at_ns, end.late_ns))
    spread = (hours[2] - hours[0]) / WIDE
    yield Estimate(f"{asset}.harvest@harvest", forecast.made_ns, hours[1], spread, "h")
    if end.titre:
        low, middle, high = end.titre
        name = f"{asset}.est_titre@harvest"
        yield Estimate(name, forecast.made_ns, middle, (high - low) / WIDE, end.unit)
