"""How far a twin may be trusted now, and what it says of itself."""

from dataclasses import dataclass
from enum import StrEnum

from twin.domain.event import ModelRef


class Trust(StrEnum):
    """What a twin is good for."""

    ADVICE = "advice"
    """findings are told, forecasts are made"""
    MONITOR = "monitor"
    """bands and estimates are shown; findings are only suspected, nothing is forecast"""
    OFF = "off"
    """nothing is shown but what it says of itself; it goes on in silence"""


@dataclass(frozen=True, slots=True)
class Seen:
    """How much of one thing the sensors now alive let the twin know.

    Parameters
    ----------
    name : str
        Name of a quantity (``"est_VCD"``), or code of a fault (``"kla_loss"``).
    share : float
        Part of the doubt that these sensors take away within a day, 0..1.
    """

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class SelfReport:
    """What a twin says of itself.

    Parameters
    ----------
    asset : str
    t : int
        [ns since 1970-01-01 UTC].
    trust : Trust
    since_ns : int
        Since when it has been so [ns since 1970-01-01 UTC]; 0 while it has never changed.
    reasons : tuple of str
        Codes of what is poor now; also while it is not poor long enough to count.
    nis, correlation : float
        NIS per reading and lag-1 correlation of the innovations over the last hours [1].
    nis_low, nis_high : float
        95 % band of one hour's NIS per reading when the filter is consistent [1].
    inside : float
        Part of the last 24 hours with readings whose NIS lay in that band, 0..1.
    quantities, faults : tuple of Seen
    silent : tuple of str
        Names of what the model reads and nobody says now.
    resets : int
        How often the filter was lost and taken up again.
    model : ModelRef
    """

    asset: str
    t: int
    trust: Trust
    since_ns: int
    reasons: tuple[str, ...]
    nis: float
    correlation: float
    nis_low: float
    nis_high: float
    inside: float
    quantities: tuple[Seen, ...]
    faults: tuple[Seen, ...]
    silent: tuple[str, ...]
    resets: int
    model: ModelRef
