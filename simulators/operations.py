"""What an operator may ask of a batch beside set points: of its recipe, its laboratory and its probes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulators import cleaning, state
from twin.domain.errors import ConfigError

if TYPE_CHECKING:
    from simulators.crew import Crew

CALIBRATED: Final = ("pH", "pO2", "pCO2")
"""Probes that are calibrated while a vessel is prepared, and when the operator asks for it."""


class NotNow(ConfigError):  # noqa: N818 - what an operator reads
    """An operation the batch is not in a state for."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something an operator may ask.

    Parameters
    ----------
    explanation : str
        What it does, in one sentence.
    act : callable
        Does it, with the batch and the argument; raises ConfigError (`NotNow` where the state forbids it).
    argument : str
        Name of its one argument, a text; empty for none.
    """

    explanation: str
    act: "Callable[[Crew, str], None]"
    argument: str = ""


def _hold(crew: "Crew", _: str) -> None:
    if not crew.procedure.hold(crew.age_h):
        raise NotNow(f"{crew.batch.scenario.id}: the recipe is held already, or over")
    crew.hold_feed()
    crew.note("recipe", "Recipe held", "Recette suspendue", what="hold")


def _resume(crew: "Crew", _: str) -> None:
    if not crew.procedure.resume(crew.age_h):
        raise NotNow(f"{crew.batch.scenario.id}: the recipe is not held")
    crew.resume_feed()
    crew.note("recipe", "Recipe resumed", "Recette reprise", what="resume")


def _advance(crew: "Crew", _: str) -> None:
    if crew.procedure.held or not crew.procedure.coming:
        raise NotNow(f"{crew.batch.scenario.id}: the recipe is held, or no phase is left")
    crew.note("recipe", "Next phase asked for", "Phase suivante demandée", what="advance")
    if crew.procedure.now == "grow" and crew.batch.scenario.is_microbial:
        crew.feed_now()
    else:
        crew.enter_phase(crew.procedure.advance(crew.age_h))


def _harvest(crew: "Crew", _: str) -> None:
    if not _grows(crew) or crew.procedure.now == "harvest":
        raise NotNow(f"{crew.batch.scenario.id}: there is nothing to harvest")
    crew.note("recipe", "Harvest asked for", "Récolte demandée", what="harvest")
    crew.enter_phase(crew.procedure.harvest(crew.age_h))


def _sample(crew: "Crew", _: str) -> None:
    if not _grows(crew):
        raise NotNow(f"{crew.batch.scenario.id}: there is no culture to take a sample of")
    crew.sample_beside()


def _calibrate(crew: "Crew", probe: str) -> None:
    if probe not in CALIBRATED:
        raise ConfigError(f"{crew.batch.scenario.id}: probe {probe!r}; there are {', '.join(CALIBRATED)}")
    if crew.batch.m.mode != cleaning.CULTURE:
        raise NotNow(f"{crew.batch.scenario.id}: the vessel is cleaned; a probe is calibrated in broth")
    crew.calibrate(probe)


def _grows(crew: "Crew") -> bool:
    return bool(crew.batch.m.mode == cleaning.CULTURE and crew.batch.y[state.XV] > 0.0)


OPERATIONS: Final[Mapping[str, Operation]] = {
    "HoldPhase": Operation(
        "Hold the recipe: feed, perfusion and bleed stop, and no phase begins until it is resumed.", _hold
    ),
    "ResumePhase": Operation(
        "Resume the recipe: the feed goes on as before, what is to come is later by as long as it was held.",
        _resume,
    ),
    "AdvancePhase": Operation("End the phase: the next one begins now.", _advance),
    "StartHarvest": Operation("Begin the harvest now; phases in between are left out.", _harvest),
    "TakeSample": Operation("Take a sample now, beside those of the schedule.", _sample),
    "CalibrateProbe": Operation(
        "Set a probe (pH, pO2 or pCO2) to what a reference says.", _calibrate, "probe"
    ),
}
"""Every operation by its name on the wire."""
