"""MQTT as skids speak it: JSON from probe heads and the laboratory, and a Sparkplug B edge node."""

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from simulators.sparkplug_bytes import BOOLEAN, REBIRTH, UINT64, EdgeMetric, asks_rebirth, payload
from simulators.wires import AssayRow, Row, WireTag, iso
from simulators.wires_commands import Commands
from simulators.wires_sparkplug_commands import obey

IN_FLIGHT: Final = 500
"""Messages sent ahead of the broker's acknowledgement (chosen default)."""
BUFFER_ROWS: Final = 500_000
"""Rows an edge node keeps while its host is away (chosen default: a day and a half at 4 rows a second)."""
ROLLING_S: Final = 30.0
"""How far back an edge node sends again after it learnt late that its host was gone [s] (chosen default)."""
AGAIN_S: Final = 2.0
"""Messages acknowledged this short before a connection was lost are sent again [s]: a broker that is killed
may not have written them down yet (chosen default; mosquitto writes at the end of each turn of its loop)."""
_GOODBYE_S: Final = 2.0
"""How long an edge node waits for the acknowledgement of its NDEATH [s] (chosen default)."""
_CHUNK: Final = 500
_log = logging.getLogger(__name__)


class _Client:
    """A paho client on its own thread that reconnects by itself."""

    def __init__(self, host: str, port: int, client_id: str, protocol: int) -> None:
        self._address, self._client_id = (host, port), client_id
        self._version = mqtt.MQTTv5 if protocol == 5 else mqtt.MQTTv311
        self._client = self._make()

    def _make(self) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._client_id, protocol=self._version)
        client.reconnect_delay_set(1, 5)
        client.max_inflight_messages_set(IN_FLIGHT)
        return client

    async def open(self) -> None:
        """Begin connecting; messages wait until the broker is there."""
        self._client.connect_async(*self._address, keepalive=15)
        self._client.loop_start()

    async def close(self) -> None:
        """Disconnect and end the thread; may be called twice."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class JsonWire(_Client):
    """Probe heads and the laboratory: one JSON message per head and time, QoS 1.

    Every message waits in one line and leaves it in order. After a lost connection the newest acknowledged
    messages go out again first, then those the broker has not acknowledged, then the line moves on.

    Parameters
    ----------
    host, port
        The broker.
    heads : Mapping[str, str]
        Head of each tag name, such as ``{"pH": "head1"}``; others go by ``skid``.
    client_id : str
    protocol : int
        5 or 311.
    on_acknowledged : callable, optional
        Given topic and payload of every message the broker has acknowledged, on the network thread.
    """

    def __init__(
        self,
        host: str,
        port: int,
        heads: Mapping[str, str] | None = None,
        client_id: str = "bioline-heads",
        protocol: int = 5,
        on_acknowledged: Callable[[str, bytes], None] | None = None,
    ) -> None:
        super().__init__(host, port, client_id, protocol)
        self._heads = dict(heads or {})
        self._told = on_acknowledged
        self._sent: dict[int, tuple[str, bytes]] = {}
        self._early: set[int] = set()
        self._recent: deque[tuple[float, str, bytes]] = deque()
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._moves = threading.Event()
        self._lock = threading.Lock()
        self._pump: asyncio.Task[None] | None = None

    def _make(self) -> mqtt.Client:
        client = super()._make()
        client.on_publish = self._on_publish
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        return client

    async def open(self) -> None:
        """Begin connecting; messages wait until the broker is there."""
        await super().open()
        self._pump = asyncio.create_task(self._move())

    async def close(self) -> None:
        """Disconnect and end the thread; what still waits is lost. May be called twice."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        await super().close()

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, _code: Any, _properties: Any) -> None:
        """Send the newest acknowledged messages again; paho sends the unacknowledged ones after this.

        The line moves on with the first acknowledgement, which is read after both.
        """
        with self._lock:
            again = [(topic, data) for _, topic, data in self._recent]
            self._recent.clear()
        for topic, data in again:
            self._out(client, topic, data)
        if not self._sent:
            self._moves.set()

    def _on_disconnect(self, *_about: Any) -> None:
        self._moves.clear()

    @property
    def pending(self) -> int:
        """Messages the broker has not acknowledged yet."""
        return len(self._sent) + len(self._waiting)

    async def publish(self, rows: Sequence[Row]) -> None:
        """Send the rows, one message for each head and time; waits while too many are in flight."""
        messages: dict[tuple[str, str, int], dict[str, Row]] = {}
        for row in rows:
            vessel, _, name = row.tag.partition(".")
            messages.setdefault((vessel, self._heads.get(name, "skid"), row.time_ns), {})[name] = row
        for (vessel, head, time_ns), values in messages.items():
            content: dict[str, Any] = {
                "t": iso(time_ns),
                "v": {name: row.value for name, row in values.items()},
            }
            bad = {name: row.quality for name, row in values.items() if row.quality != 192}
            await self._send(f"plant/{vessel}/{head}", content | ({"q": bad} if bad else {}))

    async def publish_assays(self, rows: Sequence[AssayRow]) -> None:
        """Send laboratory results, one message for each vessel and sample."""
        samples: dict[tuple[str, int], dict[str, float]] = {}
        for row in rows:
            vessel, _, name = row.tag.partition(".")
            samples.setdefault((vessel, row.drawn_ns), {})[name] = row.value
        for (vessel, drawn_ns), values in samples.items():
            await self._send(f"lab/{vessel}", {"t": iso(drawn_ns), "v": values})

    async def drained(self, timeout_s: float) -> bool:
        """Wait until everything is acknowledged; False when it is not in time."""
        end = time.monotonic() + timeout_s
        while self.pending and time.monotonic() < end:  # noqa: ASYNC110 - acknowledged on the network thread
            await asyncio.sleep(0.02)
        return not self.pending

    async def _send(self, topic: str, content: Mapping[str, Any]) -> None:
        while self.pending >= 2 * IN_FLIGHT:  # noqa: ASYNC110 - acknowledged on the network thread
            await asyncio.sleep(0.01)
        self._waiting.append((topic, json.dumps(content, separators=(",", ":")).encode()))
        if self._moves.is_set():
            self._advance()

    async def _move(self) -> None:
        """Keep the line moving after a connection came back."""
        while True:
            await asyncio.sleep(0.02)
            if self._moves.is_set():
                self._advance()

    def _advance(self) -> None:
        while self._waiting:
            topic, data = self._waiting[0]
            self._out(self._client, topic, data)
            self._waiting.popleft()

    def _out(self, client: mqtt.Client, topic: str, data: bytes) -> None:
        """Hand a message to paho. Not under our lock: paho calls us back under its own."""
        mid = client.publish(topic, data, qos=1).mid
        with self._lock:
            if mid not in self._early:
                self._sent[mid] = topic, data
                return
            self._early.discard(mid)
        self._tell(topic, data)

    def _on_publish(self, _client: Any, _data: Any, mid: int, _code: Any, _properties: Any) -> None:
        self._moves.set()
        with self._lock:
            message = self._sent.pop(mid, None)
            if message is None:
                self._early.add(mid)
                return
        self._tell(*message)

    def _tell(self, topic: str, data: bytes) -> None:
        now = time.monotonic()
        with self._lock:
            self._recent.append((now, topic, data))
            while self._recent[0][0] < now - AGAIN_S:
                self._recent.popleft()
        if self._told is not None:
            self._told(topic, data)


