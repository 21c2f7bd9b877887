"""One batch in one vessel: the compiled loop between the events of recipe, laboratory and operator."""

import heapq
import math
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from simulators import cleaning, control, faults, laboratory, loop, parameters, probes, state, vessel
from simulators.chemistry import constants, constants_at
from simulators.laboratory import AssayResult
from simulators.log import LogEvent
from simulators.microbe import GRAM_GLUCOSE
from simulators.recipe import FEED, LOOK_H, PHASE_LIMITS, Bleeding, Exponential, Feeding, Phase, phases
from simulators.scenario import VesselScenario
from twin.domain.errors import ConfigError

LONGEST_TICK_S: Final = 15.0
SAMPLE_SHARE: Final = 0.003
"""Liquid a sample takes, as a share of the working volume; chosen default."""
BOTTLES: Final = {"cho_fedbatch": (0.2, 0.025), "cho_perfusion": (4.0, 0.025), "ecoli_fedbatch": (0.35, 0.15)}
"""Bottles of feed (or fresh medium) and base as shares of the working volume; chosen defaults."""
SET_POINT_LIMITS: Final = {
    "pH_sp": (6.0, 8.0),
    "pO2_sp": (0.0, 100.0),
    "temperature_sp": (25.0, 42.0),
    "feed_sp": (0.0, math.inf),
}
CALIBRATED: Final = ("pH", "pO2", "pCO2")
"""Probes that are calibrated while a vessel is prepared."""
STEAM_SHIFT: Final = 0.025
"""Standard deviation of what one SIP does to the zero of a pH probe (makers: within 0.05)."""
_LIQUID: Final = slice(state.V, state.FED + 1)


