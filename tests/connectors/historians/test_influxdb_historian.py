"""The InfluxDB historian against real servers: killed, away, refusing, and full spools."""

import asyncio
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from influx_rows import SECOND, T0, opened, row

from connectors.codecs import line_protocol
from connectors.historians import _influx_ql as ql
from connectors.historians import influxdb
from connectors.historians._influx_repeats import sifted
from connectors.historians._influx_server import (
    CAP_S,
    LineRefusedError,
    ServerAwayError,
    isolate,
    meaning,
    no_database,
    pause,
)
from connectors.historians._spool import Spool
from connectors.historians.influxdb import Config
from twin.domain.errors import ConfigError, StorageError
from twin.domain.instant import iso
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.domain.tag import Tag
from twin.ports import Historian, LinkChange

pytestmark = pytest.mark.servers


async def drained(historian: Historian, seconds: float = 20) -> None:
    for _ in range(int(seconds * 50)):
        if not await historian.pending():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{await historian.pending()} rows still wait")


def times_on(server: Any, database: str = "plant") -> list[int]:
    series = server.query('SELECT "received" FROM "pv"', database)
    return [values[0] for one in series for values in one["values"]]


async def test_R_02_nothing_is_lost_or_invented_when_the_server_is_killed_during_writes(
    own_influx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.historians.influxdb.pause", lambda failures, wait_s: 0.05)
    sent: list[int] = []
    async with opened(own_influx, tmp_path / "spool.sqlite") as historian:
        for n in range(60):
            batch = [row(50 * n + k) for k in range(50)]
            assert (await historian.write(batch)).stored == 50
            sent += [one.time_ns for one in batch]
            if n % 15 == 7:
                own_influx.kill()
            if n % 15 == 12:
                await asyncio.to_thread(own_influx.start)
            await asyncio.sleep(0.005)
        await drained(historian)
    assert times_on(own_influx) == sent


async def test_R_03_a_server_that_is_away_delays_only(
    own_influx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.historians.influxdb.pause", lambda failures, wait_s: 0.05)
    own_influx.kill()
    spool, heard = tmp_path / "spool.sqlite", list[LinkChange]()
    async with opened(own_influx, spool, heard) as historian:
        assert (await historian.write([row(1), row(2)])).stored == 2
        assert await historian.pending() == 2
        assert (await historian.last(["R101.pH"]))["R101.pH"] == row(2)
        with pytest.raises(StorageError, match="can not be read now"):
            await historian.read(["R101.pH"], T0, T0 + 9 * SECOND)
        await asyncio.sleep(0.2)
    async with opened(own_influx, spool, heard) as historian:
        assert await historian.pending() == 2
        assert (await historian.last(["R101.pH"]))["R101.pH"] == row(2)
        assert (await historian.write([row(2), row(3)])).duplicate == 1
        await asyncio.to_thread(own_influx.start)
        await drained(historian)
        assert (await historian.write([row(1), row(3, 0.5)])).duplicate == 1
        assert await historian.read(["R101.pH"], T0, T0 + 9 * SECOND) == [row(1), row(2), row(3)]
    assert [change.up for change in heard] == [False, False, True]
    assert "does not answer" in heard[0].text


async def test_a_lost_spool_file_does_not_make_the_server_forgotten(own_influx: Any, tmp_path: Path) -> None:
    async with opened(own_influx, tmp_path / "one.sqlite") as historian:
        await historian.write([row(n) for n in range(5)])
        await drained(historian)
    async with opened(own_influx, tmp_path / "two.sqlite") as historian:
        assert (await historian.last(["R101.pH"]))["R101.pH"] == row(4)
        report = await historian.write([row(3), row(4, -1.0), row(5)])
        assert (report.stored, report.duplicate, len(report.refused)) == (1, 1, 1)


async def test_what_comes_again_long_after_changes_nothing_on_the_server(
    own_influx: Any, tmp_path: Path
) -> None:
    spool = tmp_path / "spool.sqlite"
    async with opened(own_influx, spool, remember=2) as historian:
        await historian.write([row(n) for n in range(20)])
        await drained(historian)
        again = [row(n)._replace(received_ns=T0 + 99 * SECOND) for n in (3, 5)]
        assert (await historian.write([*again, row(7, -1.0), row(20)])).stored == 4
        await drained(historian)
    assert times_on(own_influx) == [T0 + n * SECOND for n in range(21)]
    series = own_influx.query('SELECT "received", "value" FROM "pv"', "plant")
    kept = [(received, value) for one in series for _, received, value in one["values"]]
    assert kept == [(T0 + n * SECOND, float(n)) for n in range(21)]
    (reason, body) = Spool(spool, 10).rejected()[0]
    assert "came as -1.0, the server holds 7.0" in reason
    assert orjson.loads(body)[:2] == ["R101.pH", -1.0]


def test_a_row_that_contradicts_the_server_names_both_values() -> None:
    fresh, against = sifted([row(0, 7.1), row(1, 7.2)], {("R101.pH", row(0).time_ns): 7.0})
    assert fresh == [row(1, 7.2)]
    ((_, why),) = against
    assert why == f"conflict: R101.pH at {iso(row(0).time_ns)} came as 7.1, the server holds 7.0"


def test_a_row_that_is_only_half_there_is_passed_over() -> None:
    columns = ["time", "value", "q", "received", "late", "source"]
    values = [[T0, 7.0, 192, T0, False, "m"], [T0 + 1, 7.1, None, None, None, None]]
    series = [{"columns": columns, "values": values, "tags": {"tag": "R101.pH"}}]
    assert [m.time_ns for m in ql.measurements(series)] == [T0]


async def test_accounts(guarded_influx: Any, tmp_path: Path) -> None:
    guarded_influx.query("CREATE USER admin WITH PASSWORD 'secret 1' WITH ALL PRIVILEGES")
    guarded_influx.query("CREATE DATABASE plant", u="admin", p="secret 1")
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    wrong.write_text("guess\n")
    right.write_text("secret 1\n")
    heard: list[LinkChange] = []
    spool = tmp_path / "spool.sqlite"
    async with opened(guarded_influx, spool, heard, username="admin", password_file=wrong) as historian:
        await historian.write([row(1)])
        await asyncio.sleep(0.2)
        assert await historian.pending() == 1
    assert [change.up for change in heard] == [False]
    assert "HTTP 401" in heard[0].text
    assert "Check the account" in heard[0].text
    async with opened(guarded_influx, spool, heard, username="admin", password_file=right) as historian:
        await drained(historian)
        assert await historian.read(["R101.pH"], T0, T0 + 9 * SECOND) == [row(1)]


async def test_a_missing_database_is_named_and_rows_wait(influx: Any, tmp_path: Path) -> None:
    heard: list[LinkChange] = []
    async with opened(influx, tmp_path / "s.sqlite", heard, database="nowhere") as historian:
        await historian.write([row(1)])
        await asyncio.sleep(0.2)
        assert await historian.pending() == 1
        with pytest.raises(StorageError) as refused:
            await historian.last(["R101.pO2"])
    assert "database not found" in heard[0].text
    assert "database 'nowhere' is not there; create it with `CREATE DATABASE nowhere`" in str(refused.value)
    assert "SELECT" not in str(refused.value)


async def test_rows_the_server_never_takes_are_set_aside_with_its_words(
    own_influx: Any, tmp_path: Path
) -> None:
    own_influx.query("CREATE DATABASE short WITH DURATION 1h")
    heard: list[LinkChange] = []
    now = time.time_ns()
    rows = [row(0, 1.0, t=now), row(0, 2.0, t=now - 10_000 * SECOND), row(0, 3.0, t=now + 1)]
    async with opened(own_influx, tmp_path / "s.sqlite", heard, database="short") as historian:
        await historian.write(rows)
        await drained(historian)
        back = await historian.read(["R101.pH"], now - 20_000 * SECOND, now + SECOND)
    assert back == [rows[0], rows[2]]
    assert [change.up for change in heard] == [True, None]
    assert "retention policy" in heard[1].text
    db = sqlite3.connect(tmp_path / "s.sqlite")
    ((reason, body),) = db.execute("SELECT reason, body FROM rejected").fetchall()
    db.close()
    assert "retention policy" in reason
    assert orjson.loads(body)[1] == 2.0


async def test_a_full_spool_refuses_and_remembers_nothing_of_it(
    own_influx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.historians.influxdb.pause", lambda failures, wait_s: 0.05)
    own_influx.kill()
    async with opened(own_influx, tmp_path / "s.sqlite", spool_rows=10) as historian:
        await historian.write([row(n) for n in range(8)])
        with pytest.raises(StorageError, match=r"spool is full \(8 of 10 rows wait"):
            await historian.write([row(n) for n in range(8, 12)])
        with pytest.raises(StorageError, match="spool is full"):
            await historian.write_estimates([Estimate("R101.pH", T0 + n, 7.0, 0.1, "1") for n in range(3)])
        await asyncio.to_thread(own_influx.start)
        await drained(historian)
        assert (await historian.write([row(n) for n in range(8, 12)])).stored == 4
        await drained(historian)
    assert times_on(own_influx) == [T0 + n * SECOND for n in range(12)]


async def test_R_09_rows_damaged_on_disk_are_set_aside_and_told(
    own_influx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, heard = tmp_path / "s.sqlite", list[LinkChange]()
    own_influx.kill()
    async with opened(own_influx, spool) as historian:
        for n in range(3):
            await historian.write([row(n)])
    db = sqlite3.connect(spool)
    db.execute("UPDATE batch SET body = CAST(replace(body, '1.0', '8.0') AS BLOB) WHERE id = 2")
    db.commit()
    db.close()
    own_influx.start()
    async with opened(own_influx, spool, heard) as historian:
        await drained(historian)
        assert [one.value for one in await historian.read(["R101.pH"], T0, T0 + 9 * SECOND)] == [0.0, 2.0]
    assert any("damaged on disk" in change.text for change in heard)


def documented(kind: str) -> list[str]:
    """Statements of a code block of the page about stores."""
    page = (Path(__file__).parents[3] / "docs/reference/stores.md").read_text(encoding="utf-8")
    return page.partition(f"```{kind}\n")[2].partition("```")[0].strip().splitlines()


async def test_the_statements_of_the_page_retain_and_thin(own_influx: Any, tmp_path: Path) -> None:
    for statement in documented("influxql"):
        own_influx.query(statement, "plant")
    minute, now_ns = 60_000_000_000, time.time_ns()
    start_ns = now_ns // minute * minute - 10 * minute
    rows = [row(0, float((n * 37) % 101), t=start_ns + n * SECOND) for n in range(300)]
    old = row(0, t=now_ns - 200 * 86_400 * SECOND)
    heard: list[LinkChange] = []
    async with opened(own_influx, tmp_path / "spool.sqlite", heard) as historian:
        assert (await historian.write([*rows, old])).stored == 301
        await drained(historian)
        assert await historian.read([rows[0].tag], 0, 2 * now_ns) == rows
    assert any("retention policy" in change.text for change in heard), "the server refuses what is too old"
    for statement in documented("influxql")[2:]:
        thin = statement.partition("BEGIN ")[2].removesuffix(" END")
        own_influx.query(thin.replace(" GROUP BY", f" WHERE time >= {start_ns} GROUP BY"), "plant")
    (series,) = own_influx.query('SELECT "low", "high" FROM "years"."pv"', "plant")
    values = [one.value or 0.0 for one in rows]
    expected = [[min(values[n : n + 60]), max(values[n : n + 60])] for n in range(0, 300, 60)]
    assert [two for _, *two in series["values"]] == expected


async def test_long_trends_are_thinned_by_the_server_without_losing_extremes(
    own_influx: Any, tmp_path: Path
) -> None:
    count = influxdb.RAW_POINTS + 5_000
    values = [math.sin(n / 500) for n in range(count)]
    values[7_777], values[20_001] = 3.0, -3.0
    async with opened(own_influx, tmp_path / "s.sqlite") as historian:
        gap = Measurement("R101.pH", None, Quality.BAD, T0 + count * SECOND, T0)
        await historian.write([*(row(n, value) for n, value in enumerate(values)), gap])
        await historian.write_estimates(
            [Estimate("R101.pH", T0 + n * SECOND, value, value / 2, "1") for n, value in enumerate(values)]
        )
        await drained(historian)
        trend = await historian.trend("R101.pH", T0, T0 + (count + 1) * SECOND, 200)
        mean, sd = await historian.trend_estimates("R101.pH", T0, T0 + (count + 1) * SECOND, 200)
    kept = dict(zip(trend.times_ns, trend.values, strict=True))
    assert 200 <= len(kept) <= 400
    assert kept.pop(T0 + count * SECOND) is None
    assert all(value == values[(t - T0) // SECOND] for t, value in kept.items())
    assert (kept[T0 + 7_777 * SECOND], kept[T0 + 20_001 * SECOND]) == (3.0, -3.0)
    beliefs = dict(zip(mean.times_ns, mean.values, strict=True))
    assert (beliefs[T0 + 7_777 * SECOND], beliefs[T0 + 20_001 * SECOND]) == (3.0, -3.0)
    assert sd.values == tuple(value / 2 for value in mean.values if value is not None)


odd = st.text(
    st.sampled_from(" ,='\"#!$%{}[]()*/:;?日é🧪\u00a0\u200b.Ω") | st.characters(), min_size=1, max_size=12
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(odd, min_size=1, max_size=12), units=st.lists(odd | st.just(""), min_size=1), source=odd
)
async def test_F_04_odd_names_and_units_come_back_as_they_went_or_are_refused(
    influx: Any, tmp_path_factory: pytest.TempPathFactory, names: list[str], units: list[str], source: str
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    influx.query("DROP DATABASE odd")
    influx.query("CREATE DATABASE odd")
    tags = {
        f"R1.{name}": Tag("R1", name, "ratio", units[n % len(units)], 0, 1, 0.1)
        for n, name in enumerate(names)
    }
    writable = {
        tag: line_protocol.is_writable(tag) and line_protocol.is_writable(tags[tag].unit) for tag in tags
    }
    if not all(writable.values()):
        with pytest.raises(ConfigError, match="can not be stored"):
            async with opened(influx, folder / "s.sqlite", tags=tags, database="odd"):
                pass
    tags = {tag: tags[tag] for tag in tags if writable[tag]}
    rows = [
        Measurement(tag, n + 0.5, Quality.GOOD, T0, T0, source=source) for n, tag in enumerate(sorted(tags))
    ]
    heard: list[LinkChange] = []
    async with opened(influx, folder / "s.sqlite", heard, tags=tags, database="odd") as historian:
        report = await historian.write(rows)
        await drained(historian)
        if not line_protocol.is_writable(source):
            assert [reason for _, reason in report.refused] == ["name"] * len(rows)
        else:
            assert await historian.read(list(tags), T0, T0 + 1) == rows
            assert (await historian.last(list(tags))).keys() == tags.keys()
    assert all(change.up for change in heard)


@pytest.mark.parametrize("t", [-line_protocol.LARGEST_TIME, 0, line_protocol.LARGEST_TIME - 1])
async def test_the_ends_of_time(influx: Any, tmp_path: Path, t: int) -> None:
    influx.query(f"CREATE DATABASE t{t % 7}")
    async with opened(influx, tmp_path / "s.sqlite", database=f"t{t % 7}") as historian:
        await historian.write([row(0, 5e-324, t=t), row(0, t=2**63)])
        await drained(historian)
        assert await historian.read(["R101.pH"], -(2**70), 2**70) == [row(0, 5e-324, t=t)]


def exported(url: str) -> list[dict[str, Any]]:
    urllib.request.urlopen(f"{url}/internal/force_flush").close()
    with urllib.request.urlopen(f"{url}/api/v1/export?match[]=pv_value&match[]=est_mean") as answer:
        return [orjson.loads(line) for line in answer.read().splitlines()]


async def test_the_write_request_of_version_2(victoria_metrics: Any, tmp_path: Path) -> None:
    heard: list[LinkChange] = []
    tags = {"R101.pH": Tag("R101", "pH", "pH", "1", 0, 14, 0.1)}
    async with opened(victoria_metrics, tmp_path / "s.sqlite", heard, tags, org="bioline") as historian:
        await historian.write([row(n) for n in range(3000)])
        await historian.write_estimates([Estimate("R101.pH", T0, 7.0, 0.1, "1")])
        await drained(historian)
        with pytest.raises(StorageError, match="can be written but not read"):
            await historian.read(["R101.pH"], T0, T0 + SECOND)
        assert (await historian.last(["R101.pH"]))["R101.pH"] == row(2999)
    found = await asyncio.to_thread(exported, victoria_metrics.url)
    by_name = {one["metric"]["__name__"]: one for one in found}
    assert by_name["pv_value"]["metric"] | {"tag": "R101.pH", "unit": "1"} == by_name["pv_value"]["metric"]
    assert by_name["pv_value"]["values"] == [float(n) for n in range(3000)]
    assert by_name["est_mean"]["values"] == [7.0]
    assert [change.up for change in heard] == [True]


WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from types import SimpleNamespace
from influx_rows import opened, row

async def main():
    async with opened(SimpleNamespace(url=sys.argv[1]), Path(sys.argv[2])) as historian:
        newest = (await historian.last(["R101.pH"])).get("R101.pH")
        n = 0 if newest is None else int(newest.value) + 1
        while True:
            await historian.write([row(k) for k in range(n, n + 20)])
            n += 20
            print(n - 1, flush=True)

asyncio.run(main())
"""


async def test_R_01_what_was_acknowledged_survives_kill_9_of_the_writer(
    own_influx: Any, tmp_path: Path
) -> None:
    spool, acknowledged = tmp_path / "s.sqlite", -1

    def run_and_kill() -> int:
        command = [sys.executable, "-c", WRITER, own_influx.url, str(spool), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(25)]
            os.kill(writer.pid, signal.SIGKILL)
            lines += writer.stdout.read().split("\n")[:-1]
            return int(lines[-1])

    for _ in range(3):
        last = await asyncio.to_thread(run_and_kill)
        assert last > acknowledged
        acknowledged = last
    async with opened(own_influx, spool) as historian:
        await drained(historian)
        newest = (await historian.last(["R101.pH"]))["R101.pH"]
    times = times_on(own_influx)
    assert newest.time_ns >= T0 + acknowledged * SECOND
    assert times == [T0 + n * SECOND for n in range(len(times))]
    assert times[-1] == newest.time_ns


class Grumbler:
    """Answers every write with the same status, and counts."""

    def __init__(self, status: str) -> None:
        self.status = status
        self.writes = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = next(
            (int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0
        )
        await reader.readexactly(size)
        answer = "204 No Content"
        if head.startswith("POST"):
            self.writes += 1
            answer = self.status
        writer.write(f"HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "status", ["503 Service Unavailable", "429 Too Many Requests\r\nRetry-After: 60", "403 Forbidden"]
)
async def test_R_04_an_unwilling_server_is_not_pestered(status: str, tmp_path: Path) -> None:
    grumbler = Grumbler(status)
    server = await asyncio.start_server(grumbler, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    heard: list[LinkChange] = []
    async with opened(server, tmp_path / "s.sqlite", heard) as historian:
        await historian.write([row(1)])
        await asyncio.sleep(1.0)
        assert 1 <= grumbler.writes <= (3 if status.startswith("503") else 1)
        assert await historian.pending() == 1
    server.close()
    await server.wait_closed()
    assert [change.up for change in heard] == [False]


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_halving_finds_every_bad_line_and_sends_every_good_one(bad: list[bool]) -> None:
    taken: set[int] = set()

    def post(some: Any) -> str | None:
        if any(bad[n] for n in some):
            return "unable to parse"
        taken.update(some)
        return None

    rejected = isolate(range(len(bad)), post)
    assert [n for n, _ in rejected] == [n for n, is_bad in enumerate(bad) if is_bad]
    assert taken == {n for n, is_bad in enumerate(bad) if not is_bad}


@pytest.mark.parametrize(
    ("status", "words", "refused", "held"),
    [
        (400, "partial write: points beyond retention policy dropped=1", True, False),
        (400, "unable to parse 'x': missing fields", True, False),
        (422, "failure writing points: partial write: field type conflict", True, False),
        (413, "Request Entity Too Large", True, False),
        (400, "database is required", False, True),
        (401, "authorization failed", False, True),
        (403, "forbidden", False, True),
        (404, "bucket not found", False, True),
        (408, "timeout", False, False),
        (429, "slow down", False, False),
        (500, "engine: cache-max-memory-size exceeded", False, False),
        (503, "", False, False),
    ],
)
def test_what_answers_mean(status: int, words: str, refused: bool, held: bool) -> None:
    answer = meaning("http://db", status, words, 7.0)
    assert isinstance(answer, LineRefusedError) == refused
    if isinstance(answer, ServerAwayError):
        assert (answer.held, answer.wait_s) == (held, CAP_S if held else 7.0)


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("plant", "1.6.7", "create it with `CREATE DATABASE plant`"),
        ("my-plant", "1.8.10", 'create it with `CREATE DATABASE "my-plant"`'),
        ("plant", "v2.7.1", "create a bucket of that name"),
    ],
)
def test_a_missing_database_says_what_makes_it(name: str, version: str, said: str) -> None:
    told = no_database("http://db", name, version)
    assert told.startswith(f"http://db: database {name!r} is not there; {said}")


def test_pauses_grow_to_a_cap_and_obey_the_server() -> None:
    assert all(pause(n, None) <= CAP_S for n in range(1, 2000))
    assert pause(1, None) <= 0.5 < pause(3, None)
    assert pause(1, 12.0) == 12.0


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "localhost:8086"},
        {"username": "me"},
        {"token_file": "t", "username": "me", "password_file": "p"},
        {"tokn_file": "x"},
    ],
)
def test_configurations_that_can_not_work_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Config.model_validate({"url": "http://db:8086", "database": "plant", "spool": "s.sqlite"} | fields)
