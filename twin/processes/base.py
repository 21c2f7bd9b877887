"""What a process model of the twin declares and answers: the contract between models, observers and monitors.

A model is data (states, inputs, outputs, parameters, faults it can tell apart) plus three pure
functions of arrays. Every array may carry leading axes ("..."): sigma points, vessels, or both.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from twin.domain.batch import Batch
from twin.domain.errors import ModelError
from twin.domain.event import ModelRef, Verdict
from twin.domain.whatif import Knob

Array: TypeAlias = NDArray[np.float64]

CHANCE_H: float = 40.0
"""Length of culture that `Hypothesis.chance` speaks of [h]."""
THIN: float = 4.0
"""Factor on the threshold of a fault where a tag is missing that it leans on: what the model has to take as
constant then does change. Set on healthy batches of the tuning seeds with four probes."""
LEAST_RATIO: float = 12.0
"""No threshold is lower than this: what any plant's own ways may feign (chosen default)."""


@dataclass(frozen=True, slots=True)
class State:
    """One element of the belief, in the coordinate the filter works in.

    Parameters
    ----------
    name : str
        A logarithm is named ``log_...`` and has unit ``"1"``.
    unit : str
    start, start_sd : float
        Belief when nothing is known of the vessel [unit].
    walk : float
        Standard deviation of what the model does not know, per square root of an hour
        [unit/h^0.5]. 0 for what can not change by itself.
    low, high : float
        Physical bounds; the belief is kept inside [unit].
    regulated : bool
        A control loop of the plant keeps it up through inputs: while one of these is not known, the
        state is taken to stay where it is.
    consider_h : float
        Not corrected before this age of the twin, though its doubt counts, while what is not known at all is
        found: readings far from what is expected are no evidence about it. Infinite for what no reading tells
        apart from the model's own error: corrected only while a fault of it is let go [h].
    """

    name: str
    unit: str
    start: float
    start_sd: float
    walk: float
    low: float = -np.inf
    high: float = np.inf
    regulated: bool = False
    consider_h: float = 0.0


@dataclass(frozen=True, slots=True)
class Input:
    """A measured tag the model is driven by.

    Parameters
    ----------
    name : str
    default : float
        Used until a first value came [tag's unit].
    drives : Mapping of str to float
        What becomes doubtful when the input is not known any more: by state, the standard deviation
        per square root of an hour that enters, in proportion to the state's value [1/h^0.5].
    cut_off : float
        A reading below this share of the tag's range is noise about a closed valve and counts as 0 [1].
    """

    name: str
    default: float
    drives: Mapping[str, float] = field(default_factory=dict)
    cut_off: float = 0.0


@dataclass(frozen=True, slots=True)
class Output:
    """A tag the model predicts.

    Parameters
    ----------
    name : str
        Tag name.
    unit : str
        UCUM unit of the tag.
    sd : float
        Standard deviation of one reading (or one assay) around the truth, including what the model
        can not follow [unit]; the mean of a frame of many has less, see `twin.engine.culture.LASTING`.
    relative : float
        The same in proportion to the predicted value; both add in squares.
    assay : bool
        True for a laboratory result: enters at the time it was drawn.
    gate : float
        Innovations above this number of standard deviations are not believed (but still
        counted by the monitors) [1].
    refill : str
        For a bottle on a scale: the state that holds its mass. A reading above it by more
        than `refill_least` [unit] is an exchanged bottle.
    refill_least : float
    """

    name: str
    unit: str
    sd: float
    relative: float = 0.0
    assay: bool = False
    gate: float = 8.0
    refill: str = ""
    refill_least: float = np.inf


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity derived for people; published as ``<asset>.<name>``, such as ``R101.est_VCD``.

    Parameters
    ----------
    name : str
    unit : str
    share : float
        What the model's constants, taken as exact, leave open: a standard deviation in proportion to the
        value, in squares on top of the belief's own [1].
    """

    name: str
    unit: str
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of the model with its source; ``Vessel.parameters`` may replace the value."""

    name: str
    value: float
    unit: str
    source: str


