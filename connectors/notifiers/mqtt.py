"""Notices as JSON documents published to a broker, QoS 1; accepted when the broker acknowledged."""

import asyncio
import threading
from pathlib import Path
from typing import Any, Final, Literal

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pydantic import BaseModel, ConfigDict, Field

from connectors.codecs import notice_json
from twin.domain.alarm import Notice
from twin.domain.errors import ConfigError, ConnectorError
from twin.ports import Notifier

ADDRESS: Final = "topic"
"""What a subscription's own address looks like on this channel."""


VERSIONS: Final = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}


class Config(BaseModel):
    """A broker.

    Parameters
    ----------
    host : str
        Name or address of the broker.
    port : int
        Its port; 8883 is usual with `tls`.
    version : str
        Of the protocol: ``5`` or ``3.1.1``.
    tls : bool
        Encrypt, and check the broker's certificate.
    user : str or None
        Account at the broker.
    password_file : Path or None
        File with the password.
    topic : str
        Where to, when the subscription names no topic; those of subscriptions lie below ``below``.
    below : str
        Begin of every topic a subscription may name.
    timeout_s : float
        Longest wait for the acknowledgement [s].
    """

    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    version: Literal["5", "3.1.1"] = "5"
    tls: bool = False
    user: str | None = None
    password_file: Path | None = None
    topic: str = Field(default="bioline/notices", pattern=r"^[^#+$][^#+]*$")
    below: str = Field(default="bioline/notices/", pattern=r"^[^#+$][^#+]*/$")
    timeout_s: float = Field(default=10.0, gt=0, le=120)


def open_notifier(config: Config) -> Notifier:
    """Make the route; nothing is connected yet.

    Raises
    ------
    ConfigError
        The password can not be read.
    """
    try:
        password = config.password_file.read_text(encoding="utf-8").strip() if config.password_file else None
    except OSError as error:
        raise ConfigError(f"password_file {config.password_file}: can not be read ({error}).") from error
    return Publisher(config, password)


class Publisher:
    """A route to topics; one connection for each notice, so that nothing waits unseen in a client."""

    def __init__(self, config: Config, password: str | None) -> None:
        self._config, self._password = config, password

    async def send(self, notice: Notice) -> None:
        """Deliver; raise `ConnectorError` when the broker did not acknowledge."""
        topic = notice.address or self._config.topic
        if notice.address and not topic.startswith(self._config.below):
            raise ConnectorError(f"mqtt: the topic has to begin with {self._config.below}", retry=False)
        await asyncio.to_thread(self._publish, topic, notice_json.encode(notice))

    async def close(self) -> None:
        """Nothing to release."""

    def _publish(self, topic: str, body: bytes) -> None:
        c = self._config
        client = Client(CallbackAPIVersion.VERSION2, protocol=VERSIONS[c.version])
        if c.user:
            client.username_pw_set(c.user, self._password)
        if c.tls:
            client.tls_set()
        refused: list[str] = []
        connected = threading.Event()

        def on_connect(_: Client, __: Any, ___: Any, reason: Any, ____: Any) -> None:
            if reason.is_failure:
                refused.append(str(reason))
            connected.set()

        client.on_connect = on_connect
        try:
            client.connect(c.host, c.port)
            client.loop_start()
            if not connected.wait(c.timeout_s) or refused:
                raise ConnectorError(f"{c.host}:{c.port}: {refused[0] if refused else 'no answer'}")
            self._acknowledged(client.publish(topic, body, qos=1))
        except OSError as error:
            raise ConnectorError(f"{c.host}:{c.port}: {error}; is the broker running?") from error
        finally:
            client.disconnect()
            client.loop_stop()

    def _acknowledged(self, sent: MQTTMessageInfo) -> None:
        sent.wait_for_publish(self._config.timeout_s)
        if not sent.is_published():
            c = self._config
            raise ConnectorError(f"{c.host}:{c.port}: no acknowledgement within {c.timeout_s:g} s.")
