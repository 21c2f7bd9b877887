"""What the twins say of themselves, as the pages show it."""

import pytest
from browsing import serve, tab
from playwright.async_api import expect
from scripted_view import ScriptedView, self_report

from twin.domain.trust import Trust

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("watches only", "Silent: pH.", "Not known: Ammonia.", "Twin only watches")),
        ("fr", ("observe seulement", "Muets : pH.", "Inconnu : Ammoniac.", "Le jumeau ne fait qu'observer")),
    ],
)
async def test_diagnostics_say_in_words_what_can_not_be_known_and_the_unit_that_it_only_watches(
    browser, language, texts
):
    view = ScriptedView()
    view.selves = [self_report(), self_report("R102", Trust.MONITOR)]
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/diagnostics?lang={language}")
        row = page.locator("tr", has=page.locator("th", has_text="R102"))
        for text in texts[:3]:
            await expect(row).to_contain_text(text, timeout=8000)
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R102?lang={language}")
        await expect(page.locator(".health").first).to_contain_text(texts[3], timeout=8000)
