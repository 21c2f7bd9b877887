"""Stored batches opened beside the running line: a process each, of whoever opened it, and nothing moved."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
from clocks import StillClock
from structlog.testing import capture_logs

from dashboards.app import create_app
from simulators.scenario import FaultSpec, load_scenario, packaged
from simulators.simulate import simulate
from twin.domain.errors import InputError, NotFoundError, TakenError
from twin.domain.people import Actor, Role
from twin.ports import Closed, Delivery, Ending
from twin.service.app import Service, open_service
from twin.service.build import load_line
from twin.service.play import desk as desks
from twin.service.play.desk import PlayDesk
from twin.service.replay import arrival, read_files
from twin.service.settings import Settings

SEED = Path(__file__).resolve().parents[3] / "seeds/lines/demo.yaml"
HOUR = 3_600_000_000_000
EMMA = Actor("emma", Role.ENGINEER, "test")
ERIC = Actor("eric", Role.ENGINEER, "test")
PRESENT = "{id: B-101, start: 2025-12-29T00:00:00Z"


@dataclass
class Running:
    """A service whose line has a batch behind it and another before it."""

    service: Service
    desk: PlayDesk
    clock: StillClock


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two hours of R101 left behind, with a pO2 probe that died after one."""
    folder = tmp_path_factory.mktemp("stores")
    scenario = load_scenario(packaged("demo"))
    vessel = scenario.vessels[0].model_copy(update={"faults": (FaultSpec(kind="dead", at_h=1.0, tag="pO2"),)})
    run = folder / "run.parquet"
    simulate(scenario.model_copy(update={"duration_h": 2.0, "vessels": (vessel,)}), run)
    rows = sorted(read_files([run], None), key=arrival)
    asyncio.run(_lived(folder, rows))
    return folder


def line_of(folder: Path, batch: str = PRESENT) -> Path:
    text = SEED.read_text("utf-8")
    path = folder / "line.yaml"
    head = text[: text.index("sources:")].replace(PRESENT, batch)
    path.write_text(head + "historian: {kind: sqlite}\nledger: {kind: sqlite}\n")
    return path


async def _lived(folder: Path, rows: list) -> None:
    clock = StillClock()
    clock.time_ns = arrival(rows[0])
    async with open_service(
        *load_line(line_of(folder)), Settings(data_dir=folder / "data"), clock
    ) as service:
        for i in range(0, len(rows), 500):
            part = rows[i : i + 500]
            clock.time_ns = arrival(part[-1])
            await service.pipeline.process([Delivery(tuple(part))])


@pytest.fixture
async def running(stores: Path) -> AsyncIterator[Running]:
    """Started again, with the next batch on R101."""
    path = line_of(stores, "{id: B-102x, start: 2026-01-01T06:00:00Z")
    line_file, line = load_line(path)
    settings, clock = Settings(data_dir=stores / "data"), StillClock()
    clock.time_ns = 1_767_254_400_000_000_000  # 2026-01-01T08:00:00Z
    async with open_service(line_file, line, settings, clock) as service:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        desk = PlayDesk(line_file, sha256, settings, service.batches, clock)
        service.view.playbacks = desk
        watching = asyncio.create_task(desk.watch())
        await asyncio.sleep(0)
        yield Running(service, desk, clock)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert desk._playbacks == {}


async def told(desk: PlayDesk, key: str, by: Actor, path: str, body: dict | None = None) -> httpx.Response:
    raw = b"" if body is None else json.dumps(body).encode()
    headers = {"host": "localhost", "content-type": "application/json"}
    passed = await desk.ask(key, by, "GET" if body is None else "POST", path, headers, raw)
    return httpx.Response(passed.status, content=b"".join([part async for part in passed.body]))


async def worked_through(desk: PlayDesk, key: str, by: Actor) -> dict:
    for _ in range(600):
        state = (await told(desk, key, by, "/api/v1/playback")).json()
        if state["ready"] == state["end"]:
            return state
        await asyncio.sleep(0.1)
    raise AssertionError(f"not worked through: {state}")


