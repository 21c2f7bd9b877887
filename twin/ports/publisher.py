"""The port of what hears all that is measured and believed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from twin.domain.asset import Line
from twin.ports.clock import Clock
from twin.ports.source import LinkChange, unheard
from twin.ports.view import Update


@dataclass(frozen=True, slots=True)
class PublisherContext:
    """What a publisher may know of the rest; `report` is told when its link goes or comes back."""

    line: Line
    clock: Clock
    report: Callable[[LinkChange], None] = unheard


class Publisher(Protocol):
    """A place where others read what is measured and believed."""

    id: str

    async def publish(self, update: Update) -> None:
        """Take what is new; must not wait for the other side."""
        ...

    async def run(self) -> None:
        """Keep the link and send what was taken, until cancelled."""
        ...
