"""The score of a campaign: SCORE.json, the table for people, and the one line for machines."""

import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from simulators.faults import FAULTS
from simulators.scenario import FaultSpec
from twin import __version__
from twin.processes.base import model_ref
from twin.service.build import load_line
from twin.service.campaign import VESSEL, Campaign, line_path, plans
from twin.service.figures import (
    Figures,
    Judged,
    asset_right,
    delay_h,
    figures,
    judge,
    lead_h,
    onset_error_h,
    size_error_percent,
    verdict_right,
)
from twin.service.model import process_of
from twin.service.output import whole_file
from twin.service.trial import run_all, run_one

SCHEMA: Final = 1
HEADLINE: Final = (
    "false_alarms_per_1000h",
    "miss_rate",
    "median_delay_h",
    "verdict_accuracy",
    "asset_accuracy",
    "coverage90",
)
"""What the last line of the command holds, in this order."""


def run(campaign: Campaign, jobs: int, step: Callable[[], None] = lambda: None) -> Figures:
    """Run every batch of a campaign and score it; `step` is called after each.

    Parameters
    ----------
    campaign : Campaign
    jobs : int
        Processes; the score does not depend on them.
    step : callable
    """
    judged = []
    for outcome in run_all(campaign, plans(campaign), jobs, run_one):
        judged.append(judge(outcome, campaign.base))
        step()
    return document(campaign, judged)


def document(campaign: Campaign, judged: list[Judged]) -> Figures:
    """The contents of SCORE.json."""
    healthy = figures([j for j in judged if j.fault is None])
    faulty = figures([j for j in judged if j.fault])
    return {
        "schema": SCHEMA,
        "campaign": campaign.id,
        "seeds": {**campaign.seeds.model_dump(), "used": [j.outcome.plan.seed for j in judged]},
        "settings": {"line": campaign.line, **campaign.base.model_dump()},
        "versions": _versions(campaign),
        "total": _total(healthy, faulty),
        "healthy": healthy,
        "faulty": faulty,
        "faults": [_fault_figures(group) for group in _groups(judged)],
        "batches": [_batch(j) for j in judged],
    }


def _total(healthy: Figures, faulty: Figures) -> Figures:
    """Alarms for nothing and coverage where nothing was wrong; the rest where something was."""
    source = {"false_alarms_per_1000h": healthy, "coverage90": healthy}
    return {key: source.get(key, faulty)[key] for key in HEADLINE}


