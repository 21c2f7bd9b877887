"""What-if by the interface and on its page: asked, answered side by side, refused in words."""

import json
from dataclasses import replace

import httpx
import pytest
import yaml
from browsing import headers_of, pictured, serve, tab
from playwright.async_api import expect
from scripted_view import ScriptedView, forecast, people

from dashboards.app import create_app
from twin.domain.errors import InputError
from twin.domain.people import Role
from twin.domain.whatif import Change, WhatIf

ASKED = {"asset": "R101", "scenarios": [{"name": "more", "changes": [{"what": "feed_factor", "value": 1.2}]}]}


@pytest.fixture
def view() -> ScriptedView:
    view = ScriptedView(people=people())
    view.ahead = [forecast()]
    return view


async def post(view: ScriptedView, body: dict) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(view))
    headers = headers_of(view)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        return await client.post("/api/v1/what-if", json=body)


@pytest.mark.asyncio
async def test_scenarios_are_answered_beside_the_run_as_it_is(view: ScriptedView) -> None:
    answer = (await post(view, ASKED)).json()
    assert view.scenarios == [WhatIf("more", (Change("feed_factor", 1.2),))]
    (more,) = answer["scenarios"]
    assert more["name"] == "more"
    base, other = (each["bands"]["R101.est_titre"]["middle"] for each in (answer["base"], more))
    assert other == pytest.approx([1.1 * value for value in base])
    assert answer["base"]["exits"][0]["tag"] == "R101.pH"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"asset": "R9"}, 404, "no vessel 'R9'"),
        ({"scenarios": []}, 422, "scenarios"),
        ({"scenarios": [{"name": "a", "changes": [{"what": "feed_factor", "value": 9}]}]}, 422, "came"),
        ({"scenarios": [{"name": "a", "changes": [{"what": "feed_factor"}]}]}, 422, "value"),
        ({"scenarios": [{"name": "a\u0007", "changes": []}]}, 422, "name"),
    ],
)
async def test_what_can_not_be_asked_is_refused(view, change: dict, status: int, words: str) -> None:
    response = await post(view, ASKED | change)
    assert response.status_code == status
    assert words in response.json()["detail"]


@pytest.mark.asyncio
async def test_without_a_belief_there_is_no_answer(view: ScriptedView) -> None:
    view.ahead = []
    response = await post(view, ASKED)
    assert response.status_code == 404
    assert "can say nothing" in response.json()["detail"]


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("language", "add", "ask", "product"),
    [
        ("en", "Add a scenario", "Ask the twin", "2.9 (2.6–3.3) g/L"),
        ("fr", "Ajouter un scénario", "Interroger le jumeau", "2,9 (2,6–3,3) g/L"),
    ],
)
async def test_an_engineer_asks_and_keeps_the_scenarios(browser, view, tmp_path, language, add, ask, product):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/what-if/R101?lang={language}")
        await page.get_by_role("button", name=add).click()
        box = page.locator(".try-1")
        await box.locator("li input").first.fill("1,5" if language == "fr" else "1.5")
        await page.get_by_role("button", name=ask).click()
        await expect(page.locator(".outcomes tbody tr")).to_have_count(2)
        await expect(page.locator(".outcomes tbody tr").first).to_contain_text(product)
        await expect(page.locator("[data-overlay='R101.est_titre'] canvas")).to_be_visible()
        assert view.scenarios[0].changes == (Change("feed_factor", 1.5),)
        assert "ask=" in page.url
        async with page.expect_download() as caught:
            await page.locator(".actions button").nth(2).click()
        kept = tmp_path / "what-if.yaml"
        await (await caught.value).save_as(kept)
        assert yaml.safe_load(kept.read_text())["scenarios"][0]["changes"] == [
            {"what": "feed_factor", "value": 1.5, "in_h": 0}
        ]


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_an_address_with_scenarios_is_answered_at_once(browser, view):
    asked = "more: feed_factor=1.2@12 pH_sp=6.9@0|loss: kla_loss=-30@4"
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/what-if/R101?lang=en&ask={asked.replace(' ', '+')}")
        await expect(page.locator(".outcomes tbody tr")).to_have_count(3)
        told = [(c.what, c.value, c.in_h) for each in view.scenarios for c in each.changes]
        assert told == [("feed_factor", 1.2, 12.0), ("pH_sp", 6.9, 0.0), ("kla_loss", -30.0, 4.0)]


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_an_operator_has_no_such_page(browser, view):
    headers = headers_of(view, Role.OPERATOR)
    async with serve(view) as port, tab(browser, extra_http_headers=headers) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        await expect(page.locator(".unit-page h2").first).to_contain_text("R101")
        await expect(page.get_by_text("What if …")).to_have_count(0)


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_wrong_is_said_beside_the_button(browser, view):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/what-if/R101?lang=en&ask=a:+feed_factor%3D7@0")
        await expect(page.get_by_role("alert")).to_contain_text("feed_factor=7 came")
        await expect(page.locator(".try li input").first).to_have_attribute("aria-invalid", "true")


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("language", "number", "words", "ends"),
    [
        ("en", "1.2", "Scenario a: Feed, times = “” came; a number such as 1.2 would do.", "between"),
        ("fr", "1,2", "= «  » reçu ; un nombre tel que 1,2 conviendrait.", "entre"),
    ],
)
async def test_an_answer_goes_when_what_is_asked_next_can_not_be(
    browser, view, language, number, words, ends
):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(
            f"http://127.0.0.1:{port}/#/what-if/R101?lang={language}&ask=a:+feed_factor%3D1.2@0.5"
        )
        await expect(page.locator(".outcomes tbody tr")).to_have_count(2)
        await expect(page.locator(".outcomes tbody tr").first).to_contain_text(f"({ends} ")
        await expect(page.locator(".outcomes")).not_to_contain_text("±")
        await pictured(page, f"what-if-answered-{language}")
        boxes = page.locator(".try-1 li input")
        await expect(boxes.first).to_have_value(number)
        await expect(boxes.nth(1)).to_have_value("0,5" if language == "fr" else "0.5")
        await boxes.first.fill("")
        await page.locator(".what-if-page button[type=submit]").click()
        await expect(page.get_by_role("alert")).to_contain_text(words)
        await expect(page.locator(".outcomes")).to_have_count(0)
        await pictured(page, f"what-if-no-number-{language}")
        await page.locator(".try-1 > legend input").fill(" ")
        await page.locator(".what-if-page button[type=submit]").click()
        await expect(page.get_by_role("alert")).to_contain_text("nom" if language == "fr" else "name")


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_the_default_is_written_as_the_reader_writes_and_the_address_as_the_command_does(browser, view):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/what-if/R101?lang=fr")
        await page.get_by_role("button", name="Ajouter un scénario").click()
        await expect(page.locator(".try-1 li input").first).to_have_value("1,2")
        assert "1.2" in page.url
        assert "1,2" not in page.url
        assert "1%2C2" not in page.url


