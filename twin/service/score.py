"""What the twin found beside what was true, for a run whose scenario is at hand."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from simulators.faults import FAULTS
from simulators.scenario import FaultSpec, Scenario, VesselScenario
from twin.domain.event import Event, Kind, Stage

FINDINGS = frozenset(
    {Kind.DRIFT, Kind.FROZEN, Kind.DEAD, Kind.SPIKE, Kind.NOISE, Kind.SIGNAL_LOST, Kind.LIMIT}
)


@dataclass(frozen=True, slots=True)
class Match:
    """One injected fault and the first confirmed finding on its vessel after its onset, if any."""

    vessel: str
    fault: FaultSpec
    onset_ns: int
    finding: Event | None
    latest: Event | None


def match(scenario: Scenario, start_ns: int, events: Sequence[Event]) -> tuple[list[Match], list[Event]]:
    """Pair faults with findings; the second list holds findings that belong to no fault."""
    left = [e for e in events if e.kind in FINDINGS and e.stage is Stage.CONFIRMED]
    matches: list[Match] = []
    for vessel in scenario.vessels:
        for fault in vessel.faults:
            matches.append(_match(vessel, fault, start_ns, left, events))
    return matches, left


def _match(
    vessel: VesselScenario, fault: FaultSpec, start_ns: int, left: list[Event], events: Sequence[Event]
) -> Match:
    onset_ns = start_ns + int(fault.at_h * 3.6e12)
    after = [e for e in left if e.asset == vessel.id and e.t >= onset_ns]
    found = min(after, key=lambda e: (_unlike(e, vessel, fault), e.t), default=None)
    if found:
        left.remove(found)
    same = [e for e in events if found and e.condition == found.condition and e.stage is not Stage.CLOSED]
    return Match(vessel.id, fault, onset_ns, found, same[-1] if same else None)


def _unlike(e: Event, vessel: VesselScenario, fault: FaultSpec) -> int:
    """How badly a finding fits a fault: 0 for the right verdict on the right tag."""
    verdict = e.verdict is None or e.verdict.value != FAULTS[fault.kind].verdict
    return 2 * verdict + (e.tag is not None and e.tag != f"{vessel.id}.{fault.concerns}")


def true_change(fault: FaultSpec, hours: float) -> str:
    """What a fault has changed in all after `hours` [h], in the unit the findings carry."""
    kind = FAULTS[fault.kind]
    if kind.ramps:
        lasted = min(hours, fault.ramp_h or hours)
        return f"{fault.magnitude * lasted:.3g} {kind.unit.removesuffix('/h')}".removesuffix(" 1")
    if kind.unit == "fraction":
        return f"{-100.0 * fault.magnitude:.3g} %"
    return f"{fault.magnitude:.3g} {kind.unit}".strip().removesuffix(" 1")


def compare(scenario: Scenario, start_ns: int, events: Sequence[Event], now_ns: int) -> Table:
    """Truth and findings side by side."""
    matches, extra = match(scenario, start_ns, events)
    columns = (
        "asset",
        "true fault",
        "true verdict",
        "found",
        "verdict",
        "onset true",
        "onset found",
        "size found",
        "size true",
    )
    table = Table(*columns, title="What was true, and what the twin found")
    for m in matches:
        table.add_row(*_row(m, start_ns, now_ns))
    for event in extra:
        since = _hours(event.since, start_ns)
        verdict = event.verdict.value if event.verdict else ""
        table.add_row(event.asset, "(none)", "", _name(event), verdict, "", since, _size(event), "")
    return table


def _row(m: Match, start_ns: int, now_ns: int) -> tuple[str, ...]:
    truth = FAULTS[m.fault.kind]
    onset = _hours(m.onset_ns, start_ns)
    if m.finding is None or m.latest is None:
        state = "not yet" if now_ns < m.onset_ns else "nothing"
        return m.vessel, m.fault.kind, truth.verdict, state, "", onset, "", "", ""
    return (
        m.vessel,
        m.fault.kind,
        truth.verdict,
        f"{_name(m.finding)} at {_hours(m.finding.t, start_ns)}",
        m.finding.verdict.value if m.finding.verdict else "",
        onset,
        _hours(m.finding.since, start_ns),
        f"{_size(m.latest)} at {_hours(m.latest.t, start_ns)}",
        true_change(m.fault, (m.latest.t - m.onset_ns) / 3.6e12),
    )


def _name(event: Event) -> str:
    return f"{event.tag or ''} {event.causes[0].code if event.causes else event.kind.value}".strip()


def _hours(time_ns: int | None, start_ns: int) -> str:
    return "" if time_ns is None else f"{(time_ns - start_ns) / 3.6e12:.1f} h"


def _size(event: Event) -> str:
    return "" if event.size is None else f"{event.size:.3g} {event.unit if event.unit != '1' else ''}".strip()
