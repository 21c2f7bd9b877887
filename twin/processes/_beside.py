"""A further instrument for what a process model predicts already: at-line analysers, spectra, biomass probes.

Its reading is the prediction plus a bias of its own, which is a state. The bias is hardly known at the start:
the level comes from the laboratory and the model, and what the instrument adds is the course between samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from twin.domain.batch import Batch
from twin.domain.whatif import Knob
from twin.processes.base import Array, Foreseeing, Output, Parameter, Process, State

START: Final = 4.0
"""Standard deviation of the bias at the start, in parts of the accuracy: set on seed 1100, where an
instrument 8 times its accuracy off then moves the belief by half of it (chosen default)."""
WALK: Final = 0.1
"""Random walk of the bias, in parts of the accuracy [1/h^0.5] (chosen default)."""
MOST: Final = 20.0
"""Largest bias, in parts of the accuracy (chosen default)."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument beside those the model knows.

    Parameters
    ----------
    name : str
        Its tag's name, such as ``"glucose_raman"``.
    like : str
        Name of the output it measures too, such as ``"glucose"``.
    accuracy : float
        Standard deviation of its scatter [the output's unit].
    """

    name: str
    like: str
    accuracy: float


def beside(process: Process, instruments: Sequence[Instrument]) -> Process:
    """The process with further instruments; itself when there are none.

    Parameters
    ----------
    process : Process
    instruments : sequence of Instrument
        Each like an output of the process.
    """
    if not instruments:
        return process
    kind = _ForeseeingBeside if isinstance(process, Foreseeing) else _Beside
    return kind(process, instruments)


class _Beside:
    """The inner model with one bias state and one output more for each instrument."""

    def __init__(self, inner: Process, instruments: Sequence[Instrument]) -> None:
        self._inner = inner
        self.id, self.version, self.frame_s = inner.id, inner.version, inner.frame_s
        self.inputs, self.quantities, self.hypotheses = inner.inputs, inner.quantities, inner.hypotheses
        places = {o.name: i for i, o in enumerate(inner.outputs)}
        self._like = [places[each.like] for each in instruments]
        units = [inner.outputs[i].unit for i in self._like]
        pairs = list(zip(instruments, units, strict=True))
        self.states = inner.states + tuple(_bias(i.name, u, i.accuracy) for i, u in pairs)
        self.outputs = inner.outputs + tuple(Output(i.name, u, i.accuracy) for i, u in pairs)
        self.parameters = inner.parameters + tuple(
            Parameter(f"{i.name}_accuracy", i.accuracy, u, f"tag {i.name}, like {i.like}") for i, u in pairs
        )
        self._n = len(inner.states)

    def begin(self, batch: Batch | None, age_h: float) -> tuple[Array, Array]:
        """Belief of the inner model; biases about 0."""
        mean, sd = self._inner.begin(batch, age_h)
        own = self.states[self._n :]
        return np.append(mean, [s.start for s in own]), np.append(sd, [s.start_sd for s in own])

    def advance(self, x: Array, u: Array, hours: float) -> Array:
        """States of the inner model `hours` later; biases stay."""
        return self._joined(self._inner.advance(x[..., : self._n], u, hours), x)

    def observe(self, x: Array, u: Array) -> Array:
        """Readings of the inner model, then those of the instruments."""
        y = self._inner.observe(x[..., : self._n], u)
        return np.concatenate([y, y[..., self._like] + x[..., self._n :]], axis=-1)

    def derive(self, x: Array, u: Array) -> Array:
        """Quantities of the inner model."""
        return self._inner.derive(x[..., : self._n], u)

    def _joined(self, inner: Array, x: Array) -> Array:
        return np.concatenate([inner, x[..., self._n :]], axis=-1)


def _bias(name: str, unit: str, accuracy: float) -> State:
    most = MOST * accuracy
    return State(f"{name}_bias", unit, 0.0, START * accuracy, WALK * accuracy, -most, most)


class _ForeseeingBeside(_Beside):
    """The same of a model that knows how the plant goes on."""

    def __init__(self, inner: Process, instruments: Sequence[Instrument]) -> None:
        super().__init__(inner, instruments)
        assert isinstance(inner, Foreseeing)
        self._ahead: Foreseeing = inner
        self.foreseen, self.spread, self.walks = inner.foreseen, inner.spread, inner.walks
        self.doubts, self.responses = inner.doubts, inner.responses

    def knobs(self, volume_l: float) -> tuple[Knob, ...]:
        """Those of the inner model."""
        return self._ahead.knobs(volume_l)

    def proceed(
        self, x: Array, u: Array, wanted: Mapping[str, Array], age_h: float, hours: float
    ) -> tuple[Array, Array]:
        """States of the inner model and inputs `hours` later; biases stay."""
        ahead, given = self._ahead.proceed(x[..., : self._n], u, wanted, age_h, hours)
        return self._joined(ahead, x), given
