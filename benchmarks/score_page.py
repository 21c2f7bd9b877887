"""The page of scores with its pictures, ``docs/explanation/score.md``.

    python -m benchmarks.score_page faults hard four_probes --jobs 2
    python -m benchmarks.score_page SCORE.json ... --bound BOUND.json --curve CURVE.json

A name is a campaign that is run first; a file is a score from ``twin score --out``.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from benchmarks import figures
from twin.service import scorecard
from twin.service.campaign import campaign_path, load_campaign

PAGE: Final = figures.PLOTS.parent / "score.md"
INTRODUCTION: Final = """# Scores

Made by `python -m benchmarks.score_page`; not written by hand. What each figure means is said in
[how to score](../how-to/score.md), what follows from them in [how the twin thinks](twin.md).
Bars in pictures, where there are any, are limits that `benchmarks.bound_bench` found in batches of 2 L.
Each campaign names the hash of its model's parameters: those with another hash were run with another model.
"""
Figures = dict[str, Any]


def score_of(name: str, jobs: int) -> Figures:
    """The score in a file, or of a campaign that is run now."""
    if Path(name).is_file():
        return dict(json.loads(Path(name).read_text()))
    return scorecard.run(load_campaign(campaign_path(name)), jobs)


def markdown(table: Table) -> Iterator[str]:
    """A table of the terminal as one of the page."""
    yield "| " + " | ".join(str(c.header) for c in table.columns) + " |"
    yield "|" + "---|" * len(table.columns)
    for cells in zip(*(c.cells for c in table.columns), strict=True):
        yield "| " + " | ".join(str(cell) for cell in cells) + " |"
    if table.caption:
        yield f"\n{table.caption}"


def about(score: Figures) -> str:
    """What was simulated and followed, in a sentence."""
    base, versions = score["settings"], score["versions"]
    used, model = score["seeds"]["used"], versions["model"]
    return (
        f"Seeds {used[0]} to {used[-1]}; {base['kind']}, {base['volume_l']:g} L, a value per "
        f"{base['period_s']:g} s, suite {base['suite']}; model {model['id']}, parameters "
        f"`{model['parameters']}`; Python {versions['python']}, numpy {versions['numpy']}."
    )


def delays(score: Figures, bound: Figures) -> str:
    """A picture of every delay by fault, with the limit where it is known; returns its name."""
    plt = figures.pyplot()
    rows = [row for row in score["faults"] if row["told"]]
    figure, axes = plt.subplots(figsize=(7.5, 0.6 + 0.24 * len(rows)), layout="constrained")
    for y, row in enumerate(rows):
        key = f"{row['kind']} {row['tag']} {row['size']}"
        low, high = row["delay_quartiles_h"]
        axes.plot([low, high], [y, y], color=figures.BLUE, linewidth=4, solid_capstyle="butt", alpha=0.4)
        axes.plot(row["median_delay_h"], y, "o", color=figures.BLUE, markersize=4)
        if key in bound:
            axes.plot(bound[key], y, "|", color=figures.ORANGE, markersize=9, markeredgewidth=1.6)
    axes.set_yticks(range(len(rows)), [f"{row['kind']} {row['size']:g}" for row in rows])
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.set_title("delay [h]: median, quartiles; limit of a matched filter: bar", color=figures.GREY)
    return figures.save(figure, f"score-{score['campaign']}").name


def curve_picture(points: list[Figures]) -> str:
    """A picture of misses and delay over the promised interval between false alarms; returns its name."""
    plt = figures.pyplot()
    promised = [1000.0 / p["interval_h"] for p in points]
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 2.4), layout="constrained")
    left.plot(promised, [p["false_alarms_per_1000h"] for p in points], "o-", color=figures.BLUE)
    left.plot(promised, promised, color=figures.GREY, linestyle=":")
    left.set_title("false alarms in 1,000 h, measured over promised")
    right.plot(promised, [p["median_delay_h"] for p in points], "o-", color=figures.ORANGE)
    right.set_title("median delay [h] over promised false alarms in 1,000 h")
    for axes in (left, right):
        axes.set_xscale("log")
    left.set_yscale("symlog", linthresh=0.5)
    return figures.save(figure, "score-curve").name


def curve_section(points: list[Figures]) -> list[str]:
    """What a promise costs: misses and delay at several intervals between false alarms."""
    lines = ["\n## What a promise costs\n", f"![curve](plots/{curve_picture(points)})\n"]
    lines.append("| promised in 1,000 h | measured (95 % interval) | missed | median delay [h] | verdict |")
    lines.append("|---|---|---|---|---|")
    for p in points:
        low, high = p["false_alarms_interval"]
        measured = f"{p['false_alarms_per_1000h']:.1f} ({low:.1f}–{high:.1f})"
        missed, right = f"{p['missed']} of {p['batches']}", f"{100 * p['verdict_accuracy']:.0f} %"
        cells = (f"{1000.0 / p['interval_h']:.2g}", measured, missed, f"{p['median_delay_h']:.2f}", right)
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def section(score: Figures, bound: Figures) -> list[str]:
    """One campaign."""
    lines = [f"\n## Campaign `{score['campaign']}`\n", about(score), ""]
    if any(row["told"] for row in score["faults"]):
        lines.append(f"![delays](plots/{delays(score, bound)})\n")
    for table in scorecard.tables(score):
        lines += [*markdown(table), ""]
    return lines


def main() -> None:
    """Write the page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("scores", nargs="+", help="campaigns or SCORE.json files")
    asked.add_argument("--jobs", type=int, default=1)
    asked.add_argument("--bound", type=Path, help="from benchmarks.bound_bench --out")
    asked.add_argument("--curve", type=Path, help="from benchmarks.curve_bench --out")
    options = asked.parse_args()
    bound: Figures = json.loads(options.bound.read_text()) if options.bound else {}
    lines = [INTRODUCTION]
    for name in options.scores:
        lines += section(score_of(name, options.jobs), bound)
    if options.curve:
        lines += curve_section(json.loads(options.curve.read_text()))
    PAGE.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
