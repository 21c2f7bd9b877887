"""Grafana's files: loadable, joined to each other, and their queries find what the historian wrote."""

import asyncio
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.historians.influxdb import Config, open_historian
from simulators.wires import free_port
from twin.domain.measurement import Estimate, Measurement, Quality

GRAFANA = Path(__file__).resolve().parents[2] / "deploy/grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards/vessel.json").read_text(encoding="utf-8"))
T0 = 1_700_000_000_000_000_000


def _yaml(name: str) -> dict[str, Any]:
    loaded = yaml.safe_load((GRAFANA / "provisioning" / name).read_text(encoding="utf-8"))
    assert loaded["apiVersion"] == 1
    return dict(loaded)


def test_S_16_the_source_of_data_has_no_secret_in_it() -> None:
    (source,) = _yaml("datasources/influxdb.yaml")["datasources"]
    assert source["jsonData"]["version"] == "InfluxQL"
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token $__file{/run/secrets/influxdb_token}"}


def test_panels_and_provisioning_are_joined() -> None:
    (source,) = _yaml("datasources/influxdb.yaml")["datasources"]
    (provider,) = _yaml("dashboards/bioline.yaml")["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    targets = [target for panel in DASHBOARD["panels"] for target in panel["targets"]]
    assert {target["datasource"]["uid"] for target in targets} == {source["uid"]}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.fixture
def influx_url(tmp_path: Path) -> Iterator[str]:
    if shutil.which("influxd") is None:
        pytest.skip("influxd is not installed: on Debian apt-get install influxdb")
    ports = [free_port(), free_port()]
    folders = {f"INFLUXDB_{key}_DIR": str(tmp_path / key) for key in ("META", "DATA", "DATA_WAL")}
    environment = os.environ | folders | {
        "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{ports[0]}",
        "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{ports[1]}",
        "INFLUXDB_REPORTING_DISABLED": "true",
    }  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(["influxd"], env=environment, **quiet) as process:  # type: ignore[call-overload]
        url = f"http://127.0.0.1:{ports[0]}"
        deadline = time.monotonic() + 20
        while True:
            try:
                query(url, "CREATE DATABASE bioline")
                break
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield url
        process.kill()


def query(url: str, statement: str) -> list[dict[str, Any]]:
    fields = urllib.parse.urlencode({"db": "bioline", "q": statement})
    with urllib.request.urlopen(
        urllib.request.Request(f"{url}/query?{fields}", method="POST"), timeout=10
    ) as answer:
        results = json.loads(answer.read())["results"]
    assert not any("error" in result for result in results), results
    return [series for result in results for series in result.get("series", [])]


@pytest.mark.servers
def test_every_panel_finds_its_data(influx_url: str, tmp_path: Path) -> None:
    targets = [target for panel in DASHBOARD["panels"] for target in panel["targets"]]
    names = {target["query"].split("$vessel")[1].split("'")[0] for target in targets}

    async def fill() -> None:
        historian = open_historian(Config(url=influx_url, database="bioline", spool=tmp_path / "s.sqlite"))
        await historian.write(
            [Measurement(f"R101{n}", 4.0, Quality.GOOD, T0 + k, T0) for n in names for k in (1, 2)]
        )
        await historian.write_estimates([Estimate(f"R101{name}", T0 + 1, 5.0, 0.5, "1") for name in names])
        await historian.close()

    asyncio.run(fill())
    expected = {"measured": 4.0, "twin": 5.0, "twin - 2 sd": 4.0, "twin + 2 sd": 6.0}
    for target in targets:
        statement = target["query"].replace("$vessel", "R101").replace("$__interval", "1m")
        statement = statement.replace("$timeFilter", f"time >= {T0} AND time < {T0 + 10}")
        (series,) = query(influx_url, statement)
        assert series["values"][0][1] == expected[target["alias"]], target["query"]
