"""The embedded broker: loopback only, large payloads, gone when closed."""

import socket
import threading
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulators.broker import RunningBroker, open_broker


def listening_addresses(port: int) -> set[str]:
    """Local addresses (hexadecimal, as the kernel writes them) that listen on a port."""
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    local = [line[1].split(":") for line in lines if line[3] == "0A"]
    return {address for address, number in local if int(number, 16) == port}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the kernel's table of sockets")
def test_it_listens_on_loopback_only_and_frees_its_ports() -> None:
    broker = open_broker()
    ports = (broker.port, broker.port_311)
    assert [listening_addresses(port) for port in ports] == [{"0100007F"}] * 2
    broker.close()
    broker.close()
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises((OSError, RuntimeError)):
            open_broker(taken.getsockname()[1])


@pytest.mark.parametrize("sender", [5, 311])
def test_half_a_megabyte_goes_through_between_protocols(sender: int) -> None:
    with open_broker() as broker:
        got, ready = [], threading.Event()
        listener = client(broker, 311 if sender == 5 else 5, "ear")
        listener.on_subscribe = lambda *_: ready.set()
        listener.on_message = lambda _c, _d, message: (got.append(message.payload), ready.set())
        listener.subscribe("big", qos=1)
        assert ready.wait(5)
        ready.clear()
        mouth = client(broker, sender, "mouth")
        mouth.publish("big", b"x" * 500_000, qos=1)
        assert ready.wait(10)
        for one in (listener, mouth):
            one.disconnect()
            one.loop_stop()
    assert [len(payload) for payload in got] == [500_000]


def client(broker: RunningBroker, protocol: int, name: str) -> paho.Client:
    version, port = (paho.MQTTv5, broker.port) if protocol == 5 else (paho.MQTTv311, broker.port_311)
    made = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=version)
    up = threading.Event()
    made.on_connect = lambda *_: up.set()
    made.connect("127.0.0.1", port)
    made.loop_start()
    assert up.wait(5)
    return made
