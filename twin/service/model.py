"""Which model follows a vessel: the observer and monitors of `twin.engine.culture` on its process."""

from twin.domain.asset import Vessel
from twin.engine.culture import CultureTwin
from twin.engine.vessel import Model
from twin.service import plugins


def model_of(vessel: Vessel) -> Model | None:
    """Model of a vessel, or None when the line names no process for it."""
    if not vessel.process:
        return None
    return CultureTwin(vessel, plugins.load("processes", vessel.process).build(vessel.parameters))
