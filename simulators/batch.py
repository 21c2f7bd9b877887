"""One batch in one vessel: the compiled loop between the events of recipe, laboratory and operator."""

import math
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from simulators import control, faults, loop, parameters, probes, state, vessel
from simulators.chemistry import constants, constants_at
from simulators.crew import Crew
from simulators.laboratory import AssayResult
from simulators.log import LogEvent
from simulators.scenario import VesselScenario

LONGEST_TICK_S: Final = 15.0
BOTTLES: Final = {"cho_fedbatch": (0.2, 0.025), "cho_perfusion": (4.0, 0.025), "ecoli_fedbatch": (0.35, 0.15)}
"""Bottles of feed (or fresh medium) and base as shares of the working volume; chosen defaults."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one vessel said in one interval; rows are sampling times, columns the tags of its kind."""

    time_s: NDArray[np.float64]
    values: NDArray[np.float64]
    qualities: NDArray[np.int16]
    assays: tuple[AssayResult, ...]
    events: tuple[LogEvent, ...]


def stream(seed: int, *names: str) -> Generator:
    """An independent stream of random numbers by name: adding or removing one changes no other."""
    key = tuple(crc32(name.encode()) for name in names)
    return default_rng(SeedSequence(seed, spawn_key=key))


class BatchRun:
    """One batch in one vessel.

    Parameters
    ----------
    scenario : VesselScenario
    period_s : float
        Time between two values of a transmitter [s].
    seed : int
    """

    def __init__(self, scenario: VesselScenario, period_s: float, seed: int) -> None:
        self.scenario = scenario
        self._names = (seed, scenario.id, scenario.batch)
        self.every = max(1, math.ceil(period_s / LONGEST_TICK_S))
        self.tick_s = period_s / self.every
        self.columns = len(probes.tags(scenario.kind))
        self.opening = max(1, round(scenario.start_h * 3600.0 / period_s)) * self.every
        self.tick = 0
        self._next_row = self.opening
        self.removed = np.zeros(state.STATES)
        """what samples took out of the vessel, by state"""
        self.open_vessel()
        self._open_instruments(period_s)
        self.crew = Crew(self)

    def draws(self, *name: str) -> Generator:
        """Random numbers of this batch by name."""
        seed, vessel_id, batch = self._names
        return stream(seed, vessel_id, batch, *name)

    def open_vessel(self) -> None:
        """Fill the vessel with medium and inoculum."""
        s = self.scenario
        draw = self.draws("clone")
        z = {name: float(draw.standard_normal()) for name in parameters.DRAWN} if s.variability else {}
        self.p = parameters.record(s.volume_l, parameters.of_kind(s.kind, s.volume_l) | s.parameters, z)
        self.k, self.u, self.c = constants(), vessel.inputs(), control.controller(self.p)
        constants_at(s.set_points.temperature, self.k)
        self.y = vessel.start(self.p, self.k, s.set_points.temperature)
        if s.perfused:
            self.p.feed_cl, self.p.feed_carbon = self.y[[state.CL, state.CT]] / self.y[state.V]
        if s.recipe.inoculate_h > 0.0:
            self.y[[state.XV, state.XD]] = 0.0
        self.u.hydrogen = 10.0**-7.05
        self.set_points = np.array([s.set_points.pH, s.set_points.pO2, s.set_points.temperature, 0.0])
        self.m = np.zeros(1, loop.PLANT).view(np.recarray)[0]
        self.m.tick_h = self.tick_s / 3600.0
        feed, base = BOTTLES[s.kind]
        self.m.feed_full = self.m.feed_bottle = 1e3 * feed * s.volume_l * self.p.feed_density
        self.m.base_full = self.m.base_bottle = 1e3 * base * s.volume_l * self.p.base_density
        self.m.head_mbar, self.m.passed, self.m.disturbance = 1.0, 1.0, s.disturbance
        recipe = s.recipe
        self.m.steam_sp, self.m.steam_min = recipe.sip_temperature, recipe.sip_minutes
        self.m.f0_goal = recipe.sip_f0

    def _open_instruments(self, period_s: float) -> None:
        s = self.scenario
        self.x = np.zeros(len(loop.KEPT))
        loop.observe(self.y, self.p, self.k, self.u, self.c, self.m, self.x)
        specs = self.specs = probes.instruments(s.volume_l, s.kind, s.steamed)
        calibrations = {name: self.draws("calibration", name) for name in specs}
        self.probes = probes.install(specs, self.tick_s, period_s, calibrations, self.x)
        self._noise_of = [self.draws("noise", name) for name in specs]
        self._slow_noise_of = self.draws("disturbances")
        self._odd_noise_of = [self.draws("faults", name) for name in specs]
        n = loop.TICKS_PER_BLOCK
        self.faults = self._fault_table()
        on_probes = not np.isin(self.faults.action, faults.ON_PLANT).all()
        self._noise = np.zeros((len(specs), 2, n))
        self._odd_noise = np.zeros((len(specs), n if on_probes else 0))
        self._slow_noise = np.zeros((n, loop.DISTURBANCES))
        self._scratch = np.zeros((3, state.STATES))
        self._truths: list[NDArray[np.float64]] = [np.zeros((0, len(loop.KEPT)))]

    def _fault_table(self) -> Any:
        table = np.zeros(len(self.scenario.faults), faults.FAULT)
        opened = self.opening * self.tick_s
        for i, fault in enumerate(self.scenario.faults):
            drift = faults.FAULTS[fault.kind].ramps
            ramp = (math.inf if drift else 0.0) if fault.ramp_h is None else fault.ramp_h * 3600.0
            end = math.inf if fault.end_h is None else opened + fault.end_h * 3600.0
            action, place = faults.FAULTS[fault.kind].action, faults.place(fault.kind, fault.tag)
            other = probes.MEASURED.index(fault.other) if fault.other else 0
            table[i] = (action, place, other, opened + fault.at_h * 3600.0, ramp, end, fault.magnitude)
        return table.view(np.recarray)

    def advance(self, to_s: float, keep_truth: bool) -> Said:
        """Run to `to_s` seconds after the opening and return what was said since the last call."""
        target = self.opening + math.floor(to_s / self.tick_s + 1e-9)
        values: list[NDArray[np.float64]] = [np.zeros((0, self.columns))]
        qualities: list[NDArray[np.int16]] = [np.zeros((0, self.columns), np.int16)]
        self.crew.happen()
        while self.tick < target:
            block = (self.tick // loop.TICKS_PER_BLOCK + 1) * loop.TICKS_PER_BLOCK
            stop = min(block, self.crew.next_tick(target))
            rows = self._run(stop - self.tick)
            values.append(rows[0])
            qualities.append(rows[1])
            if keep_truth:
                self._truths.append(rows[2])
            self.crew.happen()
        told, status = np.concatenate(values), np.concatenate(qualities)
        first = self._next_row
        self._next_row += self.every * len(told)
        ticks = first - self.opening + self.every * np.arange(len(told), dtype=np.float64)
        return Said(
            ticks * np.float64(self.tick_s), told, status, self.crew.reported(to_s), self.crew.logged()
        )

    def _run(self, count: int) -> tuple[NDArray[np.float64], NDArray[np.int16], NDArray[np.float64]]:
        at = self.tick % loop.TICKS_PER_BLOCK
        if at == 0:
            self._draw_noise()
        rows = count // self.every + 1
        values = np.empty((rows, self.columns))
        qualities = np.empty((rows, self.columns), np.int16)
        truths = np.empty((rows, len(loop.KEPT)))
        fed, based, ended = self.m.feed_changed, self.m.base_changed, self.m.ended
        written = loop.run(
            self.tick, count, self.opening, self.y, self.p, self.k, self.u, self.c, self.m, self.probes,
            self.set_points, self.faults, self._noise, self._odd_noise, self._slow_noise, at,
            self.every, values, qualities, truths, self.x, self._scratch,
        )  # fmt: skip
        self.tick += count
        self.crew.note_bags(fed, based)
        if self.m.ended != ended:
            self.crew.note_cleaning()
        return values[:written], qualities[:written], truths[:written]

    def _draw_noise(self) -> None:
        for i, generator in enumerate(self._noise_of):
            generator.standard_normal(out=self._noise[i])
        if self._odd_noise.size:
            for i, generator in enumerate(self._odd_noise_of):
                generator.standard_normal(out=self._odd_noise[i])
        self._slow_noise_of.standard_normal(out=self._slow_noise)

    def truth_table(self) -> NDArray[np.float64]:
        """True values at every sampling time so far, shape (rows, len(loop.KEPT))."""
        return np.concatenate(self._truths)

    def truth_times(self) -> NDArray[np.float64]:
        """Seconds since the wires opened of the rows of `truth_table`."""
        rows = sum(len(part) for part in self._truths)
        return np.arange(rows, dtype=np.float64) * np.float64(self.every * self.tick_s)
