"""A view whose values are written by the test: no service, no simulator, no clock of its own."""

import asyncio
import json
import math
import tempfile
import weakref
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time_ns

from connectors.ledgers.sqlite import SqliteLedger
from twin.alarms.figures import figures
from twin.alarms.machine import AlarmBook
from twin.alarms.words import in_words
from twin.domain.alarm import Alarm, AlarmState, Figures, Move, Priority, Trigger, point
from twin.domain.asset import Line, Origin, Vessel
from twin.domain.batch import Batch, Stored
from twin.domain.command import CommandRefusedError, Permit
from twin.domain.errors import ConnectorError, InputError, NotFoundError
from twin.domain.event import Cause, Event, Kind, ModelRef, Stage, Verdict
from twin.domain.forecast import Exit, Forecast, Harvest, Outlook
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.domain.people import Actor
from twin.domain.report import ReportFile
from twin.domain.sampling import Doubt, NextSample
from twin.domain.spread import Spread, spread
from twin.domain.tag import Limits, Tag, TagKind
from twin.domain.trust import Seen, SelfReport, Trust
from twin.domain.whatif import Answer, Knob, WhatIf
from twin.ports import ChannelInfo, Counters, LinkState, Models, Playback, Playbacks, Trend, Update
from twin.runtime.people import PeopleBook
from twin.runtime.pipeline import person_event
from twin.runtime.subscriptions import SubscriptionBook

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
TEXTS: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("texts.json").read_text("utf-8"))
START = 1_795_305_600 * SECOND  # 2026-11-22T00:00:00Z
NOW = START + 103 * HOUR + 12 * 60 * SECOND

ONLINE = (
    # name, quantity, unit, low, high, accuracy, level, limits
    ("pH", "pH", "1", 0.0, 14.0, 0.02, 7.02, Limits(6.8, 6.9, 7.2, 7.3)),
    ("pO2", "pO2", "%", 0.0, 200.0, 1.0, 40.3, Limits(15.0, 25.0, 70.0, 90.0)),
    ("pCO2", "pCO2", "mm[Hg]", 0.0, 400.0, 3.0, 61.0, Limits(None, None, 110.0, 140.0)),
    ("conductivity", "conductivity", "mS/cm", 0.0, 40.0, 0.1, 13.4, Limits(None, 10.0, 20.0, None)),
    ("temperature", "temperature", "Cel", 0.0, 60.0, 0.1, 36.51, Limits(35.0, 36.0, 37.5, 38.0)),
    ("weight", "mass", "kg", 0.0, 20.0, 0.01, 11.2, Limits()),
    ("flow_air", "gas flow", "L/min", 0.0, 5.0, 0.02, 0.4, Limits()),
    ("flow_O2", "gas flow", "L/min", 0.0, 5.0, 0.02, 0.21, Limits()),
    ("flow_CO2", "gas flow", "L/min", 0.0, 2.0, 0.01, 0.012, Limits()),
    ("feed_flow", "liquid flow", "mL/h", 0.0, 200.0, 0.5, 12.4, Limits()),
    ("base_flow", "liquid flow", "mL/h", 0.0, 100.0, 0.5, 2.1, Limits()),
    ("stirrer", "rotation", "{rpm}", 0.0, 500.0, 1.0, 182.0, Limits()),
    ("offgas_O2", "gas fraction", "%", 0.0, 100.0, 0.1, 28.4, Limits()),
    ("offgas_CO2", "gas fraction", "%", 0.0, 20.0, 0.05, 3.1, Limits()),
    ("jacket_temperature", "temperature", "Cel", 0.0, 60.0, 0.2, 35.9, Limits()),
    ("pressure", "pressure", "mbar", 0.0, 500.0, 1.0, 30.0, Limits()),
)
SETPOINTS = (
    ("pH_sp", "pH", "1", 7.0),
    ("pO2_sp", "pO2", "%", 40.0),
    ("temperature_sp", "temperature", "Cel", 36.5),
)
ASSAYS = (
    ("VCD", "cell density", "10*6/mL", 14.2),
    ("viability", "viability", "%", 96.1),
    ("glucose", "concentration", "g/L", 3.4),
    ("lactate", "concentration", "g/L", 0.9),
    ("titre", "concentration", "g/L", 1.82),
    ("pH_lab", "pH", "1", 6.95),
)
BELIEFS = (
    *((n, u, v * 1.02, v * 0.04) for n, _, u, v in ASSAYS),
    ("kLa", "1/h", 8.4, 0.5),
    ("OUR", "mmol/L/h", 3.1, 0.2),
)


