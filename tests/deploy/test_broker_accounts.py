"""The broker's shipped configuration, run: who may say and hear what."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from simulators.wires import free_port

DEPLOY = Path(__file__).resolve().parents[2] / "deploy/mosquitto"
ACCOUNTS = ("bioline", "gateway", "laboratory", "viewer", "edge-1", "edge-2")
pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a mosquitto that runs the shipped files, with paths and port of this test."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    maker = shutil.which("mosquitto_passwd")
    if program is None or maker is None:
        pytest.skip("mosquitto is not installed: on Debian apt-get install mosquitto")
    folder = tmp_path_factory.mktemp("mosquitto")
    passwords = folder / "passwords"
    passwords.touch(mode=0o644)
    for account in ACCOUNTS:
        subprocess.run(
            [maker, "-b", str(passwords), account, f"word of {account}"], check=True, capture_output=True
        )
    shutil.copy(DEPLOY / "acl", folder / "acl")
    for path in (folder, folder / "acl", passwords):
        path.chmod(0o755 if path.is_dir() else 0o644)
    port = free_port()
    text = (DEPLOY / "mosquitto.conf").read_text(encoding="utf-8")
    text = text.replace("listener 1883\n", f"listener {port} 127.0.0.1\n")
    text = text.replace("/run/secrets/mosquitto_passwords", str(passwords))
    text = text.replace("/mosquitto/config/acl", str(folder / "acl")).replace(
        "/mosquitto/data/", f"{folder}/"
    )
    (folder / "mosquitto.conf").write_text(text + "user root\n")
    with subprocess.Popen(
        [program, "-c", str(folder / "mosquitto.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _wait_for(port)
        yield port
        process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "mosquitto does not come up with the shipped configuration"
            time.sleep(0.02)


class Client:
    """A client that waits for each answer."""

    def __init__(self, port: int, user: str | None, password: str | None = None) -> None:
        self.refused: str | None = None
        self.heard: list[str] = []
        self._done = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        if user is not None:
            self._client.username_pw_set(user, password or f"word of {user}")
        self._client.on_connect = self._answered
        self._client.on_subscribe = lambda c, u, mid, codes, p: self._answered(c, u, None, codes[0], p)
        self._client.on_publish = lambda c, u, mid, code, p: self._answered(c, u, None, code, p)
        self._client.on_message = lambda c, u, message: self.heard.append(message.topic)
        self._client.connect("127.0.0.1", port)
        self.ok = self._wait()

    def _answered(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        self.refused = str(code) if code.is_failure else None
        self._done = True

    def _wait(self) -> bool:
        deadline = time.monotonic() + 5
        while not self._done:
            assert time.monotonic() < deadline, "no answer from the broker"
            self._client.loop(0.05)
        self._done = False
        return self.refused is None

    def may_publish(self, topic: str) -> bool:
        self._client.publish(topic, b"{}", qos=1)
        return self._wait()

    def subscribe(self, pattern: str) -> None:
        self._client.subscribe(pattern, 1)
        self._wait()

    def listen(self, seconds: float) -> list[str]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._client.loop(0.02)
        return self.heard

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop(0.05)


def test_S_10_nobody_enters_without_account(broker: int) -> None:
    for user, password in ((None, None), ("bioline", "guess"), ("nobody", "x")):
        client = Client(broker, user, password)
        assert not client.ok
        client.close()


@pytest.mark.parametrize(
    ("user", "topic", "allowed"),
    [
        ("gateway", "plant/R102/head", True),
        ("gateway", "lab/R102", False),
        ("gateway", "spBv1.0/STATE/bioline", False),
        ("gateway", "spBv1.0/bioline/NBIRTH/edge-1", False),
        ("laboratory", "lab/R102", True),
        ("laboratory", "plant/R102/head", False),
        ("viewer", "plant/R102/head", False),
        ("viewer", "lab/R102", False),
        ("viewer", "spBv1.0/STATE/bioline", False),
        ("edge-1", "spBv1.0/bioline/NBIRTH/edge-1", True),
        ("edge-1", "spBv1.0/bioline/DDATA/edge-1/R102", True),
        ("edge-1", "spBv1.0/bioline/NDEATH/edge-2", False),
        ("edge-1", "spBv1.0/bioline/DDATA/edge-2/R102", False),
        ("edge-1", "spBv1.0/STATE/bioline", False),
        ("edge-1", "plant/R102/head", False),
        ("bioline", "spBv1.0/STATE/bioline", True),
        ("bioline", "spBv1.0/bioline/NCMD/edge-1", True),
        ("bioline", "spBv1.0/bioline/DCMD/edge-1/R102", False),
        ("bioline", "plant/R102/head", False),
    ],
)
def test_S_10_who_may_publish_where(broker: int, user: str, topic: str, allowed: bool) -> None:
    client = Client(broker, user)
    assert client.ok
    assert client.may_publish(topic) == allowed
    client.close()


@pytest.mark.parametrize(
    ("user", "hears"),
    [
        ("bioline", {"plant/R102/head", "lab/R102", "spBv1.0/bioline/DDATA/edge-1/R102"}),
        ("viewer", {"plant/R102/head", "lab/R102", "spBv1.0/bioline/DDATA/edge-1/R102"}),
        ("gateway", set()),
        ("laboratory", set()),
        ("edge-2", set()),
    ],
)
def test_S_10_who_hears_what(broker: int, user: str, hears: set[str]) -> None:
    listener = Client(broker, user)
    for pattern in ("plant/#", "lab/#", "spBv1.0/#"):
        listener.subscribe(pattern)
    for speaker, topic in (
        ("gateway", "plant/R102/head"),
        ("laboratory", "lab/R102"),
        ("edge-1", "spBv1.0/bioline/DDATA/edge-1/R102"),
    ):
        client = Client(broker, speaker)
        assert client.may_publish(topic)
        client.close()
    assert set(listener.listen(0.3)) == hears
    listener.close()
