"""``twin what-if``: scenarios asked of the twin at a moment of a stored run."""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.console import Console
from rich.table import Table

from connectors.codecs.iso_time import parse_ns
from dashboards import payloads
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.domain.forecast import Exit, Forecast
from twin.domain.instant import hours_ns, iso
from twin.domain.measurement import Quarantined, Reading
from twin.domain.whatif import BASE, Answer, Change, WhatIf
from twin.engine.forecast import Question
from twin.service.build import Faults
from twin.service.line import LineFile
from twin.service.output import whole_file
from twin.service.replay import Replay, arrival
from twin.service.silence import check_heard
from twin.service.yaml_file import read_yaml

HOUR: Final = 3_600_000_000_000
_CHANGE: Final = re.compile(r"(?P<what>\w+)=(?P<value>[^@\s]+)(?:@(?P<in_h>\S+))?")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ChangeSection(_Strict):
    """One thing that is changed."""

    what: str = Field(min_length=1, max_length=100)
    value: float
    in_h: float = 0.0


class ScenarioSection(_Strict):
    """Changes that belong together."""

    name: str = Field(min_length=1, max_length=80)
    changes: list[ChangeSection]


class WhatIfFile(_Strict):
    """A file of scenarios."""

    version: Literal[1] = Field(alias="schema")
    scenarios: Annotated[list[ScenarioSection], Field(min_length=1)]

    def asked(self) -> list[WhatIf]:
        """The scenarios in the words of the domain."""
        return [WhatIf(s.name, tuple(Change(**c.model_dump()) for c in s.changes)) for s in self.scenarios]


def load_scenarios(path: Path) -> list[WhatIf]:
    """Read a file of scenarios.

    Raises
    ------
    ConfigError
        With every fault found.
    """
    faults = Faults()
    try:
        return WhatIfFile.model_validate(read_yaml(path)).asked()
    except ValidationError as error:
        faults.add_validation("", error)
    raise ConfigError("\n".join(f"{path}: {fault}" for fault in faults.found))


def parsed(text: str) -> WhatIf:
    """A scenario as the command line takes it: ``"more feed: feed_factor=1.3@12 harvest=320"``.

    Raises
    ------
    ConfigError
        When a part is no change.
    """
    name, colon, rest = text.rpartition(":")
    words = rest.split()
    changes = []
    for word in words:
        match = _CHANGE.fullmatch(word)
        try:
            assert match
            changes.append(Change(match["what"], float(match["value"]), float(match["in_h"] or 0.0)))
        except (AssertionError, ValueError) as error:
            raise ConfigError(
                f"--try {text!r}: {word!r} is no change; WHAT=VALUE or WHAT=VALUE@HOURS would do, "
                "such as feed_factor=1.3@12"
            ) from error
    return WhatIf(name.strip() if colon else " ".join(words), tuple(changes))


def question_at(
    vessel_id: str,
    at: str,
    line_file: LineFile,
    line: Line,
    rows: Iterable[Reading | Quarantined],
    progress: Callable[[int], None],
) -> Question:
    """The belief of a vessel's twin at a moment of a stored run, from what had come by then.

    Parameters
    ----------
    vessel_id : str
    at : str
        ISO 8601 time, or ``"96h"`` from the first value; empty: the end of the data.
    line_file, line
    rows : iterable of Reading or Quarantined
        Of this vessel, in order of arrival.
    progress : Callable
        Called with how many rows were read.

    Raises
    ------
    ConfigError
        When the vessel has no model, the moment is later than its newest value and a frame's grace, or its
        twin can say nothing at that moment.
    NotFoundError
        When all signals of the vessel are silent at that moment.
    """
    known = {vessel.id for vessel in line.vessels}
    if vessel_id not in known:
        raise ConfigError(f"--vessel {vessel_id}: line {line.id} has {', '.join(sorted(known)[:20])}")
    job = Replay(line_file, line)
    at_ns, come = until(at, iter(rows))
    asyncio.run(job.until(come, at_ns, progress))
    vessel = job.engine.vessels[vessel_id]
    if at_ns is not None and not come.more and vessel.is_over(at_ns, come.newest_ns):
        raise ConfigError(
            f"--at {at}: is after the last value of {vessel_id}; --at {iso(come.newest_ns)}, an earlier "
            "time, or no --at for the end of the data would do"
        )
    if vessel.model is None:
        raise ConfigError(f"{vessel_id} has no process model; give it one in the line file (process: kind)")
    check_heard(vessel)
    question = vessel.question()
    if question is None:
        raise ConfigError(
            f"{vessel_id}: the twin can say nothing there yet; it needs values for some hours before the "
            "moment, and trust in itself (twin replay tells when that is lost)"
        )
    return question