REFUSALS = [
    (
        "scenario 'a': feed_factor=7.5 came; 0 to 3.5 mL/h would do",
        "scénario 'a' : feed_factor = 7,5 reçu ; de 0 à 3,5 mL/h conviendrait",
    ),
    (
        "scenario 'a': feed is changed twice at once (feed=1@0); would do: one of them",
        "conviendrait : un seul d'entre eux",
    ),
    ("scenario 'a': feeed can not be changed for R101; near it: feed", "pour R101 ; noms proches : feed"),
    (
        "what-if: 'Sans changement' is the name of the run when nothing is changed; another name would do",
        "'Sans changement' est le nom du lot quand rien n'est changé ; un autre nom conviendrait",
    ),
    (
        "The body can not be used as written. a: Input should be a valid number.",
        "La demande ne peut pas être utilisée telle quelle (a: Input should be a valid number.)",
    ),
]


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("said", "told"), REFUSALS)
async def test_a_refusal_is_read_in_french_and_leaves_no_former_answer(
    browser, view, monkeypatch, said, told
):
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/what-if/R101?lang=fr&ask=a:+feed_factor%3D1.2@0")
        await expect(page.locator(".outcomes tbody tr")).to_have_count(2)

        async def refuse(asset, scenarios):
            raise InputError(said)

        monkeypatch.setattr(view, "what_if", refuse)
        await page.locator(".what-if-page button[type=submit]").click()
        await expect(page.get_by_role("alert")).to_contain_text(told)
        await expect(page.locator(".outcomes")).to_have_count(0)


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_a_unit_without_a_name_of_its_own_is_named_once(browser, view):
    first, *rest = view.line.vessels
    view.line = replace(view.line, vessels=(replace(first, name={"en": "R101", "fr": "R101"}), *rest))
    async with serve(view) as port, tab(browser, extra_http_headers=headers_of(view)) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/what-if/R101?lang=fr")
        await expect(page.locator(".what-if-page h2")).to_have_text("R101 · et si")


def test_the_file_of_the_page_is_the_one_the_command_reads(tmp_path) -> None:
    from twin.service.whatif import load_scenarios

    file = tmp_path / "what-if.yaml"
    name = json.dumps("more: feed")
    file.write_text(
        f"schema: 1\nscenarios:\n  - name: {name}\n    changes:\n"
        "      - {what: feed_sp, value: 20, in_h: 4}\n"
    )
    assert load_scenarios(file) == [WhatIf("more: feed", (Change("feed_sp", 20.0, 4.0),))]
