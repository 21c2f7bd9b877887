"""What a campaign over real wires shares with the same campaign in process: values, counters, events."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from rich.table import Table

from twin.domain.errors import ConfigError
from twin.domain.event import Event
from twin.domain.instant import iso
from twin.domain.measurement import Quality, Reading
from twin.service.campaign import Campaign, Plan, plans
from twin.service.figures import Figures, judge
from twin.service.scorecard import document
from twin.service.trial import HOUR, run_all
from twin.service.wired import OVER, SPEED, Wired, end_of, run_wired

WITHIN_H: Final = 0.5
"""Two events further apart in time are not the same (chosen default)."""


def run(
    campaign: Campaign, jobs: int, step: Callable[[], None] = lambda: None, *, over: str, speed: float = SPEED
) -> Figures:
    """Run every batch over real wires, score what the service told, and compare it with the run in process.

    Parameters
    ----------
    campaign : Campaign
    jobs : int
        Batches at once, each with a plant, a broker and a service of its own.
    step : callable
        Called after each batch.
    over : str
        One of `wired.OVER`.
    speed : float
        Times real time.

    Raises
    ------
    ConfigError
        When the wire is not known, or the campaign keeps values from the service.
    """
    _check(campaign, over)
    pairs = []
    for pair in run_all(campaign, plans(campaign), jobs, partial(run_wired, over, speed), beside=1):
        pairs.append(pair)
        step()
    score = document(campaign, [judge(pair.carried, campaign.base) for pair in pairs])
    batches = [compared(pair) for pair in pairs]
    return score | {"wires": {"over": over, "speed": speed, **_total(batches), "batches": batches}}


def _check(campaign: Campaign, over: str) -> None:
    if over not in OVER:
        raise ConfigError(f"--over {over}: {' or '.join(OVER)} would do")
    base = campaign.base
    if base.suite != "full" or base.silent or base.no_assays_h:
        raise ConfigError(
            f"campaign {campaign.id}: over wires everything the plant says is read; "
            "a campaign with suite full and without silent and no_assays_h would do"
        )


def compared(pair: Wired) -> Figures:
    """One batch over wires beside the same in process."""
    plan = pair.direct.plan
    direct = [e for e in pair.direct.events if e.t <= end_of(plan)]
    values, events = _values(pair), _events(direct, pair.carried.events)
    counters = _counters(pair)
    lost = values["missing"] + values["invented"] + values["changed"]
    return {
        "seed": plan.seed,
        "fault": _fault(plan),
        "agrees": bool(not lost and counters["holds"] and not events["unmatched"]),
        "values": values,
        "counters": counters,
        "events": events,
        "as_replayed": pair.again == pair.carried.events,
        "belief_apart_sd": round(pair.belief_sd, 4),
        "belief_apart_on_time_sd": round(pair.on_time_sd, 4),
        "beside": dict(pair.outside),
    }


def _fault(plan: Plan) -> str | None:
    return " ".join(filter(None, (plan.fault.kind, plan.fault.tag))) if plan.fault else None


def _values(pair: Wired) -> Figures:
    """What became of every value the plant said.

    A result of the laboratory told after the end of the batch may have come before the service stopped.
    """
    sent = {(r.address, r.time_ns or 0): r for r in pair.said}
    kept = {(m.tag, m.time_ns): m for m in pair.stored}
    due = {key for key, r in sent.items() if r.received_ns <= end_of(pair.direct.plan)}
    both = [(sent[key], kept[key]) for key in sent.keys() & kept.keys()]
    unlike = Counter(f"{r.quality.name} to {m.quality.name}" for r, m in both if _graded(r) is not m.quality)
    later = [(m.received_ns - r.received_ns) / 1e9 for r, m in both if r.received_ns > (r.time_ns or 0)]
    return {
        "said": len(due),
        "stored": len(kept),
        "missing": len(due - kept.keys()),
        "invented": len(kept.keys() - sent.keys()),
        "changed": sum(r.value != m.value for r, m in both),
        "quality": dict(unlike),
        "assays_later_s": [round(q, 1) for q in np.percentile(later, (50, 100)).tolist()] if later else [],
    }


def _graded(row: Reading) -> Quality:
    """Quality of a reading once it is stored, within its range."""
    return Quality.BAD if row.value is None else row.quality


def _counters(pair: Wired) -> Figures:
    c = pair.counters
    return {
        "received": c.received,
        "stored": c.stored,
        "duplicate": c.duplicate,
        "quarantined": c.quarantined,
        "rejected": c.rejected,
        "pending": c.pending,
        "holds": c.holds,
    }


def _events(direct: Sequence[Event], carried: Sequence[Event]) -> Figures:
    """Events of both, each with its counterpart; what has none is listed."""
    left = list(carried)
    pairs: list[tuple[Event, Event]] = []
    alone: list[Event] = []
    for event in direct:
        found = min((e for e in left if _same(event, e)), key=lambda e: abs(e.t - event.t), default=None)
        if found is None:
            alone.append(event)
        else:
            left.remove(found)
            pairs.append((event, found))
    return {
        "in_process": len(direct),
        "over_wires": len(carried),
        "identical": sum(a == b for a, b in pairs),
        "apart_h": _largest((b.t - a.t) / HOUR for a, b in pairs),
        "onset_apart_h": _largest((b.since - a.since) / HOUR for a, b in pairs if a.since and b.since),
        "size_apart_percent": _largest(
            100.0 * (b.size / a.size - 1.0) for a, b in pairs if a.size and b.size
        ),
        "unmatched": len(alone) + len(left),
        "only_in_process": [_told(e) for e in alone],
        "only_over_wires": [_told(e) for e in left],
    }


def _same(one: Event, other: Event) -> bool:
    return _what(one) == _what(other) and abs(one.t - other.t) <= WITHIN_H * HOUR


def _what(e: Event) -> tuple[Any, ...]:
    return e.kind, e.stage, e.asset, e.tag, e.verdict, _code(e)


def _told(e: Event) -> Figures:
    return {"t": iso(e.t), "kind": e.kind.value, "stage": e.stage.value, "tag": e.tag, "code": _code(e)}


def _code(e: Event) -> str | None:
    return e.causes[0].code if e.causes else None


def _largest(differences: Iterable[float]) -> float:
    """The largest in size, with its sign."""
    largest: float = max(differences, key=abs, default=0.0)
    return round(largest, 6)


def _total(batches: Sequence[Figures]) -> Figures:
    return {
        "agreeing": sum(b["agrees"] for b in batches),
        "as_replayed": sum(b["as_replayed"] for b in batches),
        "events": sum(b["events"]["in_process"] for b in batches),
        "identical": sum(b["events"]["identical"] for b in batches),
        "values": sum(b["values"]["said"] for b in batches),
    }


def agrees(score: Figures) -> bool:
    """Tell whether every batch over the wires agrees with the same in process."""
    return bool(score["wires"]["agreeing"] == len(score["wires"]["batches"]))


def table(score: Figures) -> Table:
    """What a person reads of it, one row a batch."""
    wires = score["wires"]
    title = f"Over {wires['over']} at {wires['speed']:g} times real time, beside the same batches in process"
    columns = ("seed", "fault", "values", "lost", "changed", "quality", "refused", "lab later s")
    more = ("events", "same", "apart h", "belief", "on time", "agrees")
    shown = Table(*columns, *more, title=title, box=None, padding=(0, 1, 0, 0))
    shown.caption = "belief: largest difference in standard deviations; on time: with the laboratory on time"
    for row in wires["batches"]:
        shown.add_row(*_cells(row))
    return shown


def _cells(row: Figures) -> tuple[str, ...]:
    values, events, counters = row["values"], row["events"], row["counters"]
    refused = sum(counters["quarantined"].values()) + sum(counters["rejected"].values())
    later = values["assays_later_s"]
    return (
        str(row["seed"]),
        row["fault"] or "none",
        str(values["said"]),
        str(values["missing"] + values["invented"]),
        str(values["changed"]),
        str(sum(values["quality"].values())),
        str(refused),
        f"{later[0]:.0f}–{later[1]:.0f}" if later else "",
        f"{events['over_wires']}/{events['in_process']}",
        str(events["identical"]),
        f"{events['apart_h']:.2f}",
        f"{row['belief_apart_sd']:.2g}",
        f"{row['belief_apart_on_time_sd']:.2g}",
        "yes" if row["agrees"] else "NO",
    )
