"""Every route for every role; sign-in, sessions, tokens and the trail as a program sees them."""

import asyncio
import itertools

import httpx
import pytest
from scripted_view import ScriptedView, alarm, drift, people

from dashboards.access import COOKIE, ROUTES
from dashboards.app import create_app
from twin.domain.people import PERMISSIONS, Actor, Permission, Person, Role
from twin.runtime import people as people_module

ADMIN = Actor("root", Role.ADMINISTRATOR, "test")
PASSWORD = "nine violet trams hum"
PERMITTED = {
    Permission.READ: {"viewer", "operator", "engineer", "quality", "administrator"},
    Permission.OPERATE: {"operator", "engineer"},
    Permission.COMMAND: {"operator", "engineer"},
    Permission.ENGINEER: {"engineer"},
    Permission.REVIEW: {"quality", "administrator"},
    Permission.ADMINISTER: {"administrator"},
    Permission.APPROVE: {"quality"},
}
"""Who may do what, written out a second time."""

PLACES = {
    "language": "en",
    "name": "x1",
    "alarm_id": "a",
    "tag": "R101.pH",
    "number": "s",
    "key": "k",
    "asset": "R9",
    "path": "x",
}


@pytest.fixture
def view() -> ScriptedView:
    return ScriptedView(people=people())


@pytest.fixture
def app(view, tmp_path):
    return create_app(view, static=tmp_path)


def asking(app, **settings) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", **settings)


def as_program(app, view, role: str) -> httpx.AsyncClient:
    token = view.people.admit(f"{role}-machine", Role(role), 1.0, ADMIN)
    return asking(app, headers={"authorization": f"Bearer {token}"})


async def signed_in(view, name: str, role: Role = Role.OPERATOR) -> str:
    """An account with its password, and the secret of an open session."""
    invitation = view.people.invite(Person(name, name.title(), role), ADMIN)
    return (await view.people.accept(invitation, "", PASSWORD, "127.0.0.1")).token


def described(app) -> set[tuple[str, str]]:
    paths = app.openapi()["paths"]
    return {(method.upper(), path) for path, methods in paths.items() for method in methods}


def test_every_route_is_in_the_table_and_every_row_is_a_route(app):
    short = {(method, path.replace(":path", "")) for method, path in ROUTES}
    assert {(method, path.removeprefix("/api/v1")) for method, path in described(app)} == short


def test_the_roles_permit_what_is_written_here():
    for role, permission in itertools.product(Role, Permission):
        assert (permission in PERMISSIONS[role]) is (role.value in PERMITTED[permission])


@pytest.mark.parametrize("role", ["anonymous", *Role])
async def test_S_01_every_route_answers_to_every_role_as_the_table_says(app, view, role):
    client = asking(app) if role == "anonymous" else as_program(app, view, role)
    async with client:
        for method, path in sorted(described(app)):
            needed = ROUTES[
                method,
                path.removeprefix("/api/v1")
                .replace("{alarm_id}", "{alarm_id:path}")
                .replace("{path}", "{path:path}"),
            ]
            where = path.format_map(PLACES)
            if where.endswith("/stream") and needed and role in PERMITTED[needed]:
                continue  # does not end by itself; see below
            status = (await client.request(method, where)).status_code
            if needed is None:
                assert status not in (403, 404, 405, 500), (method, path, status)
            elif role == "anonymous":
                assert status == 401, (method, path)
            else:
                assert (status == 403) is (role not in PERMITTED[needed]), (method, path, status)


async def test_S_01_a_route_that_is_not_in_the_table_is_refused_to_all(app, view, monkeypatch):
    monkeypatch.delitem(ROUTES, ("GET", "/line"))
    async with as_program(app, view, "administrator") as client:
        assert (await client.get("/api/v1/line")).status_code == 403


async def test_S_16_first_run_makes_the_administrator_once(app, view):
    invitation = view.people.invite(Person("", "", Role.ADMINISTRATOR), ADMIN)
    async with asking(app) as client:
        assert (await client.get("/api/v1/session")).json()["unclaimed"] is True
        assert (await client.get("/api/v1/line")).status_code == 401
        body = {"invitation": invitation, "name": "Anne.L", "password": PASSWORD}
        origin = {"origin": "http://localhost"}
        opened = await client.post("/api/v1/invitation/accept", json=body, headers=origin)
        assert (opened.status_code, opened.json()["role"]) == (200, "administrator")
        cookie = opened.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert (await client.get("/api/v1/people")).json()[0]["name"] == "anne.l"
        again = await client.post("/api/v1/invitation/accept", json=body, headers=origin)
        assert again.status_code == 401


