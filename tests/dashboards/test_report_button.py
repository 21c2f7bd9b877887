"""The report of a batch from the pages: a button, a file, and words when there is none."""

import httpx
import pytest
from browsing import headers_of, serve, tab
from playwright.async_api import expect
from scripted_view import ScriptedView, people

from dashboards.app import create_app
from twin.domain.people import Role


@pytest.fixture
def view() -> ScriptedView:
    return ScriptedView(people=people())


@pytest.mark.asyncio
async def test_a_report_comes_as_a_file_for_whoever_asks(view: ScriptedView) -> None:
    transport = httpx.ASGITransport(create_app(view))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost/api/v1/", headers=headers_of(view, Role.VIEWER)
    ) as client:
        found = await client.get("report", params={"asset": "R101", "language": "fr"})
        assert found.status_code == 200
        assert found.headers["content-type"] == "application/pdf"
        assert found.headers["content-disposition"] == 'attachment; filename="R101-B-7.fr.pdf"'
        assert found.headers["x-content-sha256"] == "ab" * 32
        assert found.content == b"report for viewer-machine"
        for params, status in (
            ({"asset": "R102"}, 404),
            ({"asset": "R9"}, 404),
            ({"asset": "R101", "language": "de"}, 422),
            ({"asset": "R101", "form": "docx"}, 422),
        ):
            assert (await client.get("report", params=params)).status_code == status, params


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("language", "button"), [("en", "Batch report"), ("fr", "Rapport de lot")])
async def test_the_button_saves_the_report_in_the_language_of_the_page(browser, view, language, button):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang={language}")
        async with page.expect_download() as caught:
            await page.get_by_role("button", name=button).click()
        assert (await caught.value).suggested_filename == f"R101-B-7.{language}.pdf"


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_why_there_is_none_is_said_beside_the_button(browser, view):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R102?lang=en")
        await page.get_by_role("button", name="Batch report").click()
        await expect(page.get_by_role("alert")).to_contain_text("nothing is stored of R102")
