"""Changes of links in the words of events: one when down, one when up, one for each gap."""

from collections.abc import Iterable
from typing import Final

from twin.domain.alarm import Alarm
from twin.domain.event import Event, Kind, Stage
from twin.ports import LinkChange

LINK: Final = "link"
STORE: Final = "store"
FALLBACK: Final = "fallback"
"""Texts of an outage: a source that does not answer, a store that takes nothing, a fallback that can not be
written. Their ends have `_back`."""


class LinkEvents:
    """Turns changes of links into events with one condition for each outage."""

    def __init__(self) -> None:
        self._down: dict[str, str] = {}

    def restore(self, alarms: Iterable[Alarm]) -> None:
        """Take up the outages that stood when the service stopped."""
        for alarm in alarms:
            if alarm.event.kind is Kind.LINK and alarm.active:
                self._down[alarm.event.asset] = alarm.event.condition

    def events(self, link: LinkChange, code: str = LINK) -> list[Event]:
        """Events of one change, told in its own texts or those of `code`; a known outage makes none."""
        code = link.code or code
        found = [_gap_event(link)] if link.gap else []
        if link.up is False and link.source not in self._down:
            self._down[link.source] = f"{link.source}/link/{link.time_ns}"
            found.append(_link_event(link, self._down[link.source], Stage.CONFIRMED, code))
        elif link.up and link.source in self._down:
            found.append(_link_event(link, self._down.pop(link.source), Stage.CLOSED, code))
        return found


def _link_event(link: LinkChange, condition: str, stage: Stage, code: str) -> Event:
    """An outage, known by when it began; at its end told in the words of a link that is back."""
    told = f"{code}_back" if stage is Stage.CLOSED else code
    return Event(
        t=link.time_ns,
        kind=Kind.LINK,
        asset=link.source,
        stage=stage,
        condition=condition,
        since=int(condition.rpartition("/")[2]),
        detail={**({} if told == LINK else {"code": told}), "text": link.text},
    )


def _gap_event(link: LinkChange) -> Event:
    assert link.gap is not None
    start, end = link.gap
    return Event(
        t=link.time_ns,
        kind=Kind.GAP,
        asset=link.source,
        stage=Stage.CONFIRMED,
        condition=f"{link.source}/gap/{start}",
        since=start,
        size=(end - start) / 1e9,
        unit="s",
        detail={"text": link.text},
    )
