"""EngineeringUnits and EURange of a server against the unit and range of a Tag."""

from dataclasses import dataclass
from typing import Final

from twin.domain.quantity import UNECE, unece_unit_id
from twin.domain.tag import Tag

UNECE_NAMESPACE: Final = "http://www.opcfoundation.org/UA/units/un/cefact"
LARGEST_SPAN_RATIO: Final = 20.0
"""A server's range that is wider than the tag's by more is taken for another unit (chosen default)."""

_BY_ID: Final[dict[int, str]] = {unece_unit_id(code): ucum for ucum, code in UNECE.items()} | {
    unece_unit_id("Q30"): "1",  # pH (potential of hydrogen)
}
_SPELLINGS: Final[dict[str, str]] = {
    "ph": "1", "-": "1", "": "1",
    "mmhg": "mm[Hg]", "torr": "mm[Hg]",
    "°c": "Cel", "degc": "Cel", "c": "Cel",
    "rpm": "{rpm}", "1/min": "{rpm}", "min-1": "{rpm}",
    "1e6/ml": "10*6/mL", "10^6/ml": "10*6/mL", "e6 cells/ml": "10*6/mL", "mio/ml": "10*6/mL",
    "µm": "um", "μm": "um", "mm": "mm", "mm/l": "mmol/L",
    "slpm": "L/min", "l/min": "L/min", "nl/min": "L/min",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServerUnit:
    """What a server says about the unit and range of a variable; None where it says nothing."""

    namespace: str = ""
    unit_id: int | None = None
    display: str | None = None
    low: float | None = None
    high: float | None = None


def unit_fault(tag: Tag, said: ServerUnit) -> str | None:
    """Words for what does not fit between `tag` and the server, or None when nothing speaks against it."""
    return _unit_fault(tag, said) or _range_fault(tag, said)


def ucum(said: ServerUnit) -> str | None:
    """The unit as UCUM code, as far as it is known; None where the server says nothing."""
    if said.namespace == UNECE_NAMESPACE and said.unit_id in _BY_ID:
        return _BY_ID[said.unit_id]
    return None if said.display is None else _ucum(said.display)


def _unit_fault(tag: Tag, said: ServerUnit) -> str | None:
    unit = ucum(said)
    if unit is None or unit == tag.unit:
        return None
    shown = said.display if said.display is not None else f"unit id {said.unit_id}"
    return f"the server gives {tag.id} in {shown!r}, the line file expects {tag.unit!r}"


def _ucum(display: str) -> str:
    text = display.strip()
    return _SPELLINGS.get(text.lower(), text)


def _range_fault(tag: Tag, said: ServerUnit) -> str | None:
    if said.low is None or said.high is None or not said.low < said.high:
        return None
    span, ours = said.high - said.low, tag.high - tag.low
    apart = said.high <= tag.low or said.low >= tag.high
    if not apart and span <= LARGEST_SPAN_RATIO * ours:
        return None
    return (
        f"the server's range of {tag.id} is {said.low:g} to {said.high:g}, "
        f"the line file expects {tag.low:g} to {tag.high:g} {tag.unit}"
    )
