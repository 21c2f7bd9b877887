"""``twin learn``: good runs from files to a model of what is normal."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from connectors.sources.files import Series, read_series
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.domain.tag import TagKind
from twin.learning.normal import learn
from twin.learning.windows import Windows
from twin.monitors.normal import NormalModel
from twin.service.line import LineFile
from twin.service.normal import save
from twin.service.output import whole_file
from twin.service.replay import check_files, layout_of
from twin.service.selection import chosen
from twin.service.terminal import Step, progress

REACHED = 0.75
"""A batch is followed as long as this part of the runs lasted."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command was asked for.

    Parameters
    ----------
    files : sequence of Path
        Each vessel in them is a run.
    fit, calibrate : str
        Which runs; empty: every second one, of those not in the other.
    false_alarms : float
        [per 100 h].
    window_s : float
        [s].
    align : str
        Tag whose progress tells maturity, or empty for batch age.
    """

    files: Sequence[Path]
    fit: str
    calibrate: str
    false_alarms: float
    window_s: float
    align: str = ""


def run(asked: Wanted, line_file: LineFile, line: Line, out: Path) -> NormalModel:
    """Read, learn and write.

    Raises
    ------
    ConfigError
        When files, runs or tags do not do.
    """
    check_files(asked.files)
    tags = {t.name: t.unit for t in line.tags() if t.kind is TagKind.ONLINE}
    if asked.align and asked.align not in tags:
        raise ConfigError(f"--align {asked.align}: line {line.id} has no such tag; it has {', '.join(tags)}")
    wanted = _wanted(asked, line)
    found = read_runs(asked.files, line_file, line, tuple(tags), asked.window_s, wanted)
    fit, calibrate = _split(asked, line, found)
    _refuse_shared(fit, calibrate)
    units = [tags[name] for name in tags]
    with progress("runs to learn from") as step:
        step(len(fit) + len(calibrate))
        model = learn(
            found.pick(fit),
            found.pick(calibrate),
            tuple(tags),
            units,
            asked.window_s,
            asked.false_alarms,
            asked.align,
        )
    model = replace(model, about={**model.about, **_about(asked, found, fit, calibrate)})
    with whole_file(out) as sink:
        save(model, sink)
    return model


def _wanted(asked: Wanted, line: Line) -> set[str] | None:
    if not (asked.fit and asked.calibrate):
        return None
    return {*chosen(line, asked.fit), *chosen(line, asked.calibrate)}


def _split(asked: Wanted, line: Line, found: Windows) -> tuple[list[str], list[str]]:
    """Runs to fit and runs to calibrate; by turns where they are not named."""
    fit = [n for n in chosen(line, asked.fit) if n in found.names] if asked.fit else []
    held = [n for n in chosen(line, asked.calibrate) if n in found.names] if asked.calibrate else []
    rest = [name for name in found.names if name not in {*fit, *held}]
    if not fit and not held:
        return rest[::2], rest[1::2]
    return fit or rest, held or rest


def _refuse_shared(fit: Sequence[str], calibrate: Sequence[str]) -> None:
    shared = sorted(set(fit) & set(calibrate))
    if shared:
        raise ConfigError(
            f"learn: {', '.join(shared[:5])} are both fitted on and calibrated with; the threshold would "
            f"promise too little; keep runs apart"
        )


def _about(asked: Wanted, found: Windows, fit: Sequence[str], held: Sequence[str]) -> dict[str, object]:
    return {
        "made_by": f"bioline-twin {version('bioline-twin')}",
        "files": [{"name": p.name, "sha256": sha256_of(p)} for p in asked.files],
        "fitted_on": _hashed(found.pick(fit)),
        "calibrated_with": _hashed(found.pick(held)),
    }


def sha256_of(path: Path) -> str:
    """Hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hashed(runs: Windows) -> list[dict[str, str]]:
    digests = (hashlib.sha256(run.tobytes()).hexdigest() for run in runs.means)
    return [{"run": name, "sha256": digest} for name, digest in zip(runs.names, digests, strict=True)]