class Shape(StrEnum):
    """How a fault grows in the state it acts on."""

    STEP = "step"
    RAMP = "ramp"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A fault the model can tell: a change of one state that the model itself does not expect.

    Sensor faults act on bias states, process faults on parameters, actuator faults on
    delivery factors. What each probe would show follows from the model, so nothing
    else has to be said.

    Parameters
    ----------
    code : str
        Key of the message catalogue (``cause.<code>...``).
    verdict : Verdict
    state : str
        Name of the state it changes.
    shape : Shape
        STEP: the state jumps by the size; RAMP: it moves by the size every hour.
    least : float
        Least size worth reporting [state unit, per hour for RAMP].
    tag : str or None
        Name of the tag it is about.
    sign : int
        +1 or -1 where only one direction makes sense, 0 for both.
    relative : bool
        The state is a logarithm: people read ``100 (exp(size) - 1)`` [%].
    factor : float
        State unit to the unit people read, when not relative.
    unit : str
        Unit people read.
    evidence : tuple of str
        Codes of the redundancy relations that carry the finding.
    threshold : float
        Log-likelihood ratio from which it is confirmed.
    hold_h : float
        Time the ratio must stay above the threshold [h].
    free_walk : float
        After confirmation the filter lets the state go with this random walk [state unit/h^0.5].
    prior : float
        How common the fault is beside the others, as a weight.
    slack : float
        Standard deviation of the total change that the model's own error may feign
        within the horizon [state unit].
    most : float
        Largest total change that is physically possible [state unit].
    fastest : float
        For RAMP: largest change per hour that is [state unit/h].
    chance : tuple of float
        Location and scale of the largest ratio (of a size worth telling) in `CHANCE_H` hours of healthy
        culture, as a Gumbel distribution; (0, 0) where it is not known and `threshold` stands as given.
    share : float
        Its part of the false alarms that are allowed, as a weight: more for what is hard to tell.
    horizon_h : float
        Oldest onset considered [h].
    rests_on : tuple of str
        Names of the tags without which it can not be told, or whose loop drives it: nothing is concluded
        while one of them has a standing finding of its own, or where the vessel does not have it.
    held : tuple of str
        Names of the states it is told against: nothing is concluded while a standing finding of another fault
        has let one of them go.
    leans_on : tuple of str
        Names of the tags without any of which it still can be told, but only by `THIN` times the threshold.
    eclipses : bool
        While it stands, the vessel is not what the model describes any more: the model tells nothing else.
    """

    code: str
    verdict: Verdict
    state: str
    shape: Shape
    least: float
    tag: str | None = None
    sign: int = 0
    relative: bool = False
    factor: float = 1.0
    unit: str = "1"
    evidence: tuple[str, ...] = ()
    threshold: float = 25.0
    hold_h: float = 0.0
    free_walk: float = 0.0
    prior: float = 1.0
    slack: float = 0.0
    most: float = np.inf
    fastest: float = np.inf
    chance: tuple[float, float] = (0.0, 0.0)
    share: float = 1.0
    horizon_h: float = 48.0
    rests_on: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    leans_on: tuple[str, ...] = ()
    eclipses: bool = False

    def readable(self, size: float) -> float:
        """Change of the state, total [state unit], in the unit people read."""
        return 100.0 * float(np.expm1(min(size, 20.0))) if self.relative else self.factor * size

    def state_size(self, readable: float) -> float:
        """The reverse of `readable`: the change of the state [state unit]."""
        return float(np.log1p(readable / 100.0)) if self.relative else readable / self.factor


def grounded(h: Hypothesis, tags: Collection[str]) -> Hypothesis:
    """A hypothesis with the threshold that fits a vessel with these tags."""
    return h if set(h.leans_on) <= set(tags) else replace(h, threshold=THIN * h.threshold)


def held_to(hypotheses: Sequence[Hypothesis], interval_h: float) -> tuple[Hypothesis, ...]:
    """Hypotheses with thresholds at which all together are wrong once in `interval_h` healthy hours.

    Each has its `share`. The largest of many ratios has an exponential tail (Gumbel 1958, Statistics of
    Extremes): in `CHANCE_H` hours it passes ``location + scale ln(n)`` once in n times.

    Raises
    ------
    ModelError
        When the interval is not a positive number.
    """
    if not interval_h > 0.0 or not np.isfinite(interval_h):
        raise ModelError(f"false_alarm_interval_h is {interval_h}; a number of hours such as 1000 would do")
    blocks = max(interval_h / CHANCE_H * sum(h.share for h in hypotheses), 1.0)
    return tuple(_held(h, max(blocks / h.share, 1.0)) for h in hypotheses)


def _held(h: Hypothesis, times: float) -> Hypothesis:
    """With the threshold passed once in `times` blocks of `CHANCE_H` hours."""
    location, scale = h.chance
    if scale <= 0.0:
        return h
    return replace(h, threshold=max(location + scale * float(np.log(times)), LEAST_RATIO))


class Process(Protocol):
    """A process model.

    Implementations are built by ``build(parameters)`` of their module, hold nothing that
    changes, and treat array arguments as read-only.
    """

    id: str
    version: str
    frame_s: float
    """length of the frames it is stepped by [s]"""
    states: tuple[State, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    quantities: tuple[Quantity, ...]
    parameters: tuple[Parameter, ...]
    hypotheses: tuple[Hypothesis, ...]

    def begin(self, batch: Batch | None, age_h: float) -> tuple[Array, Array]:
        """Belief (mean, standard deviation), each (n,), of a culture first seen at age `age_h` [h]."""
        ...

    def advance(self, x: Array, u: Array, hours: float) -> Array:
        """States (..., n) `hours` later under inputs u (..., k) held constant."""
        ...

    def observe(self, x: Array, u: Array) -> Array:
        """Predicted readings (..., m) of `outputs` at states (..., n) and inputs (..., k)."""
        ...

    def derive(self, x: Array, u: Array) -> Array:
        """Values (..., q) of `quantities`."""
        ...


@runtime_checkable
class Foreseeing(Protocol):
    """What a process model adds when it knows how the plant goes on by itself.

    Without it a forecast holds the inputs as they are.
    """

    foreseen: tuple[str, ...]
    """outputs whose readings are forecast"""
    spread: Mapping[str, float]
    """what of the recipe and the set points is not known: standard deviations by name"""
    walks: Mapping[str, float]
    """random walk of a state in a forecast where it is not the filter's [state unit/h^0.5]"""
    doubts: Mapping[str, float]
    """what the belief is too sure of when a forecast begins: standard deviations [state unit]"""
    responses: Mapping[str, float]
    """what is not known of how the culture answers to a change: standard deviations by name"""

    def knobs(self, volume_l: float) -> tuple[Knob, ...]:
        """What a scenario may change of a culture that began with this volume [L], besides faults."""
        ...

    def proceed(
        self, x: Array, u: Array, wanted: Mapping[str, Array], age_h: float, hours: float
    ) -> tuple[Array, Array]:
        """States (..., n) and inputs (..., k) `hours` later.

        Parameters
        ----------
        x, u : Array
        wanted : Mapping of str to Array
            Set points by tag name, and each name of `spread`, for every member (...). In a scenario also the
            knobs that are turned, and each name of `responses`.
        age_h : float
            Age of the forecast [h].
        hours : float
        """
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """Parameter values by name, with the model's defaults replaced where the vessel says so."""

    parameters: tuple[Parameter, ...]
    values: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.values[name]


