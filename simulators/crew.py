"""Who runs a batch: its recipe, its laboratory and its operators, and what they do between two ticks."""

import heapq
import math
from typing import TYPE_CHECKING, Any, Final

from numpy.random import Generator

from simulators import cleaning, laboratory, probes, state
from simulators.laboratory import AssayResult
from simulators.log import LogEvent
from simulators.microbe import GRAM_GLUCOSE
from simulators.operations import CALIBRATED, OPERATIONS, NotNow
from simulators.recipe import (
    FEED,
    LOOK_H,
    PHASE_LIMITS,
    Bleeding,
    Exponential,
    Feeding,
    Phase,
    Procedure,
    phases,
)
from twin.domain.errors import ConfigError

if TYPE_CHECKING:
    from simulators.batch import BatchRun

SAMPLE_SHARE: Final = 0.003
"""Liquid a sample takes, as a share of the working volume; chosen default."""
SET_POINT_LIMITS: Final = {
    "pH_sp": (6.0, 8.0),
    "pO2_sp": (0.0, 100.0),
    "temperature_sp": (25.0, 42.0),
    "feed_sp": (0.0, math.inf),
}
STEAM_SHIFT: Final = 0.025
"""Standard deviation of what one SIP does to the zero of a pH probe (makers: within 0.05)."""
_LIQUID: Final = slice(state.V, state.FED + 1)


