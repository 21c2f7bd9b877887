"""The interface as a program sees it."""

from dataclasses import replace

import httpx
import pytest
from scripted_view import ScriptedView, alarm, drift, forecast, self_report

from dashboards.app import create_app
from twin.domain.errors import StorageError
from twin.domain.event import Kind
from twin.domain.instant import iso
from twin.domain.measurement import Quality


@pytest.fixture
def view() -> ScriptedView:
    return ScriptedView()


@pytest.fixture
async def client(view, tmp_path):
    transport = httpx.ASGITransport(create_app(view, static=tmp_path), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as each:
        yield each


async def test_line_tells_units_ranges_limits_and_where_data_come_from(client):
    line = (await client.get("/api/v1/line")).json()
    assert line["origin"] == "simulated"
    assert line["languages"] == ["en", "fr"]
    tag = next(each for each in line["vessels"][0]["tags"] if each["id"] == "R101.pCO2")
    assert (tag["unit"], tag["limits"]["high"], tag["limits"]["low"]) == ("mm[Hg]", 110.0, None)


async def test_head_tells_what_get_would_without_the_body(client):
    paths = [
        "/api/v1/line",
        "/api/v1/latest",
        "/api/v1/events",
        "/api/v1/alarms/figures",
        "/livez",
        "/metrics",
    ]
    for path in paths:
        got, head = await client.get(path), await client.head(path)
        assert head.status_code == got.status_code, path
        assert head.content == b""
        assert head.headers["content-type"] == got.headers["content-type"]
        assert int(head.headers["content-length"]) > 0
    assert (await client.head("/api/v1/forecast", params={"asset": "R9"})).status_code == 404
    assert (await client.head("/api/v1/commands", headers={"host": "evil.example"})).status_code >= 400
    assert (await client.head("/api/v1/stream")).status_code == 405, "what never ends is not begun"


async def test_latest_keeps_missing_apart_from_zero(client, view):
    view.set("R101.pH", None, Quality.BAD)
    view.set("R101.pO2", 0.0)
    tags = (await client.get("/api/v1/latest")).json()["tags"]
    assert tags["R101.pH"]["value"] is None
    assert tags["R101.pH"]["quality"] == "bad"
    assert tags["R101.pO2"]["value"] == 0.0


async def test_trend_has_the_measured_series_and_the_band(client):
    answer = await client.get(
        "/api/v1/trend",
        params={
            "name": "R101.pH",
            "start": "2026-11-25T00:00:00Z",
            "end": "2026-11-26T00:00:00Z",
            "points": 50,
        },
    )
    trend = answer.json()
    assert 50 <= len(trend["measured"]["t"]) == len(trend["measured"]["value"]) <= 100
    assert len(trend["twin"]["mean"]) == len(trend["twin"]["sd"]) > 0


async def test_twins_tell_how_they_are(client, view):
    view.selves = [self_report()]
    (twin,) = (await client.get("/api/v1/twins")).json()
    assert (twin["asset"], twin["trust"], twin["reasons"]) == ("R101", "advice", [])
    assert twin["quantities"]["est_ammonia"] == 0.05
    assert twin["nis"] == {"value": 0.31, "low": 0.84, "high": 1.16, "inside": 0.08}


async def test_trust_that_never_changed_has_no_beginning(client, view):
    view.selves = [replace(self_report(), since_ns=0), self_report("R102")]
    never, once = (await client.get("/api/v1/twins")).json()
    assert never["since"] is None
    assert once["since"] == iso(self_report().since_ns)


async def test_forecasts_tell_what_is_to_come_and_bands_only_when_asked_for(client, view):
    assert (await client.get("/api/v1/forecasts")).json() == []
    missing = await client.get("/api/v1/forecast", params={"asset": "R101"})
    assert missing.status_code == 404
    assert "no forecast of R101 yet" in missing.json()["detail"]
    view.ahead = [forecast()]
    (gist,) = (await client.get("/api/v1/forecasts")).json()
    assert "bands" not in gist
    assert gist["exits"][0]["tag"] == "R101.pH"
    assert gist["harvest"]["titre"] == [2.61, 2.93, 3.31]
    whole = (await client.get("/api/v1/forecast", params={"asset": "R101"})).json()
    assert len(whole["t"]) == len(whole["bands"]["R101.est_VCD"]["high"])
    unknown = await client.get("/api/v1/forecast", params={"asset": "R999"})
    assert (unknown.status_code, "R101, R102" in unknown.json()["detail"]) == (404, True)


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/api/v1/trend?name=R999.pH", 404, "R101.pH"),
        ("/api/v1/trend?name=R101.nix", 404, "R101.nix"),
        ("/api/v1/trend?name=r101.glucos", 404, "R101.glucose"),
        ("/api/v1/trend?name=xyz", 404, "R101, R102"),
        ("/api/v1/trend?name=R101.pH&point=10", 422, "did you mean points?"),
        ("/api/v1/alarms?limit=3", 422, "limit"),
        ("/api/v1/trend?name=R101.pH&start=2026-11-26T00:00:00Z&end=2026-11-25T00:00:00Z", 422, "before"),
        ("/api/v1/trend?name=R101.pH&start=2026-11-26T00:00:00", 422, "time zone"),
        ("/api/v1/trend?name=R101.pH&start=1970-01-01T00:00:00Z", 422, "shorter"),
        ("/api/v1/trend?name=R101.pH&points=1000000", 422, "points"),
        ("/api/v1/trend?name=R101.pH&start=soon", 422, "start"),
        ("/api/v1/events?limit=0", 422, "limit"),
        ("/api/v1/messages/de", 404, "'fr'"),
        ("/api/v1/trend?name=R101.pH&end=0", 422, "2026-11-22T00:00:00Z"),
        ("/api/v1/trend?name=R101.pH&end=1795305600", 422, "is not a time"),
        ("/api/v1/nothing", 404, "/api/v1/line"),
        ("/line", 404, "/api/v1/line"),
    ],
)
async def test_errors_are_problem_details_that_say_what_to_try(client, path, status, word):
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]


