"""The port of stored batches that engineers open beside the running line."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from twin.domain.batch import Stored
from twin.domain.people import Actor


@dataclass(frozen=True, slots=True)
class Opened:
    """A playback that an engineer has open; `key` is its place among the pages."""

    key: str
    vessel: str
    batch: str
    by: str


class Ending(StrEnum):
    """Why a playback is not open any more."""

    CLOSED = "closed"
    """whoever opened it closed it"""
    REPLACED = "replaced"
    """whoever opened it opened another in its place"""
    IDLE = "idle"
    """nobody asked for it for long"""
    DIED = "died"
    """its process ended by itself"""


@dataclass(frozen=True, slots=True)
class Closed:
    """A playback that is not open any more; `then` is what was opened in its place (vessel and batch)."""

    opened: Opened
    why: Ending
    then: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """What a playback answered, to be passed on as it comes."""

    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


class Playbacks(Protocol):
    """Playbacks of the line's own batches, each in a process of its own, one for each engineer.

    Raises `NotFoundError` for what is not there or not of whoever asks, `TakenError` where a playback that
    is open would have to be closed, `InputError` for what can not be done.
    """

    def batches(self) -> list[Stored]:
        """Every batch the line knows of, the newest first."""
        ...

    def opened(self, by: Actor) -> Opened | None:
        """What this person has open."""
        ...

    def closed(self, key: str, by: Actor) -> Closed | None:
        """Why a playback is not open any more; None while it is."""
        ...

    async def open(self, vessel: str, batch: str, by: Actor, instead: str = "") -> Opened:
        """Open a batch; of what the person has open nothing is closed but the one whose key is `instead`."""
        ...

    async def close(self, key: str, by: Actor) -> None:
        """Close a playback."""
        ...

    async def ask(
        self, key: str, by: Actor, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Passed:
        """Pass a request on to a playback, and its answer back."""
        ...
