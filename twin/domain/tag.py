"""A Tag: one measured, set or assayed quantity of one asset."""

from dataclasses import dataclass
from enum import StrEnum


class TagKind(StrEnum):
    """How the values of a tag come to be."""

    ONLINE = "online"
    """measured in line by an instrument"""
    SETPOINT = "setpoint"
    """written by a controller, a recipe or a person"""
    ASSAY = "assay"
    """a laboratory result on a sample, known later than it was drawn"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Alarm limits of a tag in the tag's unit; None where there is none."""

    low_low: float | None = None
    low: float | None = None
    high: float | None = None
    high_high: float | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """One measured, set or assayed quantity of one asset.

    Parameters
    ----------
    asset : str
        Identity of the vessel or unit it belongs to, such as ``"R101"``.
    name : str
        Name inside the asset, such as ``"pH"``; unique there.
    quantity, unit : str
        What is measured and its UCUM unit (see `twin.domain.quantity`).
    low, high : float
        Measuring range [unit]; values outside are not believed.
    accuracy : float
        Standard deviation of an honest instrument [unit].
    period_s : float
        Expected time between values [s].
    silence_s : float
        Longest silence that is still normal [s].
    instrument : str
        Identity of the instrument, such as ``"AT-101"``; empty when not known.
    kind : TagKind
    limits : Limits
    deadband : float
        Change that matters for a limit alarm [unit].
    on_delay_s, off_delay_s : float
        How long a limit must stay passed before its alarm is raised, and left before it clears [s].
    latching : bool
        True when the limit alarms of this tag stay until a person resets them.
    like : str
        Name of what the vessel's model predicts and this tag measures too, such as ``"glucose"``; empty for
        none.
    """

    asset: str
    name: str
    quantity: str
    unit: str
    low: float
    high: float
    accuracy: float
    period_s: float = 60.0
    silence_s: float = 300.0
    instrument: str = ""
    kind: TagKind = TagKind.ONLINE
    limits: Limits = Limits()
    deadband: float = 0.0
    on_delay_s: float = 180.0
    off_delay_s: float = 0.0
    latching: bool = False
    like: str = ""

    @property
    def id(self) -> str:
        """Identity across the line, such as ``"R101.pH"``."""
        return f"{self.asset}.{self.name}"
