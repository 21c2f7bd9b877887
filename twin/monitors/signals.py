"""Is this signal still to be believed: one watch per tag, from its values and its silence alone."""

from collections.abc import Mapping
from typing import Any

from twin.domain.event import Event, Stage
from twin.domain.measurement import BAD, GOOD, Measurement, Quality
from twin.domain.tag import Tag, TagKind
from twin.monitors.signals_frozen import FrozenDetector
from twin.monitors.signals_noise import NoiseDetector
from twin.monitors.signals_rail import RailDetector
from twin.monitors.signals_silence import SilenceDetector
from twin.monitors.signals_spike import SpikeDetector
from twin.monitors.signals_state import ACTUATED


class SignalWatch:
    """Everything that can be told of one tag without a model.

    Deterministic and without a clock: the same values and ticks give the same findings.
    Set points and assays are passed on unjudged: they change at will, once in a while.

    Parameters
    ----------
    tag : Tag
    """

    def __init__(self, tag: Tag) -> None:
        self.tag = tag
        self.last_ns: int | None = None
        self._online = tag.kind is TagKind.ONLINE
        self._moves = tag.quantity not in ACTUATED
        self.silence = SilenceDetector(tag)
        self.rail = RailDetector(tag)
        self.frozen = FrozenDetector(tag)
        self.spike = SpikeDetector(tag)
        self.noise = NoiseDetector(tag)

    def update(self, m: Measurement) -> tuple[Measurement, list[Event]]:
        """Judge one measurement.

        Values that come out of order, have no value, or were called BAD by their own source
        say nothing new and are returned as they came; a channel that sends nothing else is
        silent. Values beyond the measuring range are judged (a dead channel may send them).

        Returns
        -------
        measurement : Measurement
            The same, or with its quality lowered to UNCERTAIN or BAD; the value stays.
        events : list of Event
        """
        x, t = m.value, m.time_ns
        if x is None or not self._online or m.late or (self.last_ns is not None and t <= self.last_ns):
            return m, []
        if m.quality is BAD and self.tag.low <= x <= self.tag.high:
            return m, []
        self.last_ns = t
        out: list[Event] = []
        quality = self._judge(t, x, out)
        return (m if quality >= m.quality else m._replace(quality=quality)), out

    def _judge(self, t: int, x: float, out: list[Event]) -> Quality:
        self.silence.see(t, x, out)
        quality = self.rail.see(t, x, out)
        if quality is BAD or not self._moves:
            return quality
        if quality is GOOD:
            quality = self.frozen.see(t, x, out)
        if self.spike.see(t, x, out) is BAD:
            return BAD
        scattered = self.noise.see(t, x, out)
        return scattered if scattered < quality else quality

    def tick(self, now_ns: int) -> list[Event]:
        """Time went on to `now_ns` [ns since 1970-01-01 UTC]: silence, and bursts that are over."""
        out: list[Event] = []
        if self._online:
            self.silence.tick(now_ns, out)
            self.spike.tick(now_ns, out)
        return out

    @property
    def doubted(self) -> bool:
        """True while a finding about its values stands, beyond a suspicion; silence says nothing false."""
        for detector in (self.rail, self.frozen, self.spike, self.noise):
            if detector.condition.stage not in _NO_DOUBT:
                return True
        return False

    def snapshot(self) -> dict[str, Any]:
        """Complete state, as plain values."""
        return {
            "last_ns": self.last_ns,
            **{name: getattr(self, name).snapshot() for name in _DETECTORS},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a state that `snapshot` gave for the same tag."""
        self.last_ns = state["last_ns"]
        for name in _DETECTORS:
            getattr(self, name).restore(state[name])


_NO_DOUBT = ("", Stage.SUSPECTED.value)
_DETECTORS = ("silence", "rail", "frozen", "spike", "noise")
