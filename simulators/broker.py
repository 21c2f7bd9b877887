"""An embedded MQTT broker for demonstrations and tests: rumqttd from the iotcore package.

It listens on loopback only, in a child process that ends with this one. Everything it holds is
in memory: a session's messages survive the absence of a client, not the end of the broker.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from iotcore import Broker

from simulators.wires import free_port

SEGMENT_BYTES = 10 * 1024 * 1024
SEGMENTS = 10
"""Log of a topic filter: 100 MB. With 4 x 1 MB a slow consumer was measured to lose messages."""
LARGEST_PAYLOAD_BYTES = 1024 * 1024

_LISTENER = """
[{family}.1]
name = "{family}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

    [{family}.1.connections]
    connection_timeout_ms = 10000
    max_payload_size = {payload}
    max_inflight_count = 1000
    dynamic_filters = true
"""
_ROUTER = """
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 500
max_segment_size = {segment}
max_segment_count = {segments}
"""


@dataclass
class RunningBroker:
    """A broker that listens.

    Parameters
    ----------
    port : int
        MQTT 5, on 127.0.0.1.
    port_311 : int
        MQTT 3.1.1, on 127.0.0.1; both reach the same topics.
    """

    port: int
    port_311: int
    _broker: Broker
    _folder: tempfile.TemporaryDirectory[str]

    def close(self) -> None:
        """Stop it and free the ports; may be called twice."""
        self._broker.stop()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_broker(port: int = 0, port_311: int = 0) -> RunningBroker:
    """Start a broker on loopback; port 0 takes a free one. Blocks for about 0.3 s.

    Raises
    ------
    OSError
        When a port is taken.
    RuntimeError
        When the broker does not come up within 10 s.
    """
    ports = {"v5": port or free_port(), "v4": port_311 or free_port()}
    listeners = (_LISTENER.format(family=f, port=p, payload=LARGEST_PAYLOAD_BYTES) for f, p in ports.items())
    text = _ROUTER.format(segment=SEGMENT_BYTES, segments=SEGMENTS) + "".join(listeners)
    folder = tempfile.TemporaryDirectory(prefix="bioline-broker-")
    file = Path(folder.name) / "broker.toml"
    file.write_text(text, encoding="utf-8")
    broker = Broker(config_path=str(file))
    try:
        broker.start()
    except (OSError, RuntimeError):
        broker.stop()
        folder.cleanup()
        raise
    return RunningBroker(ports["v5"], ports["v4"], broker, folder)
