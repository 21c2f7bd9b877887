"""The HTTP door: answered after the commit, refused with a reason, nothing let in unasked."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from connectors.sources.http import Config, HttpSource, open_source
from twin.ports import Delivery, SourceContext
from twin.runtime.clock import WallClock

LINE = b"ua,vessel=R1 pH=7.01,pO2=40.5 1700000000000000000"


class Door:
    """The source at work: every delivery is kept, and acknowledged while `takes` is set."""

    def __init__(self, source: HttpSource) -> None:
        self.source, self.found, self.takes = source, list[Delivery](), asyncio.Event()
        self.takes.set()
        self.url = ""
        self.up, self.came = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        async with contextlib.aclosing(self.source.deliveries()) as deliveries:
            async for delivery in deliveries:
                for link in delivery.links:
                    self.url = link.text.rpartition(" ")[2]
                    self.up.set()
                if delivery.readings or delivery.refused:
                    self.found.append(delivery)
                    self.came.set()
                    await self.takes.wait()
                    delivery.ack()


@contextlib.asynccontextmanager
async def door(**settings: object) -> AsyncIterator[tuple[Door, httpx.AsyncClient]]:
    config = Config.model_validate({"id": "telegraf", "port": 0, **settings})
    context = SourceContext({}, WallClock(), lambda tag: None)
    one = Door(open_source(config, context))  # type: ignore[arg-type]
    running = asyncio.create_task(one.run())
    await asyncio.wait_for(one.up.wait(), 30)
    async with httpx.AsyncClient(base_url=one.url, timeout=30) as client:
        yield one, client
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_lines_are_readings_and_answered_after_the_commit() -> None:
    async with door() as (one, client):
        one.takes.clear()
        sending = asyncio.create_task(client.post("/write?db=any", content=LINE))
        await asyncio.wait_for(one.came.wait(), 30)
        assert not sending.done()
        one.takes.set()
        assert (await sending).status_code == 204
        readings = one.found[0].readings
        assert [(r.address, r.value, r.time_ns) for r in readings] == [
            ("R1.pH", 7.01, 1_700_000_000_000_000_000),
            ("R1.pO2", 40.5, 1_700_000_000_000_000_000),
        ]


async def test_what_is_not_durable_in_time_is_asked_for_again() -> None:
    async with door(commit_s=0.05) as (one, client):
        one.takes.clear()
        answer = await client.post("/api/v2/write", content=LINE)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        one.takes.set()


async def test_bad_lines_are_kept_aside_and_told_as_influxdb_does() -> None:
    async with door() as (one, client):
        answer = await client.post("/write", content=LINE + b"\nnonsense\n")
        assert answer.status_code == 400
        assert answer.json()["error"].endswith("dropped=1")
        assert len(one.found[0].readings) == 2
        assert [r.reason for r in one.found[0].refused] == ["malformed"]


async def test_packed_bodies_pass_and_bombs_do_not() -> None:
    async with door() as (one, client):
        packed = {"content-encoding": "gzip"}
        assert (await client.post("/write", content=gzip.compress(LINE), headers=packed)).status_code == 204
        bomb = gzip.compress(b"#" * 20_000_000)
        assert (await client.post("/write", content=bomb, headers=packed)).status_code == 413
        assert (await client.post("/write", content=b"#" * 9_000_000)).status_code == 413
        assert (await client.post("/write", content=b"junk", headers=packed)).status_code == 400
        assert (
            await client.post("/write", content=gzip.compress(LINE)[:-9], headers=packed)
        ).status_code == 400
        assert len(one.found) == 1


async def test_laboratory_results_come_as_json() -> None:
    async with door() as (one, client):
        result = {"t": "2026-11-22T08:00:00Z", "v": {"VCD": 5.2, "viability": "high", "note": [1]}}
        answer = await client.post("/lab/R1", json=result)
        assert answer.status_code == 200
        assert answer.json() == {
            "taken": 2,
            "refused": [{"reason": "wrong_type", "detail": "list where a number is expected"}],
        }
        assert [r.address for r in one.found[0].readings] == ["R1.VCD", "R1.viability"]
        assert (await client.post("/lab/R1", json={"t": "soon", "v": {"VCD": 1}})).status_code == 400
        assert (await client.post("/lab/R1", content=b"")).status_code == 400


async def test_only_who_shows_the_token_comes_in(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("open sesame\n")
    async with door(token_file=token) as (one, client):
        ways: list[tuple[int, Callable[[], dict[str, object]]]] = [
            (401, dict),
            (401, lambda: {"headers": {"authorization": "Token wrong"}}),
            (204, lambda: {"headers": {"authorization": "Token open sesame"}}),
            (204, lambda: {"headers": {"authorization": "Bearer open sesame"}}),
            (204, lambda: {"auth": ("anyone", "open sesame")}),
        ]
        for status, how in ways:
            assert (await client.post("/write", content=LINE, **how())).status_code == status  # type: ignore[arg-type]
        page = {"authorization": "Token open sesame", "origin": "http://evil.example"}
        assert (await client.post("/write", content=LINE, headers=page)).status_code == 403
        assert len(one.found) == 3


async def test_other_questions_are_answered_plainly() -> None:
    async with door(laboratory="", series=[{"measurement": "ua"}]) as (_, client):
        assert (await client.get("/ping")).status_code == 204
        assert (await client.get("/write")).status_code == 405
        assert (await client.post("/lab/R1", json={})).status_code == 404
        assert (await client.post("/write?precision=year", content=LINE)).status_code == 400
        assert (await client.post("/query", params={"q": "CREATE DATABASE x"})).status_code == 200
        assert (await client.post("/query", params={"q": "DROP DATABASE x"})).status_code == 404


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"host": "0.0.0.0"}, "token_file"),
        ({"host": "0.0.0.0", "token_file": "x"}, "certificate_file"),
        ({"certificate_file": "x"}, "belong together"),
        ({"laboratory": "{nobody}"}, "known"),
        ({"series": [{"tag": "{0.x}"}]}, "can not be read"),
    ],
)
def test_S_09_open_doors_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Config.model_validate({"id": "h", **settings})
