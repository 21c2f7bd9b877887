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


@dataclass(frozen=True, slots=True)
class Stored:
    """A batch that the line has run, or runs.

    Parameters
    ----------
    vessel : str
    batch : Batch
        As the line file had it.
    start_ns, end_ns : int
        From when to when its values are looked for [ns since 1970-01-01 UTC].
    ended_ns : int or None
        When it ended: as planned, by a phase that ends it, or because another began [ns since 1970-01-01
        UTC]; None while it runs.
    early : bool
        True when it ended before its planned end.
    process_model, normal_model : str
        Versions of the registry that it ran with last; empty where there were none.
    """

    vessel: str
    batch: Batch
    start_ns: int
    end_ns: int
    ended_ns: int | None
    early: bool = False
    process_model: str = ""
    normal_model: str = ""

    @property
    def running(self) -> bool:
        """True until it has ended."""
        return self.ended_ns is None
