"""One OPC UA session on asyncua, from connect to its end: nodes, units, subscription, history.

A lost session is never mended here: the source throws it away and opens another.
"""

import asyncio
import contextlib
import logging
import struct
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from asyncua import Client, ua
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties

from connectors.codecs.certificates import Term, term
from connectors.codecs.iso_time import ns_datetime
from connectors.codecs.opcua_units import ServerUnit, unit_fault
from twin.domain.tag import Tag

T = TypeVar("T")

FAILURES: Final = (OSError, TimeoutError, ua.UaError, struct.error, ValueError)
"""What a session ends with: the connection, a time-out, a refusal, an answer that can not be read."""

POLICIES: Final[dict[str, type[security_policies.SecurityPolicy]]] = {
    "basic256sha256": security_policies.SecurityPolicyBasic256Sha256,
    "aes128": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "aes256": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
APPLICATION_URI: Final = "urn:bioline:twin"
_SESSION_S: Final = 30.0
"""Silence after which the server may forget a session that was lost, at least [s] (chosen default)."""
_CHUNK: Final = 500
_QUEUE: Final = 64
"""Publish responses held before the next one is not asked for (chosen default)."""
_HISTORY_NODES: Final = 10
_NO_HISTORY: Final = frozenset(
    {
        ua.StatusCodes.BadHistoryOperationUnsupported,
        ua.StatusCodes.BadHistoryOperationInvalid,
        ua.StatusCodes.BadServiceUnsupported,
        ua.StatusCodes.BadNotImplemented,
        ua.StatusCodes.BadNotReadable,
        ua.StatusCodes.BadUserAccessDenied,
        ua.StatusCodes.BadNotSupported,
    }
)
"""Refusals of the service as a whole that mean: this server keeps no history."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How a server is reached and asked; times in [s] or [ms] as named."""

    url: str
    namespace: str
    timeout_s: float = 5.0
    watchdog_s: float = 4.0
    keepalive_s: float = 5.0
    publish_ms: float = 500.0
    sampling_ms: float = 250.0
    queue_size: int = 1000
    discard_oldest: bool = True
    policy: str = ""
    certificate: Path | None = None
    private_key: Path | None = None
    server_certificate: Path | None = None
    user: str = ""
    password: str = ""
    user_certificate: Path | None = None
    user_private_key: Path | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What one publish response brought.

    `missed` is True when a response before this one is known to be missing. `lost` says, in
    words, that the session is over.
    """

    values: tuple[tuple[str, Any], ...] = ()
    missed: bool = False
    lost: str = ""


@dataclass(slots=True)
class Session:
    """A connected session; make it with `open_session`."""

    settings: SessionSettings
    client: Client
    nodes: dict[str, ua.NodeId] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    _notices: deque[Notice] = field(default_factory=deque)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _handles: dict[int, str] = field(default_factory=dict)
    _subscription: int = 0
    _silence_s: float = 30.0
    _heard_s: float = 0.0
    _waiting: bool = False
    _sequence: int | None = None
    _over: str = ""

    async def find(self, addresses: Mapping[str, str]) -> None:
        """Resolve identifiers such as ``s=R101.pH`` in the namespace given by its URI.

        Raises
        ------
        ValueError
            When the server has no such namespace, or an identifier can not be read.
        """
        namespaces = await self.client.get_namespace_array()
        if self.settings.namespace not in namespaces:
            known = ", ".join(namespaces[1:])
            raise ValueError(f"the server has no namespace {self.settings.namespace!r}; it has: {known}")
        index = namespaces.index(self.settings.namespace)
        self.nodes = {tag: ua.NodeId.from_string(f"ns={index};{text}") for tag, text in addresses.items()}

    async def unit_faults(self, tags: Mapping[str, Tag]) -> dict[str, str]:
        """Words for each tag whose unit or range on the server does not fit the line file."""
        asked = [tag for tag in self.nodes if tag in tags]
        units = await self.properties(asked, "EngineeringUnits")
        ranges = await self.properties(asked, "EURange")
        faults = {tag: unit_fault(tags[tag], server_unit(units.get(tag), ranges.get(tag))) for tag in asked}
        return {tag: fault for tag, fault in faults.items() if fault is not None}

    async def properties(self, tags: Sequence[str], name: str) -> dict[str, Any]:
        """Values of a property of the tags' nodes; of those that have it."""
        found: dict[str, ua.NodeId] = {}
        for chunk in chunks(tags, _CHUNK):
            paths = [_property_path(self.nodes[tag], name) for tag in chunk]
            results = await self.client.uaclient.translate_browsepaths_to_nodeids(paths)
            for tag, result in zip(chunk, results, strict=True):
                if result.StatusCode.is_good() and result.Targets:
                    found[tag] = result.Targets[0].TargetId
        values: dict[str, Any] = {}
        for chunk in chunks(list(found), _CHUNK):
            results = await self.client.uaclient.read_attributes(
                [found[tag] for tag in chunk], ua.AttributeIds.Value
            )
            for tag, data in zip(chunk, results, strict=True):
                if data.Value is not None:
                    values[tag] = data.Value.Value
        return values

    async def subscribe(self) -> None:
        """Ask for every change of value, status or source time; nodes that are refused go to `missing`."""
        period_ms = self.settings.publish_ms
        keepalives = max(1, round(self.settings.keepalive_s * 1000 / period_ms))
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=period_ms,
            RequestedLifetimeCount=max(keepalives * 10, round(60_000 / period_ms)),
            RequestedMaxKeepAliveCount=keepalives,
            MaxNotificationsPerPublish=10_000,
            PublishingEnabled=True,
            Priority=0,
        )
        loop = asyncio.get_running_loop()
        self._heard_s = loop.time()
        answer = await self.client.uaclient.create_subscription(parameters, self._on_publish)
        self._subscription = answer.SubscriptionId
        keepalive_s = answer.RevisedPublishingInterval * answer.RevisedMaxKeepAliveCount / 1000
        self._silence_s = 3 * max(keepalive_s, self.settings.keepalive_s) + self.settings.timeout_s
        self.missing = {}
        await self.monitor(list(self.nodes))

    async def monitor(self, tags: Sequence[str]) -> None:
        """Add monitored items; a refused one spoils none of the others."""
        for chunk in chunks(tags, _CHUNK):
            requests = []
            for tag in chunk:
                handle = len(self._handles) + 1
                self._handles[handle] = tag
                requests.append(self._item(self.nodes[tag], handle))
            parameters = ua.CreateMonitoredItemsParameters(
                SubscriptionId=self._subscription,
                TimestampsToReturn=ua.TimestampsToReturn.Both,
                ItemsToCreate=requests,
            )
            results = await self.client.uaclient.create_monitored_items(parameters)
            for tag, result in zip(chunk, results, strict=True):
                if result.StatusCode.is_bad():
                    self.missing[tag] = result.StatusCode.name
                else:
                    self.missing.pop(tag, None)

    def _item(self, node: ua.NodeId, handle: int) -> ua.MonitoredItemCreateRequest:
        change = ua.DataChangeFilter(
            Trigger=ua.DataChangeTrigger.StatusValueTimestamp,
            DeadbandType=ua.DeadbandType.None_,
            DeadbandValue=0.0,
        )
        wanted = ua.MonitoringParameters(
            ClientHandle=handle,
            SamplingInterval=self.settings.sampling_ms,
            Filter=change,
            QueueSize=self.settings.queue_size,
            DiscardOldest=self.settings.discard_oldest,
        )
        value = ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value)
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=value, MonitoringMode=ua.MonitoringMode.Reporting, RequestedParameters=wanted
        )

    async def _on_publish(self, result: ua.PublishResult) -> None:
        """Only enqueues; while the queue is full the next response is not asked for."""
        loop = asyncio.get_running_loop()
        self._heard_s = loop.time()
        notice = self._notice(result)
        if not (notice.values or notice.missed):
            return
        self._notices.append(notice)
        self._news.set()
        if len(self._notices) >= _QUEUE:
            self._waiting = True
            self._room.clear()
            await self._room.wait()
            self._waiting = False
            self._heard_s = loop.time()

    def _notice(self, result: ua.PublishResult) -> Notice:
        message = result.NotificationMessage
        if not message.NotificationData:
            return Notice()
        number = int(message.SequenceNumber)
        missed = self._sequence is not None and number != self._sequence + 1
        self._sequence = number
        values: list[tuple[str, Any]] = []
        for data in message.NotificationData:
            if isinstance(data, ua.DataChangeNotification):
                for item in data.MonitoredItems:
                    tag = self._handles.get(item.ClientHandle)
                    if tag is not None:
                        values.append((tag, item.Value))
            elif isinstance(data, ua.StatusChangeNotification):
                self.end(f"the server at {self.settings.url} ended the subscription: {data.Status.name}")
        return Notice(tuple(values), missed and not self._over)

    async def on_lost(self, error: Exception) -> None:
        """The client noticed that the server is gone."""
        words = f"{type(error).__name__} {error}".rstrip()
        self.end(f"connection to {self.settings.url} lost: {words}")

    def end(self, text: str) -> None:
        """Mark the session as over."""
        self._over = self._over or text
        self._news.set()

    async def take(self, timeout_s: float) -> list[Notice]:
        """Notices that wait, oldest first; empty after the time-out. The last one says when it is over."""
        if not self._notices and not self._over:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._news.wait()
        taken = list(self._notices)
        self._notices.clear()
        self._room.set()
        silent_s = asyncio.get_running_loop().time() - self._heard_s
        if not taken and not self._waiting and silent_s > self._silence_s:
            self.end(f"{self.settings.url} has not published anything for {silent_s:.0f} s")
        if self._over:
            taken.append(Notice(lost=self._over))
        return taken

    async def history(
        self, tags: Iterable[str], start_ns: int, end_ns: int
    ) -> AsyncGenerator[tuple[dict[str, list[Any]], dict[str, str]], None]:
        """Raw history of the tags between two source times, some nodes at a time.

        Gives the values by tag, and for tags without history the server's reason. Continuation
        points are followed to their end.
        """
        for chunk in chunks(list(tags), _HISTORY_NODES):
            values: dict[str, list[Any]] = {tag: [] for tag in chunk}
            refused: dict[str, str] = {}
            points: dict[str, bytes | None] = dict.fromkeys(chunk)
            while points:
                try:
                    answers = await self._history_page(points, start_ns, end_ns)
                except ua.UaStatusCodeError as error:
                    if error.code not in _NO_HISTORY:
                        raise
                    refused |= dict.fromkeys(points, ua.StatusCode(error.code).name)
                    break
                points = {}
                for tag, (point, answer) in answers.items():
                    if answer.StatusCode.is_bad():
                        refused[tag] = answer.StatusCode.name
                        continue
                    values[tag].extend(answer.HistoryData.DataValues if answer.HistoryData else ())
                    if answer.ContinuationPoint and answer.ContinuationPoint != point:
                        points[tag] = answer.ContinuationPoint
            yield values, refused

    async def _history_page(
        self, points: Mapping[str, bytes | None], start_ns: int, end_ns: int
    ) -> dict[str, tuple[bytes | None, Any]]:
        details = ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=ns_datetime(start_ns),
            EndTime=ns_datetime(end_ns),
            NumValuesPerNode=0,
            ReturnBounds=False,
        )
        asked = [
            ua.HistoryReadValueId(NodeId=self.nodes[tag], IndexRange="", ContinuationPoint=point)
            for tag, point in points.items()
        ]
        parameters = ua.HistoryReadParameters(
            HistoryReadDetails=details,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ReleaseContinuationPoints=False,
            NodesToRead=asked,
        )
        answers = await self.client.uaclient.history_read(parameters)
        return {tag: (point, answer) for (tag, point), answer in zip(points.items(), answers, strict=True)}

    async def close(self) -> None:
        """End the session and everything that belongs to it, whether the server still answers or not.

        The driver leaves it to the server to close the connection once it has asked for it; one that never
        got the message would keep it, and ours, open for ever.
        """
        publishing = self.client.uaclient.session._publish_task
        connection = self.client.uaclient.protocol
        with contextlib.suppress(*FAILURES):
            async with asyncio.timeout(self.settings.timeout_s):
                await self.client.disconnect()
        self.client.disconnect_socket()
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        if publishing is not None:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)


