"""What a hostile name, page, request or reader can not do (ids of the security list in docs/reference)."""

import csv
import io
from dataclasses import replace

import httpx
import pytest
from browsing import serve, tab
from playwright.async_api import expect
from scripted_view import NOW, ScriptedView, alarm, drift, forecast, lost, people

from dashboards.access import COOKIE, ROUTES
from dashboards.app import create_app
from twin.domain.alarm import AlarmState, Move, Priority
from twin.domain.asset import Line
from twin.domain.measurement import Estimate
from twin.domain.people import Actor, Person, Role
from twin.runtime.passwords import Passwords

ROOT = Actor("root", Role.ADMINISTRATOR, "test")
PASSWORD = "nine violet trams hum"
EVIL = "<img src=x onerror=\"document.title='broken'\"><b>&amp;'=1+1"
"""Markup, an entity, quotes and a formula in one."""
PAGES = (
    "",
    "?wall=1",
    "unit/R101",
    "unit/R101?alarm=R101.pH/drift",
    "tag/R101.pH",
    "alarms",
    "diagnostics",
    "subscriptions",
    "people",
    "trail",
    "what-if/R101",
)


def hostile() -> ScriptedView:
    """A line in which every text that a person or a device may write is hostile."""
    view = ScriptedView(people=people())
    one, two = view.line.vessels
    tags = tuple(
        replace(each, instrument=EVIL, unit=EVIL if each.name == "pO2" else each.unit) for each in one.tags
    )
    spare = replace(tags[0], name=EVIL)
    one = replace(one, name={"en": EVIL, "fr": EVIL}, tags=(*tags, spare), batch=replace(one.batch, id=EVIL))
    view.line = Line("demo", {"en": EVIL, "fr": EVIL}, EVIL, view.line.origin, (one, two))
    view.set(spare.id, 7.0)
    view.beliefs[f"R101.est_{EVIL}"] = Estimate(f"R101.est_{EVIL}", NOW, 1.0, 0.1, EVIL)
    view.ahead = [forecast()]
    event = replace(drift(), evidence=(EVIL,), unit=EVIL, detail={"text": EVIL, "rate_per_h": 0.021})
    view.raise_alarm(replace(alarm(event, Priority.HIGH), by=EVIL, why=EVIL))
    aside = replace(alarm(lost("pO2")), state=AlarmState.SHELVED, by=EVIL, why=EVIL, until_ns=NOW + 10**13)
    view.standing[aside.id] = aside
    view.moves.append(
        Move(NOW - 1, EVIL, AlarmState.NORMAL, AlarmState.UNACK, Priority.HIGH, True, EVIL, EVIL)
    )
    view.people.invite(Person("eve", EVIL, Role.VIEWER), ROOT)
    return view


async def signed_in(view: ScriptedView, role: Role) -> str:
    invitation = view.people.invite(Person("anne", "Anne", role), ROOT)
    return (await view.people.accept(invitation, "", PASSWORD, "127.0.0.1")).token


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", [Role.ENGINEER, Role.ADMINISTRATOR])
async def test_S_06_hostile_texts_are_inert_on_every_page(browser, role):
    view = hostile()
    session = await signed_in(view, role)
    shown = 0
    async with serve(view) as port, tab(browser) as page:
        await page.context.add_cookies(
            [{"name": COOKIE, "value": session, "url": f"http://127.0.0.1:{port}"}]
        )
        for where in PAGES:
            for language in ("en", "fr"):
                mark = "&" if "?" in where else "?"
                await page.goto(f"http://127.0.0.1:{port}/#/{where}{mark}lang={language}")
                await expect(page.locator("main section, main .panel").first).to_be_visible()
                await page.wait_for_timeout(150)  # what an onerror would need
                assert await page.locator("img").count() == 0, where
                assert await page.title() == "Bioline Twin", where
                shown += (await page.locator("body").inner_text()).count("onerror")
    assert shown > 40, "the texts were there, as texts"


@pytest.fixture
def view() -> ScriptedView:
    return ScriptedView(people=people())


def asking(
    view: ScriptedView, role: Role | None, base: str = "http://localhost", **more
) -> httpx.AsyncClient:
    headers = {}
    if role:
        headers["authorization"] = f"Bearer {view.people.admit(f'{role}-machine', role, 1.0, ROOT)}"
    transport = httpx.ASGITransport(create_app(view, **more), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=base, headers=headers)


