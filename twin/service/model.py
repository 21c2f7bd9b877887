"""Which model follows a vessel: the observer and monitors of `twin.engine.culture` on its process."""

from twin.domain.asset import Vessel
from twin.domain.errors import ConfigError
from twin.domain.tag import TagKind
from twin.engine.culture import CultureTwin
from twin.engine.vessel import Model
from twin.processes._beside import Instrument, beside
from twin.processes.base import Process
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
    return CultureTwin(vessel, process_of(vessel), every_s)


def process_of(vessel: Vessel) -> Process:
    """The process model of a vessel, with the instruments that measure what it predicts already.

    Raises
    ------
    ConfigError
        When there is no such model, or a tag is like nothing that it predicts.
    ModelError
        When a parameter does not do.
    """
    process: Process = plugins.load("processes", vessel.process).build(vessel.parameters)
    units = {o.name: o.unit for o in process.outputs}
    further = [tag for tag in vessel.tags if tag.like]
    for tag in further:
        if tag.name in units or units.get(tag.like) != tag.unit or tag.kind is not TagKind.ONLINE:
            known = ", ".join(f"{name} [{unit}]" for name, unit in units.items())
            raise ConfigError(
                f"tag {tag.id} ({tag.kind}, {tag.unit}): like {tag.like!r} does not do for {process.id}; "
                f"an online tag of another name, like one of these in its unit, would: {known}"
            )
    return beside(process, [Instrument(tag.name, tag.like, tag.accuracy) for tag in further])
