"""A source under watch, and brokers that can be killed."""

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from simulators.broker import RunningBroker, open_broker
from twin.domain.measurement import Quarantined, Reading
from twin.domain.tag import Tag
from twin.ports import Delivery, LinkChange, Source, SourceContext


class WallClock:
    """The machine's time."""

    speed = 1.0

    def now_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Watched:
    """Runs a source as the service does, and keeps what came."""

    def __init__(self, source: Source, ack: bool = True) -> None:
        self._source, self._ack = source, ack
        self._news = asyncio.Event()
        self.readings: list[Reading] = []
        self.refused: list[Quarantined] = []
        self.links: list[LinkChange] = []
        self.deliveries: list[Delivery] = []
        self.task: asyncio.Task[None]

    async def _run(self) -> None:
        async with contextlib.aclosing(self._source.deliveries()) as deliveries:
            async for delivery in deliveries:
                self.readings += delivery.readings
                self.refused += delivery.refused
                self.links += delivery.links
                self.deliveries.append(delivery)
                if self._ack:
                    delivery.ack()
                self._news.set()

    async def __aenter__(self) -> "Watched":
        self.task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def until(self, happened: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait for it; fails with what came so far."""
        try:
            async with asyncio.timeout(seconds):
                while not happened():
                    self._news.clear()
                    if self.task.done():
                        self.task.result()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), 0.2)
        except TimeoutError:
            told = [change.text for change in self.links[-4:]]
            pytest.fail(
                f"not within {seconds} s; {len(self.readings)} readings, links {told}, {self.refused[-2:]}"
            )

    @property
    def ups(self) -> list[bool]:
        return [change.up for change in self.links if change.up is not None]


def context(tags: Mapping[str, Tag] | None = None, stored: Mapping[str, int] | None = None) -> SourceContext:
    """What a source may know, with the wall clock."""
    return SourceContext(tags or {}, WallClock(), (stored or {}).get)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """Debian's mosquitto on a port of its own; `durable` keeps every change of a session on disk (slow)."""

    def __init__(self, folder: Path, durable: bool = False, password_file: Path | None = None) -> None:
        self.port = free_port()
        self._file = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "user root", "max_queued_messages 0", "log_type error"]
        lines.append(f"allow_anonymous {'true' if password_file is None else 'false'}")
        if password_file is not None:
            lines.append(f"password_file {password_file}")
        if durable:
            lines += ["persistence true", f"persistence_location {folder}/"]
            lines += ["autosave_interval 1", "autosave_on_changes true"]
        self._file.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(["mosquitto", "-c", str(self._file)], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            time.sleep(0.02)
        pytest.fail("mosquitto did not start")

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None


def _running(folder: Path, **more: Any) -> Iterator[Mosquitto]:
    if shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed (apt-get install mosquitto)")
    broker = Mosquitto(folder, **more)
    broker.start()
    yield broker
    broker.end()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto; skipped where it is not installed."""
    yield from _running(tmp_path)


@pytest.fixture
def durable_mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """The same, with its sessions on disk."""
    yield from _running(tmp_path, durable=True)


@pytest.fixture
def guarded_mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """The same with one account: twin, password right."""
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("mosquitto is not installed (apt-get install mosquitto)")
    accounts = tmp_path / "accounts"
    accounts.touch()
    command = ["mosquitto_passwd", "-b", str(accounts), "twin", "right"]
    subprocess.run(command, check=True, capture_output=True)
    yield from _running(tmp_path, password_file=accounts)


@pytest.fixture(scope="session")
def embedded() -> Iterator[RunningBroker]:
    """The embedded broker."""
    with open_broker() as broker:
        yield broker


@pytest.fixture(params=["embedded-5", "embedded-311", "mosquitto-5", "mosquitto-311"])
def any_broker(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Port and protocol of each broker with each protocol."""
    return _port_and_protocol(request)


@pytest.fixture(params=["embedded-311", "mosquitto-5"])
def either_broker(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Port and protocol: both brokers and both protocols, but not every pair."""
    return _port_and_protocol(request)


def _port_and_protocol(request: pytest.FixtureRequest) -> tuple[int, int]:
    name, version = request.param.split("-")
    broker = request.getfixturevalue(name)
    if name == "embedded" and version == "311":
        return broker.port_311, 311
    return broker.port, int(version)


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """Fails when a test leaves a task behind."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f"tasks left: {left}"
