"""Thirty days of alarms of a simulated line: `python benchmarks/alarm_bench.py --jobs 2`.

Two CHO vessels of 2 L, each with a batch of 14 days and then, after cleaning, sterilisation and preparation,
one of 15 days: 60 vessel days at one value in 30 s. A fault about every four vessel days, each mended some
hours after it began (chosen defaults, see `BATCHES`). An operator acknowledges ten minutes after each call.
Beside the service's own alarms the same values are given to plain limit alarms with the same limits: once
without delay and dead band, once with those of the line file.

The plant runs by the simulator; the service's engine gets what the wires carry and nothing else. Prints the
figures of ISA-18.2 of each, and what called most. About 4 minutes of one idle core.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import merge
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

from connectors.sources.files import read_file
from simulators.scenario import Scenario
from simulators.simulate import simulate
from twin.alarms.figures import figures
from twin.domain.alarm import Alarm, AlarmState, Figures, Move, Priority, Trigger
from twin.domain.asset import Line
from twin.domain.batch import Batch
from twin.domain.event import Stage
from twin.domain.measurement import Measurement, Quarantined
from twin.domain.phase import Phases, Suppression
from twin.engine.core import Engine, Outputs
from twin.engine.limits import LimitWatch
from twin.engine.tagbook import TagBook
from twin.service.build import load_line
from twin.service.model import model_of
from twin.service.replay import WINDOW

HOUR_NS, MINUTE_NS = 3_600_000_000_000, 60_000_000_000
DAYS = 30
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
BEGUN_H = 20.0
"""When a vessel that is cleaned first is inoculated [h after the wires open]."""
CLEANED = {
    "cip_h": 1, "sip_h": 4, "prepare_h": 8, "inoculate_h": 20, "grow_h": 24,
    "feed_start_h": 68, "harvest_h": 383,
}  # fmt: skip
QUIET = (Suppression(frozenset({"cip", "sip", "prepare"}), ("*",), ("*",)),)
PHASES = Phases(hours={"cip": 1 - BEGUN_H, "sip": 4 - BEGUN_H, "prepare": 8 - BEGUN_H, "inoculate": 0.0})
RESPONSE_NS = 10 * MINUTE_NS
"""When an operator acknowledges a call (chosen default)."""


@dataclass(frozen=True)
class Run:
    """One batch in one vessel: where it begins in the thirty days, how long it is, and what goes wrong."""

    vessel: str
    from_h: float
    hours: float
    seed: int
    cleaned: bool
    faults: tuple[dict[str, Any], ...]


def fault(kind: str, at_h: float, hours: float, **more: Any) -> dict[str, Any]:
    """A fault that is mended after some hours."""
    return {"kind": kind, "at_h": at_h, "end_h": at_h + hours, **more}


BATCHES = (
    Run("R101", 0, 336, 9101, False, (
        fault("pH_drift", 70, 60, size=0.002), fault("spikes", 120, 3, tag="pO2", size=15),
        fault("dropout", 190, 0.7, tag="conductivity"), fault("kLa_loss", 250, 10, size=0.25),
    )),
    Run("R101", 336, 384, 9102, True, (
        fault("pO2_drift", 110, 50, size=-0.3), fault("feed_pump_loss", 180, 8, size=0.3),
        fault("frozen", 240, 6, tag="pH"), fault("noise_burst", 320, 4, tag="pCO2"),
    )),
    Run("R102", 0, 336, 9103, False, (
        fault("bubbles", 60, 8), fault("base_line_blocked", 160, 9), fault("pCO2_drift", 200, 60, size=0.1),
        fault("dropout", 300, 1.5, tag="pO2"),
    )),
    Run("R102", 336, 384, 9104, True, (
        fault("temperature_bias", 100, 12, size=0.4), fault("aeration_loss", 200, 6, size=0.2),
        fault("pH_offset", 260, 24, size=0.06),
    )),
)  # fmt: skip


@dataclass
class Told:
    """Moves of alarms by the engine, and of plain limit alarms on the same values."""

    moves: list[Move] = field(default_factory=list)
    plain: list[Move] = field(default_factory=list)
    delayed: list[Move] = field(default_factory=list)
    values: int = 0


def scenario(run: Run) -> Scenario:
    """What the simulator is asked for."""
    vessel: dict[str, Any] = {
        "id": run.vessel, "batch": f"{run.vessel}-{run.seed}", "volume_l": 2, "faults": list(run.faults),
        "wires": {"probes": "opcua", "skid": "opcua", "lab": "mqtt"},
    }  # fmt: skip
    if run.cleaned:
        vessel["recipe"] = CLEANED
    raw = {
        "schema": 1, "id": f"alarms_{run.seed}", "title": {"en": "Alarms", "fr": "Alarmes"}, "seed": run.seed,
        "start": (START + timedelta(hours=run.from_h)).isoformat(), "duration_h": run.hours, "period_s": 30,
        "speed": 1200, "vessels": [vessel],
    }  # fmt: skip
    return Scenario.model_validate(raw)


def line_of(run: Run) -> Line:
    """The demo line's vessel with this batch, and what is suppressed by design while it is prepared."""
    _, demo = load_line(files("seeds") / "lines" / "demo.yaml")
    begin = START + timedelta(hours=run.from_h + (BEGUN_H if run.cleaned else 0.0))
    vessel = next(each for each in demo.vessels if each.id == run.vessel)
    batch = Batch(f"{run.vessel}-{run.seed}", int(begin.timestamp()) * 10**9, 2.0, 0.0, 336.0)
    design = {"phases": PHASES, "suppress": QUIET} if run.cleaned else {}
    return replace(demo, vessels=(replace(vessel, batch=batch, **design),))


