"""The sources at servers and senders of others: node-opcua, the edge node of Eclipse Tahu, a Pioreactor.

They are fetched from registries, so this runs only where BIOLINE_INTEROP=1 allows it.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from interop_clients import HERE, allowed, environment, install
from servers import Broker, needs
from watching import Watched, context

from connectors.sources import mqtt, opcua, sparkplug
from simulators.wires import free_port
from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Tag
from twin.engine.tagbook import TagBook, TimeWindow
from twin.service.build import load_line

pytestmark = allowed
PIOREACTOR = "pioreactor[worker]==25.11.19"
PACKAGES = ("node-opcua-server@2.182.2", "sparkplug-client@3.2.4")
TAGS = {
    "R9.count": Tag("R9", "count", "count", "1", 0.0, 1e9, 1.0),
    "R9.temperature": Tag("R9", "temperature", "temperature", "Cel", 0.0, 100.0, 0.1),
}


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("npm"), PACKAGES)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    needs("mosquitto")
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.end()


@contextlib.asynccontextmanager
async def started(folder: Path, script: str, *arguments: object) -> AsyncIterator[Any]:
    """A script of the third party that runs until the block ends; with its first line as JSON."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *("node", str(HERE / script), *map(str, arguments)),
        env=environment(folder),
        stdin=pipe,
        stdout=pipe,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            while not (first := await process.stdout.readline()).startswith(b"{"):
                assert first, "it ended before it was open"
        yield json.loads(first), process
    finally:
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 10)
        with contextlib.suppress(ProcessLookupError):
            process.kill()


def counts(*parts: Watched) -> list[float]:
    """Values of the counter that came, in their order."""
    rows = [row for part in parts for row in part.readings if row.address == "R9.count"]
    return [float(row.value) for row in rows if isinstance(row.value, float | int)]


def whole(numbers: list[float]) -> bool:
    """True when no number between the first and the last is missing."""
    return set(numbers) == set(range(int(min(numbers)), int(max(numbers)) + 1))


def at(port: int, **more: Any) -> opcua.Config:
    fields = {
        "id": "ua",
        "url": f"opc.tcp://127.0.0.1:{port}",
        "namespace": "urn:test:vendor",
        "sampling_ms": 0,
        "retry_s": 0.2,
    }
    return opcua.Config(**fields | more)


async def test_node_opcua_as_server_is_read_and_a_hole_is_filled_from_its_history(
    modules: Path, tmp_path: Path
) -> None:
    port = free_port()
    async with started(modules, "opcua_server.cjs", port, tmp_path / "server"):
        async with Watched(opcua.open_source(at(port, history_first_h=1), context(TAGS))) as before:
            await before.until(lambda: len(counts(before)) > 60)
        newest = {
            tag: max(row.time_ns for row in before.readings if row.address == tag and row.time_ns)
            for tag in TAGS
        }
        last = max(counts(before))
        await asyncio.sleep(2.0)
        async with Watched(opcua.open_source(at(port), context(TAGS, newest))) as after:
            await after.until(lambda: max(counts(after), default=0.0) > last + 80)
    assert whole(counts(before))
    assert whole([last, *counts(after)])
    rows = [*before.readings, *after.readings]
    warm = [row.value for row in rows if row.address == "R9.temperature" and row.quality is Quality.GOOD]
    assert warm
    assert all(isinstance(value, float) and 37.0 <= value <= 37.1 for value in warm)
    assert not before.refused
    assert not after.refused


async def test_node_opcua_as_server_over_an_encrypted_session_with_an_account(
    modules: Path, tmp_path: Path
) -> None:
    port, secret = free_port(), tmp_path / "secret"
    secret.write_text("right")
    async with started(modules, "opcua_server.cjs", port, tmp_path / "server") as (said, _):
        own = {"certificate": tmp_path / "twin.der", "private_key": tmp_path / "twin.pem"}
        known = {"security": "aes256", "server_certificate": said["certificate"], "user": "twin"}
        config = at(port, password_file=secret, **own, **known)
        async with Watched(opcua.open_source(config, context(TAGS))) as got:
            await got.until(lambda: len(counts(got)) > 20)
        secret.write_text("wrong")
        async with Watched(opcua.open_source(config, context(TAGS))) as refused:
            await refused.until(lambda: refused.ups == [False])


