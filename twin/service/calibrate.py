"""``twin calibrate``: counts of past runs from files to parameters for a line file."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from connectors.sources.files import Series, read_series
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.domain.tag import Tag
from twin.learning.calibrate import STEPS, fit
from twin.learning.calibration import Calibration, Counts, in_words
from twin.learning.left_out import Forecasts, groups_of, leave_one_out, overall
from twin.processes.base import Process
from twin.service import plugins
from twin.service.content_hash import hashed_yaml
from twin.service.learn import joined, sha256_of
from twin.service.line import LineFile
from twin.service.output import whole_file
from twin.service.replay import check_files, layout_of
from twin.service.selection import chosen
from twin.service.terminal import progress

HOUR_NS = 3_600_000_000_000
OUTSIDE = "outside the tag's range"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command was asked for.

    Parameters
    ----------
    files : sequence of Path
        Each vessel in them is a run.
    fit : str
        Which runs; empty: all.
    group : str
        What follows the group in a vessel's id; empty: each vessel is a group.
    leave_one_out : bool
    until_h : float
        Age until which a left-out run is known [h].
    keep : sequence of str
        Parameters that are not fitted.
    """

    files: Sequence[Path]
    fit: str = ""
    group: str = "-"
    leave_one_out: bool = False
    until_h: float = 122.0
    keep: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    model: Process
    runs: Sequence[Counts]
    found: Calibration
    left_out: Sequence[Forecasts]
    not_fitted: Mapping[str, Mapping[str, int]]
    """by output and reason: counts that were left out"""


def run(asked: Wanted, line_file: LineFile, line: Line, out: Path) -> Result:
    """Read, fit and write.

    Raises
    ------
    ConfigError
        When files, vessels or counts do not do.
    """
    check_files(asked.files)
    names = chosen(line, asked.fit) if asked.fit else [v.id for v in line.vessels]
    kind, given = _model(line, names)
    build = plugins.load("processes", kind).build
    model: Process = build(given)
    kept = _kept(model, asked.keep)
    runs, not_fitted = read_counts(asked, line_file, line, names, model)
    fits = 1 + (len(groups_of(runs)) if asked.leave_one_out else 0)
    with progress("steps of the fit" if fits == 1 else f"steps of {fits} fits", fits * STEPS) as step:
        found = fit(build, runs, kept, step)
        left = leave_one_out(build, runs, asked.until_h, given=kept, step=step) if fits > 1 else []
    result = Result(model, runs, found, left, not_fitted)
    with whole_file(out) as sink:
        sink.write(hashed_yaml(document(asked, result)))
    return result


def _model(line: Line, names: Sequence[str]) -> tuple[str, Mapping[str, float]]:
    """The one process model of the vessels, and what the line file says of its parameters."""
    vessels = [v for v in line.vessels if v.id in names]
    kinds = sorted({v.process for v in vessels})
    if len(kinds) > 1 or not kinds[0]:
        raise ConfigError(
            f"calibrate: the vessels of line {line.id} have the process models "
            f"{', '.join(k or 'none' for k in kinds)}; name vessels of one model with --fit"
        )
    return kinds[0], vessels[0].parameters


def _kept(model: Process, keep: Sequence[str]) -> dict[str, float]:
    known = {p.name: p.value for p in model.parameters}
    for name in keep:
        if name not in known:
            raise ConfigError(f"--keep {name}: {model.id} has no such parameter; it has {', '.join(known)}")
    if known and set(known) <= set(keep):
        raise ConfigError(f"--keep: every parameter of {model.id} is kept; leave one to be fitted")
    return {name: known[name] for name in keep}