async def test_S_06_AL_10_no_cell_of_the_alarm_log_is_a_formula(view):
    for why in ("=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "fine", 'a";"b\nc'):
        view.moves.append(
            Move(NOW - 1, why, AlarmState.NORMAL, AlarmState.UNACK, Priority.HIGH, True, why, why)
        )
    async with asking(view, Role.VIEWER) as client:
        text = (await client.get("/api/v1/alarms/log.csv")).text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(view.moves)
    assert all(each["why"][0] not in "=+-@\t\r" for each in rows)
    assert rows[-1]["why"] == 'a";"b\nc'


async def test_S_04_asking_changes_nothing(view):
    """No GET has a side effect: a foreign page can make a browser send one."""
    view.raise_alarm(alarm(drift()))
    view.ahead = [forecast()]
    places = {"language": "en", "number": "1", "name": "x", "key": "k", "path": "x"}
    for role in (Role.ENGINEER, Role.ADMINISTRATOR):
        async with asking(view, role) as client:
            before = (view.people.trail_length(), view.alarms(), list(view.log), dict(view.values))
            for method, path in ROUTES:
                if method == "GET" and path not in ("/stream", "/oidc/start", "/oidc/return"):
                    query = {"name": "R101.pH", "asset": "R101"}
                    where = path.replace(":path", "").format_map(places)
                    for params in ({}, query, {"name": "R101.pH"}, {"asset": "R101"}):
                        await client.get(f"/api/v1{where}", params=params)
            assert (view.people.trail_length(), view.alarms(), list(view.log), dict(view.values)) == before


@pytest.mark.parametrize(("path", "status"), [("/api/v1/line", 401), ("/api/v1/none", 404), ("/livez", 200)])
async def test_S_05_headers_are_on_every_answer_and_https_is_kept_to(view, path, status):
    for base in ("http://localhost", "https://localhost"):
        async with asking(view, None, base) as client:
            answer = await client.get(path)
            assert answer.status_code == status
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            age = answer.headers.get("strict-transport-security", "max-age=0").removeprefix("max-age=")
            assert (int(age) >= 365 * 86400) is base.startswith("https")


async def test_S_13_the_cookie_of_a_session_never_leaves_by_an_open_wire(view):
    await signed_in(view, Role.OPERATOR)
    for base, secure in (("http://localhost", False), ("https://localhost", True)):
        async with asking(view, None, base) as client:
            body = {"name": "anne", "password": PASSWORD}
            cookie = (await client.post("/api/v1/session", json=body)).headers["set-cookie"]
            assert ("Secure" in cookie) is secure
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie


@pytest.mark.parametrize("name", ["anne", "nobody", "bob"])
async def test_S_03_one_hash_is_computed_whoever_is_named(view, monkeypatch, name):
    """Known, unknown and barred names take the same work, so the time tells nothing."""
    await signed_in(view, Role.ADMINISTRATOR)
    invitation = view.people.invite(Person("bob", "Bob", Role.OPERATOR), ROOT)
    await view.people.accept(invitation, "", PASSWORD, "127.0.0.1")
    view.people.change("bob", Role.OPERATOR, True, ROOT)
    verified = []
    verify = Passwords._verify

    def counted(self, kept, password):
        verified.append(kept)
        return verify(self, kept, password)

    monkeypatch.setattr(Passwords, "_verify", counted)
    async with asking(view, None) as client:
        body = {"name": name, "password": "wrong horse battery"}
        assert (await client.post("/api/v1/session", json=body)).status_code == 401
    assert len(verified) == 1
    assert verified[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_S_16_no_secret_is_in_the_trail_the_lists_or_the_figures(view):
    session = await signed_in(view, Role.ADMINISTRATOR)
    async with asking(view, Role.ADMINISTRATOR) as client:
        invited = {"name": "bob", "full_name": "Bob", "role": "viewer"}
        invitation = (await client.post("/api/v1/people", json=invited)).json()["invitation"]
        token = (await client.post("/api/v1/programs", json={"name": "grafana"})).json()["token"]
        key = (await client.post("/api/v1/feed-key")).json()["key"]
        secrets = (PASSWORD, session, invitation, token, key)
        assert all(len(each) > 16 for each in secrets)
        for path in ("trail?limit=1000", "people", "programs", "session", "subscriptions", "openapi.json"):
            text = (await client.get(f"/api/v1/{path}")).text
            assert not [each for each in secrets if each in text], path
        metrics = (await client.get("/metrics")).text
        assert not [each for each in secrets if each in metrics]


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/assets/../../secret",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/..%5c..%5csecret",
        "//etc/passwd",
        "/%c0%ae%c0%ae/secret",
        "/assets/%00",
        "/link/secret",
    ],
)
async def test_S_07_nothing_outside_of_the_pages_is_served(view, tmp_path, path):
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html>ok")
    (tmp_path / "secret").write_text("no")
    (static / "link").symlink_to(tmp_path)
    async with asking(view, Role.ADMINISTRATOR, static=static) as client:
        answer = await client.get(httpx.URL("http://localhost", raw_path=path.encode()))
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
    assert answer.text != "no"