async def test_the_edge_node_of_tahu_is_heard_with_births_data_and_its_end(
    modules: Path, mosquitto: Broker
) -> None:
    config = sparkplug.Config(id="s", port=mosquitto.port, group="tahu", host_id="h", retry_s=0.2)
    async with Watched(sparkplug.open_source(config, context(TAGS))) as got:
        await got.until(lambda: got.ups == [True])
        async with started(modules, "sparkplug_edge.cjs", mosquitto.port) as (_, process):
            await got.until(lambda: len(counts(got)) > 60)
            process.stdin.close()
            lines = (await process.stdout.read()).splitlines()
            rest = [json.loads(line) for line in lines if line.startswith(b"{")]
            last = next(line["last"] for line in rest if "last" in line)
            await got.until(lambda: any(row.quality is Quality.STALE for row in got.readings))
    numbers = counts(got)
    assert numbers == sorted(numbers)
    assert whole(numbers)
    assert last - 1 <= max(numbers) <= last
    assert {row.value for row in got.readings if row.address == "R9.pH"} >= {7.05}
    assert not got.refused


@pytest.fixture(scope="module")
def pio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a Pioreactor's own package; BIOLINE_PIOREACTOR may name one that is there."""
    if ready := os.environ.get("BIOLINE_PIOREACTOR"):
        return Path(ready)
    folder = tmp_path_factory.mktemp("pioreactor")
    for python in ("python3.13", "python3.12"):
        found = shutil.which(python)
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            subprocess.run([found, "-m", "venv", folder], check=True)
            subprocess.run([folder / "bin/pip", "install", "-q", PIOREACTOR], check=True, timeout=300)
            return folder / "bin/pio"
    pytest.skip("the package pioreactor needs Python 3.12 or newer")


async def test_a_pioreactor_in_test_mode_is_read_by_the_packaged_line(
    pio: Path, mosquitto: Broker, tmp_path: Path
) -> None:
    told = (HERE / "pioreactor.ini").read_text().format(port=mosquitto.port, folder=tmp_path)
    (tmp_path / "config.ini").write_text(told)
    about = {"TESTING": "1", "HOSTNAME": "unit1", "EXPERIMENT": "first", "DOT_PIOREACTOR": str(tmp_path)}
    about |= {"MODEL_NAME": "pioreactor_20ml", "MODEL_VERSION": "1.1", "HARDWARE": "1.1", "FIRMWARE": "24.1"}
    line_file, line = load_line(Path(__file__).parents[2] / "seeds/lines/pioreactor.yaml")
    (section,) = line_file.sources
    config = mqtt.Config(**section | {"port": mosquitto.port, "retry_s": 0.2})
    tags = {tag.id: tag for tag in line.tags()}
    command = str(pio), "run", "od_reading", "--fake-data"
    async with Watched(mqtt.open_source(config, context(tags))) as got:
        await got.until(lambda: got.ups == [True])
        reactor = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=os.environ | about)
        try:
            await got.until(lambda: len(got.readings) >= 4, 60)
        finally:
            reactor.terminate()
            await reactor.wait()
    book, window = TagBook(line.tags()), TimeWindow(0, 2**62)
    kept = [book.measure(row, window) for row in got.readings]
    assert {row.address for row in got.readings} == {"unit1.OD"}
    assert all(isinstance(row, Measurement) and 0.0 < (row.value or 0.0) < 1.0 for row in kept)
    times = [row.time_ns for row in got.readings]
    assert times == sorted(set(times))
    assert not got.refused
