"""What the stores of a line hold of one batch, read beside a service that runs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Final

from twin.domain.alarm import Alarm, AlarmState, Move, point
from twin.domain.asset import Line, Origin, Vessel
from twin.domain.audit import START, Entry
from twin.domain.batch import Stored
from twin.domain.errors import ConfigError
from twin.domain.event import Event, Kind, ModelRef, Stage
from twin.domain.instant import iso
from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Limits, Tag, TagKind
from twin.ports import History, Record, Trend
from twin.processes.base import model_ref
from twin.service.batches import known_batches, line_of
from twin.service.build import Faults, build_line, configured
from twin.service.export import nothing_between, open_history, parts
from twin.service.line import LineFile
from twin.service.model import process_of
from twin.service.settings import Settings

POINTS: Final = 300
"""Stretches of time of a drawing; each shows its minimum and maximum (chosen default)."""
NEAR_NS: Final = 1_800_000_000_000
"""How far from a sample an estimate may lie to stand beside it [ns] (chosen default: 30 min)."""
AT_ONCE: Final = 1000
ALL: Final = 10_000_000
ALL_TIME: Final = 2**63 - 1
REMARKS: Final = ("comment", "not_so")
"""What people say of an alarm without moving it."""


@dataclass(slots=True)
class Summary:
    """What is stored of one tag; the values counted are those with quality GOOD."""

    tag: Tag
    rows: int = 0
    good: int = 0
    late: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    total: float = 0.0
    outside: int = 0
    """good values beyond the alarm limits"""

    def add(self, row: Measurement) -> None:
        """Take one row in."""
        self.rows += 1
        self.late += row.late
        if row.quality is not Quality.GOOD or row.value is None:
            return
        self.good += 1
        self.total += row.value
        self.low, self.high = min(self.low, row.value), max(self.high, row.value)
        self.outside += is_outside(row.value, self.tag.limits)


def is_outside(value: float, limits: Limits) -> bool:
    """True when a value lies beyond the inner limits, or the outer where there are no inner ones."""
    low = limits.low if limits.low is not None else limits.low_low
    high = limits.high if limits.high is not None else limits.high_high
    return (low is not None and value < low) or (high is not None and value > high)


@dataclass(frozen=True, slots=True)
class Course:
    """Measured values of a tag and the twin's mean and standard deviation."""

    tag: Tag
    measured: Trend
    mean: Trend
    sd: Trend


@dataclass(frozen=True, slots=True)
class Sample:
    """A laboratory result with what the twin held to be true when it was drawn, if it said anything."""

    tag: Tag
    row: Measurement
    mean: float | None
    sd: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition from when it was first told to when it ended."""

    first: Event
    told: Event
    """the newest before it was closed: its verdict, size and evidence are the best known"""
    last: Event

    @property
    def ended_ns(self) -> int | None:
        """When it was closed [ns since 1970-01-01 UTC]; None when it stood at the end."""
        return self.last.t if self.last.stage is Stage.CLOSED else None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked for: a vessel, source times [ns], and who asks (may be empty)."""

    vessel: str
    start_ns: int | None = None
    end_ns: int | None = None
    by: str = ""


