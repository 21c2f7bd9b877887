"""Brokers that can be killed, and a look for tasks left behind."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Broker, needs

from simulators.broker import RunningBroker, open_broker


def _running(folder: Path, **more: Any) -> Iterator[Broker]:
    needs("mosquitto")
    broker = Broker(folder, **more)
    broker.start()
    yield broker
    broker.end()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """A running mosquitto; skipped where it is not installed."""
    yield from _running(tmp_path)


@pytest.fixture
def durable_mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """The same, with its sessions on disk."""
    yield from _running(tmp_path, durable=True)


@pytest.fixture
def guarded_mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """The same with one account: twin, password right."""
    needs("mosquitto_passwd")
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