class SparkplugEdge(_Client):
    """An edge node of Sparkplug 3.0 that keeps its values while its host application is away.

    Parameters
    ----------
    host, port
        The broker.
    tags : sequence of WireTag
        Devices are the vessels, metrics the tag names.
    group, edge : str
    primary_host : str or None
        Births and data wait for this host's STATE; None sends to nobody in particular.
    client_id : str
    protocol : int
        5 or 311.
    commands : Commands or None
        Where set points of DCMD messages go; None does not listen to any.
    unborn_ns : int or None
        Time of births before there is any value [ns since 1970-01-01 UTC]; None: the wall's.
    """

    def __init__(
        self,
        host: str,
        port: int,
        tags: Sequence[WireTag],
        group: str = "bioline",
        edge: str = "skid",
        primary_host: str | None = None,
        client_id: str = "",
        protocol: int = 5,
        commands: Commands | None = None,
        unborn_ns: int | None = None,
    ) -> None:
        super().__init__(host, port, client_id or f"bioline-edge-{edge}", protocol)
        self._unborn_ns = unborn_ns
        self._group, self._edge, self._primary = group, edge, primary_host
        self._commands = commands
        self._tags = {tag.id: tag for tag in tags}
        self._aliases = {tag.id: number for number, tag in enumerate(tags, start=1)}
        self._latest: dict[str, Row] = {}
        self._waiting: deque[Row] = deque(maxlen=BUFFER_ROWS)
        self._recent: deque[tuple[float, Row]] = deque()
        self._lock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop
        self._goodbye: mqtt.MQTTMessageInfo | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._bd_seq = -1
        self._seq = 0
        self._connected = self._born = self._told = False
        self._host_time = 0
        self._host_online = primary_host is None

    def _make(self) -> mqtt.Client:
        client = super()._make()
        client.on_pre_connect, client.on_message = self._before_connect, self._on_message
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        return client

    async def open(self) -> None:
        """Begin connecting; rows wait until the births are out."""
        self._loop = asyncio.get_running_loop()
        await super().open()

    @property
    def born(self) -> bool:
        """True while births are out and data flows."""
        return self._born

    @property
    def waiting(self) -> int:
        """Rows kept for the host's return."""
        return len(self._waiting)

    async def publish(self, rows: Sequence[Row]) -> None:
        """Send the rows, or keep them while the host or the broker is away."""
        with self._lock:
            for row in rows:
                self._latest[row.tag] = row
            if not self._born:
                self._tell_waiting()
                self._waiting.extend(rows)
                return
            now = time.monotonic()
            self._recent.extend((now, row) for row in rows)
            while self._recent and self._recent[0][0] < now - ROLLING_S:
                self._recent.popleft()
            self._data(rows, historical=False)

    def _tell_waiting(self) -> None:
        """Say once a wait that the broker is there and the host is not."""
        if self._connected and not self._host_online and not self._told:
            self._told = True
            _log.warning(
                "Sparkplug births and values of edge node %s/%s wait: host application %r is not online "
                "(spBv1.0/STATE/%s); it is the host_id of the line's source",
                *(self._group, self._edge, self._primary, self._primary),
            )

    async def close(self) -> None:
        """Say goodbye with an NDEATH and end."""
        if self._restarting is not None:
            await asyncio.gather(self._restarting, return_exceptions=True)
        await self._leave()

    async def _leave(self) -> None:
        """Disconnect once the NDEATH is acknowledged.

        A socket that closes with an unread acknowledgement is reset, and a reset takes the DISCONNECT behind
        it along: the broker would say the will as well.
        """
        with self._lock:
            self._die()
        if self._goodbye is not None:
            with contextlib.suppress(RuntimeError, ValueError):
                await asyncio.to_thread(self._goodbye.wait_for_publish, _GOODBYE_S)
        await super().close()

    # --- on paho's thread ------------------------------------------------------------------------

    def _before_connect(self, client: mqtt.Client, _data: Any) -> None:
        with self._lock:
            self._bd_seq = (self._bd_seq + 1) % 256
            client.will_set(self._topic("NDEATH"), self._death(), qos=1, retain=False)

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            return
        with self._lock:
            self._connected, self._born = True, False
            self._host_online = self._primary is None
            client.subscribe(self._topic("NCMD"), qos=1)
            if self._commands is not None:
                client.subscribe(self._topic("DCMD", "+"), qos=1)
            if self._primary is None:
                self._be_born()
            else:
                client.subscribe(f"spBv1.0/STATE/{self._primary}", qos=1)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, _code: Any, _properties: Any) -> None:
        with self._lock:
            self._connected = False
            self._keep_recent()
            self._born = False

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        with self._lock:
            if message.topic.startswith("spBv1.0/STATE/"):
                self._on_state(message.payload)
            elif message.topic.startswith(self._topic("DCMD", "")):
                self._on_command(message)
            elif self._born and asks_rebirth(message.payload):
                self._births()

    def _on_command(self, message: mqtt.MQTTMessage) -> None:
        """A DCMD acts on the loop's thread; one the broker kept (retained) is none."""
        device = message.topic.rpartition("/")[2]
        if self._commands is not None and self._born and not message.retain:
            self._loop.call_soon_threadsafe(obey, self._commands, device, self._aliases, message.payload)

    def _on_state(self, data: bytes) -> None:
        """SPB-16: follow the primary host, but never an older word than the one known."""
        try:
            said = json.loads(data)
            online, stamp = bool(said["online"]), int(said["timestamp"])
        except (ValueError, KeyError, TypeError):
            return
        if stamp < self._host_time:
            return
        self._host_time, self._host_online = stamp, online
        if online and not self._born:
            self._be_born()
        elif not online and self._born:
            self._keep_recent()
            self._die()
            self._loop.call_soon_threadsafe(self._start_again)

    def _start_again(self) -> None:
        """The host is gone: disconnect, and be born again when it is back (with the next bdSeq)."""
        self._restarting = asyncio.create_task(self._restart())

    async def _restart(self) -> None:
        await self._leave()
        self._client = self._make()
        await self.open()

    # --- Sparkplug -------------------------------------------------------------------------------

    def _be_born(self) -> None:
        self._births()
        self._born, self._told = True, False
        rows = list(self._waiting)
        self._waiting.clear()
        self._data(rows, historical=True)

    def _births(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        self._seq = 0
        own = [
            EdgeMetric(self._bd_seq, now_ms, "bdSeq", datatype=UINT64, declare=True),
            EdgeMetric(False, now_ms, REBIRTH, datatype=BOOLEAN, declare=True),
        ]
        self._send("NBIRTH", "", own)
        for device in dict.fromkeys(tag.vessel for tag in self._tags.values()):
            metrics = [self._birth_metric(tag, now_ms) for tag in self._tags.values() if tag.vessel == device]
            self._send("DBIRTH", device, metrics)

    def _birth_metric(self, tag: WireTag, now_ms: int) -> EdgeMetric:
        opened = now_ms * 1_000_000 if self._unborn_ns is None else self._unborn_ns
        newest = max((row.time_ns for row in self._latest.values()), default=opened)
        row = self._latest.get(tag.id) or Row(tag.id, newest, None, 500)
        return self._metric(row, name=tag.name, unit=tag.unit)

    def _data(self, rows: Iterable[Row], historical: bool) -> None:
        by_device: dict[str, list[Row]] = {}
        for row in rows:
            by_device.setdefault(self._tags[row.tag].vessel, []).append(row)
        for device, own in by_device.items():
            for start in range(0, len(own), _CHUNK):
                metrics = [self._metric(row, historical=historical) for row in own[start : start + _CHUNK]]
                self._send("DDATA", device, metrics)

    def _metric(self, row: Row, name: str = "", unit: str = "", historical: bool = False) -> EdgeMetric:
        return EdgeMetric(
            row.value,
            row.time_ns // 1_000_000,
            name,
            self._aliases[row.tag],
            declare=bool(name),
            historical=historical,
            quality=row.quality if row.quality in (0, 500) else 192,
            unit=unit,
        )

    def _send(self, kind: str, device: str, metrics: list[EdgeMetric]) -> None:
        data = payload(time.time_ns() // 1_000_000, self._seq, metrics)
        self._seq = (self._seq + 1) % 256
        self._client.publish(self._topic(kind, device), data, qos=0, retain=False)

    def _die(self) -> None:
        if self._connected and self._born:
            self._goodbye = self._client.publish(self._topic("NDEATH"), self._death(), qos=1, retain=False)
        self._born = False

    def _death(self) -> bytes:
        now_ms = time.time_ns() // 1_000_000
        return payload(
            now_ms, None, [EdgeMetric(self._bd_seq, now_ms, "bdSeq", datatype=UINT64, declare=True)]
        )

    def _keep_recent(self) -> None:
        """What was sent while the host may already have been gone is sent again as historical."""
        self._waiting.extend(row for _, row in self._recent)
        self._recent.clear()

    def _topic(self, kind: str, device: str = "") -> str:
        base = f"spBv1.0/{self._group}/{kind}/{self._edge}"
        return f"{base}/{device}" if device else base