def tags(asset: str) -> tuple[Tag, ...]:
    """The tag set of one vessel."""
    online = [
        Tag(asset, n, q, u, low, high, acc, 1.0, 300.0, f"AT-{asset[1:]}-{n}", limits=limits)
        for n, q, u, low, high, acc, _, limits in ONLINE
    ]
    set_points = [
        Tag(asset, n, q, u, 0.0, 200.0, 0.0, kind=TagKind.SETPOINT, silence_s=1e6) for n, q, u, _ in SETPOINTS
    ]
    assays = [
        Tag(asset, n, q, u, 0.0, 200.0, 0.1, kind=TagKind.ASSAY, silence_s=1e6) for n, q, u, _ in ASSAYS
    ]
    return (*online, *set_points, *assays)


def vessel(asset: str, start_ns: int) -> Vessel:
    """One vessel in the middle of its batch."""
    name = {"en": f"Bioreactor {asset}", "fr": f"Bioréacteur {asset}"}
    return Vessel(
        asset, name, tags(asset), "cho_fedbatch", {}, Batch(f"B-{asset}-07", start_ns, 10.0, 0.4, 336.0)
    )


def line(origin: Origin = Origin.SIMULATED) -> Line:
    """Two vessels of different age."""
    vessels = (vessel("R101", START), vessel("R102", START + 30 * HOUR))
    return Line(
        "demo", {"en": "Demonstration line", "fr": "Ligne de démonstration"}, "Site 1", origin, vessels
    )


def drift(asset: str = "R101", t: int = NOW, stage: Stage = Stage.CONFIRMED) -> Event:
    """A pH probe that drifts."""
    causes = (
        Cause("ph_drift", Verdict.SENSOR, asset, f"{asset}.pH", 0.97),
        Cause("acid_made", Verdict.PROCESS, asset, None, 0.02),
        Cause("base_pump", Verdict.ACTUATOR, asset, f"{asset}.base_flow", 0.01),
    )
    return Event(
        t,
        Kind.DRIFT,
        asset,
        stage,
        f"{asset}.pH/drift/1",
        tag=f"{asset}.pH",
        verdict=Verdict.SENSOR,
        since=NOW - 13_320 * SECOND,
        size=0.08,
        unit="1",
        confidence=0.97,
        causes=causes,
        evidence=("ph_co2", "base_our"),
        model=ModelRef("cho_fedbatch", "1", "0123456789ab"),
        detail={"rate_per_h": 0.021},
    )


def aeration(asset: str = "R102") -> Event:
    """A vessel that lost its oxygen transfer."""
    causes = (
        Cause("kla_loss", Verdict.PROCESS, asset, f"{asset}.pO2", 0.88),
        Cause("do_fouling", Verdict.SENSOR, asset, f"{asset}.pO2", 0.12),
    )
    return Event(
        NOW - 900 * SECOND,
        Kind.DRIFT,
        asset,
        Stage.SUSPECTED,
        f"{asset}/kla/1",
        verdict=Verdict.PROCESS,
        since=NOW - 3000 * SECOND,
        size=-3.1,
        unit="1/h",
        confidence=0.88,
        causes=causes,
        evidence=("o2_balance",),
    )


def lost(name: str, age_s: int = 600, asset: str = "R101", stage: Stage = Stage.CONFIRMED) -> Event:
    """One signal that fell silent `age_s` ago."""
    since = NOW - age_s * SECOND
    cause = Cause("no_signal", Verdict.UNKNOWN, asset, f"{asset}.{name}", 1.0)
    return Event(
        since,
        Kind.SIGNAL_LOST,
        asset,
        stage,
        f"{asset}.{name}/signal_lost/1",
        tag=f"{asset}.{name}",
        verdict=Verdict.UNKNOWN,
        since=since,
        causes=(cause,),
        evidence=("signal.signal_lost",),
    )


def lost_together(stage: Stage = Stage.CONFIRMED, t: int = NOW) -> Event:
    """Three signals of a vessel that fell silent together; the end of it names none."""
    names = ("pH", "pO2", "temperature") if stage is Stage.CONFIRMED else ()
    return Event(
        t,
        Kind.SIGNAL_LOST,
        "R101",
        stage,
        "R101/signal_lost/together/1",
        verdict=Verdict.UNKNOWN,
        since=NOW - 600 * SECOND,
        causes=(Cause("signals_lost_together", Verdict.UNKNOWN, "R101", None, 1.0),),
        evidence=("signal.signal_lost",),
        detail={"count": float(len(names)), "tags": ", ".join(names)},
    )


