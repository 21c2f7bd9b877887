"""One MQTT session seen from asyncio, on paho-mqtt: what MQTT and Sparkplug sources share.

Each connection is a fresh paho client on its own network thread. Arrivals cross to the event
loop through one queue; nothing is ever dropped: acknowledged deliveries (QoS 1) are bounded by
the session's receive maximum, and for QoS 0 a full queue stops the network thread from reading.
"""

import asyncio
import contextlib
import ipaddress
import re
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pydantic import BaseModel, ConfigDict, Field, model_validator

from twin.domain.errors import ConnectorError

_HOPELESS: Final = frozenset({0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x90})
"""CONNACK codes that waiting does not mend: version, client id, password, rights, banned, method, topic."""
_UNSUPPORTED_VERSION: Final = 0x84
_TAKEN_OVER: Final = 0x8E
_NO_REASON: Final = 0x80
_PLAIN: Final = re.compile(r"[^A-Za-z0-9_.-]")
_STEADY: Final = 4.0
"""A connection that lasted this many pauses is steady again (chosen default): two clients of one name wait
alike, so each lasts about as long as the other's pause."""


def is_loopback(host: str) -> bool:
    """True when `host` is this machine by its name or address (no look-up)."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class BrokerConfig(BaseModel):
    """How a broker is reached.

    Parameters
    ----------
    host, port
        Where the broker listens.
    user
        Account at the broker.
    password_file
        The password is read from the file at every connect, so that it can be changed.
    tls
        Encrypt; without `ca_file` the system's authorities are trusted.
    ca_file
        Certificates of authorities to trust instead of the system's.
    certificate_file, key_file
        Our own certificate and its key, where the broker asks for one.
    allow_insecure
        Permits another machine without TLS or without an account.
    protocol
        MQTT 5, 3.1.1 or ``auto``: 5 first, then 3.1.1 when the broker does not speak 5.
    client_id
        Fixed, so that the broker keeps the session, and of one client only: a broker ends the session of a
        client when another comes with its name. ``bioline-<line>-<id>`` when empty.
    keepalive_s
        Longest silence on the connection before it is probed [s].
    connect_timeout_s
        Longest wait for the broker's answer to a connect [s].
    retry_s, retry_max_s
        First and longest pause between two tries to connect [s].
    window
        Receive maximum: messages the broker may send ahead of our acknowledgement.
    max_packet_bytes
        Larger messages are not sent to us (MQTT 5).
    """

    model_config = ConfigDict(extra="forbid")
    prefix: ClassVar[str] = "bioline"

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    user: str = ""
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    allow_insecure: bool = False
    protocol: Literal["auto", 5, 311] = "auto"
    client_id: str = ""
    keepalive_s: int = Field(default=15, ge=1, le=3600)
    connect_timeout_s: float = Field(default=5.0, gt=0)
    retry_s: float = Field(default=1.0, gt=0)
    retry_max_s: float = Field(default=30.0, gt=0)
    window: int = Field(default=1000, ge=1, le=65535)
    max_packet_bytes: int = Field(default=1_048_576, ge=1024)

    @model_validator(mode="after")
    def _secure(self) -> Self:
        if not is_loopback(self.host) and not self.allow_insecure and not (self.tls and self.user):
            raise ValueError(
                f"broker {self.host} is another machine: give tls: true and user with password_file, "
                "or allow_insecure: true when its network is trusted"
            )
        return self

    def session_name(self, line: str) -> str:
        """Name of the session at the broker: as configured, or made of the line's name and our id.

        Characters that a broker may refuse are replaced by ``-``.
        """
        return self.client_id or _PLAIN.sub("-", f"{self.prefix}-{line}-{getattr(self, 'id', '')}")


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes when we vanish."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """What a session is: its identity, life and subscriptions.

    `will` is asked at every connect, `goodbye` is published at a clean end, before disconnecting.
    """

    client_id: str
    subscriptions: tuple[tuple[str, int], ...]
    clean: bool
    expiry_s: int = 0
    will: Callable[[], Will | None] = lambda: None
    goodbye: Callable[[], Will | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message; `ack` tells the broker that it is ours now. It may be called once, on the event loop."""

    topic: str
    payload: bytes
    retain: bool
    ack: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Up:
    """Connected and subscribed."""

    text: str


@dataclass(frozen=True, slots=True)
class Down:
    """Not connected; `code` is the broker's reason when it gave one.

    `version` is True when the other side may not speak the protocol version we used.
    """

    text: str
    code: int | None = None
    version: bool = False


Happening = Arrival | Up | Down