def read_runs(
    files: Sequence[Path],
    line_file: LineFile,
    line: Line,
    tags: Sequence[str],
    window_s: float,
    wanted: set[str] | None = None,
    command: str = "learn",
) -> Windows:
    """Windows of every run of the files; a run begins with its batch, or else with its first value.

    Raises
    ------
    ConfigError
        When the files hold no value of these tags; `command` is who says so.
    """
    asked = [v.id for v in line.vessels if wanted is None or v.id in wanted]
    with progress("courses to read", len(asked) * len(tags)) as step:
        runs, assays = _courses(files, line_file, line, tags, wanted, step)
    begins = {v.id: v.batch.start_ns for v in line.vessels if v.batch and v.batch.start_ns}
    names = [v.id for v in line.vessels if v.id in runs]
    if not names:
        raise ConfigError(_nothing(command, files, line, tags, assays))
    with progress("runs to cut into windows", len(names)) as step:
        grids = []
        for name in names:
            grids.append(list(_windows(runs[name], tags, window_s, begins.get(name))))
            step()
    lengths = sorted(max(len(mean) for mean, _ in grid) for grid in grids)
    length = lengths[round((1.0 - REACHED) * (len(lengths) - 1))]
    stacked = np.array([[[_fitted(part, length) for part in pair] for pair in grid] for grid in grids])
    return Windows(tuple(names), stacked[:, :, 0].transpose(0, 2, 1), stacked[:, :, 1].transpose(0, 2, 1))


def _courses(
    files: Sequence[Path],
    line_file: LineFile,
    line: Line,
    tags: Sequence[str],
    wanted: set[str] | None,
    step: Step,
) -> tuple[dict[str, dict[str, Series]], Counter[str]]:
    """Values by vessel and tag, and how many laboratory values there are by tag."""
    runs: dict[str, dict[str, Series]] = {}
    laboratory = {t.name for t in line.tags() if t.kind is TagKind.ASSAY}
    assays: Counter[str] = Counter()
    for path in files:
        for one in read_series(path, layout_of(line_file)):
            vessel, _, tag = one.address.rpartition(".")
            if not len(one.values):
                continue
            if wanted is not None and vessel not in wanted:
                continue
            if tag in laboratory:
                assays[tag] += len(one.values)
            if tag in tags:
                step()
                runs.setdefault(vessel, {})[tag] = joined(runs.get(vessel, {}).get(tag), one)
    return runs, assays


def _nothing(
    command: str, files: Sequence[Path], line: Line, tags: Sequence[str], assays: Mapping[str, int]
) -> str:
    """Why there are no runs in the files, in words."""
    told = f"{command}: {', '.join(p.name for p in files)}: no online values of line {line.id} in them"
    if not tags:
        told += ", which has no online tags"
    if assays:
        counts = ", ".join(f"{tag} {count}" for tag, count in assays.items())
        told += (
            f"; their {sum(assays.values())} laboratory values ({counts}) are not looked at, as {command} "
            "judges courses of online signals; twin calibrate fits a process model to laboratory counts"
        )
    return told


def joined(before: Series | None, one: Series) -> Series:
    """One tag's values from two files, in order of time."""
    if before is None:
        return one
    times = np.concatenate((before.times, one.times))
    order = np.argsort(times, kind="stable")
    return Series(
        one.address,
        times[order],
        np.concatenate((before.values, one.values))[order],
        before.missing + one.missing,
    )


def _windows(
    run: dict[str, Series], tags: Sequence[str], window_s: float, begin: int | None
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Means and mean squared successive differences of each tag, as `NormalWatch` makes them."""
    start = begin or min(int(one.times[0]) for one in run.values())
    for tag in tags:
        if tag not in run:
            yield np.full(1, np.nan), np.full(1, np.nan)
            continue
        times, values = run[tag].times, run[tag].values
        place, values = (times - start) // int(window_s * 1e9), values
        place, values = place[place >= 0], values[place >= 0]
        count = np.bincount(place)
        steps = np.diff(values) ** 2
        inside = place[1:] == place[:-1]
        squares = np.bincount(place[1:][inside], steps[inside], minlength=len(count))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.bincount(place, values) / count
            yield mean, np.where(count > 1, squares / (count - 1), np.nan)


def _fitted(row: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    return np.concatenate((row[:length], np.full(max(0, length - len(row)), np.nan)))


def show(model: NormalModel, console: Console) -> None:
    """What was learnt, in figures."""
    about, table = dict(model.about), Table("what", "", box=None)
    hours = model.windows * model.window_s / 3600.0
    table.add_row("tags", ", ".join(model.tags))
    table.add_row("batch", f"{hours:.1f} h in {model.windows} windows of {model.window_s:g} s")
    table.add_row("aligned by", model.aligned_by or "batch age")
    table.add_row("fitted on", f"{len(_rows(about['fitted_on']))} runs")
    table.add_row(
        "calibrated with", f"{len(_rows(about['calibrated_with']))} runs, {about['calibration_h']:.0f} h"
    )
    table.add_row(
        "findings on these",
        f"{about['reached_per_100h']:.3g} per 100 h; {about['stated_per_100h']:g} was asked for",
    )
    table.add_row("threshold", f"{model.threshold:.3g} times what good runs reach")
    console.print(table)


def _rows(found: object) -> list[object]:
    return list(found) if isinstance(found, list | tuple) else []
