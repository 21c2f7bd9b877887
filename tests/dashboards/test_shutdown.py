"""The service stops while somebody looks: nothing is printed and nobody is cut off."""

import asyncio
import time

import httpx
import pytest
from scripted_view import ScriptedView

from dashboards.live import Broadcast
from twin.service.pages import open_pages
from twin.service.settings import Settings

SETTINGS = Settings(port=0)


async def watch(url: str, began: asyncio.Event) -> bool:
    """Follow the live stream; True when the server ended it as it should."""
    async with (
        httpx.AsyncClient(timeout=10, trust_env=False) as client,
        client.stream("GET", f"{url}api/v1/stream") as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("event: snapshot"):
                began.set()
    return True


async def test_C_03_open_streams_end_by_themselves_and_nothing_is_printed(capfd):
    began = [asyncio.Event() for _ in range(3)]
    async with open_pages(ScriptedView(), SETTINGS) as url:
        watchers = [asyncio.create_task(watch(url, each)) for each in began]
        async with asyncio.timeout(5):
            await asyncio.gather(*(each.wait() for each in began))
        asked = time.monotonic()
    took = time.monotonic() - asked
    assert await asyncio.gather(*watchers) == [True, True, True]
    assert took < 0.9, "the server had to lose its patience"
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


async def test_a_stream_asked_for_while_closing_ends_at_once():
    live = Broadcast(ScriptedView())
    live.close()
    assert [frame async for frame in live.stream(None)] == []
    assert live.viewers == 0


@pytest.mark.parametrize("before", [0, 2])
async def test_closing_twice_or_with_nobody_there_does_no_harm(before):
    live = Broadcast(ScriptedView())
    streams = [live.stream(None) for _ in range(before)]
    for each in streams:
        await anext(each)
    live.close()
    live.close()
    async with asyncio.timeout(1):
        for each in streams:
            assert [frame async for frame in each] == []
    assert live.viewers == 0
