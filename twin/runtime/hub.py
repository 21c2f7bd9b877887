"""Hub: fan-out to viewers; the newest value of each name, every event."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from twin.domain.alarm import Alarm
from twin.domain.event import Event
from twin.domain.forecast import Forecast
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.domain.trust import SelfReport, Trust
from twin.ports import Clock, Update


@dataclass(slots=True)
class Waiting:
    """What one viewer has not seen yet."""

    measurements: dict[str, Measurement] = field(default_factory=dict)
    estimates: dict[str, Estimate] = field(default_factory=dict)
    events: list[tuple[int, Event]] = field(default_factory=list)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, now_ns: int) -> Update:
        """Everything that waits, once."""
        update = Update(
            tuple(self.measurements.values()),
            tuple(self.estimates.values()),
            tuple(self.events),
            tuple(self.alarms.values()),
            now_ns,
        )
        self.measurements, self.estimates, self.events, self.alarms = {}, {}, [], {}
        self.changed.clear()
        return update


class Hub:
    """Newest of everything, and a mailbox for each viewer.

    Parameters
    ----------
    clock : Clock
    pause_s : float
        Shortest time between two updates of one viewer [s].
    """

    def __init__(self, clock: Clock, pause_s: float = 0.25) -> None:
        self.clock = clock
        self.pause_s = pause_s
        self._newest = Waiting()
        self.forecasts: dict[str, Forecast] = {}
        self.reports: dict[str, SelfReport] = {}
        self._mail: dict[int, Waiting] = {}
        self._number = 0

    def publish(
        self,
        measurements: Sequence[Measurement] = (),
        estimates: Sequence[Estimate] = (),
        events: Sequence[tuple[int, Event]] = (),
        alarms: Sequence[Alarm] = (),
    ) -> None:
        """Hand something new to every viewer."""
        for box in (self._newest, *self._mail.values()):
            for m in measurements:
                known = box.measurements.get(m.tag)
                if known is None or m.time_ns >= known.time_ns:
                    box.measurements[m.tag] = m
            box.estimates.update((e.name, e) for e in estimates)
            box.alarms.update((a.id, a) for a in alarms)
            box.changed.set()
        for box in self._mail.values():
            box.events += events

    def foresee(self, forecast: Forecast) -> None:
        """Keep the newest forecast of a vessel, to be asked for."""
        self.forecasts[forecast.asset] = forecast

    def report(self, reports: Sequence[SelfReport]) -> None:
        """Keep what twins say of themselves; one that is not at advice has no forecast."""
        for report in reports:
            self.reports[report.asset] = report
            if report.trust is not Trust.ADVICE:
                self.forecasts.pop(report.asset, None)

    def latest(self) -> Update:
        """Newest value and estimate of everything."""
        box = self._newest
        return Update(
            tuple(box.measurements.values()), tuple(box.estimates.values()), now_ns=self.clock.now_ns()
        )

    def newest_time_ns(self, tag: str) -> int | None:
        """Source time of the newest measurement of a tag since the start, if any."""
        known = self._newest.measurements.get(tag)
        return known.time_ns if known else None

    def value_of(self, tag: str) -> float | None:
        """Newest measured value of a tag that may be believed, since the start."""
        known = self._newest.measurements.get(tag)
        believed = known is not None and known.quality in (Quality.GOOD, Quality.UNCERTAIN)
        return known.value if known is not None and believed else None

    async def follow(self) -> AsyncGenerator[Update, None]:
        """Changes from now on, until the caller stops."""
        self._number += 1
        number, box = self._number, Waiting()
        self._mail[number] = box
        try:
            while True:
                await box.changed.wait()
                yield box.take(self.clock.now_ns())
                await asyncio.sleep(self.pause_s)
        finally:
            del self._mail[number]
