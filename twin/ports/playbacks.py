"""The port of stored batches that engineers open beside the running line."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Passed:
    """What a playback answered, to be passed on as it comes."""

    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


class Playbacks(Protocol):
    """Playbacks of the line's own batches, each in a process of its own, one for each engineer.

    Raises `NotFoundError` for what is not there or not of whoever asks, `InputError` for what can not be
    done.
    """

    def batches(self) -> list[Stored]:
        """Every batch the line knows of, the newest first."""
        ...

    def opened(self, by: Actor) -> Opened | None:
        """What this person has open."""
        ...

    async def open(self, vessel: str, batch: str, by: Actor) -> Opened:
        """Open a batch; what the person had open is closed."""
        ...

    async def close(self, key: str, by: Actor) -> None:
        """Close a playback."""
        ...

    async def ask(
        self, key: str, by: Actor, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Passed:
        """Pass a request on to a playback, and its answer back."""
        ...
