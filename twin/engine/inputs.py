"""What a model is driven by: the last value of each input, how sure it is, and since when it is old."""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from twin.domain.frame import Frame
from twin.domain.tag import Tag
from twin.observers.rewind import HOUR
from twin.processes.base import Array, Input, Process

HOLD_H: Final = 1.0
"""An input that is not seen keeps its last value this long, then it is not known any more; longer when its
tag may be silent for long [h] (chosen default)."""
SCATTER_H: Final = 1.0
"""Time constant with which the scatter of an input is followed [h] (chosen default)."""
JUMP: Final = 9.0
"""A square step counts as scatter up to this many times the scatter known so far: a new set point is none
(chosen default)."""


class Inputs:
    """The inputs of one vessel's model, frame by frame.

    Parameters
    ----------
    process : Process
    tags : Mapping of str to Tag
        Of the vessel, by name.
    """

    def __init__(self, process: Process, tags: Mapping[str, Tag]) -> None:
        self._given = process.inputs
        self._tags = tags
        self.hold_ns = np.array([self._hold(i.name) for i in process.inputs], dtype=np.int64)
        self._cut_off = [self._least(i) for i in process.inputs]
        absent = [i.name not in tags and i.default == 0.0 for i in process.inputs]
        self._absent = np.array(absent, dtype=bool)
        """flows that the vessel has no tag for: not known from the start"""
        self.values: Array = np.array([i.default for i in process.inputs])
        self.seen_ns = [0] * len(process.inputs)
        self._scatter = [math.nan] * len(process.inputs)
        """variance of one reading about what the input does, as its successive readings tell [unit^2]"""

    def take(self, frame: Frame, start_ns: int) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Values of the inputs over a frame.

        Returns
        -------
        values : Array
            Means (k,); the last one known where nothing came [unit].
        variance : Array
            Of these as means over the whole frame (k,): readings are taken now and then of what a control
            loop moves all the time [unit^2].
        unknown : Array
            True for what was not seen for so long that it is not known any more (k,).
        """
        values, variance = self.values.tolist(), [0.0] * self.values.size
        for i, given in enumerate(self._given):
            found = frame.values.get(given.name)
            if found is None:
                variance[i] = self._held(i, frame) if values[i] else 0.0
                continue
            self._learn(i, found.roughness(values[i]), frame)
            values[i] = found.mean if found.mean >= self._cut_off[i] else 0.0
            variance[i] = self._scatter[i] / found.count if values[i] else 0.0
            self.seen_ns[i] = frame.end_ns
        self.values = np.array(values)
        silent = frame.end_ns - np.maximum(self.seen_ns, start_ns)
        return self.values, np.nan_to_num(variance), self._absent | (silent > self.hold_ns)

    def _held(self, i: int, frame: Frame) -> float:
        """Variance of a value that is held: its error stays the same from frame to frame, and so adds up."""
        frames = (frame.end_ns - self.seen_ns[i]) / (frame.end_ns - frame.start_ns)
        return self._scatter[i] * frames

    def _learn(self, i: int, square: float, frame: Frame) -> None:
        """Follow an input's scatter by half a mean square of successive differences (von Neumann 1941)."""
        known, new = self._scatter[i], 0.5 * square
        if not self.seen_ns[i]:
            return
        if math.isnan(known):
            self._scatter[i] = new
            return
        share = min((frame.end_ns - frame.start_ns) / (SCATTER_H * HOUR), 1.0)
        self._scatter[i] += share * (min(new, JUMP * known) - known if known > 0.0 else new)

    def snapshot(self) -> list[Any]:
        """State as arrays."""
        return [self.values, np.array(self.seen_ns), np.array(self._scatter)]

    def restore(self, state: list[Any]) -> None:
        """Take up a state from `snapshot`."""
        values, seen_ns, scatter = state
        self.values, self.seen_ns = np.array(values), np.array(seen_ns, dtype=np.int64).tolist()
        self._scatter = np.array(scatter, dtype=np.float64).tolist()

    def _hold(self, name: str) -> int:
        """How long an input keeps its last value when it is not seen [ns]."""
        silence_s = self._tags[name].silence_s if name in self._tags else 0.0
        return int(max(HOLD_H * HOUR, 2e9 * silence_s))

    def _least(self, given: Input) -> float:
        """Reading of an input below which it is closed [tag's unit]; none without a cut-off."""
        tag = self._tags.get(given.name)
        return -math.inf if tag is None or not given.cut_off else given.cut_off * (tag.high - tag.low)
