"""The table of probes: which to recalibrate first, and what that rests on."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from twin import __version__
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.service.play.recording import Recording
from twin.service.probes import Beside, Interval, drift_told, gain_told
from twin.service.probes_stored import Probe, stored_probes
from twin.service.sensors import plain
from twin.service.sheet import Sheet

SCHEMA: Final = 1
UNTOLD: Final = "cannot be told yet"
_FIGURES: Final = ("error", "drift_per_day", "gain")
_SIDE: Final = ("compared", *(f"{f}{end}" for f in _FIGURES for end in ("", "_low", "_high")))
COLUMNS: Final = (
    "tag", "unit", "recalibrate", "check", "limit", "in_a_loop", "judged_by", "error_over_limit",
    "sure_over_limit", "life_days", "life_days_low", "life_days_high", "findings",
    *(f"{side}_{name}" for side in ("lab", "twin") for name in _SIDE),
)  # fmt: skip
"""Of the table, in this order; None for what can not be told, and for an end that is nowhere."""
WORDS: Final = ("tag", "unit", "judged_by", "findings")
"""Those that are no numbers."""
SHOWN: Final = (
    "probe", "what to do", "error now / limit", "error now", "drift per day", "gain", "life [days]",
    "in a loop", "findings", "beside the twin: error now", "drift per day",
)  # fmt: skip
"""Headings of the table that people read."""

Document = dict[str, Any]


def of_stored(recording: Recording, line: Line, limits: Mapping[str, float]) -> Document:
    """The table of the probes of stored runs, the most urgent first.

    Raises
    ------
    ConfigError
        When no probe has a reference, or a limit is not usable.
    """
    probes = stored_probes(recording, line, limits)
    if not any(p.lab.points or p.twin.points for p in probes):
        raise ConfigError(
            f"probe-health: no probe of line {line.id} has a laboratory result or a belief beside it; a file "
            "of results goes with --assays, `process:` gives a vessel a model"
        )
    return {
        "schema": SCHEMA,
        "bioline_twin": __version__,
        "line": line.id,
        "probes": [_row(p, place) for p, place in zip(probes, _places(probes), strict=True)],
        "response_time": "response time is not told: set point, reading and actuator are one loop",
    }


def _places(probes: Sequence[Probe]) -> list[int | None]:
    """1 for what to recalibrate first, and so on, where it is due."""
    urgent = [p.due for p in probes]
    return [sum(urgent[: i + 1]) if each else None for i, each in enumerate(urgent)]


def _row(p: Probe, place: int | None) -> Document:
    error, left = p.judged.error, p.life
    values = (
        p.tag.id, p.tag.unit, place, p.check, p.limit, p.controls, p.judged_by,
        plain(p.ratio) if error else None, plain(p.surely) if error else None,
        *(_three(left) if left else (None,) * 3),
        ", ".join(f"{n} {kind}" for kind, n in p.findings.items()),
        *_side(p.lab, p.limit), *_side(p.twin, p.limit),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _side(found: Beside, limit: float) -> tuple[Any, ...]:
    """Comparisons, then value and interval of error, drift, gain; the value is None where it is not told."""
    drift, gain = found.drift, found.gain
    return (
        found.points,
        *_told(found.error, True),
        *_told(drift, drift is not None and drift_told(drift, limit)),
        *_told(gain, gain is not None and gain_told(gain)),
    )


def _told(found: Interval | None, told: bool) -> tuple[float | None, ...]:
    value, low, high = _three(found) if found else (None,) * 3
    return value if told else None, low, high


def _three(found: Interval) -> tuple[float | None, ...]:
    return plain(found.value), plain(found.low), plain(found.high)


def sheet(document: Document) -> Sheet:
    """The table as it is printed and written."""
    probes = document["probes"]
    return Sheet(
        document,
        COLUMNS,
        probes,
        SHOWN,
        [_cells(row) for row in probes],
        f"Line {document['line']}: {_told_first(probes)}",
        f"95 % intervals; {document['response_time']}",
        "Error: probe minus reference at the end of the runs.",
    )


def _told_first(probes: Sequence[Document]) -> str:
    """What to do with which probes, in the words of the heading."""
    due, doubted = (", ".join(row["tag"] for row in probes if row[key]) for key in ("recalibrate", "check"))
    if not doubted:
        return f"recalibrate {due or 'nothing'}"
    first = f"recalibrate {due}" if due else "nothing to recalibrate for sure"
    return f"{first}; compare {doubted} with a reference"


def _cells(row: Document) -> list[str]:
    side = "lab" if row["judged_by"] == "laboratory" else "twin"
    figures = [_cell(row, f"{side}_{name}") for name in _FIGURES]
    ratio = "" if row["error_over_limit"] is None else f"{row['error_over_limit']:.2g}"
    beside_twin = [_cell(row, f"twin_{name}") for name in _FIGURES[:2]] if side == "lab" else ["", ""]
    return [
        row["tag"], _to_do(row), ratio,
        f"{figures[0]} ({row['judged_by']})" if row["judged_by"] else UNTOLD, *figures[1:], _life(row),
        "yes" if row["in_a_loop"] else "", row["findings"], *beside_twin,
    ]  # fmt: skip


def _to_do(row: Document) -> str:
    if row["recalibrate"]:
        return f"recalibrate ({row['recalibrate']})"
    return "compare with a reference" if row["check"] else ""


def _cell(row: Document, name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    span = "" if low is None or high is None else f" ({_number(low)}..{_number(high)})"
    return f"{UNTOLD if value is None else _number(value)}{span}"


def _life(row: Document) -> str:
    value, low, high = (row[f"life_days{end}"] for end in ("", "_low", "_high"))
    if low is None:
        return UNTOLD
    if high is None:
        return f"over {low:.2g}" if low else UNTOLD
    return "over" if high == 0.0 else f"{value:.2g} ({low:.2g}..{high:.2g})"


def _number(value: float) -> str:
    """Two significant digits without an exponent."""
    digits = 1 if value == 0.0 else max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"