def link_down(source: str = "lab-mqtt") -> Event:
    """A source that does not answer."""
    text = "127.0.0.1:1883 refuses the connection"
    return Event(
        NOW,
        Kind.LINK,
        source,
        Stage.CONFIRMED,
        f"{source}/link/{NOW}",
        since=NOW - 90 * SECOND,
        detail={"text": text},
    )


def forecast(asset: str = "R101", made_ns: int = NOW) -> Forecast:
    """A vessel whose pH leaves its limits in four hours and whose harvest comes as planned."""
    hours = (*range(25), *range(27, 73, 3), *range(78, 234, 6))
    times = tuple(made_ns + h * HOUR for h in hours)

    def ahead(name: str, unit: str, level: float, rate: float, spread: float) -> Outlook:
        middle = tuple(level * (1 + rate * h) for h in hours)
        half = tuple(level * spread * math.sqrt(1 + h) for h in hours)
        low = tuple(m - d for m, d in zip(middle, half, strict=True))
        return Outlook(name, unit, low, middle, tuple(m + d for m, d in zip(middle, half, strict=True)))

    outlooks = (
        *(ahead(f"{asset}.{n}", u, level, 0.0, 0.004) for n, _, u, *_, level, _limits in ONLINE[:4]),
        *(ahead(f"{asset}.est_{n}", u, v * 0.99, 0.004, 0.02) for n, _, u, v in ASSAYS),
    )
    leaves = Exit(f"{asset}.pH", 6.9, 7.2, 0.97, made_ns + 4 * HOUR, made_ns + 6 * HOUR)
    end = made_ns + 232 * HOUR
    harvest = Harvest(end - 9 * HOUR, end, end, "plan", (2.61, 2.93, 3.31), "g/L")
    return Forecast(
        asset, made_ns, times, outlooks, (leaves,), harvest, ModelRef("cho_fedbatch", "1", "0123456789ab")
    )


KNOBS = (
    Knob("feed_factor", "1", 0.0, 3.0),
    Knob("pH_sp", "1", 6.6, 7.4),
    Knob("harvest", "h", 0.0, 2000.0),
    Knob("kla_loss", "%", -95.0, 0.0, True),
)


