"""The port of a way to tell people."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from twin.domain.alarm import Notice, Picture

Illustrator: TypeAlias = Callable[[Notice], Awaitable[Picture | None]]
"""Draws what a notice is about; None when there is nothing to draw."""


class Notifier(Protocol):
    """A route to a person."""

    async def send(self, notice: Notice) -> None:
        """Deliver; raise `ConnectorError` (with `retry`) when the other side did not take it.

        The notice's `key` goes along so that the other side can tell a repetition.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
