"""The recipe: which phase begins when, and how much to feed, or bleed, after each sample."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from simulators.scenario import Microbial, Recipe

GROWTH_AHEAD: float = 0.02
"""Growth rate assumed for the next hours while the culture is young [1/h]; chosen default."""
YOUNG_H: float = 144.0
USE_AT_FIRST: float = 0.06
"""Glucose use assumed before it can be worked out from samples [mmol/1e9 cells/h]; chosen default."""
MOLAR: float = 180.16
STEER: float = 0.5
"""Part of the distance to the target that one decision makes up; chosen default."""
SETTLE_H: float = 48.0
"""Time in which the bleed brings the cells to their target [h]; chosen default."""
BELIEF: float = 0.2
"""Weight of the growth between two samples against what was believed before; chosen default."""
FASTEST: float = 0.04
"""Growth rate above which two samples are not believed [1/h]; chosen default."""
LOOK_H: float = 0.05
"""Time between two looks at pO2 for the feed of a bacterial culture [h]; chosen default."""
LEAP: float = 20.0
"""Rise of pO2 above its set point that says the sugar is gone [%]; chosen default."""
EASE: float = 0.02
"""Part of the feed taken back at a look when oxygen is short; chosen default."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the recipe and its name for people."""

    at_h: float
    name: str
    text: dict[str, str]


NO_FEED = {"feed_sp": (0.0, 0.0)}
LOCKED = dict.fromkeys(("pH_sp", "pO2_sp", "temperature_sp", "feed_sp"), (math.nan, math.nan))
PHASE_LIMITS: dict[str, dict[str, tuple[float, float]]] = {
    "cip": LOCKED, "sip": LOCKED, "prepare": NO_FEED, "harvest": NO_FEED,
}  # fmt: skip
"""Limits of set points that a phase changes; NaN for set points nobody may write."""
FEED = ("feed", "Feeding", "Alimentation")
HARVEST = ("harvest", "Harvest", "Récolte")


def phases(recipe: Recipe, kind: str = "cho_fedbatch") -> tuple[Phase, ...]:
    """Phases in order of their beginning [h of culture age]; when E. coli is fed is not known before."""
    perfused = kind == "cho_perfusion"
    feed = ("perfuse", "Perfusion", "Perfusion") if perfused else FEED
    fed_h = None if kind == "ecoli_fedbatch" else recipe.feed_start_h
    plan = (
        (recipe.cip_h, "cip", "Cleaning in place", "Nettoyage en place"),
        (recipe.sip_h, "sip", "Sterilisation in place", "Stérilisation en place"),
        (recipe.prepare_h, "prepare", "Preparation", "Préparation"),
        (recipe.inoculate_h, "inoculate", "Inoculation", "Inoculation"),
        (recipe.grow_h, "grow", "Growth", "Croissance"),
        (fed_h, *feed),
        (recipe.shift_h, "shift", "Temperature shift", "Changement de température"),
        (recipe.harvest_h, *HARVEST),
    )
    found = [Phase(at, name, {"en": en, "fr": fr}) for at, name, en, fr in plan if at is not None]
    return tuple(sorted(found, key=lambda phase: phase.at_h))


@dataclass(slots=True)
class Feeding:
    """The operator's daily decision: replace what the cells will use, and steer to the target.

    Works from laboratory results only. The use per cell is worked out from the last two samples.
    """

    recipe: Recipe
    feed_mmol_l: float
    every_h: float
    use: float = USE_AT_FIRST
    last: tuple[float, float, float, float] | None = None
    _cells: float = field(default=0.3)

    def decide(
        self, age_h: float, volume_l: float, cells: float | None, glucose: float | None, fed_l: float
    ) -> float:
        """Feed for the time until the next sample [mL/h].

        Parameters
        ----------
        age_h : float
        volume_l : float
        cells : float or None
            Viable cells [1e6/mL]; None when the assay is missing.
        glucose : float or None
            [g/L]
        fed_l : float
            Feed given so far, by the pump's own count [L].
        """
        cells = self._cells if cells is None else cells
        target = self.recipe.glucose_target * 1e3 / MOLAR
        level = target if glucose is None else glucose * 1e3 / MOLAR
        if self.last is not None and glucose is not None:
            self._learn(age_h, volume_l, cells, level, fed_l)
        if glucose is not None:
            self.last = (age_h, cells, level, fed_l)
        self._cells = cells
        growth = GROWTH_AHEAD if age_h < YOUNG_H else 0.0
        ahead = cells * math.exp(growth * self.every_h / 2.0)
        need = self.use * ahead * volume_l + STEER * (target - level) * volume_l / self.every_h
        return max(0.0, 1e3 * need / self.feed_mmol_l)

    def _learn(self, age_h: float, volume_l: float, cells: float, level: float, fed_l: float) -> None:
        assert self.last is not None
        then, before, was, had = self.last
        cell_hours = 0.5 * (cells + before) * (age_h - then)
        used = was - level + (fed_l - had) * self.feed_mmol_l / volume_l
        if cell_hours > 0.0:
            self.use = min(0.12, max(0.015, 0.5 * self.use + 0.5 * used / cell_hours))


