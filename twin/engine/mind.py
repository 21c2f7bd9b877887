"""What a twin believes at one time, and one step of it: the filter and the bank of faults together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from twin.domain.event import Verdict
from twin.engine.usual import Usual
from twin.monitors.glr import Bank, Evidence
from twin.observers.consistency import Consistency, standardised
from twin.observers.rewind import Row
from twin.observers.ukf import Belief, Prediction, correct, expect, gathered, sigma_points, sound
from twin.processes.base import Array, Process, grounded, model_ref, noise_of, scales

EXCHANGED: Final = 20.0
"""A bottle counts as exchanged when its mass is this many standard deviations too high (default)."""
WIDEN_ON_RESET: Final = 4.0
"""Variance of the last good belief is multiplied by this when the filter was lost (chosen default)."""


@dataclass(slots=True)
class Mind:
    """A belief, and what the innovations have told so far.

    Parameters
    ----------
    belief : Belief
    evidence : Evidence
    usual : Usual
        Biases that the probes usually have.
    resets : int
        How often the self-check failed and the last good belief was taken up again.
    consistency : Consistency
        Whether the innovations are of the size expected.
    """

    belief: Belief
    evidence: Evidence
    usual: Usual
    consistency: Consistency
    resets: int = 0

    def copy(self) -> "Mind":
        """An independent copy (beliefs are never changed in place, but share memory with other vessels')."""
        belief, usual = self.belief.copy(), self.usual.copy()
        return replace(self, belief=belief, usual=usual, evidence=self.evidence.copy())


@dataclass(slots=True)
class Release:
    """A state let go while a fault acts on it, so that the filter follows the fault and spares the rest.

    Parameters
    ----------
    start_ns, end_ns : int
        Since when, and until when (0: still) [ns].
    code : str
        The fault.
    walk : Array
        Variance per hour added meanwhile (n,).
    """

    start_ns: int
    end_ns: int
    code: str
    walk: Array

    def acts_in(self, row: Row) -> bool:
        """Tell whether it acts in a row."""
        return self.start_ns < row.end_ns and (self.end_ns == 0 or row.start_ns < self.end_ns)


@dataclass(frozen=True, slots=True)
class Turn:
    """What is asked of a `Stepper`: one row of one vessel.

    Parameters
    ----------
    mind : Mind
    row : Row
    releases : Sequence of Release
    age_h : float
        Of the twin [h].
    """

    mind: Mind
    row: Row
    releases: Sequence[Release] = ()
    age_h: float = np.inf


@dataclass(frozen=True, slots=True)
class Expected:
    """What was believed at the end of a row before its readings were looked at."""

    belief: Belief
    usual: Usual


class Stepper:
    """Steps minds along the rows of their vessels, one or many at a time.

    Parameters
    ----------
    process : Process
    tags : collection of str
        Names of the tags of the vessel.
    """

    def __init__(self, process: Process, tags: Collection[str]) -> None:
        self.process = process
        self.alike = (type(process), model_ref(process), process.outputs)
        """the same for steppers that do the same"""
        self.names = tuple(s.name for s in process.states)
        self.bank = Bank([grounded(h, tags) for h in process.hypotheses], self.names)
        self.scale, self.noise = scales(process), noise_of(process)
        self._walk = np.array([s.walk for s in process.states]) ** 2
        self._start = np.array([s.start for s in process.states])
        self._low = np.array([s.low for s in process.states])
        self._high = np.array([s.high for s in process.states])
        self._gate = np.array([o.gate for o in process.outputs])
        places = {name: i for i, name in enumerate(self.names)}
        sensors = [h for h in process.hypotheses if h.verdict is Verdict.SENSOR]
        self.biases = np.array(sorted({places[h.state] for h in sensors}), dtype=np.intp)
        self._consider_h = np.array([s.consider_h for s in process.states])
        self._regulated = np.array([s.regulated for s in process.states], dtype=bool)
        self._drives = np.zeros((len(process.inputs), len(self.names)))
        for i, given in enumerate(process.inputs):
            for state, walk in given.drives.items():
                self._drives[i, places[state]] = walk
        self._refills = [
            (i, places[o.refill], o.refill_least) for i, o in enumerate(process.outputs) if o.refill
        ]

    def step(self, turns: Sequence[Turn]) -> list[Expected]:
        """Predict to the end of each row, put its readings in, weigh the innovations; minds change in place.

        The rows may be of many vessels with this model, and all of one length. States are considered, not
        corrected, up to an age of their own, save where a fault that acts has let them go. When anything on
        the way is not finite or not positive definite the last good belief is taken up.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                return self._stepped(turns)
            except np.linalg.LinAlgError:
                if len(turns) == 1:
                    return [self._reset(turns[0].mind)]
        return [expected for turn in turns for expected in self.step([turn])]

    def _stepped(self, turns: Sequence[Turn]) -> list[Expected]:
        rows, minds = [turn.row for turn in turns], [turn.mind for turn in turns]
        hours = (rows[0].end_ns - rows[0].start_ns) / 3.6e12
        u, scatter, readings, widen = _stacked(rows, "inputs", "scatter", "readings", "widen")
        unknown = np.stack([row.unknown for row in rows])
        belief = Belief(*_stacked([mind.belief for mind in minds], "mean", "cov"))
        usual = Usual(*_stacked([mind.usual for mind in minds], "mean", "cross", "cov"))
        doubt = np.where(unknown[..., None], self._drives, 0.0).max(axis=-2, initial=0.0)
        noise = (self._walk + (doubt * belief.mean) ** 2) * hours
        released, considered = self._let_go(turns)
        stays = self._regulated & (doubt > 0.0)
        prior = self._predicted(belief, u, scatter, noise + released * hours, stays, hours)
        before, exchanged = self._refill(self._bounded(prior.belief), readings)
        usual = usual.carried(prior.F, belief, prior.belief.mean - belief.mean, self.biases)
        usual = usual.apart_from(exchanged)
        read = np.isfinite(readings)
        done = correct(
            before,
            lambda x: self.process.observe(x, np.broadcast_to(u[:, None], (*x.shape[:-1], u.shape[-1]))),
            readings,
            lambda y: self.noise(y) * widen**2,
            read,
            self.scale,
            self._gate,
            considered,
        )
        after = self._bounded(done.belief)
        if not (sound(before, self.scale) and sound(after, self.scale)):
            raise np.linalg.LinAlgError
        taught = usual.corrected(done, considered[:, self.biases])
        precision, z = np.linalg.inv(done.S), standardised(done, read)
        for i, (mind, row) in enumerate(zip(minds, rows, strict=True)):
            mind.belief, mind.usual = after.of(i), taught.of_vessel(i)
            seen = prior.F[i], done.H[i], done.K[i], precision[i], done.innovation[i]
            self.bank.step(mind.evidence, row.start_ns, row.end_ns, *seen)
            self.bank.forget(mind.evidence, row.mute)
            mind.consistency = mind.consistency.after(z[i], float(done.nis[i]), row.end_ns)
        return [Expected(before.of(i), usual.of_vessel(i)) for i in range(len(turns))]

    def _let_go(self, turns: Sequence[Turn]) -> tuple[Array, NDArray[np.bool_]]:
        """Variance per hour that faults at work add, and the states that are considered, both (l, n)."""
        ages = np.array([turn.age_h for turn in turns])
        walks = np.zeros((len(turns), len(self.names)))
        for i, turn in enumerate(turns):
            for release in turn.releases:
                if release.acts_in(turn.row):
                    walks[i] += release.walk
        return walks, (ages[:, None] <= self._consider_h) & (walks == 0.0)

    def _predicted(
        self, belief: Belief, u: Array, scatter: Array, noise: Array, stays: NDArray[np.bool_], hours: float
    ) -> Prediction:
        """Carry the sigma points, and beside them what one standard deviation of each input would move."""
        low, points = sigma_points(belief, self.scale)
        own = points.shape[-2]
        moved = u[:, None] + np.sqrt(scatter)[..., None] * np.eye(u.shape[-1])
        given = np.concatenate([np.repeat(u[:, None], own, axis=1), moved], axis=1)
        centre = np.repeat(points[:, :1], u.shape[-1], axis=1)
        images = self.process.advance(np.concatenate([points, centre], axis=1), given, hours)
        driven = images[:, own:] - images[:, :1]
        images = np.where(stays[:, None], points, images[:, :own])
        return gathered(images, low, noise).blurred(driven)

    def honest(self, expected: Expected, row: Row, doubt: Array) -> tuple[Array, Array]:
        """What honest probes, with their usual bias, should read: mean and standard deviation (m,).

        `doubt` is a further standard deviation of each usual bias (k,).
        """
        belief = expected.usual.doubted(doubt).honest(expected.belief, self.biases, self.scale)
        mean, spread = expect(belief, lambda x: self.process.observe(x, row.inputs), self.scale)
        return mean, np.sqrt(spread**2 + self.noise(mean))

    def _bounded(self, belief: Belief) -> Belief:
        return Belief(np.clip(belief.mean, self._low, self._high), belief.cov)

    def _refill(self, belief: Belief, readings: Array) -> tuple[Belief, NDArray[np.bool_]]:
        """Follow bottles that were exchanged: their mass jumps by more than any pump could move.

        Returns the beliefs, and which states were set anew (l, n).
        """
        mean, cov = belief.mean.copy(), belief.cov.copy()
        exchanged = np.zeros(mean.shape, dtype=bool)
        scatter = np.sqrt(self.noise(readings))
        for reading, state, least in self._refills:
            jump = readings[:, reading] - mean[:, state]
            enough = np.maximum(least, EXCHANGED * scatter[:, reading])
            for i in np.flatnonzero(jump > enough):
                mean[i, state] += jump[i]
                cov[i, state, :] = cov[i, :, state] = 0.0
                cov[i, state, state] = (0.1 * enough[i]) ** 2
                exchanged[i, state] = True
        return Belief(mean, cov), exchanged

    def _reset(self, mind: Mind) -> Expected:
        """Take up the last good belief, wider; the evidence so far is void."""
        if sound(mind.belief, self.scale):
            mind.belief = Belief(mind.belief.mean, mind.belief.cov * WIDEN_ON_RESET)
        else:  # spoilt after its step: what is left of the mean, known no better than at a begin
            mean = np.where(np.isfinite(mind.belief.mean), mind.belief.mean, self._start)
            mind.belief = Belief(np.clip(mean, self._low, self._high), np.diag(self.scale**2))
            mind.usual = Usual.of(mind.belief, self.biases)
        mind.evidence = self.bank.empty()
        mind.resets += 1
        return Expected(mind.belief, mind.usual)


def _stacked(things: Sequence[Any], *names: str) -> list[Array]:
    """Each of these arrays of all the things, along a new first axis."""
    return [np.stack([getattr(thing, name) for thing in things]) for name in names]
