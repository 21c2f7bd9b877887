"""Single sign-on against a provider that answers on loopback: who is let in, as what, and who is not."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from browsing import serve, tab
from joserfc.jwk import RSAKey
from playwright.async_api import expect
from pydantic import ValidationError
from scripted_view import ScriptedView, people
from small_provider import CLIENT, SECRET, SmallProvider, shared_key, small_provider

from connectors.oidc import OidcProvider, open_provider, read_config
from dashboards.access import COOKIE
from dashboards.app import create_app
from dashboards.single import AWAY
from twin.domain.errors import ConfigError
from twin.domain.people import Actor, Person, Role
from twin.service.settings import Settings

ADMIN = Actor("root", Role.ADMINISTRATOR, "test")
ROLES = {"admins": "administrator", "engineers": "engineer", "ops": "operator"}
HOME = "http://localhost:8800/"


def connected(provider: SmallProvider, folder: Path, back: str = HOME, **fields: Any) -> OidcProvider:
    secret = folder / "secret"
    secret.write_text(SECRET + "\n")
    raw = {
        "issuer": provider.issuer,
        "client_id": CLIENT,
        "client_secret_file": str(secret),
        "label": "Bio AG",
        "roles": ROLES,
    }
    made = open_provider(read_config(raw | fields, Path("oidc.yaml")), f"{back}api/v1/oidc/return")
    assert isinstance(made, OidcProvider)
    return made


@asynccontextmanager
async def here(
    view: ScriptedView, provider: OidcProvider | None, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(view, static=folder, provider=provider)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=HOME) as client:
        yield client
    if provider is not None:
        await provider.close()


async def there_and_back(client: httpx.AsyncClient) -> httpx.Response:
    """Leave, be signed in at the provider, and come back."""
    left = await client.get("/api/v1/oidc/start")
    assert left.status_code == 303
    async with httpx.AsyncClient() as browser:
        signed = await browser.get(left.headers["location"])
    return await client.get(signed.headers["location"])


async def who(client: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await client.get("/api/v1/session")).json())


async def test_whoever_the_provider_vouches_for_is_let_in_by_the_groups(tmp_path) -> None:
    view = ScriptedView(people=people())
    async with small_provider() as small, here(view, connected(small, tmp_path), tmp_path) as client:
        assert (await who(client))["provider"] == "Bio AG"
        back = await there_and_back(client)
        assert (back.status_code, back.headers["location"]) == (303, "/")
        cookie = next(row for row in back.headers.get_list("set-cookie") if row.startswith(COOKIE))
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        session = await who(client)
        assert (session["name"], session["role"]) == ("anne", "operator")
        assert (await client.get("/api/v1/line")).status_code == 200
        assert small.faults == []
    assert [e.deed.action for e in view.people.trail(0, 10)] == ["person.vouch", "session.open"]
    assert not view.people.unclaimed()


@pytest.mark.parametrize(
    ("groups", "role"),
    [(["x", "ops"], "operator"), (["ops", "admins"], "administrator"), ("engineers", "engineer")],
)
async def test_of_several_groups_the_first_of_the_table_counts(tmp_path, groups, role) -> None:
    view = ScriptedView(people=people())
    async with small_provider() as small, here(view, connected(small, tmp_path), tmp_path) as client:
        small.person["groups"] = groups
        await there_and_back(client)
        assert (await who(client))["role"] == role


@pytest.mark.parametrize("groups", [[], ["strangers"], None, {"ops": True}, "opsx", [["ops"]]])
async def test_without_a_group_that_has_a_role_nobody_is_let_in(tmp_path, groups) -> None:
    view = ScriptedView(people=people())
    async with small_provider() as small, here(view, connected(small, tmp_path), tmp_path) as client:
        small.person["groups"] = groups
        back = await there_and_back(client)
        assert back.headers["location"] == "/#/?problem=refused"
        assert (await who(client))["name"] is None
        assert (await client.get("/api/v1/line")).status_code == 401
    (entry,) = view.people.trail(0, 10)
    assert (entry.deed.action, entry.deed.why) == ("session.refuse", "none of the groups has a role here")
    assert view.people.people() == []


FORGED: dict[str, dict[str, Any]] = {
    "for another": {"claims": {"aud": "another"}},
    "for us and another, not by us": {"claims": {"aud": [CLIENT, "another"]}},
    "by another issuer": {"claims": {"iss": "http://127.0.0.1:1"}},
    "for another sign-in": {"claims": {"nonce": "another"}},
    "without a nonce": {"claims": {"nonce": None}},
    "without a subject": {"claims": {"sub": None}},
    "over": {"claims": {"exp": int(time.time()) - 3600}},
    "without an end": {"claims": {"exp": None}},
    "not signed": {"algorithm": "none"},
    "signed by another": {"signing": RSAKey.generate_key(2048, {"kid": "k1"})},
    "signed by a shared secret": {"algorithm": "HS256", "signing": shared_key(SECRET * 4)},
}


@pytest.mark.parametrize("name", FORGED)
async def test_an_identity_that_is_not_right_is_not_believed(tmp_path, name) -> None:
    view = ScriptedView(people=people())
    async with (
        small_provider(**FORGED[name]) as small,
        here(view, connected(small, tmp_path), tmp_path) as client,
    ):
        back = await there_and_back(client)
        assert back.headers["location"] == "/#/?problem=refused"
        assert (await who(client))["name"] is None
    assert view.people.people() == []


async def test_what_comes_back_counts_once_and_in_the_browser_that_left(tmp_path) -> None:
    view = ScriptedView(people=people())
    async with small_provider() as small, here(view, connected(small, tmp_path), tmp_path) as client:
        left = await client.get("/api/v1/oidc/start")
        async with httpx.AsyncClient() as browser:
            signed = (await browser.get(left.headers["location"])).headers["location"]
        kept = client.cookies.get(AWAY)
        client.cookies.delete(AWAY)
        stolen = await client.get(signed)
        assert stolen.headers["location"] == "/#/?problem=refused", "another browser"
        client.cookies.set(AWAY, str(kept))
        again = await client.get(signed)
        assert again.headers["location"] == "/#/?problem=refused", "the question is used up"
        made_up = await client.get("/api/v1/oidc/return", params={"state": "guess", "code": "code-0"})
        assert made_up.headers["location"] == "/#/?problem=refused"
        assert (await who(client))["name"] is None


async def test_a_no_of_the_provider_and_its_absence_are_told_apart(tmp_path) -> None:
    view = ScriptedView(people=people())
    async with small_provider(refuses=True) as small:
        provider = connected(small, tmp_path)
        async with here(view, provider, tmp_path) as client:
            assert (await there_and_back(client)).headers["location"] == "/#/?problem=refused"
    async with here(view, connected(small, tmp_path), tmp_path) as client:
        gone = await client.get("/api/v1/oidc/start")
        assert gone.headers["location"] == "/#/?problem=provider"


async def test_keys_that_were_changed_are_fetched_anew(tmp_path) -> None:
    view = ScriptedView(people=people())
    async with small_provider() as small, here(view, connected(small, tmp_path), tmp_path) as client:
        await there_and_back(client)
        small.key = RSAKey.generate_key(2048, {"kid": "k2"})
        client.cookies.clear()
        assert (await there_and_back(client)).headers["location"] == "/"
        assert (await who(client))["name"] == "anne"


async def test_the_role_follows_the_groups_and_a_barred_account_stays_barred(tmp_path) -> None:
    view = ScriptedView(people=people())
    async with small_provider() as small, here(view, connected(small, tmp_path), tmp_path) as client:
        small.person |= {"sub": "1", "preferred_username": "boss", "groups": ["admins"]}
        await there_and_back(client)
        small.person |= {"sub": "42", "preferred_username": "anne", "groups": ["ops"]}
        await there_and_back(client)
        assert (await who(client))["role"] == "operator"
        small.person["groups"] = ["engineers"]
        await there_and_back(client)
        assert (await who(client))["role"] == "engineer"
        view.people.change("anne", Role.ENGINEER, True, ADMIN)
        assert (await there_and_back(client)).headers["location"] == "/#/?problem=refused"
        assert (await who(client))["name"] is None


async def test_nobody_takes_the_account_of_another_by_its_name(tmp_path) -> None:
    view = ScriptedView(people=people())
    invitation = view.people.invite(Person("anne", "Anne", Role.ADMINISTRATOR), ADMIN)
    await view.people.accept(invitation, "", "nine violet trams hum", "127.0.0.1")
    async with small_provider() as small, here(view, connected(small, tmp_path), tmp_path) as client:
        assert (await there_and_back(client)).headers["location"] == "/#/?problem=refused"
        small.person |= {"preferred_username": "bert"}
        assert (await there_and_back(client)).headers["location"] == "/"
        small.person |= {"sub": "43", "groups": ["admins"]}
        client.cookies.clear()
        assert (await there_and_back(client)).headers["location"] == "/#/?problem=refused"
    roles = {each.name: each.role for each in view.people.people()}
    assert roles == {"anne": Role.ADMINISTRATOR, "bert": Role.OPERATOR}


async def test_an_account_of_the_provider_has_no_password(tmp_path) -> None:
    view = ScriptedView(people=people())
    async with small_provider() as small, here(view, connected(small, tmp_path), tmp_path) as client:
        await there_and_back(client)
        client.cookies.clear()
        for password in ("", " ", "None", "anne"):
            answer = await client.post("/api/v1/session", json={"name": "anne", "password": password or "x"})
            assert answer.status_code == 401


async def test_without_a_provider_the_way_leads_back(tmp_path) -> None:
    view = ScriptedView(people=people())
    async with here(view, None, tmp_path) as client:
        for way in ("start", "return"):
            answer = await client.get(f"/api/v1/oidc/{way}")
            assert answer.headers["location"] == "/#/?problem=provider"
        assert (await who(client))["provider"] == ""


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"issuer": "http://login.example.org"}, "https would do"),
        ({"roles": {}}, "roles"),
        ({"roles": {"ops": "boss"}}, "roles.ops"),
        ({"scopes": "profile"}, "openid"),
        ({"client_secret_file": "/none"}, "client_secret_file"),
        ({"rolls": {}}, "rolls"),
    ],
)
async def test_a_file_that_will_not_do_says_why(tmp_path, fields, says) -> None:
    with pytest.raises(ConfigError, match=says):
        connected(SmallProvider("https://login.example.org"), tmp_path, **fields)


def test_the_setting_needs_the_address_people_come_back_to(monkeypatch) -> None:
    monkeypatch.setenv("TWIN_OIDC", "oidc.yaml")
    with pytest.raises(ValidationError, match="TWIN_PUBLIC_URL"):
        Settings()
    monkeypatch.setenv("TWIN_PUBLIC_URL", "https://twin.example.org/")
    assert Settings().oidc == Path("oidc.yaml")


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("language", "button", "no"),
    [
        ("en", "Sign in with Bio AG", "You were not let in"),
        ("fr", "Se connecter avec Bio AG", "L'accès est refusé"),
    ],
)
async def test_a_person_goes_there_and_comes_back_signed_in(browser, tmp_path, language, button, no) -> None:
    view = ScriptedView(people=people())
    async with small_provider() as small, tab(browser) as page:
        provider = connected(small, tmp_path)
        async with serve(view, provider=provider) as port:
            provider._back = f"http://127.0.0.1:{port}/api/v1/oidc/return"
            small.person["groups"] = ["strangers"]
            await page.goto(f"http://127.0.0.1:{port}/#/?lang={language}")
            await page.evaluate(f"localStorage.setItem('language', '{language}')")
            await page.get_by_role("link", name=button).click()
            await expect(page.get_by_role("alert")).to_contain_text(no)
            small.person["groups"] = ["ops"]
            await page.get_by_role("link", name=button).click()
            await expect(page.locator(".who")).to_contain_text("anne")
            await expect(page.locator(".vessel").first).to_be_visible()
        await provider.close()
