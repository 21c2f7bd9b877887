"""The page of batches: what is told, what is opened and closed, and why something can not be opened."""

from dataclasses import dataclass, field, replace

import httpx
import pytest
from browsing import headers_of, pictured, serve, tab
from playwright.async_api import expect
from scripted_view import HOUR, NOW, START, ScriptedView, line, people
from test_axe import AXE, findings
from test_playbar import ScriptedPlayback

from twin.domain.asset import Origin
from twin.domain.batch import Batch, Stored
from twin.domain.errors import InputError, NotFoundError
from twin.domain.people import Actor, Role
from twin.ports import Closed, Ending, Opened, Passed

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class ScriptedDesk:
    """Remembers what it is told; refuses one batch."""

    mine: Opened | None = None
    done: list[tuple[str, ...]] = field(default_factory=list)

    def batches(self) -> list[Stored]:
        now = Stored("R101", Batch("B-9", START), START, NOW, None, process_model="growth@3")
        before = START - 300 * HOUR
        return [now, Stored("R101", Batch("B-8", before), before, START, START, True)]

    def opened(self, by: Actor) -> Opened | None:
        return self.mine and replace(self.mine, by=by.name)

    async def open(self, vessel: str, batch: str, by: Actor, instead: str = "") -> Opened:
        self.done.append(("open", vessel, batch, instead))
        raise InputError("2 playbacks are open already (by eric, erna).")

    async def close(self, key: str, by: Actor) -> None:
        self.done.append(("close", key))
        self.mine = None

    def closed(self, key: str, by: Actor) -> Closed | None:
        if self.mine is not None:
            return None
        return Closed(Opened(key, "R101", "B-8", by.name), Ending.REPLACED, ("R102", "B-9"))


@dataclass
class PassingDesk(ScriptedDesk):
    """Passes on to the pages of a replay that are served elsewhere."""

    port: int = 0
    client: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    async def ask(self, key, by, method, path, headers, body) -> Passed:
        if self.mine is None:
            raise NotFoundError("The playback of R101 · B-8 was closed.")
        where = f"http://127.0.0.1:{self.port}{path}"
        request = self.client.build_request(method, where, headers=headers, content=body)
        answer = await self.client.send(request, stream=True)
        dropped = {"connection", "transfer-encoding"}
        kept = {name: value for name, value in answer.headers.items() if name not in dropped}
        return Passed(answer.status_code, kept, answer.aiter_raw())


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
        assert view.playbacks.done == [("open", "R101", "B-8", "")]


async def test_what_is_open_is_told_and_closed(browser, view):
    view.playbacks.mine = Opened("k1", "R101", "B-8", "")
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/batches?lang=en")
        link = page.get_by_role("link", name="Go there")
        await expect(link).to_have_attribute("href", "play/k1/#/unit/R101?range=batch&lang=en")
        await page.get_by_role("button", name="Close it").click()
        await expect(link).to_have_count(0)
        assert view.playbacks.done == [("close", "k1")]


@pytest.mark.parametrize(
    ("language", "open_", "says", "go", "keep"),
    [
        (
            "en",
            "Open as playback: R101 B-8",
            "each engineer has one playback. Opening R101 · B-8 closes it.",
            "Close R101 · B-9, open R101 · B-8",
            "Keep what is open",
        ),
        (
            "fr",
            "Ouvrir en relecture: R101 B-8",
            "une seule relecture. Ouvrir R101 · B-8 la ferme.",
            "Fermer R101 · B-9, ouvrir R101 · B-8",
            "Garder celle qui est ouverte",
        ),
    ],
)
async def test_nothing_that_is_open_is_closed_unasked(browser, view, language, open_, says, go, keep):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/batches?lang={language}")
        view.playbacks.mine = Opened("k9", "R101", "B-9", "")  # opened in another window meanwhile
        await page.get_by_role("button", name=open_).click()
        await expect(page.get_by_role("alert")).to_contain_text(says)
        await pictured(page, f"instead-{language}")
        await page.get_by_role("button", name=keep).click()
        await expect(page.get_by_role("alert")).to_have_count(0)
        assert view.playbacks.done == []
        await page.get_by_role("button", name=open_).click()
        await page.get_by_role("button", name=go).click()
        await expect(page.get_by_role("alert")).to_contain_text("open already")
        assert view.playbacks.done == [("open", "R101", "B-8", "k9")]


