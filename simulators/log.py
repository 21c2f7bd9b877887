"""What a plant's log book holds: phases, samples, calibrations, bag changes, set points written."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of the log book.

    Parameters
    ----------
    time_s : float
        Seconds since the wires opened; negative for what came before.
    vessel : str
    kind : str
        ``phase``, ``sample``, ``calibration``, ``bag_change``, ``cip``, ``sip``, ``set_point``,
        ``recipe`` or ``refused``.
    text : Mapping[str, str]
        By language code.
    data : Mapping[str, float | str]
    """

    time_s: float
    vessel: str
    kind: str
    text: Mapping[str, str]
    data: Mapping[str, float | str] = field(default_factory=dict)
