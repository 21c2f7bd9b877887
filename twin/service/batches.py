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
from twin.ports import Document, Ledger
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


class BatchLog:
    """The batches of a line, kept in its ledger.

    Parameters
    ----------
    ledger : Ledger
    line : Line
    """

    def __init__(self, ledger: Ledger, line: Line) -> None:
        self._ledger, self._line = ledger, line
        self._vessels = {vessel.id: vessel for vessel in line.vessels}
        kept = ledger.load_snapshot(SNAPSHOT)
        self._read = int(orjson.loads(kept)) if kept else 0

    def note(self, now_ns: int) -> None:
        """Keep the present batch of each vessel; what is known of former ones stays."""
        known = self._rows()
        for vessel in self._line.vessels:
            if vessel.batch is not None:
                former = known.get(f"{vessel.id}/{vessel.batch.id}")
                row = _row(vessel, vessel.batch, former, now_ns)
                if row != former:
                    self._keep([row])

    def look(self, now_ns: int) -> list[Stored]:
        """Take further events in, and tell every batch of vessels that the line has, the newest first."""
        while told := self._ledger.events(self._read, AT_ONCE):
            self._take(event for _, event in told)
            self._read = told[-1][0]
            self._ledger.save_snapshot(SNAPSHOT, orjson.dumps(self._read))
        by_vessel: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self._rows().values():
            if row["vessel"] in self._vessels:
                by_vessel[row["vessel"]].append(row)
        found: list[Stored] = []
        for rows in by_vessel.values():
            rows.sort(key=_start)
            nexts = [*map(_start, rows[1:]), None]
            found += [_stored(row, after, now_ns) for row, after in zip(rows, nexts, strict=True)]
        return sorted(found, key=lambda each: (-each.start_ns, each.vessel))

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
        row = {**self._rows()[key], "ended_ns": end_ns}
        self._ledger.commit(deeds=[done], documents=[Document(KIND, key, orjson.dumps(row))])
        return replace(found, ended_ns=end_ns, end_ns=end_ns, early=True)

    def _take(self, events: Iterable[Event]) -> None:
        """Note the end of each batch that a phase ended; one that has ended is not ended again."""
        for event in events:
            vessel = self._vessels.get(event.asset)
            if event.kind is not Kind.PHASE or vessel is None or vessel.phases is None:
                continue
            row = self._lasting(event) if event.detail.get("phase") in vessel.phases.ends else None
            if row is not None:
                self._keep([{**row, "ended_ns": event.t}])

    def _lasting(self, event: Event) -> dict[str, Any] | None:
        """The newest batch of a vessel that had begun by then, unless it had ended."""
        begun = [r for r in self._rows().values() if r["vessel"] == event.asset and _start(r) < event.t]
        newest = max(begun, key=_start, default=None)
        return newest if newest and newest.get("ended_ns") is None else None

    def _rows(self) -> dict[str, dict[str, Any]]:
        return {key: orjson.loads(body) for key, body in self._ledger.documents(KIND).items()}

    def _keep(self, rows: Iterable[dict[str, Any]]) -> None:
        documents = [Document(KIND, f"{r['vessel']}/{r['batch']['id']}", orjson.dumps(r)) for r in rows]
        self._ledger.commit(documents=documents)


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
