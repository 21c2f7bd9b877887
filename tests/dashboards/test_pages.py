"""The pages as a person sees them: headless Chromium against the interface over a scripted view."""

import re
from dataclasses import replace

import pytest
from browsing import headers_of, serve, tab
from playwright.async_api import expect
from scripted_view import SECOND, ScriptedView, aeration, alarm, drift, line, people

from twin.domain.alarm import AlarmState, Move, Priority
from twin.domain.asset import Origin
from twin.domain.event import Stage
from twin.domain.measurement import Estimate, Quality
from twin.domain.people import Actor, Person, Role

ROOT = Actor("root", Role.ADMINISTRATOR, "test")
pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture
def view() -> ScriptedView:
    return ScriptedView()


async def test_HMI_04_a_value_changes_under_the_eye(browser, view):
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/")
        shown = page.locator("[data-tag='R101.pH'] .figure").first
        await expect(shown).to_have_text("7.02")
        view.push(view.set("R101.pH", 7.314))
        await expect(shown).to_have_text("7.31", timeout=5000)


async def test_HMI_01_an_alarm_appears_is_followed_and_acknowledged(browser, view):
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.locator(".alarms")).to_contain_text("No alarm stands")
        view.raise_alarm(alarm(drift(), Priority.HIGH))
        row = page.locator(".alarms li")
        await expect(row).to_contain_text("pH probe is drifting", timeout=5000)
        await expect(page.locator("[aria-live='assertive']")).to_contain_text("New alarm, high")
        await row.locator("a").click()
        card = page.locator("article.card")
        await expect(card).to_contain_text("sensor, 97%")
        await expect(card).to_contain_text("+0.080")
        await expect(card).to_contain_text("Culture makes more acid 2%")
        await expect(card).to_be_focused()
        await card.get_by_role("button", name="Acknowledge").click()
        await expect(card).to_contain_text("acknowledged (operator")
        assert next(iter(view.standing.values())).state == AlarmState.ACKED


async def test_an_alarm_that_ends_leaves_the_list_and_stays_in_the_strip(browser, view):
    async with serve(view) as port, tab(browser) as page:
        view.raise_alarm(alarm(drift()))
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.locator(".strip .span.high")).to_have_count(1)
        view.standing.clear()
        over = drift(t=view.clock.time_ns + SECOND, stage=Stage.CLOSED)
        view.log.append(over)
        ended = alarm(over, state=AlarmState.NORMAL)
        view.publish_end(ended, len(view.log))
        await expect(page.locator(".alarms li")).to_have_count(0, timeout=5000)
        await expect(page.locator(".strip .span.past")).to_have_count(1)


async def test_french_by_one_switch_kept_in_the_address(browser, view):
    view.raise_alarm(alarm(aeration()))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R102?range=8h")
        await page.get_by_role("button", name="FR", exact=True).click()
        await expect(page.locator("html")).to_have_attribute("lang", "fr")
        await expect(page.locator("article.card")).to_contain_text("Le transfert d'oxygène est perdu")
        await expect(page.locator("[data-tag='R102.pH'] .figure").first).to_have_text("7,02")
        assert "lang=fr" in page.url
        assert "range=8h" in page.url
        await page.reload()
        await expect(page.get_by_role("button", name="Acquitter")).to_be_visible()


async def test_HMI_05_old_bad_uncertain_and_missing_differ_from_zero_and_from_each_other(browser, view):
    view.set("R101.pH", 7.0, age_s=900)
    view.set("R101.pO2", None, Quality.BAD)
    view.set("R101.pCO2", 61.0, Quality.UNCERTAIN)
    view.set("R101.conductivity", 0.0)
    del view.values["R102.pH"]
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        for tag, text in (
            ("R101.pH", r"^7\.00\s*1[56]\smin$"),
            ("R101.pO2", r"^--\s*bad$"),
            ("R101.pCO2", r"^61\s*\?\s*mmHg$"),
            ("R101.conductivity", r"^0\.0\s*mS/cm$"),
            ("R102.pH", r"^--\s*no value yet$"),
        ):
            await expect(page.locator(f"[data-tag='{tag}']")).to_have_text(re.compile(text))
        struck = page.locator("[data-tag='R101.pO2'] .figure")
        await expect(struck).to_have_css("text-decoration-line", "line-through")


async def test_a_value_grows_old_by_the_clock_of_the_line(browser, view):
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/")
        shown = page.locator("[data-tag='R101.pO2']").first
        await expect(shown).to_have_class("value good")
        view.clock.time_ns += 600 * SECOND
        view.push(view.set("R101.pH", 7.0))
        await expect(shown).to_have_class("value stale", timeout=5000)
        await expect(page.locator("[data-tag='R101.pH']").first).to_have_class("value good")


async def test_a_unit_that_says_nothing_is_not_called_well(browser, view):
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R102?lang=en")
        card = page.locator(".unit-page .cards > p")
        await expect(card).to_have_text("Nothing is wrong here.")
        view.clock.time_ns += 600 * SECOND
        view.push(view.set("R101.pH", 7.0))
        await expect(card).to_have_text("Nothing can be said of this unit: no value comes.")


@pytest.mark.parametrize(
    ("origin", "text"),
    [(Origin.SIMULATED, "Simulated data"), (Origin.REPLAY, "Replay"), (Origin.PLANT, None)],
)
async def test_HMI_07_the_banner_names_where_data_come_from_on_every_page(browser, origin, text):
    view = ScriptedView(line=line(origin))
    async with serve(view) as port, tab(browser) as page:
        for where in ("", "unit/R101", "tag/R101.pH", "diagnostics"):
            await page.goto(f"http://127.0.0.1:{port}/#/{where}?lang=en")
            await expect(page.locator("main .panel").first).to_be_visible()
            if text is None:
                await expect(page.locator(".banner")).to_have_count(0)
            else:
                await expect(page.locator(".banner")).to_contain_text(text)