def _versions(campaign: Campaign) -> Figures:
    _, line = load_line(line_path(campaign))
    vessel = next(v for v in line.vessels if v.id == VESSEL)
    model = model_ref(process_of(vessel))
    return {
        "bioline_twin": __version__,
        "model": asdict(model),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _groups(judged: list[Judged]) -> list[list[Judged]]:
    """Batches with the same fault (or two), tag and size together, in the order of the campaign."""
    found: dict[tuple[str, str, float, str], list[Judged]] = {}
    for j in judged:
        if j.fault:
            second = j.outcome.plan.also.kind if j.outcome.plan.also else ""
            found.setdefault((j.fault.kind, j.fault.concerns, j.fault.magnitude, second), []).append(j)
    return list(found.values())


def _fault_figures(group: list[Judged]) -> Figures:
    fault = group[0].fault
    assert fault is not None
    also = group[0].outcome.plan.also
    about = {"kind": fault.kind, "tag": fault.concerns, "size": fault.magnitude}
    about |= {"also": also.kind} if also else {}
    kind = FAULTS[fault.kind]
    return {**about, "unit": kind.unit, "verdict": kind.verdict, **figures(group)}


def _batch(j: Judged) -> Figures:
    """One batch, so that every figure can be traced to its seed."""
    plan = j.outcome.plan
    return {
        "seed": plan.seed,
        "hours": plan.hours,
        "start_h": plan.start_h,
        "fault": _named(plan.fault) if plan.fault else None,
        "onset_h": plan.fault.at_h if plan.fault else None,
        "found": j.finding.condition if j.finding else None,
        "delay_h": _rounded(delay_h(j)),
        "after_it_mattered_h": _rounded(lead_h(j)),
        "onset_error_h": _rounded(onset_error_h(j)),
        "size_error_percent": _rounded(size_error_percent(j)),
        "verdict_right": verdict_right(j),
        "asset_right": asset_right(j),
        "beyond": [e.condition for e in j.beyond],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _named(fault: FaultSpec) -> str:
    """Kind and size as people read them, such as ``pH_drift 0.02 /h``."""
    return _name({**fault.model_dump(), "size": fault.magnitude, "unit": FAULTS[fault.kind].unit})


def _name(row: Figures) -> str:
    kind, unit = FAULTS[row["kind"]], row["unit"].removeprefix("1")
    part = f" of {row['tag']}" if kind.tag is None else ""
    if kind.unit == "tag":
        unit = "in its unit"
    if kind.unit == "fraction":
        return f"{row['kind']}{part} {100.0 * row['size']:.3g} %"
    return f"{row['kind']}{part}" + (f" {row['size']:g} {unit}".rstrip() if kind.unit else "")


def headline(score: Figures) -> str:
    """The one JSON object that ends the command's output."""
    return orjson.dumps(score["total"]).decode()


def write(score: Figures, path: Path) -> None:
    """Write SCORE.json: the same campaign and versions give the same bytes."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    with whole_file(path) as sink:
        sink.write(orjson.dumps(score, option=options))


def show(score: Figures, console: Console) -> None:
    """Print the tables for people."""
    for table in tables(score):
        console.print(table)
        console.print()


def tables(score: Figures) -> tuple[Table, Table, Table]:
    """Faults, findings for nothing, and bands of the estimates."""
    return _fault_table(score), _alarm_table(score), _band_table(score)


def _fault_table(score: Figures) -> Table:
    columns = ("fault", "told", "delay h", "quartiles", "verdict", "asset", "onset ±h", "size ±%", "beyond")
    title = f"Campaign {score['campaign']}, seeds {score['seeds']['scoring']}"
    table = Table(*columns, title=title, box=None)
    for row in score["faults"]:
        second = f" and {row['also']}" if "also" in row else ""
        table.add_row(_name(row) + second, *_fault_cells(row))
    table.add_row("all", *_fault_cells(score["faulty"]))
    return table


def _fault_cells(row: Figures) -> tuple[str, ...]:
    return (
        f"{row['told']} of {row['batches'] - row['idle']}",
        _text(row["median_delay_h"]),
        "–".join(map(_text, row["delay_quartiles_h"])) if row["told"] else "",
        _percent(row["verdict_accuracy"]),
        _percent(row["asset_accuracy"]),
        _text(row["onset_error_h"]),
        _text(row["size_error_percent"]),
        str(row["false_alarms"]),
    )


def _alarm_table(score: Figures) -> Table:
    """Findings that answer nothing: false alarms on healthy batches, beyond the true one on others."""
    table = Table(
        "batches", "hours", "beyond", "per 1,000 h", "95 % interval", "no blame", "limits", box=None
    )
    for name, row in (("healthy", score["healthy"]), ("faulty", score["faulty"])):
        interval = "–".join(map(_text, row["false_alarms_interval"])) if row["batches"] else ""
        rate = _text(row["false_alarms_per_1000h"])
        counts = (f"{row['hours']:g}", str(row["false_alarms"]))
        facts = (str(row["blameless_findings"]), str(row["limit_alarms"]))
        table.add_row(f"{name} ({row['batches']})", *counts, rate, interval, *facts)
    return table


def _band_table(score: Figures) -> Table:
    table = Table("healthy batches", "in the 90 % band", "RMSEP", "last assay held", "hours", box=None)
    within = _percent(score["healthy"]["nis_inside"])
    table.caption = f"hours of the last day whose NIS lay in its 95 % band: {within}" if within else None
    for name, row in score["healthy"]["quantities"].items():
        errors = (_text(row["rmsep"]), _text(row["rmsep_last_assay_held"]))
        table.add_row(name, _percent(row["coverage90"]), *errors, str(row["hours_compared"]))
    return table


def _text(value: float | None) -> str:
    """As many digits as a person reads."""
    if value is None:
        return ""
    digits = 2 if abs(value) < 1 else 1 if abs(value) < 10 else 0
    return f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100.0 * value:.0f} %"
