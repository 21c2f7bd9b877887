"""Phases of the recipe (ISA-88) and what is suppressed by design while they last (ISA-18.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from twin.domain.event import Event

HARVEST: Final = "harvest"
"""The phase that ends a batch where the line file names no other."""
PREFIX: Final = "phase/"
"""Begin of what a suppressed alarm is part of, when a phase and not another alarm is the reason."""


@dataclass(frozen=True, slots=True)
class Phases:
    """How the phase of a vessel is known: by a number that the plant tells, or by the age of the batch.

    Parameters
    ----------
    tag : str
        Name of the tag whose number says the phase; empty when the age of the batch does.
    names : Mapping[int, str]
        Phase by the tag's number.
    hours : Mapping[str, float]
        Batch age at which each phase begins [h]; negative before inoculation.
    ends : tuple of str
        Phases that end the batch when they begin.
    """

    tag: str = ""
    names: Mapping[int, str] = field(default_factory=dict)
    hours: Mapping[str, float] = field(default_factory=dict)
    ends: tuple[str, ...] = (HARVEST,)

    def known(self) -> frozenset[str]:
        """Every phase that is named."""
        return frozenset(self.names.values()) | frozenset(self.hours)

    def of_number(self, number: float) -> str:
        """The phase of a number; one that has no name is called by its number."""
        whole = round(number)
        return self.names.get(whole, str(whole))

    def at_age(self, age_h: float) -> str:
        """The phase at a batch age [h]; empty before the first begins."""
        begun = [(at_h, name) for name, at_h in self.hours.items() if at_h <= age_h]
        return max(begun)[1] if begun else ""


@dataclass(frozen=True, slots=True)
class Suppression:
    """Alarms that are meaningless in some phases, as the line file declares.

    Parameters
    ----------
    phases : frozenset of str
    kinds, tags : tuple of str
        Patterns with ``*`` and ``?`` of kinds of events and of names of tags; ``*`` takes alarms without one.
    """

    phases: frozenset[str]
    kinds: tuple[str, ...] = ("*",)
    tags: tuple[str, ...] = ("*",)

    def takes(self, event: Event, phase: str) -> bool:
        """Tell whether the alarm of an event is suppressed in a phase."""
        name = (event.tag or "").partition(".")[2]
        return (
            phase in self.phases
            and any(fnmatchcase(event.kind.value, each) for each in self.kinds)
            and any(fnmatchcase(name, each) for each in self.tags)
        )
