"""One fault, one alarm: which alarms are only consequences of another one."""

from collections.abc import Mapping
from typing import Final

from twin.domain.alarm import Alarm, Priority
from twin.domain.event import Kind

RANK: Final = (Priority.LOW, Priority.MEDIUM, Priority.HIGH, Priority.CRITICAL)

TOUCHED: Final[Mapping[str, frozenset[str]]] = {
    "kla_loss": frozenset({"pO2", "pCO2"}),
    "aeration_loss": frozenset({"pO2", "pCO2", "offgas_O2", "offgas_CO2"}),
    "oxygen_demand_drop": frozenset({"pO2", "offgas_O2", "offgas_CO2"}),
    "oxygen_demand_surge": frozenset({"pO2", "offgas_O2", "offgas_CO2"}),
    "feed_pump_failure": frozenset({"feed_scale", "feed_flow", "glucose", "weight"}),
    "filter_fouling": frozenset({"titre_harvest", "titre"}),
    "harvest_pump_failure": frozenset({"harvest_flow", "weight"}),
    "wrong_feed": frozenset({"conductivity", "glucose"}),
    "base_line_blocked": frozenset({"pH", "base_scale", "base_flow", "weight"}),
}
"""What each fault of process or actuator moves, by the last part of the tag's name."""

_INSTRUMENT: Final = frozenset({Kind.LIMIT, Kind.FROZEN, Kind.NOISE, Kind.SPIKE})
"""What a signal may show because its probe, its wire or its process is at fault."""


def explains(fault: Alarm, other: Alarm, served: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether `other` is a consequence of `fault`; never of one that is less urgent.

    Parameters
    ----------
    fault, other : Alarm
    served : Mapping[str, frozenset of str]
        Vessels by the source that serves them.
    """
    if fault.id == other.id or RANK.index(other.priority) > RANK.index(fault.priority):
        return False
    kind, of = fault.event, other.event
    if kind.kind is Kind.LINK:
        return of.kind is Kind.SIGNAL_LOST and of.asset in served.get(kind.asset, frozenset())
    if kind.asset != of.asset:
        return False
    if kind.kind is Kind.DRIFT:
        return of.kind in _INSTRUMENT and of.tag is not None and _touched(fault, of.tag)
    if kind.kind is Kind.LIMIT:
        return of.kind is Kind.LIMIT and of.tag == kind.tag and _beyond(fault, other)
    if kind.kind in (Kind.DEAD, Kind.FROZEN, Kind.SIGNAL_LOST):
        return of.kind in _INSTRUMENT - {Kind.FROZEN} and of.tag is not None and of.tag == kind.tag
    return False


def _touched(fault: Alarm, tag: str) -> bool:
    event = fault.event
    code = event.causes[0].code if event.causes else ""
    return tag == event.tag or tag.partition(".")[2] in TOUCHED.get(code, frozenset())


def _beyond(fault: Alarm, other: Alarm) -> bool:
    """The second limit of the same side."""
    which = other.event.detail.get("which")
    return fault.event.detail.get("which") == f"{which}_{which}"
