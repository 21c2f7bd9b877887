"""Performance of alarms from their log, after ISA-18.2-2016 and EEMUA 191."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final

from twin.domain.alarm import AlarmState, Figures, Move, Priority

PERIOD_NS: Final = 600_000_000_000
"""Periods in which calls are counted [ns]: 10 min."""
MANY, FEW = 10, 5
"""A flood begins with a period of more than MANY calls and ends with one of less than FEW."""
CHATTER_NS, CHATTERS = 60_000_000_000, 3
"""An alarm chatters when it is raised CHATTERS times within CHATTER_NS [ns]."""
FLEETING_NS: Final = 10_000_000_000
"""An alarm is fleeting when its condition is gone after so long at most [ns] (chosen default)."""
STALE_NS: Final = 24 * 3_600_000_000_000
"""An alarm is stale when its condition stands for longer [ns]."""


def figures(log: Sequence[Move], start_ns: int, end_ns: int) -> Figures:
    """Figures of the time from `start_ns` to `end_ns`.

    Parameters
    ----------
    log : sequence of Move
        Every move up to `end_ns`, oldest first; those before the start tell what stood.
    start_ns, end_ns : int
        [ns since 1970-01-01 UTC]; counted in periods of 10 min from the start on.
    """
    within = [move for move in log if start_ns <= move.t < end_ns]
    calls = [move for move in within if move.new is AlarmState.UNACK]
    counts = _counts(calls, start_ns, end_ns)
    often = Counter(move.alarm for move in calls)
    top = tuple(sorted(often.items(), key=lambda row: (-row[1], row[0]))[:10])
    urgency = Counter(move.priority for move in calls)
    return Figures(
        hours=(end_ns - start_ns) / 3.6e12,
        raised=len(calls),
        per_10min=len(calls) / ((end_ns - start_ns) / PERIOD_NS),
        most_per_10min=max(counts),
        crowded=sum(count > MANY for count in counts) / len(counts),
        flood=_flooded(counts) / len(counts),
        chattering=_named(calls, _chatters),
        fleeting=_named(within, _fleets),
        stale=_stale(log, end_ns),
        top=top,
        top_share=sum(count for _, count in top) / len(calls) if calls else 0.0,
        priorities=tuple((each.value, urgency[each]) for each in Priority),
        shelved=sum(move.new is AlarmState.SHELVED for move in within),
        suppressed=sum(move.new is AlarmState.SUPPRESSED for move in within),
    )


def _counts(calls: Iterable[Move], start_ns: int, end_ns: int) -> list[int]:
    counts = [0] * max(1, math.ceil((end_ns - start_ns) / PERIOD_NS))
    for move in calls:
        counts[(move.t - start_ns) // PERIOD_NS] += 1
    return counts


def _flooded(counts: Iterable[int]) -> int:
    """Number of periods in flood."""
    flood, total = False, 0
    for count in counts:
        flood = count > MANY or (flood and count >= FEW)
        total += flood
    return total


def _named(moves: Iterable[Move], test: Callable[[list[Move]], bool]) -> tuple[str, ...]:
    by_alarm: dict[str, list[Move]] = {}
    for move in moves:
        by_alarm.setdefault(move.alarm, []).append(move)
    return tuple(sorted(name for name, rows in by_alarm.items() if test(rows)))


def _chatters(calls: list[Move]) -> bool:
    last = CHATTERS - 1
    return any(b.t - a.t <= CHATTER_NS for a, b in zip(calls, calls[last:], strict=False))


def _fleets(rows: list[Move]) -> bool:
    return any(
        a.new is AlarmState.UNACK and not b.active and b.t - a.t <= FLEETING_NS for a, b in pairwise(rows)
    )


def _stale(log: Iterable[Move], end_ns: int) -> tuple[str, ...]:
    since: dict[str, int] = {}
    for move in log:
        if not move.active:
            since.pop(move.alarm, None)
        elif move.alarm not in since:
            since[move.alarm] = move.t
    return tuple(sorted(name for name, t in since.items() if end_ns - t > STALE_NS))
