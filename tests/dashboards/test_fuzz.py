"""Whatever is asked of the interface, the answer is never a fault of the service's own."""

import json
import os
import random

import httpx
import pytest
from scripted_view import ScriptedView, alarm, drift, people

from dashboards.access import ROUTES
from dashboards.app import create_app
from twin.domain.people import Actor, Role

ROUNDS = int(os.environ.get("BIOLINE_FUZZ_ROUNDS", "12"))
"""Requests for each route and role."""
STRANGE = [
    "", " ", "0", "-1", "1e309", "NaN", "null", "true", "[]", "{}", "a" * 3000, "é" * 50,
    "R101.pH", "R101.pH/drift", "../../etc/passwd", "%2e%2e%2f", "\x00", "\x1b[2J", "\ud7ff\ue000",
    "<script>alert(1)</script>", "' OR 1=1 --", "=cmd|' /C calc'!A0", "R101\r\nX: y",
    "2026-11-25T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-02-30",
    "99999999999999999999",
]  # fmt: skip
VALUES = [None, True, False, 0, -1, 1.5, 1e308, 2**70, [], {}, [[]], {"a": {"b": 1}}, *STRANGE]
CALM = {"/stream"}
"""Routes that do not end by themselves."""


def body(rng: random.Random, fields: list[str]) -> bytes:
    """A body that may be nothing like JSON, JSON of the wrong shape, or nearly right."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randbytes(rng.randrange(200))
    if kind == 1:
        return json.dumps(rng.choice(VALUES)).encode()
    document = {name: rng.choice(VALUES) for name in fields if rng.random() < 0.9}
    if kind == 2:
        document[rng.choice(STRANGE)] = rng.choice(VALUES)
    return json.dumps(document).encode()


def fields_of(operation: dict) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return list(content.get("schema", {}).get("properties", {}))


@pytest.fixture
def view() -> ScriptedView:
    view = ScriptedView(people=people())
    view.raise_alarm(alarm(drift()))
    return view


@pytest.mark.parametrize("role", [None, Role.OPERATOR, Role.ENGINEER, Role.ADMINISTRATOR])
async def test_no_request_is_a_fault_of_the_service(view, tmp_path, role):
    rng = random.Random(f"{role}")
    app = create_app(view, static=tmp_path)
    root = Actor("root", Role.ADMINISTRATOR, "test")
    token = view.people.admit("fuzz", role, 1.0, root) if role else "guess"
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {token}"}
    statuses = set()
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        for path, methods in app.openapi()["paths"].items():
            for method, operation in methods.items():
                if path.removeprefix("/api/v1") in CALM:
                    continue
                names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
                for _ in range(ROUNDS):
                    statuses.add(await strike(client, rng, method, path, names, fields_of(operation)))
    assert statuses > ({200, 404, 415, 422} if role else {200, 401})


async def strike(client, rng, method, path, names, fields) -> int:
    where = path
    for place in ("language", "name", "alarm_id", "tag", "number"):
        part = rng.choice([*STRANGE, "R101.pH", "R101.pH/drift", "en"]) or "x"
        where = where.replace(f"{{{place}}}", httpx.URL("http://x/", params={"v": part}).query.decode()[2:])
    query = {name: rng.choice(STRANGE) for name in names if rng.random() < 0.7}
    sort = rng.choice(["application/json"] * 4 + ["text/plain", "application/json; charset=utf-16", ""])
    content = None if method == "get" else body(rng, fields)
    answer = await client.request(
        method.upper(), where, params=query, content=content, headers={"content-type": sort}
    )
    asked = (method, where, query, answer.status_code, answer.text[:300])
    assert answer.status_code < 500, asked
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", asked
        assert set(answer.json()) == {"type", "title", "status", "detail"}, asked
    return answer.status_code


def test_every_route_that_changes_something_needs_somebody():
    open_to_all = {route for route, permission in ROUTES.items() if permission is None}
    assert {path for method, path in open_to_all if method != "GET"} == {
        "/session", "/invitation", "/invitation/accept", "/stop",
    }  # fmt: skip
