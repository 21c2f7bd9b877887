"""Routing: who hears of which alarm, in whose language."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from twin.alarms.words import notice_text
from twin.domain.alarm import Alarm, AlarmState, Notice


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one subscriber wants to hear of.

    Parameters
    ----------
    subscriber : str
    language : str
        ``"en"`` or ``"fr"``.
    assets, kinds : tuple of str
        Patterns (``*`` and ``?``) of assets and of event kinds.
    """

    subscriber: str
    language: str = "en"
    assets: tuple[str, ...] = ("*",)
    kinds: tuple[str, ...] = ("*",)

    def wants(self, alarm: Alarm) -> bool:
        """Tell whether the alarm is of an asset and a kind asked for."""
        return _matches(alarm.event.asset, self.assets) and _matches(alarm.event.kind.value, self.kinds)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def notices(alarm: Alarm, subscriptions: Iterable[Subscription]) -> list[Notice]:
    """Put an alarm into words for everyone who wants it: one notice for each raise.

    The key names the condition and the raise, so a notice known to the outbox is not
    made a second time, whatever was restarted in between.
    """
    if alarm.state is not AlarmState.UNACK:
        return []
    return [_notice(alarm, s) for s in subscriptions if s.wants(alarm)]


def _notice(alarm: Alarm, s: Subscription) -> Notice:
    title, text = notice_text(alarm, s.language)
    key = f"{alarm.event.condition}/{alarm.raised_ns}/{s.subscriber}"
    return Notice(key, s.subscriber, s.language, title, text, alarm)
