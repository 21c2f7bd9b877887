"""Routing: who hears of which alarm, in whose language, and when."""

from collections.abc import Container, Iterable
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlencode

from twin.alarms.words import notice_text
from twin.domain.alarm import Alarm, AlarmState, Notice, Priority
from twin.domain.event import Event, Kind
from twin.domain.subscription import Subscription

DAY_MIN: Final = 1440
MINUTE_NS: Final = 60_000_000_000
HOUR_NS: Final = 60 * MINUTE_NS
SHOWN_H: Final = 8
"""Hours that are shown before an event was told, at least (chosen default)."""


def notices(alarm: Alarm, subscriptions: Iterable[Subscription]) -> list[Notice]:
    """Put an alarm into words for everyone who wants it: one notice for each call for attention.

    The key names the condition and the call, so a notice known to the outbox is not
    made a second time, whatever was restarted in between.
    """
    if alarm.state is not AlarmState.UNACK:
        return []
    return [worded(alarm, s) for s in subscriptions if s.wants(alarm)]


def worded(alarm: Alarm, s: Subscription) -> Notice:
    """The notice of an alarm for one subscriber, to be sent at once."""
    title, text = notice_text(alarm, s.language)
    key = f"{alarm.event.condition}/{alarm.raised_ns}/{s.subscriber}"
    return Notice(key, s.subscriber, s.language, title, text, alarm, channel=s.channel, address=s.address)


def timed(notice: Notice, s: Subscription, now_ns: int, minute: int) -> Notice:
    """Hold a notice back as its subscriber asked; what is critical waits for nobody but the shift.

    Parameters
    ----------
    notice : Notice
    s : Subscription
    now_ns : int
        Wall time [ns since 1970-01-01 UTC].
    minute : int
        Minute of the day where the subscriber is [min].
    """
    if s.after_min > 0:
        return replace(notice, not_before_ns=now_ns + int(s.after_min * MINUTE_NS), unless_seen=True)
    if notice.alarm.priority is Priority.CRITICAL:
        return notice
    wait_ns = 0
    if s.digest_h > 0:
        length = int(s.digest_h * HOUR_NS)
        wait_ns = length - now_ns % length
    if s.quiet is not None:
        wait_ns = max(wait_ns, _quiet_min(s.quiet, minute) * MINUTE_NS)
    return replace(notice, not_before_ns=now_ns + wait_ns, gathered=True) if wait_ns else notice


def _quiet_min(quiet: tuple[int, int], minute: int) -> int:
    """Minutes until the quiet hours end; 0 outside of them."""
    begin, end = quiet
    inside = begin <= minute < end if begin <= end else minute >= begin or minute < end
    return (end - minute) % DAY_MIN if inside else 0


def gathered(waiting: list[Notice], title: str) -> Notice:
    """Several notices for one subscriber as one; its key is that of the first."""
    first = waiting[0]
    if len(waiting) == 1:
        return first
    text = "\n\n".join(f"{each.title}\n{each.text}" for each in waiting)
    page, _, _ = first.link.partition("#")
    return replace(first, title=title, text=text, link=page and f"{page}#/alarms?lang={first.language}")


def link(notice: Notice, page: str, units: Container[str]) -> str:
    """Where a notice is followed up: the card of its alarm among the trends since it began.

    Parameters
    ----------
    page : str
        Address of the pages.
    units : container of str
        Units of the line; what is about none of them has its card on the diagnostics.
    """
    event = notice.alarm.event
    query = {
        "lang": notice.language,
        "from": str(first_ns(event) // 1_000_000),
        "to": str(event.t // 1_000_000),
    }
    if event.kind is Kind.RISK and event.tag:
        return f"{page}#/tag/{quote(event.tag, safe='')}?lang={notice.language}"
    query["alarm"] = notice.alarm.id
    place = f"unit/{quote(event.asset, safe='')}" if event.asset in units else "diagnostics"
    return f"{page}#/{place}?{urlencode(query)}"


def first_ns(event: Event) -> int:
    """Begin of what is shown of an event: some hours before it was told, and well before it began.

    Returns
    -------
    int
        Source time [ns since 1970-01-01 UTC].
    """
    since = event.t if event.since is None else event.since
    return min(event.t - SHOWN_H * HOUR_NS, since - (event.t - since) // 2)