@pytest.mark.parametrize("password", ["short", "passwordpassword", "annelaurent1234", "x" * 129])
async def test_a_password_that_is_easily_guessed_is_refused_and_the_invitation_stays(app, view, password):
    invitation = view.people.invite(Person("annelaurent", "Anne Laurent", Role.OPERATOR), ADMIN)
    async with asking(app) as client:
        body = {"invitation": invitation, "password": password}
        answer = await client.post("/api/v1/invitation/accept", json=body)
        assert answer.status_code == 422
        assert "would do" in answer.json()["detail"]
        assert (await client.post("/api/v1/invitation", json={"invitation": invitation})).json()["name"]


async def test_S_13_a_session_is_made_anew_by_each_sign_in_and_ends_by_sign_out(app, view):
    first = await signed_in(view, "anne")
    async with asking(app, cookies={COOKIE: first}, headers={"origin": "http://localhost"}) as client:
        body = {"name": " ANNE ", "password": PASSWORD}
        opened = await client.post("/api/v1/session", json=body)
        second = opened.cookies[COOKIE]
        assert second != first
        assert view.people.whose(first, None, "x") is None
        assert (await client.delete("/api/v1/session")).json()["name"] is None
        assert view.people.whose(second, None, "x") is None


async def test_S_13_a_session_chosen_by_somebody_else_opens_nothing(app):
    async with asking(app, cookies={COOKIE: "chosen-by-another"}) as client:
        assert (await client.get("/api/v1/line")).status_code == 401


async def test_S_04_a_change_with_a_cookie_needs_to_say_where_it_comes_from(app, view):
    session = await signed_in(view, "anne")
    view.raise_alarm(alarm(drift()))
    path = "/api/v1/alarms/R101.pH/drift/acknowledge"
    async with asking(app, cookies={COOKIE: session}) as client:
        assert (await client.post(path, json={})).status_code == 403
        foreign = {"origin": "http://evil.example"}
        assert (await client.post(path, json={}, headers=foreign)).status_code == 403
        own = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
        assert (await client.post(path, json={}, headers=own)).json()["by"] == "anne"
        assert (await client.get(path)).status_code == 405


