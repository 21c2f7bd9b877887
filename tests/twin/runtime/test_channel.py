"""Channel: order kept, nothing dropped, writers held back, readers finish after close."""

import asyncio

from twin.runtime.channel import Channel


async def test_everything_put_before_close_is_read_in_order() -> None:
    channel: Channel[int] = Channel(4)
    read: list[int] = []

    async def write() -> None:
        for i in range(100):
            await channel.put(i)
        channel.close()

    async def drain() -> None:
        async for batch in channel.batches(7):
            assert 1 <= len(batch) <= 7
            read.extend(batch)

    await asyncio.wait_for(asyncio.gather(write(), drain()), 5)
    assert read == list(range(100))


async def test_a_full_channel_holds_its_writer_back() -> None:
    channel: Channel[int] = Channel(2)
    await channel.put(1)
    await channel.put(2)
    blocked = asyncio.create_task(channel.put(3))
    await asyncio.sleep(0.01)
    assert not blocked.done()
    assert len(channel) == 2
    batches = channel.batches(10)
    assert await anext(batches) == [1, 2]
    await asyncio.wait_for(blocked, 1)
    channel.close()
    assert [item async for batch in batches for item in batch] == [3]


async def test_a_batch_takes_no_more_once_it_weighs_enough() -> None:
    channel: Channel[str] = Channel(10)
    for item in ("a", "bb", "cccc", "d", "e"):
        await channel.put(item)
    channel.close()
    assert [batch async for batch in channel.batches(3, len)] == [["a", "bb"], ["cccc"], ["d", "e"]]


async def test_close_wakes_a_waiting_reader() -> None:
    channel: Channel[int] = Channel(2)

    async def drain() -> list[list[int]]:
        return [batch async for batch in channel.batches(5)]

    reading = asyncio.create_task(drain())
    await asyncio.sleep(0.01)
    channel.close()
    assert await asyncio.wait_for(reading, 1) == []
