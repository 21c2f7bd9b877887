"""The keyboard alone: from the line to the alarm, acknowledged, commented on, shelved; focus always seen."""

import pytest
from browsing import serve, tab
from playwright.async_api import Page, expect
from scripted_view import HOUR, ScriptedView, alarm, drift

from twin.domain.alarm import AlarmState, Priority

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]

SEEN = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return "nothing has the focus";
  const box = at.getBoundingClientRect();
  const what = at.outerHTML.slice(0, 80);
  if (!(box.width && box.bottom > 0 && box.top < innerHeight)) return `${what} is out of sight`;
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  return outlineStyle === "none" || parseFloat(outlineWidth) < 1 ? `${what} shows none` : "";
}"""
"""What is wrong with the place of the focus."""


async def tab_to(page: Page, text: str, most: int = 40) -> None:
    """Press Tab until what has the focus is called `text`."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        assert await page.evaluate(SEEN) == ""
        if text in await page.evaluate("document.activeElement.innerText ?? ''"):
            return
    raise AssertionError(f"{most} times Tab did not lead to {text!r}")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("pH probe is drifting", "Acknowledge", "acknowledged (operator", "Comment…", "Shelve…")),
        (
            "fr",
            ("La sonde de pH dérive", "Acquitter", "acquittée (operator", "Commenter…", "Mettre de côté…"),
        ),
    ],
)
async def test_HMI_06_the_keyboard_alone_acknowledges_comments_and_shelves(browser, language, words):
    view = ScriptedView()
    view.raise_alarm(alarm(drift(), Priority.HIGH))
    title, acknowledge, acknowledged, comment, shelve = words
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang={language}")
        await expect(page.locator(".alarms li")).to_have_count(1)
        await tab_to(page, title)
        await page.keyboard.press("Enter")
        card = page.locator("article.card")
        await expect(card).to_be_focused()
        await tab_to(page, acknowledge)
        await page.keyboard.press("Enter")
        await expect(card).to_contain_text(acknowledged)
        await expect(card).to_be_focused()
        await tab_to(page, comment)
        await page.keyboard.press("Enter")
        await expect(card.locator("form input")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(card.locator("form")).to_have_count(0)
        await expect(card.get_by_role("button", name=comment)).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(card.locator("form input")).to_be_focused()
        await page.keyboard.type("vu à 4 h 10")
        await page.keyboard.press("Enter")
        await expect(card.locator(".said")).to_contain_text("vu à 4 h 10")
        await expect(card).to_be_focused()
        await tab_to(page, shelve)
        await page.keyboard.press("Enter")
        await expect(card.locator("form select")).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")
        await page.keyboard.type("sonde remplacée")
        await page.keyboard.press("Enter")
        await expect(card).to_have_count(0)
        await expect(page.locator("#content")).to_be_focused()
    shelved = next(iter(view.standing.values()))
    assert (shelved.state, shelved.until_ns) == (AlarmState.SHELVED, view.clock.time_ns + 2 * HOUR)