def scaled(base: Forecast, factor: float) -> Forecast:
    """The same with every estimate times a factor."""

    def times(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(factor * v for v in values)

    more = [
        replace(o, low=times(o.low), middle=times(o.middle), high=times(o.high)) if ".est_" in o.name else o
        for o in base.outlooks
    ]
    return replace(base, outlooks=tuple(more))


def self_report(asset: str = "R101", trust: Trust = Trust.ADVICE) -> SelfReport:
    """A twin that is cautious and does not see the ammonia; with less trust, without its pH probe."""
    poor = trust is not Trust.ADVICE
    return SelfReport(
        asset,
        NOW - 12 * 60 * SECOND,
        trust,
        NOW - 3 * HOUR,
        ("twin_surprised",) if poor else (),
        3.4 if poor else 0.31,
        0.12,
        0.84,
        1.16,
        0.08,
        (Seen("est_VCD", 0.93), Seen("est_ammonia", 0.05), Seen("est_lactate", 0.3)),
        (Seen("ph_drift", 0.02 if poor else 0.6), Seen("kla_loss", 0.9)),
        ("pH",) if poor else (),
        0,
        ModelRef("cho_fedbatch", "1", "0123456789ab"),
    )


def alarm(event: Event, priority: Priority = Priority.HIGH, state: AlarmState = AlarmState.UNACK) -> Alarm:
    """The alarm that stands for `event`."""
    return Alarm(point(event.condition), state, priority, event, event.t, event.t)


CHANNELS = (
    ChannelInfo("mail", "smtp", "mail"),
    ChannelInfo("web", "webhook", "url"),
    ChannelInfo("broker", "mqtt", "topic"),
    ChannelInfo("chat", "apprise", ""),
)


def people(local: bool = False, now_ns: Callable[[], int] = time_ns) -> PeopleBook:
    """Accounts over a ledger of their own, which goes with them."""
    folder = tempfile.TemporaryDirectory(prefix="people-")
    ledger = SqliteLedger(Path(folder.name) / "ledger.sqlite")
    book = PeopleBook(ledger, now_ns, local)
    weakref.finalize(book, lambda: (ledger.close(), folder.cleanup()))
    return book


@dataclass
class ScriptedClock:
    """Time stands until the test moves it."""

    speed: float = 1.0
    time_ns: int = NOW

    def now_ns(self) -> int:
        return self.time_ns

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@dataclass
class ScriptedView:
    """Implements `twin.ports.View` over plain dictionaries."""

    line: Line = field(default_factory=line)
    clock: ScriptedClock = field(default_factory=ScriptedClock)
    values: dict[str, Measurement] = field(default_factory=dict)
    beliefs: dict[str, Estimate] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    standing: dict[str, Alarm] = field(default_factory=dict)
    texts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    sums: Counters = field(
        default_factory=lambda: Counters(1000, 960, 12, {"out of range": 20}, {"unknown tag": 5}, 3)
    )
    ahead: list[Forecast] = field(default_factory=list)
    doubted: dict[int, Quality] = field(default_factory=dict)
    """Quality of the n-th row of a spread, where it is not good."""
    selves: list[SelfReport] = field(default_factory=list)
    models: Models | None = None
    held: dict[str, str] = field(default_factory=dict)
    ended: list[tuple[str, int | None, str, str]] = field(default_factory=list)
    playbacks: Playbacks | None = None
    followers: set[asyncio.Queue[Update | None]] = field(default_factory=set)
    people: PeopleBook = field(default_factory=lambda: people(local=True))
    playback: Playback | None = None
    subscriptions: SubscriptionBook = field(init=False)

    def __post_init__(self) -> None:
        self.subscriptions = SubscriptionBook(self.people._ledger, (), CHANNELS, time_ns)
        self.subscriptions.tags = frozenset(tag.id for tag in self.line.tags())
        for asset in (each.id for each in self.line.vessels):
            for name, *_, accuracy, level, _limits in ONLINE:
                self.set(f"{asset}.{name}", level)
                self.beliefs[f"{asset}.{name}"] = Estimate(
                    f"{asset}.{name}", self.clock.time_ns, level * 1.001, max(accuracy, level * 0.004), ""
                )
            for name, _, _, level in (*SETPOINTS, *ASSAYS):
                self.set(f"{asset}.{name}", level, age_s=5 * 3600)
            for name, unit, mean, sd in BELIEFS:
                self.beliefs[f"{asset}.{name}"] = Estimate(
                    f"{asset}.{name}", self.clock.time_ns, mean, sd, unit
                )

    # what the test does
    def set(
        self, tag: str, value: float | None, quality: Quality = Quality.GOOD, age_s: float = 0.0
    ) -> Measurement:
        at = self.clock.time_ns - int(age_s * SECOND)
        row = Measurement(tag, value, quality, at, at)
        self.values[tag] = row
        return row

    def push(self, *rows: Measurement) -> None:
        """Tell every follower of new values."""
        self.publish(Update(rows, now_ns=self.clock.time_ns))

    def happen(self, event: Event) -> int:
        """An event enters the ledger."""
        self.log.append(event)
        self.publish(Update(events=((len(self.log), event),), now_ns=self.clock.time_ns))
        return len(self.log)

    def raise_alarm(self, alarm: Alarm) -> None:
        """An alarm is raised or moved, with its event."""
        self.standing[alarm.id] = alarm
        self.log.append(alarm.event)
        self.publish(
            Update(events=((len(self.log), alarm.event),), alarms=(alarm,), now_ns=self.clock.time_ns)
        )

    def publish_end(self, ended: Alarm, number: int) -> None:
        """An alarm that no longer stands, with the event that ended it."""
        self.publish(Update(events=((number, ended.event),), alarms=(ended,), now_ns=self.clock.time_ns))

    def publish(self, update: Update) -> None:
        for queue in self.followers:
            queue.put_nowait(update)

    def stop(self) -> None:
        """The service ends: every follower is let go."""
        for queue in self.followers:
            queue.put_nowait(None)

    # twin.ports.View
    def latest(self) -> Update:
        return Update(
            tuple(self.values.values()),
            tuple(self.beliefs.values()),
            (),
            tuple(self.standing.values()),
            self.clock.time_ns,
        )

    async def follow(self) -> AsyncIterator[Update]:
        queue: asyncio.Queue[Update | None] = asyncio.Queue()
        self.followers.add(queue)
        try:
            while (update := await queue.get()) is not None:
                yield update
        finally:
            self.followers.discard(queue)

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> tuple[Trend, Trend, Trend]:
        asset, _, short = name.partition(".")
        levels = {n: (level, acc) for n, *_, acc, level, _limits in ONLINE} | {
            n: (v, 0.0) for n, _, _, v in SETPOINTS
        }
        if short not in levels:
            return self._samples(name, short, start_ns, end_ns, points)
        level, accuracy = levels[short]
        first = max(start_ns, next(v.batch.start_ns for v in self.line.vessels if v.id == asset and v.batch))
        end = min(end_ns, self.clock.time_ns)
        times = tuple(range(first, end, max(SECOND, (end - first) // points))) if end > first else ()
        truth = [level * (1 + 0.004 * math.sin(t / HOUR) + 0.002 * math.sin(t / HOUR * 7)) for t in times]
        onset = self.clock.time_ns - 13_320 * SECOND
        faulty = name == "R101.pH"
        off = [0.08 * max(0, t - onset) / (13_320 * SECOND) if faulty else 0.0 for t in times]
        noise = [accuracy * 0.6 * math.sin(i * 12.9898) for i in range(len(times))]
        values = tuple(y + d + n for y, d, n in zip(truth, off, noise, strict=True))
        measured = Trend(times, values, (192,) * len(times))
        if short.endswith("_sp"):
            return Trend(times, (level,) * len(times), measured.qualities), Trend(), Trend()
        sd = Trend(times, tuple(max(accuracy, level * 0.004) for _ in times))
        return measured, Trend(times, tuple(truth)), sd

    async def spread(self, tag: str, start_ns: int, end_ns: int) -> Spread:
        known = next((each for each in self.line.tags() if each.id == tag), None)
        if known is None:
            raise NotFoundError(f"this line has no tag {tag!r}")
        end_ns = max(start_ns + 1, min(end_ns, self.clock.time_ns))
        measured, _, _ = await self.trend(tag, start_ns, end_ns, 5000)
        rows = [
            Measurement(tag, value, self.doubted.get(i, Quality.GOOD), t, t)
            for i, (t, value) in enumerate(zip(measured.times_ns, measured.values, strict=True))
        ]
        return spread(known, rows, start_ns, end_ns)

    def _samples(
        self, name: str, short: str, start_ns: int, end_ns: int, points: int
    ) -> tuple[Trend, Trend, Trend]:
        levels = {n: mean for n, _, mean, _ in BELIEFS}
        if short not in levels and name not in self.beliefs:
            return Trend(), Trend(), Trend()
        level = levels.get(short, 1.0)
        hours = [h for h in range(0, 103, 24) if start_ns <= START + h * HOUR < end_ns]
        measured = Trend(
            tuple(START + h * HOUR for h in hours),
            tuple(level * (0.3 + h / 150) for h in hours),
            (192,) * len(hours),
        )
        first, end = max(START, start_ns), min(end_ns, self.clock.time_ns)
        times = tuple(range(first, end, max(SECOND, (end - first) // points))) if end > first else ()
        mean = tuple(level * (0.3 + (t - START) / HOUR / 150) for t in times)
        return measured, Trend(times, mean), Trend(times, tuple(m * 0.05 for m in mean))

    def alarms(self) -> list[Alarm]:
        return sorted(self.standing.values(), key=lambda each: -each.raised_ns)

    def events(self, after: int, limit: int) -> list[tuple[int, Event]]:
        return list(enumerate(self.log, 1))[after : after + limit]

    def holding(self) -> Mapping[str, str]:
        return self.held

    def newest_event(self) -> int:
        return len(self.log)

    def alarm_log(self, start_ns: int, end_ns: int) -> list[Move]:
        return [each for each in self.moves if start_ns <= each.t < end_ns]

    def alarm_figures(self, start_ns: int, end_ns: int) -> Figures:
        return figures(self.moves, start_ns, end_ns)

    async def reference(self, tag: str, value: float, drawn_ns: int | None, by: Actor, why: str) -> str:
        if f"{tag}_lab" not in {each.id for each in self.line.tags()}:
            raise NotFoundError(f"{tag} has no laboratory tag")
        self.push(self.set(f"{tag}_lab", value))
        return f"{tag}_lab"

    async def calibrated(self, tag: str, by: Actor, why: str) -> None:
        asset = tag.partition(".")[0]
        t = self.clock.time_ns
        self.happen(Event(t, Kind.CALIBRATION, asset, Stage.CONFIRMED, f"{tag}/calibration/{t}", tag=tag))

    async def remark(self, alarm_id: str, sort: str, by: Actor, text: str) -> None:
        if alarm_id not in self.standing:
            raise NotFoundError(f"no alarm {alarm_id!r}")
        self.happen(person_event(self.standing[alarm_id], sort, by.name, text, self.clock.time_ns))

    async def move(
        self, alarm_id: str, trigger: Trigger, by: Actor, why: str = "", hours: float | None = None
    ) -> Alarm:
        now = self.clock.time_ns
        book = AlarmBook()
        book.restore(self.standing.values())
        until = None if hours is None else now + int(hours * HOUR)
        moved, *_ = book.move(alarm_id, trigger, now, by.name, why, until)
        old = self.standing[alarm_id]
        self.standing[alarm_id] = moved
        self.moves.append(
            Move(now, alarm_id, old.state, moved.state, moved.priority, moved.active, by.name, why)
        )
        self.publish(Update(alarms=(moved,), now_ns=now))
        return moved

    def permits(self) -> list[Permit]:
        return [Permit("R101.pH_sp", "ua", 6.8, 7.4, ("engineer",))]

    async def command(self, tag: str, value: float, by: Actor, why: str) -> str:
        if tag != "R101.pH_sp":
            raise CommandRefusedError(
                "off", f"{tag} may not be written from here; those that may: R101.pH_sp"
            )
        if value > 7.4:
            raise CommandRefusedError("limits", f"{tag}: {value:g} is outside 6.8 to 7.4")
        if why == "the plant is away":
            raise ConnectorError("the server is away")
        return "Good"

    def forecasts(self) -> list[Forecast]:
        return self.ahead

    async def report(self, asset: str, language: str, form: str, by: Actor) -> ReportFile:
        if asset != "R101":
            raise NotFoundError(f"report: nothing is stored of {asset}; twin run stores it")
        return ReportFile(f"{asset}-B-7.{language}.{form}", f"report for {by.name}".encode(), "ab" * 32)

    def ends(self) -> dict[str, int]:
        return {asset: at_ns or NOW for asset, at_ns, _, _ in self.ended}

    async def end_batch(self, asset: str, at_ns: int | None, by: Actor, why: str) -> Stored:
        batch = next(v.batch for v in self.line.vessels if v.id == asset)
        if asset == "R102":
            raise InputError("No batch runs on R102.")
        self.ended.append((asset, at_ns, by.name, why))
        return Stored(asset, batch, batch.start_ns, at_ns or NOW, at_ns or NOW, True)

    async def export(self, asset: str) -> ReportFile:
        return ReportFile(f"{asset}-B-7.parquet", b"PAR1", "cd" * 32)

    def knobs(self, asset: str) -> tuple[Knob, ...]:
        if not self.ahead:
            raise NotFoundError(f"The twin of {asset} can say nothing of what is to come now.")
        return KNOBS

    async def next_samples(self, asset: str) -> list[NextSample]:
        self.knobs(asset)
        doubt = Doubt("est_glucose", "g/L", 0.8, 0.49, 0.62)
        faults = (Seen("wrong_feed", 0.2),)
        drawn = NOW + 6 * HOUR
        return [NextSample(f"{asset}.glucose", drawn, drawn + 4 * HOUR, 6.0, 0.2, (doubt,), faults)]

    async def what_if(self, asset: str, scenarios: Sequence[WhatIf]) -> Answer:
        self.knobs(asset)
        known = {knob.name: knob for knob in KNOBS}
        for change in (change for each in scenarios for change in each.changes):
            if (
                change.what not in known
                or not known[change.what].low <= change.value <= known[change.what].high
            ):
                raise InputError(f"{change.what}={change.value:g} came; another would do")
        self.scenarios = list(scenarios)
        base = self.ahead[0]
        return Answer(base, {each.name: scaled(base, 1.1 + 0.1 * i) for i, each in enumerate(scenarios)})

    def twins(self) -> list[SelfReport]:
        return self.selves

    def counters(self) -> Counters:
        return self.sums

    def links(self) -> list[LinkState]:
        return [
            LinkState("plant-opcua", True, "connected", NOW - 5 * HOUR, 98_231, 1),
            LinkState("skid", True, "edge node bioline/skid is gone; its values are stale", NOW, 7, 0),
            LinkState(
                "lab-mqtt",
                False,
                "127.0.0.1:1883 refuses the connection; is the broker running?",
                NOW - 90 * SECOND,
                412,
                0,
            ),
        ]

    def in_words(self, event: Event, language: str) -> tuple[str, str]:
        return in_words(event, language)

    def messages(self, language: str) -> Mapping[str, str]:
        return self.texts.get(language, TEXTS[language])