class Crew:
    """What recipe, laboratory and operators do to a batch, and the log book they keep.

    Parameters
    ----------
    batch : BatchRun
        With its vessel and instruments open.
    """

    def __init__(self, batch: "BatchRun") -> None:
        self.batch, s = batch, batch.scenario
        self._id = s.id
        self._limits = SET_POINT_LIMITS
        self._inoculated_h = s.recipe.inoculate_h
        self._prepared = self._beside = self._corrected = 0
        self.feeding = Feeding(s.recipe, float(self.batch.p.feed_glc), s.laboratory.every_h)
        self.bleeding = Bleeding(s.perfusion.cells)
        self._due: list[tuple[int, int, str, Any]] = []
        self._order = 0
        self._waiting: list[AssayResult] = []
        self._log: list[LogEvent] = []
        self._feeding = False
        if s.is_microbial:
            sugar = GRAM_GLUCOSE * self.batch.p.feed_glc
            grown = s.microbial.yield_g * GRAM_GLUCOSE * self.batch.p.med_glc
            self.exponential = Exponential(s.microbial, float(grown), float(sugar))
            self._at(s.recipe.grow_h * 3600.0, "look", None)
        self.procedure = Procedure(phases(s.recipe, s.kind))
        self._before_hold = False, 0.0, 0.0
        first = -math.floor(self.batch.opening * self.batch.tick_s / 3600.0 / s.laboratory.every_h + 1e-9)
        self._draw_later(first)

    def _at(self, age_s: float, what: str, about: Any) -> None:
        self._order += 1
        heapq.heappush(self._due, (max(self.batch.tick, self._tick_of(age_s)), self._order, what, about))

    def _tick_of(self, age_s: float) -> int:
        return math.ceil(age_s / self.batch.tick_s - 1e-9)

    def _draw_later(self, number: int) -> None:
        """Plan sample `number`; number 0 is the one at the opening of the wires, drawn on time."""
        settings = self.batch.scenario.laboratory
        draw = self.batch.draws("laboratory", str(number))
        jitter = laboratory.jitter_h(settings, draw)
        planned = self.batch.opening * self.batch.tick_s / 3600.0 + number * settings.every_h
        self._at(3600.0 * (planned if number == 0 else max(0.0, planned + jitter)), "sample", (number, draw))

    def _clock(self, tick: int) -> float:
        """Seconds since the wires opened."""
        return (tick - self.batch.opening) * self.batch.tick_s

    @property
    def age_h(self) -> float:
        """Culture age reached [h]."""
        return self.batch.tick * self.batch.tick_s / 3600.0

    def next_tick(self, target: int) -> int:
        """Tick at which something is planned, `target` at the latest."""
        return int(min(target, self._phase_tick(), self._due[0][0] if self._due else target))

    def _phase_tick(self) -> float:
        at_h = self.procedure.next_h
        return at_h if math.isinf(at_h) else max(self.batch.tick, self._tick_of(at_h * 3600.0))

    def happen(self) -> None:
        """Do what is due."""
        while self._phase_tick() <= self.batch.tick:
            self.enter_phase(self.procedure.begin())
        while self._due and self._due[0][0] <= self.batch.tick:
            _, _, what, about = heapq.heappop(self._due)
            if what == "sample":
                self._sample(*about)
            elif what == "look":
                self._look()
            elif what == "adjust":
                self._adjust(*about)
            else:
                self._feed_by(about)

    def note(self, kind: str, en: str, fr: str, time_s: float | None = None, **data: float | str) -> None:
        """Write a line into the log book."""
        at = self._clock(self.batch.tick) if time_s is None else time_s
        self._log.append(LogEvent(at, self._id, kind, {"en": en, "fr": fr}, data))

    def enter_phase(self, phase: Phase) -> None:
        """Begin a phase: its feed, its set points, and what may be set while it lasts."""
        recipe, self.procedure.now = self.batch.scenario.recipe, phase.name
        self.note("phase", phase.text["en"], phase.text["fr"], phase=phase.name)
        self._limits = SET_POINT_LIMITS | PHASE_LIMITS.get(phase.name, {})
        if phase.name == "feed":
            self._feeding = True
            if self.batch.scenario.is_microbial:
                return
            first = self.feeding.decide(
                self._culture_h(phase.at_h), self._volume(), None, None, float(self.batch.m.fed_count)
            )
            self.batch.set_points[3] = first if recipe.feed_ml_h is None else recipe.feed_ml_h
        elif phase.name == "perfuse":
            self._feeding = True
            self.batch.set_points[3] = (
                1e3 * self.batch.scenario.perfusion.rate_vvd * float(self.batch.p.volume) / 24.0
            )
        elif phase.name == "shift":
            self.batch.set_points[2] = recipe.shift_temperature
        elif phase.name == "harvest":
            self._feeding = False
            self.batch.set_points[3] = self.batch.c.bleed_set = 0.0
        elif phase.name in ("cip", "sip"):
            self._clean(cleaning.WASH if phase.name == "cip" else cleaning.STEAM)
        elif phase.name == "prepare":
            self._prepare()
        elif phase.name == "inoculate" and phase.at_h > 0.0:
            self._inoculate(phase.at_h)

    def _inoculate(self, at_h: float) -> None:
        y, p = self.batch.y, self.batch.p
        self._inoculated_h = at_h
        y[state.XV] = p.inoculum * y[state.V]
        y[state.XD] = y[state.XV] * (1.0 / p.inoculum_viability - 1.0)

    def _culture_h(self, age_h: float) -> float:
        """Age of the culture in a vessel of this age [h]."""
        return max(0.0, age_h - self._inoculated_h)

    def _clean(self, mode: int) -> None:
        """Empty the vessel, and wash or steam it."""
        m = self.batch.m
        self._feeding = False
        self.batch.set_points[3] = self.batch.c.bleed_set = 0.0
        if self.batch.m.mode == cleaning.CULTURE:
            self.batch.m.inside = self.batch.m.cold = self.batch.y[state.TEMP]
        m.mode, m.step, m.step_h = mode, 0.0, 0.0
        if mode == cleaning.STEAM:
            self.batch.set_points[2] = self.batch.scenario.recipe.sip_temperature
            self.batch.m.f0 = self.batch.m.f0_told = 0.0
            self.batch.m.steam_shift = (
                STEAM_SHIFT * self.batch.draws("steam", str(self._prepared)).standard_normal()
            )

    def _prepare(self) -> None:
        """Fill in fresh medium without cells, and calibrate the probes."""
        was = self.batch.m.copy()
        self._prepared += 1
        self.batch.open_vessel()
        self.batch.y[[state.XV, state.XD]] = 0.0
        for name in ("w0", "w1", "w2", "w3", "f0", "f0_told", "ended", "result"):
            self.batch.m[name] = was[name]
        self.batch.removed[:] = 0.0
        for name in CALIBRATED:
            draw = self.batch.draws("calibration", name, str(self._prepared))
            probe = self.batch.probes[probes.CHANNELS.index(name)]
            probes.calibrate(probe, self.batch.specs[name], draw, self.batch.tick * self.batch.tick_s)
            self.note("calibration", f"{name} probe calibrated", f"Sonde {name} étalonnée", probe=name)

    def _adjust(self, shown: float, sample: float) -> None:
        """Set the pH probe to what the sample said, if they differ by more than the laboratory suffers."""
        limit, error = self.batch.scenario.laboratory.adjust_pH, sample - shown
        if limit is None or abs(error) <= limit or self.batch.m.mode != cleaning.CULTURE:
            return
        self.batch.probes[probes.PH].offset += error
        en, fr = f"pH probe adjusted by {error:+.3f}", f"Sonde pH ajustée de {error:+.3f}"
        self.note("calibration", en, fr, probe="pH", by=error)

    def _look(self) -> None:
        """Decide the feed of a bacterial culture by its pO2."""
        age_h = self.age_h
        if self.procedure.now == "harvest":
            return
        self._at((age_h + LOOK_H) * 3600.0, "look", None)
        if not self.procedure.held:
            self._feed_by_oxygen(age_h)

    def _feed_by_oxygen(self, age_h: float) -> None:
        po2, stirrer = float(self.batch.probes[probes.PO2].value), float(self.batch.c.stirrer)
        was = self.exponential.rate
        at_the_end = stirrer >= 0.99 * self.batch.p.rpm_max and self.batch.p.enrich == 0.0
        rate = self.exponential.decide(
            self._culture_h(age_h), self._volume(), po2, float(self.batch.set_points[1]), at_the_end
        )
        if was == 0.0 < rate:
            self._begin_feed()
        if self._feeding:
            self.batch.set_points[3] = min(rate, 1e3 * float(self.batch.p.feed_max))

    def _begin_feed(self) -> None:
        self.enter_phase(Phase(self.age_h, FEED[0], {"en": FEED[1], "fr": FEED[2]}))

    def _volume(self) -> float:
        return float(self.batch.probes[probes.WEIGHT].value / self.batch.p.density)

    def _sample(self, number: int, draw: Generator) -> None:
        settings = self.batch.scenario.laboratory
        self._draw_later(number + 1)
        if self.batch.m.mode != cleaning.CULTURE:
            return
        results = self._take(draw)
        self.note("sample", f"Sample {number} drawn", f"Échantillon {number} prélevé", number=float(number))
        known = {r.tag.rpartition(".")[2]: r for r in results}
        used = [known[name] for name in ("VCD", "glucose") if name in known]
        if used and not self.batch.scenario.is_microbial:
            opened = self.batch.opening * self.batch.tick_s
            about = {**known, "drawn": self.batch.tick, "bled": float(self.batch.y[state.V_BLED])}
            self._at(opened + max(r.reported_s for r in used), "feed", about)
        if settings.adjust_pH is not None and "pH_lab" in known:
            said, told = known["pH_lab"], float(self.batch.probes[probes.PH].value)
            self._at(self.batch.opening * self.batch.tick_s + said.reported_s, "adjust", (told, said.value))

    def _take(self, draw: Generator) -> tuple[AssayResult, ...]:
        """Take a sample out of the vessel and hand it to the laboratory."""
        b, s = self.batch, self.batch.scenario
        results = laboratory.assay(s.id, s.laboratory, draw, b.x, self._clock(b.tick), s.kind)
        taken = SAMPLE_SHARE * b.p.volume / b.y[state.V]
        b.removed[_LIQUID] += taken * b.y[_LIQUID]
        b.y[_LIQUID] *= 1.0 - taken
        self._waiting.extend(results)
        return results

    def _feed_by(self, known: dict[str, Any]) -> None:
        age_h = self._culture_h(known["drawn"] * self.batch.tick_s / 3600.0)
        cells = known["VCD"].value if "VCD" in known else None
        if self.batch.scenario.perfused:
            self._bleed_by(age_h, cells, known["bled"])
            return
        glucose = known["glucose"].value if "glucose" in known else None
        rate = self.feeding.decide(age_h, self._volume(), cells, glucose, float(self.batch.m.fed_count))
        if self._feeding and self.batch.scenario.recipe.feed_ml_h is None:
            self.batch.set_points[3] = min(rate, 1e3 * float(self.batch.p.feed_max))

    def _bleed_by(self, age_h: float, cells: float | None, bled_l: float) -> None:
        if cells is None:
            return
        rate = self.bleeding.decide(age_h, float(self.batch.p.volume), cells, bled_l)
        self.batch.c.bleed_set = rate if self._feeding else 0.0

    def set_point(self, name: str, value: float) -> None:
        """Write one of `probes.SET_POINTS`.

        Raises
        ------
        ConfigError
            When there is none of that name, or `value` is outside its limits.
        """
        if name not in SET_POINT_LIMITS:
            raise ConfigError(f"set point {self._id}.{name}: there are {', '.join(SET_POINT_LIMITS)}")
        low, high = self._limits[name]
        if math.isnan(low):
            raise ConfigError(f"set point {self._id}.{name}: locked while the vessel is cleaned")
        high = min(high, 1e3 * float(self.batch.p.feed_max)) if name == "feed_sp" else high
        if not low <= value <= high:
            raise ConfigError(f"set point {self._id}.{name}: {value} is not between {low} and {high}")
        self.batch.set_points[probes.SET_POINTS.index(name)] = value
        self.note(
            "set_point", f"{name} set to {value:g}", f"{name} réglé à {value:g}", name=name, value=value
        )

    # -- what an operator asks (`operations`) ------------------------------------------------------------

    def operate(self, name: str, about: str = "") -> None:
        """Carry out one of `operations.OPERATIONS`.

        Raises
        ------
        ConfigError
            When there is none of that name, or its argument is wrong; `NotNow` when its time is not now.
        """
        if name not in OPERATIONS:
            raise ConfigError(f"{self._id}: operation {name!r}; there are {', '.join(OPERATIONS)}")
        self.happen()
        OPERATIONS[name].act(self, about)

    def hold_feed(self) -> None:
        """Stop feed, perfusion and bleed, and remember what they were."""
        self._before_hold = self._feeding, float(self.batch.set_points[3]), float(self.batch.c.bleed_set)
        self._feeding = False
        self.batch.set_points[3] = self.batch.c.bleed_set = 0.0

    def resume_feed(self) -> None:
        """Feed, perfuse and bleed as before the hold."""
        self._feeding, self.batch.set_points[3], self.batch.c.bleed_set = self._before_hold

    def feed_now(self) -> None:
        """Begin the feed of a bacterial culture without waiting for pO2 to leap."""
        self.exponential.begin(self._volume())
        self._begin_feed()

    def sample_beside(self) -> None:
        """Take a sample that is not in the schedule; it decides no feed."""
        self._beside += 1
        self._take(self.batch.draws("laboratory", "beside", str(self._beside)))
        en, fr = "Sample drawn on request", "Échantillon prélevé sur demande"
        self.note("sample", en, fr, on_request=float(self._beside))

    def calibrate(self, name: str) -> None:
        """Set a probe to a reference; see `probes.correct`."""
        place = probes.CHANNELS.index(name)
        self._corrected += 1
        draw = self.batch.draws("calibration", name, "asked", str(self._corrected))
        try:
            by = probes.correct(
                self.batch.probes[place], self.batch.specs[name], draw, float(self.batch.x[place])
            )
        except ValueError as error:
            raise NotNow(f"{self._id}: the {name} probe can not be calibrated: it {error}") from error
        en, fr = f"{name} probe calibrated by {by:+.3f}", f"Sonde {name} étalonnée de {by:+.3f}"
        self.note("calibration", en, fr, probe=name, by=by)

    def note_cleaning(self) -> None:
        """Write down how a cleaning ended."""
        at, result = self.batch.m.ended - self.batch.opening * self.batch.tick_s, float(self.batch.m.result)
        if self.batch.m.mode == cleaning.STEAM:
            en, fr = f"SIP ended, F0 {result:.1f} min", f"SEP terminée, F0 {result:.1f} min"
            self.note("sip", en, fr, at, f0_min=result)
            return
        well = result <= cleaning.RINSED
        en = f"CIP ended {'well' if well else 'not rinsed'}, {1e3 * result:.2f} µS/cm"
        fr = f"NEP terminé, {'rincé' if well else 'non rincé'}, {1e3 * result:.2f} µS/cm"
        self.note("cip", en, fr, at, conductivity=result)

    def note_bags(self, fed: float, based: float) -> None:
        """Write down which bottles were changed since these times."""
        opened = self.batch.opening * self.batch.tick_s
        if self.batch.m.feed_changed != fed:
            self.note(
                "bag_change",
                "Feed bottle changed",
                "Bouteille d'alimentation changée",
                self.batch.m.feed_changed - opened,
                bottle="feed",
            )
        if self.batch.m.base_changed != based:
            self.note(
                "bag_change",
                "Base bottle changed",
                "Bouteille de base changée",
                self.batch.m.base_changed - opened,
                bottle="base",
            )

    def reported(self, to_s: float) -> tuple[AssayResult, ...]:
        """Results the laboratory has told by now, of samples drawn since the wires opened."""
        ready = tuple(a for a in self._waiting if a.reported_s <= to_s)
        self._waiting = [a for a in self._waiting if a.reported_s > to_s]
        return tuple(a for a in ready if a.drawn_s >= 0.0)

    def logged(self) -> tuple[LogEvent, ...]:
        """Lines of the log book since the last call."""
        events, self._log = tuple(self._log), []
        return events
