"""The table of soft sensors: made from a campaign or from stored runs, printed, and written as a file."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from twin import __version__
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.service.build import load_line
from twin.service.campaign import VESSEL, Campaign, Plan, line_path, plans
from twin.service.model import process_of
from twin.service.play.recording import Recording
from twin.service.sensors import COLUMNS, Sensor, row, stem
from twin.service.sensors_stored import stored_sensors
from twin.service.sheet import Sheet
from twin.service.trial import run_all, run_one

SCHEMA: Final = 1
SHOWN: Final = {
    "sensor": "soft sensor",
    "unit": "unit",
    "runs": "runs",
    "compared": "compared",
    "rmsep": "RMSEP",
    "interval": "95 % interval",
    "bias": "bias",
    "coverage90": "in the 90 % band",
    "rmsep_last_assay_held": "last assay held",
    "skill": "skill",
    "rmsep_persistence": "persistence",
}
"""Headings of the table that people read."""

Document = dict[str, Any]


def of_campaign(campaign: Campaign, jobs: int, step: Callable[[], None] = lambda: None) -> Document:
    """The table of the healthy batches of a campaign, each hour beside its true value.

    Raises
    ------
    ConfigError
        When the campaign has no healthy batch.
    """
    batches = healthy(campaign)
    bands = []
    for outcome in run_all(campaign, batches, jobs, run_one):
        bands.append(outcome.bands)
        step()
    _, line = load_line(line_path(campaign))
    vessel = next(v for v in line.vessels if v.id == VESSEL)
    process = process_of(vessel)
    sensors = [
        Sensor(vessel.process, q.name, q.unit, tuple(b[stem(q.name)] for b in bands if stem(q.name) in b))
        for q in process.quantities
    ]
    about = {
        "campaign": campaign.id,
        "seeds": [plan.seed for plan in batches],
        "hours": sum(plan.hours for plan in batches),
    }
    return _document("true value of every hour, from the third on", about, sensors)


def healthy(campaign: Campaign) -> list[Plan]:
    """The batches in which nothing is wrong, with the seeds they have in the score.

    Raises
    ------
    ConfigError
        When there are none.
    """
    found = [plan for plan in plans(campaign) if plan.fault is None]
    if not found:
        raise ConfigError(
            f"campaign {campaign.id}: no healthy batch, and soft sensors are judged where nothing is wrong; "
            "a section such as `healthy: [{batches: 10}]` would do"
        )
    return found


def of_stored(recording: Recording, line: Line) -> Document:
    """The table of stored runs, each laboratory result beside what was predicted before it.

    Raises
    ------
    ConfigError
        When no vessel has a model, or there is no laboratory result that a model predicts.
    """
    sensors, counts = stored_sensors(recording, line)
    if not sensors:
        raise ConfigError(
            f"soft-sensors: no vessel of line {line.id} has a process model; `process:` in the line would do"
        )
    if not counts.results:
        raise ConfigError(
            "soft-sensors: no laboratory result that a model predicts came with the runs; a file of them "
            "goes with --assays, their tags need `kind: assay` in the line"
        )
    about = {
        "line": line.id,
        "results": counts.results,
        "compared": counts.compared,
        "in_the_first_two_hours": counts.early,
        "without_a_prediction": counts.untold,
    }
    return _document("laboratory result, predicted before its sample was drawn", about, sensors)


def _document(reference: str, about: Document, sensors: Sequence[Sensor]) -> Document:
    head = {"schema": SCHEMA, "bioline_twin": __version__, "reference": reference}
    return {**head, **about, "sensors": [row(sensor) for sensor in sensors]}


def sheet(document: Document) -> Sheet:
    """The table as it is printed and written."""
    compared = [_cells(each) for each in document["sensors"] if each["compared"]]
    return Sheet(
        document,
        COLUMNS,
        document["sensors"],
        list(SHOWN.values()),
        compared,
        _title(document),
        _without(document),
        f"Reference: {document['reference']}.",
    )


def _title(document: Document) -> str:
    if "campaign" in document:
        seeds = document["seeds"]
        return f"Campaign {document['campaign']}, {len(seeds)} healthy batches, seeds {seeds[0]}..{seeds[-1]}"
    return (
        f"Line {document['line']}: {document['compared']} of {document['results']} results compared "
        f"({document['in_the_first_two_hours']} drawn before the twin had settled, "
        f"{document['without_a_prediction']} where it said nothing)"
    )


def _without(document: Document) -> str:
    names = [each["sensor"] for each in document["sensors"] if not each["compared"]]
    return f"no reference for {', '.join(names)}" if names else ""


def _cells(each: Document) -> list[str]:
    return [_cell(each, key) for key in SHOWN]


def _cell(each: Document, key: str) -> str:
    if key == "interval":
        low, high = each["rmsep_low"], each["rmsep_high"]
        return "" if low is None else f"{low:.2g}–{high:.2g}"
    value = each[key]
    if value is None or isinstance(value, str):
        return value or ""
    if key == "coverage90":
        return f"{100.0 * value:.0f} %"
    return str(value) if isinstance(value, int) else f"{value:.2g}" if abs(value) < 100.0 else f"{value:.0f}"
