"""Commands: set points that a person sends back to the plant, and what is allowed of them."""

from dataclasses import dataclass

from twin.domain.errors import InputError


class CommandRefusedError(InputError):
    """A command that is not sent.

    Parameters
    ----------
    reason : str
        One of ``off``, ``role``, ``no_reason``, ``not_finite``, ``limits``, ``step``, ``rate``.
    message : str
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Command:
    """One set point to be written.

    Parameters
    ----------
    tag : str
        Tag id.
    value : float
        [unit of the tag].
    by, role, origin : str
        Who, in which role, from where.
    why : str
        The reason given.
    """

    tag: str
    value: float
    by: str
    role: str
    origin: str
    why: str


@dataclass(frozen=True, slots=True)
class Permit:
    """What may be written to one tag.

    Parameters
    ----------
    tag, actuator : str
    low, high : float
        Limits [unit of the tag].
    roles : tuple of str
        Who may.
    step : float or None
        Largest change at once [unit of the tag].
    every_s : float
        Least time between two commands [s].
    hold_s, fallback : float or None
        Dead-man time: unless the command is given again within `hold_s` [s], `fallback` is written.
    """

    tag: str
    actuator: str
    low: float
    high: float
    roles: tuple[str, ...]
    step: float | None = None
    every_s: float = 10.0
    hold_s: float | None = None
    fallback: float | None = None