class _Connection:
    """One paho client from connect to its end."""

    def __init__(self, config: BrokerConfig, rules: Rules, version: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._config, self._rules = config, rules
        self._queue: deque[Happening] = deque()
        self._news = asyncio.Event()
        self._room = threading.Event()
        self._room.set()
        self._open = True
        self._taken = False
        self._client = self._make(version)

    def _make(self, version: int) -> mqtt.Client:
        five = version == 5
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._rules.client_id,
            clean_session=None if five else self._rules.clean,
            protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = self._config.connect_timeout_s
        client.reconnect_delay_set(0.1, 0.1)  # how long its thread lingers after a failed connect
        if self._config.user:
            client.username_pw_set(self._config.user, _password(self._config))
        if self._config.tls:
            _set_tls(client, self._config)
        will = self._rules.will()
        if will is not None:
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect, client.on_subscribe = self._on_disconnect, self._on_subscribe
        client.on_message = self._on_message
        return client

    def start(self, version: int) -> None:
        """Begin connecting, on paho's thread."""
        extra: dict[str, Any] = {}
        if version == 5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = self._rules.expiry_s
            properties.ReceiveMaximum = self._config.window
            properties.MaximumPacketSize = self._config.max_packet_bytes
            extra = {"clean_start": self._rules.clean, "properties": properties}
        self._client.connect_async(self._config.host, self._config.port, self._config.keepalive_s, **extra)
        self._client.loop_start()

    async def take(self, timeout_s: float | None, limit: int) -> list[Happening]:
        """What happened, oldest first; empty when nothing did within the time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._queue:
                    self._news.clear()
                    if not self._queue:
                        await self._news.wait()
        taken = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
        self._room.set()
        return taken

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> mqtt.MQTTMessageInfo:
        """Hand a message to paho's thread."""
        return self._client.publish(topic, payload, qos, retain)

    async def close(self) -> None:
        """Say goodbye and wait for the thread to end."""
        self._open = False
        self._room.set()
        last = self._rules.goodbye() if self._client.is_connected() else None
        if last is not None:
            await self._taken_by_broker(last)
        self._client.disconnect()
        stopping = asyncio.ensure_future(asyncio.to_thread(self._client.loop_stop))
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            await stopping
            raise

    async def _taken_by_broker(self, last: Will) -> None:
        """Publish and wait for the acknowledgement, a second at most."""
        info = self._client.publish(last.topic, last.payload, last.qos, last.retain)
        for _ in range(100):
            if info.rc != mqtt.MQTT_ERR_SUCCESS or info.is_published():
                return
            await asyncio.sleep(0.01)

    # --- on paho's thread ------------------------------------------------------------------------

    def _put(self, happening: Happening) -> None:
        self._queue.append(happening)
        self._loop.call_soon_threadsafe(self._news.set)

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        while self._open and len(self._queue) >= self._config.window:
            self._room.clear()
            self._room.wait(0.5)
        mid, qos = message.mid, message.qos

        def ack() -> None:
            if self._open and qos:
                client.ack(mid, qos)

        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(a topic that is not UTF-8)"
        self._put(Arrival(topic, bytes(message.payload), bool(message.retain), ack))

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            text = f"the broker at {self._where} refused the connection: {code}"
            self._put(Down(text, code.value, code.value == _UNSUPPORTED_VERSION))
        elif self._rules.subscriptions:
            client.subscribe(list(self._rules.subscriptions))
        else:
            self._put(Up(self._where))
        self._taken = not code.is_failure

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: Any, _properties: Any) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            who = self._rules.client_id
            text = f"the broker refused a subscription of {who}: {refused[0]}; check its access list"
            self._put(Down(text))
        else:
            self._put(Up(self._where))

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        self._put(Down(f"nothing answers at {self._where}; check that the broker runs"))

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self._put(Down(_lost(self._where, self._rules.client_id, code), code.value, not self._taken))

    @property
    def _where(self) -> str:
        return f"{self._config.host}:{self._config.port}"


def _lost(where: str, client: str, code: Any) -> str:
    if code.value == _TAKEN_OVER:
        return (
            f"session taken over: another client uses client_id {client} at the broker at {where}; "
            "give each client a client_id of its own"
        )
    if code.value == _NO_REASON:
        return (
            f"connection to the broker at {where} lost without a reason; if this comes again and again, "
            f"another client may use client_id {client}"
        )
    return f"connection to the broker at {where} lost: {code}"


