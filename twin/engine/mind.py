"""What a twin believes at one time, and one step of it: the filter and the bank of faults together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from twin.domain.event import Verdict
from twin.engine.usual import Usual
from twin.monitors.glr import Bank, Evidence
from twin.observers.consistency import Consistency
from twin.observers.rewind import Row
from twin.observers.ukf import Belief, correct, expect, predict, sound
from twin.processes.base import Array, Process, grounded, noise_of, scales

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
        """An independent copy (beliefs are never changed in place)."""
        return replace(self, evidence=self.evidence.copy())


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
class Expected:
    """What was believed at the end of a row before its readings were looked at."""

    belief: Belief
    usual: Usual


class Stepper:
    """Steps a `Mind` along the rows of one vessel.

    Parameters
    ----------
    process : Process
    tags : collection of str
        Names of the tags of the vessel.
    """

    def __init__(self, process: Process, tags: Collection[str]) -> None:
        self.process = process
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

    def step(self, mind: Mind, row: Row, releases: Sequence[Release] = (), age_h: float = np.inf) -> Expected:
        """Predict to the end of the row, put its readings in, weigh the innovations; in place.

        States are considered, not corrected, up to an age of the twin [h] of their own, save where a fault
        that acts has let them go. When anything on the way is not finite or not positive definite the last
        good belief is taken up.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                return self._stepped(mind, row, [r for r in releases if r.acts_in(row)], age_h)
            except np.linalg.LinAlgError:
                return self._reset(mind)

    def _stepped(self, mind: Mind, row: Row, acting: Sequence[Release], age_h: float) -> Expected:
        process, u = self.process, row.inputs
        hours = (row.end_ns - row.start_ns) / 3.6e12
        doubt = self._drives[row.unknown].max(axis=0, initial=0.0)
        stays = self._regulated & (doubt > 0.0)
        noise = (self._walk + (doubt * mind.belief.mean) ** 2) * hours
        considered = age_h <= self._consider_h
        for release in acting:
            noise = noise + release.walk * hours
            considered = considered & (release.walk == 0.0)
        prior = predict(
            mind.belief, lambda x: np.where(stays, x, process.advance(x, u, hours)), noise, self.scale
        ).blurred(self._driven(mind.belief.mean, row, hours))
        before, exchanged = self._refill(self._bounded(prior.belief), row)
        moved = prior.belief.mean - mind.belief.mean
        usual = mind.usual.carried(prior.F, mind.belief, moved, self.biases).apart_from(exchanged)
        done = correct(
            before,
            lambda x: process.observe(x, u),
            row.readings,
            lambda y: self.noise(y) * row.widen**2,
            np.isfinite(row.readings),
            self.scale,
            self._gate,
            considered,
        )
        after = self._bounded(done.belief)
        if not (sound(before, self.scale) and sound(after, self.scale)):
            return self._reset(mind)
        mind.belief, mind.usual = after, usual.corrected(done, considered[self.biases])
        known = mind.evidence
        self.bank.step(known, row.start_ns, row.end_ns, prior.F, done.H, done.K, done.S, done.innovation)
        self.bank.forget(known, row.mute)
        mind.consistency = mind.consistency.after(done, np.isfinite(row.readings), row.end_ns)
        return Expected(before, usual)

    def _driven(self, mean: Array, row: Row, hours: float) -> Array:
        """What one standard deviation of each input would move the states (k', n)."""
        moved = np.flatnonzero(row.scatter > 0.0)
        u = np.tile(row.inputs, (moved.size + 1, 1))
        u[np.arange(moved.size), moved] += np.sqrt(row.scatter[moved])
        x = self.process.advance(np.tile(mean, (moved.size + 1, 1)), u, hours)
        return np.asarray(x[:-1] - x[-1])

    def honest(self, expected: Expected, row: Row, doubt: Array) -> tuple[Array, Array]:
        """What honest probes, with their usual bias, should read: mean and standard deviation (m,).

        `doubt` is a further standard deviation of each usual bias (k,).
        """
        belief = expected.usual.doubted(doubt).honest(expected.belief, self.biases, self.scale)
        mean, spread = expect(belief, lambda x: self.process.observe(x, row.inputs), self.scale)
        return mean, np.sqrt(spread**2 + self.noise(mean))

    def _bounded(self, belief: Belief) -> Belief:
        return Belief(np.clip(belief.mean, self._low, self._high), belief.cov)

    def _refill(self, belief: Belief, row: Row) -> tuple[Belief, list[int]]:
        """Follow bottles that were exchanged: their mass jumps by more than any pump could move."""
        mean, cov, exchanged = belief.mean, belief.cov, []
        for reading, state, least in self._refills:
            jump = row.readings[reading] - mean[state]
            scatter = np.sqrt(self.noise(row.readings)[reading])
            enough = max(least, EXCHANGED * scatter)
            if np.isfinite(jump) and jump > enough:
                mean, cov = mean.copy(), cov.copy()
                mean[state] += jump
                cov[state, :] = cov[:, state] = 0.0
                cov[state, state] = (0.1 * enough) ** 2
                exchanged.append(state)
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
