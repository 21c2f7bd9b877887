"""Alarms of a batch that is over: closed when the next one is taken up, as nobody watches them any more."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from twin.domain.alarm import Alarm
from twin.domain.asset import Line
from twin.domain.event import Event, Kind, Stage

NEW_BATCH: Final = "new_batch"
"""Key of the evidence that closes them."""


def closed_by_batch(line: Line, alarms: Iterable[Alarm], now_ns: int) -> Iterator[Event]:
    """What closes every condition that stands since before the present batch of its vessel.

    Monitors and twin begin anew with a line file that names another batch, and find again what still is so.
    Links are watched by the line, not by a batch; theirs stay.

    Parameters
    ----------
    line : Line
    alarms : iterable of Alarm
        As they were kept.
    now_ns : int
        [ns since 1970-01-01 UTC]; a batch that is still to begin has closed what stands by now.
    """
    begins = {v.id: min(v.batch.start_ns, now_ns) for v in line.vessels if v.batch is not None}
    for alarm in alarms:
        event, begin_ns = alarm.event, begins.get(alarm.event.asset, 0)
        if alarm.active and event.kind is not Kind.LINK and event.t < begin_ns:
            yield replace(event, t=begin_ns, stage=Stage.CLOSED, evidence=(NEW_BATCH,))