@pytest.mark.parametrize("pages", [True, False])
async def test_a_wrong_method_is_told_with_the_right_ones_pages_or_not(view, tmp_path, pages):
    if pages:
        (tmp_path / "index.html").write_text("<!doctype html>ok")
    transport = httpx.ASGITransport(create_app(view, static=tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path, allowed in (
            ("/commands", "GET, POST"),
            ("/feed-key", "POST"),
            ("/session", "DELETE, GET, POST"),
        ):
            answer = await client.patch(f"/api/v1{path}")
            assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
            assert allowed in answer.json()["detail"]
        assert (await client.get("/api/v1/feed-key")).status_code == 405


async def test_events_by_number_and_newest_without(client, view):
    for t in range(5):
        view.happen(drift(t=t))
    after = (await client.get("/api/v1/events", params={"after": 3})).json()
    newest = (await client.get("/api/v1/events", params={"limit": 2})).json()
    assert [each["number"] for each in after] == [each["number"] for each in newest] == [4, 5]
    assert after[0]["kind"] == Kind.DRIFT
    assert [cause["verdict"] for cause in after[0]["causes"]] == ["sensor", "process", "actuator"]


async def test_acknowledge_moves_the_alarm_and_names_who(client, view):
    standing = alarm(drift())
    view.raise_alarm(standing)
    answer = await client.post(f"/api/v1/alarms/{standing.id}/acknowledge", json={"why": "seen"})
    assert answer.json()["state"] == "acked"
    assert (await client.get("/api/v1/alarms")).json()[0]["by"] == "operator"


async def test_acknowledging_what_does_not_stand_is_explained(client):
    answer = await client.post("/api/v1/alarms/none/acknowledge", json={})
    assert answer.status_code == 404
    assert "none" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"host": "evil.example"}, 421),
        ({"host": "localhost:notaport"}, 421),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/jsonx"}, 415),
        ({"content-type": "Application/JSON; charset=utf-8"}, 200),
        ({"origin": "http://localhost:8080", "sec-fetch-site": "same-origin"}, 200),
        ({"host": "127.0.0.1:8080", "origin": "http://127.0.0.1:8080"}, 200),
    ],
)
async def test_S_04_changes_come_from_own_pages_under_known_names_only(client, view, headers, status):
    standing = alarm(drift())
    view.raise_alarm(standing)
    path = f"/api/v1/alarms/{standing.id}/acknowledge"
    answer = await client.post(path, content=b"{}", headers={"content-type": "application/json", **headers})
    assert answer.status_code == status
    assert (view.standing[standing.id].state == "acked") is (status == 200)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b'{"by": ', 400, "not JSON"),
        (b"", 400, "with why"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[]", 422, "object"),
        (b'{"who": "Anne"}', 422, "who"),
        (b'{"why": "\\u0000"}', 422, "why"),
    ],
)
async def test_a_body_that_can_not_be_used_is_told_apart(client, view, body, status, word):
    standing = alarm(drift())
    view.raise_alarm(standing)
    path = f"/api/v1/alarms/{standing.id}/acknowledge"
    answer = await client.post(path, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, view.standing[standing.id].state) == (status, "unack")
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]


