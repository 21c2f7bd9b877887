"""Alarms that the line file suppresses in a phase: aside, counted, audited, back when it is over."""

from pathlib import Path

import pytest

from connectors.historians.memory import MemoryHistorian
from connectors.ledgers.sqlite import SqliteLedger
from twin.alarms.figures import figures
from twin.alarms.routing import notices
from twin.domain.alarm import DESIGN, AlarmState
from twin.domain.asset import Line, Origin, Vessel
from twin.domain.batch import Batch
from twin.domain.event import Kind
from twin.domain.measurement import Quality, Reading
from twin.domain.phase import Phases, Suppression
from twin.domain.subscription import Subscription
from twin.domain.tag import Limits, Tag, TagKind
from twin.engine.core import Engine
from twin.engine.tagbook import TagBook, TimeWindow
from twin.ports import Delivery
from twin.runtime.clock import WallClock
from twin.runtime.health import Health
from twin.runtime.hub import Hub
from twin.runtime.pipeline import Pipeline

S = 1_000_000_000
HOUR_S = 3600
PH = Tag("R1", "pH", "pH", "1", 0.0, 14.0, 0.02, limits=Limits(high=8.0), on_delay_s=0.0, silence_s=1e6)
PO2 = Tag("R1", "pO2", "pO2", "%", 0.0, 200.0, 1.0, limits=Limits(low=20.0), on_delay_s=0.0, silence_s=1e6)
STEP = Tag("R1", "step", "count", "1", 0.0, 100.0, 0.1, kind=TagKind.SETPOINT, silence_s=1e6)
PLANT = Phases("step", {1: "cip", 2: "grow"})
PLANNED = Phases(hours={"cip": -2.0, "grow": 0.0})
RULE = Suppression(frozenset({"cip"}), ("limit",), ("pH",))
BATCH = Batch("b", 10 * HOUR_S * S)


def line(phases: Phases) -> Line:
    return Line(
        "l",
        {},
        "",
        Origin.SIMULATED,
        (Vessel("R1", {}, (PH, PO2, STEP), batch=BATCH, phases=phases, suppress=(RULE,)),),
    )


def pipeline(ledger: SqliteLedger, of: Line) -> Pipeline:
    clock = WallClock()
    return Pipeline(
        TagBook(of.tags()), Engine(of, lambda v: None, 0.0), MemoryHistorian(), ledger, Hub(clock), Health(),
        clock, lambda alarm: notices(alarm, [Subscription("anna")]), lambda: TimeWindow(0, 10**9 * S),
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path):
    opened = SqliteLedger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


async def at(p: Pipeline, t_s: float, **values: float) -> None:
    """Values of one instant, and the end of the frame they are in."""
    t = int(t_s * S)
    rows = tuple(Reading("ua", f"R1.{name}", v, Quality.GOOD, t, t) for name, v in values.items())
    await p.process([Delivery(rows)])
    await p.tick(t + 120 * S)


def states(ledger: SqliteLedger) -> dict[str, tuple[AlarmState, str]]:
    return {alarm.id: (alarm.state, alarm.part_of) for alarm in ledger.alarms()}


async def test_by_the_plant_s_number_what_is_declared_is_suppressed_and_nothing_else(ledger) -> None:
    p = pipeline(ledger, line(PLANT))
    await at(p, 100, step=1, pH=7.0, pO2=40)
    await at(p, 400, pH=12.0, pO2=5)
    assert states(ledger) == {
        "R1/limit_high/pH": (AlarmState.SUPPRESSED, "phase/cip"),
        "R1/limit_low/pO2": (AlarmState.UNACK, ""),
    }
    assert [row.notice.alarm.id for row in ledger.due(2**62)] == ["R1/limit_low/pO2"]
    phases = [event for _, event in ledger.events() if event.kind is Kind.PHASE]
    assert [event.detail for event in phases] == [{"phase": "cip"}]


async def test_when_the_phase_is_over_what_still_stands_calls(ledger) -> None:
    p = pipeline(ledger, line(PLANT))
    await at(p, 100, step=1)
    await at(p, 400, pH=12.0)
    await at(p, 700, step=2)
    assert states(ledger) == {"R1/limit_high/pH": (AlarmState.UNACK, "")}
    assert len(ledger.due(2**62)) == 1


async def test_what_is_gone_before_the_phase_is_over_never_called(ledger) -> None:
    p = pipeline(ledger, line(PLANT))
    await at(p, 100, step=1)
    await at(p, 400, pH=12.0)
    await at(p, 700, pH=7.0)
    await at(p, 1000, step=2)
    assert states(ledger) == {}
    assert ledger.due(2**62) == []
    found = figures(ledger.moves(0, 2**62), 0, 2 * HOUR_S * S)
    assert (found.raised, found.suppressed) == (0, 1), "it is counted, and not as a call"


async def test_both_moves_are_in_the_audit_trail(ledger) -> None:
    p = pipeline(ledger, line(PLANT))
    await at(p, 100, step=1)
    await at(p, 400, pH=12.0)
    await at(p, 700, step=2)
    trail = [(e.deed.who, e.deed.action, e.deed.subject, e.deed.new, e.deed.why) for e in ledger.trail()]
    assert trail == [
        (DESIGN, "alarm.suppress", "R1/limit_high/pH", "suppressed", "phase/cip"),
        (DESIGN, "alarm.unsuppress", "R1/limit_high/pH", "unack", ""),
    ]


async def test_by_the_plan_the_age_of_the_batch_says_the_phase(ledger) -> None:
    p = pipeline(ledger, line(PLANNED))
    before = 8.5 * HOUR_S
    await at(p, before, pH=12.0)
    assert states(ledger) == {"R1/limit_high/pH": (AlarmState.SUPPRESSED, "phase/cip")}
    await at(p, 10 * HOUR_S + 60, pO2=40)
    assert states(ledger) == {"R1/limit_high/pH": (AlarmState.UNACK, "")}
    phases = [event for _, event in ledger.events() if event.kind is Kind.PHASE]
    assert [event.detail["phase"] for event in phases] == ["cip", "grow"]
    assert phases[1].t == BATCH.start_ns


async def test_a_phase_is_known_again_after_a_restart(ledger) -> None:
    of = line(PLANT)
    p = pipeline(ledger, of)
    await at(p, 100, step=1)
    await p.save(of)
    q = pipeline(ledger, of)
    await q.recover(of)
    await at(q, 400, pH=12.0)
    assert states(ledger) == {"R1/limit_high/pH": (AlarmState.SUPPRESSED, "phase/cip")}


async def test_a_number_without_a_name_is_a_phase_of_its_own_and_suppresses_nothing(ledger) -> None:
    p = pipeline(ledger, line(PLANT))
    await at(p, 100, step=1)
    await at(p, 400, pH=12.0)
    await at(p, 700, step=7)
    assert states(ledger) == {"R1/limit_high/pH": (AlarmState.UNACK, "")}
    assert [e.detail["phase"] for _, e in ledger.events() if e.kind is Kind.PHASE] == ["cip", "7"]
