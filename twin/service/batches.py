"""Which batches a line has run, noted at each start: the line file names only the present ones."""

from collections import defaultdict
from dataclasses import asdict, replace
from typing import Any, Final

import orjson

from twin.domain.asset import Line, Vessel
from twin.domain.batch import Batch, Stored
from twin.ports import Document, Ledger

KIND: Final = "batch"
HOUR: Final = 3_600_000_000_000
BEYOND_NS: Final = 48 * HOUR
"""Values belong to a batch until so long after its planned end, unless another begins (chosen default)."""


def note(ledger: Ledger, line: Line, now_ns: int) -> None:
    """Keep the present batch of each vessel; what is known of former ones stays."""
    known = ledger.documents(KIND)
    found = [_document(v, v.batch, known, now_ns) for v in line.vessels if v.batch is not None]
    new = [each for each in found if known.get(each.key) != each.body]
    if new:
        ledger.commit(documents=new)


def _document(vessel: Vessel, batch: Batch, known: dict[str, bytes], now_ns: int) -> Document:
    key = f"{vessel.id}/{batch.id}"
    seen_ns = orjson.loads(known[key])["seen_ns"] if key in known else now_ns
    row = {
        "vessel": vessel.id,
        "batch": asdict(batch),
        "seen_ns": seen_ns,
        "process_model": vessel.process_model,
        "normal_model": vessel.normal_model,
    }
    return Document(KIND, key, orjson.dumps(row))


def stored(ledger: Ledger, line: Line, now_ns: int) -> list[Stored]:
    """Every batch that was noted of vessels the line has, the newest first."""
    known = {vessel.id for vessel in line.vessels}
    present = {(v.id, v.batch.id) for v in line.vessels if v.batch is not None}
    by_vessel: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for body in ledger.documents(KIND).values():
        row = orjson.loads(body)
        if row["vessel"] in known:
            by_vessel[row["vessel"]].append(row)
    found: list[Stored] = []
    for rows in by_vessel.values():
        rows.sort(key=_start)
        ends = [_start(row) for row in rows[1:]] + [now_ns]
        found += [_stored(row, end, present, now_ns) for row, end in zip(rows, ends, strict=True)]
    return sorted(found, key=lambda each: (-each.start_ns, each.vessel))


def _start(row: dict[str, Any]) -> int:
    return int(row["batch"]["start_ns"] or row["seen_ns"])


def _stored(row: dict[str, Any], end_ns: int, present: set[tuple[str, str]], now_ns: int) -> Stored:
    batch, start_ns = Batch(**row["batch"]), _start(row)
    planned_ns = start_ns + round(batch.duration_h * HOUR)
    last_ns = max(start_ns, min(end_ns, now_ns, planned_ns + BEYOND_NS))
    running = (row["vessel"], batch.id) in present and now_ns < planned_ns
    models = (row["process_model"], row["normal_model"])
    return Stored(row["vessel"], batch, start_ns, last_ns, running, *models)


def as_it_was(vessel: Vessel, found: Stored) -> Vessel:
    """The vessel with a former batch, and the models that it ran with where the line still names models."""
    return replace(
        vessel,
        batch=found.batch,
        process_model=found.process_model if vessel.process_model else "",
        normal_model=found.normal_model if vessel.normal_model else "",
    )