@dataclass(frozen=True, slots=True)
class Said:
    """What one vessel said in one interval; rows are sampling times, columns are `probes.TAGS`."""

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
        self.opening = max(1, round(scenario.start_h * 3600.0 / period_s)) * self.every
        self.tick = 0
        self._next_row = self.opening
        self.removed = np.zeros(state.STATES)
        """what samples took out of the vessel, by state"""
        self._batches = 0
        self._limits = SET_POINT_LIMITS
        self._open_vessel()
        self._open_instruments(period_s)
        self._plan()

    def _draws(self, *name: str) -> Generator:
        seed, vessel_id, batch = self._names
        return stream(seed, vessel_id, batch, *name)

    def _open_vessel(self) -> None:
        s = self.scenario
        draw = self._draws("clone")
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
        specs = self._specs = probes.instruments(s.volume_l, s.kind, s.steamed)
        calibrations = {name: self._draws("calibration", name) for name in probes.CHANNELS}
        self.probes = probes.install(specs, self.tick_s, period_s, calibrations, self.x)
        self._noise_of = [self._draws("noise", name) for name in probes.CHANNELS]
        self._slow_noise_of = self._draws("disturbances")
        self._odd_noise_of = [self._draws("faults", name) for name in probes.CHANNELS]
        n = loop.TICKS_PER_BLOCK
        self.faults = self._fault_table()
        on_probes = not np.isin(self.faults.action, faults.ON_PLANT).all()
        self._noise = np.zeros((len(probes.CHANNELS), 2, n))
        self._odd_noise = np.zeros((len(probes.CHANNELS), n if on_probes else 0))
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
            other = probes.CHANNELS.index(fault.other) if fault.other else 0
            table[i] = (action, place, other, opened + fault.at_h * 3600.0, ramp, end, fault.magnitude)
        return table.view(np.recarray)

    # -- events of recipe and laboratory ---------------------------------------------------------------

    def _plan(self) -> None:
        s = self.scenario
        self.feeding = Feeding(s.recipe, float(self.p.feed_glc), s.laboratory.every_h)
        self.bleeding = Bleeding(s.perfusion.cells)
        self._due: list[tuple[int, int, str, Any]] = []
        self._order = 0
        self._waiting: list[AssayResult] = []
        self._log: list[LogEvent] = []
        self._feeding = False
        if s.is_microbial:
            sugar = GRAM_GLUCOSE * self.p.feed_glc
            batch = s.microbial.yield_g * GRAM_GLUCOSE * self.p.med_glc
            self.exponential = Exponential(s.microbial, float(batch), float(sugar))
            self._at(s.recipe.grow_h * 3600.0, "look", None)
        for phase in phases(s.recipe, s.kind):
            self._at(phase.at_h * 3600.0, "phase", phase)
        first = -math.floor(self.opening * self.tick_s / 3600.0 / s.laboratory.every_h + 1e-9)
        self._draw_later(first)

    def _at(self, age_s: float, what: str, about: Any) -> None:
        self._order += 1
        tick = max(self.tick, math.ceil(age_s / self.tick_s - 1e-9))
        heapq.heappush(self._due, (tick, self._order, what, about))

    def _draw_later(self, number: int) -> None:
        """Plan sample `number`; number 0 is the one at the opening of the wires, drawn on time."""
        settings = self.scenario.laboratory
        draw = self._draws("laboratory", str(number))
        jitter = laboratory.jitter_h(settings, draw)
        planned = self.opening * self.tick_s / 3600.0 + number * settings.every_h
        self._at(3600.0 * (planned if number == 0 else max(0.0, planned + jitter)), "sample", (number, draw))

    def _clock(self, tick: int) -> float:
        """Seconds since the wires opened."""
        return (tick - self.opening) * self.tick_s

    def _happen(self) -> None:
        while self._due and self._due[0][0] <= self.tick:
            _, _, what, about = heapq.heappop(self._due)
            if what == "phase":
                self._enter_phase(about)
            elif what == "sample":
                self._sample(*about)
            elif what == "look":
                self._look()
            elif what == "adjust":
                self._adjust(*about)
            else:
                self._feed_by(about)

    def _note(self, kind: str, en: str, fr: str, time_s: float | None = None, **data: float | str) -> None:
        at = self._clock(self.tick) if time_s is None else time_s
        self._log.append(LogEvent(at, self.scenario.id, kind, {"en": en, "fr": fr}, data))

    def _enter_phase(self, phase: Phase) -> None:
        recipe = self.scenario.recipe
        self._note("phase", phase.text["en"], phase.text["fr"], phase=phase.name)
        self._limits = SET_POINT_LIMITS | PHASE_LIMITS.get(phase.name, {})
        if phase.name == "feed":
            self._feeding = True
            if self.scenario.is_microbial:
                return
            first = self.feeding.decide(
                self._culture_h(phase.at_h), self._volume(), None, None, float(self.m.fed_count)
            )
            self.set_points[3] = first if recipe.feed_ml_h is None else recipe.feed_ml_h
        elif phase.name == "perfuse":
            self._feeding = True
            self.set_points[3] = 1e3 * self.scenario.perfusion.rate_vvd * float(self.p.volume) / 24.0
        elif phase.name == "shift":
            self.set_points[2] = recipe.shift_temperature
        elif phase.name == "harvest":
            self._feeding = False
            self.set_points[3] = self.c.bleed_set = 0.0
        elif phase.name in ("cip", "sip"):
            self._clean(cleaning.WASH if phase.name == "cip" else cleaning.STEAM)
        elif phase.name == "prepare":
            self._prepare()
        elif phase.name == "inoculate" and phase.at_h > 0.0:
            self.y[state.XV] = self.p.inoculum * self.y[state.V]
            self.y[state.XD] = self.y[state.XV] * (1.0 / self.p.inoculum_viability - 1.0)

    def _culture_h(self, age_h: float) -> float:
        """Age of the culture in a vessel of this age [h]."""
        return max(0.0, age_h - self.scenario.recipe.inoculate_h)

    def _clean(self, mode: int) -> None:
        """Empty the vessel, and wash or steam it."""
        self._feeding = False
        self.set_points[3] = self.c.bleed_set = 0.0
        if self.m.mode == cleaning.CULTURE:
            self.m.inside = self.m.cold = self.y[state.TEMP]
        self.m.mode, self.m.step, self.m.step_h = mode, 0.0, 0.0
        if mode == cleaning.STEAM:
            self.set_points[2] = self.scenario.recipe.sip_temperature
            self.m.f0 = self.m.f0_told = 0.0
            self.m.steam_shift = STEAM_SHIFT * self._draws("steam", str(self._batches)).standard_normal()

    def _prepare(self) -> None:
        """Fill in fresh medium without cells, and calibrate the probes."""
        was = self.m.copy()
        self._batches += 1
        self._open_vessel()
        self.y[[state.XV, state.XD]] = 0.0
        for name in ("w0", "w1", "w2", "w3", "f0", "f0_told", "ended", "result"):
            self.m[name] = was[name]
        self.removed[:] = 0.0
        for name in CALIBRATED:
            draw = self._draws("calibration", name, str(self._batches))
            probe = self.probes[probes.CHANNELS.index(name)]
            probes.calibrate(probe, self._specs[name], draw, self.tick * self.tick_s)
            self._note("calibration", f"{name} probe calibrated", f"Sonde {name} étalonnée", probe=name)

    def _adjust(self, shown: float, sample: float) -> None:
        """Set the pH probe to what the sample said, if they differ by more than the laboratory suffers."""
        limit, error = self.scenario.laboratory.adjust_pH, sample - shown
        if limit is None or abs(error) <= limit or self.m.mode != cleaning.CULTURE:
            return
        self.probes[probes.PH].offset += error
        en, fr = f"pH probe adjusted by {error:+.3f}", f"Sonde pH ajustée de {error:+.3f}"
        self._note("calibration", en, fr, probe="pH", by=error)

    def _look(self) -> None:
        """Decide the feed of a bacterial culture by its pO2."""
        age_h = self.tick * self.tick_s / 3600.0
        if age_h >= self.scenario.recipe.harvest_h:
            return
        po2, stirrer = float(self.probes[probes.PO2].value), float(self.c.stirrer)
        was = self.exponential.rate
        at_the_end = stirrer >= 0.99 * self.p.rpm_max and self.p.enrich == 0.0
        rate = self.exponential.decide(
            self._culture_h(age_h), self._volume(), po2, float(self.set_points[1]), at_the_end
        )
        if was == 0.0 < rate:
            self._enter_phase(Phase(age_h, FEED[0], {"en": FEED[1], "fr": FEED[2]}))
        if self._feeding:
            self.set_points[3] = min(rate, 1e3 * float(self.p.feed_max))
        self._at((age_h + LOOK_H) * 3600.0, "look", None)

    def _volume(self) -> float:
        return float(self.probes[probes.WEIGHT].value / self.p.density)

    def _sample(self, number: int, draw: Generator) -> None:
        settings = self.scenario.laboratory
        self._draw_later(number + 1)
        if self.m.mode != cleaning.CULTURE:
            return
        results = laboratory.assay(
            self.scenario.id, settings, draw, self.x, self._clock(self.tick), self.scenario.kind
        )
        taken = SAMPLE_SHARE * self.p.volume / self.y[state.V]
        self.removed[_LIQUID] += taken * self.y[_LIQUID]
        self.y[_LIQUID] *= 1.0 - taken
        self._waiting.extend(results)
        self._note("sample", f"Sample {number} drawn", f"Échantillon {number} prélevé", number=float(number))
        known = {r.tag.rpartition(".")[2]: r for r in results}
        used = [known[name] for name in ("VCD", "glucose") if name in known]
        if used and not self.scenario.is_microbial:
            opened = self.opening * self.tick_s
            about = {**known, "drawn": self.tick, "bled": float(self.y[state.V_BLED])}
            self._at(opened + max(r.reported_s for r in used), "feed", about)
        if settings.adjust_pH is not None and "pH_lab" in known:
            said, told = known["pH_lab"], float(self.probes[probes.PH].value)
            self._at(self.opening * self.tick_s + said.reported_s, "adjust", (told, said.value))

    def _feed_by(self, known: dict[str, Any]) -> None:
        age_h = self._culture_h(known["drawn"] * self.tick_s / 3600.0)
        cells = known["VCD"].value if "VCD" in known else None
        if self.scenario.perfused:
            self._bleed_by(age_h, cells, known["bled"])
            return
        glucose = known["glucose"].value if "glucose" in known else None
        rate = self.feeding.decide(age_h, self._volume(), cells, glucose, float(self.m.fed_count))
        if self._feeding and self.scenario.recipe.feed_ml_h is None:
            self.set_points[3] = min(rate, 1e3 * float(self.p.feed_max))

    def _bleed_by(self, age_h: float, cells: float | None, bled_l: float) -> None:
        if cells is None:
            return
        rate = self.bleeding.decide(age_h, float(self.p.volume), cells, bled_l)
        self.c.bleed_set = rate if self._feeding else 0.0

    def set_point(self, name: str, value: float) -> None:
        """Write one of `probes.SET_POINTS`.

        Raises
        ------
        ConfigError
            When there is none of that name, or `value` is outside its limits.
        """
        if name not in SET_POINT_LIMITS:
            raise ConfigError(f"set point {self.scenario.id}.{name}: there are {', '.join(SET_POINT_LIMITS)}")
        low, high = self._limits[name]
        if math.isnan(low):
            raise ConfigError(f"set point {self.scenario.id}.{name}: locked while the vessel is cleaned")
        high = min(high, 1e3 * float(self.p.feed_max)) if name == "feed_sp" else high
        if not low <= value <= high:
            raise ConfigError(f"set point {self.scenario.id}.{name}: {value} is not between {low} and {high}")
        self.set_points[probes.SET_POINTS.index(name)] = value
        self._note(
            "set_point", f"{name} set to {value:g}", f"{name} réglé à {value:g}", name=name, value=value
        )

    # -- running ---------------------------------------------------------------------------------------

    def advance(self, to_s: float, keep_truth: bool) -> Said:
        """Run to `to_s` seconds after the opening and return what was said since the last call."""
        target = self.opening + math.floor(to_s / self.tick_s + 1e-9)
        values: list[NDArray[np.float64]] = [np.zeros((0, len(probes.TAGS)))]
        qualities: list[NDArray[np.int16]] = [np.zeros((0, len(probes.TAGS)), np.int16)]
        self._happen()
        while self.tick < target:
            block = (self.tick // loop.TICKS_PER_BLOCK + 1) * loop.TICKS_PER_BLOCK
            stop = min(target, block, self._due[0][0] if self._due else target)
            rows = self._run(stop - self.tick)
            values.append(rows[0])
            qualities.append(rows[1])
            if keep_truth:
                self._truths.append(rows[2])
            self._happen()
        told, status = np.concatenate(values), np.concatenate(qualities)
        first = self._next_row
        self._next_row += self.every * len(told)
        ticks = first - self.opening + self.every * np.arange(len(told), dtype=np.float64)
        return Said(ticks * np.float64(self.tick_s), told, status, self._reported(to_s), self._logged())

    def _run(self, count: int) -> tuple[NDArray[np.float64], NDArray[np.int16], NDArray[np.float64]]:
        at = self.tick % loop.TICKS_PER_BLOCK
        if at == 0:
            self._draw_noise()
        rows = count // self.every + 1
        values = np.empty((rows, len(probes.TAGS)))
        qualities = np.empty((rows, len(probes.TAGS)), np.int16)
        truths = np.empty((rows, len(loop.KEPT)))
        fed, based, ended = self.m.feed_changed, self.m.base_changed, self.m.ended
        written = loop.run(
            self.tick, count, self.opening, self.y, self.p, self.k, self.u, self.c, self.m, self.probes,
            self.set_points, self.faults, self._noise, self._odd_noise, self._slow_noise, at,
            self.every, values, qualities, truths, self.x, self._scratch,
        )  # fmt: skip
        self.tick += count
        self._note_bags(fed, based)
        if self.m.ended != ended:
            self._note_cleaning()
        return values[:written], qualities[:written], truths[:written]

    def _draw_noise(self) -> None:
        for i, generator in enumerate(self._noise_of):
            generator.standard_normal(out=self._noise[i])
        if self._odd_noise.size:
            for i, generator in enumerate(self._odd_noise_of):
                generator.standard_normal(out=self._odd_noise[i])
        self._slow_noise_of.standard_normal(out=self._slow_noise)

    def _note_cleaning(self) -> None:
        at, result = self.m.ended - self.opening * self.tick_s, float(self.m.result)
        if self.m.mode == cleaning.STEAM:
            en, fr = f"SIP ended, F0 {result:.1f} min", f"SEP terminée, F0 {result:.1f} min"
            self._note("sip", en, fr, at, f0_min=result)
            return
        well = result <= cleaning.RINSED
        en = f"CIP ended {'well' if well else 'not rinsed'}, {1e3 * result:.2f} µS/cm"
        fr = f"NEP terminé, {'rincé' if well else 'non rincé'}, {1e3 * result:.2f} µS/cm"
        self._note("cip", en, fr, at, conductivity=result)

    def _note_bags(self, fed: float, based: float) -> None:
        opened = self.opening * self.tick_s
        if self.m.feed_changed != fed:
            self._note(
                "bag_change",
                "Feed bottle changed",
                "Bouteille d'alimentation changée",
                self.m.feed_changed - opened,
                bottle="feed",
            )
        if self.m.base_changed != based:
            self._note(
                "bag_change",
                "Base bottle changed",
                "Bouteille de base changée",
                self.m.base_changed - opened,
                bottle="base",
            )

    def _reported(self, to_s: float) -> tuple[AssayResult, ...]:
        ready = tuple(a for a in self._waiting if a.reported_s <= to_s)
        self._waiting = [a for a in self._waiting if a.reported_s > to_s]
        return tuple(a for a in ready if a.drawn_s >= 0.0)

    def _logged(self) -> tuple[LogEvent, ...]:
        events, self._log = tuple(self._log), []
        return events

    def truth_table(self) -> NDArray[np.float64]:
        """True values at every sampling time so far, shape (rows, len(loop.KEPT))."""
        return np.concatenate(self._truths)

    def truth_times(self) -> NDArray[np.float64]:
        """Seconds since the wires opened of the rows of `truth_table`."""
        rows = sum(len(part) for part in self._truths)
        return np.arange(rows, dtype=np.float64) * np.float64(self.every * self.tick_s)
