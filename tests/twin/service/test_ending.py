"""The end of the service: a source that takes a cancellation for something else does not keep it alive."""

import asyncio

import pytest

from twin.service import app


async def test_a_task_that_swallowed_its_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "CANCEL_AGAIN_S", 0.01)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
        await asyncio.sleep(60)

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await app._ended(tasks)
    assert swallowed == 3
    assert all(task.done() for task in tasks)
