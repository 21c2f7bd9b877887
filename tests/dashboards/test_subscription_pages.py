"""Subscriptions and feeds as programs and people see them; hostile names stay inert."""

from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import httpx
import pytest
from browsing import serve, tab
from playwright.async_api import expect
from scripted_view import HOUR, NOW, ScriptedView, alarm, drift, line

from dashboards.app import create_app
from dashboards.feeds import ATOM
from twin.domain.alarm import AlarmState
from twin.domain.asset import Line

WISH = {
    "channel": "mail",
    "address": "anne@example.org",
    "language": "fr",
    "assets": ["R1*"],
    "least": "high",
}


@pytest.fixture
def view() -> ScriptedView:
    return ScriptedView()


@pytest.fixture
async def client(view, tmp_path):
    transport = httpx.ASGITransport(create_app(view, static=tmp_path), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/") as each:
        yield each


async def test_subscribe_change_test_and_remove(client):
    made = (
        await client.post("subscriptions", json=WISH | {"quiet_from": "22:00", "quiet_to": "06:30"})
    ).json()
    assert (made["quiet_from"], made["quiet_to"], made["least"]) == ("22:00", "06:30", "high")
    at = f"subscriptions/{made['number']}"
    assert (await client.post(f"{at}/test")).status_code == 200
    assert (await client.post(f"{at}/test")).status_code == 422
    assert (await client.get(f"{at}/sent")).json()[0]["state"] == "waiting"
    changed = await client.put(at, json=WISH | {"stopped": True})
    assert (changed.json()["stopped"], changed.json()["quiet_from"]) == (True, "")
    assert len((await client.get("subscriptions")).json()["subscriptions"]) == 1
    assert (await client.delete(at)).status_code == 200
    assert (await client.delete(at)).status_code == 404


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"channel": "pigeon"}, "mail, web"),
        ({"address": "anne"}, "name@example.org"),
        ({"channel": "web", "address": "http://192.168.0.1/"}, "not a public address"),
        ({"quiet_from": "25:00"}, "quiet_from"),
        ({"assets": []}, "assets"),
        ({"kinds": ["<script>"]}, "kinds"),
        ({"digest_h": 1e9}, "digest_h"),
        ({"zone": "Nowhere"}, "Europe/Paris"),
    ],
)
async def test_what_will_not_do_is_refused_with_what_would(client, change, word):
    answer = await client.post("subscriptions", json=WISH | change)
    assert answer.status_code == 422
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(("value", "status"), [(True, 422), ("7", 422), (7, 404), (7.05, 404)])
async def test_a_reference_is_a_number_and_nothing_that_looks_like_one(client, value, status):
    answer = await client.post("tags/R101.nobody/reference", json={"value": value})
    assert answer.status_code == status, answer.text


HOSTILE = "R1<b>&\"'=1+1;,\x07"


async def test_S_06_feeds_open_with_a_key_and_hostile_names_stay_text(client, view):
    one = replace(
        view.line.vessels[0], name={"en": HOSTILE}, batch=replace(view.line.vessels[0].batch, id=HOSTILE)
    )
    view.line = Line("demo", {"en": HOSTILE}, "", view.line.origin, (one,))
    view.happen(replace(drift(), asset=HOSTILE, tag=None))
    key = (await client.post("feed-key")).json()["key"]
    atom = await client.get("feed.atom", params={"key": key})
    feed = ElementTree.fromstring(atom.text)
    assert feed.findtext(f"{{{ATOM}}}title") == HOSTILE.replace("\x07", "\N{REPLACEMENT CHARACTER}")
    assert len(feed.findall(f"{{{ATOM}}}entry")) == 1
    calendar = (await client.get("feed.ics", params={"key": key})).text
    assert calendar.startswith("BEGIN:VCALENDAR\r\n")
    assert all(len(row.encode()) <= 75 for row in calendar.split("\r\n"))
    unfolded = calendar.replace("\r\n ", "")
    assert "\\;\\," in unfolded
    assert unfolded.count("BEGIN:VEVENT") == 1


async def test_a_batch_that_has_ended_ends_in_the_calendar_and_in_the_line(client, view):
    key = (await client.post("feed-key")).json()["key"]
    before = (await client.get("feed.ics", params={"key": key})).text
    view.ended.append(("R101", NOW - HOUR, "olga", "contaminated"))
    after = (await client.get("feed.ics", params={"key": key})).text
    end = datetime.fromtimestamp((NOW - HOUR) // 10**9, UTC)
    assert f"DTEND:{end:%Y%m%dT%H%M%SZ}" in after
    assert f"DTEND:{end:%Y%m%dT%H%M%SZ}" not in before
    ends = {v["id"]: v["batch"]["ended"] for v in (await client.get("line")).json()["vessels"]}
    assert ends["R101"] == f"{end:%Y-%m-%dT%H:%M:%S}.000Z"


async def test_what_is_suppressed_is_in_no_feed(client, view):
    key = (await client.post("feed-key")).json()["key"]
    standing = alarm(drift())
    view.raise_alarm(standing)
    assert "<entry>" in (await client.get("feed.atom", params={"key": key})).text
    view.standing[standing.id] = replace(standing, state=AlarmState.SUPPRESSED)
    assert "<entry>" not in (await client.get("feed.atom", params={"key": key})).text


async def test_S_01_a_key_opens_feeds_and_nothing_else(client, view):
    key = (await client.post("feed-key")).json()["key"]
    view.people.local = False
    assert (await client.get("feed.atom", params={"key": key})).status_code == 200
    assert (await client.get("feed.atom", params={"key": "guess"})).status_code == 401
    assert (await client.get("line", params={"key": key})).status_code == 401


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_a_person_subscribes_tests_and_stops_in_french(browser):
    view = ScriptedView(line=line())
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/subscriptions?lang=fr")
        await page.get_by_label("Adresse de courriel").fill("anne@example.org")
        await page.get_by_label("Calme de").fill("22:00")
        await page.get_by_label("Calme jusqu'à").fill("06:00")
        await page.get_by_role("button", name="S'abonner").click()
        card = page.locator(".subscription")
        await expect(card).to_contain_text("anne@example.org")
        await expect(card).to_contain_text("22:00 – 06:00")
        await card.get_by_role("button", name="Essayer").click()
        await expect(card.locator(".sent")).to_contain_text("en attente")
        (kept,) = view.subscriptions.of("operator")
        secret = view.subscriptions._secrets[kept.subscriber]
        await page.goto(f"http://127.0.0.1:{port}/#/stop?lang=fr&number={kept.subscriber}&secret={secret}")
        await page.get_by_role("button", name="Arrêter").click()
        await expect(page.get_by_role("status")).to_contain_text("Arrêté")
        assert view.subscriptions.of("operator")[0].stopped
