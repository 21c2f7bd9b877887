"""Real servers for the historians' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Server, influxd, needs, victoria


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One InfluxDB 1.x for tests that do not kill it; every test makes its own database."""
    needs("influxd")
    server = influxd(tmp_path_factory.mktemp("influx"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_influx(tmp_path: Path) -> Iterator[Server]:
    """An InfluxDB 1.x that may be killed, with a database ``plant``; started."""
    needs("influxd")
    server = influxd(tmp_path / "influx")
    server.start()
    server.query("CREATE DATABASE plant")
    yield server
    server.kill()


@pytest.fixture
def guarded_influx(tmp_path: Path) -> Iterator[Server]:
    """An InfluxDB 1.x that asks for accounts."""
    needs("influxd")
    server = influxd(tmp_path / "influx", INFLUXDB_HTTP_AUTH_ENABLED="true")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def victoria_metrics(tmp_path: Path) -> Iterator[Server]:
    """VictoriaMetrics, which takes the version 2 write request."""
    needs("victoria-metrics")
    server = victoria(tmp_path)
    server.start()
    yield server
    server.kill()
