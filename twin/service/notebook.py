"""A stored run for a notebook or a script: what was measured, believed, found, foreseen, and what if.

Every table is a `pyarrow.Table`; ``.to_pandas()`` makes a data frame of it.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa

from connectors.codecs.iso_time import datetime_ns, parse_ns
from twin.domain.asset import Line
from twin.domain.errors import InputError, NotFoundError
from twin.domain.instant import hours_ns, iso
from twin.domain.whatif import BASE, Change, WhatIf
from twin.engine.forecast import Question
from twin.service import probes_table, sampling_table, sensors, sensors_table
from twin.service.build import load_line
from twin.service.expected import TIME, Expected, moment_of
from twin.service.line import LineFile
from twin.service.normal import watches
from twin.service.play.recording import Recording
from twin.service.registry.resolve import resolved
from twin.service.replay import all_refused, arrival, check_files, layout_of, read_files
from twin.service.selection import only
from twin.service.settings import Settings
from twin.service.stored import stored_rows
from twin.service.tables import figures, known_names, table
from twin.service.terminal import progress

Path_: TypeAlias = str | Path
When: TypeAlias = str | datetime | float
"""ISO 8601 with a zone, a datetime with a zone, or hours from the first value."""
Scenario: TypeAlias = Mapping[str, float | tuple[float, float]]
"""By what is changed: a value, or a value and in how many hours."""
QUALITIES: Final = {192: "good", 64: "uncertain", 0: "bad"}


class Run:
    """A stored run that went through the engine once; see `open_run`.

    Parameters
    ----------
    line : Line
    recording : Recording
        Worked through.
    """

    def __init__(self, line: Line, recording: Recording) -> None:
        self.line, self.recording = line, recording

    def __repr__(self) -> str:
        r = self.recording
        return (
            f"<run of {', '.join(self.vessels)}: {iso(r.start_ns)} to {iso(r.end_ns)}, "
            f"{r.tally.stored} values, {len(r.events)} events>"
        )

    @property
    def vessels(self) -> list[str]:
        """Ids of the vessels."""
        return [vessel.id for vessel in self.line.vessels]

    @property
    def start(self) -> datetime:
        """Arrival of the first value."""
        return moment_of(self.recording.start_ns)

    @property
    def end(self) -> datetime:
        """Arrival of the last value."""
        return moment_of(self.recording.end_ns)

    @property
    def tags(self) -> list[str]:
        """Ids of the tags of which something is stored."""
        return [tag for tag, series in self.recording.measured.items() if series.time]

    @property
    def names(self) -> list[str]:
        """Names of what the twins believed."""
        return sorted(self.recording.believed)

    def counts(self) -> dict[str, Any]:
        """What became of every value: received = stored + duplicate + quarantined."""
        tally = self.recording.tally
        refused = dict(tally.quarantined)
        return {
            "received": tally.received,
            "stored": tally.stored,
            "duplicate": tally.duplicate,
            "quarantined": refused,
        }

    def measurements(self, *tags: str, at: When | None = None) -> "pa.Table":
        """What was measured: ``time, known, tag, value, quality``; of all tags when none is named.

        Parameters
        ----------
        *tags : str
        at : When or None
            Only what had come by then.

        Raises
        ------
        NotFoundError
            When the line has no such tag.
        """
        r, known_ns = self.recording, self._known(at)
        columns: list[tuple[int, int, str, float | None, str]] = []
        for tag in known_names(tags or tuple(self.tags), r.measured, "tag"):
            s = r.measured[tag]
            for i in range(s.upto(known_ns)):
                value = None if s.value[i] != s.value[i] else s.value[i]
                columns.append((s.time[i], s.known[i], tag, value, QUALITIES.get(int(s.more[i]), "stale")))
        kinds = (TIME, TIME, pa.string(), pa.float64(), pa.string())
        return table(columns, ("time", "known", "tag", "value", "quality"), kinds)

    def estimates(self, *names: str, at: When | None = None) -> "pa.Table":
        """What the twins believed: ``time, known, name, mean, sd, unit``; all when nothing is named."""
        r, known_ns = self.recording, self._known(at)
        rows = [
            (s.time[i], s.known[i], name, s.value[i], s.more[i], r.units[name])
            for name in known_names(names or tuple(self.names), r.believed, "estimate")
            for s in (r.believed[name],)
            for i in range(s.upto(known_ns))
        ]
        kinds = (TIME, TIME, pa.string(), pa.float64(), pa.float64(), pa.string())
        return table(rows, ("time", "known", "name", "mean", "sd", "unit"), kinds)

    def events(self, at: When | None = None) -> "pa.Table":
        """What was found, as told by then, in the words of EVENTS.jsonl."""
        known_ns = self._known(at)
        rows = [
            (
                e.t,
                e.kind.value,
                e.stage.value,
                e.asset,
                e.tag,
                e.verdict and e.verdict.value,
                e.since,
                e.size,
                e.unit,
                e.confidence,
                e.causes[0].code if e.causes else None,
                e.condition,
            )
            for told_ns, e in self.recording.told
            if told_ns <= known_ns
        ]
        names = (
            "time", "kind", "stage", "asset", "tag", "verdict", "since", "size", "unit", "confidence",
            "cause", "condition",
        )  # fmt: skip
        text = pa.string()
        kinds = (
            TIME, text, text, text, text, text, TIME, pa.float64(), text, pa.float64(), text, text,
        )  # fmt: skip
        return table(rows, names, kinds)

    def forecast(self, vessel: str, at: When | None = None) -> Expected:
        """What the twin of a vessel expected at a time, if nobody interfered.

        Raises
        ------
        NotFoundError
            When there is no such vessel, or its twin could say nothing then.
        """
        return Expected({BASE: self._question(vessel, at).forecast()})

    def what_if(self, vessel: str, scenarios: Mapping[str, Scenario], at: When | None = None) -> Expected:
        """What the twin of a vessel expected at a time, as it was and in each scenario.

        Parameters
        ----------
        vessel : str
        scenarios : Mapping of str to Scenario
            By name, such as ``{"more feed": {"feed_factor": 1.3}, "cold": {"temperature_sp": (33, 12)}}``.
        at : When or None
            The last value of the vessel when None.

        Raises
        ------
        InputError
            When a scenario can not be answered; it says what would do.
        NotFoundError
            When there is no such vessel, or its twin could say nothing then.
        """
        if not isinstance(scenarios, Mapping):
            raise InputError(
                f"scenarios: {scenarios!r} came; changes by name of the scenario would do, such as "
                '{"more feed": {"feed_factor": 1.3}}'
            )
        asked = [WhatIf(name, tuple(map(_change, changes.items()))) for name, changes in scenarios.items()]
        answer = self._question(vessel, at).answer(asked)
        return Expected({BASE: answer.base, **answer.scenarios})

    def knobs(self, vessel: str, at: When | None = None) -> "pa.Table":
        """What a scenario of a vessel may change: ``what, low, high, unit, fault``."""
        rows = [
            (k.name, k.low, k.high, f"{k.unit}/h" if k.rate else k.unit, k.fault)
            for k in self._question(vessel, at).knobs()
        ]
        kinds = (pa.string(), pa.float64(), pa.float64(), pa.string(), pa.bool_())
        return table(rows, ("what", "low", "high", "unit", "fault"), kinds)

    def soft_sensors(self) -> "pa.Table":
        """How good every soft sensor was beside the laboratory: the table of ``twin soft-sensors``.

        Every result is predicted before it is folded in; a sensor without a result has ``compared`` 0.

        Raises
        ------
        ConfigError
            When no vessel has a model, or no laboratory result came with the run.
        """
        found = sensors_table.of_stored(self.recording, self.line)["sensors"]
        return figures(found, sensors.COLUMNS, sensors.WORDS)

    def probe_health(self, limits: Mapping[str, float] | None = None) -> "pa.Table":
        """How every probe does and which to recalibrate first: the table of ``twin probe-health``.

        Parameters
        ----------
        limits : Mapping of str to float or None
            Errors from which a probe should be recalibrated, by tag, in place of its accuracy [unit of the
            tag].

        Raises
        ------
        ConfigError
            When no probe has a reference, or a limit is not usable.
        """
        found = probes_table.of_stored(self.recording, self.line, limits or {})["probes"]
        return figures(found, probes_table.COLUMNS, probes_table.WORDS)

    def next_samples(self, vessel: str, at: When | None = None) -> "pa.Table":
        """Which assay, drawn when, would have told most: the table of ``twin next-sample``.

        Raises
        ------
        ConfigError
            When the vessel has no assay that its model knows.
        NotFoundError
            When there is no such vessel, or its twin could say nothing then.
        """
        found = sampling_table.of_question(self._question(vessel, at))["samples"]
        return figures(found, sampling_table.COLUMNS, sampling_table.WORDS)

    def _question(self, vessel: str, at: When | None) -> Question:
        if vessel not in self.vessels:
            raise NotFoundError(
                f"there is no vessel {vessel!r} in this run; it has {', '.join(self.vessels)}"
            )
        known_ns = self.recording.newest_ns(vessel) if at is None else self._known(at)
        self.recording.check_not_over(vessel, known_ns)
        question = self.recording.question(vessel, known_ns)
        if question is None:
            raise NotFoundError(
                f"the twin of {vessel} could say nothing at {iso(known_ns)}: it had not settled yet, or did "
                "not trust itself"
            )
        return question

    def _known(self, at: When | None) -> int:
        """A moment [ns since 1970-01-01 UTC]; the end when none is given."""
        r = self.recording
        if at is None:
            return r.end_ns
        try:
            found = _moment(at, r.start_ns)
        except ValueError as error:
            raise InputError(f"at={at!r}: {error}") from error
        if not r.start_ns <= found <= r.end_ns:
            span = f"{iso(r.start_ns)} to {iso(r.end_ns)}"
            raise InputError(f"at={at!r} is not in the run; {span} would do")
        return found


def open_run(
    *files: Path_,
    line: Path_,
    assays: Path_ | Sequence[Path_] = (),
    store: bool = False,
    vessels: str = "",
    normal: Path_ | None = None,
    models: Sequence[str] = (),
) -> Run:
    """Open a stored run, and let the engine go through it once, as it would have live.

    Parameters
    ----------
    *files : str or Path
        Parquet, CSV or CSV.gz; none with `store`.
    line : str or Path
        The line file that the data are of.
    assays : str, Path or sequence of these
        Laboratory results of the run.
    store : bool
        Read what the line's historian holds (``TWIN_DATA_DIR``) in place of files.
    vessels : str
        Only these, such as ``"R101 R103-R105"``; all when empty.
    normal : str, Path or None
        What was learnt from good runs (`twin learn`).
    models : sequence of str
        Versions of the registry in place of those of the line file, such as ``["growth@2"]``.

    Returns
    -------
    Run

    Raises
    ------
    ConfigError
        When the line or the files are not usable as written.
    InputError
        When there is no value, or none that can be stored; it says why.
    """
    path = Path(line)
    line_file, whole = load_line(path)
    built = resolved(line_file, only(whole, vessels), Settings(), approved_only=False, others=models)
    more = [assays] if isinstance(assays, str | Path) else list(assays)
    rows = _rows(line_file, built, [Path(each) for each in (*files, *more)], store, bool(vessels))
    refused = all_refused(rows, built)
    if refused is not None:
        said = "\n".join(refused.reasons())
        raise InputError(f"twin.open: {refused.received} values came, and none can be stored\n{said}")
    watched = watches(built, path.parent, Path(normal) if normal else None)
    recording = Recording(line_file, built, rows, watched)
    with progress("values", len(rows)) as step:
        _waited(recording.work(step))
    return Run(built, recording)


def _rows(line_file: LineFile, line: Line, paths: list[Path], store: bool, some: bool) -> list[Any]:
    if store == bool(paths):
        raise InputError("twin.open: files or store=True are needed, and not both")
    if store:
        return list(_waited(stored_rows(line_file, line, Settings(), None, None)))
    check_files(paths)
    chosen = {v.id for v in line.vessels} if some else None
    rows = sorted(read_files(paths, layout_of(line_file), chosen), key=arrival)
    if not rows:
        raise InputError(f"there is no value in {', '.join(map(str, paths))}")
    return rows


def _waited(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of `work`, also where a loop runs already, as in a notebook."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def _moment(at: When, start_ns: int) -> int:
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise ValueError("has no time zone")
        return datetime_ns(at)
    if isinstance(at, str):
        return parse_ns(at)
    return start_ns + hours_ns(float(at))


def _change(item: tuple[str, float | tuple[float, float]]) -> Change:
    what, value = item
    given = value if isinstance(value, tuple) else (value,)
    if not 1 <= len(given) <= 2 or not all(isinstance(v, int | float) for v in given):
        raise InputError(f"{what}: {value!r} came; a number, or (number, hours from now), would do")
    return Change(what, *map(float, given))