def _hush() -> None:
    """The driver logs each failed attempt with its trace; the source reports an outage once instead."""
    log = logging.getLogger("asyncua.client")
    if log.level == logging.NOTSET:
        log.setLevel(logging.CRITICAL)


async def open_session(settings: SessionSettings) -> Session:
    """Connect and activate a session; raises one of `FAILURES`."""
    _hush()
    client = Client(settings.url, timeout=settings.timeout_s, watchdog_intervall=settings.watchdog_s)
    client.name = client.description = "Bioline Twin"
    client.application_uri = APPLICATION_URI
    client.max_messagesize = 16 * 1024 * 1024
    client.session_timeout = 1000 * max(
        _SESSION_S, 3 * (settings.watchdog_s + settings.timeout_s + settings.keepalive_s)
    )
    if settings.user:
        client.set_user(settings.user)
        client.set_password(settings.password)
    if settings.policy:
        await _secure(client, settings)
    if settings.user_certificate and settings.user_private_key:
        await client.load_client_certificate(settings.user_certificate)
        await client.load_private_key(settings.user_private_key)
    session = Session(settings, client)
    client.connection_lost_callback = session.on_lost
    try:
        async with asyncio.timeout(settings.timeout_s * 3):
            await client.connect()
    except BaseException:
        await session.close()
        raise
    return session


