"""A vessel against good runs: its values into windows, windows into scores, scores into findings.

The live path of `twin.monitors.normal`. It sees the values as the source gave them, before the signal
monitors judge them, because the good runs were learnt from such values too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twin.domain.asset import Vessel
from twin.domain.event import Cause, Event, Kind, ModelRef, Stage, Verdict
from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Tag
from twin.monitors.normal import SETTLE_H, Array, NormalModel, NormalScorer, Score, leading, maturity_of
from twin.monitors.normal_standing import Standing
from twin.monitors.signals_state import ACTUATED

ONSET = 1.0
"""An onset is when the statistic last was within so many spreads of good runs (chosen default)."""
SHARED = 0.5
"""Tags whose score is at least this part of the leading one speak for the finding too (chosen default)."""
GROWN = 1.6
"""A finding is revised when its leading tag changed and its score grew by this factor (chosen default)."""


@dataclass(slots=True)
class _Sums:
    """What a window holds of one tag so far."""

    count: int = 0
    total: float = 0.0
    last: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        if self.count:
            self.squares += (value - self.last) ** 2
        self.count += 1
        self.total += value
        self.last = value


@dataclass(slots=True)
class _Told:
    """The finding that stands."""

    condition: str
    tag: str | None
    score: float
    members: set[int] = field(default_factory=set)


class NormalWatch:
    """One vessel followed beside what was learnt from good runs.

    Parameters
    ----------
    vessel : Vessel
        Tags of the model it does not have are taken as missing.
    model : NormalModel
    ref : ModelRef
        Identity of the model file.
    """

    def __init__(self, vessel: Vessel, model: NormalModel, ref: ModelRef) -> None:
        self.vessel, self.model, self.ref = vessel, model, ref
        own: dict[str, Tag] = {tag.name: tag for tag in vessel.tags}
        self.tags = [own.get(name) for name in model.tags]
        self._at = {tag.id: i for i, tag in enumerate(self.tags) if tag}
        self._window_ns = int(model.window_s * 1e9)
        self.start_ns = vessel.batch.start_ns if vessel.batch and vessel.batch.start_ns else None
        self._begin()

    def _begin(self) -> None:
        model = self.model
        self.window = 0
        self.sums = [_Sums() for _ in model.tags]
        self.scorer = NormalScorer(model)
        self.maturity = maturity_of(model)
        self.standing = Standing((len(model.tags) + 2,), model.threshold, model.window_s)
        self.usual_until = np.zeros(model.unit.shape, dtype=np.int64)
        self.sign = np.zeros(model.unit.shape)
        self.told: list[_Told] = []

    def step(self, end_ns: int, rows: Sequence[Measurement]) -> list[Event]:
        """Take the rows of a frame, in order of time; returns what the windows that are over tell.

        Parameters
        ----------
        end_ns : int
            End of the frame: nothing older comes any more [ns since 1970-01-01 UTC].
        """
        events: list[Event] = []
        for m in rows:
            place = self._at.get(m.tag)
            if place is None or m.value is None or m.quality not in (Quality.GOOD, Quality.UNCERTAIN):
                continue
            if self.start_ns is None:
                self.start_ns = m.time_ns
            events += self._until(m.time_ns)
            if m.time_ns >= self._begins(self.window):
                self.sums[place].add(m.value)
        return events + self._until(end_ns)

    def _finished(self) -> bool:
        """Good runs of this age, or of this maturity, are no more: nothing to be judged beside."""
        by_age = not self.model.aligned_by and self.window >= self.model.windows
        return by_age or self.maturity.past_all()

    def _begins(self, window: int) -> int:
        return (self.start_ns or 0) + window * self._window_ns

    def _until(self, time_ns: int) -> list[Event]:
        events: list[Event] = []
        while self.start_ns is not None and not self._finished() and time_ns >= self._begins(self.window + 1):
            events += self._close()
        return events

    def _close(self) -> list[Event]:
        means = np.array([s.total / s.count if s.count else np.nan for s in self.sums])
        scatters = np.array([s.squares / (s.count - 1) if s.count > 1 else np.nan for s in self.sums])
        place = self.maturity.place(means, self.window)
        if self.maturity.past_all():
            return []
        score = self.scorer.step(means, scatters, place)
        sign = np.sign(score.z)
        usual = (np.abs(score.z) < ONSET) | (sign != self.sign)
        self.usual_until[usual], self.sign = self.window, sign
        t, w = self._begins(self.window + 1), self.window
        self.window += 1
        self.sums = [_Sums() for _ in self.model.tags]
        if w < SETTLE_H * 3600.0 / self.model.window_s:
            return []
        return self._judge(score, means, scatters, t, w, place)

    def _judge(self, score: Score, means: Array, scatters: Array, t: int, w: int, place: int) -> list[Event]:
        held = np.append(score.tags, (score.t2_score, score.spe_score))
        before = self.standing.open.copy()
        new = bool(self.standing.step(held, w))
        begun = set(np.flatnonzero(self.standing.open & ~before).tolist())
        seen = (score, held, scatters, t, place)
        for told in self.told:
            told.members -= begun
        if new:
            self.told.append(_Told(f"{self.vessel.id}/normal/{t}", None, 0.0))
        if begun and self.told:
            self.told[-1].members |= begun
        events = self._over(t)
        if new or (self.told and self._changed(self.told[-1], held)):
            events.append(self._event(Stage.CONFIRMED if new else Stage.REVISED, self.told[-1], *seen))
        return events

    def _changed(self, told: _Told, held: Array) -> bool:
        lead = int(held.argmax())
        grown = lead in told.members and held[lead] >= GROWN * told.score
        return bool(grown and self._about(lead) != told.tag)

    def _about(self, place: int) -> str | None:
        tag = self.tags[place] if place < len(self.tags) else None
        return tag.id if tag else None

    def _over(self, t: int) -> list[Event]:
        """Close every finding none of whose members stands any more."""
        events = []
        for told in list(self.told):
            if not any(self.standing.open[place] for place in told.members):
                self.told.remove(told)
                events.append(
                    Event(
                        t, Kind.DRIFT, self.vessel.id, Stage.CLOSED, told.condition, told.tag, model=self.ref
                    )
                )
        return events

    def _event(
        self,
        stage: Stage,
        told: _Told,
        score: Score,
        held: Array,
        scatters: Array,
        t: int,
        place: int,
    ) -> Event:
        lead, channel = leading(self.model, score)
        tag = self.tags[lead]
        causes = self.causes(score, lead, channel)
        told.tag, told.score = (tag.id if tag else None), float(held.max())
        return Event(
            t, Kind.DRIFT, self.vessel.id, stage, told.condition,
            tag=told.tag, verdict=causes[0].verdict, since=self._begins(int(self.usual_until[channel, lead])),
            size=self._size(score, scatters, lead, channel, place), unit=self.model.units[lead],
            confidence=causes[0].probability, causes=tuple(causes),
            evidence=(f"normal.{self.model.channels[channel].split()[0]}",), model=self.ref,
            detail={
                "statistic": self.model.channels[channel], "z": float(score.z[channel, lead]),
                "score": float(held.max()), "threshold": self.model.threshold,
                "T2": float(score.t2), "SPE": float(score.spe), "age_h": self._age_h(t),
                "maturity_h": place * self.model.window_s / 3600.0,
            },
        )  # fmt: skip

    def _age_h(self, t: int) -> float:
        return (t - (self.start_ns or 0)) / 3.6e12

    def causes(self, score: Score, lead: int, channel: int) -> list[Cause]:
        """Who is to blame, by the share of the evidence; the leading tag's verdict counts for what it has."""
        power = np.where(score.tags >= SHARED * score.tags.max(), score.tags, 0.0) ** 2
        share = float(power[lead] / power.sum()) if power.sum() > 0 else 1.0
        tag = self.tags[lead]
        about = tag.id if tag else None
        code, verdict = self._blame(score, lead, channel)
        causes = [Cause(code, verdict, self.vessel.id, about, share)]
        if share < 1.0 and verdict is not Verdict.PROCESS:
            causes.append(Cause("normal_process", Verdict.PROCESS, self.vessel.id, None, 1.0 - share))
        return sorted(causes, key=lambda c: -c.probability)

    def _blame(self, score: Score, lead: int, channel: int) -> tuple[str, Verdict]:
        tag = self.tags[lead]
        moved = tag is not None and tag.quantity in ACTUATED
        if self.model.channels[channel].startswith("scatter"):
            code = "normal_stuck" if score.z[channel, lead] < 0 else "normal_noisy"
            return code, Verdict.UNKNOWN if moved else Verdict.SENSOR
        own = self.model.channels[channel].startswith("own")
        if not moved:
            return ("normal_process", Verdict.PROCESS) if own else ("normal_relation", Verdict.UNKNOWN)
        first = len(self.model.targets) * 2
        rows = slice(first, first + len(self.model.targets))
        shown = float((np.abs(score.z[rows, lead]) / self.model.unit[rows, lead]).max())
        if own or shown >= self.model.threshold:
            return "normal_actuator", Verdict.ACTUATOR
        return "normal_unknown", Verdict.UNKNOWN

    def _size(self, score: Score, scatters: Array, lead: int, channel: int, place: int) -> float:
        """Measured minus expected; of a scatter, its standard deviation minus the usual one [tag's unit]."""
        model, q, n = self.model, len(self.model.targets), len(self.model.tags)
        z = float(score.z[channel, lead])
        kind, which = divmod(channel, q)
        if kind >= 3:
            usual = float(np.sqrt(model.noise_mean[place, lead] ** 3 / 2.0))
            return float(np.sqrt(scatters[lead] / 2.0)) - usual if not np.isnan(scatters[lead]) else 0.0
        spread = (model.local_sd, model.everywhere_sd, model.marginal_sd)[kind]
        return z * float(spread[score.node, which * n + lead]) * float(model.scale[lead])

    def snapshot(self) -> dict[str, Any]:
        """Complete state: numbers, strings, lists and arrays."""
        return {
            "model": self.ref.parameters,
            "start_ns": self.start_ns,
            "window": self.window,
            "sums": [[s.count, s.total, s.last, s.squares] for s in self.sums],
            "ewma": self.scorer.ewma.copy(),
            "noise": self.scorer.noise.copy(),
            "fresh": self.scorer.fresh,
            "maturity": [None if np.isnan(self.maturity.mean) else [self.maturity.mean, self.maturity.most]],
            "usual_until": self.usual_until.copy(),
            "sign": self.sign.copy(),
            "open": self.standing.open.tolist(),
            "last_high": self.standing.last_high.tolist(),
            "last_begin": int(self.standing.last_begin),
            "told": [[d.condition, d.tag, d.score, sorted(d.members)] for d in self.told],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a state that `snapshot` gave; one of another model is left and the batch begins anew."""
        if state["model"] != self.ref.parameters:
            return
        self._begin()
        self.start_ns, self.window = state["start_ns"], int(state["window"])
        self.sums = [_Sums(*row) for row in state["sums"]]
        self.scorer.ewma, self.scorer.noise = np.array(state["ewma"]), np.array(state["noise"])
        self.scorer.fresh = bool(state["fresh"])
        if state["maturity"][0] is not None:
            self.maturity.mean, self.maturity.most = state["maturity"][0]
        self.usual_until = np.array(state["usual_until"], dtype=np.int64)
        self.sign = np.array(state["sign"], dtype=float)
        self.standing.open = np.array(state["open"], dtype=bool)
        self.standing.last_high = np.array(state["last_high"], dtype=np.int64)
        self.standing.last_begin = np.array(state["last_begin"], dtype=np.int64)
        self.told = [_Told(c, tag, score, set(members)) for c, tag, score, members in state["told"]]