@dataclass(slots=True)
class Exponential:
    """The feed of a bacterial culture: none until pO2 leaps, then exponential, held back by pO2.

    Parameters
    ----------
    settings : Microbial
    cells_g_l : float
        Dry cells expected when the sugar of the batch is gone [g/L].
    sugar_g_l : float
        Glucose in the feed [g/L].
    """

    settings: Microbial
    cells_g_l: float
    sugar_g_l: float
    rate: float = 0.0
    _low: bool = False

    def begin(self, volume_l: float) -> None:
        """Begin to feed what the cells expected at the end of the batch need."""
        need = self.settings.growth_rate / self.settings.yield_g * self.cells_g_l * volume_l
        self.rate = 1e3 * need / self.sugar_g_l

    def decide(self, age_h: float, volume_l: float, po2: float, set_point: float, at_the_end: bool) -> float:
        """Feed until the next look, `LOOK_H` later [mL/h].

        Parameters
        ----------
        age_h, volume_l : float
        po2, set_point : float
            What the probe says, and what is asked for [%].
        at_the_end : bool
            Stirrer and air can give no more.
        """
        how = self.settings
        if self.rate == 0.0:
            self._low = self._low or po2 < set_point + 5.0
            leapt = self._low and po2 > set_point + LEAP
            if leapt and age_h >= how.earliest_feed_h:
                self.begin(volume_l)
        elif how.guard and at_the_end and po2 < 0.5 * set_point:
            self.rate *= 1.0 - EASE
        elif not (how.guard and at_the_end):
            self.rate *= math.exp(how.growth_rate * LOOK_H)
        return self.rate


@dataclass(slots=True)
class Bleeding:
    """The operator's daily decision in a perfusion: bleed what grows, and steer to the cells wanted.

    Works from laboratory results only. The growth rate is worked out from the last two samples.

    Parameters
    ----------
    target : float
        Viable cells [1e6/mL].
    growth : float
        Net growth rate assumed now [1/h].
    """

    target: float
    growth: float = GROWTH_AHEAD
    last: tuple[float, float, float] | None = None

    def decide(self, age_h: float, volume_l: float, cells: float, bled_l: float) -> float:
        """Bleed for the time until the next sample [L/h].

        Parameters
        ----------
        age_h : float
        volume_l : float
        cells : float
            Viable cells [1e6/mL].
        bled_l : float
            Bled so far, by the pump's own count [L].
        """
        cells = max(0.01, cells)
        if self.last is not None and age_h > self.last[0]:
            then, before, had = self.last
            grown = (math.log(cells / before) + (bled_l - had) / volume_l) / (age_h - then)
            self.growth += BELIEF * (min(FASTEST, max(0.0, grown)) - self.growth)
        self.last = (age_h, cells, bled_l)
        return max(0.0, volume_l * (self.growth + math.log(cells / self.target) / SETTLE_H))


class Procedure:
    """The phases that are to come, and whether the recipe is held; while it is, its time stands still.

    Parameters
    ----------
    plan : sequence of Phase
        In order of their beginning.
    """

    def __init__(self, plan: Sequence[Phase]) -> None:
        self.coming = list(plan)
        self.now = ""
        """name of the phase that runs"""
        self._held_at_h: float | None = None

    @property
    def held(self) -> bool:
        """True while the recipe is held."""
        return self._held_at_h is not None

    @property
    def next_h(self) -> float:
        """Culture age at which the next phase begins [h]; infinite when none does by itself."""
        return self.coming[0].at_h if self.coming and not self.held else math.inf

    def begin(self) -> Phase:
        """The next phase, which is no longer to come."""
        return self.coming.pop(0)

    def hold(self, age_h: float) -> bool:
        """Hold the recipe; False when it is held or over."""
        if self.held or self.now in ("", "harvest"):
            return False
        self._held_at_h = age_h
        return True

    def resume(self, age_h: float) -> bool:
        """Go on: what is to come is later by the time held; False when the recipe is not held."""
        if self._held_at_h is None:
            return False
        late = age_h - self._held_at_h
        self.coming = [replace(phase, at_h=phase.at_h + late) for phase in self.coming]
        self._held_at_h = None
        return True

    def advance(self, age_h: float) -> Phase:
        """The next phase, beginning now."""
        return replace(self.begin(), at_h=age_h)

    def harvest(self, age_h: float) -> Phase:
        """The harvest, beginning now; phases before it are left out and a hold ends."""
        self._held_at_h = None
        left = [phase.name for phase in self.coming]
        after = left.index("harvest") + 1 if "harvest" in left else len(left)
        self.coming = self.coming[after:]
        name, en, fr = HARVEST
        return Phase(age_h, name, {"en": en, "fr": fr})
