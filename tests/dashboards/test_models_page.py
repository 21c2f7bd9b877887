"""The page of models: quality approves with a reason, and each version says what it rests on."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import pictured, serve, tab
from playwright.async_api import expect
from scripted_view import ScriptedView, line, people

from dashboards.access import COOKIE
from twin.domain.people import Actor, Person, Role
from twin.processes.cho_growth import build
from twin.service.content_hash import hashed_yaml
from twin.service.registry.book import ModelBook
from twin.service.registry.files import ModelFiles

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]
ADMIN = Actor("root", Role.ADMINISTRATOR, "test")
NOW_NS = 1_795_305_600_000_000_000


@pytest.fixture
def view(tmp_path: Path) -> ScriptedView:
    """Two versions: one approved and in use, one proposed."""
    view = ScriptedView(people=people())
    vessels = (replace(view.line.vessels[0], process_model="growth@1"), *view.line.vessels[1:])
    view.line = replace(line(), vessels=vessels)
    book = ModelBook(view.people._ledger, ModelFiles(tmp_path / "models"), True, lambda: NOW_NS)
    view.models = book
    for mu0 in (0.03, 0.02):
        process = build({"mu0": mu0})
        document = {
            "process": {"kind": process.id, "parameters": {p.name: p.value for p in process.parameters}},
            "model_version": process.version,
            "files": [{"name": "counts_2026.csv", "sha256": "ab" * 32}],
            "runs": [{"run": f"B-{k}", "sha256": "cd" * 32} for k in range(3)],
        }
        path = tmp_path / "p.yaml"
        path.write_bytes(hashed_yaml(document))
        sha256, _ = book._files.keep(path)
        asyncio.run(book.propose("growth", sha256, "34 cultures of May", Actor("emma", Role.ENGINEER)))
    asyncio.run(book.approve("growth@1", "residuals looked at", Actor("quentin", Role.QUALITY)))
    return view


async def signed_in(view: ScriptedView, page, port: int, role: Role, name: str = "anne") -> None:
    invitation = view.people.invite(Person(name, name.title(), role), ADMIN)
    opened = await view.people.accept(invitation, "", "nine violet trams hum", "127.0.0.1")
    await page.context.add_cookies(
        [{"name": COOKIE, "value": opened.token, "url": f"http://127.0.0.1:{port}"}]
    )


@pytest.mark.parametrize(
    ("language", "approve", "reason", "approved", "nav"),
    [
        ("en", "Approve: growth@2", "Give a reason first.", "approved", "Models"),
        ("fr", "Approuver: growth@2", "Donnez d'abord un motif.", "approuvée", "Modèles"),
    ],
)
async def test_quality_approves_with_a_reason(browser, view, language, approve, reason, approved, nav):
    async with serve(view) as port, tab(browser) as page:
        await signed_in(view, page, port, Role.QUALITY)
        await page.goto(f"http://127.0.0.1:{port}/#/?lang={language}")
        await page.get_by_role("link", name=nav, exact=True).click()
        card = page.get_by_role("article", name="growth@2")
        await card.locator("summary").click()
        await expect(card.locator(".inside")).to_contain_text("counts_2026.csv")
        await expect(card.locator(".inside")).to_contain_text("mu0")
        await pictured(page, f"models-{language}")
        await card.get_by_role("button", name=approve).click()
        await expect(card.get_by_role("alert")).to_contain_text(reason)
        await card.get_by_role("textbox").fill("scored on five batches")
        await card.get_by_role("button", name=approve).click()
        await expect(card.locator(".standing").first).to_have_text(approved)
        await expect(card).to_contain_text("scored on five batches")
        await expect(page.get_by_role("article", name="growth@1").get_by_role("button")).to_have_count(1)
        assert view.models.registry().approved == {"growth": 2}
        entry = view.people.trail(0, 1000)[-1].deed
        assert (entry.action, entry.who, entry.role) == ("model.approve", "anne", "quality")
        await page.goto(f"http://127.0.0.1:{port}/#/diagnostics?lang={language}")
        await expect(page.locator("section[aria-labelledby=in-use]")).to_contain_text("growth@1")
        await pictured(page, f"models-diagnostics-{language}")


async def test_an_engineer_sees_the_versions_and_decides_nothing(browser, view):
    async with serve(view) as port, tab(browser) as page:
        await signed_in(view, page, port, Role.ENGINEER)
        await page.goto(f"http://127.0.0.1:{port}/#/models?lang=en")
        await expect(page.get_by_role("article", name="growth@2")).to_contain_text("34 cultures of May")
        await expect(page.locator(".models-page button")).to_have_count(0)


async def test_whoever_proposed_is_not_offered_the_approval(browser, view):
    async with serve(view) as port, tab(browser) as page:
        await signed_in(view, page, port, Role.QUALITY, "emma")
        await page.goto(f"http://127.0.0.1:{port}/#/models?lang=en")
        card = page.get_by_role("article", name="growth@2")
        await expect(card.get_by_role("button", name="Reject: growth@2")).to_have_count(1)
        await expect(card.get_by_role("button", name="Approve: growth@2")).to_have_count(0)


@pytest.mark.parametrize(("language", "words"), [("en", "written by hand"), ("fr", "saisis à la main")])
async def test_parameters_without_training_runs_are_shown_as_such(browser, view, tmp_path, language, words):
    path = tmp_path / "hand.yaml"
    path.write_text(
        f"process: {{kind: cho_growth, parameters: {{mu0: 0.04}}}}\nmodel_version: '{build({}).version}'\n"
    )
    sha256, _ = view.models._files.keep(path)
    await view.models.propose("growth", sha256, "from a paper", Actor("emma", Role.ENGINEER))
    async with serve(view) as port, tab(browser) as page:
        await signed_in(view, page, port, Role.ENGINEER)
        await page.goto(f"http://127.0.0.1:{port}/#/models?lang={language}")
        card = page.get_by_role("article", name="growth@3")
        await card.locator("summary").click()
        await expect(card.locator(".inside")).to_contain_text(words)
        await expect(card.locator("table")).to_have_count(1)
        await pictured(page, f"models-by-hand-{language}")
