"""Frames: what is known of one vessel in one interval of time, in a form a model can step through."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from twin.domain.sample import Assay


@dataclass(frozen=True, slots=True)
class FrameValue:
    """The believed values of one tag within a frame, condensed.

    Parameters
    ----------
    mean : float
        Mean of the believed values [tag's unit].
    last : float
        Last believed value [tag's unit].
    count : int
        Number of believed values; at least 1.
    uncertain : bool
        True when any of them was of uncertain quality: widen the measurement noise.
    jumps : float
        Sum of the squared differences of successive values [unit^2].
    """

    mean: float
    last: float
    count: int
    uncertain: bool = False
    jumps: float = 0.0

    def roughness(self, before: float) -> float:
        """Mean square of successive differences [unit^2]; of a single value to the one `before`."""
        return self.jumps / (self.count - 1) if self.count > 1 else (self.mean - before) ** 2


@dataclass(frozen=True, slots=True)
class Frame:
    """One vessel, one interval ``start_ns < time <= end_ns``.

    Parameters
    ----------
    start_ns, end_ns : int
        [ns since 1970-01-01 UTC].
    values : Mapping[str, FrameValue]
        By tag name (``"pH"``); a tag with no believed value is absent.
    assays : tuple of Assay
        Laboratory results reported within the frame; drawn then or long before.
    doubted : frozenset of str
        Names of tags with a standing finding of their own (dead, frozen, spikes, noise).
    """

    start_ns: int
    end_ns: int
    values: Mapping[str, FrameValue] = field(default_factory=dict)
    assays: tuple[Assay, ...] = ()
    doubted: frozenset[str] = frozenset()

    @property
    def hours(self) -> float:
        """Length [h]."""
        return (self.end_ns - self.start_ns) / 3.6e12
