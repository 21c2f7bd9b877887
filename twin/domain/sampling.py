"""Which laboratory sample would tell most."""

from dataclasses import dataclass

from twin.domain.trust import Seen


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a result leaves of the doubt about one quantity, at the time when the result is known.

    Parameters
    ----------
    name, unit : str
        Such as ``"est_glucose"``.
    before, after : float
        Standard deviations without and with the result [unit].
    share : float
        Part of the variance that the result takes away, 0..1.
    """

    name: str
    unit: str
    before: float
    after: float
    share: float


@dataclass(frozen=True, slots=True)
class NextSample:
    """One assay, drawn at one time.

    Parameters
    ----------
    tag : str
        Tag id of the assay, such as ``"R101.glucose"``.
    drawn_ns, known_ns : int
        [ns since 1970-01-01 UTC].
    in_h : float
        Until it is drawn [h].
    worth : float
        Share of the variance of what the laboratory measures that it takes away: mean over these quantities
        and over the hours until the last possible result, 0 before its own is known.
    doubts : tuple of Doubt
        The most moved first.
    faults : tuple of Seen
        By code of a fault that might begin now: share of the doubt about its size that is taken away when
        the result is known.
    """

    tag: str
    drawn_ns: int
    known_ns: int
    in_h: float
    worth: float
    doubts: tuple[Doubt, ...]
    faults: tuple[Seen, ...]
