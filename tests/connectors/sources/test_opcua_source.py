"""The OPC UA source against asyncua servers, in this process and in one that is killed."""

import asyncio
import contextlib
import dataclasses
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import ValidationError
from watching import Watched, context

from connectors.codecs.certificates import term
from connectors.codecs.iso_time import ns_datetime
from connectors.codecs.opcua_words import nodes_lacking
from connectors.sources import _opcua_session as opcua_session
from connectors.sources.opcua import Config, open_source
from simulators.wires import Row, WireTag, free_port
from simulators.wires_opcua import OpcUaWire
from simulators.wires_opcua_security import Security
from twin.domain.errors import ConfigError
from twin.domain.measurement import Quality, Reading
from twin.domain.tag import Tag, TagKind

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("nothing_left")]
NAMES = {"pH": "1", "pO2": "%", "conductivity": "mS/cm", "temperature": "Cel", "seq": "1"}


def tags_of(vessel: str) -> dict[str, Tag]:
    made = [
        Tag(vessel, name, name, unit, 0.0, 1e9 if name == "seq" else 200.0, 0.1)
        for name, unit in NAMES.items()
    ]
    return {tag.id: tag for tag in made}


STEP = 10_000_000


def base_ns() -> int:
    return int(time.time()) * 10**9 - 600 * 10**9


def source(url: str, tags: dict[str, Tag], stored: dict[str, int] | None = None, **more: Any) -> Any:
    fields = {
        "publish_ms": 50,
        "sampling_ms": 10,
        "retry_s": 0.1,
        "retry_max_s": 0.5,
        "watchdog_s": 2.0,
    } | more
    return open_source(Config(id="ua", url=url, **fields), context(tags, stored))


def rows(tag: str, start: int, count: int, base: int) -> list[Row]:
    return [Row(tag, base + n * STEP, float(n)) for n in range(start, start + count)]


