"""Write-back: nothing passes the guard that may not, everything is entered, and held values fall back."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ledgers.sqlite import SqliteLedger
from twin.alarms.machine import AlarmBook
from twin.alarms.words import in_words
from twin.domain.alarm import Priority, priority
from twin.domain.audit import verify
from twin.domain.command import Command, CommandRefusedError, Permit
from twin.domain.errors import ConnectorError, StorageError
from twin.domain.event import Stage
from twin.ports import LinkChange
from twin.runtime.links import LinkEvents
from twin.runtime.writeback import WriteBack

ROOT = Path(__file__).resolve().parents[3]
S = 1_000_000_000
PERMIT = Permit("R1.pH_sp", "ua", 6.8, 7.4, ("engineer",), step=0.2, every_s=10.0, hold_s=60.0, fallback=7.0)
ASKED = Command("R1.pH_sp", 7.1, "anna", "engineer", "10.0.0.1", "lactate is high")


class Plant:
    """An actuator that remembers, and refuses while `away`."""

    def __init__(self) -> None:
        self.written: list[tuple[str, float]] = []
        self.away, self.why, self.tries = False, "the server is away", 0

    async def write(self, tag: str, value: float) -> str:
        self.tries += 1
        if self.away:
            raise ConnectorError(self.why)
        self.written.append((tag, value))
        return "Good"

    async def close(self) -> None:
        pass


class World:
    def __init__(self, ledger: SqliteLedger, *permits: Permit) -> None:
        self.now_ns, self.value, self.plant, self.ledger = 1_000 * S, 7.0, Plant(), ledger
        self.permits = {p.tag: p for p in permits}
        self.told: list[LinkChange] = []
        self.guard = self.restarted()

    def restarted(self) -> WriteBack:
        actuators = {"ua": self.plant}
        made = WriteBack(self.permits, actuators, self.ledger, lambda tag: self.value, lambda: self.now_ns)
        made.report = self.told.append
        return made

    async def looks(self, seconds: int) -> None:
        """Two looks a second, as the service does."""
        for _ in range(2 * seconds):
            self.now_ns += S // 2
            await self.guard.release_due()

    @property
    def trail(self) -> list[tuple[str, str, str, str]]:
        return [(e.deed.who, e.deed.action, e.deed.old, e.deed.new) for e in self.ledger.trail()]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = SqliteLedger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def world(ledger: SqliteLedger) -> World:
    return World(ledger, PERMIT)


async def test_UA_04_a_command_is_entered_before_and_after(world: World) -> None:
    assert await world.guard.order(ASKED) == "Good"
    assert world.plant.written == [("R1.pH_sp", 7.1)]
    assert world.trail == [
        ("anna", "command.asked", "7", "7.1"),
        ("anna", "command.taken", "7", "7.1: Good"),
    ]
    assert world.ledger.trail()[0].deed.why == "lactate is high"
    assert verify(world.ledger.trail()).fault == ""


async def test_S_09_without_a_permit_nothing_is_written(ledger: SqliteLedger) -> None:
    world = World(ledger)
    with pytest.raises(CommandRefusedError) as refusal:
        await world.guard.order(ASKED)
    assert refusal.value.reason == "off"
    assert world.plant.written == []
    assert world.trail == [("anna", "command.refused.off", "7", "7.1")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"role": "operator"}, "role"),
        ({"role": ""}, "role"),
        ({"why": "  "}, "no_reason"),
        ({"value": math.nan}, "not_finite"),
        ({"value": math.inf}, "not_finite"),
        ({"value": 6.7}, "limits"),
        ({"value": 7.3}, "step"),
        ({"tag": "R1.pO2_sp"}, "off"),
    ],
)
async def test_S_09_what_may_not_pass_is_refused_and_entered(world: World, change: dict, reason: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(CommandRefusedError) as refusal:
        await world.guard.order(replace(ASKED, **change))
    assert refusal.value.reason == reason
    assert world.plant.written == []
    assert [action for _, action, _, _ in world.trail] == [f"command.refused.{reason}"]


async def test_commands_follow_each_other_no_faster_than_permitted(world: World) -> None:
    await world.guard.order(ASKED)
    world.now_ns += 9 * S
    with pytest.raises(CommandRefusedError, match="9\\.0 s ago"):
        await world.guard.order(ASKED)
    world.now_ns += 1 * S
    await world.guard.order(replace(ASKED, value=7.2))
    assert [v for _, v in world.plant.written] == [7.1, 7.2]


async def test_a_step_can_not_be_judged_without_a_present_value(world: World) -> None:
    world.value = None  # type: ignore[assignment]
    with pytest.raises(CommandRefusedError, match="not known"):
        await world.guard.order(ASKED)


async def test_S_19_what_can_not_be_entered_is_not_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise StorageError("disk full")

    monkeypatch.setattr(world.ledger, "commit", full)
    with pytest.raises(StorageError):
        await world.guard.order(ASKED)
    assert world.plant.written == []


async def test_a_held_value_falls_back_unless_it_is_given_again(world: World) -> None:
    await world.guard.order(ASKED)
    world.now_ns += 50 * S
    await world.guard.release_due()
    await world.guard.order(ASKED)
    world.now_ns += 50 * S
    await world.guard.release_due()
    assert len(world.plant.written) == 2
    world.now_ns += 11 * S
    await world.guard.release_due()
    await world.guard.release_due()
    assert world.plant.written[2:] == [("R1.pH_sp", 7.0)]
    assert [who for who, *_ in world.trail][-2:] == ["dead-man", "dead-man"]


async def test_the_dead_man_time_goes_on_over_a_restart_and_an_absence_of_the_plant(world: World) -> None:
    await world.guard.order(ASKED)
    world.now_ns += 100 * S
    again = world.restarted()
    world.plant.away = True
    await again.release_due()
    assert world.trail[-1][1] == "command.failed"
    world.plant.away = False
    world.now_ns += 1 * S
    await again.release_due()
    assert world.plant.written[-1] == ("R1.pH_sp", 7.0)
    assert world.restarted().held == {}


async def test_an_hour_without_the_plant_is_a_few_entries_and_one_alarm(world: World) -> None:
    await world.guard.order(ASKED)
    world.plant.away = True
    await world.looks(60 + 3_600)
    assert 60 <= world.plant.tries - 1 <= 70, "1, 2, 4 ... 32 s, then every minute"
    assert [action for _, action, _, _ in world.trail[2:]] == ["command.asked", "command.failed"]
    world.plant.why = "the node is read only"
    await world.looks(120)
    world.plant.away = False
    await world.looks(60)
    assert [(action, new) for _, action, _, new in world.trail[2:]] == [
        ("command.asked", "7"),
        ("command.failed", "7: the server is away"),
        ("command.failed", "7: the node is read only"),
        ("command.taken", "7: Good"),
    ]
    assert verify(world.ledger.trail()).fault == ""
    assert world.plant.written == [("R1.pH_sp", 7.1), ("R1.pH_sp", 7.0)]
    links = LinkEvents()
    opened, closed = (event for change in world.told for event in links.events(change))
    assert opened.condition == closed.condition
    assert (opened.stage, closed.stage) == (Stage.CONFIRMED, Stage.CLOSED)
    text = "fallback of R1.pH_sp could not be written: the server is away; it is tried again"
    assert opened.detail["text"] == text
    assert closed.detail["text"] == "fallback of R1.pH_sp is written: Good"
    assert priority(opened) is Priority.HIGH
    assert in_words(opened, "en")[0] == "R1.pH_sp: Fallback could not be written"
    assert in_words(opened, "fr")[0] == "R1.pH_sp: Valeur de repli non écrite"
    assert in_words(closed, "fr")[0] == "R1.pH_sp: Consigne de nouveau surveillée"


async def test_a_command_given_again_ends_the_tries_and_the_alarm(world: World) -> None:
    await world.guard.order(ASKED)
    world.plant.away = True
    await world.looks(90)
    world.plant.away = False
    await world.guard.order(replace(ASKED, value=7.2))
    assert [change.up for change in world.told] == [False] * (len(world.told) - 1) + [True]
    assert world.told[-1].text == "R1.pH_sp was given again: Good"
    await world.looks(50)
    assert world.plant.written == [("R1.pH_sp", 7.1), ("R1.pH_sp", 7.2)]


async def test_a_fallback_that_is_written_after_a_restart_closes_the_alarm_of_before(world: World) -> None:
    await world.guard.order(ASKED)
    world.plant.away = True
    await world.looks(70)
    (opened,) = LinkEvents().events(world.told[0])
    standing = AlarmBook().apply(opened)
    world.told.clear()
    world.guard, world.plant.away = world.restarted(), False
    await world.looks(1)
    links = LinkEvents()
    links.restore(standing)
    (closed,) = links.events(world.told[0])
    assert (closed.condition, closed.stage) == (opened.condition, Stage.CLOSED)


async def test_a_clock_that_is_set_back_does_not_put_a_fallback_off(world: World) -> None:
    await world.guard.order(ASKED)
    world.plant.away = True
    await world.looks(60 + 600)
    world.plant.away = False
    world.now_ns -= 500 * S
    await world.guard.release_due()
    assert world.plant.written[-1] == ("R1.pH_sp", 7.0)


async def test_a_ledger_that_can_not_keep_the_end_has_the_fallback_written_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("disk full")

    await world.guard.order(ASKED)
    with monkeypatch.context() as patch:
        patch.setattr(world.ledger, "save_snapshot", full)
        await world.looks(61)
        assert world.told[-1].text.endswith("could not be written: disk full; it is tried again")
    await world.looks(5)
    assert world.told[-1].up
    assert world.restarted().held == {}


async def test_what_the_plant_does_not_take_is_told_and_entered(world: World) -> None:
    world.plant.away = True
    with pytest.raises(ConnectorError):
        await world.guard.order(ASKED)
    assert world.trail[-1][1] == "command.failed"
    assert world.guard.held == {}


@given(st.floats(), st.sampled_from(["engineer", "operator", "viewer", ""]), st.text(max_size=3))
def test_S_09_nothing_outside_of_the_permit_ever_passes(value: float, role: str, why: str) -> None:
    guard = WriteBack({PERMIT.tag: PERMIT}, {}, _Nothing(), lambda tag: 7.0, lambda: 1_000 * S)  # type: ignore[arg-type]
    try:
        guard._permitted(replace(ASKED, value=value, role=role, why=why))
    except CommandRefusedError:
        return
    assert 6.8 - 1e-8 <= value <= 7.2 + 1e-8
    assert role == "engineer"
    assert why.strip()


class _Nothing:
    def load_snapshot(self, name: str) -> None:
        return None


def test_UA_04_there_is_one_call_of_an_actuator_and_one_place_that_writes_each_wire() -> None:
    sources = {
        path.relative_to(ROOT): path.read_text(encoding="utf-8")
        for folder in ("twin", "connectors", "dashboards")
        for path in (ROOT / folder).rglob("*.py")
    }
    calls = {str(path): text.count("_actuators[") for path, text in sources.items() if "_actuators[" in text}
    assert calls == {"twin/runtime/writeback.py": 1}
    writing = re.compile(r"uaclient\.write\(|write_value\(|write_attribute|call_method\(|DCMD/\{")
    places = {str(path) for path, text in sources.items() if writing.search(text)}
    assert places == {"connectors/actuators/opcua.py", "connectors/actuators/sparkplug.py"}
