"""What a variable of an unknown server probably measures: told from its name, unit and range. Pure.

Each kind of signal gives a likelihood to what is seen of a variable, relative to "something else": its words
against the name, its units against the unit, its usual span against the range. The product, normalised over
all kinds and "something else", is the confidence. The weights are chosen defaults; an engineer approves.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

STRONG, WEAK, NO_WORD = 40.0, 6.0, 0.4
"""How much likelier a name is under a kind: with one of its own words, with one it shares, with neither."""
SAME_UNIT, OTHER_UNIT = 8.0, 0.02
INSIDE, OUTSIDE = 2.0, 0.15
ELSE: Final = 3.0
"""Weight of "something else" (chosen default)."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of signal of a bioreactor.

    Parameters
    ----------
    name, quantity, unit : str
        Of the tag that would be made.
    low, high : float
        Widest range that is usual [unit].
    accuracy : float
        Standard deviation of an honest instrument, for the draft [unit].
    words, shared : tuple of str
        Words that name it, and words that name other things as well; lower case, English, French, German.
    units : tuple of str
        UCUM units it is seen in (the first is the tag's own).
    """

    name: str
    quantity: str
    unit: str
    low: float
    high: float
    accuracy: float
    words: tuple[str, ...]
    shared: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


_TABLE: Final = """
pH           | pH           | 1      | 0 14 0.02       | ph                                      | at | 1
pO2          | pO2          | %      | 0 250 1         | po2 do do2 dot dissolvedoxygen          | oxygen at o2 | %
pCO2         | pCO2         | mm[Hg] | 0 400 3         | pco2 dco2 dissolvedco2                  | co2 at | mm[Hg] % mbar
conductivity | conductivity | mS/cm  | 0 100 0.1       | cond conductivity conductivite leitfahigkeit | at ct | mS/cm
temperature  | temperature  | Cel    | -10 150 0.1     | temp temperature temperatur             | tt tic t | Cel
agitation    | rotation     | {rpm}  | 0 3000 2        | agitation agit agitator stirrer stir rpm agitateur | speed st sic n | {rpm}
weight       | weight       | kg     | 0 30000 0.05    | weight poids gewicht scale balance      | wt mass load | kg
volume       | volume       | L      | 0 30000 0.05    | volume level niveau fullstand           | lt vol v | L
air_flow     | gas flow     | L/min  | 0 5000 0.05     | airflow air luft                        | flow ft fic sparge gas overlay | L/min
O2_flow      | gas flow     | L/min  | 0 5000 0.05     | o2flow oxygenflow                       | o2 oxygen flow ft fic sparge gas | L/min
CO2_flow     | gas flow     | L/min  | 0 5000 0.05     | co2flow                                 | co2 flow ft fic sparge gas | L/min
N2_flow      | gas flow     | L/min  | 0 5000 0.05     | n2flow n2 nitrogen azote                | flow ft fic gas | L/min
feed         | liquid flow  | L/h    | 0 1000 0.01     | feed feedrate alimentation zufuhr nutrient | pump flow ft fic | L/h mL/h
base         | liquid flow  | L/h    | 0 1000 0.01     | base alkali naoh lauge                  | pump flow ft fic | L/h mL/h
acid         | liquid flow  | L/h    | 0 1000 0.01     | acid acide saure                        | pump flow ft fic | L/h mL/h
pressure     | pressure     | mbar   | -100 5000 2     | press pressure pression druck headpressure | pt pic p | mbar
exit_CO2     | gas fraction | %      | 0 100 0.05      | exhaustco2 offgasco2 exitco2 abgasco2   | co2 offgas exhaust at | %
exit_O2      | gas fraction | %      | 0 100 0.05      | exhausto2 offgaso2 exito2 abgaso2       | o2 offgas exhaust at | %
capacitance  | count        | 1      | 0 500 0.5       | capacitance permittivity biomass        | cap |
turbidity    | absorbance   | 1      | 0 200 0.01      | turbidity od od600 opticaldensity absorbance | at | 1
"""  # noqa: E501 -- one row a kind of signal


def _signal(row: str) -> Signal:
    name, quantity, unit, numbers, words, shared, units = (cell.strip() for cell in row.split("|"))
    low, high, accuracy = map(float, numbers.split())
    lists = (tuple(words.split()), tuple(shared.split()), tuple(units.split()))
    return Signal(name, quantity, unit, low, high, accuracy, *lists)


SIGNALS: Final[Sequence[Signal]] = tuple(map(_signal, _TABLE.strip().splitlines()))

SET_POINT: Final = frozenset(
    {"sp", "setpoint", "set", "consigne", "soll", "sollwert", "csp", "tgt", "target"}
)
PLAIN: Final = frozenset(
    {"pv", "value", "val", "actual", "ist", "istwert", "mesure", "measured", "process", "analog"}
)
_SPLIT: Final = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z]{2})(?=\d{2,})")
_ACCENTS: Final = str.maketrans("éèêëàâäîïôöùûüçß", "eeeeaaaiioouuucs")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server shows of a variable; None or empty where it shows nothing."""

    name: str
    parents: tuple[str, ...] = ()
    description: str = ""
    unit: str | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Guess:
    """The likeliest kind of signal.

    Parameters
    ----------
    signal : Signal or None
        None when something else is likelier than each of them.
    set_point : bool
    confidence : float
        0..1.
    why : str
    """

    signal: Signal | None
    set_point: bool
    confidence: float
    why: str


def guess(seen: Seen) -> Guess:
    """What the variable probably is."""
    words = _words(seen.name)
    around = words | _words(" ".join(seen.parents[-1:])) | _words(seen.description)
    scores = {signal: _score(signal, words, around, seen) for signal in SIGNALS}
    best = max(scores, key=lambda signal: scores[signal])
    confidence = scores[best] / (sum(scores.values()) + ELSE)
    set_point = bool(SET_POINT & words)
    if confidence < scores_else(scores):
        return Guess(
            None, set_point, 1.0 - sum(scores.values()) / (sum(scores.values()) + ELSE), "nothing fits"
        )
    return Guess(best, set_point, round(confidence, 3), _why(best, words, around, seen))


def scores_else(scores: Mapping[Signal, float]) -> float:
    """Confidence of "something else"."""
    return ELSE / (sum(scores.values()) + ELSE)


def _score(signal: Signal, words: frozenset[str], around: frozenset[str], seen: Seen) -> float:
    return _by_words(signal, words, around) * _by_unit(signal, seen) * _by_range(signal, seen)


def _by_words(signal: Signal, words: frozenset[str], around: frozenset[str]) -> float:
    shared = len(around & frozenset(signal.shared))
    if words & frozenset(signal.words):
        return STRONG * (1.0 + shared)
    if around & frozenset(signal.words):
        return STRONG / 2.0 * (1.0 + shared)
    return WEAK * shared if shared else NO_WORD


def _by_unit(signal: Signal, seen: Seen) -> float:
    if seen.unit is None:
        return 1.0
    return SAME_UNIT if seen.unit in signal.units else OTHER_UNIT


def _by_range(signal: Signal, seen: Seen) -> float:
    if seen.low is None or seen.high is None or not seen.low < seen.high:
        return 1.0
    span = signal.high - signal.low
    fits = seen.low >= signal.low - 0.1 * span and seen.high <= signal.high + 0.1 * span
    wide = seen.high - seen.low >= 0.002 * span
    return INSIDE if fits and wide else OUTSIDE


def _why(signal: Signal, words: frozenset[str], around: frozenset[str], seen: Seen) -> str:
    own = sorted(around & frozenset(signal.words)) or sorted(around & frozenset(signal.shared))
    parts = [f"name ({', '.join(own)})"] if own else []
    if seen.unit in signal.units:
        parts.append(f"unit ({seen.unit})")
    if _by_range(signal, seen) == INSIDE:
        parts.append(f"range ({seen.low:g} to {seen.high:g})")
    return ", ".join(parts) or "unit and range only"


def _words(text: str) -> frozenset[str]:
    """Words of a name, and neighbours joined: ``AT-101_pH.PV`` gives at, 101, ph, pv, phpv, ..."""
    parts = [part.lower().translate(_ACCENTS) for part in _SPLIT.split(text) if part]
    parts = [part for part in parts if part not in PLAIN]
    whole = [
        re.sub(r"\d+$", "", part) for part in parts if not re.fullmatch(r"(p|d|n)?c?o2|do2|n2|od600", part)
    ]
    joined = [a + b for a, b in pairwise(parts)]
    return frozenset(part for part in (*parts, *whole, *joined) if part and not part.isdigit())
