"""A stored run through the engine once, and everything it brought forth with when that was known."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final, TypeVar

from twin.domain.alarm import Alarm
from twin.domain.asset import Line
from twin.domain.errors import InputError
from twin.domain.event import Event
from twin.domain.instant import iso
from twin.domain.measurement import Estimate, Measurement, Quality, Quarantined, Reading
from twin.domain.trust import SelfReport
from twin.engine.core import Outputs
from twin.engine.forecast import Question
from twin.engine.vessel import WatchFactory, no_watch
from twin.service.line import LineFile
from twin.service.play.filled import in_own_time
from twin.service.play.series import Series
from twin.service.replay import Replay, arrival

T = TypeVar("T")
MINUTE: Final = 60_000_000_000
BELIEF_NS: Final = 15 * MINUTE
"""Beliefs for forecasts and scenarios are kept this often, as a live line forecasts [ns]."""
AT_ONCE: Final = 4
"""Minutes of the run worked through before others have their turn (chosen default)."""


class Recording(Replay):
    """A replay that keeps what was known when; `filled` where the run came afterwards as a whole.

    Parameters
    ----------
    line_file, line
    rows : sequence of Reading or Quarantined
        In order of arrival; at least one.
    watch_of : WatchFactory
        What follows a vessel beside its model.
    """

    def __init__(
        self,
        line_file: LineFile,
        line: Line,
        rows: Sequence[Reading | Quarantined],
        watch_of: WatchFactory = no_watch,
    ) -> None:
        super().__init__(line_file, line, None, watch_of)
        self._rows, self.filled = in_own_time(rows, line)
        self.start_ns, self.end_ns = arrival(self._rows[0]), arrival(self._rows[-1])
        self.ready_ns = self.start_ns - 1
        self.finished = False
        self.units: dict[str, str] = {}
        self.measured: dict[str, Series] = {tag.id: Series() for tag in line.tags()}
        self.believed: dict[str, Series] = {}
        self.told: list[tuple[int, Event]] = []
        """events with when they were known, in that order; an event's number is its place plus one"""
        self.moved: list[tuple[int, Alarm]] = []
        self.questions: dict[str, list[tuple[int, Question]]] = {v.id: [] for v in line.vessels}
        self.reports: dict[str, list[tuple[int, SelfReport]]] = {v.id: [] for v in line.vessels}
        self._known_ns = self.start_ns

    async def work(self, step: Callable[[int], None] = lambda _: None) -> None:
        """Work through all rows, minute by minute of their arrival; `step` is told how many more are done."""
        minutes = self._minutes()
        while part := [group for _, group in zip(range(AT_ONCE), minutes, strict=False)]:
            for end_ns, rows in part:
                self._known_ns = min(end_ns, self.end_ns)
                await self._take(rows)
                self._look()
                self.ready_ns = self._known_ns
                step(len(rows))
            await asyncio.sleep(0)
        self._known_ns = self.end_ns
        self._keep(self.engine.finish())
        self._look(True)
        self.ready_ns, self.finished = self.end_ns, True
        self._rows = ()

    def _minutes(self) -> Iterator[tuple[int, list[Reading | Quarantined]]]:
        for minute, rows in groupby(self._rows, key=lambda row: arrival(row) // MINUTE):
            yield (minute + 1) * MINUTE, list(rows)

    def _accept(self, rows: Sequence[Measurement]) -> None:
        for m in rows:
            self.measured[m.tag].add(self._known_ns, m.time_ns, m.value, float(m.quality))

    def _keep(self, out: Outputs) -> None:
        super()._keep(out)
        known_ns = self._known_ns
        for e in out.estimates:
            self.units[e.name] = e.unit
            self.believed.setdefault(e.name, Series()).add(known_ns, e.time_ns, e.mean, e.sd)
        self.told += [(known_ns, event) for event in out.events]
        self.moved += [(known_ns, alarm) for alarm in out.alarms]

    def _look(self, last: bool = False) -> None:
        """Keep the beliefs and what the twins say of themselves, now and then."""
        if not last and self._known_ns // BELIEF_NS == self.ready_ns // BELIEF_NS:
            return
        for name, vessel in self.engine.vessels.items():
            question = vessel.question()
            if question is not None:
                self.questions[name].append((self._known_ns, question))
            report = vessel.model.report() if vessel.model else None
            if report is not None:
                self.reports[name].append((self._known_ns, report))

    # what was known at a time

    def count_events(self, known_ns: int) -> int:
        """Number of events told by a time [ns]."""
        return bisect_right(self.told, known_ns, key=lambda row: row[0])

    def alarms(self, known_ns: int) -> dict[str, Alarm]:
        """Every alarm as it stood at a time [ns], by id."""
        count = bisect_right(self.moved, known_ns, key=lambda row: row[0])
        return {alarm.id: alarm for _, alarm in self.moved[:count]}

    def question(self, asset: str, known_ns: int) -> Question | None:
        """The newest belief of a vessel at a time [ns]; None while there was none, or none that counts."""
        found = _newest(self.questions[asset], known_ns)
        return found if found and known_ns - found.now_ns <= 4 * BELIEF_NS else None

    def newest_ns(self, asset: str) -> int:
        """When the last value of a vessel that was stored came [ns]; the start when none was."""
        tags = self.engine.vessels[asset].tags
        return max((s.known[-1] for tag in tags if (s := self.measured[tag]).known), default=self.start_ns)

    def check_not_over(self, asset: str, known_ns: int) -> None:
        """Refuse a question about a vessel of which nothing came any more.

        Raises
        ------
        InputError
            When the time is later than its newest value and a frame's grace; it says which time would do.
        """
        newest_ns = self.newest_ns(asset)
        if self.finished and self.engine.vessels[asset].is_over(known_ns, newest_ns):
            raise InputError(
                f"{iso(known_ns)} is after the last value of {asset}; {iso(newest_ns)} or an earlier "
                "time would do"
            )

    def report(self, asset: str, known_ns: int) -> SelfReport | None:
        """What a vessel's twin had said of itself last."""
        return _newest(self.reports[asset], known_ns)

    def measurement(self, tag: str, place: int) -> Measurement:
        """A row of a tag."""
        s = self.measured[tag]
        value = None if s.value[place] != s.value[place] else s.value[place]
        return Measurement(tag, value, Quality(int(s.more[place])), s.time[place], s.known[place])

    def estimate(self, name: str, place: int) -> Estimate:
        """A row of an estimate."""
        s = self.believed[name]
        return Estimate(name, s.time[place], s.value[place], s.more[place], self.units[name])


def _newest(rows: list[tuple[int, T]], known_ns: int) -> T | None:
    count = bisect_right(rows, known_ns, key=lambda row: row[0])
    return rows[count - 1][1] if count else None
