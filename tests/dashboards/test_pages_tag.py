"""L3: how the values of a tag lie and how far they could be believed, with numbers."""

import re

import httpx
import pytest
from browsing import serve, tab
from playwright.async_api import expect
from scripted_view import ScriptedView
from test_axe import AXE, findings

from dashboards.app import create_app
from twin.domain.measurement import Quality

RESTLESS = dict(enumerate([Quality.BAD] * 500 + [Quality.UNCERTAIN] * 1000))


async def test_the_interface_counts_values_and_times(tmp_path):
    view = ScriptedView(doubted=RESTLESS)
    transport = httpx.ASGITransport(create_app(view, static=tmp_path), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        found = (await client.get("/api/v1/spread", params={"name": "R101.pO2"})).json()
        assert sum(found["histogram"]["counts"]) == found["count"] == pytest.approx(4500, abs=2)
        assert sum(found["seconds"].values()) == pytest.approx(86_400)
        assert found["seconds"]["bad"] == pytest.approx(8640, rel=0.01)
        assert found["stretches"][0]["quality"] == "bad"
        assert found["figures"]["p5"] <= found["figures"]["median"] <= found["figures"]["p95"]
        unknown = await client.get("/api/v1/spread", params={"name": "R101.pO3"})
        assert unknown.status_code == 404


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("language", "word"), [("en", "uncertain"), ("fr", "incertaine")])
async def test_the_page_shows_histogram_and_qualities_with_numbers(browser, language, word):
    view = ScriptedView(doubted=RESTLESS)
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/tag/R101.pO2?lang={language}")
        panel = page.locator(".spread")
        await expect(panel.locator("[data-quality='bad']")).to_contain_text(re.compile(r"^10\s?%"))
        await expect(panel).to_contain_text(word)
        assert await panel.locator(".histogram rect").count() >= 5
        widths = await panel.locator(".quality-line i").evaluate_all(
            "all => all.map((e) => [e.className, e.offsetWidth / e.parentElement.clientWidth])"
        )
        assert [name for name, _ in widths] == ["bad", "uncertain", "good"]
        assert [round(width, 1) for _, width in widths] == [0.1, 0.2, 0.7]
        patterns = await panel.locator(".swatch").evaluate_all(
            "all => all.map((e) => getComputedStyle(e).background)"
        )
        assert len(set(patterns)) == 4, "each quality has a pattern of its own"
        median = panel.locator("[data-figure='median']")
        await expect(median).to_contain_text("," if language == "fr" else ".")
        if AXE.is_file():
            assert await findings(page, port, f"tag/R101.pO2?lang={language}") == []


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_another_time_is_counted_when_it_is_chosen(browser):
    view = ScriptedView(doubted=RESTLESS)
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/tag/R101.pO2?lang=en&range=24h")
        head = page.locator("#spread")
        await expect(head).to_contain_text("values")
        before = await head.inner_text()
        await page.get_by_role("button", name="1 h", exact=True).click()
        await expect(head).not_to_have_text(before)
