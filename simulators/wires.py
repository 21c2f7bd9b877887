"""What every wire takes: rows of values, and assays."""

import contextlib
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Row(NamedTuple):
    """One value as a transmitter sends it.

    Parameters
    ----------
    tag : str
        Tag id.
    time_ns : int
        Source time [ns since 1970-01-01 UTC].
    value : float, str or None
        A text where a faulty transmitter sends one.
    quality : int
        192 good, 64 uncertain, 0 bad.
    """

    tag: str
    time_ns: int
    value: float | str | None
    quality: int = 192


class AssayRow(NamedTuple):
    """One laboratory result; `drawn_ns` is when the sample was taken."""

    tag: str
    drawn_ns: int
    value: float


@dataclass(frozen=True, slots=True)
class WireTag:
    """A tag as a control system knows it; unit in UCUM, range in that unit; `set_point` if writable."""

    id: str
    unit: str
    low: float
    high: float
    set_point: bool = False

    @property
    def vessel(self) -> str:
        """First part of the id."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """Second part of the id."""
        return self.id.partition(".")[2]


class Wire(Protocol):
    """A protocol endpoint that values are put on."""

    async def publish(self, rows: Sequence[Row]) -> None:
        """Put values on the wire, in their order."""
        ...

    async def close(self) -> None:
        """End it and release everything."""
        ...


_PORTS: Final = range(20_000, 32_000)
"""Below the ports that Linux (32768 up), macOS and Windows (49152 up) lend to outgoing connections."""


def free_port() -> int:
    """A port of the loopback address that nobody uses.

    It is bound later, by somebody else: a port that the system lends to outgoing connections could be lent
    in between.

    Raises
    ------
    OSError
        None of 100 ports drawn is free.
    """
    for _ in range(100):
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port of the loopback address between 20000 and 32000 in 100 draws")


def iso(time_ns: int) -> str:
    """ISO 8601 with milliseconds, or microseconds where the time has them."""
    time = _EPOCH + timedelta(microseconds=time_ns // 1000)
    return time.isoformat(timespec="microseconds" if time_ns % 1_000_000 else "milliseconds").replace(
        "+00:00", "Z"
    )
