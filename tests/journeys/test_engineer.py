"""An engineer's way on the pages: open a stored batch, go to the drift, ask what if, export, make the report.

The service is the real one in a process of its own. With BIOLINE_PICTURES=FOLDER each step leaves a picture.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
import pytest_asyncio
from clocks import StillClock
from playwright.async_api import Page, expect

from connectors.ledgers.sqlite import SqliteLedger
from simulators.scenario import FaultSpec, load_scenario, packaged
from simulators.simulate import simulate
from twin.domain.people import Actor, Person, Role
from twin.ports import Delivery
from twin.runtime.people import PeopleBook
from twin.service.app import open_service
from twin.service.build import load_line
from twin.service.replay import arrival, read_files
from twin.service.settings import Settings

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
SEED = Path(__file__).resolve().parents[2] / "seeds/lines/demo.yaml"
PASSWORD = "nine violet trams hum"
PAST, NEXT = "{id: B-101, start: 2025-12-29T00:00:00Z", "{id: B-103, start: 2026-01-01T12:00:00Z"

WORDS = {
    "en": {
        "sign": "Sign in", "name": "Name", "password": "Password", "batches": "Batches",
        "open": "Open as playback: R101 B-101", "banner": "Replay of stored data: not live",
        "next": "Next finding", "what_if": "What if …", "add": "Add a scenario", "ask": "Ask the twin",
        "value": "Value", "export": "Values (Parquet)", "report": "Batch report", "out": "Sign out",
        "leave": "Close, back to the live line", "simulated": "Simulated data: no real plant",
        "probe": "pH probe",
        "nothing": "Nothing is stored",
    },
    "fr": {
        "sign": "Se connecter", "name": "Nom", "password": "Mot de passe", "batches": "Lots",
        "open": "Ouvrir en relecture: R101 B-101",
        "banner": "Relecture de données enregistrées : pas en direct",
        "next": "Constat suivant", "what_if": "Et si…", "add": "Ajouter un scénario",
        "ask": "Interroger le jumeau", "value": "Valeur", "export": "Valeurs (Parquet)",
        "report": "Rapport de lot", "out": "Se déconnecter", "leave": "Fermer, retour à la ligne en direct",
        "simulated": "Données simulées : aucune installation réelle", "probe": "sonde pH",
        "nothing": "Rien n'est enregistré",
    },
}  # fmt: skip


def line_of(folder: Path, batch: str) -> Path:
    text = SEED.read_text("utf-8")
    path = folder / "line.yaml"
    head = text[: text.index("sources:")].replace(PAST, batch)
    path.write_text(head + "historian: {kind: sqlite}\nledger: {kind: sqlite}\n")
    return path


async def batch_lived(folder: Path) -> None:
    """Four hours of R101 as the running service stores them; its pH probe drifts."""
    scenario = load_scenario(packaged("demo"))
    fault = FaultSpec(kind="pH_drift", at_h=2.5, size=-0.1, ramp_h=4.0)
    vessel = scenario.vessels[0].model_copy(update={"faults": (fault,)})
    run = folder / "run.parquet"
    simulate(scenario.model_copy(update={"duration_h": 4.0, "period_s": 60.0, "vessels": (vessel,)}), run)
    rows = sorted(
        read_files([run, Path(f"{run.with_suffix('')}.assays.parquet")], None),
        key=arrival,
    )
    clock = StillClock()
    clock.time_ns = arrival(rows[0])
    line = load_line(line_of(folder, PAST))
    async with open_service(*line, Settings(data_dir=folder / "data"), clock) as service:
        for i in range(0, len(rows), 1000):
            part = rows[i : i + 1000]
            clock.time_ns = max(clock.time_ns, arrival(part[-1]))
            await service.pipeline.process([Delivery(tuple(part))])


def account(folder: Path, name: str, role: Role) -> str:
    """An account with its password."""
    ledger = SqliteLedger(folder / "data" / "demo" / "ledger.sqlite")
    people = PeopleBook(ledger, lambda: 1)
    invitation = people.invite(Person(name, name, role), Actor("root", Role.ADMINISTRATOR))
    asyncio.run(people.accept(invitation, "", PASSWORD, "test"))
    ledger.close()
    return name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The service, started again with the next batch on R101."""
    folder = tmp_path_factory.mktemp("engineer")
    await batch_lived(folder)
    await asyncio.to_thread(account, folder, "emma", Role.ENGINEER)
    line = line_of(folder, NEXT)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "twin.service", "run", str(line), "--port", "0",
        env={**os.environ, "TWIN_DATA_DIR": str(folder / "data")}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    try:
        said = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        found = re.search(r"http://[\d.]+:\d+/", said)
        assert found, said
        yield found[0]
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0


