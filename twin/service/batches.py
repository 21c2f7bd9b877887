"""Which batches a line has run and when each ended; the line file names the present ones only."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any, Final

import orjson

from twin.domain.asset import Line, Vessel
from twin.domain.batch import Batch, Stored
from twin.domain.errors import ConfigError, InputError
from twin.domain.event import Event, Kind
from twin.domain.instant import iso
from twin.domain.people import Actor
from twin.ports import Document, Ledger, Record
from twin.runtime.pipeline import deed
from twin.service.build import Faults, build_line
from twin.service.line import LineFile
from twin.service.registry.resolve import resolved
from twin.service.settings import Settings

KIND: Final = "batch"
SNAPSHOT: Final = "batches"
AT_ONCE: Final = 1000
HOUR: Final = 3_600_000_000_000
BEYOND_NS: Final = 48 * HOUR
"""Values belong to a batch until so long after its planned end, unless another begins (chosen default)."""


class _Rows:
    """What a ledger holds of batches, and what its newest events add; keeps nothing."""

    def __init__(self, record: Record, line: Line) -> None:
        self._record = record
        self._vessels = {vessel.id: vessel for vessel in line.vessels}
        self.by_key = _rows_of(record)
        kept = record.load_snapshot(SNAPSHOT)
        self.read = int(orjson.loads(kept)) if kept else 0

    def take(self) -> list[dict[str, Any]]:
        """Take further events in; the rows that they changed."""
        changed: dict[str, dict[str, Any]] = {}
        while told := self._record.events(self.read, AT_ONCE):
            for _, event in told:
                changed |= self._take(event)
            self.read = told[-1][0]
        return list(changed.values())

    def _take(self, event: Event) -> dict[str, dict[str, Any]]:
        """Note the end of a batch that a phase ended; one that has ended is not ended again."""
        vessel = self._vessels.get(event.asset)
        if event.kind is not Kind.PHASE or vessel is None or vessel.phases is None:
            return {}
        row = self._lasting(event) if event.detail.get("phase") in vessel.phases.ends else None
        if row is None:
            return {}
        ended = {_key(row): {**row, "ended_ns": event.t}}
        self.by_key |= ended
        return ended

    def _lasting(self, event: Event) -> dict[str, Any] | None:
        """The newest batch of a vessel that had begun by then, unless it had ended."""
        begun = [r for r in self.by_key.values() if r["vessel"] == event.asset and _start(r) < event.t]
        newest = max(begun, key=_start, default=None)
        return newest if newest and newest.get("ended_ns") is None else None

    def stored(self, now_ns: int) -> list[Stored]:
        """Every batch of vessels that the line has, the newest first."""
        by_vessel: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self.by_key.values():
            if row["vessel"] in self._vessels:
                by_vessel[row["vessel"]].append(row)
        found: list[Stored] = []
        for rows in by_vessel.values():
            rows.sort(key=_start)
            nexts = [*map(_start, rows[1:]), None]
            found += [_stored(row, after, now_ns) for row, after in zip(rows, nexts, strict=True)]
        return sorted(found, key=lambda each: (-each.start_ns, each.vessel))


class BatchLog:
    """The batches of a line, kept in its ledger.

    Parameters
    ----------
    ledger : Ledger
    line : Line
    """

    def __init__(self, ledger: Ledger, line: Line) -> None:
        self._ledger, self._line = ledger, line

    def note(self, now_ns: int) -> None:
        """Keep the present batch of each vessel; what is known of former ones stays."""
        kept = _rows_of(self._ledger)
        for vessel in self._line.vessels:
            if vessel.batch is not None:
                former = kept.get(f"{vessel.id}/{vessel.batch.id}")
                row = _row(vessel, vessel.batch, former, now_ns)
                if row != former:
                    self._keep([row])

    def look(self, now_ns: int) -> list[Stored]:
        """Take further events in, and tell every batch of vessels that the line has, the newest first."""
        rows = _Rows(self._ledger, self._line)
        before = rows.read
        self._keep(rows.take())
        if rows.read != before:
            self._ledger.save_snapshot(SNAPSHOT, orjson.dumps(rows.read))
        return rows.stored(now_ns)

    def early(self, now_ns: int) -> dict[str, int]:
        """When the present batch of a vessel ended before its plan, by vessel [ns since 1970-01-01 UTC]."""
        present = {(v.id, v.batch.id) for v in self._line.vessels if v.batch is not None}
        return {
            each.vessel: each.ended_ns
            for each in self.look(now_ns)
            if each.ended_ns is not None and each.early and (each.vessel, each.batch.id) in present
        }

    def end(self, vessel_id: str, at_ns: int | None, now_ns: int, by: Actor, why: str) -> Stored:
        """Take a person's word that the batch of a vessel has ended, with its entry in the audit trail.

        Parameters
        ----------
        vessel_id : str
        at_ns : int or None
            When [ns since 1970-01-01 UTC]; None: now.

        Raises
        ------
        InputError
            When no batch runs there, it was not running at that time, or no reason is given.
        """
        if not why.strip():
            raise InputError("Say why; the reason goes into the audit trail.")
        found = next((each for each in self.look(now_ns) if each.vessel == vessel_id), None)
        if found is None or found.ended_ns is not None:
            ended = f"; {found.batch.id} ended {iso(found.ended_ns)}" if found and found.ended_ns else ""
            raise InputError(f"No batch runs on {vessel_id}{ended}.")
        end_ns = now_ns if at_ns is None else at_ns
        if not found.start_ns < end_ns <= now_ns:
            raise InputError(
                f"{iso(end_ns)} will not do as the end of {found.batch.id}; a time from "
                f"{iso(found.start_ns)} to {iso(now_ns)} would."
            )
        key = f"{vessel_id}/{found.batch.id}"
        done = deed(by, "batch.end", key, "", iso(end_ns), why.strip())
        row = {**_rows_of(self._ledger)[key], "ended_ns": end_ns}
        self._ledger.commit(deeds=[done], documents=[Document(KIND, key, orjson.dumps(row))])
        return replace(found, ended_ns=end_ns, end_ns=end_ns, early=True)

    def _keep(self, rows: Iterable[dict[str, Any]]) -> None:
        documents = [Document(KIND, _key(row), orjson.dumps(row)) for row in rows]
        if documents:
            self._ledger.commit(documents=documents)


def known_batches(record: Record, line: Line, now_ns: int) -> list[Stored]:
    """Every batch as `BatchLog.look` tells it, read beside a service that runs; nothing is kept."""
    rows = _Rows(record, line)
    rows.take()
    return rows.stored(now_ns)


def _rows_of(record: Record) -> dict[str, dict[str, Any]]:
    """What is kept of each batch, by vessel and name."""
    return {key: orjson.loads(body) for key, body in record.documents(KIND).items()}


def _key(row: dict[str, Any]) -> str:
    return f"{row['vessel']}/{row['batch']['id']}"


def _row(vessel: Vessel, batch: Batch, former: dict[str, Any] | None, now_ns: int) -> dict[str, Any]:
    """What is kept of a batch; one whose start was put right has not ended."""
    moved = former is not None and former["batch"]["start_ns"] != batch.start_ns
    return {
        "vessel": vessel.id,
        "batch": asdict(batch),
        "seen_ns": former["seen_ns"] if former else now_ns,
        "ended_ns": former.get("ended_ns") if former and not moved else None,
        "process_model": vessel.process_model,
        "normal_model": vessel.normal_model,
    }


def _start(row: dict[str, Any]) -> int:
    return int(row["batch"]["start_ns"] or row["seen_ns"])


def _stored(row: dict[str, Any], next_ns: int | None, now_ns: int) -> Stored:
    batch, start_ns = Batch(**row["batch"]), _start(row)
    planned_ns = start_ns + round(batch.duration_h * HOUR)
    ends = [
        each for each in (row.get("ended_ns"), next_ns, planned_ns) if each is not None and each <= now_ns
    ]
    ended_ns = min(ends, default=None)
    early = ended_ns is not None and ended_ns < planned_ns
    last_ns = min(now_ns, ended_ns if ended_ns is not None and early else planned_ns + BEYOND_NS)
    if next_ns is not None:
        last_ns = min(last_ns, next_ns)
    models = (row["process_model"], row["normal_model"])
    return Stored(row["vessel"], batch, start_ns, max(start_ns, last_ns), ended_ns, early, *models)


def line_of(line_file: LineFile, found: Stored, settings: Settings) -> Line:
    """The line as it was for one batch: its vessel alone, with the models that it ran with.

    Raises
    ------
    ConfigError, NotFoundError, StorageError
        When the vessel, a model or its file is not there any more.
    """
    faults = Faults()
    line = build_line(line_file, faults)
    vessel = next((each for each in line.vessels if each.id == found.vessel), None)
    if faults.found or vessel is None:
        raise ConfigError(f"vessel {found.vessel} is not in line {line.id} any more")
    vessel = replace(
        vessel,
        batch=found.batch,
        process_model=found.process_model if vessel.process_model else "",
        normal_model=found.normal_model if vessel.normal_model else "",
    )
    return resolved(line_file, replace(line, vessels=(vessel,)), settings, approved_only=False)
