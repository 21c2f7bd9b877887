"""What people bring in by hand goes the way of any wire, and is in the trail."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from connectors.historians.memory import MemoryHistorian
from connectors.ledgers.sqlite import SqliteLedger
from twin.domain.asset import Line, Origin, Vessel
from twin.domain.errors import InputError, NotFoundError
from twin.domain.event import Kind
from twin.domain.people import Actor, Role
from twin.domain.tag import Tag, TagKind
from twin.engine.core import Engine
from twin.engine.tagbook import TagBook
from twin.ports import Delivery
from twin.runtime.channel import Channel
from twin.runtime.clock import WallClock
from twin.runtime.hand import Hand
from twin.runtime.health import Health
from twin.runtime.hub import Hub
from twin.runtime.pipeline import Pipeline
from twin.service.app import time_window

PH = Tag("R1", "pH", "pH", "1", 0.0, 14.0, 0.02)
LAB = Tag("R1", "pH_lab", "pH", "1", 6.0, 8.0, 0.02, kind=TagKind.ASSAY)
PO2 = Tag("R1", "pO2", "pO2", "%", 0.0, 200.0, 1.0)
LINE = Line("l", {}, "", Origin.SIMULATED, (Vessel("R1", {}, (PH, LAB, PO2)),))
ANNA = Actor("anna", Role.OPERATOR, "10.0.0.7")


@pytest_asyncio.fixture
async def hand(tmp_path: Path) -> AsyncIterator[Hand]:
    clock, ledger = WallClock(), SqliteLedger(tmp_path / "ledger.sqlite")
    channel: Channel[Delivery] = Channel(10)
    pipeline = Pipeline(
        TagBook(LINE.tags()), Engine(LINE, lambda v: None), MemoryHistorian(), ledger, Hub(clock), Health(),
        clock, lambda alarm: [], time_window(clock),
    )  # fmt: skip
    task = asyncio.create_task(pipeline.run(channel))
    yield Hand(LINE, pipeline, channel)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    ledger.close()


async def test_a_reference_value_is_stored_counted_told_and_in_the_trail(hand: Hand) -> None:
    pipeline = hand._pipeline
    drawn = pipeline.clock.now_ns() - 3_600_000_000_000
    assert await hand.reference("R1.pH", 6.94, drawn, ANNA, "sample 7") == "R1.pH_lab"
    (row,) = await pipeline.historian.read(["R1.pH_lab"], drawn, drawn + 1)
    assert (row.value, row.source) == (6.94, "hand")
    counters = pipeline.health.counters(pipeline.in_hand)
    assert (counters.received, counters.stored, counters.holds) == (1, 1, True)
    ((_, event),) = pipeline.ledger.events()
    assert (event.kind, event.since, event.size) == (Kind.SAMPLE, drawn, 6.94)
    (entry,) = pipeline.ledger.trail()
    assert (entry.deed.who, entry.deed.origin, entry.deed.new) == ("anna", "10.0.0.7", "6.94 1")
    with pytest.raises(InputError, match="has a value for that time"):
        await hand.reference("R1.pH", 6.95, drawn, ANNA, "")


async def test_what_can_not_be_true_is_refused_and_nothing_is_kept(hand: Hand) -> None:
    soon = hand._pipeline.clock.now_ns() + 60_000_000_000
    for tag, value, drawn, error in (
        ("R1.pH", 5.0, None, InputError),
        ("R1.pH", float("nan"), None, InputError),
        ("R1.pH", 7.0, soon, InputError),
        ("R1.pO2", 40.0, None, NotFoundError),
        ("R9.pH", 7.0, None, NotFoundError),
    ):
        with pytest.raises(error):
            await hand.reference(tag, value, drawn, ANNA, "")
    assert hand._pipeline.ledger.trail() == []


async def test_a_calibration_is_an_event_of_its_tag(hand: Hand) -> None:
    await hand.calibrated("R1.pH", ANNA, "two buffers")
    ((_, event),) = hand._pipeline.ledger.events()
    assert (event.kind, event.tag, event.detail["why"]) == (Kind.CALIBRATION, "R1.pH", "two buffers")
    assert hand._pipeline.ledger.trail()[0].deed.action == "instrument.calibrate"
