"""A page that slept for hours, or was frozen by the browser, tells no old value as a new one."""

import asyncio

import pytest
from browsing import serve, stopped, tab
from playwright.async_api import expect
from scripted_view import HOUR, SECOND, ScriptedView, aeration, alarm, drift, lost

from twin.domain.alarm import AlarmState, Priority
from twin.domain.event import Stage
from twin.domain.measurement import Estimate

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]

WATCH = """() => {
  window.seen = [];
  const look = () => {
    const value = document.querySelector("[data-tag='R101.pH']");
    const lost = document.querySelector(".app").classList.contains("lost");
    const said = `${value.querySelector(".figure").textContent} ${lost ? "lost" : value.classList[1]}`;
    if (window.seen.at(-1) !== said) window.seen.push(said);
  };
  const all = {subtree: true, childList: true, characterData: true, attributes: true};
  new MutationObserver(look).observe(document.body, all);
}"""
"""Write down every face that the pH value has shown since."""

LID = """let slept = 0;
const real = Date.now.bind(Date);
Date.now = () => real() + slept;
window.sleep = (ms) => { slept += ms; };"""
"""A machine whose steady clock stands while it sleeps, as on Linux and macOS; the wall clock goes on."""

TEXTS = {
    "en": ("No contact with the service for 8 h", "All values are from before", "pH probe is drifting"),
    "fr": ("Aucun contact avec le service depuis 8 h", "Toutes les valeurs sont antérieures", "pH dérive"),
}


def eight_hours_later(view: ScriptedView) -> None:
    """What went on meanwhile: one alarm came and stands, one came and went unseen, one ended."""
    start = view.clock.time_ns
    view.clock.time_ns += 8 * HOUR
    view.set("R101.pH", 6.5)
    view.raise_alarm(alarm(drift(t=start + HOUR), Priority.HIGH))
    passed = lost("pO2", -3600)
    view.log += [passed, lost("pO2", -7200, stage=Stage.CLOSED)]
    view.standing["R101.pO2/signal_lost"] = alarm(passed, Priority.MEDIUM, AlarmState.RTN_UNACK)
    ended = next(each for each in view.standing.values() if each.event.asset == "R102")
    del view.standing[ended.id]


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_C_04_a_lid_closed_for_eight_hours_while_the_service_restarted(browser, language, tmp_path):
    view = ScriptedView()
    view.raise_alarm(alarm(aeration(), Priority.MEDIUM))
    gone, before, probe = TEXTS[language]
    async with tab(browser, viewport={"width": 1280, "height": 800}) as page:
        await page.add_init_script(LID)
        async with serve(view) as port:
            await page.goto(f"http://127.0.0.1:{port}/#/?lang={language}")
            value = page.locator("[data-tag='R101.pH'] .figure")
            await expect(value).to_have_text("7.02" if language == "en" else "7,02")
        await page.evaluate("window.sleep(8 * 3600_000)")
        await expect(page.get_by_role("alert")).to_contain_text(gone)
        await expect(page.get_by_role("alert")).to_contain_text(before)
        old = page.locator("[data-tag='R101.pH']")
        await expect(old).to_have_class("value stale")
        await expect(old.locator(".doubt")).to_contain_text("8\u202fh")
        await page.screenshot(path=tmp_path / f"asleep-{language}.png")
        eight_hours_later(view)
        async with serve(view, port):
            await expect(value).to_have_text("6.50" if language == "en" else "6,50", timeout=10_000)
            await expect(old).to_have_class("value good")
            await expect(page.get_by_role("alert")).to_have_count(0)
            await expect(page.locator(".alarms li")).to_have_count(2)
            await expect(page.locator(".alarms")).to_contain_text(probe)
            await expect(page.locator(".strip .span")).to_have_count(3)
            await page.screenshot(path=tmp_path / f"awake-{language}.png")


async def test_C_04_what_piled_up_while_a_page_stood_still_is_never_shown_as_of_now(browser):
    view = ScriptedView()
    view.raise_alarm(alarm(aeration(), Priority.MEDIUM))
    async with tab(browser) as page, serve(view) as port:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.locator("[data-tag='R101.pH'] .figure")).to_have_text("7.02")
        await page.evaluate(WATCH)
        async with stopped(browser):
            for i in range(30):
                view.push(view.set("R101.pH", 7.1 + i / 100))
                await asyncio.sleep(0.2)
            eight_hours_later(view)
        await expect(page.locator("[data-tag='R101.pH'] .figure")).to_have_text("6.50", timeout=10_000)
        await expect(page.locator(".alarms li")).to_have_count(2)
        await expect(page.get_by_role("alert")).to_have_count(0)
        seen = await page.evaluate("window.seen")
    assert seen[-1] == "6.50 good"
    assert [each for each in seen[:-1] if each.endswith("good") and not each.startswith("7.02")] == []
    assert any(each.endswith(("lost", "stale")) for each in seen), "the age was told before the new value"


async def test_C_04_a_page_the_browser_freezes_lets_its_stream_go_and_comes_back_when_resumed(browser):
    view = ScriptedView()
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.locator("[data-tag='R101.pH'] .figure")).to_have_text("7.02")
        assert len(view.followers) == 1
        await page.evaluate("document.dispatchEvent(new Event('freeze'))")
        await asyncio.sleep(0.5)
        assert not view.followers
        view.set("R101.pH", 6.5)
        await page.evaluate("document.dispatchEvent(new Event('resume'))")
        await expect(page.locator("[data-tag='R101.pH'] .figure")).to_have_text("6.50", timeout=3000)


async def test_HMI_05_a_network_that_is_cut_is_told_and_what_was_missed_comes_after(browser):
    view = ScriptedView()
    view.raise_alarm(alarm(aeration(), Priority.MEDIUM))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.locator("[data-tag='R101.pH'] .figure")).to_have_text("7.02")
        await page.context.set_offline(True)
        await page.evaluate("dispatchEvent(new Event('offline'))")
        view.stop()  # the open stream ends; none can be opened
        await expect(page.get_by_role("alert")).to_contain_text("No contact", timeout=7000)
        eight_hours_later(view)
        await page.context.set_offline(False)
        await expect(page.locator("[data-tag='R101.pH'] .figure")).to_have_text("6.50", timeout=15_000)
        await expect(page.locator(".alarms li")).to_have_count(2)
        await expect(page.locator(".strip .span")).to_have_count(3)


async def test_what_a_silent_twin_said_last_is_told_with_its_age(browser):
    view = ScriptedView()
    view.beliefs["R101.est_kLa"] = Estimate("R101.est_kLa", view.clock.time_ns, 8.42, 0.3, "1/h")
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        belief = page.locator("[data-belief='R101.est_kLa']")
        await expect(belief).to_contain_text("8.4 ± 0.6")
        await expect(belief.locator(".doubt")).to_have_count(0)
        view.clock.time_ns += 2 * 3600 * SECOND
        view.push(view.set("R101.pH", 7.0))
        await expect(belief.locator(".doubt")).to_have_text("said 2\u202fh ago", timeout=5000)
