"""Recovery: the engine's state kept in the ledger, and rebuilt from it and the historian."""

import hashlib
from collections.abc import Awaitable, Callable

import orjson

from twin.domain.asset import Line
from twin.domain.errors import StorageError
from twin.domain.measurement import Measurement
from twin.engine.core import Engine, Outputs
from twin.ports import Ledger
from twin.runtime.former import closed_by_batch

SNAPSHOT = "engine"
READ_AT_ONCE = 50_000

Read = Callable[[list[str], int, int, int], Awaitable[list[Measurement]]]


def save(engine: Engine, ledger: Ledger, line: Line) -> None:
    """Keep the engine's state so that a restart goes on from here."""
    document = {"line": _fingerprint(line), "engine": engine.snapshot()}
    ledger.save_snapshot(SNAPSHOT, orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))


async def restore(engine: Engine, ledger: Ledger, read: Read, line: Line, now_ns: int) -> Outputs:
    """Take up the last kept state and run what was stored since through the engine again.

    The same findings come out with the same identities, so that nothing is announced twice.

    Parameters
    ----------
    read : Read
        Stored measurements of tags from a time to before another, the first so many; as of a historian.

    Returns
    -------
    Outputs
        What the stored rows after the snapshot brought forth; with another line file, what its batches close.
    """
    alarms = ledger.known_alarms()
    blob = ledger.load_snapshot(SNAPSHOT)
    document = orjson.loads(blob) if blob else {}
    if document.get("line") != _fingerprint(line):
        engine.restore({}, alarms)
        return engine.note(closed_by_batch(line, alarms, now_ns))
    engine.restore(document["engine"], alarms)
    return await _catch_up(engine, read, line, now_ns)


async def _catch_up(engine: Engine, read: Read, line: Line, now_ns: int) -> Outputs:
    out = Outputs()
    for vessel in line.vessels:
        start_ns = engine.vessels[vessel.id].resume_ns()
        if start_ns is None:
            continue
        await _feed(engine, read, [t.id for t in vessel.tags], start_ns, now_ns, out)
    return out


async def _feed(
    engine: Engine, read: Read, tags: list[str], start_ns: int, now_ns: int, out: Outputs
) -> None:
    while True:
        rows = await read(tags, start_ns, now_ns, READ_AT_ONCE)
        full = len(rows) == READ_AT_ONCE
        last_ns = rows[-1].time_ns if rows else now_ns
        whole = [m for m in rows if m.time_ns < last_ns] if full else rows
        if full and not whole:
            raise StorageError(f"more than {READ_AT_ONCE} rows at {last_ns} ns: {tags[0]} and others")
        out.add(engine.handle(whole))
        if not full:
            return
        start_ns = last_ns


def _fingerprint(line: Line) -> str:
    text = repr(line).encode()
    return hashlib.sha256(text).hexdigest()[:16]