class Log:
    """Moves of alarms from what the engine says of them, and an operator who acknowledges."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.moves: list[Move] = []
        self._states: dict[str, tuple[AlarmState, bool]] = {}

    def take(self, out: Outputs) -> None:
        """What one call of the engine changed."""
        self._add(out.alarms)

    def respond(self, now_ns: int) -> None:
        """Acknowledge what called ten minutes ago."""
        for alarm in list(self.engine.alarms.standing.values()):
            if (
                alarm.state in (AlarmState.UNACK, AlarmState.RTN_UNACK)
                and alarm.raised_ns <= now_ns - RESPONSE_NS
            ):
                self._add(self.engine.alarms.move(alarm.id, Trigger.ACKNOWLEDGE, now_ns, "operator"))

    def _add(self, alarms: list[Alarm]) -> None:
        for alarm in alarms:
            old, was = self._states.get(alarm.id, (AlarmState.NORMAL, False))
            self._states[alarm.id] = (alarm.state, alarm.active)
            if (old, was) != (alarm.state, alarm.active):
                move = Move(
                    alarm.changed_ns, alarm.id, old, alarm.state, alarm.priority, alarm.active, alarm.by
                )
                self.moves.append(move)


class Plain:
    """Limit alarms as they are without more: every crossing calls."""

    def __init__(self, line: Line, delayed: bool) -> None:
        bare = {} if delayed else {"on_delay_s": 0.0, "off_delay_s": 0.0, "deadband": 0.0}
        self.watches = {tag.id: LimitWatch(replace(tag, **bare)) for tag in line.tags()}
        self.moves: list[Move] = []

    def take(self, row: Measurement) -> None:
        """One value."""
        for event in self.watches[row.tag].update(row):
            up = event.stage is Stage.CONFIRMED
            states = (AlarmState.NORMAL, AlarmState.UNACK) if up else (AlarmState.UNACK, AlarmState.NORMAL)
            name = event.condition.rpartition("/")[0]
            self.moves.append(Move(event.t, name, *states, Priority.MEDIUM, up))


def measured(path: Path, line: Line) -> Iterator[Measurement]:
    """What the wires carried, as the service takes it."""
    book = TagBook(line.tags())
    for row in read_file(path, None, path.name):
        found = row if isinstance(row, Quarantined) else book.measure(row, WINDOW)
        if isinstance(found, Measurement):
            yield found


def watched(run: Run) -> Told:
    """One batch through the engine and past the plain alarms."""
    line = line_of(run)
    engine = Engine(line, model_of, 0.0)
    log, plain, delayed, told = Log(engine), Plain(line, False), Plain(line, True), Told()
    with tempfile.TemporaryDirectory(prefix="alarm-bench-") as folder:
        written = simulate(scenario(run), Path(folder) / "run.parquet")
        rows = merged(written.values, written.assays, line)
        for minute, group in groupby(rows, key=lambda row: row.received_ns // RESPONSE_NS):
            batch = list(group)
            told.values += len(batch)
            log.take(engine.handle(batch))
            log.respond((minute + 1) * RESPONSE_NS)
            for row in batch:
                plain.take(row)
                delayed.take(row)
    told.moves, told.plain, told.delayed = log.moves, plain.moves, delayed.moves
    return told


def merged(values: Path, assays: Path, line: Line) -> Iterator[Measurement]:
    """Values and laboratory results by the time they came."""
    return merge(measured(values, line), measured(assays, line), key=lambda row: row.received_ns)


def show(name: str, moves: list[Move], days: float) -> Figures:
    """One row of the table."""
    start = int(START.timestamp()) * 10**9
    found = figures(sorted(moves, key=lambda move: move.t), start, start + int(days * 24) * HOUR_NS)
    print(
        f"{name:32} calls {found.raised:6}   a day {found.raised / days:6.1f}"
        f"   per 10 min {found.per_10min:.3f}   most {found.most_per_10min:4.0f}"
        f"   in flood {100 * found.flood:5.2f} %   chattering {len(found.chattering):3}"
        f"   suppressed {found.suppressed:4}"
    )
    return found


def main() -> None:
    """Run every batch, then count."""
    parser = argparse.ArgumentParser(description="Thirty days of alarms")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    with ProcessPoolExecutor(asked.jobs) as pool:
        told = list(pool.map(watched, BATCHES))
    faults = sum(len(run.faults) for run in BATCHES)
    print(f"{sum(each.values for each in told):,} values, {faults} faults, {DAYS} days, two vessels")
    ours = show("the service", [move for each in told for move in each.moves], DAYS)
    show("limits with delay and dead band", [move for each in told for move in each.delayed], DAYS)
    show("plain limits", [move for each in told for move in each.plain], DAYS)
    print("called most often:", ", ".join(f"{name} {count}" for name, count in ours.top))
    kinds = Counter(m.alarm.split("/")[1] for each in told for m in each.moves if m.new is AlarmState.UNACK)
    print("by kind:", dict(kinds))


if __name__ == "__main__":
    main()
