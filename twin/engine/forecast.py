"""What is to come: an ensemble carried from the present belief to the harvest.

Each member begins at a point of the belief, follows the model with the plant's loops and the recipe at work
(`twin.processes.base.Foreseeing`), and meets what the model does not know as a random walk of its own.
Drifts of standing faults go on as they are. The members are made of a fixed table of numbers, antithetic
and with exactly the belief's mean and covariance (second-order exact sampling, Pham, Monthly Weather Review
129 (2001) 1194), so the same belief always gives the same forecast.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.domain.asset import Vessel
from twin.domain.batch import Batch
from twin.domain.forecast import Exit, Forecast, Harvest, Outlook
from twin.domain.sampling import NextSample
from twin.domain.tag import Tag, TagKind
from twin.domain.whatif import AS_IT_IS, Answer, Knob, WhatIf
from twin.engine import sampling
from twin.engine.whatif import Plan, as_planned, check_together, knobs, planned
from twin.observers.ukf import Belief, factor
from twin.processes.base import Array, Foreseeing, Process, model_ref, scales

HOUR: Final = 3_600_000_000_000
PAIRS: Final = 48
"""Antithetic pairs of members (chosen default)."""
QUANTILES: Final = (0.05, 0.5, 0.95)
LIKELY, SURE = 0.5, 0.8
LEAST: Final = 0.01
"""Exits less probable than this are left out (chosen default)."""
SHORTEST_H: Final = 24.0
"""A forecast reaches at least this far, also past the planned end [h] (chosen default)."""
LONGEST_H: Final = 504.0
"""... and at most this far [h] (chosen default)."""
NO_BATCH_H: Final = 72.0
"""... and this far when there is no batch [h] (chosen default)."""
GRID: Final = ((24.0, 1.0), (72.0, 3.0), (LONGEST_H, 6.0))
"""Until which age of the forecast which distance of its times holds [h] (chosen default)."""
GROWS_H: Final = 24.0
"""A fault that grows is taken to grow on for so long [h]: somebody looks after one that was told (chosen
default). Without an end a pH probe that drifts by 0.02 in an hour has its loop drown a culture in CO2."""
STEP_H: Final = 6.0
"""Longest step of the model [h]."""
TABLE_SEED: Final = 20260101
"""Names the fixed table of numbers; any other would do."""


@dataclass(frozen=True, slots=True)
class Present:
    """Where a forecast begins.

    Parameters
    ----------
    belief : Belief
    inputs : Array
        As last seen (k,).
    drifts : Array
        What standing faults go on to do to each state (n,) [state unit/h].
    lies : Array
        What standing faults have done to the bias of each probe so far (n,) [state unit]: readings are
        forecast as those of honest probes.
    alive : array of bool
        Which outputs have been read of late (m,).
    """

    belief: Belief
    inputs: Array
    drifts: Array
    lies: Array
    alive: NDArray[np.bool_]


class Forecaster:
    """Makes the forecasts of one vessel; holds nothing that changes.

    Parameters
    ----------
    vessel : Vessel
    process : Process
    """

    def __init__(self, vessel: Vessel, process: Process) -> None:
        self.vessel, self.process = vessel, process
        self._model = model_ref(process, vessel.process_model)
        self._names = tuple(s.name for s in process.states)
        self._low = np.array([s.low for s in process.states])
        self._high = np.array([s.high for s in process.states])
        self._scale = scales(process)
        own = process.walks if isinstance(process, Foreseeing) else {}
        self._walk = np.array([own.get(s.name, s.walk) for s in process.states])
        doubts = process.doubts if isinstance(process, Foreseeing) else {}
        self._doubt = np.array([doubts.get(s.name, 0.0) for s in process.states])
        foreseen = process.foreseen if isinstance(process, Foreseeing) else ()
        self._outputs = [i for i, o in enumerate(process.outputs) if o.name in foreseen]
        self._columns = [process.outputs[i].name for i in self._outputs]
        self._columns += [q.name for q in process.quantities]
        self._units = [process.outputs[i].unit for i in self._outputs] + [q.unit for q in process.quantities]
        self._limited = self._with_limits(vessel.tags)

    def _with_limits(self, tags: Sequence[Tag]) -> list[tuple[Tag, int]]:
        """Tags with limits, and the column of their true value."""
        found = []
        for tag in tags:
            names = (f"est_{tag.name}_true", f"est_{tag.name}", tag.name)
            column = next((self._columns.index(n) for n in names if n in self._columns), None)
            limited = tag.limits.low is not None or tag.limits.high is not None
            if column is not None and limited and tag.kind is not TagKind.SETPOINT:
                found.append((tag, column))
        return found

    def make(
        self, now_ns: int, present: Present, set_points: Mapping[str, float], asked: WhatIf = AS_IT_IS
    ) -> Forecast:
        """The forecast from a belief at `now_ns` [ns], of the run as it is or of a scenario.

        Raises
        ------
        InputError
            When the scenario changes what the model does not know, or by more than it can speak of.
        """
        nothing = not asked.changes
        plan = as_planned(self.process) if nothing else planned(self.process, self.vessel, now_ns, asked)
        batch = self._batch(plan)
        hours = self._grid(now_ns, batch)
        x, u = self._carry(hours, present, set_points, plan)
        grown = present.drifts * (present.lies != 0.0) * np.minimum(hours, GROWS_H)[:, None]
        lies = present.lies + grown + plan.lies(hours)
        honest = x - lies[:, None]
        values = self._values(x, honest, u)
        times = np.array([now_ns + round(h * HOUR) for h in hours.tolist()], dtype=np.int64)
        exits = [e for e in (self._exit(tag, values[..., k], times) for tag, k in self._limited) if e]
        return Forecast(
            self.vessel.id,
            now_ns,
            tuple(times.tolist()),
            self._outlooks(values),
            tuple(sorted(exits, key=lambda e: (e.likely_ns or times[-1] + 1, -e.probability))),
            self._harvest(now_ns, times, values, batch),
            self._model,
        )

    def _batch(self, plan: Plan) -> Batch | None:
        """The batch, ended when the plan says."""
        batch = self.vessel.batch
        if batch is None or plan.harvest_h is None:
            return batch
        return replace(batch, duration_h=plan.harvest_h)

    @staticmethod
    def _grid(now_ns: int, batch: Batch | None) -> Array:
        """Times of the forecast [h from now]."""
        end = NO_BATCH_H
        if batch is not None:
            left = (batch.start_ns - now_ns) / HOUR + batch.duration_h
            end = float(np.clip(left, SHORTEST_H, LONGEST_H))
        hours = [0.0]
        for until, distance in GRID:
            while hours[-1] < min(until, end) - 1e-9:
                hours.append(min(hours[-1] + distance, end))
        return np.array(hours)

    def _carry(
        self, hours: Array, present: Present, set_points: Mapping[str, float], plan: Plan
    ) -> tuple[Array, Array]:
        """States (T, N, n) and inputs (T, N, k) of all members at all times."""
        first, kicks = members(len(self._names))
        cov = present.belief.cov + np.diag(self._doubt**2)
        x = present.belief.mean + first @ factor(cov, self._scale).T
        x = np.clip(x, self._low, self._high)
        u = np.broadcast_to(present.inputs, (len(x), present.inputs.size))
        wanted = self._wanted(present, set_points) | self._responses(plan)
        paths, inputs, step = [x], [u], 0
        for begin, end in zip(hours[:-1].tolist(), hours[1:].tolist(), strict=True):
            parts = int(np.ceil((end - begin) / STEP_H - 1e-9))
            for i in range(parts):
                dt = (end - begin) / parts
                at_h = begin + i * dt
                x, u = self._stretch(x, u, wanted, plan, at_h, dt)
                growing = present.drifts * float(np.clip(GROWS_H - at_h, 0.0, dt))
                kick = kicks[step % len(kicks)] * self._walk * dt**0.5 + growing
                x, step = np.clip(x + kick, self._low, self._high), step + 1
            paths.append(x)
            inputs.append(u)
        return np.stack(paths), np.stack(inputs)

    def _stretch(
        self, x: Array, u: Array, wanted: Mapping[str, Array], plan: Plan, begin_h: float, hours: float
    ) -> tuple[Array, Array]:
        """One step of all members, in parts where the plan changes something within it."""
        for at_h, part_h in plan.pieces(begin_h, hours):
            x = np.clip(x + plan.moved(at_h, at_h + part_h), self._low, self._high)
            x, u = self._step(x, u, self._turned(wanted, plan.wanted(at_h)), at_h, part_h)
        return x, u

    def _turned(self, wanted: Mapping[str, Array], turned: Mapping[str, float]) -> Mapping[str, Array]:
        """Set points with those of the plan in place; what is not known of them stays as it was."""
        if not turned or not isinstance(self.process, Foreseeing):
            return wanted
        draws, spread = self._draws(), self.process.spread
        zero = np.zeros(2 * PAIRS)
        return {**wanted, **{n: v + spread.get(n, 0.0) * draws.get(n, zero) for n, v in turned.items()}}

    def _draws(self) -> dict[str, Array]:
        """Fixed standard normal numbers (N,) for each name of the model's `spread`."""
        spread = self.process.spread if isinstance(self.process, Foreseeing) else {}
        draws, _ = members(max(len(spread), 1), 1)
        return {name: draws[:, i] for i, name in enumerate(sorted(spread))}

    def _responses(self, plan: Plan) -> dict[str, Array]:
        """How each member answers to a change, where there is one."""
        if plan.changes_nothing or not isinstance(self.process, Foreseeing):
            return {}
        sds = self.process.responses
        draws, _ = members(max(len(sds), 1), 2)
        return {name: sds[name] * draws[:, i] for i, name in enumerate(sorted(sds))}

    def _step(
        self, x: Array, u: Array, wanted: Mapping[str, Array], age_h: float, hours: float
    ) -> tuple[Array, Array]:
        if isinstance(self.process, Foreseeing):
            return self.process.proceed(x, u, wanted, age_h, hours)
        return self.process.advance(x, u, hours), u

    def _wanted(self, present: Present, set_points: Mapping[str, float]) -> dict[str, Array]:
        """Set points and what else of the recipe is not quite known, for every member.

        A loop whose set point is not told is taken to hold what its probe reads now.
        """
        if not isinstance(self.process, Foreseeing):
            return {}
        centre, draws = self._centre(present, set_points), self._draws()
        return {name: centre[name] + sd * draws[name] for name, sd in self.process.spread.items()}

    def _centre(self, present: Present, set_points: Mapping[str, float]) -> dict[str, float]:
        """What set points and recipe are taken to be."""
        process = self.process
        expected = process.observe(present.belief.mean, present.inputs)
        centre = {f"{o.name}_sp": float(expected[i]) for i, o in enumerate(process.outputs)}
        centre.update(set_points)
        spread = process.spread if isinstance(process, Foreseeing) else {}
        return {name: centre.get(name, 0.0) for name in spread}

    def path(
        self, present: Present, set_points: Mapping[str, float], step_h: float, hours: float
    ) -> list[Array]:
        """Inputs (k,) at the end of each step of a run whose state is the mean of the belief."""
        centre = self._centre(present, set_points)
        wanted = {name: np.array([value]) for name, value in centre.items()}
        x, u, path = present.belief.mean[None], present.inputs[None], list[Array]()
        for step in range(round(hours / step_h)):
            x, u = self._step(x, u, wanted, step * step_h, step_h)
            x = np.clip(x, self._low, self._high)
            path.append(u[0])
        return path

    def _values(self, x: Array, honest: Array, u: Array) -> Array:
        """Values (T, N, columns) of everything that is forecast."""
        derived = self.process.derive(x, u)
        if not self._outputs:
            return derived
        return np.concatenate([self.process.observe(honest, u)[..., self._outputs], derived], axis=-1)

    def _outlooks(self, values: Array) -> tuple[Outlook, ...]:
        bands = np.quantile(values, QUANTILES, axis=1)
        return tuple(
            Outlook(f"{self.vessel.id}.{name}", unit, *(_figures(band[:, k]) for band in bands))
            for k, (name, unit) in enumerate(zip(self._columns, self._units, strict=True))
        )

    def _exit(self, tag: Tag, paths: Array, times: NDArray[np.int64]) -> Exit | None:
        """First time outside the limits of a tag, over the members; None when they are outside already."""
        low, high = tag.limits.low, tag.limits.high
        outside = np.zeros(paths.shape, dtype=bool)
        if low is not None:
            outside |= paths < low
        if high is not None:
            outside |= paths > high
        left = np.logical_or.accumulate(outside, axis=0).mean(axis=1)
        if left[0] > LIKELY or left[-1] < LEAST:
            return None
        likely, sure = (_passed(left, share, times) for share in (LIKELY, SURE))
        return Exit(tag.id, low, high, round(float(left[-1]), 3), likely, sure)

    def _harvest(
        self, now_ns: int, times: NDArray[np.int64], values: Array, batch: Batch | None
    ) -> Harvest | None:
        """The planned end, or when viability reaches its low limit before; and the product then."""
        if batch is None:
            return None
        plan_ns = max(batch.start_ns + round(batch.duration_h * HOUR), now_ns)
        ends = np.full(values.shape[1], float(min(plan_ns, int(times[-1])) - now_ns))
        ages = (times - now_ns).astype(np.float64)
        for tag, column in self._limited:
            if tag.name == "viability" and tag.limits.low is not None:
                below = values[..., column] < tag.limits.low
                ends = np.minimum(ends, np.where(below.any(axis=0), ages[below.argmax(axis=0)], np.inf))
        early, at, late = (now_ns + round(float(e)) for e in np.quantile(ends, QUANTILES))
        reason = "plan" if at > plan_ns - HOUR else "viability"
        if "est_titre" not in self._columns:
            return Harvest(early, at, late, reason)
        column = self._columns.index("est_titre")
        paths = values[..., column]
        titre = [np.interp(end, ages, paths[:, i]) for i, end in enumerate(ends)]
        return Harvest(early, at, late, reason, _figures(np.quantile(titre, QUANTILES)), self._units[column])


