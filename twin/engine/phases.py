"""The phase of one vessel: an event whenever it changes."""

from collections.abc import Iterable
from dataclasses import dataclass

from twin.domain.asset import Vessel
from twin.domain.event import Event, Kind, Stage
from twin.domain.measurement import Measurement, Quality


@dataclass(slots=True)
class PhaseWatch:
    """Follows the phase through the frames of a vessel.

    Parameters
    ----------
    vessel : Vessel
    now : str
        The phase that lasts; empty while none is known.
    """

    vessel: Vessel
    now: str = ""

    def step(self, end_ns: int, rows: Iterable[Measurement]) -> list[Event]:
        """Take the rows of a frame that ends at `end_ns` [ns]; returns each phase that began in it."""
        found = self._told(rows) if self.vessel.phases and self.vessel.phases.tag else self._planned(end_ns)
        events = []
        for t, phase in found:
            if phase and phase != self.now:
                self.now = phase
                events.append(self._event(t))
        return events

    def _told(self, rows: Iterable[Measurement]) -> list[tuple[int, str]]:
        phases = self.vessel.phases
        if phases is None:
            return []
        tag = f"{self.vessel.id}.{phases.tag}"
        good = sorted(
            (m.time_ns, m.value)
            for m in rows
            if m.tag == tag and m.value is not None and m.quality is Quality.GOOD
        )
        return [(t, phases.of_number(value)) for t, value in good]

    def _planned(self, end_ns: int) -> list[tuple[int, str]]:
        phases, batch = self.vessel.phases, self.vessel.batch
        if phases is None or batch is None or not batch.start_ns:
            return []
        phase = phases.at_age((end_ns - batch.start_ns) / 3.6e12)
        begun_ns = batch.start_ns + int(phases.hours.get(phase, 0.0) * 3.6e12)
        return [(min(end_ns, begun_ns) if self.now else end_ns, phase)]

    def _event(self, t: int) -> Event:
        return Event(
            t=t,
            kind=Kind.PHASE,
            asset=self.vessel.id,
            stage=Stage.CONFIRMED,
            condition=f"{self.vessel.id}/phase/{t}",
            since=t,
            detail={"phase": self.now},
        )
