"""How well the plant's kinetics fit and foretell real cultures: the public NISTCHO fed-batch data.

Run: ``python -m benchmarks.nistcho_fit`` (some minutes of one core). The data lie where
``BIOLINE_SHARED`` says, else in ``../shared``. Seven feeding conditions, A to G, with the mean of viable
cells and viability over three or more replicates at ten times each. Feeds and metabolites are not in the
files, so every condition is run with the recipe's own daily feed decision, started from its own first
sample. That sample is given, so the root mean square errors (RMSE) count the second to the last.

The four parameters marked as fitted in `simulators.parameters` are estimated again on five of the
conditions A-F, and the sixth is predicted. G, which starved, is in no fit. In C some replicates
collapsed after 220 h, so its points after that are in no fit and no figure.
"""

import csv
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from benchmarks import figures
from simulators.parameters import CULTURE
from simulators.plant import Plant
from simulators.scenario import Scenario

Floats = NDArray[np.float64]

FITTED: Final = ("mu_max", "ivc_arrest", "n_arrest", "kd_max")
END_H: Final = 268.0
COLLAPSE_H: Final = {"C": 220.0}
UNDERFED_G_L: Final = 0.8
"""Glucose the daily feed of the starved condition aims at [g/L]; chosen so that G's cells come out."""
SCALE: Final = np.array([0.5, 1.2])
"""What one unit of misfit is: cells [1e6/mL], viability [points]; chosen default."""


@dataclass(frozen=True, slots=True)
class Culture:
    """Mean course of one condition.

    Parameters
    ----------
    hours : float64 array, shape (n,)
    seen : float64 array, shape (n, 2)
        Viable cells [1e6/mL] and viability [%].
    spread : float64 array, shape (n, 2)
        Standard errors of both.
    """

    hours: Floats
    seen: Floats
    spread: Floats

    def until(self, end_h: float) -> "Culture":
        """What was seen up to an hour."""
        rows = self.hours <= end_h
        return Culture(self.hours[rows], self.seen[rows], self.spread[rows])