class Come:
    """The rows that had come by a moment [ns], None for the end.

    When they have been gone through, `newest_ns` is the arrival of the last of them [ns], and `more` tells
    whether others came after the moment.
    """

    def __init__(self, rows: Iterable[Reading | Quarantined], at_ns: int | None) -> None:
        self._rows, self._at_ns = rows, at_ns
        self.newest_ns, self.more = 0, False

    def __iter__(self) -> Iterator[Reading | Quarantined]:
        """The rows, once."""
        for row in self._rows:
            if self._at_ns is not None and arrival(row) > self._at_ns:
                self.more = True
                return
            self.newest_ns = arrival(row)
            yield row


def until(at: str, rows: Iterator[Reading | Quarantined]) -> tuple[int | None, Come]:
    """The moment [ns], None for the end, and the rows that had come by then."""
    first = next(rows, None)
    if first is None:
        raise ConfigError("what-if: there is no value in the data")
    at_ns = _moment(at, arrival(first))
    return at_ns, Come(chain([first], rows), at_ns)


def _moment(at: str, first_ns: int) -> int | None:
    if not at:
        return None
    try:
        found = first_ns + hours_ns(float(at[:-1])) if at.endswith("h") else parse_ns(at)
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"--at {at!r}: 96h after the first value, or 2026-01-05T06:00:00Z, would do"
        ) from error
    if found <= first_ns:
        raise ConfigError(f"--at {at}: is not after the first value ({iso(first_ns)}); a later time would do")
    return found


def write(answer: Answer, out: Path) -> None:
    """The whole answer as JSON, with every band."""
    with whole_file(out) as sink:
        sink.write(orjson.dumps({"schema": 1, **payloads.answer(answer)}, option=orjson.OPT_INDENT_2))


def show(answer: Answer, console: Console) -> None:
    """One row for each scenario: product, end, limits left."""
    table = Table("scenario", "product at the end (90 %)", "end (90 %)", "limits left", box=None)
    for name, forecast in ((BASE, answer.base), *answer.scenarios.items()):
        table.add_row(name, _titre(forecast), _end(forecast), "\n".join(map(_left, forecast.exits)) or "-")
    console.print(table)


def _titre(forecast: Forecast) -> str:
    end = forecast.harvest
    if end is None or not end.titre:
        return "-"
    low, middle, high = end.titre
    return f"{middle:.3g} ({low:.3g}..{high:.3g}) {end.unit}"


def _end(forecast: Forecast) -> str:
    end = forecast.harvest
    if end is None:
        return "-"
    early, late = ((t - end.at_ns) / HOUR for t in (end.early_ns, end.late_ns))
    spread = f" ({early:+.0f}..{late:+.0f} h)" if late - early > 1.0 else ""
    return f"{iso(end.at_ns)[:16]}{spread}, {end.reason}"


def _left(exit_: Exit) -> str:
    when = f", likely by {iso(exit_.likely_ns)[:16]}" if exit_.likely_ns is not None else ""
    return f"{exit_.tag} {exit_.probability:.0%}{when}"


def knob_rows(question: Question) -> list[tuple[str, str, str]]:
    """What may be changed: name, range, unit."""
    rows: list[tuple[str, str, str]] = []
    for knob in question.knobs():
        unit = f"{knob.unit}/h" if knob.rate else knob.unit
        rows.append((knob.name, f"{knob.low:g} to {knob.high:g}", unit + (" (fault)" if knob.fault else "")))
    return rows
