"""One MQTT session seen from asyncio, on paho-mqtt: what MQTT and Sparkplug sources share.

Each connection is a fresh paho client on its own network thread. Arrivals cross to the event
loop through one queue; nothing is ever dropped: acknowledged deliveries (QoS 1) are bounded by
the session's receive maximum, and for QoS 0 a full queue stops the network thread from reading.
"""

import asyncio
import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from ssl import SSLError
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from connectors.sources import _mqtt_words as words
from connectors.sources._mqtt_broker import BrokerConfig, password, tls_context
from twin.domain.errors import ConnectorError

_UNSUPPORTED_VERSION: Final = 0x84
_STEADY: Final = 4.0
"""A connection that lasted this many pauses is steady again (chosen default): two clients of one name wait
alike, so each lasts about as long as the other's pause."""


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
    """Connected and subscribed; `known` is True when the broker had kept our session."""

    text: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class Down:
    """Not connected, with the cause in words.

    `version` is True when the other side may not speak the protocol version we used; `unheard` when it
    neither took nor refused us, so that a closer look is due (`text` is empty then).
    """

    text: str
    version: bool = False
    unheard: bool = False


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
        self._fault: BaseException | None = None
        self.known: bool | None = None
        """What the broker said of our session; None before it took us."""
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
            client.username_pw_set(self._config.user, password(self._config))
        if self._config.tls:
            client.tls_set_context(tls_context(self._config))
        will = self._rules.will()
        if will is not None:
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect, client.on_subscribe = self._on_disconnect, self._on_subscribe
        client.on_message, client.on_log = self._on_message, self._on_log
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

    def _on_log(self, _client: mqtt.Client, _data: Any, _level: int, _text: str) -> None:
        """Keep what broke the connection before the broker took us; paho tells it nowhere else."""
        self._fault = sys.exception() or self._fault

    def _on_connect(self, client: mqtt.Client, _data: Any, flags: Any, code: Any, _properties: Any) -> None:
        client.on_log = None
        self._taken = not code.is_failure
        if code.is_failure:
            text = words.refused(self._config, self._rules.client_id, code)
            self._put(Down(text, version=code.value == _UNSUPPORTED_VERSION))
            return
        self.known = flags.session_present
        if self._rules.subscriptions:
            client.subscribe(list(self._rules.subscriptions))
        else:
            self._up()

    def _up(self) -> None:
        self._put(Up(self._config.where, bool(self.known)))

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: Any, _properties: Any) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            who = self._rules.client_id
            text = f"the broker refused a subscription of {who}: {refused[0]}; check its access list"
            self._put(Down(text))
        else:
            self._up()

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        error = sys.exception()  # paho calls this while it handles what the socket or TLS raised
        assert isinstance(error, OSError)
        self._put(Down(words.no_connection(self._config, error)))

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if self._taken:
            self._put(Down(words.lost(self._config, self._rules.client_id, code)))
        elif isinstance(self._fault, SSLError):
            self._put(Down(words.no_connection(self._config, self._fault)))
        else:
            self._put(Down("", version=True, unheard=True))


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
        self._told, self._ever_up, self._forgotten = "", False, False

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> mqtt.MQTTMessageInfo | None:
        """Send when connected; None when not."""
        return None if self._connection is None else self._connection.publish(topic, payload, qos, retain)

    async def happenings(
        self, tick_s: float | None = None, limit: int = 500
    ) -> AsyncGenerator[list[Happening], None]:
        """Arrivals and changes of the link in order, at most `limit` at once.

        With `tick_s` an empty list comes when nothing happened for that long. One `Down` comes
        for an outage, and another whenever the cause is a new one, however many attempts follow.
        """
        pauses = _Pauses(self._config.retry_s, self._config.retry_max_s)
        while True:
            other_version = False
            async with contextlib.aclosing(self._one_connection(tick_s, limit)) as batches:
                async for batch in batches:
                    if any(isinstance(one, Up) for one in batch):
                        pauses.up(time.monotonic())
                    news, other_version = await self._sifted(batch)
                    if news or not batch:
                        yield news
            if not other_version:
                await asyncio.sleep(pauses.next(time.monotonic()))

    async def _sifted(self, batch: list[Happening]) -> tuple[list[Happening], bool]:
        """What of a batch is news, and whether another version of the protocol is to be tried at once."""
        news: list[Happening] = [one for one in batch if not isinstance(one, Down)]
        if any(isinstance(one, Up) for one in news):
            self._told, self._ever_up = "", True
        down = next((one for one in batch if isinstance(one, Down)), None)
        if down is None or self._turn(down):
            return news, down is not None
        down = await self._looked_at(down)
        if down.text != self._told:
            news.append(down)
        self._told = down.text
        return news, False

    async def _looked_at(self, down: Down) -> Down:
        """The cause in words; where nothing was heard, after a look at what speaks there."""
        if not down.unheard:
            return down
        return replace(down, text=await asyncio.to_thread(words.unheard, self._config, self._rules.client_id))

    async def _one_connection(
        self, tick_s: float | None, limit: int
    ) -> AsyncGenerator[list[Happening], None]:
        version = self._versions[0]
        try:
            connection = _Connection(self._config, self._rules, version)
        except ConnectorError as error:
            yield [Down(f"a file named for the broker can not be read: {error}")]
            return
        up = False
        try:
            connection.start(version)
            self._connection = connection
            while True:
                batch = await connection.take(tick_s if up else self._config.connect_timeout_s * 2, limit)
                if not up and not batch:
                    batch = [Down("", unheard=True)]
                if any(isinstance(one, Up) for one in batch):
                    batch = [self._remembered(one) for one in batch]
                    up, self._forgotten = True, False
                yield batch
                if any(isinstance(one, Down) for one in batch):
                    return
        finally:
            self._connection = None
            self._forgotten |= not up and connection.known is False
            await connection.close()

    def _remembered(self, one: Happening) -> Happening:
        """An `Up` that tells of a session that an earlier connection found lost and did not live to tell."""
        return replace(one, known=False) if isinstance(one, Up) and self._forgotten else one

    def _turn(self, down: Down) -> bool:
        """Settle on the version that was taken, or go to the next one; True when there is one to try."""
        if self._ever_up or not down.version:
            self._versions = self._versions[:1] if self._ever_up else self._versions
            return False
        self._versions = self._versions[1:] or self._all_versions
        return len(self._versions) < len(self._all_versions)


def delivered(arrivals: Sequence[Arrival]) -> Callable[[], None]:
    """One acknowledgement for all of them."""

    def ack() -> None:
        for arrival in arrivals:
            arrival.ack()

    return ack