class _Pauses:
    """Pauses between tries: doubled from first to longest, and the first again after a steady connection."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._next_s, self._waited_s, self._up_s = first_s, 0.0, 0.0

    def up(self, at_s: float) -> None:
        """Connected, at this time [s]."""
        self._up_s = at_s

    def next(self, at_s: float) -> float:
        """How long to wait now that there is no connection [s]."""
        if self._up_s and at_s - self._up_s > _STEADY * self._waited_s:
            self._next_s = self._first_s
        self._up_s, self._waited_s = 0.0, self._next_s
        self._next_s = min(self._next_s * 2, self._longest_s)
        return self._waited_s


class MqttLink:
    """A session that comes back by itself.

    Parameters
    ----------
    config : BrokerConfig
    rules : Rules
    """

    def __init__(self, config: BrokerConfig, rules: Rules) -> None:
        self._config, self._rules = config, rules
        self._connection: _Connection | None = None
        self._all_versions = [5, 311] if config.protocol == "auto" else [config.protocol]
        self._versions = self._all_versions

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> mqtt.MQTTMessageInfo | None:
        """Send when connected; None when not."""
        return None if self._connection is None else self._connection.publish(topic, payload, qos, retain)

    async def happenings(
        self, tick_s: float | None = None, limit: int = 500
    ) -> AsyncGenerator[list[Happening], None]:
        """Arrivals and changes of the link in order, at most `limit` at once.

        With `tick_s` an empty list comes when nothing happened for that long. One `Down` comes
        for an outage, with the first cause, however many attempts follow.

        Raises
        ------
        ConnectorError
            With `retry=False`, when the broker refuses for a reason that waiting does not mend
            and has never taken us.
        """
        known_down, ever_up = False, False
        pauses = _Pauses(self._config.retry_s, self._config.retry_max_s)
        while True:
            other_version = False
            async with contextlib.aclosing(self._one_connection(tick_s, limit)) as batches:
                async for batch in batches:
                    down = next((one for one in batch if isinstance(one, Down)), None)
                    if any(isinstance(one, Up) for one in batch):
                        known_down, ever_up = False, True
                        pauses.up(time.monotonic())
                    if down is not None and not ever_up and self._is_hopeless(down):
                        raise ConnectorError(f"{down.text} (client {self._rules.client_id})", retry=False)
                    other_version = down is not None and self._turn(down, ever_up)
                    told = [
                        one for one in batch if not ((known_down or other_version) and isinstance(one, Down))
                    ]
                    known_down = known_down or (down is not None and not other_version)
                    if told or not batch:
                        yield told
            if not other_version:
                await asyncio.sleep(pauses.next(time.monotonic()))

    def _is_hopeless(self, down: Down) -> bool:
        return down.code in _HOPELESS and not (down.version and len(self._versions) > 1)

    async def _one_connection(
        self, tick_s: float | None, limit: int
    ) -> AsyncGenerator[list[Happening], None]:
        version = self._versions[0]
        try:
            connection = _Connection(self._config, self._rules, version)
        except OSError as error:
            yield [Down(f"a file named for the broker can not be read: {error}")]
            return
        up = False
        try:
            connection.start(version)
            self._connection = connection
            while True:
                batch = await connection.take(tick_s if up else self._config.connect_timeout_s * 2, limit)
                if not up and not batch:
                    batch = [Down(f"no answer from {self._config.host}:{self._config.port} to our greeting")]
                up = up or any(isinstance(one, Up) for one in batch)
                down = next((one for one in batch if isinstance(one, Down)), None)
                yield batch
                if down is not None:
                    return
        finally:
            self._connection = None
            await connection.close()

    def _turn(self, down: Down, ever_up: bool) -> bool:
        """Settle on the version that was taken, or go to the next one; True when there is one to try."""
        if ever_up or not down.version:
            self._versions = self._versions[:1] if ever_up else self._versions
            return False
        self._versions = self._versions[1:] or self._all_versions
        return len(self._versions) < len(self._all_versions)


def _password(config: BrokerConfig) -> str | None:
    return None if config.password_file is None else config.password_file.read_text(encoding="utf-8").strip()


def _set_tls(client: mqtt.Client, config: BrokerConfig) -> None:
    path = [
        str(file) if file else None for file in (config.ca_file, config.certificate_file, config.key_file)
    ]
    client.tls_set(*path)


def delivered(arrivals: Sequence[Arrival]) -> Callable[[], None]:
    """One acknowledgement for all of them."""

    def ack() -> None:
        for arrival in arrivals:
            arrival.ack()

    return ack


__all__ = [
    "Arrival",
    "BrokerConfig",
    "Down",
    "Happening",
    "MqttLink",
    "Rules",
    "Up",
    "Will",
    "delivered",
    "is_loopback",
]
