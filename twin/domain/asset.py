"""Assets: things with identity that can be calibrated or replaced (ISA-95/88 equipment)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from twin.domain.batch import Batch
from twin.domain.phase import Phases, Suppression
from twin.domain.tag import Tag


class Origin(StrEnum):
    """Where the data of a line come from; a screen never leaves it in doubt."""

    PLANT = "plant"
    SIMULATED = "simulated"
    REPLAY = "replay"


class Form(StrEnum):
    """What a unit looks like on the overview of the line."""

    VESSEL = "vessel"
    TANK = "tank"
    FILTER = "filter"
    COLUMN = "column"


@dataclass(frozen=True, slots=True)
class Vessel:
    """One vessel with its tags and the process model that describes it.

    Parameters
    ----------
    id : str
        Identity, such as ``"R101"``.
    name : Mapping[str, str]
        Name by language code.
    tags : tuple of Tag
    process : str
        Kind of the process model (a file of `twin.processes`), or ``""`` for none.
    parameters : Mapping[str, float]
        Values that replace the model's defaults; names as in the model's parameter table.
    batch : Batch or None
    normal : str
        File of what was learnt from good runs, or ``""`` for none.
    form : Form
    feeds : tuple of str
        Ids of the units that its material goes to.
    phases : Phases or None
        How its phase is known.
    suppress : tuple of Suppression
        What is suppressed by design in which phases.
    process_model, normal_model : str
        Models of the registry, such as ``"growth@3"``, or ``""`` for none: as the line file names them,
        and with their versions once these are known; `parameters` and `normal` then come from there.
    """

    id: str
    name: Mapping[str, str]
    tags: tuple[Tag, ...]
    process: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)
    batch: Batch | None = None
    normal: str = ""
    form: Form = Form.VESSEL
    feeds: tuple[str, ...] = ()
    phases: Phases | None = None
    suppress: tuple[Suppression, ...] = ()
    process_model: str = ""
    normal_model: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A production line: the root of the asset tree the service looks after."""

    id: str
    title: Mapping[str, str]
    site: str
    origin: Origin
    vessels: tuple[Vessel, ...]

    def tags(self) -> tuple[Tag, ...]:
        """Every tag of every vessel, in the order written."""
        return tuple(tag for vessel in self.vessels for tag in vessel.tags)
