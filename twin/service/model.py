"""Which model follows a vessel: the observer and monitors of `twin.engine.culture` on its process."""

from twin.domain.asset import Vessel
from twin.engine.culture import CultureTwin
from twin.engine.vessel import Model
from twin.service import plugins


def model_of(vessel: Vessel, every_s: float = 0.0) -> Model | None:
    """Model of a vessel, or None when the line names no process for it.

    `every_s` is how often it tells its estimates [s]; 0: with every frame.
    """
    if not vessel.process:
        return None
    return CultureTwin(vessel, plugins.load("processes", vessel.process).build(vessel.parameters), every_s)
