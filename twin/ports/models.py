"""The port of models by name and version."""

from typing import Protocol

from twin.domain.people import Actor
from twin.domain.registry import Contents, Registry, Version


class Models(Protocol):
    """Versions of models and who may decide on them; every act is entered in the audit trail.

    Raises `NotAllowedError`, `InputError` or `NotFoundError` for what can not be done.
    """

    two_persons: bool
    """True when whoever proposed a version does not approve it."""

    def registry(self) -> Registry:
        """Every version, as the trail tells it by now."""
        ...

    async def contents(self, use: str) -> Contents:
        """What the file of a version says: parameters, and what it rests on."""
        ...

    async def propose(self, name: str, sha256: str, why: str, by: Actor) -> Version:
        """Make the next version of a name from a file that lies in the folder of models."""
        ...

    async def approve(self, use: str, why: str, by: Actor) -> Version:
        """Approve a proposed version; it runs from the next start of the service."""
        ...

    async def reject(self, use: str, why: str, by: Actor) -> Version:
        """Reject a proposed version."""
        ...

    async def roll_back(self, use: str, why: str, by: Actor) -> Version:
        """Let a name mean an earlier approved version again."""
        ...
