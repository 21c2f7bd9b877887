"""Pages served over a scripted view, and tabs of a browser to look at them."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from playwright.async_api import Browser, Page
from scripted_view import ScriptedView

from dashboards.app import create_app
from twin.domain.people import Actor, Role
from twin.ports import View


class Quiet(uvicorn.Server):
    """Leaves signals to pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serve(view: View, port: int = 0, **settings: Any) -> AsyncIterator[int]:
    """The interface on a free port of loopback, in this loop."""
    with socket.create_server(("127.0.0.1", port)) as sock:
        config = uvicorn.Config(
            create_app(view, **settings), log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        server = Quiet(config)
        task = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield sock.getsockname()[1]
        finally:
            if isinstance(view, ScriptedView):
                view.stop()
            server.should_exit = True
            await task


def headers_of(view: ScriptedView, role: Role = Role.ENGINEER) -> dict[str, str]:
    """What a program of that role sends along, also as a browser."""
    token = view.people.admit(
        f"{role}-machine", role, 1.0, Actor("root", Role.ADMINISTRATOR, "test"), renew=True
    )
    return {"authorization": f"Bearer {token}"}


@contextlib.asynccontextmanager
async def tab(browser: Browser, **settings: object) -> AsyncIterator[Page]:
    """A tab that fails the test on any error of the page's own."""
    errors: list[str] = []
    async with await browser.new_context(locale="en-GB", reduced_motion="reduce", **settings) as context:  # type: ignore[arg-type]
        page = await context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda note: errors.append(note.text) if "Content Security" in note.text else None)
        yield page
    assert errors == []


@contextlib.asynccontextmanager
async def stopped(browser: Browser) -> AsyncIterator[None]:
    """All tabs of `browser` stand still (SIGSTOP) while its network goes on, as when a computer dozes.

    The page's own freeze (Page.setWebLifecycleState) does nothing under Playwright, which holds every
    page focused (daintreehq/daintree issue 11846).
    """
    session = await browser.new_browser_cdp_session()
    processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
    tabs = [each["id"] for each in processes if each["type"] == "renderer"]
    for pid in tabs:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in tabs:
            os.kill(pid, signal.SIGCONT)


async def pictured(page: Page, name: str) -> None:
    """A screenshot for whoever wants to look at it: BIOLINE_PICTURES names a folder."""
    if folder := os.environ.get("BIOLINE_PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)