@dataclass(frozen=True, slots=True)
class Question:
    """A belief held fast, of which scenarios may be asked while the twin goes on.

    Parameters
    ----------
    forecaster : Forecaster
    now_ns : int
        Time of the belief [ns since 1970-01-01 UTC].
    present : Present
    set_points : Mapping of str to float
        That hold now, by tag name.
    delays : Mapping of str to float
        From drawing to result, as the last result of each assay had it, by tag name [h].
    """

    forecaster: Forecaster
    now_ns: int
    present: Present
    set_points: Mapping[str, float]
    delays: Mapping[str, float] = field(default_factory=dict)

    def knobs(self) -> tuple[Knob, ...]:
        """What scenarios may change."""
        return knobs(self.forecaster.process, self.forecaster.vessel)

    def forecast(self, asked: WhatIf = AS_IT_IS) -> Forecast:
        """What is to come in one scenario; raises `InputError` as `Forecaster.make` does."""
        return self.forecaster.make(self.now_ns, self.present, self.set_points, asked)

    def answer(self, asked: Sequence[WhatIf]) -> Answer:
        """What is to come as it is and in every scenario; all members meet the same chances.

        Raises
        ------
        InputError
            When a scenario can not be answered, or they can not be asked together.
        """
        check_together(asked)
        return Answer(self.forecast(), {each.name: self.forecast(each) for each in asked})

    def next_samples(self) -> tuple[NextSample, ...]:
        """Which assay, drawn when, would take most of the doubt away; see `twin.engine.sampling`."""
        here, made = self.present, self.forecaster
        path = made.path(here, self.set_points, sampling.STEP_H, sampling.horizon_h(self.delays))
        return sampling.next_samples(
            made.process, made.vessel, self.now_ns, here.belief, path, here.alive, self.delays
        )