@dataclass(slots=True)
class Content:
    """Everything a report tells, before it is put into words."""

    line: Line
    vessel: Vessel
    start_ns: int
    end_ns: int
    by: str
    line_sha256: str
    model: ModelRef | None
    first_ns: int
    """oldest stored value in this time; drawings begin there"""
    summaries: list[Summary] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    commands: list[Entry] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    strange: Counter[str] = field(default_factory=Counter)
    """refused readings that belong to no tag of the line, by reason"""
    trail: tuple[int, str] = (0, START)
    """number and hash of the newest entry of the audit trail"""

    def findings(self) -> list[Finding]:
        """Conditions in the order they were told; what people did is not among them."""
        apart = (Kind.ALARM, Kind.SAMPLE, Kind.CALIBRATION)
        found: dict[str, Finding] = {}
        for event in self.events:
            if event.kind not in apart:
                known = found.get(event.condition, Finding(event, event, event))
                told = known.told if event.stage is Stage.CLOSED else event
                found[event.condition] = Finding(known.first, told, event)
        return list(found.values())

    def annunciated(self, alarm: str) -> list[int]:
        """When an alarm called for attention in this time, as its moves tell [ns since 1970-01-01 UTC]."""
        call = AlarmState.UNACK
        return [m.t for m in self.moves if m.alarm == alarm and m.new is call and m.old is not call]

    def last_move(self, alarm: str) -> Move:
        """How an alarm of which there are moves stood at the end of this time."""
        return next(m for m in reversed(self.moves) if m.alarm == alarm)

    def event_of(self, alarm: str) -> Event | None:
        """The newest event of an alarm's condition in this time, not the one that closed it."""
        found = (e for e in reversed(self.events) if point(e.condition) == alarm)
        return next((e for e in found if e.stage is not Stage.CLOSED), None)

    def models(self) -> list[ModelRef]:
        """Every model that is named by an event, and the one of the line file."""
        named = {event.model for event in self.events if event.model is not None}
        return sorted(named | ({self.model} if self.model else set()), key=lambda m: (m.id, m.version))


async def gather(asked: Asked, line_sha256: str, line_file: LineFile, line: Line, own: Settings) -> Content:
    """Read the stores.

    Raises
    ------
    ConfigError
        No such vessel, nothing stored in the time asked for, or stores that can not be read from outside.
    StorageError
        A store is not there or not usable.
    """
    vessel = _vessel(line, asked.vessel)
    module, config = configured("ledgers", line_file.ledger, own.data_dir / line.id)
    if not hasattr(module, "open_record"):
        raise ConfigError(f"ledger {line_file.ledger['kind']}: it can not be read from outside")
    async with open_history(line_file, line, own) as history:
        start, end, first = await _span(history, vessel, asked)
        with closing(module.open_record(config)) as record:
            if asked.start_ns is not None:
                vessel = _then(vessel, (start, end), known_batches(record, line, end), line_file, own)
            found = Content(line, vessel, start, end, asked.by, line_sha256, _model(vessel), first)
            await _read_history(history, found)
            _read_record(record, found, build_line(line_file, Faults()))
    return found


def _then(
    vessel: Vessel, span: tuple[int, int], batches: Iterable[Stored], line_file: LineFile, own: Settings
) -> Vessel:
    """The vessel with the batch in which most of the time lies; none before all that are known."""
    start, end = span
    parts = [(min(end, b.end_ns) - max(start, b.start_ns), b) for b in batches if b.vessel == vessel.id]
    part, most = max(parts, key=lambda each: each[0], default=(0, None))
    if most is not None and part > 0:
        present = vessel.batch is not None and vessel.batch.id == most.batch.id
        return vessel if present else line_of(line_file, most, own).vessels[0]
    before = vessel.batch is not None and vessel.batch.start_ns >= end
    return replace(vessel, batch=None) if before else vessel


def _vessel(line: Line, name: str) -> Vessel:
    for vessel in line.vessels:
        if vessel.id == name:
            return vessel
    known = ", ".join(v.id for v in line.vessels[:20])
    raise ConfigError(f"--vessel {name}: line {line.id} has no such vessel; it has {known}")


def _model(vessel: Vessel) -> ModelRef | None:
    if not vessel.process:
        return None
    process = process_of(vessel)
    return model_ref(process, vessel.process_model)


