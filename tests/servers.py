"""Real servers for the tests, each on its own port and folder of the loopback address."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from simulators.wires import free_port


class Server:
    """A server process that can be killed and started again on the same port and data."""

    def __init__(self, command: list[str], environment: dict[str, str], url: str) -> None:
        self.url = url
        self._command = command
        self._environment = os.environ | environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/ping", timeout=2).close()
                return
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < deadline, f"{self._command[0]} does not come up"
                time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def query(self, statement: str, database: str = "", **account: str) -> list[dict]:  # type: ignore[type-arg]
        fields = {"q": statement, "db": database, "epoch": "ns"} | account
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/query?{urllib.parse.urlencode(fields)}", method="POST"),
            timeout=10,
        ) as answer:
            results = orjson.loads(answer.read())["results"]
        return [series for result in results for series in result.get("series", [])]


def influxd(folder: Path, **more: str) -> Server:
    port, other = free_port(), free_port()
    environment = {
        "INFLUXDB_META_DIR": str(folder / "meta"),
        "INFLUXDB_DATA_DIR": str(folder / "data"),
        "INFLUXDB_DATA_WAL_DIR": str(folder / "wal"),
        "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
        "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{other}",
        "INFLUXDB_REPORTING_DISABLED": "true",
        "INFLUXDB_HTTP_LOG_ENABLED": "false",
        "INFLUXDB_DATA_INDEX_VERSION": "tsi1",
    }
    return Server(["influxd"], environment | more, f"http://127.0.0.1:{port}")


def victoria(folder: Path) -> Server:
    port = free_port()
    command = ["victoria-metrics", f"-storageDataPath={folder / 'vm'}", f"-httpListenAddr=127.0.0.1:{port}"]
    command += ["-retentionPeriod=100y", "-search.latencyOffset=0s"]
    return Server(command, {}, f"http://127.0.0.1:{port}")


class Broker:
    """Debian's mosquitto on a port of its own; `durable` keeps every change of a session on disk (slow).

    `more` are further lines of its configuration, for its listener.
    """

    def __init__(
        self,
        folder: Path,
        durable: bool = False,
        password_file: Path | None = None,
        more: Sequence[str] = (),
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", *more, "user root", "max_queued_messages 0"]
        lines.append("log_type error")
        if not any(line.startswith("allow_anonymous") for line in more):
            lines.append(f"allow_anonymous {'true' if password_file is None else 'false'}")
        if password_file is not None:
            lines.append(f"password_file {password_file}")
        if durable:
            lines += ["persistence true", f"persistence_location {folder}/"]
            lines += ["autosave_interval 1", "autosave_on_changes true"]
        self._file.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = subprocess.Popen([program, "-c", str(self._file)], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "mosquitto does not come up"
                time.sleep(0.02)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None


def needs(program: str) -> None:
    if shutil.which(program) is None and not Path("/usr/sbin", program).exists():
        pytest.skip(f"{program} is not installed: on Debian apt-get install {program_package(program)}")


def program_package(program: str) -> str:
    return {"influxd": "influxdb", "mosquitto_passwd": "mosquitto"}.get(program, program)
