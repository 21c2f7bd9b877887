"""A Batch: one run in one unit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """One run in one vessel; what is known when it starts.

    Parameters
    ----------
    id : str
    start_ns : int
        Time of inoculation [ns since 1970-01-01 UTC].
    volume_l : float
        Liquid volume at the start [L].
    cells : float
        Viable cell density at the start [1e6 cells/mL]; 0 when not known.
    duration_h : float
        Planned duration [h].
    """

    id: str
    start_ns: int
    volume_l: float = 1.0
    cells: float = 0.0
    duration_h: float = 336.0
