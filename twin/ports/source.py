"""The port of what values come from: a wire, a door, a folder."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from twin.domain.measurement import Quarantined, Reading
from twin.domain.tag import Tag
from twin.ports.clock import Clock


def _nothing() -> None:
    return None


def _none(reading: Reading) -> None:
    return None


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A connection went down, came up, or is known to have missed values.

    Parameters
    ----------
    source : str
    up : bool or None
        True up, False down, None when it is only about a gap.
    text : str
        What happened, in words, with what to try.
    time_ns : int
    gap : tuple of (int, int) or None
        Source times between which values are known to be missing.
    code : str
        Key of the words of its alarm in the message catalogue; where empty, those of a link.
    """

    source: str
    up: bool | None
    text: str
    time_ns: int
    gap: tuple[int, int] | None = None
    code: str = ""


def unheard(change: LinkChange) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a source hands over at once; `ack` is called after all of it is durable.

    `refused` holds what the source itself could not turn into a Reading (malformed
    payloads), so that it is counted and kept with its reason.
    """

    readings: tuple[Reading, ...] = ()
    refused: tuple[Quarantined, ...] = ()
    links: tuple[LinkChange, ...] = ()
    ack: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source may know of the rest.

    Parameters
    ----------
    tags : Mapping[str, Tag]
        By tag id.
    clock : Clock
    last_stored : Callable[[str], int or None]
        Newest stored source time of a tag id [ns], for back-fill after a gap.
    line : str
        The line's identity.
    refusal : Callable[[Reading], Quarantined or None]
        Why the line will not take a reading, for sources that can say so to the sender; None when nothing
        speaks against it now.
    """

    tags: Mapping[str, Tag]
    clock: Clock
    last_stored: Callable[[str], int | None]
    line: str = ""
    refusal: Callable[[Reading], Quarantined | None] = _none


class Source(Protocol):
    """A wire values arrive on.

    `deliveries` runs until cancelled. It restores lost connections by itself, reports
    one LinkChange down and one up (a source that can tell causes apart reports down again
    when the cause is a new one), and raises `ConnectorError(retry=False)` only for
    what waiting can not mend. Readings that are not acknowledged may come again.
    """

    id: str

    def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Everything that arrives, in order of arrival; closed by whoever runs it."""
        ...