@asynccontextmanager
async def a_tab(browser) -> AsyncIterator[Page]:
    errors: list[str] = []
    async with await browser.new_context(
        locale="en-GB", reduced_motion="reduce", viewport={"width": 1360, "height": 900}
    ) as context:
        page = await context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    assert errors == []


async def pictured(page: Page, name: str) -> None:
    if folder := os.environ.get("BIOLINE_PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png")


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_from_a_stored_batch_to_its_report(
    browser, address: str, language: str, tmp_path: Path
) -> None:
    w = WORDS[language]
    async with a_tab(browser) as page:
        await page.goto(f"{address}#/?lang={language}")
        await page.get_by_label(w["name"]).fill("emma")
        await page.get_by_label(w["password"]).fill(PASSWORD)
        await page.get_by_role("button", name=w["sign"]).click()

        await page.get_by_role("link", name=w["batches"], exact=True).click()
        await expect(page.locator(".batches-page tbody tr")).to_have_count(3)
        await pictured(page, f"engineer-1-batches-{language}")
        await page.get_by_role("button", name=w["open"]).click()

        banner = page.locator(".banner.replay")
        await expect(banner).to_contain_text(w["banner"], timeout=30_000)
        await expect(banner).to_contain_text("R101 · B-101")
        bar = page.locator(".playbar")
        await expect(bar.locator(".track i.event").first).to_be_attached(timeout=30_000)
        await expect(page.locator("article.card")).to_have_count(0)
        await bar.get_by_role("button", name=w["next"]).click()
        await expect(page.locator("article.card").first).to_contain_text(w["probe"])
        await expect(page.locator(".trends")).not_to_contain_text(w["nothing"])
        await pictured(page, f"engineer-2-drift-{language}")

        await page.get_by_role("link", name=w["what_if"]).click()
        await page.get_by_role("button", name=w["add"]).click()
        await page.get_by_label(w["value"]).fill("3")
        await page.get_by_role("button", name=w["ask"]).click()
        rows = page.locator(".outcomes tbody tr")
        await expect(rows).to_have_count(2, timeout=30_000)
        as_it_is, more_feed = [await rows.nth(i).locator("td.figure").inner_text() for i in (0, 1)]
        assert as_it_is != more_feed, "more feed gives another product"
        await expect(page.locator(".overlays canvas").first).to_be_visible()
        await pictured(page, f"engineer-3-what-if-{language}")

        await page.locator(".what-if-page h2 a").click()
        async with page.expect_download() as caught:
            await page.get_by_role("button", name=w["export"]).click()
        values = await caught.value
        assert values.suggested_filename == "R101-B-101.parquet"
        await values.save_as(tmp_path / "values.parquet")
        table = pq.read_table(tmp_path / "values.parquet")
        assert {"R101.pH", "R101.glucose"} <= set(table.column("tag").to_pylist())
        async with page.expect_download(timeout=60_000) as caught:
            await page.get_by_role("button", name=w["report"]).click()
        report = await caught.value
        assert report.suggested_filename == f"R101-B-101.{language}.pdf"
        await report.save_as(tmp_path / "report.pdf")
        assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
        await pictured(page, f"engineer-4-papers-{language}")

        await page.get_by_role("button", name=w["leave"]).click()
        await expect(page.locator(".banner.simulated")).to_contain_text(w["simulated"])
        await expect(page.locator(".batches-page .open")).to_have_count(0)
        await pictured(page, f"engineer-5-back-{language}")


async def test_what_an_engineer_has_open_is_nobody_elses(address: str) -> None:
    async with httpx.AsyncClient(
        base_url=f"{address}api/v1/", headers={"origin": address.rstrip("/")}
    ) as client:
        await client.post("session", json={"name": "emma", "password": PASSWORD})
        opened = await client.post(
            "playbacks", json={"vessel": "R101", "batch": "B-101"}, timeout=httpx.Timeout(60)
        )
        place = f"{address}{opened.json()['place']}api/v1/line"
        assert (await client.get(place)).json()["origin"] == "replay"
        assert json.loads((await client.get("line")).text)["origin"] == "simulated"
        async with httpx.AsyncClient() as stranger:
            assert (await stranger.get(place)).status_code == 401
