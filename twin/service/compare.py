"""``twin compare``: runs beside reference runs, on the screen, as JSON or as a page with overlaid courses."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from rich import markup
from rich.console import Console
from rich.table import Table

from twin.alarms.words import number
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.domain.tag import Limits, TagKind
from twin.learning.compare import (
    Capability,
    Departure,
    Phase,
    PhaseValues,
    capability,
    departures,
    phase_values,
    phases_of,
)
from twin.learning.windows import Windows, course_of, matured, mean_of, quantiles_of
from twin.monitors.normal import Array
from twin.service.learn import read_runs
from twin.service.line import LineFile
from twin.service.output import whole_file
from twin.service.replay import check_files
from twin.service.selection import chosen

WIDTH, HEIGHT = 640, 150
"""Size of one drawing [px]."""
POINTS = 320
"""Points of one course in it."""
LEAST_REFERENCE = 3
"""Reference runs below which there is no spread to compare with (chosen default)."""

FORMS = (".html", ".json")
"""Endings of what a comparison is written as."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that is told of runs beside others."""

    tags: tuple[str, ...]
    units: tuple[str, ...]
    reference: Windows
    others: Windows
    phases: list[Phase]
    values: list[list[PhaseValues]]
    """by phase and tag"""
    left: list[Departure]
    cpk: dict[str, Capability]
    """by tag that has limits, over the compared runs' means in the last phase"""
    window_s: float
    aligned_by: str

    def hours(self, window: int) -> float:
        """Age, or maturity as an age, at which a window begins [h]."""
        return window * self.window_s / 3600.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was asked for."""

    files: Sequence[Path]
    vessels: str
    against: str
    phases: int
    window_s: float
    align: str


def run(asked: Asked, line_file: LineFile, line: Line) -> Comparison:
    """Read and compare.

    Raises
    ------
    ConfigError
        When a run is named on both sides, or one has no data, or too few runs are the reference.
    """
    check_files(asked.files)
    tags = {t.name: t.unit for t in line.tags() if t.kind is TagKind.ONLINE}
    others, reference = chosen(line, asked.vessels), chosen(line, asked.against)
    shared = sorted(set(others) & set(reference))
    if shared:
        raise ConfigError(f"compare: {', '.join(shared[:5])} would be compared with itself; name it once")
    if len(reference) < LEAST_REFERENCE:
        raise ConfigError(
            f"compare: --against names {len(reference)} runs ({', '.join(reference)}); {LEAST_REFERENCE} are "
            "the least that show how far good runs spread; name more, such as --against B0-B9"
        )
    wanted = {*others, *reference}
    found = read_runs(asked.files, line_file, line, tuple(tags), asked.window_s, wanted, "compare")
    missing = [name for name in (*others, *reference) if name not in found.names]
    if missing:
        raise ConfigError(f"compare: no values of {', '.join(missing[:5])} in the files")
    known, theirs = _aligned(asked, list(tags), found.pick(reference), found.pick(others))
    phases = phases_of(known, asked.phases)
    values = [
        [phase_values(known, theirs, phase, tag, asked.window_s) for tag in range(len(tags))]
        for phase in phases
    ]
    limits = {t.name: t.limits for t in line.tags()}
    return Comparison(
        tuple(tags), tuple(tags.values()), known, theirs, phases, values,
        departures(known, theirs, asked.window_s), _capabilities(list(tags), values[-1], limits),
        asked.window_s, asked.align,
    )  # fmt: skip


def _aligned(asked: Asked, tags: list[str], known: Windows, theirs: Windows) -> tuple[Windows, Windows]:
    if not asked.align:
        return known, theirs
    if asked.align not in tags:
        raise ConfigError(f"--align {asked.align}: there is no such tag; there are {', '.join(tags)}")
    place = tags.index(asked.align)
    course = course_of(known, place, asked.window_s)
    return (
        matured(known, place, course, asked.window_s),
        matured(theirs, place, course, asked.window_s),
    )


def _capabilities(
    tags: list[str], last: Sequence[PhaseValues], limits: dict[str, Limits]
) -> dict[str, Capability]:
    found = {
        name: capability(values.others, limits[name].low, limits[name].high)
        for name, values in zip(tags, last, strict=True)
    }
    return {name: cpk for name, cpk in found.items() if cpk is not None}


def document(found: Comparison) -> dict[str, Any]:
    """The comparison as data."""
    return {
        "schema": 1,
        "reference": list(found.reference.names),
        "compared": list(found.others.names),
        "aligned_by": found.aligned_by or "batch age",
        "differed_first": [
            {
                "run": found.others.names[d.run],
                "tag": found.tags[d.tag],
                "from_h": found.hours(d.window),
                "spreads": d.spreads,
            }
            for d in found.left
        ],
        "phases": [
            {
                "from_h": found.hours(phase.first),
                "to_h": found.hours(phase.last),
                "tags": {
                    tag: {"unit": unit, **asdict(values)}
                    for tag, unit, values in zip(found.tags, found.units, row, strict=True)
                },
            }
            for phase, row in zip(found.phases, found.values, strict=True)
        ],
        "cpk": {tag: asdict(cpk) for tag, cpk in found.cpk.items()},
    }


def write(found: Comparison, out: Path, language: str) -> None:
    """Write the page (.html) or the data (.json), by the name."""
    is_page = out.suffix == ".html"
    body = page(found, language).encode() if is_page else _data(found)
    with whole_file(out) as sink:
        sink.write(body)


def _data(found: Comparison) -> bytes:
    return orjson.dumps(document(found), option=orjson.OPT_INDENT_2)


def show(found: Comparison, console: Console) -> None:
    """What differed first, and what is outside the quality range by phase."""
    first = Table("run", "tag", "from [h]", "spreads", box=None, title="Differed first", title_justify="left")
    for named in _first(found, "en")[:12]:
        first.add_row(*named)
    console.print(first if found.left else "nothing left the range of the reference runs")
    table = Table("phase [h]", "tag", "reference", "compared", "difference (95 %)", "within", box=None)
    for phase, row in zip(found.phases, found.values, strict=True):
        for tag, unit, v in zip(found.tags, found.units, row, strict=True):
            if v.inside < 1.0:
                table.add_row(*map(markup.escape, _cells(found, phase, tag, unit, v, "en")))
    if table.row_count:
        console.print(table)
    for tag, cpk in found.cpk.items():
        console.print(f"Cpk {tag}: {cpk.cpk:.2f} ({cpk.low:.2f} to {cpk.high:.2f}) over {cpk.runs} runs")


def _first(found: Comparison, language: str) -> list[tuple[str, str, str, str]]:
    """Run, tag, time [h] and size of each departure."""
    return [
        (
            found.others.names[d.run],
            found.tags[d.tag],
            number(found.hours(d.window), language, ".1f"),
            number(d.spreads, language, "+.1f"),
        )
        for d in found.left
    ]


def _cells(
    found: Comparison, phase: Phase, tag: str, unit: str, v: PhaseValues, language: str
) -> tuple[str, ...]:
    def say(value: float, form: str) -> str:
        return number(value, language, form)

    came = [value for value in v.others if np.isfinite(value)]
    ends = f" {WORDS[language]['to']} ".join(say(value, "+.3g") for value in (v.low, v.high))
    interval = "" if np.isnan(v.low) else f" ({ends})"
    return (
        f"{found.hours(phase.first):.0f}-{found.hours(phase.last):.0f}",
        f"{tag} [{unit}]",
        f"{say(v.mean, '.4g')} ± {say(v.spread, '.2g')}" if np.isfinite(v.mean) else "–",
        say(float(np.mean(came)), ".4g") if came else "–",
        f"{say(v.difference, '+.3g')}{interval}" if np.isfinite(v.difference) else "–",
        f"{100 * v.inside:.0f} %" if came else "–",
    )


WORDS = {
    "en": {
        "title": "Runs compared", "first": "What differed first", "phases": "By phase", "run": "run",
        "tag": "tag", "from": "from [h]", "spreads": "spreads", "phase": "phase [h]",
        "reference": "reference", "compared": "compared", "difference": "difference (95 %)",
        "within": "within ± 3 spreads", "age": "batch age [h]", "to": "to",
        "band": "grey: 5 to 95 % of the reference runs and their mean; lines: compared runs",
        "none": "Nothing left the range of the reference runs.",
    },
    "fr": {
        "title": "Comparaison de lots", "first": "Ce qui a divergé d'abord", "phases": "Par phase",
        "run": "lot", "tag": "signal", "from": "dès [h]", "spreads": "écarts types", "phase": "phase [h]",
        "reference": "référence", "compared": "comparés", "difference": "différence (95 %)",
        "within": "dans ± 3 écarts types", "age": "âge du lot [h]", "to": "à",
        "band": "gris\u202f: 5 à 95 % des lots de référence et leur moyenne\u202f; "
        "lignes\u202f: lots comparés",
        "none": "Rien n'a quitté la plage des lots de référence.",
    },
}  # fmt: skip


def page(found: Comparison, language: str) -> str:
    """One page without scripts: tables and a drawing for each tag."""
    words = WORDS[language]
    first, heads = _first(found, language), [words[k] for k in ("run", "tag", "from", "spreads")]
    told = _table(heads, first) if first else f"<p>{words['none']}</p>"
    rows = [
        _cells(found, phase, tag, unit, v, language)
        for phase, row in zip(found.phases, found.values, strict=True)
        for tag, unit, v in zip(found.tags, found.units, row, strict=True)
    ]
    heads = [words[k] for k in ("phase", "tag", "reference", "compared", "difference", "within")]
    drawings = "".join(_drawing(found, k, language) for k in range(len(found.tags)))
    named = ", ".join(found.others.names)
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{words["title"]}</title>'
        f"<style>{_STYLE}</style><h1>{words['title']} – {escape(named)}</h1><h2>{words['first']}</h2>"
        f"{told}<p>{words['band']}</p>{drawings}<h2>{words['phases']}</h2>{_table(heads, rows)}</html>\n"
    )


_STYLE = (
    "body{font:14px system-ui,sans-serif;max-width:60rem;margin:2rem auto;color:#1c2733}"
    "table{border-collapse:collapse}td,th{padding:.15rem .8rem;text-align:left;"
    "border-bottom:1px solid #d5dbe1}"
    "svg{display:block;margin:.6rem 0}"
)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


_COLOURS = ("#1f5a96", "#d1571b", "#2c7a4b", "#8a3b8f", "#a8841a")


def _drawing(found: Comparison, tag: int, language: str) -> str:
    """Reference band, mean and the compared runs of one tag as SVG."""
    known, theirs = found.reference.means[:, :, tag], found.others.means[:, :, tag]
    (low, high), mean = quantiles_of(known, (0.05, 0.95)), mean_of(known)
    seen = np.concatenate((low, high, theirs.ravel()))
    seen = seen[np.isfinite(seen)]
    bottom, top = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 0.0)
    size = max(top - bottom, 1e-12)

    def points(course: Array) -> list[str]:
        step, across, down = -(-len(course) // POINTS), (WIDTH - 60) / len(course), HEIGHT - 30
        at = [w for w in range(0, len(course), step) if np.isfinite(course[w])]
        return [f"{60 + across * w:.1f},{10 + down * (1 - (course[w] - bottom) / size):.1f}" for w in at]

    band = " ".join(points(low) + points(high)[::-1])
    lines = f'<polyline fill="none" stroke="#8a8f98" points="{" ".join(points(mean))}"/>' + "".join(
        f'<polyline fill="none" stroke="{_COLOURS[k % len(_COLOURS)]}" points="{" ".join(points(run))}">'
        f"<title>{escape(found.others.names[k])}</title></polyline>"
        for k, run in enumerate(theirs)
    )
    name = escape(f"{found.tags[tag]} [{found.units[tag]}]")
    highest, lowest = (number(value, language, ".4g") for value in (top, bottom))
    end = f"{found.hours(known.shape[1]):.0f} {escape(WORDS[language]['age'])}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{name}">'
        f'<polygon fill="#e3e6ea" points="{band}"/>{lines}<g font-size="11" fill="#1c2733">'
        f'<text x="62" y="20">{name}</text><text x="0" y="20">{highest}</text>'
        f'<text x="0" y="{HEIGHT - 22}">{lowest}</text><text x="60" y="{HEIGHT - 4}">0</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 4}" text-anchor="end">{end}</text></g></svg>'
    )