async def _span(history: History, vessel: Vessel, asked: Asked) -> tuple[int, int, int]:
    """Begin, end and time of the first stored value between them."""
    tags = [tag.id for tag in vessel.tags]
    oldest = await history.read(tags, 0, ALL_TIME, 1)
    if not oldest:
        raise ConfigError(f"report: nothing is stored of {vessel.id}; twin run stores it")
    newest_ns = max(row.time_ns for row in (await history.last(tags)).values())
    begun = vessel.batch.start_ns if vessel.batch and vessel.batch.start_ns else oldest[0].time_ns
    start = begun if asked.start_ns is None else asked.start_ns
    end = newest_ns + 1 if asked.end_ns is None else asked.end_ns
    if asked.start_ns is None and start >= end:
        raise ConfigError(
            f"report: the batch of {vessel.id} began at {iso(start)} and no value has come since; "
            "an earlier begin would report what was before"
        )
    first = await history.read(tags, start, end, 1) if start < end else []
    if not first:
        raise ConfigError(f"report: {await nothing_between(history, tags, start, end, vessel.id)}")
    return start, end, first[0].time_ns


async def _read_history(history: History, found: Content) -> None:
    start, end, first = found.start_ns, found.end_ns, found.first_ns
    for tag in found.vessel.tags:
        summary = Summary(tag)
        async for rows in parts(history, [tag.id], start, end):
            for row in rows:
                summary.add(row)
            if tag.kind is TagKind.ASSAY:
                found.samples += [await _sample(history, tag, row) for row in rows]
        found.summaries.append(summary)
        if summary.rows and tag.kind is not TagKind.SETPOINT:
            measured = await history.trend(tag.id, first, end, POINTS)
            found.courses.append(
                Course(tag, measured, *await history.trend_estimates(tag.id, first, end, POINTS))
            )
    found.samples.sort(key=lambda sample: (sample.row.time_ns, sample.tag.id))


async def _sample(history: History, tag: Tag, row: Measurement) -> Sample:
    mean, sd = await history.trend_estimates(tag.id, row.time_ns - NEAR_NS, row.time_ns + NEAR_NS, POINTS)
    near = [
        (abs(t - row.time_ns), m, s)
        for t, m, s in zip(mean.times_ns, mean.values, sd.values, strict=True)
        if m is not None
    ]
    if not near:
        return Sample(tag, row, None, None)
    _, at, spread = min(near, key=lambda each: each[0])
    return Sample(tag, row, at, spread)


def _read_record(record: Record, found: Content, whole: Line) -> None:
    """Take what belongs to the vessel, or to no vessel of the whole line."""
    own = found.vessel.id
    others = {v.id for v in whole.vessels} - {own}
    found.events = sorted(
        (e for e in _events(record) if e.asset not in others and found.start_ns <= e.t < found.end_ns),
        key=lambda e: e.t,
    )
    known = {alarm.id: alarm for alarm in record.known_alarms() if alarm.event.asset not in others}
    found.moves = [m for m in record.moves(found.start_ns, found.end_ns) if m.alarm in known]
    found.alarms = {name: known[name] for name in dict.fromkeys(m.alarm for m in found.moves)}
    _read_refused(record, found, {tag.id for tag in whole.tags()})
    simulated = found.line.origin is not Origin.PLANT  # there the line's clock is not the wall's
    for entry in _trail(record):
        found.trail = (entry.number, entry.hash)
        at_its_time = simulated or found.start_ns <= entry.deed.t < found.end_ns
        if at_its_time and entry.deed.action.startswith("command.") and _of(entry.deed.subject, own):
            found.commands.append(entry)


def _of(name: str, vessel: str) -> bool:
    return name == vessel or name.startswith(f"{vessel}.")


def _events(record: Record) -> Iterator[Event]:
    after = 0
    while rows := record.events(after, AT_ONCE):
        yield from (event for _, event in rows)
        after = rows[-1][0]


def _trail(record: Record) -> Iterator[Entry]:
    after = 0
    while entries := record.trail(after, AT_ONCE):
        yield from entries
        after = entries[-1].number


def _read_refused(record: Record, found: Content, tags: Set[str]) -> None:
    for row in record.quarantined(ALL):
        reading = row.reading
        at = reading.received_ns if reading.time_ns is None else reading.time_ns
        if not (found.start_ns <= at < found.end_ns or found.start_ns <= reading.received_ns < found.end_ns):
            continue
        if _of(reading.address, found.vessel.id):
            found.refused[row.reason] += 1
        elif reading.address not in tags:
            found.strange[row.reason] += 1
