"""The time bar of a replay: banner, playhead, speed, what was known when; nothing to acknowledge."""

import asyncio
import json
from dataclasses import dataclass, field, replace

import pytest
from browsing import headers_of, pictured, serve, tab
from playwright.async_api import expect
from scripted_view import HOUR, NOW, START, ScriptedView, alarm, drift, line, people

from twin.domain.asset import Origin
from twin.domain.event import ModelRef
from twin.domain.playback import Mark, PlayState

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class ScriptedPlayback:
    """A playhead that does at once what it is told, and remembers it."""

    view: "ScriptedView"
    speed: float | None = 1.0
    playing: bool = False
    epoch: int = 0
    hindsight: bool = False
    filled: bool = False
    done: list[tuple[object, ...]] = field(default_factory=list)

    def state(self) -> PlayState:
        end_ns, now_ns = START + 336 * HOUR, self.view.clock.time_ns
        models = (("R101", ModelRef("cho_fedbatch", "1", "0123456789ab")),)
        marks = (Mark(NOW, "event", "R101.pH/drift/1"), Mark(START + 24 * HOUR, "sample", "R101.VCD"))
        moving = (self.speed, self.playing, self.epoch, self.hindsight)
        line = "ba5eba11" * 8
        return PlayState(
            "B-7.parquet", START, end_ns, end_ns, now_ns, *moving, models, line, marks, filled=self.filled
        )

    def seek(self, time_ns: int) -> None:
        self.view.clock.time_ns = time_ns
        self.epoch += 1
        self.done.append(("seek", time_ns))
        self.view.standing.clear()
        if time_ns >= NOW:
            self.view.raise_alarm(alarm(drift()))

    def step(self, seconds: float) -> None:
        self.playing = False
        self.seek(self.view.clock.time_ns + round(seconds * 1e9))

    def play(self, speed: float | None) -> None:
        self.speed, self.playing = speed, True
        self.done.append(("play", speed))

    def pause(self) -> None:
        self.playing = False
        self.done.append(("pause",))

    def look_back(self, hindsight: bool) -> None:
        self.hindsight = hindsight
        self.epoch += 1
        self.done.append(("hindsight", hindsight))


@pytest.fixture
def view() -> ScriptedView:
    view = ScriptedView(line=replace(line(), origin=Origin.REPLAY), people=people())
    view.playback = ScriptedPlayback(view)
    view.clock.time_ns = NOW - 24 * HOUR
    return view


@pytest.mark.parametrize(
    ("language", "banner", "play", "known"),
    [
        ("en", "B-7.parquet · stands still", "Play", "As known now"),
        ("fr", "B-7.parquet · à l'arrêt", "Lire", "Tel que connu maintenant"),
    ],
)
async def test_the_bar_plays_and_says_what_is_shown(browser, view, language, banner, play, known):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang={language}")
        await expect(page.locator(".banner.replay")).to_contain_text(banner)
        bar = page.locator(".playbar")
        await expect(bar).to_contain_text("cho_fedbatch 1 0123456789ab")
        await expect(bar).to_contain_text("ba5eba11ba5e")
        await expect(bar.locator(".track i.event")).to_have_count(1)
        await bar.locator("select").select_option("60")
        await expect(page.locator(".banner.replay")).to_contain_text("60")
        assert ("play", 60.0) in view.playback.done
        await bar.get_by_role("button", name=known).click()
        await expect(bar.get_by_role("button", name=known)).to_have_attribute("aria-pressed", "true")
        assert ("hindsight", True) in view.playback.done


@pytest.mark.parametrize(
    ("language", "banner", "play"),
    [("en", "B-7.parquet · at its end", "Play"), ("fr", "B-7.parquet · à la fin", "Lire")],
)
async def test_at_the_end_the_banner_says_so_and_nothing_can_be_played(browser, view, language, banner, play):
    view.clock.time_ns = START + 336 * HOUR
    view.playback.speed = None
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang={language}")
        await expect(page.locator(".banner.replay")).to_contain_text(banner)
        button = page.locator(".playbar").get_by_role("button", name=play, exact=True)
        await expect(button).to_be_disabled()
        await pictured(page, f"at-the-end-{language}")
        await page.locator(".playbar").get_by_role("button", name="60 min").first.click()
        await expect(page.locator(".banner.replay")).not_to_contain_text(banner)
        await expect(button).to_be_enabled()


async def test_a_jump_shows_what_stood_then_and_nothing_can_be_acknowledged(browser, view):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        head = page.locator(".playbar input[type=range]")
        await expect(page.locator("article.card")).to_have_count(0)

        async def jump(time_ns: int) -> None:
            await head.evaluate(
                "(e, t) => { e.value = t; e.dispatchEvent(new Event('change', { bubbles: true })); }",
                time_ns // 1_000_000,
            )

        await jump(NOW + HOUR)
        await expect(page.locator("article.card")).to_contain_text("pH")
        await expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
        assert view.playback.done[-1] == ("seek", NOW + HOUR)
        await jump(NOW - HOUR)
        await expect(page.locator("article.card")).to_have_count(0)
        await page.get_by_role("button", name="+60 min", exact=True).click()
        await expect(page.locator("article.card")).to_have_count(1)
        assert json.dumps(view.playback.done[-1]) == json.dumps(["seek", NOW])


async def test_an_answer_from_before_a_jump_does_not_take_the_place_of_a_later_one(browser, view):
    first, last = (START - 2 * HOUR) // 1_000_000, (NOW + HOUR) // 1_000_000
    view.clock.time_ns = START - HOUR
    gate, held, passed = asyncio.Event(), [], []

    async def trend(route) -> None:
        answer = await route.fetch()
        if view.playback.done:
            passed.append(answer)
        else:
            held.append(answer)
            await gate.wait()
        await route.fulfill(response=answer)

    async def until(reached) -> None:
        async with asyncio.timeout(20):
            while not reached():  # noqa: ASYNC110 - it happens in the browser
                await asyncio.sleep(0.05)

    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.route("**/trend?*", trend)
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en&from={first}&to={last}")
        await until(lambda: len(held) >= 5)
        head = page.locator(".playbar input[type=range]")
        await head.evaluate(
            "(e, t) => { e.value = t; e.dispatchEvent(new Event('change', { bubbles: true })); }",
            NOW // 1_000_000,
        )
        await until(lambda: len(passed) >= len(held))
        gate.set()
        await asyncio.sleep(1)
        await expect(page.locator(".trends")).to_contain_text("pH")
        await expect(page.locator(".trends")).not_to_contain_text("Nothing is stored", timeout=100)


async def test_a_live_line_has_no_bar(browser):
    async with serve(ScriptedView()) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        await expect(page.locator(".unit-page h2").first).to_contain_text("R101")
        await expect(page.locator(".playbar")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "the bar is the time of measurement"), ("fr", "la barre suit l'heure de mesure")],
)
async def test_a_run_that_came_afterwards_is_said_to_be_one(browser, view, language, words):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/?lang={language}#/unit/R101?lang={language}")
        bar = page.locator(".playbar")
        await expect(bar).to_be_visible()
        await expect(bar.locator(".filled")).to_have_count(0)
        view.playback.filled = True
        await expect(bar.locator(".filled")).to_contain_text(words)
        await pictured(page, f"filled-{language}")