async def test_text_is_refused_before_it_is_understood(client):
    answer = await client.post("/api/v1/alarms/a/acknowledge", content=b"hello")
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413)])
@pytest.mark.parametrize("announced", [True, False])
async def test_S_15_a_body_may_have_64_kib_and_no_more(client, view, announced, extra, status):
    standing = alarm(drift())
    view.raise_alarm(standing)
    body = b"{}" + b" " * (65_534 + extra)

    async def pieces():
        for i in range(0, len(body), 1000):
            yield body[i : i + 1000]

    answer = await client.post(
        f"/api/v1/alarms/{standing.id}/acknowledge",
        content=body if announced else pieces(),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == status


async def test_S_15_a_body_that_never_ends_is_not_read_to_its_end(view, tmp_path):
    app = create_app(view, static=tmp_path)
    read, sent = 0, []
    scope = {"type": "http", "method": "POST", "path": "/api/v1/alarms/a/acknowledge", "query_string": b""}
    scope |= {"headers": [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")]}

    async def receive():
        nonlocal read
        read += 1000
        return {"type": "http.request", "body": b" " * 1000, "more_body": True}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 413
    assert read <= 66_000


async def test_what_is_described_says_how_to_acknowledge(client):
    paths = (await client.get("/api/v1/openapi.json")).json()["paths"]
    post = paths["/api/v1/alarms/{alarm_id}/acknowledge"]["post"]
    assert "why" in post["requestBody"]["content"]["application/json"]["schema"]["properties"]


async def test_events_carry_the_priority_their_alarm_has(client, view):
    limit = replace(drift(), kind=Kind.LIMIT, detail={"which": "high_high"})
    view.log += [drift(), limit, replace(drift(), kind=Kind.PHASE)]
    rows = (await client.get("/api/v1/events")).json()
    assert [each["priority"] for each in rows] == ["high", "critical", None]


async def test_S_05_every_answer_forbids_foreign_content(client):
    for path in ("/", "/api/v1/line", "/api/v1/nothing", "/metrics"):
        headers = (await client.get(path)).headers
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


async def test_metrics_add_up(client):
    text = (await client.get("/metrics")).text
    rows = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    settled = sum(int(v) for k, v in rows.items() if k.startswith("twin_ingest_samples_total"))
    assert settled + int(rows["twin_ingest_pending"]) == int(rows["twin_ingest_received_total"]) == 1000
    assert rows["twin_ingest_conserved"] == "1"
    assert rows['twin_link_up{source="lab-mqtt"}'] == "0"


async def test_S_19_a_store_that_fails_is_503_with_its_own_words(client, view, monkeypatch):
    def broken() -> int:
        raise StorageError("The ledger's disk is full; free some space.")

    monkeypatch.setattr(view, "newest_event", broken)
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "disk is full" in answer.json()["detail"]
    assert (await client.get("/livez")).status_code == 200


async def test_while_a_store_takes_nothing_the_service_is_not_ready_and_says_why(client, view):
    view.held["historian"] = "database or disk is full"
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "historian (database or disk is full)" in answer.json()["detail"]
    assert (await client.get("/api/v1/latest")).json()["stores"] == view.held


async def test_S_18_a_fault_of_our_own_shows_no_inside(client, view, monkeypatch):
    def broken() -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(view, "counters", broken)
    answer = await client.get("/api/v1/counters")
    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_without_built_pages_the_root_says_what_to_run(client):
    answer = await client.get("/")
    assert answer.status_code == 503
    assert "<pre>make front</pre>" in answer.text


async def test_S_07_built_pages_are_served_and_nothing_beside_them(view, tmp_path):
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html>ok")
    (static / "assets" / "a.js").write_text("1")
    (tmp_path / "secret").write_text("no")
    transport = httpx.ASGITransport(create_app(view, static=static))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/")).headers["cache-control"] == "no-cache"
        assert "immutable" in (await client.get("/assets/a.js")).headers["cache-control"]
        for path in ("/../secret", "/%2e%2e/secret", "/assets/..%2f..%2fsecret"):
            assert (await client.get(path)).status_code == 404


async def test_a_service_on_all_addresses_answers_to_the_names_it_is_given(view, tmp_path):
    for hosts, status in ((None, 200), ({"twin.example"}, 200), ({"other.example"}, 421)):
        transport = httpx.ASGITransport(create_app(view, hosts=hosts, static=tmp_path))
        async with httpx.AsyncClient(transport=transport, base_url="http://twin.example") as client:
            assert (await client.get("/api/v1/line")).status_code == status
