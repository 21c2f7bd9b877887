"""What is to come, as the pages show it."""

from dataclasses import replace

import pytest
from browsing import pictured, serve, tab
from playwright.async_api import expect
from scripted_view import HOUR, ScriptedView, alarm, drift, forecast

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture
def view() -> ScriptedView:
    view = ScriptedView()
    view.ahead = [forecast()]
    view.raise_alarm(alarm(drift()))
    return view


async def test_the_card_of_a_unit_says_when_a_limit_is_left(browser, view):
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        card = page.locator("article.vessel", has=page.locator("h2", has_text="R101"))
        await expect(card.locator(".to-limit")).to_contain_text("pH leaves 6.90–7.20 in", timeout=8000)
        await expect(card).to_contain_text("product 2.9 (2.6–3.3) g/L")
        other = page.locator("article.vessel", has=page.locator("h2", has_text="R102"))
        await expect(other.locator(".to-limit")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "harvest"),
    [
        ("en", "harvest 5 Dec 23:12 (between 5 Dec 14:12 and 5 Dec 23:12)"),
        ("fr", "récolte 5 déc. 23:12 (entre 5 déc. 14:12 et 5 déc. 23:12)"),
    ],
)
@pytest.mark.parametrize("place", ["", "unit/R101"])
async def test_the_time_of_the_harvest_is_told_from_the_earliest_to_the_latest(
    browser, view, place, language, harvest
):
    """A plan is kept or ends sooner: nothing says that it could be later."""
    async with serve(view) as port, tab(browser, timezone_id="UTC") as page:
        await page.goto(f"http://127.0.0.1:{port}/#/{place}?lang={language}")
        told = page.locator("[data-ahead='harvest']").first
        await expect(told).to_have_text(harvest, timeout=8000)
        await pictured(page, f"harvest-{place.replace('/', '-')}-{language}")


async def test_a_harvest_that_is_sure_within_an_hour_has_one_time(browser, view):
    end = view.ahead[0].harvest
    view.ahead = [replace(view.ahead[0], harvest=replace(end, early_ns=end.at_ns - HOUR // 2))]
    async with serve(view) as port, tab(browser, timezone_id="UTC") as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        await expect(page.locator("[data-ahead='harvest']")).to_have_text("harvest 5 Dec 23:12", timeout=8000)


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "True pH leaves 6.90–7.20 at about"), ("fr", "Le vrai pH quitte 6,90–7,20 vers")],
)
async def test_the_card_of_a_fault_says_what_follows_when_nothing_is_done(browser, view, language, text):
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang={language}")
        await expect(page.locator("article.card")).to_contain_text(text, timeout=8000)


async def test_the_card_of_a_fault_speaks_of_its_own_limits_only(browser, view):
    """That another quantity leaves its limits is not what follows from a probe that drifts."""
    (exit_,) = view.ahead[0].exits
    view.ahead = [replace(view.ahead[0], exits=(replace(exit_, tag="R101.conductivity"),))]
    async with serve(view) as port, tab(browser) as page:
        async with page.expect_response(lambda r: r.url.endswith("/api/v1/forecasts")):
            await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        await expect(page.locator("article.card")).to_contain_text("off by", timeout=8000)
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.locator(".to-limit")).to_contain_text("Conductivity leaves", timeout=8000)
        await page.go_back()
        await expect(page.locator("article.card")).to_contain_text("Acknowledge")
        await expect(page.locator("article.card")).not_to_contain_text("Conductivity leaves")


async def test_the_trend_goes_on_beyond_now_with_its_band(browser, view):
    async with serve(view) as port, tab(browser) as page:
        async with page.expect_response(lambda r: "/api/v1/forecast?" in r.url):
            await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        await expect(page.locator(".legend").first).to_contain_text("forecast, with 90 % band")
        await expect(page.locator("[data-trend='R101.pH'] canvas")).to_be_visible()


async def test_a_forecast_that_is_old_is_not_shown(browser, view):
    view.ahead = [forecast(made_ns=view.clock.time_ns - 2 * HOUR)]
    async with serve(view) as port, tab(browser) as page:
        async with page.expect_response(lambda r: r.url.endswith("/api/v1/forecasts")):
            await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.locator("article.vessel").first).to_contain_text("7.02", timeout=8000)
        await expect(page.locator(".to-limit")).to_have_count(0)