async def test_S_03_wrong_names_and_passwords_look_alike(app, view):
    await signed_in(view, "anne")
    async with asking(app) as client:
        answers = [
            await client.post("/api/v1/session", json={"name": name, "password": "wrong horse battery"})
            for name in ("anne", "nobody")
        ]
    assert [each.status_code for each in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


class Time:
    """A clock the test moves."""

    ns = 1_800_000_000 * 10**9

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def cheap(monkeypatch):
    """Hashes that cost nothing, for tests of what is around them."""

    async def as_it_is(_, password):
        return password

    async def equal(_, password, kept):
        return password == kept

    monkeypatch.setattr(people_module.Passwords, "hash", as_it_is)
    monkeypatch.setattr(people_module.Passwords, "fits", equal)


async def guess(book, name: str, origin: str, password: str = "wrong") -> str:
    try:
        await book.sign_in(name, password, origin)
    except people_module.SignInError as error:
        return "later" if error.wait_s else "wrong"
    return "in"


async def test_S_03_a_thousand_guesses_at_once_on_one_account_are_ten_tries(cheap):
    now = Time()
    view = ScriptedView(people=people(now_ns=now))
    await signed_in(view, "anne")
    answers = await asyncio.gather(*(guess(view.people, "anne", f"10.0.0.{i % 200}") for i in range(1000)))
    assert answers.count("wrong") == 10
    assert await guess(view.people, "anne", "10.0.1.1", PASSWORD) == "later"
    assert await guess(view.people, "anne", "127.0.0.1", PASSWORD) == "in", "from where she signed in before"
    now.ns += 16 * 60 * 10**9
    assert await guess(view.people, "anne", "10.0.1.1", PASSWORD) == "in"


async def test_S_03_one_guess_on_each_of_a_thousand_accounts_is_a_hundred_tries(cheap):
    view = ScriptedView(people=people())
    answers = [await guess(view.people, f"name{i}", "10.0.0.1") for i in range(1000)]
    assert answers.count("wrong") == 100
    assert len(view.people.trail(0, 1000)) == 0, "what strangers write is not kept"


async def test_S_02_rights_taken_away_end_sessions_and_open_streams(view, app):
    session = await signed_in(view, "anne")
    await signed_in(view, "root2", Role.ADMINISTRATOR)
    live = app.state.live
    stream = live.stream(None, lambda: view.people.whose(session, None, "x") is not None)
    await anext(stream)
    view.people.change("anne", Role.OPERATOR, True, ADMIN)
    assert view.people.whose(session, None, "x") is None
    view.push(view.set("R101.pH", 7.1))
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(_past(stream), 30)
    async with asking(app) as client:
        answer = await client.post("/api/v1/session", json={"name": "anne", "password": PASSWORD})
        assert answer.status_code == 401


async def _past(stream) -> None:
    while True:
        await anext(stream)


async def test_the_last_administrator_stays(view):
    await signed_in(view, "anne", Role.ADMINISTRATOR)
    with pytest.raises(people_module.NotAllowedError, match="last administrator"):
        view.people.change("anne", Role.OPERATOR, False, ADMIN)


async def test_S_13_sessions_accounts_and_tokens_survive_a_restart_and_end_in_time(cheap):
    now = Time()
    first = people(now_ns=now)
    view = ScriptedView(people=first)
    session = await signed_in(view, "anne")
    token = first.admit("grafana", Role.VIEWER, 2.0, ADMIN)
    second = people_module.PeopleBook(first._ledger, now)
    assert second.whose(session, None, "x") == Actor("anne", Role.OPERATOR, "x")
    assert second.whose(None, token, "x") == Actor("grafana", Role.VIEWER, "x", program=True)
    now.ns += 13 * 3600 * 10**9
    assert second.whose(session, None, "x") is None
    now.ns += 48 * 3600 * 10**9
    assert second.whose(None, token, "x") is None


async def test_who_may_not_is_told_which_role_may(app, view):
    async with as_program(app, view, "operator") as client:
        answer = await client.get("/api/v1/trail")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "The role operator may not do this; these may: quality, administrator."


async def test_a_name_in_use_is_refused_for_a_program_unless_it_is_renewed(app, view):
    token = view.people.admit("grafana", Role.VIEWER, 2.0, ADMIN)
    async with as_program(app, view, "administrator") as client:
        again = await client.post("/api/v1/programs", json={"name": "Grafana"})
        assert again.status_code == 409
        assert "renew" in again.json()["detail"]
        assert view.people.whose(None, token, "x") is not None
        renewed = await client.post("/api/v1/programs", json={"name": "grafana", "renew": True})
        assert renewed.status_code == 200
    assert view.people.whose(None, token, "x") is None
    assert view.people.whose(None, renewed.json()["token"], "x") is not None


async def test_nobody_is_invited_under_a_name_that_means_another(app, view):
    view.people.invite(Person("viewer1", "First viewer", Role.VIEWER), ADMIN)
    view.people.admit("grafana", Role.VIEWER, 2.0, ADMIN)
    asked = {"full_name": "Another", "role": "engineer"}
    async with as_program(app, view, "administrator") as client:
        for name, status in (
            ("Viewer1", 409), ("viewer1", 409), ("grafana", 409), ("system", 422), ("Design", 422),
        ):  # fmt: skip
            answer = await client.post("/api/v1/people", json={"name": name, **asked})
            assert answer.status_code == status, name
            assert "invitation" not in answer.json()
        again = {"name": "viewer1", "full_name": "First viewer", "role": "viewer"}
        assert (await client.post("/api/v1/people", json=again)).status_code == 200
        person = await client.post("/api/v1/programs", json={"name": "viewer1"})
        assert person.status_code == 409
    assert [each.role for each in view.people.people()] == [Role.VIEWER]


async def test_S_19_a_disk_that_is_full_lets_nothing_be_half_done(view, monkeypatch):
    await signed_in(view, "anne")

    def full(*_, **__):
        raise people_module.StorageError("The disk is full.")

    monkeypatch.setattr(view.people._ledger, "commit", full)
    with pytest.raises(people_module.StorageError):
        view.people.admit("grafana", Role.VIEWER, 2.0, ADMIN)
    assert view.people.programs() == []


async def test_local_mode_says_so_and_acts_as_operator_only(tmp_path):
    app = create_app(ScriptedView(), static=tmp_path)
    async with asking(app) as client:
        session = (await client.get("/api/v1/session")).json()
        assert (session["local"], session["name"], session["role"]) == (True, "operator", "operator")
        assert (await client.get("/api/v1/line")).status_code == 200
        assert (await client.get("/api/v1/people")).status_code == 403
        assert (await client.get("/api/v1/trail")).status_code == 403


async def test_the_trail_is_read_newest_first_and_a_page_at_a_time(app, view):
    for i in range(5):
        view.people.admit(f"machine{i}", Role.VIEWER, 1.0, ADMIN)
    async with as_program(app, view, "quality") as client:
        page = (await client.get("/api/v1/trail", params={"limit": 2})).json()
        assert [each["number"] for each in page["entries"]] == [6, 5]
        older = (await client.get("/api/v1/trail", params={"limit": 10, "before": 5})).json()
        assert [each["subject"] for each in older["entries"]] == [f"machine{i}" for i in (3, 2, 1, 0)]