async def test_past_batches_are_known_and_one_is_played_while_the_line_goes_on(running: Running) -> None:
    desk, service = running.desk, running.service
    rows = {(b.vessel, b.batch.id): b for b in desk.batches()}
    past, present = rows["R101", "B-101"], rows["R101", "B-102x"]
    assert (past.running, present.running) == (False, True)
    assert past.end_ns == present.start_ns
    before = service.ledger.newest_event(), service.ledger.outbox(), service.ledger.trail_length()
    opened = await desk.open("R101", "B-101", EMMA)
    state = await worked_through(desk, opened.key, EMMA)
    assert state["run"] == "R101 · B-101"
    assert state["kept"] is True
    assert "event" in {mark["sort"] for mark in state["marks"]}
    moved = await told(desk, opened.key, EMMA, "/api/v1/playback", {"to": state["end"]})
    assert moved.json()["now"] == state["end"]
    line = (await told(desk, opened.key, EMMA, "/api/v1/line")).json()
    assert (line["origin"], [v["id"] for v in line["vessels"]]) == ("replay", ["R101"])
    assert line["vessels"][0]["batch"]["id"] == "B-101"
    alarms = (await told(desk, opened.key, EMMA, "/api/v1/alarms")).json()
    assert "R101.pO2" in {alarm["event"]["tag"] for alarm in alarms}
    refused = await told(desk, opened.key, EMMA, f"/api/v1/alarms/{alarms[0]['id']}/acknowledge", {})
    assert refused.status_code == 403
    assert before == (service.ledger.newest_event(), service.ledger.outbox(), service.ledger.trail_length())
    assert service.view.line.vessels[0].batch.id == "B-102x"


async def test_values_and_report_of_the_batch_come_from_the_playback(running: Running) -> None:
    opened = await running.desk.open("R101", "B-101", EMMA)
    values = await told(running.desk, opened.key, EMMA, "/api/v1/export?asset=R101")
    table = pq.read_table(BytesIO(values.content))
    assert set(table.column("tag").to_pylist()) >= {"R101.pH", "R101.pO2"}
    assert table.num_rows > 2000
    asked = "/api/v1/report?asset=R101&language=fr&form=html"
    report = await told(running.desk, opened.key, EMMA, asked)
    assert b'lang="fr"' in report.content
    assert b"B-101" in report.content
    assert b"emma" in report.content


async def test_a_playback_is_of_whoever_opened_it_and_there_are_not_many(
    running: Running, monkeypatch
) -> None:
    desk = running.desk
    first = await desk.open("R101", "B-101", EMMA)
    process = desk._playbacks[first.key].process
    with pytest.raises(NotFoundError):
        await told(desk, first.key, ERIC, "/api/v1/playback")
    with pytest.raises(NotFoundError):
        await desk.close(first.key, ERIC)
    with pytest.raises(TakenError, match=f"You have R101 · B-101 open.*instead: {first.key}"):
        await desk.open("R101", "B-101", EMMA)
    assert process.returncode is None, "nothing is closed unasked"
    again = await desk.open("R101", "B-101", EMMA, first.key)
    assert process.returncode is not None, "the one that was named is closed"
    monkeypatch.setattr(desks, "MOST", 1)
    with pytest.raises(InputError, match="open already \\(by emma\\)"):
        await desk.open("R101", "B-101", ERIC)
    desk._playbacks[again.key].asked -= desks.IDLE_S + 1
    other = await desk.open("R101", "B-101", ERIC)
    assert desk.opened(EMMA) is None, "an idle one makes room"
    await desk.close(other.key, ERIC)
    with pytest.raises(NotFoundError):
        await told(desk, other.key, ERIC, "/api/v1/playback")


