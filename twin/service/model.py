"""Which model follows a vessel: the observer and monitors of `twin.engine.culture` on its process."""

from twin.domain.asset import Vessel
from twin.domain.errors import ConfigError
from twin.engine.culture import CultureTwin
from twin.engine.vessel import Model
from twin.service import plugins


def model_of(vessel: Vessel, every_s: float = 0.0) -> Model | None:
    """Model of a vessel, or None when the line names no process for it.

    `every_s` is how often it tells its estimates [s]; 0: with every frame.

    Raises
    ------
    ConfigError
        When the line names a model of the registry that was not taken from there.
    """
    if not vessel.process:
        return None
    if vessel.process_model and not vessel.parameters:
        raise ConfigError(
            f"vessel {vessel.id}: model {vessel.process_model} was not taken from the registry; "
            "`twin.service.registry.resolve.resolved` does"
        )
    return CultureTwin(vessel, plugins.load("processes", vessel.process).build(vessel.parameters), every_s)
