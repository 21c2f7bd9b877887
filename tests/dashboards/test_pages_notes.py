"""All is well is never said while a value is beyond a limit or an alarm is kept from calling."""

from dataclasses import replace

import pytest
from browsing import pictured, serve, tab
from playwright.async_api import expect
from scripted_view import HOUR, NOW, ScriptedView, alarm, drift, link_down, lost

from twin.domain.alarm import AlarmState, Priority
from twin.domain.event import Event, Kind, Stage
from twin.domain.measurement import Quality

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]
WELL = {"en": "Nothing is wrong here.", "fr": "Rien d'anormal ici."}
PAGES = ("unit/R101", "tag/R101.pH")


def too_high() -> Event:
    """A pH beyond its limit."""
    detail = {"limit": 7.2, "value": 7.25, "which": "high"}
    condition = "R101/limit_high/pH/1"
    return Event(NOW, Kind.LIMIT, "R101", Stage.CONFIRMED, condition, tag="R101.pH", since=NOW, detail=detail)


@pytest.mark.parametrize("where", PAGES)
@pytest.mark.parametrize(
    ("language", "state", "words"),
    [
        ("en", AlarmState.SHELVED, "Alarm shelved until"),
        ("fr", AlarmState.SHELVED, "Alarme mise de côté jusqu'à"),
        ("en", AlarmState.OUT_OF_SERVICE, "Alarm out of service: pH"),
        ("fr", AlarmState.OUT_OF_SERVICE, "Alarme hors service : pH"),
        ("en", AlarmState.SUPPRESSED, "Consequence of “"),
        ("fr", AlarmState.SUPPRESSED, "Conséquence de « "),
    ],
)
async def test_an_alarm_kept_from_calling_is_told(browser, where, language, state, words):
    view = ScriptedView()
    view.set("R101.pH", 7.25)
    until = NOW + 2 * HOUR if state is AlarmState.SHELVED else None
    under = alarm(drift("R102")) if state is AlarmState.SUPPRESSED else None
    if under:
        view.raise_alarm(under)
    put = alarm(too_high(), Priority.CRITICAL, state)
    view.raise_alarm(replace(put, until_ns=until, part_of=under.id if under else ""))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/{where}?lang={language}")
        await expect(page.locator(".notes")).to_contain_text(words)
        await expect(page.locator(".notes li")).to_have_count(1)
        await expect(page.locator("aside")).not_to_contain_text(WELL[language])
        await pictured(page, f"note-{state.value}-{language}-{where[:3]}")


@pytest.mark.parametrize("where", PAGES)
@pytest.mark.parametrize(
    ("language", "quality", "words"),
    [
        ("en", Quality.GOOD, "pH is beyond its limit 7.20: 7.25; the alarm comes when this lasts 3"),
        ("fr", Quality.GOOD, "pH dépasse sa limite 7,20 : 7,25 ; l'alarme vient si cela dure 3"),
        ("en", Quality.UNCERTAIN, "no alarm comes while the value is uncertain"),
        ("fr", Quality.UNCERTAIN, "pas d'alarme tant que la valeur est incertaine"),
    ],
)
async def test_a_value_beyond_its_limit_is_told_before_its_alarm_comes(
    browser, where, language, quality, words
):
    view = ScriptedView()
    view.set("R101.pH", 7.25, quality)
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/{where}?lang={language}")
        await expect(page.locator(".notes li")).to_contain_text([words])
        await expect(page.locator("aside")).not_to_contain_text(WELL[language])


@pytest.mark.parametrize(
    ("language", "title", "none"),
    [
        ("en", "The service can not keep anything now (historian, ledger).", "No alarm stands"),
        (
            "fr",
            "Le service ne peut rien conserver en ce moment (historien, registre).",
            "Aucune alarme en cours",
        ),
    ],
)
async def test_while_the_stores_take_nothing_every_page_says_so_and_none_that_all_is_well(
    browser, language, title, none
):
    view = ScriptedView()
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang={language}")
        await expect(page.locator("main")).to_contain_text(none)
        view.held.update(historian="disk full", ledger="disk full")
        full = replace(link_down("historian"), detail={"code": "store", "text": "disk full"})
        view.publish_end(alarm(full), 1)
        await expect(page.get_by_role("alert")).to_contain_text(title)
        await pictured(page, f"unkept-{language}")
        for where in ("", "alarms", "unit/R101", "tag/R101.pH", "diagnostics"):
            await page.goto(f"http://127.0.0.1:{port}/#/{where}?lang={language}")
            await expect(page.get_by_role("alert")).to_contain_text("disk full")
            await expect(page.locator("main")).not_to_contain_text(none)
            await expect(page.locator("main")).not_to_contain_text(WELL[language])
        view.held.clear()
        view.publish_end(alarm(full), 1)
        await expect(page.get_by_role("alert")).to_have_count(0)


async def test_all_is_well_is_said_when_nothing_is_beyond_and_of_another_signal(browser):
    view = ScriptedView()
    view.raise_alarm(alarm(lost("pO2"), state=AlarmState.OUT_OF_SERVICE))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/tag/R101.pH?lang=en")
        await expect(page.locator("aside")).to_contain_text(WELL["en"])
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R102?lang=en")
        await expect(page.locator("aside")).to_contain_text(WELL["en"])