@pytest.mark.parametrize(
    ("language", "says", "link"),
    [
        ("en", "was closed because you opened R102 · B-9 in its place", "To the list of batches"),
        ("fr", "a été fermée parce que vous avez ouvert R102 · B-9 à sa place", "Vers la liste des lots"),
    ],
)
async def test_the_pages_of_a_playback_that_was_closed_say_so(browser, view, language, says, link):
    replay = ScriptedView(line=replace(line(), origin=Origin.REPLAY), people=view.people)
    replay.playback = ScriptedPlayback(replay)
    desk = view.playbacks = PassingDesk(mine=Opened("k1", "R101", "B-8", ""))
    headers = headers_of(view)
    async with (
        serve(replay) as desk.port,
        serve(view) as port,
        desk.client,
        tab(browser, extra_http_headers=headers) as page,
    ):
        await page.goto(f"http://127.0.0.1:{port}/play/k1/#/unit/R101?lang={language}")
        await expect(page.locator(".playbar")).to_have_count(1)
        await expect(page.get_by_role("alert")).to_have_count(0)
        desk.mine = None
        await expect(page.get_by_role("alert")).to_contain_text(says, timeout=10_000)
        await expect(page.locator(".playbar")).to_have_count(0)
        await page.wait_for_timeout(6000)
        await expect(page.get_by_role("alert")).to_have_count(1)  # contact is not lost beside it
        await pictured(page, f"over-{language}")
        await page.get_by_role("link", name=link).click()
        await expect(page.locator(".batches-page")).to_have_count(1)
        await expect(page.locator(".banner.replay")).to_have_count(0)
        await page.goto(f"http://127.0.0.1:{port}/play/k1/")  # from a bookmark, which has no language
        why = page.locator(".batches-page [role=status]")
        await expect(why).to_contain_text("was closed because you opened R102 · B-9")


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


@pytest.mark.parametrize(
    ("language", "open_", "ago", "why", "say", "said"),
    [
        ("en", "Batch has ended …", "Minutes ago", "Reason", "Say that it has ended", "its report follows"),
        ("fr", "Le lot est terminé…", "Il y a (minutes)", "Motif", "Déclarer la fin", "son rapport suit"),
    ],
)
async def test_an_operator_says_that_a_batch_has_ended(browser, view, language, open_, ago, why, say, said):
    headers = headers_of(view, Role.OPERATOR)
    async with serve(view) as port, tab(browser, extra_http_headers=headers) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang={language}")
        await page.get_by_role("button", name=open_).click()
        form = page.locator(".end-batch form")
        await form.get_by_label(ago).fill("30")
        await form.get_by_label(why).fill("viability below 60 %")
        await pictured(page, f"end-batch-{language}")
        await form.get_by_role("button", name=say).click()
        await expect(page.get_by_role("status").filter(has_text=said)).to_have_count(1)
        ((asset, at_ns, who, reason),) = view.ended
        assert (asset, who, reason) == ("R101", "operator-machine", "viability below 60 %")
        assert abs(at_ns - (NOW - HOUR // 2)) < HOUR // 30
        over, left = {"en": ("ended ", " left"), "fr": ("terminé ", "reste ")}[language]
        for where in ("unit/R101", ""):
            await page.goto(f"http://127.0.0.1:{port}/#/{where}?lang={language}")
            await page.reload()
            batch = page.locator(".batch").first
            await expect(batch).to_contain_text(over)
            await expect(batch).not_to_contain_text(left)
            await expect(page.locator(".health")).to_have_count(0 if where else 1)  # the other unit's
            await expect(page.get_by_role("button", name=open_)).to_have_count(0)
        await pictured(page, f"ended-{language}")


async def test_why_it_can_not_have_ended_is_said_and_viewers_are_not_asked(browser, view):
    headers = headers_of(view, Role.OPERATOR)
    async with serve(view) as port, tab(browser, extra_http_headers=headers) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R102?lang=en")
        await page.get_by_role("button", name="Batch has ended").click()
        await page.locator(".end-batch form").get_by_label("Reason").fill("x")
        await page.get_by_role("button", name="Say that it has ended").click()
        await expect(page.locator(".end-batch [role=alert]")).to_contain_text("No batch runs on R102")
    headers = headers_of(view, Role.VIEWER)
    async with serve(view) as port, tab(browser, extra_http_headers=headers) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        await expect(page.locator(".unit-page h2").first).to_contain_text("R101")
        await expect(page.locator(".end-batch")).to_have_count(0)
