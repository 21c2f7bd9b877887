"""Scatter, steps and standstill of real probes beside those of the simulated ones.

Run: ``python -m benchmarks.sensor_stats FOLDER``, where FOLDER holds ``ecoli_parallel_tum`` (runs 19 and 20
of 48 parallel reactors, optical pO2 and pH, a value a minute; see ``docs/reference/real-data.md``). Draws
``docs/explanation/plots/sensors.png`` too. All but the fastest change is of the second to the fifth hour. The
reactors get a feed pulse every few minutes, so only their calmest windows show the probe alone.
"""

import csv
import gzip
import sys
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import figures
from simulators.plant import Plant
from simulators.scenario import Scenario

Floats = NDArray[np.float64]
RUNS: Final = (19, 20)
COLUMNS: Final = {"pO2": ("O2", "Presens_data.O2_value"), "pH": ("pH", "Presens_data.pH_value")}
CALM: Final = slice(60, 300)
"""Values that scatter and standstill are worked out from."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Of one series, a value a minute.

    Parameters
    ----------
    scatter : float
        Robust standard deviation of the second differences over sqrt(6): noise without trend.
    residual : float
        Standard deviation about a straight line in ten minutes, of the calmest tenth of all such windows.
    step : float
        Smallest change that occurs.
    repeats : float
        Share of values like the one before [%].
    longest : float
        Longest standstill [values].
    fastest : float
        Largest change between two neighbours: the probe follows within a minute at least so far.
    """

    scatter: float
    residual: float
    step: float
    repeats: float
    longest: float
    fastest: float


def stats(values: Floats) -> Stats:
    """Work out `Stats` of a series."""
    calm = values[CALM]
    first, second = np.diff(calm), np.diff(calm, 2)
    windows = calm[: len(calm) // 10 * 10].reshape(-1, 10)
    at = np.arange(10.0) - 4.5
    slopes = windows @ at / (at @ at)
    about = windows - windows.mean(axis=1, keepdims=True) - slopes[:, None] * at
    moved = np.abs(first[first != 0.0])
    edges = np.flatnonzero(np.concatenate(([1.0], first, [1.0])))
    return Stats(
        scatter=float(1.4826 * np.median(np.abs(second - np.median(second))) / np.sqrt(6.0)),
        residual=float(np.quantile(about.std(axis=1, ddof=2), 0.1)),
        step=float(moved.min()) if len(moved) else 0.0,
        repeats=float(100.0 * np.mean(first == 0.0)),
        longest=float(np.diff(edges).max()),
        fastest=float(np.abs(np.diff(values[CALM.start :])).max()),
    )


def real(folder: Path, quantity: str) -> list[Floats]:
    """Series of all reactors of both runs whose probe did not die."""
    short, column = COLUMNS[quantity]
    found: dict[tuple[int, str], list[float]] = {}
    for run in RUNS:
        with gzip.open(folder / "ecoli_parallel_tum" / f"run{run}_{short}.csv.gz", "rt") as file:
            for row in csv.DictReader(file):
                found.setdefault((run, row["position"]), []).append(float(row[column]))
    return [np.array(values) for key, values in found.items() if key != (19, "42")]


def simulated(quantity: str, vessels: int = 8) -> list[Floats]:
    """Series of as many E. coli vessels over the same 18 hours, a value a minute."""
    members = [{"fleet": {"count": vessels, "id": "F{n}"}, "kind": "ecoli_fedbatch",
                "set_points": {"pH": 7.0, "pO2": 30.0, "temperature": 37.0}}]  # fmt: skip
    raw = {"schema": 1, "id": "s", "title": {"en": "s"}, "duration_h": 18, "vessels": members, "seed": 9}
    batch = Plant(Scenario.model_validate(raw)).advance(18 * 3600.0)
    places = [batch.tags.index(f"F{n}.{quantity}") for n in range(1, vessels + 1)]
    return [batch.value[batch.tag_index == place] for place in places]


def median(series: list[Floats]) -> Stats:
    """Median of each figure over the series."""
    return Stats(*np.median([astuple(stats(one)) for one in series], axis=0))


def gaps(quantity: str, period_s: float = 7.0) -> tuple[float, float]:
    """Median and 95th percentile of the time between values sent on change by a CHO vessel [s]."""
    raw: dict[str, Any] = {"schema": 1, "id": "g", "title": {"en": "g"}, "duration_h": 6, "on_change": {}}
    raw |= {"period_s": period_s, "vessels": [{"id": "R", "start_h": 96.0}]}
    batch = Plant(Scenario.model_validate(raw)).advance(6 * 3600.0)
    between = np.diff(batch.time_s[batch.tag_index == batch.tags.index(f"R.{quantity}")])
    return float(np.median(between)), float(np.quantile(between, 0.95))


def draw(folder: Path) -> Path:
    """An hour of a real and of a simulated probe, each about its mean."""
    figure, axes = figures.pyplot().subplots(2, 2, figsize=(8.6, 3.6), sharex=True, layout="constrained")
    for row, quantity in zip(axes, COLUMNS, strict=True):
        both = {"real": real(folder, quantity), "simulated": simulated(quantity)}
        for ax, (whose, series) in zip(row, both.items(), strict=True):
            for one, colour in zip(series[3:6], (figures.BLUE, figures.ORANGE, figures.GREY), strict=True):
                ax.step(np.arange(60), one[300:360] - one[300:360].mean(), where="post", color=colour, lw=0.8)
            ax.set_title(f"{quantity}, {whose}: an hour of three vessels, less its mean")
        low, high = min(ax.get_ylim()[0] for ax in row), max(ax.get_ylim()[1] for ax in row)
        for ax in row:
            ax.set_ylim(low, high)
    for ax in axes[-1]:
        ax.set_xlabel("minutes")
    return figures.save(figure, "sensors")


def main() -> None:
    """Print the comparison and draw it."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("shared/data")
    for quantity in COLUMNS:
        ours, theirs = median(simulated(quantity)), median(real(folder, quantity))
        for field in fields(Stats):
            pair = getattr(theirs, field.name), getattr(ours, field.name)
            print(f"{quantity} {field.name:10} real {pair[0]:8.3f}  plant {pair[1]:8.3f}")
    for quantity in ("pH", "pO2", "temperature"):
        middle, most = gaps(quantity)
        print(f"{quantity}: sent on change every {middle:.0f} s (median), {most:.0f} s (95 %)")
    print(draw(folder))


if __name__ == "__main__":
    main()
