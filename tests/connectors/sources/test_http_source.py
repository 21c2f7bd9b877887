"""The HTTP door: answered after the commit, refused with a reason, nothing let in unasked."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from connectors.sources.http import PART, Config, HttpSource, open_source
from twin.domain.tag import Tag, TagKind
from twin.engine.tagbook import TagBook, TimeWindow
from twin.ports import Delivery, SourceContext
from twin.runtime.clock import WallClock

PH = Tag("R1", "pH", "pH", "1", 0.0, 14.0, 0.02)
VCD = Tag("R1", "VCD", "cell density", "10*6/mL", 0.0, 100.0, 0.45, kind=TagKind.ASSAY)
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
    async with opened(config, SourceContext({}, WallClock(), lambda tag: None)) as found:
        yield found


@contextlib.asynccontextmanager
async def judging_door(window: TimeWindow | None = None) -> AsyncIterator[tuple[Door, httpx.AsyncClient]]:
    """With the tag book of a line behind it."""
    book = TagBook([PH, VCD])
    window = window or TimeWindow(0, WallClock().now_ns() + 5_000_000_000)
    context = SourceContext(
        book.tags, WallClock(), lambda tag: None, "l", lambda reading: book.refusal(reading, window)
    )
    async with opened(Config(id="lab", port=0), context) as found:
        yield found


@contextlib.asynccontextmanager
async def opened(config: Config, context: SourceContext) -> AsyncIterator[tuple[Door, httpx.AsyncClient]]:
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


async def test_a_large_request_comes_in_parts_and_is_answered_after_the_last() -> None:
    lines = b"\n".join(b"ua,vessel=R1 pH=7.01 %d" % (1_700_000_000 + k) for k in range(2 * PART + 1))
    async with door() as (one, client):
        one.takes.clear()
        asking = asyncio.create_task(client.post("/write?precision=s", content=lines))
        await asyncio.wait_for(one.came.wait(), 30)
        assert not asking.done()
        one.takes.set()
        assert (await asking).status_code == 204
    assert [len(each.readings) for each in one.found] == [PART, PART, 1]
    times = [r.time_ns for each in one.found for r in each.readings]
    assert times == [(1_700_000_000 + k) * 10**9 for k in range(2 * PART + 1)]


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
            "refused": [
                {"tag": "R1.note", "reason": "wrong_type", "detail": "list where a number is expected"}
            ],
        }
        assert [r.address for r in one.found[0].readings] == ["R1.VCD", "R1.viability"]
        assert (await client.post("/lab/R1", json={"t": "soon", "v": {"VCD": 1}})).status_code == 400
        assert (await client.post("/lab/R1", content=b"")).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("R1", '{"t": "2026-11-22T08:00:00Z", "v": {"pH": 7}}', "not_an_assay"),
        ("R1", '{"t": "2026-11-22T08:00:00Z", "v": {"VCDD": 7}}', "unknown_tag"),
        ("R9", '{"t": "2026-11-22T08:00:00Z", "v": {"VCD": 7}}', "unknown_tag"),
        ("R1", '{"t": "2026-11-22T08:00:00Z", "v": {"VCD": NaN}}', "not_finite"),
        ("R1", '{"t": "2026-11-22T08:00:00Z", "v": {"VCD": 1e9}}', "absurd_value"),
        ("R1", '{"t": "2026-11-22T08:00:00Z", "v": {"VCD": "5.2"}}', "not_a_number"),
        ("R1", '{"t": "2098-11-22T08:00:00Z", "v": {"VCD": 5.2}}', "future_time"),
        ("R1", '{"v": {"VCD": 5.2}}', "no_time"),
    ],
)
async def test_a_result_that_will_not_be_taken_is_answered_with_why(
    path: str, body: str, reason: str
) -> None:
    async with judging_door() as (one, client):
        answer = await client.post(f"/lab/{path}", content=body)
        assert (answer.status_code, answer.json()["taken"]) == (400, 0)
        assert [row["reason"] for row in answer.json()["refused"]] == [reason]
        assert [row.reason for row in one.found[0].refused] == [reason], "counted and kept as well"
        assert not one.found[0].readings
        good = await client.post("/lab/R1", json={"t": "2026-11-22T08:00:00Z", "v": {"VCD": 5.2}})
        assert (good.status_code, good.json()) == (200, {"taken": 1, "refused": []})


async def test_values_of_lines_that_will_not_be_taken_are_told_as_influxdb_does() -> None:
    async with judging_door() as (one, client):
        answer = await client.post("/write", content=LINE + b"\nua,vessel=R1 pH=7 4000000000000000000\n")
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("partial write: no tag 'R1.pO2' in this line")
        assert answer.json()["error"].endswith("dropped=2")
        assert [r.address for r in one.found[0].readings] == ["R1.pH"]
        assert [r.reason for r in one.found[0].refused] == ["unknown_tag", "future_time"]


async def test_a_truth_value_of_a_line_is_no_number() -> None:
    async with judging_door() as (one, client):
        answer = await client.post("/write", content=b"ua,vessel=R1 pH=t 1700000000000000000\n")
        assert answer.status_code == 400
        assert "line 1: R1.pH came as the truth value true; a number would do" in answer.json()["error"]
        assert [(r.reason, r.reading.value) for r in one.found[0].refused] == [("wrong_type", True)]


async def test_every_fault_of_a_batch_is_told_with_its_line() -> None:
    bad = [
        b"nonsense",
        b"# comment",
        LINE,
        b"ua,vessel=R1 pH=one",
        *(b"ua,vessel=R%d x=?" % i for i in range(20)),
    ]
    async with door() as (one, client):
        answer = (await client.post("/write", content=b"\n".join(bad))).json()
    told = answer["error"].removeprefix("partial write: ").removesuffix(" dropped=22").split("; ")
    assert told[0] == "line 1: the line has no field"
    assert told[1] == "line 4: 'one' is no number, truth value or quoted text"
    assert told[9] == "line 12: '?' is no number, truth value or quoted text"
    assert told[10:] == ["and 12 more"]
    assert len(one.found[0].refused) == 22


async def test_one_fault_of_many_lines_is_told_once() -> None:
    lines = b"\n".join(b"ua,vessel=R9 pH=7 %d" % (1_700_000_000_000_000_000 + i) for i in range(50))
    async with judging_door() as (_, client):
        error = (await client.post("/write", content=lines)).json()["error"]
    assert error == "partial write: no tag 'R9.pH' in this line dropped=50"


@pytest.mark.parametrize(
    ("query", "time", "said"),
    [
        ("", "1763800000", "it came without `precision`? `?precision=s` would do"),
        ("", "1763800000000", "it came without `precision`? `?precision=ms` would do"),
        ("", "1763800000000000", "it came without `precision`? `?precision=us` would do"),
        ("?precision=ms", "1763800000", "it came with `precision=ms`? `?precision=s` would do"),
        ("", "17", "lies too far back; check the sender's clock dropped=1"),
    ],
)
async def test_a_time_in_another_unit_is_told_so(query: str, time: str, said: str) -> None:
    async with judging_door(TimeWindow(1_700_000_000 * 10**9, 1_800_000_000 * 10**9)) as (_, client):
        answer = await client.post(f"/write{query}", content=f"ua,vessel=R1 pH=7 {time}".encode())
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert answer.json()["error"].startswith("partial write: source time 1970-01-")
    assert answer.json()["reason"] == "past_time"


async def test_a_body_that_is_no_json_is_answered_with_what_would_do() -> None:
    async with judging_door() as (_, client):
        for body in (b"VCD=5.2", b"\xff\xfe", b"[" * 200_000):
            (refused,) = (await client.post("/lab/R1", content=body)).json()["refused"]
            assert refused["detail"].startswith("this is no JSON")
            assert '{"t": "2026-11-22T08:00:00Z", "v": {"NAME": 5.2}} would do' in refused["detail"]


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