def data_file() -> Path:
    """Where the table of condition means lies.

    Raises
    ------
    SystemExit
        With code 0 and the reason, when there are no data.
    """
    root = Path(os.environ.get("BIOLINE_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    path = root / "data" / "nistcho_fedbatch" / "nistcho_vcd_condition_means.csv"
    if not path.is_file():
        print(f"skipped: no NISTCHO data at {path}; BIOLINE_SHARED may name another folder")
        raise SystemExit(0)
    return path


def load(path: Path) -> dict[str, Culture]:
    """Condition means by letter, in order of time."""
    with path.open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: float(row["mean_hours"]))
    found = {}
    for condition in sorted({row["Condition"] for row in rows}):
        mine = [row for row in rows if row["Condition"] == condition]

        def columns(*names: str, mine: Sequence[Mapping[str, str]] = mine) -> Floats:
            return np.array([[float(row[name]) for name in names] for row in mine])

        found[condition] = Culture(
            columns("mean_hours")[:, 0], columns("mean_vcd", "mean_via"), columns("se_vcd", "se_via")
        )
    return found


def course(
    culture: Culture, values: Mapping[str, float], starved_h: float | None = None
) -> tuple[Floats, Floats]:
    """The plant started from the culture's first sample: hours, and (cells, viability) at each.

    `starved_h` is when the feed, which aims at `UNDERFED_G_L`, is withheld; None: the recipe's own feed.
    """
    start = {"inoculum": float(culture.seen[0, 0]), "inoculum_viability": float(culture.seen[0, 1]) / 100.0}
    faults = [] if starved_h is None else [{"kind": "starvation", "at_h": starved_h}]
    recipe = {} if starved_h is None else {"glucose_target": UNDERFED_G_L}
    vessel = {
        "id": "R1", "variability": False, "disturbance": 0.0, "parameters": {**values, **start},
        "laboratory": {"noise": 0.0, "missing": 0.0, "jitter_h": 0.0}, "faults": faults,
        "recipe": recipe,
    }  # fmt: skip
    raw = {
        "schema": 1, "id": "fit", "title": {"en": "fit"}, "duration_h": END_H, "period_s": 300,
        "vessels": [vessel],
    }  # fmt: skip
    plant = Plant(Scenario.model_validate(raw))
    plant.advance(END_H * 3600.0)
    truth = plant.truth()
    return truth["time_s"] / 3600.0, np.stack([truth["VCD"], truth["viability"]], axis=1)


def at(hours: Floats, run: tuple[Floats, Floats]) -> Floats:
    """A course read at some hours, shape (n, 2)."""
    return np.stack([np.interp(hours, run[0], run[1][:, i]) for i in (0, 1)], axis=1)


def rmse(foretold: Floats, culture: Culture) -> Floats:
    """Root mean square error of cells and viability from the second sample on."""
    return np.asarray(np.sqrt(np.mean((foretold - culture.seen)[1:] ** 2, axis=0)))


def fit(cultures: Sequence[Culture]) -> dict[str, float]:
    """The four parameters that bring the plant nearest to all these cultures (least squares)."""
    first = np.array([CULTURE[name].value for name in FITTED])

    def misfit(log_factor: Floats) -> Floats:
        values = dict(zip(FITTED, (first * np.exp(log_factor)).tolist(), strict=True))
        parts = [((at(c.hours, course(c, values)) - c.seen)[1:] / SCALE).ravel() for c in cultures]
        return np.concatenate(parts)

    found = least_squares(misfit, np.zeros(len(FITTED)), diff_step=0.01, xtol=1e-3, ftol=1e-3, max_nfev=8)
    return dict(zip(FITTED, (first * np.exp(found.x)).tolist(), strict=True))


def mean_of(others: Sequence[Culture], hours: Floats) -> Floats:
    """Baseline: the mean curve of the others, each as far as it goes."""
    curves = []
    for other in others:
        curve = at(hours, (other.hours, other.seen))
        curve[hours > other.hours[-1] + 6.0] = np.nan
        curves.append(curve)
    return np.asarray(np.nanmean(curves, axis=0))


def persistence(culture: Culture) -> Floats:
    """Baseline that sees more than a prediction may: each value is the one of the sample before."""
    return np.concatenate([culture.seen[:1], culture.seen[:-1]])


def collapse(culture: Culture, values: Mapping[str, float]) -> tuple[float, tuple[Floats, Floats]]:
    """Hour of withholding the feed, on a grid of 5 h, that comes nearest to a starved culture; its course."""

    def misfit(hour: float) -> float:
        foretold = at(culture.hours, course(culture, values, hour))
        return float(np.sum(((foretold - culture.seen)[1:] / SCALE) ** 2))

    best = min(np.arange(150.0, 216.0, 5.0).tolist(), key=misfit)
    return best, course(culture, values, best)


def draw(cultures: Mapping[str, Culture], runs: Mapping[str, tuple[Floats, Floats]]) -> Path:
    """One picture: every condition beside what was foretold without it."""
    figure, axes = figures.pyplot().subplots(
        2, len(cultures), figsize=(13, 4.6), sharex=True, sharey="row", layout="constrained"
    )
    for column, (name, culture) in enumerate(cultures.items()):
        for row, what in enumerate(("viable cells [1e6/mL]", "viability [%]")):
            ax: Any = axes[row, column]
            ax.plot(runs[name][0], runs[name][1][:, row], color=figures.BLUE, label="plant")
            ax.errorbar(
                culture.hours, culture.seen[:, row], culture.spread[:, row], fmt="o", ms=3, lw=0.8,
                color=figures.ORANGE, label="measured (mean, standard error)",
            )  # fmt: skip
            if column == 0:
                ax.set_ylabel(what)
        axes[0, column].set_title(f"{name}, starved" if name == "G" else name)
        axes[1, column].set_xlabel("hours")
        axes[1, column].set_xticks((0, 96, 192))
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2)
    figure.suptitle(
        "NISTCHO fed-batch: each condition, and the plant with parameters estimated without it", fontsize=9
    )
    return figures.save(figure, "nistcho")


def _line(name: str, *errors: Floats) -> None:
    print(f"| {name} | " + " | ".join(f"{cells:.2f}, {viability:.1f}" for cells, viability in errors) + " |")


def main() -> None:
    """Print the table and write the picture."""
    cultures = load(data_file())
    scored = {n: c.until(COLLAPSE_H.get(n, END_H)) for n, c in cultures.items() if n != "G"}
    published = {name: CULTURE[name].value for name in FITTED}
    print("RMSE of viable cells [1e6/mL] and viability [points], second to last sample\n")
    print("| condition | parameters of A | estimated without it | mean of the others | sample before |")
    print("|---|---|---|---|---|")
    runs = {}
    for name, culture in scored.items():
        others = [other for n, other in scored.items() if n != name]
        values = fit(others)
        runs[name] = course(culture, values)
        _line(
            name,
            rmse(at(culture.hours, course(culture, published)), culture),
            rmse(at(culture.hours, runs[name]), culture),
            rmse(mean_of(others, culture.hours), culture),
            rmse(persistence(culture), culture),
        )
        print("  " + ", ".join(f"{n} {v:.4g}" for n, v in values.items()), file=sys.stderr)
    values = fit(list(scored.values()))
    print("\nAll of A-F: " + ", ".join(f"{name} {value:.4g}" for name, value in values.items()))
    hour, runs["G"] = collapse(cultures["G"], values)
    print(f"G, feed withheld from {hour:.0f} h (the hour that fits best), last two samples:")
    for name, rows in (("measured", cultures["G"].seen), ("plant", at(cultures["G"].hours, runs["G"]))):
        print(f"  {name}: " + ", ".join(f"{cells:.2f}e6/mL at {viable:.1f} %" for cells, viable in rows[-2:]))
    print(f"picture: {draw(cultures, runs)}")


if __name__ == "__main__":
    main()
