"""The page of batches: what is told, what is opened and closed, and why something can not be opened."""

from dataclasses import dataclass, field, replace

import pytest
from browsing import headers_of, serve, tab
from playwright.async_api import expect
from scripted_view import HOUR, NOW, START, ScriptedView, people
from test_axe import AXE, findings

from twin.domain.batch import Batch, Stored
from twin.domain.errors import InputError
from twin.domain.people import Actor, Role
from twin.ports import Opened

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class ScriptedDesk:
    """Remembers what it is told; refuses one batch."""

    mine: Opened | None = None
    done: list[tuple[str, ...]] = field(default_factory=list)

    def batches(self) -> list[Stored]:
        now = Stored("R101", Batch("B-9", START), START, NOW, True, "growth@3")
        return [now, Stored("R101", Batch("B-8", START - 400 * HOUR), START - 400 * HOUR, START, False)]

    def opened(self, by: Actor) -> Opened | None:
        return self.mine and replace(self.mine, by=by.name)

    async def open(self, vessel: str, batch: str, by: Actor) -> Opened:
        self.done.append(("open", vessel, batch))
        raise InputError("2 playbacks are open already (by eric, erna).")

    async def close(self, key: str, by: Actor) -> None:
        self.done.append(("close", key))
        self.mine = None


@pytest.fixture
def view() -> ScriptedView:
    return ScriptedView(people=people(), playbacks=ScriptedDesk())


@pytest.mark.parametrize(
    ("language", "open_", "running", "opening"),
    [
        ("en", "Open as playback: R101 B-8", "runs", "open already"),
        ("fr", "Ouvrir en relecture: R101 B-8", "en cours", "open already"),
    ],
)
async def test_batches_are_told_and_why_one_is_not_opened(browser, view, language, open_, running, opening):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/batches?lang={language}")
        rows = page.locator(".batches-page tbody tr")
        await expect(rows.first).to_contain_text(running)
        await expect(rows.first).to_contain_text("growth@3")
        await page.get_by_role("button", name=open_).click()
        await expect(page.get_by_role("alert")).to_contain_text(opening)
        assert view.playbacks.done == [("open", "R101", "B-8")]


async def test_what_is_open_is_told_and_closed(browser, view):
    view.playbacks.mine = Opened("k1", "R101", "B-8", "")
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/batches?lang=en")
        link = page.get_by_role("link", name="Go there")
        await expect(link).to_have_attribute("href", "play/k1/#/unit/R101?range=batch&lang=en")
        await page.get_by_role("button", name="Close it").click()
        await expect(link).to_have_count(0)
        assert view.playbacks.done == [("close", "k1")]


async def test_operators_have_no_such_page(browser, view):
    headers = headers_of(view, Role.OPERATOR)
    async with serve(view) as port, tab(browser, extra_http_headers=headers) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/batches?lang=en")
        await expect(page.get_by_role("link", name="Line", exact=True)).to_have_count(1)
        await expect(page.get_by_role("link", name="Batches")).to_have_count(0)
        await expect(page.locator(".batches-page")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_has_no_serious_finding(browser, view, scheme):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make front")
    settings = {"color_scheme": scheme, "extra_http_headers": headers_of(view)}
    async with serve(view) as port, tab(browser, **settings) as page:
        assert await findings(page, port, "batches") == []
