"""What is told of a vessel's values one by one: signal monitors and limits of every tag on line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from twin.domain.event import Event, Kind, Stage
from twin.domain.measurement import Measurement
from twin.domain.tag import Tag, TagKind
from twin.engine.limits import LimitWatch
from twin.monitors.signals import SignalWatch

Verdicts = dict[tuple[str, int], tuple[Measurement, list[Event]]]
"""By (tag, time): the measurement as it is believed, and what was found."""


_OTHER = {Stage.CONFIRMED: Stage.CLOSED, Stage.CLOSED: Stage.CONFIRMED}


class Checks:
    """The signal monitors and limits of a vessel, asked frame by frame.

    Values of the frame that is still open are judged ahead, as they come: a passed limit is told at once, and
    little is left to do when the frame closes. When a value comes out of the order of its tag, the frame is
    judged again from its beginning, and what was told and is not so is taken back: what is found does not
    depend on how the values were batched.

    Parameters
    ----------
    tags : Iterable of Tag
        Those that are not on line are passed over.
    """

    def __init__(self, tags: Iterable[Tag]) -> None:
        online = [t for t in tags if t.kind is TagKind.ONLINE]
        self.signals = {t.id: SignalWatch(t) for t in online}
        self.limits = {t.id: LimitWatch(t) for t in online}
        self._ahead: Verdicts = {}
        self._newest: dict[str, int] = {}
        self._before: dict[str, Any] | None = None
        """state at the begin of the open frame, once values of it were judged"""
        self._open = True
        self._told: list[Event] = []
        """limits passed and left in the open frame, as they were told"""

    def ahead(self, rows: Iterable[Measurement]) -> list[Event]:
        """Judge values of the open frame that came since the last call; returns limits passed and left."""
        known = len(self._told)
        self._judge_ahead(rows)
        return self._told[known:]

    def _judge_ahead(self, rows: Iterable[Measurement]) -> None:
        for m in sorted((m for m in rows if m.tag in self.signals), key=lambda m: m.time_ns):
            if not self._open:
                return
            if m.time_ns <= self._newest.get(m.tag, 0):
                self.back()
                self._open = False
                return
            if self._before is None:
                self._before = self._state()
            self._newest[m.tag] = m.time_ns
            self._ahead[m.tag, m.time_ns] = judged = self._judge(m)
            self._told += [event for event in judged[1] if event.kind is Kind.LIMIT]

    def back(self) -> None:
        """Forget what was judged ahead; the frame will be judged when it closes."""
        if self._before is not None:
            self._take_up(self._before)
        self._fresh()

    def frame(self, end_ns: int, rows: Sequence[Measurement]) -> tuple[list[Measurement], list[Event]]:
        """Judge the frame that ends at `end_ns` [ns] and let time pass to there.

        Parameters
        ----------
        rows : Sequence of Measurement
            All of the frame, in order.

        Returns
        -------
        list of Measurement
            Those of tags on line, with their quality as it is believed.
        list of Event
        """
        judged = [m for m in rows if m.tag in self.signals]
        newest, ahead = self._newest, self._ahead
        if any(m.time_ns <= newest.get(m.tag, 0) and (m.tag, m.time_ns) not in ahead for m in judged):
            self.back()
        found = [self._ahead.get((m.tag, m.time_ns)) or self._judge(m) for m in judged]
        self._fresh()
        events = [event for _, told in found for event in told]
        for watch in self.signals.values():
            events += watch.tick(end_ns)
        return [checked for checked, _ in found], self._not_told(events, end_ns)

    def _not_told(self, events: list[Event], end_ns: int) -> list[Event]:
        """Events that were not told ahead, and what takes back those that are not so."""
        found = {(e.condition, e.stage) for e in events}
        told = {(e.condition, e.stage) for e in self._told}
        last = {e.condition: e for e in self._told}
        wrong = [e for key, e in last.items() if (key, e.stage) not in found]
        self._told = []
        taken_back = [replace(e, t=end_ns, stage=_OTHER[e.stage]) for e in wrong]
        return [e for e in events if (e.condition, e.stage) not in told] + taken_back

    def late(self, m: Measurement) -> tuple[Measurement, list[Event]]:
        """Judge a value of a frame that closed before, where it is newer than all that was judged of its tag.

        What was judged ahead has to be forgotten first; see `back`.
        """
        last_ns = self.signals[m.tag].last_ns
        if last_ns is not None and m.time_ns <= last_ns:
            return m, []
        return self._judge(m._replace(late=False))

    def doubted(self) -> frozenset[str]:
        """Names of tags about whose values a finding stands."""
        return frozenset(watch.tag.name for watch in self.signals.values() if watch.doubted)

    def snapshot(self) -> dict[str, Any]:
        """State at the end of the last closed frame, as plain values."""
        return self._before or self._state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state from `snapshot`; values of the open frame are to be handed in again."""
        self._take_up(state)
        self._fresh()
        self._told = []

    def _judge(self, m: Measurement) -> tuple[Measurement, list[Event]]:
        checked, found = self.signals[m.tag].update(m)
        return checked, found + self.limits[m.tag].update(checked)

    def _fresh(self) -> None:
        self._ahead, self._newest, self._before, self._open = {}, {}, None, True

    def _state(self) -> dict[str, Any]:
        return {
            "signals": {tag: watch.snapshot() for tag, watch in self.signals.items()},
            "limits": {tag: watch.snapshot() for tag, watch in self.limits.items()},
        }

    def _take_up(self, state: Mapping[str, Any]) -> None:
        for tag, part in cast("dict[str, dict[str, object]]", state["signals"]).items():
            if tag in self.signals:
                self.signals[tag].restore(part)
        for tag, parts in cast("dict[str, list[dict[str, int]]]", state["limits"]).items():
            if tag in self.limits:
                self.limits[tag].restore(parts)