async def test_why_a_playback_is_not_open_any_more_is_said_to_whoever_had_it(running: Running) -> None:
    desk = running.desk
    first = await desk.open("R101", "B-101", EMMA)
    assert desk.closed(first.key, EMMA) is None
    second = await desk.open("R101", "B-101", EMMA, first.key)
    assert desk.closed(first.key, EMMA) == Closed(first, Ending.REPLACED, ("R101", "B-101"))
    with pytest.raises(NotFoundError, match="because you opened R101 · B-101 in its place"):
        await told(desk, first.key, EMMA, "/api/v1/playback")
    for who in (lambda: desk.closed(first.key, ERIC), lambda: desk.closed(second.key, ERIC)):
        with pytest.raises(NotFoundError, match="No such playback"):
            who()
    desk._playbacks[second.key].asked -= desks.IDLE_S + 1
    third = await desk.open("R101", "B-101", EMMA)
    with pytest.raises(NotFoundError, match="because nobody looked at it for 15 min"):
        await told(desk, second.key, EMMA, "/api/v1/playback")
    os.kill(desk._playbacks[third.key].process.pid, 9)
    await desk._playbacks[third.key].process.wait()
    fourth = await desk.open("R101", "B-101", EMMA)
    assert desk.closed(third.key, EMMA) == Closed(third, Ending.DIED)
    await desk.close(fourth.key, EMMA)
    assert desk.closed(fourth.key, EMMA) == Closed(fourth, Ending.CLOSED)


async def test_one_that_died_is_said_and_one_without_values_is_not_opened(running: Running) -> None:
    desk = running.desk
    with pytest.raises(NotFoundError, match="No batch"):
        await desk.open("R101", "B-999", EMMA)
    with pytest.raises(InputError, match="nothing of line demo is stored"):
        await desk.open("R101", "B-102x", EMMA)
    assert desk.opened(EMMA) is None
    opened = await desk.open("R101", "B-101", EMMA)
    os.kill(desk._playbacks[opened.key].process.pid, 9)
    await desk._playbacks[opened.key].process.wait()
    with pytest.raises(NotFoundError, match="has ended"):
        await told(desk, opened.key, EMMA, "/api/v1/playback")
    assert desk.closed(opened.key, EMMA) == Closed(opened, Ending.DIED)
    assert desk.opened(EMMA) is None
    with capture_logs() as said:
        async with desk._turn:
            await desk._end_idle()
    line = next(each for each in said if each["event"] == "playback closed")
    known = {"vessel": "R101", "batch": "B-101", "by": "emma", "why": "died", "exit_code": -9}
    assert {key: line[key] for key in known} == known


async def test_the_way_through_the_interface(running: Running, monkeypatch) -> None:
    view = running.service.view
    headers = {}
    for name in ("emma", "eric"):
        token = view.people.admit(name, Role.ENGINEER, 1.0, Actor("root", Role.ADMINISTRATOR))
        headers[name] = {"authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(create_app(view))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/") as client:
        client.headers.update(headers["emma"])
        known = (await client.get("batches")).json()
        assert known["open"] is None
        assert ("R101", "B-101") in {(each["vessel"], each["batch"]) for each in known["batches"]}
        opened = (await client.post("playbacks", json={"vessel": "R101", "batch": "B-101"})).json()
        place = f"http://localhost/{opened['place']}"
        page = await client.get(place)
        assert page.status_code in (200, 503), "503 where the pages are not built"
        assert (await client.get(f"{place}api/v1/line")).json()["origin"] == "replay"
        assert (await client.get("line")).json()["origin"] == "simulated"
        taken = await client.post("playbacks", json={"vessel": "R101", "batch": "B-101"})
        assert (taken.status_code, opened["key"] in taken.json()["detail"]) == (409, True)
        assert (await client.get(f"playbacks/{opened['key']}")).json() == {"open": True}
        client.headers.update(headers["eric"])
        assert (await client.get(f"{place}api/v1/line")).status_code == 404
        assert (await client.get(f"playbacks/{opened['key']}")).status_code == 404
        client.headers.update(headers["emma"])
        assert (await client.delete(f"playbacks/{opened['key']}")).status_code == 200
        gone = await client.get(place)
        assert (gone.status_code, gone.headers["location"]) == (303, f"../../#/batches/{opened['key']}")
        fate = (await client.get(f"playbacks/{opened['key']}")).json()
        was = {"open": False, "vessel": "R101", "batch": "B-101", "why": "closed", "then": None}
        assert fate == was
        assert (await client.get(f"{place}api/v1/line")).status_code == 404