@dataclass
class Bench:
    """A vessel of its own on the hall's server."""

    wire: OpcUaWire
    vessel: str
    base: int = field(default_factory=base_ns)

    @property
    def url(self) -> str:
        return self.wire.url

    @property
    def server(self) -> Server:
        assert self.wire._server is not None
        return self.wire._server

    @property
    def tags(self) -> dict[str, Tag]:
        return tags_of(self.vessel)

    def id(self, name: str) -> str:
        return f"{self.vessel}.{name}"

    def source(
        self, stored: dict[str, int] | None = None, tags: dict[str, Tag] | None = None, **more: Any
    ) -> Any:
        named = {self.id(name): time for name, time in (stored or {}).items()}
        return source(self.url, self.tags if tags is None else tags, named, **more)

    async def count(self, start: int, count: int, name: str = "seq") -> None:
        await self.wire.publish(rows(self.id(name), start, count, self.base))

    async def put(self, name: str, step: int, value: float | None, quality: int = 192) -> None:
        await self.wire.publish([Row(self.id(name), self.base + step * STEP, value, quality)])

    def numbers(self, got: Watched) -> list[int]:
        """Sequence numbers as they came; fails when a value and its time do not belong together."""
        seen = [
            (r.value, r.time_ns) for r in got.readings if r.address == self.id("seq") and r.value is not None
        ]
        assert all(time_ns == self.base + int(value) * STEP for value, time_ns in seen)
        return [int(value) for value, _ in seen]

    def of(self, got: Watched, name: str) -> list[Reading]:
        return [r for r in got.readings if r.address == self.id(name)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall() -> AsyncIterator[OpcUaWire]:
    """One server with many vessels: building its address space takes seconds."""
    tags = [WireTag(t.id, t.unit, t.low, t.high) for n in range(20) for t in tags_of(f"V{n}").values()]
    async with OpcUaWire(tags, other_namespaces=["urn:vendor:one", "urn:vendor:two"]) as wire:
        yield wire


_vessels = iter(range(20))


@pytest_asyncio.fixture(loop_scope="module")
async def bench(hall: OpcUaWire) -> Bench:
    return Bench(hall, f"V{next(_vessels)}")


@pytest_asyncio.fixture(loop_scope="module")
async def nothing_left() -> AsyncIterator[None]:
    """Fails when a test leaves a task of ours behind; the test's server is not ours."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    left = [task for task in asyncio.all_tasks() - before if "asyncua/server" not in repr(task)]
    left.remove(asyncio.current_task())
    assert not left


async def test_values_times_and_status_are_kept_and_history_comes_first(bench: Bench) -> None:
    await bench.count(0, 300)
    async with Watched(bench.source()) as got:
        await got.until(lambda: got.ups == [True] and len(set(bench.numbers(got))) == 300)
        await bench.count(300, 1)
        for step, (value, quality) in enumerate([(7.0, 192), (None, 0), (7.0, 64), (7.0, 192), (7.0, 192)]):
            await bench.put("pH", step, value, quality)
        await bench.count(301, 99)
        await got.until(lambda: len(set(bench.numbers(got))) == 400)
    for delivery in got.deliveries:
        times = [r.time_ns for r in delivery.readings]
        assert times == sorted(times), "a delivery is in order of source time, whatever node came first"
    pH = bench.of(got, "pH")[-5:]
    assert [(r.value, r.quality, (r.time_ns or 0) - bench.base) for r in pH] == [
        (7.0, Quality.GOOD, 0),
        (None, Quality.BAD, STEP),
        (7.0, Quality.UNCERTAIN, 2 * STEP),
        (7.0, Quality.GOOD, 3 * STEP),
        (7.0, Quality.GOOD, 4 * STEP),
    ]
    assert pH[1].status == ua.StatusCodes.BadSensorFailure
    assert [r.replayed for r in bench.of(got, "seq")][:300] == [True] * 300
    assert {(r.value, r.quality) for r in bench.of(got, "temperature")} == {(None, Quality.STALE)}


async def test_UA_08_only_what_came_after_the_newest_stored_value_is_read(bench: Bench) -> None:
    await bench.count(0, 12_000)
    await bench.count(0, 50, "pO2")
    stored = {"seq": bench.base + 99 * STEP, "pO2": bench.base + 47 * STEP}
    async with Watched(bench.source(stored, vessels=[bench.vessel])) as got:
        await got.until(lambda: len(bench.numbers(got)) >= 11_900)
    history = [(r.address, r.time_ns or 0) for r in got.readings if r.replayed]
    assert bench.numbers(got)[:11_900] == list(range(100, 12_000))
    pO2 = [time_ns for tag, time_ns in history if tag == bench.id("pO2")]
    assert pO2 == [bench.base + 48 * STEP, bench.base + 49 * STEP]
    times = [time_ns for _, time_ns in history]
    assert times == sorted(times)


async def test_a_missing_node_and_a_wrong_unit_spoil_nothing_else(bench: Bench) -> None:
    v = bench.vessel
    tags = bench.tags | {
        f"{v}.redox": Tag(v, "redox", "ratio", "1", 0.0, 1.0, 0.1),
        f"{v}.conductivity": Tag(v, "conductivity", "conductivity", "uS/cm", 0.0, 50.0, 0.1),
        f"{v}.temperature": Tag(v, "temperature", "temperature", "Cel", 273.0, 400.0, 0.1),
    }
    async with Watched(bench.source(tags=tags)) as got:
        await got.until(lambda: got.ups == [True])
        await bench.put("conductivity", 0, 12.0)
        await bench.put("pH", 0, 7.0)
        await got.until(lambda: any(r.value == 7.0 for r in bench.of(got, "pH")))
        await got.until(lambda: any(q.reading.value == 12.0 for q in got.refused))
    assert {(q.reading.address, q.reason) for q in got.refused} == {
        (f"{v}.conductivity", "unit_mismatch"),
        (f"{v}.temperature", "unit_mismatch"),
    }
    text = got.links[0].text
    assert f"{v}.redox (BadNodeIdUnknown)" in text
    assert "'mS/cm'" in text
    assert "273 to 400 Cel" in text
    assert "5 of 6 nodes" in text


async def test_D_07_a_node_that_appears_later_is_taken_up_without_a_restart(bench: Bench) -> None:
    new = Tag(bench.vessel, "new", "ratio", "1", 0.0, 1.0, 0.1)
    async with Watched(bench.source(tags=bench.tags | {new.id: new}, retry_missing_s=0.3)) as got:
        await got.until(lambda: got.ups == [True])
        index = await bench.server.get_namespace_index("urn:bioline:plant")
        await bench.server.nodes.objects.add_variable(ua.NodeId(new.id, index), "new", 0.5)
        await got.until(lambda: any(r.value == 0.5 for r in bench.of(got, "new")))
        await bench.count(0, 1)
        await got.until(lambda: bench.numbers(got) == [0])
    assert [link.up for link in got.links] == [True, None]
    assert [nodes_lacking(link.text) for link in got.links] == [True, False]


async def test_UA_13_a_namespace_that_is_not_there_is_named(bench: Bench) -> None:
    async with Watched(bench.source(namespace="urn:other")) as got:
        await got.until(lambda: got.ups == [False])
    assert "no namespace 'urn:other'" in got.links[0].text
    assert "urn:bioline:plant" in got.links[0].text


async def test_D_06_a_reader_that_is_behind_holds_the_server_back_and_gets_all(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opcua_session, "_QUEUE", 2)
    values: set[float] = set()
    async with contextlib.aclosing(bench.source(queue_size=10_000).deliveries()) as deliveries:
        async for delivery in deliveries:
            if delivery.links:
                for start in range(0, 2000, 20):
                    await bench.count(start, 20)
                    await asyncio.sleep(0.004)
            values |= {
                float(r.value)
                for r in delivery.readings
                if r.address == bench.id("seq") and r.value is not None
            }
            await asyncio.sleep(0.05)
            if len(values) == 2000:
                break
    assert values == {float(n) for n in range(2000)}


async def test_responses_are_not_asked_for_while_nobody_takes_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opcua_session, "_QUEUE", 2)
    asked = opcua_session.SessionSettings(bench.url, "urn:bioline:plant", publish_ms=20, sampling_ms=10)
    session = await opcua_session.open_session(asked)
    try:
        await session.find({bench.id("seq"): f"s={bench.id('seq')}"})
        await session.subscribe()
        for n in range(40):
            await bench.count(n, 1)
            await asyncio.sleep(0.02)
        assert len(session._notices) == 2
        found: set[float] = set()
        while len(found) < 40:
            notices = await session.take(5.0)
            assert notices
            values = (data.Value.Value for notice in notices for _, data in notice.values)
            found |= {value for value in values if value is not None}
    finally:
        await session.close()


@dataclass
class PlantProcess:
    """A server that can be killed, stopped and started again with another order of namespaces."""

    port: int = field(default_factory=free_port)
    zero_s: int = field(default_factory=lambda: int(time.time()) - 5)
    process: asyncio.subprocess.Process | None = None

    async def start(self, *others: str) -> None:
        script = str(Path(__file__).with_name("opcua_plant.py"))
        arguments = (sys.executable, script, str(self.port), str(self.zero_s), *others)
        self.process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
        assert self.process.stdout is not None
        assert await asyncio.wait_for(self.process.stdout.readline(), 60) == b"ready\n"

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.communicate()
            self.process = None


@pytest_asyncio.fixture(loop_scope="module")
async def plant() -> AsyncIterator[PlantProcess]:
    process = PlantProcess()
    await process.start()
    yield process
    await process.kill()


def counted(got: Watched, plant: PlantProcess) -> set[int]:
    seen = [(r.value, r.time_ns) for r in got.readings if r.address == "R101.seq" and r.value is not None]
    assert all(time_ns == plant.zero_s * 10**9 + int(value) * 20_000_000 for value, time_ns in seen)
    return {int(value) for value, _ in seen}


def newest(got: Watched, tag: str) -> int | None:
    return max((r.time_ns for r in got.readings if r.address == tag and r.time_ns is not None), default=None)


async def test_R_06_UA_07_UA_13_a_server_that_hangs_or_is_killed_leaves_no_hole(plant: PlantProcess) -> None:
    tags = {tag.id: tag for tag in (Tag("R101", n, n, "1", 0.0, 1e9, 0.1) for n in ("seq", "pH"))}
    made = source(f"opc.tcp://127.0.0.1:{plant.port}", tags, connect_timeout_s=2.0, watchdog_s=1.0)
    got = Watched(made)
    made._context = dataclasses.replace(made._context, last_stored=lambda tag: newest(got, tag))
    async with got:
        await got.until(lambda: len(counted(got, plant)) > 100)
        plant.signal(signal.SIGSTOP)
        began = time.monotonic()
        await got.until(lambda: got.ups == [True, False])
        noticed_s = time.monotonic() - began
        plant.signal(signal.SIGCONT)
        await got.until(lambda: got.ups == [True, False, True])
        await plant.kill()
        await got.until(lambda: got.ups[-1] is False)
        await plant.start("urn:vendor:one", "urn:vendor:two")
        ready = time.monotonic()
        await got.until(lambda: got.ups[-1] is True)
        recovered_s = time.monotonic() - ready
        seen = max(counted(got, plant))
        await got.until(lambda: max(counted(got, plant)) > seen + 50)
    found = counted(got, plant)
    assert found == set(range(max(found) + 1))
    assert got.ups == [True, False, True, False, True]
    print(f"hang noticed after {noticed_s:.1f} s; back {recovered_s:.1f} s after the server was ready")
    assert recovered_s < 10.0


async def test_R_06_a_session_the_server_silently_forgets_is_noticed(bench: Bench) -> None:
    """The connection lives, the watchdog is answered, but nothing is published any more."""
    async with Watched(bench.source(keepalive_s=0.2, connect_timeout_s=0.5)) as got:
        await got.until(lambda: got.ups == [True])
        service = bench.server.iserver.subscription_service
        for subscription in list(service.subscriptions.values()):
            if subscription.pub_request_callback is not None:
                await subscription.stop()
        await bench.count(0, 20)
        await got.until(lambda: got.ups == [True, False, True])
        await got.until(lambda: set(bench.numbers(got)) == set(range(20)))
    assert "has not published anything" in next(change.text for change in got.links if change.up is False)


async def test_a_server_without_history_is_said_to_have_a_hole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> list[ua.HistoryReadResult]:
        raise ua.UaStatusCodeError(ua.StatusCodes.BadHistoryOperationUnsupported)

    monkeypatch.setattr(bench.server.iserver.history_manager, "read_history", refuse)
    async with Watched(bench.source({"seq": bench.base})) as got:
        await got.until(lambda: any(change.gap for change in got.links))
        await bench.count(5, 1)
        await got.until(lambda: bench.numbers(got) == [5])
    (change,) = [change for change in got.links if change.gap]
    assert change.up is None
    assert change.gap is not None
    assert change.gap[0] == bench.base
    assert "have no history" in change.text


async def test_UA_06_an_overflow_is_told_and_filled_from_history(bench: Bench) -> None:
    async with Watched(bench.source({"seq": bench.base})) as got:
        await got.until(lambda: got.ups == [True])
        await asyncio.sleep(0.3)
        node = bench.wire._nodes[bench.id("seq")]
        ring = bench.wire._history.ring(node)
        for n in range(1, 10):
            ring.add((bench.base + n * STEP) // 1000, float(n), 0)
        when = ns_datetime(bench.base + 10 * STEP)
        value = ua.DataValue(ua.Variant(10.0), ua.StatusCode(0x480), when, when)
        await bench.server.iserver.aspace.write_attribute_value(node, ua.AttributeIds.Value, value)
        await got.until(lambda: set(bench.numbers(got)) >= set(range(1, 11)))
    assert any("lost values" in change.text for change in got.links)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates of the server and of another, unrelated one."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for name in ("server", "stranger"):
        made[name], made[f"{name}_key"] = folder / f"{name}.der", folder / f"{name}.pem"
        await setup_self_signed_certificate(
            made[f"{name}_key"],
            made[name],
            "urn:freeopcua:python:server",
            "127.0.0.1",
            [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
            {"organizationName": "Test"},
        )
    return made


async def test_UA_01_UA_03_an_encrypted_session_with_an_account(
    keys: dict[str, Path], tmp_path: Path
) -> None:
    security = Security(keys["server"], keys["server_key"], (("twin", "right"),))
    secret = tmp_path / "secret"
    common: dict[str, Any] = {
        "certificate": tmp_path / "own" / "twin.der",
        "private_key": tmp_path / "own" / "twin.pem",
        "server_certificate": keys["server"],
        "user": "twin",
        "password_file": secret,
    }
    tags = {"R101.pH": Tag("R101", "pH", "pH", "1", 0.0, 14.0, 0.1)}
    async with OpcUaWire([WireTag("R101.pH", "1", 0.0, 14.0)], security=security) as wire:
        secret.write_text("right\n")
        for policy in ("aes256", "basic256sha256"):
            async with Watched(source(wire.url, tags, security=policy, **common)) as got:
                await got.until(lambda: got.ups == [True, True])
                assert [change.source.partition(".")[2] for change in got.links] == ["", "certificates"]
                await wire.publish([Row("R101.pH", base_ns(), 7.25)])
                await got.until(lambda: any(r.value == 7.25 for r in got.readings))
        for change in ({"server_certificate": keys["stranger"]}, {"security": "none"}, {"user": "other"}):
            async with Watched(
                source(wire.url, tags, **({"security": "aes256"} | common | change))
            ) as refused:
                await refused.until(lambda: refused.ups == [False])
        secret.write_text("wrong\n")
        async with Watched(source(wire.url, tags, security="aes256", **common)) as refused:
            await refused.until(lambda: refused.ups == [False])


async def test_UA_03_a_user_known_by_a_certificate(keys: dict[str, Path], tmp_path: Path) -> None:
    security = Security(keys["server"], keys["server_key"], user_certificates=(("twin", keys["stranger"]),))
    tags = {"R101.pH": Tag("R101", "pH", "pH", "1", 0.0, 14.0, 0.1)}
    common: dict[str, Any] = {
        "security": "aes256",
        "certificate": tmp_path / "twin.der",
        "private_key": tmp_path / "twin.pem",
        "server_certificate": keys["server"],
    }
    async with OpcUaWire([WireTag("R101.pH", "1", 0.0, 14.0)], security=security) as wire:
        user = {"user_certificate": keys["stranger"], "user_private_key": keys["stranger_key"]}
        async with Watched(source(wire.url, tags, **common, **user)) as got:
            await got.until(lambda: got.ups[:1] == [True])
        other = {"user_certificate": keys["server"], "user_private_key": keys["server_key"]}
        for refused_user in (other, {}):
            async with Watched(source(wire.url, tags, **common, **refused_user)) as refused:
                await refused.until(lambda: refused.ups == [False])


def certificate(path: Path, begins: datetime, ends: datetime) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, ends)
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))
    return path


@pytest.mark.parametrize(
    ("begins_d", "ends_d", "said"),
    [(-30, -1, "ended on"), (1, 30, "counts only from"), (-1, 400, "no session")],
)
async def test_UA_02_a_certificate_that_does_not_count_is_refused_in_words(
    tmp_path: Path, begins_d: int, ends_d: int, said: str
) -> None:
    now = datetime.now(UTC)
    server = certificate(tmp_path / "s.der", now + timedelta(days=begins_d), now + timedelta(days=ends_d))
    own = {"certificate": tmp_path / "own.der", "private_key": tmp_path / "own.pem"}
    url = f"opc.tcp://127.0.0.1:{free_port()}"
    async with Watched(
        source(url, tags_of("R1"), security="aes256", server_certificate=server, **own)
    ) as refused:
        await refused.until(lambda: refused.ups == [False])
    assert said in refused.links[0].text


async def test_UA_02_a_certificate_that_ends_soon_is_told_in_time(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ends = certificate(tmp_path / "s.der", now - timedelta(days=1), now + timedelta(days=7)).read_bytes()
    one = term(ends, "the server's certificate")
    assert one.fault(now) is None
    assert "(6 days left)" in str(one.notice(now))
    assert one.notice(now - timedelta(days=30)) is None
    with pytest.raises(ValueError, match="DER or PEM"):
        term(b"junk", "it")


async def test_nobody_there_is_one_down_with_what_to_try() -> None:
    async with Watched(source(f"opc.tcp://127.0.0.1:{free_port()}", tags_of("R1"))) as got:
        await got.until(lambda: got.ups == [False])
        await asyncio.sleep(1.0)
    assert got.ups == [False]
    assert "check that the server runs" in got.links[0].text


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "http://x"},
        {"url": "opc.tcp://plant:4840"},
        {"url": "opc.tcp://plant:4840", "security": "none"},
        {"url": "opc.tcp://plant:4840", "certificate": "a", "private_key": "b"},
        {"security": "basic128rsa15"},
        {"security": "aes256"},
        {"user_certificate": "a", "user_private_key": "b"},
        {"security": "aes256", "certificate": "a", "private_key": "b", "user_certificate": "c"},
        {"nodes": "{vessel}"},
        {"publish_ms": 1000, "sampling_ms": 10, "queue_size": 10},
        {"node": "x"},
    ],
)
async def test_UA_05_a_config_that_can_not_work_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config(id="ua", **fields)


async def test_a_vessel_or_tag_that_does_not_exist_is_named() -> None:
    for fields in ({"vessels": ["R999"]}, {"tags": ["R101.none"]}):
        with pytest.raises(ConfigError, match=r"R999|R101\.none"):
            open_source(Config(id="ua", **fields), context(tags_of("R101")))


async def test_assays_are_not_looked_for_unless_named() -> None:
    assay = Tag("R101", "VCD", "cell density", "10*6/mL", 0.0, 100.0, 0.1, kind=TagKind.ASSAY)
    line = context(tags_of("R101") | {assay.id: assay})
    assert assay.id not in open_source(Config(id="ua"), line)._tags
    assert list(open_source(Config(id="ua", tags=[assay.id]), line)._tags) == [assay.id]