def read_counts(
    asked: Wanted, line_file: LineFile, line: Line, names: Sequence[str], model: Process
) -> tuple[list[Counts], dict[str, dict[str, int]]]:
    """Counts of every run, and by output and reason how many were left out.

    A run's age is counted from the start of its batch, or else from its first count.

    Raises
    ------
    ConfigError
        When the files hold none of them, or most are outside the range of their tag.
    """
    outputs = tuple(output.name for output in model.outputs)
    tags = {tag.id for tag in line.tags()}
    found: dict[str, dict[str, Series]] = {}
    for path in asked.files:
        for one in read_series(path, layout_of(line_file)):
            vessel, _, tag = one.address.rpartition(".")
            if tag in outputs and vessel in names and one.address in tags:
                found.setdefault(vessel, {})[tag] = joined(found.get(vessel, {}).get(tag), one)
    if not any(len(one.values) for run in found.values() for one in run.values()):
        raise ConfigError(
            f"calibrate: {', '.join(p.name for p in asked.files)}: no values of {' or '.join(outputs)} of "
            f"line {line.id} in them"
        )
    begins = {v.id: v.batch.start_ns for v in line.vessels if v.batch and v.batch.start_ns}
    within, left = believed({n: found[n] for n in names if n in found}, line, begins)
    return [_counts(n, asked.group, run, outputs, begins.get(n)) for n, run in within.items()], left


def _counts(
    name: str, group: str, run: Mapping[str, Series], outputs: Sequence[str], begin: int | None
) -> Counts:
    """One run as a table: a row for each time at which anything was counted."""
    times = np.unique(np.concatenate([one.times for one in run.values()]))
    start = begin or int(times[0])
    times = times[times >= start]
    if not len(times):
        raise ConfigError(
            f"calibrate: {name}: every count is from before its batch started; check batch.start"
        )
    table = np.full((len(times), len(outputs)), np.nan)
    for m, output in enumerate(outputs):
        if output in run:
            one = run[output]
            inside = one.times >= start
            table[np.searchsorted(times, one.times[inside]), m] = one.values[inside]
    return Counts(name, name.split(group)[0] if group else name, (times - start) / HOUR_NS, table)


def believed(
    found: Mapping[str, Mapping[str, Series]], line: Line, begins: Mapping[str, int]
) -> tuple[dict[str, dict[str, Series]], dict[str, dict[str, int]]]:
    """Counts within the range of their tags, and by output and reason how many were left out.

    Raises
    ------
    ConfigError
        When most counts of an output are outside the range, or a percentage looks like a fraction.
    """
    tags = {tag.id: tag for tag in line.tags()}
    kept: dict[str, dict[str, Series]] = {}
    left: dict[str, Counter[str]] = {}
    values: dict[str, list[NDArray[np.float64]]] = {}
    for vessel, run in found.items():
        for name, one in run.items():
            tag = tags[f"{vessel}.{name}"]
            inside = (one.values >= tag.low) & (one.values <= tag.high)
            values.setdefault(name, []).append(one.values)
            reasons = left.setdefault(name, Counter())
            reasons["no number"] += one.missing
            reasons[OUTSIDE] += int((~inside).sum())
            reasons["before its batch began"] += int((one.times[inside] < begins.get(vessel, 0)).sum())
            if inside.any():
                of_run = kept.setdefault(vessel, {})
                of_run[name] = replace(one, times=one.times[inside], values=one.values[inside])
    for name, parts in values.items():
        tag = next(tags[f"{vessel}.{name}"] for vessel in found if name in found[vessel])
        _check_unit(tag, np.concatenate(parts), left[name][OUTSIDE])
    return kept, {name: {why: n for why, n in reasons.items() if n} for name, reasons in left.items()}


def _check_unit(tag: Tag, values: NDArray[np.float64], outside: int) -> None:
    """Refuse counts that seem to be in another unit than their tag."""
    if not len(values):
        return
    span = f"{values.min():.4g} to {values.max():.4g}"
    if 2 * outside > len(values):
        raise ConfigError(
            f"calibrate: {tag.name}: {outside} of {len(values)} counts ({span}) are outside the tag's range, "
            f"{tag.low:g} to {tag.high:g} {tag.unit}; are they in another unit? Give `scale` in "
            "the line file's files.values"
        )
    if tag.unit == "%" and values.max() <= 1.0:
        raise ConfigError(
            f"calibrate: {tag.name}: all {len(values)} counts ({span}) are at most 1 %; are they fractions? "
            "`scale: 100` in the line file's files.values makes them per cent"
        )


