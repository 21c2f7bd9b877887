"""What the pages say where they had no word: closed pages, bad samples, new twins, wrong passwords."""

import pytest
from browsing import pictured, serve, tab
from playwright.async_api import expect
from scripted_view import ScriptedView, people

from twin.domain.measurement import Quality

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(
    ("language", "none", "closed"),
    [
        ("en", "There is no page “nonsense”.", "Your role (Operator) may not see this page."),
        ("fr", "La page « nonsense » n'existe pas.", "Votre rôle (Opérateur) ne peut pas voir cette page."),
    ],
)
async def test_a_page_that_is_not_there_or_closed_says_so(browser, language, none, closed):
    async with serve(ScriptedView()) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/nonsense?lang={language}")
        await expect(page.locator("main")).to_contain_text(none)
        await page.goto(f"http://127.0.0.1:{port}/#/people?lang={language}")
        await expect(page.locator("main")).to_contain_text(closed, ignore_case=True)
        await pictured(page, f"closed-{language}")


@pytest.mark.parametrize(("language", "word"), [("en", "bad"), ("fr", "mauvais")])
async def test_a_sample_that_is_bad_is_not_shown_as_a_good_one(browser, language, word):
    view = ScriptedView()
    view.set("R101.glucose", -5.0, Quality.BAD)
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang={language}")
        row = page.locator("[data-belief='R101.glucose']")
        await expect(row.locator("s")).to_contain_text("5")
        await expect(row.locator(".doubt")).to_contain_text(word)
        await expect(page.locator("[data-belief='R101.VCD'] s")).to_have_count(0)
        await pictured(page, f"bad-sample-{language}")


@pytest.mark.parametrize(("language", "word"), [("en", "Twin begins"), ("fr", "Le jumeau commence")])
async def test_a_twin_that_has_said_nothing_yet_begins(browser, language, word):
    view = ScriptedView()
    view.beliefs.clear()
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang={language}")
        await expect(page.locator(".health").first).to_have_text(word)


@pytest.mark.parametrize(
    ("language", "word"),
    [("en", "Name or password is not right."), ("fr", "Le nom ou le mot de passe n'est pas juste.")],
)
async def test_a_wrong_password_is_refused_in_the_reader_s_language(browser, language, word):
    view = ScriptedView(people=people())
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang={language}")
        await page.locator("input[name=name]").fill("anne")
        await page.locator("input[name=password]").fill("nonsense")
        await page.locator("button[type=submit]").click()
        await expect(page.get_by_role("alert")).to_have_text(word)