def _passed(left: Array, share: float, times: NDArray[np.int64]) -> int | None:
    """When the part of the members that has left passes `share`, between two times of the forecast."""
    if left[-1] < share:
        return None
    i = int((left >= share).argmax())
    if i == 0:
        return int(times[0])
    part = float((share - left[i - 1]) / (left[i] - left[i - 1]))
    return int(times[i - 1]) + round(part * float(times[i] - times[i - 1]))


def _figures(values: Array) -> tuple[float, ...]:
    """Five significant digits: more than the band deserves, and the same on every machine."""
    return tuple(float(f"{v:.5g}") for v in values.tolist())


@cache
def members(n: int, salt: int = 0) -> tuple[Array, Array]:
    """Fixed standard normal numbers for an ensemble of ``2 PAIRS`` members.

    Parameters
    ----------
    n : int
        Dimensions.
    salt : int
        Another table of the same kind.

    Returns
    -------
    first : Array
        (2 PAIRS, n), mean 0 and, when ``n <= PAIRS``, covariance 1 exactly.
    kicks : Array
        (160, 2 PAIRS, n) for the steps, each with mean 0 and variance 1.
    """
    table = np.random.RandomState(TABLE_SEED + salt)  # its stream is frozen for good (NumPy NEP 19)
    half = table.standard_normal((PAIRS, n))
    if n <= PAIRS:
        half = np.linalg.solve(np.linalg.cholesky(half.T @ half / PAIRS), half.T).T
    steps = table.standard_normal((160, PAIRS, n))
    steps /= np.sqrt((steps**2).mean(axis=1, keepdims=True))
    return np.concatenate([half, -half]), np.concatenate([steps, -steps], axis=1)
