"""What a person wants to hear of, and how."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from twin.domain.alarm import Alarm, Priority

URGENCY = (Priority.LOW, Priority.MEDIUM, Priority.HIGH, Priority.CRITICAL)
"""From the least urgent on."""


@dataclass(frozen=True, slots=True)
class Risk:
    """A predicted risk to be told of.

    Parameters
    ----------
    tag : str
        What is predicted, such as ``"R101.pO2"``.
    below, above : float or None
        Bound that must not be passed [unit of the tag]; one of the two.
    within_h : float
        How far ahead [h].
    probability : float
        From which probability on, 0..1.
    """

    tag: str
    below: float | None
    above: float | None
    within_h: float
    probability: float


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one subscriber wants to hear of.

    Parameters
    ----------
    subscriber : str
        Identity; for a person's subscription its number.
    language : str
        ``"en"`` or ``"fr"``.
    assets, kinds : tuple of str
        Patterns (``*`` and ``?``) of assets and of event kinds.
    least : Priority
        The least urgent priority that is told.
    owner : str
        Account name; empty for one of the line file.
    channel : str
        Route by name; empty when the subscriber has one of its own.
    address : str
        Where to on that route.
    quiet : tuple of (int, int) or None
        Minutes of the day between which only critical alarms are told; the rest waits [min].
    zone : str
        Time zone of the quiet hours, such as ``"Europe/Paris"``.
    digest_h : float
        All but critical alarms are gathered over so many hours [h]; 0 tells each at once.
    after_min : float
        Tell only what nobody acknowledged for so long [min]; 0 tells at once.
    risks : tuple of Risk
    stopped : bool
        True when nothing is told.
    """

    subscriber: str
    language: str = "en"
    assets: tuple[str, ...] = ("*",)
    kinds: tuple[str, ...] = ("*",)
    least: Priority = Priority.LOW
    owner: str = ""
    channel: str = ""
    address: str = ""
    quiet: tuple[int, int] | None = None
    zone: str = "UTC"
    digest_h: float = 0.0
    after_min: float = 0.0
    risks: tuple[Risk, ...] = ()
    stopped: bool = False

    def wants(self, alarm: Alarm) -> bool:
        """Tell whether the alarm is of an asset, a kind and a priority asked for."""
        return (
            not self.stopped
            and any(fnmatchcase(alarm.event.asset, pattern) for pattern in self.assets)
            and any(fnmatchcase(alarm.event.kind.value, pattern) for pattern in self.kinds)
            and URGENCY.index(alarm.priority) >= URGENCY.index(self.least)
        )