def parameter_table(model: str, defaults: tuple[Parameter, ...], given: Mapping[str, float]) -> Table:
    """Defaults with `given` values put in.

    Raises
    ------
    ModelError
        When `given` names a parameter the model does not have or a value is not finite.
    """
    known = {p.name: p for p in defaults}
    for name, value in given.items():
        if name not in known:
            raise ModelError(
                f"process model {model}: parameter {name!r} is not known; "
                f"known are {', '.join(sorted(known))}"
            )
        if not np.isfinite(value):
            raise ModelError(f"process model {model}: parameter {name} is {value}; give a finite number")
    values = {p.name: float(given.get(p.name, p.value)) for p in defaults}
    return Table(tuple(Parameter(p.name, values[p.name], p.unit, p.source) for p in defaults), values)


def model_ref(process: Process, registered: str = "") -> ModelRef:
    """Identity of the model with its parameter values, and its version in the registry."""
    text = ";".join(f"{p.name}={p.value!r}" for p in sorted(process.parameters, key=lambda p: p.name))
    return ModelRef(process.id, process.version, sha256(text.encode()).hexdigest()[:12], registered)


def scales(process: Process) -> Array:
    """Natural size of each state, for the floor of a covariance's factor (n,)."""
    return np.array([max(s.start_sd, 1e-6) for s in process.states])


def noise_of(process: Process) -> Callable[[Array], Array]:
    """What gives the variance of single readings (..., m) around what is expected of them (..., m)."""
    sd = np.array([o.sd for o in process.outputs])
    relative = np.array([o.relative for o in process.outputs])
    return lambda expected: np.asarray(sd**2 + (relative * expected) ** 2)


def index(names: tuple[str, ...]) -> dict[str, int]:
    """Position by name."""
    return {name: i for i, name in enumerate(names)}
