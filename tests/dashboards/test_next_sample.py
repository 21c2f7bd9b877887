"""The next sample that tells most: by the interface, and as a line on the page of a unit."""

import httpx
import pytest
from browsing import headers_of, serve, tab
from playwright.async_api import expect
from scripted_view import ScriptedView, forecast, people, self_report

from dashboards.app import create_app


@pytest.fixture
def view() -> ScriptedView:
    view = ScriptedView(people=people())
    view.ahead, view.selves = [forecast()], [self_report()]
    return view


async def asked(view: ScriptedView, asset: str) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(view))
    headers = headers_of(view)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        return await client.get("/api/v1/next-sample", params={"asset": asset})


@pytest.mark.asyncio
async def test_the_best_sample_is_told_with_what_it_takes(view: ScriptedView) -> None:
    (best,) = (await asked(view, "R101")).json()
    assert (best["tag"], best["in_h"], best["faults"]) == ("R101.glucose", 6.0, {"wrong_feed": 0.2})
    assert best["known"] > best["drawn"]
    assert best["doubts"] == [
        {"name": "est_glucose", "unit": "g/L", "before": 0.8, "after": 0.49, "share": 0.62}
    ]


@pytest.mark.asyncio
async def test_who_can_say_nothing_and_who_is_not_there(view: ScriptedView) -> None:
    assert (await asked(view, "R999")).status_code == 404
    view.ahead = []
    assert "can say nothing" in (await asked(view, "R101")).json()["detail"]


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "Next sample that tells most: glucose in 6 h; takes 62% of the doubt about glucose."),
        (
            "fr",
            "Prochain échantillon le plus instructif : glucose dans 6 h ; lève 62 % du doute sur glucose.",
        ),
    ],
)
async def test_the_page_of_a_unit_says_it_in_one_line(browser, view, language, line):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang={language}")
        told = page.locator("[data-next-sample='R101.glucose']")
        await expect(told).to_be_visible()
        assert (await told.inner_text()).replace("\u202f", " ").replace("\xa0", " ").lower() == line.lower()


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_without_a_belief_there_is_no_line(browser, view):
    view.ahead = []
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        await expect(page.locator(".beliefs")).to_be_visible()
        await expect(page.locator("[data-next-sample]")).to_have_count(0)
