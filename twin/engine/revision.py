"""Frames whose readings came late: put into the tape, and lived through again as if they had come in time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from twin.domain.event import Event
from twin.domain.frame import Frame
from twin.domain.measurement import Estimate
from twin.observers.rewind import Row

if TYPE_CHECKING:
    from twin.engine.culture import CultureTwin


def revise(twin: "CultureTwin", patches: Sequence[Frame]) -> tuple[list[Estimate], list[Event]]:
    """Take frames that hold only what came late, oldest first.

    A reading that a frame had already stays as it was. Rows without any reading until now are decided upon
    as they would have been at their time; what was decided stays decided.

    Returns
    -------
    estimates, events
        Beliefs from the first of the frames on, and findings with the times of their rows.
    """
    tape, read_ns = twin._tape, twin._read_ns
    rows = {row.end_ns: row for row in tape.rows}
    known = [frame for frame in patches if frame.end_ns in rows]
    if len(known) < len(patches):
        lost = sum(len(frame.values) for frame in patches if frame.end_ns not in rows)
        events = [twin._told(patches[-1].end_ns, "values_too_late", {"count": float(lost)})]
    else:
        events = []
    if not known or tape.back_to(known[0].start_ns + 1) is None:
        return [], events
    for frame in known:
        _put_readings(twin, rows[frame.end_ns], frame)
        _put_inputs(twin, rows[frame.end_ns], frame)
    twin._rewind(known[0].start_ns, known[0].start_ns)
    estimates: list[Estimate] = []
    for row in tape.rows_after(known[0].start_ns):
        estimates += _live(twin, row)
        if row.end_ns > read_ns:
            events += twin._decide(row)
    return estimates, events


def _live(twin: "CultureTwin", row: Row) -> list[Estimate]:
    mind = twin._mind
    assert mind is not None
    band = twin._band(twin._advance(mind, row), row)
    twin._tape.mark(row.end_ns, mind.copy)
    return band + twin._quantities(mind, row)


def _put_readings(twin: "CultureTwin", row: Row, frame: Frame) -> None:
    readings, widen = twin._readings(frame)
    fresh = np.isnan(row.readings) & np.isfinite(readings)
    row.readings[fresh], row.widen[fresh] = readings[fresh], widen[fresh]


def _put_inputs(twin: "CultureTwin", row: Row, frame: Frame) -> None:
    """Put inputs in, and into the rows after that only held the value from before."""
    for i, given in enumerate(twin.process.inputs):
        value = frame.values.get(given.name)
        if value is None:
            continue
        held = row.inputs[i]
        for after in twin._tape.rows_after(row.start_ns):
            if after.inputs[i] != held:
                break
            after.inputs[i] = value.mean
            after.unknown[i] = after.end_ns - row.end_ns > twin._inputs.hold_ns[i]
        else:
            twin._inputs.values[i] = value.mean
            twin._inputs.seen_ns[i] = max(twin._inputs.seen_ns[i], row.end_ns)
