"""How good forecasts and hourly estimates are, beside naive ones, on batches nobody tuned on.

Whole simulated batches (2 L, from inoculation to day 14, clone and medium drawn anew, kLa varied by 30 %,
oxygen uptake by 15 %) go through the service's own TagBook and Engine. With shared data at hand, the NISTCHO
counts do the same with `cho_growth`. Beside the twin stand: the last laboratory result held ("held"), and a
straight line through the last two, for cells in the logarithm ("line").

    python -m benchmarks.forecast_bench 9000 9008 [--out FIGURES.json] [--nistcho FILE.csv]
"""

import argparse
import json
import math
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from connectors.sources.files import read_file
from simulators.plant import Plant
from twin.domain.forecast import Forecast
from twin.domain.measurement import Measurement, Quarantined
from twin.engine.culture import CultureTwin
from twin.service.build import load_line
from twin.service.campaign import (
    BaseSection,
    Plan,
    SpreadSection,
    campaign_path,
    line_path,
    load_campaign,
    scenario_of,
)
from twin.service.replay import layout_of
from twin.service.trial import HOUR, START_NS, VESSEL, Follower, line_of, readings

HOURS = 336.0
DAYS = (3, 5, 7, 9)
BASE = BaseSection(
    hours=HOURS, start_h=0, period_s=120, volume_l=2, spread=SpreadSection(kLa=0.3, oxygen_uptake=0.15)
)
QUANTITIES = ("VCD", "glucose", "lactate", "titre")


@dataclass
class Pair:
    """One value forecast (or estimated) and what became of it."""

    about: str
    seed: str
    true: float
    twin: float
    low: float
    high: float
    held: float
    line: float


def band_at(forecast: Forecast, name: str, time_ns: int) -> tuple[float, float, float]:
    """5, 50 and 95 % at a time within the forecast."""
    found = next(o for o in forecast.outlooks if o.name == name)
    low, middle, high = (
        float(np.interp(time_ns, forecast.times_ns, part)) for part in (found.low, found.middle, found.high)
    )
    return low, middle, high


def naive(assays: list[Measurement], tag: str, now_ns: int, at_ns: int, logs: bool) -> tuple[float, float]:
    """The last result known at `now_ns`, and the line through the last two, at `at_ns`."""
    known = [m for m in assays if m.tag == tag and m.received_ns <= now_ns and m.value]
    if not known:
        return math.nan, math.nan
    last, before = known[-1], known[-2] if len(known) > 1 else known[-1]
    assert last.value
    assert before.value
    part = (at_ns - last.time_ns) / max(last.time_ns - before.time_ns, 1) if last is not before else 0.0
    line = (
        last.value * (last.value / before.value) ** part
        if logs
        else last.value + part * (last.value - before.value)
    )
    return last.value, line


def simulated(seed: int) -> tuple[list[Pair], dict[str, float]]:
    """One batch: forecasts of some days, hourly estimates of every quantity, and the filter's consistency."""
    line_file, line = load_line(line_path(load_campaign(campaign_path("quick"))))
    line = replace(line, vessels=tuple(v for v in line.vessels if v.id == VESSEL))
    plan = Plan(seed, HOURS, 0.0, None)
    plant = Plant(scenario_of(plan, BASE))
    follower = Follower(line_file, line_of(line, plan, BASE))
    engine = follower.engine.vessels[VESSEL]
    made: list[Forecast] = []
    hours = []
    for h in range(6, int(HOURS) + 1, 6):
        follower.take(readings(plant.advance(h * 3600.0)))
        assert isinstance(engine.model, CultureTwin)
        mind = engine.model._mind
        hours += [hour for hour in (mind.consistency.hours if mind else ())[-6:] if h > 12]
        question = engine.question() if h % 24 == 0 and h // 24 in DAYS else None
        forecast = question and question.forecast()
        made += [forecast] if forecast else []
    follower.finish()
    truth = plant.truth()

    def true(name: str, time_ns: int) -> float:
        return float(np.interp((time_ns - START_NS) / 1e9, truth["time_s"], truth[name]))

    pairs = []
    for forecast in made:
        day = round((forecast.made_ns - START_NS) / HOUR / 24)
        ends = (("titre", 72.0), ("titre", HOURS - 24.0 * day), ("VCD", 24.0), ("VCD", 72.0))
        for name, lead in ends:
            at_ns = START_NS + int((24 * day + lead) * HOUR)
            low, middle, high = band_at(forecast, f"{VESSEL}.est_{name}", at_ns)
            tag = f"{VESSEL}.{name}"
            held, straight = naive(follower.assays, tag, forecast.made_ns, at_ns, name == "VCD")
            what = "harvest" if lead == HOURS - 24.0 * day else f"{lead:.0f} h"
            about, value = f"{name} {what} day {day}", true(name, at_ns)
            pairs.append(Pair(about, str(seed), value, middle, low, high, held, straight))
    for name in QUANTITIES:
        tag = f"{VESSEL}.{name}"
        for e in follower.hourly:
            if e.name == f"{VESSEL}.est_{name}" and e.time_ns > START_NS + 24 * HOUR:
                held, straight = naive(follower.assays, tag, e.time_ns, e.time_ns, name == "VCD")
                value, reach = true(name, e.time_ns), 1.645 * e.sd
                band = (e.mean, e.mean - reach, e.mean + reach)
                pairs.append(Pair(f"{name} hourly", str(seed), value, *band, held, straight))
    inside = [hour.inside for hour in hours]
    above = [hour.nis > hour.band[1] for hour in hours]
    told = [e for e in follower.events if e.detail.get("code") == "trust"]
    return pairs, {
        "NIS in its 95 % band": float(np.mean(inside)),
        "NIS above it": float(np.mean(above)),
        "NIS per reading, median": float(np.median([hour.nis for hour in hours])),
        "lag-1 correlation, median": float(np.median([hour.correlation for hour in hours])),
        "changes of trust": float(len(told)),
    }


