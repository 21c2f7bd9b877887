"""The port of what set points are written to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from twin.domain.tag import Tag


@dataclass(frozen=True, slots=True)
class ActuatorContext:
    """What an actuator may know of the rest; `line` is the line's identity."""

    tags: Mapping[str, Tag]
    line: str = ""


class Actuator(Protocol):
    """A way a set point goes back to the plant. Called by `twin.runtime.writeback` and nobody else."""

    async def write(self, tag: str, value: float) -> str:
        """Write a value [unit of the tag]; returns what the other side said.

        Raises
        ------
        ConnectorError
            When the other side did not take it.
        """
        ...

    async def close(self) -> None:
        """Release everything."""
        ...