async def _secure(client: Client, settings: SessionSettings) -> None:
    if settings.certificate is None or settings.private_key is None:
        raise ValueError("an encrypted connection needs certificate and private_key")
    await client.setup_self_signed_certificate(settings.private_key, settings.certificate)
    server = settings.server_certificate
    for one in terms(settings):
        if (wrong := one.fault(datetime.now(UTC))) is not None:
            raise ValueError(wrong)
    await client.set_security(
        POLICIES[settings.policy],
        certificate=CertProperties(settings.certificate),
        private_key=CertProperties(settings.private_key),
        server_certificate=None if server is None else CertProperties(server),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )


def terms(settings: SessionSettings) -> list[Term]:
    """When the certificates of an encrypted session begin and end; those whose files are there."""
    if not settings.policy:
        return []
    named = (
        ("our certificate", settings.certificate),
        ("the server's certificate", settings.server_certificate),
        ("the user's certificate", settings.user_certificate),
    )
    files = [(f"{whose} {path}", path) for whose, path in named if path is not None and path.exists()]
    return [term(path.read_bytes(), name) for name, path in files]


def chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Parts of at most `size` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _property_path(node: ua.NodeId, name: str) -> ua.BrowsePath:
    element = ua.RelativePathElement(
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasProperty),
        IsInverse=False,
        IncludeSubtypes=True,
        TargetName=ua.QualifiedName(name, 0),
    )
    return ua.BrowsePath(StartingNode=node, RelativePath=ua.RelativePath(Elements=[element]))


def server_unit(unit: Any, span: Any) -> ServerUnit:
    """EngineeringUnits and EURange as they came, or what is known of them."""
    known = isinstance(unit, ua.EUInformation)
    ranged = isinstance(span, ua.Range)
    return ServerUnit(
        namespace=(unit.NamespaceUri or "") if known else "",
        unit_id=int(unit.UnitId) if known else None,
        display=unit.DisplayName.Text if known and unit.DisplayName else None,
        low=float(span.Low) if ranged else None,
        high=float(span.High) if ranged else None,
    )