async def test_HMI_05_the_page_says_itself_that_the_service_is_gone_and_recovers(browser, view):
    async with tab(browser) as page:
        async with serve(view) as port:
            await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
            await expect(page.locator("[data-tag='R101.pH'] .figure")).to_have_text("7.02")
        await expect(page.get_by_role("alert")).to_contain_text("No contact", timeout=5000)
        view.set("R101.pH", 6.5)
        view.raise_alarm(alarm(drift()))
        async with serve(view, port):
            await expect(page.locator("[data-tag='R101.pH'] .figure")).to_have_text("6.50", timeout=8000)
            await expect(page.locator(".alarms li")).to_have_count(1)
            await expect(page.get_by_role("alert")).to_have_count(0)


async def test_HMI_03_trends_and_beliefs_are_drawn(browser, view):
    view.beliefs["R101.est_kLa"] = Estimate("R101.est_kLa", view.clock.time_ns, 8.42, 0.3, "1/h")
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en&range=24h")
        await expect(page.locator("figure.trend canvas")).to_have_count(5)
        await expect(page.locator("figure.trend .over")).to_have_count(0)
        await expect(page.locator("[data-belief='R101.est_kLa']")).to_contain_text("8.4 ± 0.6 h⁻¹")
        await page.wait_for_function(INKED)
        await page.get_by_role("button", name="Batch", exact=True).click()
        await expect(page.get_by_role("button", name="Batch", exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
        await page.locator(".plot").first.press("ArrowLeft")
        assert "from=" in page.url
        await page.get_by_role("button", name="Back to now").click()
        assert "from=" not in page.url


INKED = """() => {
  const canvas = document.querySelector("figure[data-trend='R101.pH'] canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const blue = [];
  for (let i = 0; i < data.length; i += 4) if (data[i + 2] > data[i] + 60 && data[i + 3] > 200) blue.push(i);
  return blue.length > 300;
}"""


async def test_diagnostics_show_a_sum_that_closes_and_a_link_that_is_down(browser, view):
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/diagnostics?lang=en")
        await expect(page.locator(".sum")).to_contain_text("1,000")
        await expect(page.locator("main")).to_contain_text("The sum closes")
        await expect(page.locator("tr.down")).to_contain_text("is the broker running?")


@pytest.mark.parametrize("width", [390, 1440, 2560])
async def test_nothing_is_wider_than_the_screen(browser, view, width):
    view.raise_alarm(alarm(drift()))
    moved = Move(
        view.clock.time_ns - 1, "R101.pH/drift", AlarmState.ACKED, AlarmState.SHELVED, Priority.HIGH, True
    )
    view.moves.append(replace(moved, by="anne", why="sonde à vérifier"))
    async with serve(view) as port, tab(browser, viewport={"width": width, "height": 900}) as page:
        for where in ("", "unit/R101", "tag/R101.VCD", "diagnostics", "alarms", "subscriptions", "models"):
            await page.goto(f"http://127.0.0.1:{port}/#/{where}?lang=fr")
            await expect(page.locator("main .panel").first).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, where


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_on_a_phone_an_administrator_reaches_every_button_and_reads_every_cell(browser, language):
    view = ScriptedView(people=people())
    for name, full in (("anne", "Anne Laurent-Delacroix"), ("bob", "Bob")):
        view.people.invite(Person(name, full, Role.OPERATOR), ROOT)
    view.people.admit("grafana-of-the-site", Role.VIEWER, 365.0, ROOT)
    headers = headers_of(view, Role.ADMINISTRATOR)
    phone = {"viewport": {"width": 390, "height": 844}, "extra_http_headers": headers}
    async with serve(view) as port, tab(browser, **phone) as page:
        for where in ("people", "trail"):
            await page.goto(f"http://127.0.0.1:{port}/#/{where}?lang={language}")
            await expect(page.locator("main tr").nth(2)).to_be_visible()
            assert await page.evaluate(CUT) == [], where


CUT = """() => [...document.querySelectorAll("main button, main select, main td, main th")]
  .filter((it) => it.offsetParent)
  .filter((it) => it.getBoundingClientRect().right > innerWidth || it.scrollWidth > it.clientWidth + 1)
  .map((it) => it.outerHTML.slice(0, 100))"""
"""What of a table is not wholly on the screen."""


async def test_who_is_not_signed_in_sees_no_clock_and_no_way_to_pages_that_are_closed(browser):
    async with serve(ScriptedView(people=people())) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await expect(page.locator(".top nav, .clock")).to_have_count(0)


async def test_quiet_hours_are_typed_as_24_hours_whatever_the_language_of_the_browser(browser, view):
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/subscriptions?lang=en")
        start = page.get_by_label("Quiet from")
        await start.fill("10:00 pm"[:5])
        assert await start.evaluate("each => each.checkValidity()")
        await start.fill("24:00")
        assert not await start.evaluate("each => each.checkValidity()")


async def test_HMI_06_keys_alone_reach_and_acknowledge(browser, view):
    view.raise_alarm(alarm(drift()))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en&alarm=R101.pH/drift")
        await expect(page.locator("article.card")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Acknowledge")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("article.card")).to_contain_text("acknowledged (operator")


async def test_S_06_hostile_names_stay_text(browser):
    view = ScriptedView(texts={"en": {"cause.ph_drift.name": "<img src=x onerror=document.title='broken'>"}})
    view.raise_alarm(alarm(drift()))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.locator(".alarms li")).to_contain_text("<img src=x")
        assert await page.title() == "Bioline Twin"