def document(asked: Wanted, result: Result) -> dict[str, Any]:
    """The file: `process` is ready for a line file, the rest says what it rests on."""
    found = result.found
    left_out = _left_out(asked, result) if result.left_out else {}
    return {
        "process": {"kind": result.model.id, "parameters": {n: _short(v) for n, v in found.values().items()}},
        "model_version": result.model.version,
        "made_by": {name: version(name) for name in ("bioline-twin", "numpy", "scipy")},
        "kept": {name: p.value for p in result.model.parameters for name in asked.keep if p.name == name},
        "estimates": {e.parameter.name: _row(e) for e in found.estimates},
        "identifiability": in_words(found),
        "correlation": _correlation(found),
        "spread_between_runs": {name: _short(v) for name, v in found.spread.items()},
        "residuals": {r.output: _residual(r) for r in found.residuals},
        "counts_left_out": {name: dict(reasons) for name, reasons in result.not_fitted.items() if reasons},
        **left_out,
        "files": [{"name": p.name, "sha256": sha256_of(p)} for p in asked.files],
        "runs": [_run(one) for one in result.runs],
    }


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _row(e: Any) -> dict[str, Any]:
    return {
        "value": _short(e.parameter.value),
        "unit": e.parameter.unit,
        "standard_error": _short(e.error),
        "interval_95": [_short(e.low), _short(e.high)],
        "determined": e.determined,
    }


def _residual(r: Any) -> dict[str, Any]:
    return {
        "unit": r.unit,
        "counts": r.count,
        "rmse": _short(r.rmse),
        "bias": _short(r.bias),
        "median_size": _short(r.median),
        "size_beside_declared": _short(r.factor),
        "beyond_3_sd": r.outlying,
    }


def _correlation(found: Calibration) -> dict[str, dict[str, float]]:
    matrix = found.correlation()
    return {
        a: {b: round(float(matrix[i, j]), 3) for j, b in enumerate(found.names)}
        for i, a in enumerate(found.names)
    }


def _run(one: Counts) -> dict[str, Any]:
    data = one.hours.tobytes() + one.values.tobytes()
    counts = int(np.isfinite(one.values).sum())
    return {"run": one.name, "group": one.group, "counts": counts, "sha256": hashlib.sha256(data).hexdigest()}


def _left_out(asked: Wanted, result: Result) -> dict[str, Any]:
    output = result.model.outputs[0]
    told = {f.group: _errors(f) for f in (*result.left_out, overall(result.left_out))}
    known = {"output": output.name, "unit": output.unit, "known_until_h": asked.until_h}
    return {"leave_one_out": {**known, "groups": told}}


def _errors(f: Forecasts) -> dict[str, Any]:
    return {
        "counts": len(f.seen),
        "rmse": {method: _short(error) for method, error in f.errors().items()},
        "in_90_percent_band": round(f.covered() / len(f.seen), 3),
    }


def show(result: Result, console: Console) -> None:
    """Parameters, what is known of them, and the errors on left-out groups."""
    table = Table("parameter", "value", "standard error", "95 % interval", "unit", "", box=None)
    for e in result.found.estimates:
        interval = f"{e.low:.3g} ... {e.high:.3g}"
        word = "" if e.determined else "poorly determined"
        p = e.parameter
        table.add_row(p.name, f"{p.value:.4g}", f"{e.error:.2g}", interval, p.unit, word)
    console.print(table)
    for sentence in in_words(result.found):
        console.print(f"- {sentence}", soft_wrap=True)
    for r in result.found.residuals:
        console.print(
            f"residuals of {r.output}: {r.count} counts, RMSE {r.rmse:.3g}, median size {r.median:.3g}, mean "
            f"{r.bias:+.2g} {r.unit}; {r.outlying} beyond 3 sd",
            soft_wrap=True,
        )
    for name, reasons in result.not_fitted.items():
        if reasons:
            told = ", ".join(f"{count} {why}" for why, count in reasons.items())
            console.print(f"counts of {name} left out: {told}", soft_wrap=True)
    if result.left_out:
        console.print(_forecast_table(result.left_out, result.model.outputs[0].unit))


def _forecast_table(left_out: Sequence[Forecasts], unit: str) -> Table:
    methods = list(left_out[0].errors())
    table = Table("left out", "counts", *(f"RMSE {m} [{unit}]" for m in methods), "in 90 % band", box=None)
    for f in (*left_out, overall(left_out)):
        errors = (f"{error:.3g}" for error in f.errors().values())
        table.add_row(f.group, str(len(f.seen)), *errors, f"{100 * f.covered() / len(f.seen):.0f} %")
    return table
