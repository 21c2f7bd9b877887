"""The live stream, read frame by frame."""

import asyncio
from contextlib import aclosing

import orjson
import pytest
from scripted_view import ScriptedView, alarm, drift

from dashboards.live import Broadcast


@pytest.fixture
def view() -> ScriptedView:
    return ScriptedView()


def parse(frame: bytes) -> list[dict]:
    """Frames as {event, id, data}."""
    found = []
    for block in frame.decode().strip().split("\n\n"):
        rows = [row.partition(": ") for row in block.split("\n")]
        found.append(
            {k: v for k, _, v in rows if k != "data"}
            | {"data": orjson.loads(next(v for k, _, v in rows if k == "data"))}
        )
    return found


async def take(stream, count: int) -> list[dict]:
    """The next frames, at least `count`."""
    found: list[dict] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            found += parse(await anext(stream))
    return found


async def test_snapshot_then_values_then_event_then_alarm(view):
    live = Broadcast(view)
    async with aclosing(live.stream(None)) as stream:
        (snapshot,) = await take(stream, 1)
        assert snapshot["event"] == "snapshot"
        assert snapshot["data"]["tags"]["R101.pH"]["value"] == 7.02
        waiting = asyncio.create_task(take(stream, 1))
        await asyncio.sleep(0.01)
        view.push(view.set("R101.pH", 7.5))
        (values,) = await waiting
        assert values["data"]["tags"] == {
            "R101.pH": {"t": values["data"]["now"], "value": 7.5, "quality": "good"}
        }
        view.raise_alarm(alarm(drift()))
        frames = await take(stream, 3)
        told = {each["event"]: each.get("id") for each in frames}
        assert told == {"event": "1", "alarms": None, "stores": None}


async def test_C_01_resuming_brings_every_event_missed_and_none_twice(view):
    for t in range(1200):
        view.log.append(drift(t=t))
    live = Broadcast(view)
    async with aclosing(live.stream(5)) as stream:
        frames = await take(stream, 1 + 1195)
        view.happen(drift(t=1200))
        frames += await take(stream, 1)
    numbers = [int(each["id"]) for each in frames if each["event"] == "event"]
    assert numbers == list(range(6, 1202))


async def test_C_01_a_slow_viewer_gets_the_newest_value_and_all_events(view):
    live = Broadcast(view)
    async with aclosing(live.stream(None)) as slow, aclosing(live.stream(None)) as quick:
        await take(slow, 1)
        await take(quick, 1)
        for i in range(300):
            view.push(view.set("R101.pH", i / 100))
            if i % 100 == 0:
                view.happen(drift(t=i))
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        frames = await take(slow, 4)
        assert [int(each["id"]) for each in frames if each["event"] == "event"] == [1, 2, 3]
        values = [each["data"]["tags"]["R101.pH"]["value"] for each in frames if each["event"] == "values"]
        assert values == [2.99]


async def test_C_02_viewers_share_the_same_bytes_and_one_reader(view):
    live = Broadcast(view)
    async with aclosing(live.stream(None)) as one, aclosing(live.stream(None)) as two:
        await take(one, 1)
        await take(two, 1)
        assert live.viewers == 2
        assert len(view.followers) == 1
        pending = asyncio.gather(anext(one), anext(two))
        await asyncio.sleep(0.01)
        view.push(view.set("R101.pH", 7.5))
        first, second = await pending
        assert first is second
    assert live.viewers == 0
    await asyncio.sleep(0)
    assert not view.followers


async def test_silence_is_broken_by_the_clock_and_a_missed_wake_up_is_made_good(view):
    live = Broadcast(view, patience_s=0.02)
    async with aclosing(live.stream(None)) as stream:
        kinds = [each["event"] for each in await take(stream, 2)]
        view.log.append(drift())  # nobody was told
        kinds += [each["event"] for each in await take(stream, 2)]
        assert kinds[:2] == ["snapshot", "clock"]
        assert "event" in kinds[2:]


async def test_C_03_streams_end_with_the_service(view):
    live = Broadcast(view)
    async with aclosing(live.stream(None)) as stream:
        await take(stream, 1)
        view.stop()
        async with asyncio.timeout(2):
            assert [frame async for frame in stream] == []