def nistcho(path: Path) -> list[Pair]:
    """Cells 3 days ahead on the NISTCHO counts, from the fourth sample on, against the one 60 to 84 h later.

    Cultures whose cells had fallen by more than half by then (conditions G and C crash) are kept apart.
    """
    line_file, line = load_line(files("seeds") / "lines" / "nistcho_fedbatch.yaml")
    follower = Follower(line_file, line)
    rows = [r for r in read_file(path, layout_of(line_file), path.name) if not isinstance(r, Quarantined)]
    samples: dict[str, list[tuple[int, float]]] = {}
    made: list[Forecast] = []
    results: list[Measurement] = []
    for time_ns in sorted({r.received_ns for r in rows}):
        now = [r for r in rows if r.received_ns == time_ns]
        measured = [m for m in map(follower._measure, now) if m is not None]
        results += measured
        follower._keep(follower.engine.handle(measured))
        follower._keep(follower.engine.tick(time_ns + HOUR))
        for m in measured:
            vessel, _, name = m.tag.partition(".")
            if name == "VCD" and m.value:
                samples.setdefault(vessel, []).append((m.time_ns, m.value))
                model = follower.engine.vessels[vessel].model
                question = model.question({}) if model else None
                made += [question.forecast()] if question and len(samples[vessel]) >= 4 else []
    pairs = []
    for f in made:
        later = [s for s in samples[f.asset] if 60 <= (s[0] - f.made_ns) / HOUR <= 84]
        for at_ns, value in later[:1]:
            low, middle, high = band_at(f, f"{f.asset}.est_VCD", at_ns)
            held, straight = naive(results, f"{f.asset}.VCD", f.made_ns, at_ns, logs=True)
            about = "VCD 72 h NISTCHO" + (", crashed" if value < 0.5 * held else "")
            pairs.append(Pair(about, f.asset, value, middle, low, high, held, straight))
    return pairs


def figures(pairs: list[Pair], absolute: bool) -> dict[str, Any]:
    """Root mean squared and median errors, in parts of the true value unless `absolute`, and coverage."""
    true = np.array([p.true for p in pairs])
    scale = np.ones_like(true) if absolute else true

    def error(values: list[float]) -> tuple[float, float]:
        off = (np.array(values) - true) / scale
        off = off[np.isfinite(off)]
        return round(float(np.sqrt(np.mean(off**2))), 4), round(float(np.median(np.abs(off))), 4)

    inside = [p.low <= p.true <= p.high for p in pairs]
    return {
        "pairs": len(pairs),
        "rms": error([p.twin for p in pairs])[0],
        "median": error([p.twin for p in pairs])[1],
        "bias": round(float(np.mean((np.array([p.twin for p in pairs]) - true) / scale)), 4),
        "coverage90": round(float(np.mean(inside)), 3),
        "held": error([p.held for p in pairs]),
        "line": error([p.line for p in pairs]),
    }


def main() -> None:
    """Print one line for each quantity and lead after every batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("beyond", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--nistcho", type=Path)
    asked = parser.parse_args()
    pairs: list[Pair] = nistcho(asked.nistcho) if asked.nistcho else []
    notes: dict[int, dict[str, float]] = {}
    show(pairs)
    for seed in range(asked.first, asked.beyond):
        more, notes[seed] = simulated(seed)
        pairs += more
        print(seed, notes[seed], flush=True)
        found = show(pairs)
        if asked.out:
            asked.out.write_text(json.dumps({"figures": found, "batches": notes}, indent=1) + "\n")


def show(pairs: list[Pair]) -> dict[str, Any]:
    """The figures of all pairs so far, printed."""
    found = {}
    for about in dict.fromkeys(p.about for p in pairs):
        group = [p for p in pairs if p.about == about]
        found[about] = figures(group, about in ("glucose hourly", "lactate hourly"))
        print(f"{about:28}", found[about], flush=True)
    return found


if __name__ == "__main__":
    main()
