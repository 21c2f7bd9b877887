"""Playback: a stored run looked at again, at any moment and at any pace."""

from dataclasses import dataclass
from typing import Final

from twin.domain.event import ModelRef

FASTEST: Final = 100_000.0
"""Highest speed that is a number; beyond it stands "as fast as it goes" (chosen default)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something on the time bar: a finding from when it was told, or a sample when it was drawn.

    Parameters
    ----------
    t : int
        [ns since 1970-01-01 UTC].
    sort : str
        ``"event"`` or ``"sample"``.
    about : str
        Condition of the event, or tag of the sample.
    """

    t: int
    sort: str
    about: str


@dataclass(frozen=True, slots=True)
class PlayState:
    """Where a playback stands.

    Parameters
    ----------
    run : str
        What is played: names of files, or the store.
    start_ns, end_ns : int
        Arrival of the first and of the last value; where the run was filled in afterwards, their measurement
        [ns since 1970-01-01 UTC].
    ready_ns : int
        How far the engine has worked through it.
    now_ns : int
        The playhead; never beyond `ready_ns`.
    speed : float or None
        Times real time; None: as fast as it goes.
    playing : bool
        False at the end of a run that is worked through, too.
    epoch : int
        Grows with every jump: what was read before is void.
    hindsight : bool
        False: what was known at the playhead; True: what is known by the end of what was worked through.
    models : tuple of (str, ModelRef)
        By vessel: what the findings and beliefs come from.
    line_sha256 : str
        Hash of the line file, which holds the limits.
    marks : tuple of Mark
    kept : bool
        True when the run is in the line's stores: report and export can be made of it.
    filled : bool
        True when the run came afterwards as a whole, and is looked at in the time of its measurement.
    """

    run: str
    start_ns: int
    end_ns: int
    ready_ns: int
    now_ns: int
    speed: float | None
    playing: bool
    epoch: int
    hindsight: bool
    models: tuple[tuple[str, ModelRef], ...]
    line_sha256: str
    marks: tuple[Mark, ...]
    kept: bool = False
    filled: bool = False
