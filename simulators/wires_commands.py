"""What a client of a wire may ask of the plant, and the log of what was asked in vain."""

from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import Final, Protocol

from simulators.log import LogEvent
from simulators.operations import NotNow
from simulators.wires import WireTag
from twin.domain.errors import ConfigError

LOG_LENGTH: Final = 10_000
"""Lines of the log kept (chosen default); a client that asks in vain for ever fills no memory."""
LONGEST_NAME: Final = 100
"""Characters of a name a client sent that are noted (chosen default)."""


class Reason(Enum):
    """Why a command is refused, in English and French."""

    UNKNOWN = "there is no such thing to set", "il n'existe rien de tel à régler"
    TYPE = "it is not of the type asked for", "le type n'est pas celui demandé"
    RANGE = "it is outside the limits", "hors des limites"
    STATE = "the batch is not where that can be done", "le lot n'en est pas là"
    ROLE = "the user is not an operator", "l'utilisateur n'est pas opérateur"
    UNREADABLE = "the message can not be read", "le message est illisible"


class Refused(Exception):  # noqa: N818 - a word of operators: a refused command is no fault of the program
    """A command the plant did not take; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value[0])
        self.reason = reason


class Commanded(Protocol):
    """The part of the plant that commands reach."""

    now_s: float

    def set_point(self, tag_id: str, value: float) -> None:
        """Write a set point; raises ConfigError outside its limits."""
        ...

    def operate(self, vessel: str, operation: str, about: str = "") -> None:
        """Carry out an operation; raises ConfigError, which is a `NotNow` when only the time is wrong."""
        ...


class Commands:
    """The way from the wires to the plant's controllers.

    Parameters
    ----------
    plant : Commanded
    tags : iterable of WireTag
        Those with `set_point` true may be written.
    log : deque of LogEvent
        Where refusals are noted; the plant notes what it takes.
    """

    def __init__(self, plant: Commanded, tags: Iterable[WireTag], log: deque[LogEvent]) -> None:
        self._plant, self._log = plant, log
        self._set_points = frozenset(tag.id for tag in tags if tag.set_point)

    def set_point(self, tag: str, value: object, wire: str) -> None:
        """Write a set point; acts from the time the plant has reached.

        Parameters
        ----------
        tag : str
            Tag id.
        value : object
            As it came; only a float is a set point.
        wire : str
            Name of the wire, for the log.

        Raises
        ------
        Refused
            After the refusal was noted in the log.
        """
        if tag not in self._set_points:
            raise self.refused(tag, value, wire, Reason.UNKNOWN)
        if not isinstance(value, float):
            raise self.refused(tag, value, wire, Reason.TYPE)
        try:
            self._plant.set_point(tag, value)
        except ConfigError as error:
            raise self.refused(tag, value, wire, Reason.RANGE) from error

    def operate(self, vessel: str, operation: str, about: object, wire: str) -> None:
        """Ask for an operation of the recipe, the laboratory or a probe (`operations.OPERATIONS`).

        Parameters
        ----------
        vessel, operation : str
        about : object
            The argument as it came; only a text is one.
        wire : str
            Name of the wire, for the log.

        Raises
        ------
        Refused
            After the refusal was noted in the log.
        """
        named = f"{vessel}.{operation}"
        if not isinstance(about, str):
            raise self.refused(named, about, wire, Reason.TYPE)
        try:
            self._plant.operate(vessel, operation, about)
        except NotNow as error:
            raise self.refused(named, about, wire, Reason.STATE) from error
        except ConfigError as error:
            raise self.refused(named, about, wire, Reason.RANGE) from error

    def refused(self, tag: str, value: object, wire: str, reason: Reason) -> Refused:
        """Note a refusal in the log; returns what to raise."""
        tag = tag[:LONGEST_NAME]
        vessel = tag.partition(".")[0]
        shown = f"{value:g}" if isinstance(value, float) else repr(value)[:80]
        en, fr = reason.value
        text = {
            "en": f"{tag} to {shown} by {wire} refused: {en}",
            "fr": f"{tag} à {shown} par {wire} refusé : {fr}",
        }
        data = {"name": tag, "wire": wire, "reason": reason.name.lower(), "value": shown}
        self._log.append(LogEvent(max(0.0, self._plant.now_s), vessel, "refused", text, data))
        return Refused(reason)
