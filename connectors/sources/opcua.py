"""OPC UA: a subscription that comes back by itself and fills its holes from the server's history.

Every session is a fresh client. At each (re)connection the subscription is made first, then the
history since the newest stored value is read and delivered, then what the subscription brought
meanwhile, then live values; a value that comes twice is known to the store by tag and time.
Publish responses are not asked for while the service is behind, so nothing is dropped here; what
the server's queues lose meanwhile is announced and read from the history.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

import structlog
from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.codecs.opcua_status import overflowed
from connectors.codecs.opcua_values import Stamp, to_reading
from connectors.codecs.opcua_words import connected, nodes_lacking
from connectors.sources._mqtt_broker import is_loopback
from connectors.sources._opcua_session import (
    FAILURES,
    Notice,
    Session,
    SessionSettings,
    open_session,
    terms,
)
from twin.domain.errors import ConfigError
from twin.domain.measurement import Quarantined, Reading
from twin.domain.tag import TagKind
from twin.ports import Delivery, LinkChange, Source, SourceContext

log = structlog.get_logger("links")

_HOUR_NS: Final = 3_600_000_000_000
_LEAST_WIDTH_NS: Final = 1_000_000_000
_BATCH: Final = 2000
_CERTIFICATES_S: Final = 3600.0
"""Time between two looks at the certificates [s] (chosen default)."""


class Config(BaseModel):
    """An OPC UA source.

    Parameters
    ----------
    id : str
        Identity of the source.
    url : str
        Endpoint of the server, ``opc.tcp://host:port/path``.
    namespace : str
        URI of the namespace of the nodes; its index is looked up at every connect.
    nodes : str
        String identifier of a tag's node, of ``{tag} {asset} {name}``.
    node_ids : dict
        Identifiers that do not follow `nodes`, by tag id, with their kind: ``i=1017``, ``s=text``.
    vessels, tags : list of str
        Which tags; all of the line's when both are empty. Assays only when named in `tags`.
    security
        ``auto`` encrypts (Aes256_Sha256_RsaPss) unless the server is on this machine.
    certificate, private_key
        Ours; made at the first start when the files are not there.
    server_certificate
        The server's, by which it is known; `allow_insecure` does without it.
    user : str
        Account at the server.
    password_file
        Read at every connect.
    user_certificate, user_private_key
        By which the server knows the user, in place of `user` and `password_file`; the files must be there.
    allow_insecure
        Permits another machine without encryption, or without `server_certificate`.
    publish_ms, sampling_ms
        Of the subscription [ms].
    queue_size
        Changes of a node that the server keeps between two publications.
    discard
        Which of them goes when the queue is full; the hole is announced and read from the history.
    history : bool
        Fill holes by HistoryRead.
    history_first_h : float
        How far back to read for a tag that has nothing stored yet [h].
    watchdog_s
        Time between two looks whether the server still answers [s].
    keepalive_s
        Longest time without a publication when nothing changes [s].
    connect_timeout_s
        Longest wait for an answer while connecting [s].
    retry_s, retry_max_s
        First and longest pause between two tries to connect [s].
    retry_missing_s
        Pause between two looks for nodes that the server does not have [s].
    """

    model_config = ConfigDict(extra="forbid")
    MADE: ClassVar[tuple[str, str]] = ("certificate", "private_key")
    """Keys of files that are made at the first start, together."""

    kind: Literal["opcua"] = "opcua"
    id: str
    url: str = "opc.tcp://127.0.0.1:4840"
    namespace: str = "urn:bioline:plant"
    nodes: str = "{tag}"
    node_ids: dict[str, str] = Field(default_factory=dict)
    vessels: list[str] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    security: Literal["auto", "none", "basic256sha256", "aes128", "aes256"] = "auto"
    certificate: Path | None = None
    private_key: Path | None = None
    server_certificate: Path | None = None
    user: str = ""
    password_file: Path | None = None
    user_certificate: Path | None = None
    user_private_key: Path | None = None
    allow_insecure: bool = False
    publish_ms: float = Field(default=500.0, ge=10)
    sampling_ms: float = Field(default=250.0, ge=0)
    queue_size: int = Field(default=1000, ge=1)
    discard: Literal["oldest", "newest"] = "oldest"
    history: bool = True
    history_first_h: float = Field(default=24.0, ge=0)
    watchdog_s: float = Field(default=4.0, gt=0)
    keepalive_s: float = Field(default=5.0, gt=0)
    connect_timeout_s: float = Field(default=5.0, gt=0)
    retry_s: float = Field(default=0.5, gt=0)
    retry_max_s: float = Field(default=10.0, gt=0)
    retry_missing_s: float = Field(default=30.0, gt=0)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme != "opc.tcp" or not parts.hostname:
            raise ValueError(f"url {self.url!r}: write opc.tcp://host:port")
        if self.sampling_ms and self.queue_size < 4 * self.publish_ms / self.sampling_ms:
            raise ValueError(
                f"queue_size {self.queue_size} holds less than 4 publishing intervals of samples"
            )
        identifier(self, "V.n", "V", "n")
        self._secure(is_loopback(parts.hostname))
        self._known_by_certificate()
        return self

    def _known_by_certificate(self) -> None:
        given = bool(self.user_certificate), bool(self.user_private_key)
        if given == (False, False):
            return
        if not all(given) or self.user:
            raise ValueError(
                f"{self.url}: a user is known by user_certificate and user_private_key, both, or by user"
            )
        if not self.policy:
            raise ValueError(f"{self.url}: user_certificate needs encryption; set security: aes256")

    def _secure(self, here: bool) -> None:
        if self.policy and not (self.certificate and self.private_key):
            raise ValueError(
                f"{self.url}: encryption needs certificate and private_key (made when not there)"
            )
        if here or self.allow_insecure:
            return
        if not self.policy:
            raise ValueError(f"{self.url} is another machine: security: none needs allow_insecure: true")
        if self.server_certificate is None:
            raise ValueError(
                f"{self.url}: give server_certificate, by which the server is known, or allow_insecure: true"
            )

    @property
    def policy(self) -> str:
        """Security policy by name; empty for none."""
        if self.security != "auto":
            return "" if self.security == "none" else self.security
        return "" if is_loopback(urlsplit(self.url).hostname or "") else "aes256"


def identifier(config: Config, tag: str, asset: str, name: str) -> str:
    """Identifier of a tag's node with its kind, such as ``s=R101.pH``."""
    text = config.node_ids.get(tag)
    try:
        return text if text is not None else "s=" + config.nodes.format(tag=tag, asset=asset, name=name)
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(
            f"nodes {config.nodes!r} asks for {error}; known: {{tag}} {{asset}} {{name}}"
        ) from error


class OpcUaSource:
    """Readings from a subscription and from the history of an OPC UA server."""

    def __init__(self, config: Config, context: SourceContext) -> None:
        self.id = config.id
        self._config, self._context = config, context
        self._tags = {
            id: tag
            for id, tag in context.tags.items()
            if id in config.tags
            or (tag.kind is not TagKind.ASSAY and tag.asset in config.vessels)
            or (tag.kind is not TagKind.ASSAY and not config.vessels and not config.tags)
        }
        unknown = sorted(set(config.tags) - set(context.tags)) + sorted(
            set(config.vessels) - {tag.asset for tag in context.tags.values()}
        )
        if unknown:
            raise ConfigError(
                f"source {self.id}: no tag or vessel of the line is called {', '.join(unknown)}"
            )
        self._addresses = {id: identifier(config, id, tag.asset, tag.name) for id, tag in self._tags.items()}
        self._unit_faults: dict[str, str] = {}
        self._width_ns = _HOUR_NS

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Everything that arrives; see `twin.ports.Source`."""
        known_down, delay = False, self._config.retry_s
        while True:
            try:
                async with contextlib.aclosing(self._one_session()) as deliveries:
                    async for delivery in deliveries:
                        if any(change.up for change in delivery.links):
                            known_down, delay = False, self._config.retry_s
                        yield delivery
            except FAILURES as error:
                if not known_down:
                    known_down = True
                    yield Delivery(links=(self._link(False, _words(error, self._config.url)),))
            await asyncio.sleep(delay)
            delay = min(delay * 2, self._config.retry_max_s)

    async def _one_session(self) -> AsyncGenerator[Delivery, None]:
        session = await open_session(session_settings(self._config))
        try:
            await session.find(self._addresses)
            self._unit_faults = await session.unit_faults(self._tags)
            await session.subscribe()
            yield Delivery(links=(self._link(True, self._state(session)), *self._certificates()))
            async with contextlib.aclosing(self._follow(session)) as deliveries:
                async for delivery in deliveries:
                    yield delivery
        finally:
            await session.close()

    async def _follow(self, session: Session) -> AsyncGenerator[Delivery, None]:
        """History, then live; history again for what the server says it lost."""
        holes = set(session.nodes) - set(session.missing)
        loop = asyncio.get_running_loop()
        look_again_s = loop.time() + self._config.retry_missing_s
        certificates_s = loop.time() + _CERTIFICATES_S
        while True:
            if holes:
                async with contextlib.aclosing(self._back_fill(session, holes)) as deliveries:
                    async for delivery in deliveries:
                        yield delivery
            notices = await session.take(1.0)
            if loop.time() > certificates_s:
                certificates_s = loop.time() + _CERTIFICATES_S
                yield Delivery(links=self._certificates())
            if any(notice.values for notice in notices):
                yield self._deliver((pair for notice in notices for pair in notice.values), replayed=False)
            holes = _lossy(notices, set(session.nodes) - set(session.missing))
            if holes:
                text = f"the server lost values of {len(holes)} tags; they are read from its history"
                yield Delivery(links=(self._link(None, text),))
            lost = next((notice.lost for notice in notices if notice.lost), "")
            if lost:
                raise ConnectionError(lost)
            if session.missing and loop.time() > look_again_s:
                look_again_s = loop.time() + self._config.retry_missing_s
                before = set(session.missing)
                await session.monitor(sorted(before))
                found = before - set(session.missing)
                holes |= found
                if found:
                    yield Delivery(links=(self._link(None, self._state(session)),))

    # --- history ---------------------------------------------------------------------------------

    async def _back_fill(self, session: Session, tags: Iterable[str]) -> AsyncGenerator[Delivery, None]:
        """Deliver what the server remembers since the newest stored values, in time order."""
        now_ns = self._context.clock.now_ns()
        stored = {tag: self._context.last_stored(tag) for tag in tags}
        first_ns = now_ns - int(self._config.history_first_h * _HOUR_NS)
        cursor = {tag: first_ns if time is None else time for tag, time in stored.items()}
        end_ns = max(now_ns, *cursor.values()) + _HOUR_NS
        start_ns = min(cursor.values())
        refused: dict[str, str] = {} if self._config.history else dict.fromkeys(cursor, "history: false")
        while start_ns < end_ns and len(refused) < len(cursor):
            stop_ns = min(start_ns + self._width_ns, end_ns)
            asked = [tag for tag in cursor if tag not in refused and cursor[tag] < stop_ns]
            pairs: list[tuple[str, Any]] = []
            try:
                async for values, without in session.history(asked, start_ns, stop_ns):
                    refused |= without
                    pairs += [(tag, one) for tag, found in values.items() for one in found]
            except TimeoutError:
                self._width_ns = max(self._width_ns // 8, _LEAST_WIDTH_NS)
                raise
            async for delivery in self._in_order(pairs, cursor):
                yield delivery
            self._width_ns = self._next_width(len(pairs))
            start_ns = stop_ns
        known = [time for tag, time in stored.items() if tag in refused and time is not None]
        if known:
            reason = next(iter(refused.values()))
            text = f"{len(known)} tags have no history on the server ({reason}): values may be missing"
            yield Delivery(links=(self._link(None, text, (min(known), now_ns)),))

    def _next_width(self, found: int) -> int:
        """Longer or shorter stretches of source time, for some thousand values in each answer."""
        if found > _BATCH * 5:
            return max(self._width_ns // 2, _LEAST_WIDTH_NS)
        return min(self._width_ns * 2, 24 * 365 * _HOUR_NS)

    async def _in_order(
        self, pairs: list[tuple[str, Any]], cursor: dict[str, int]
    ) -> AsyncGenerator[Delivery, None]:
        decoded = self._decode(pairs, replayed=True)
        fresh = [(time, tag, one) for time, tag, one in decoded if time > cursor[tag]]
        fresh.sort(key=lambda row: row[:2])
        for start in range(0, len(fresh), _BATCH):
            rows = fresh[start : start + _BATCH]
            for time, tag, _ in rows:
                cursor[tag] = max(cursor[tag], time)
            yield _delivery(one for _, _, one in rows)

    # --- decoding --------------------------------------------------------------------------------

    def _deliver(self, pairs: Iterable[tuple[str, Any]], replayed: bool) -> Delivery:
        """In order of source time: a publish response holds all values of one node, then of the next."""
        rows = sorted(self._decode(pairs, replayed), key=lambda row: row[0])
        return _delivery(one for _, _, one in rows)

    def _decode(
        self, pairs: Iterable[tuple[str, Any]], replayed: bool
    ) -> list[tuple[int, str, Reading | Quarantined]]:
        clock = self._context.clock
        stamp = Stamp(self.id, clock.now_ns(), replayed, server_time=clock.speed == 1.0)
        rows = []
        for tag, data in pairs:
            one = to_reading(tag, data, stamp)
            if isinstance(one, Reading) and tag in self._unit_faults:
                one = Quarantined(one, "unit_mismatch", self._unit_faults[tag])
            reading = one if isinstance(one, Reading) else one.reading
            rows.append((reading.time_ns or reading.received_ns, tag, one))
        return rows

    def _certificates(self) -> tuple[LinkChange, ...]:
        """A link of its own, down while a certificate ends soon: an alarm until it is renewed."""
        if not self._config.policy:
            return ()
        now = datetime.now(UTC)
        notices = [notice for one in terms(session_settings(self._config)) if (notice := one.notice(now))]
        now_ns = self._context.clock.now_ns()
        text = "; ".join(notices) or "certificates count for more than 30 days"
        return (LinkChange(f"{self.id}.certificates", not notices, text, now_ns),)

    # --- words -----------------------------------------------------------------------------------

    def _state(self, session: Session) -> str:
        faults = self._unit_faults.values()
        text = connected(self._config.url, len(session.nodes), session.missing, faults)
        if nodes_lacking(text):
            log.warning("not every node", source=self.id, text=text)
        return text

    def _link(self, up: bool | None, text: str, gap: tuple[int, int] | None = None) -> LinkChange:
        return LinkChange(self.id, up, text, self._context.clock.now_ns(), gap)


def session_settings(config: Config) -> SessionSettings:
    """How a session is opened; the password is read anew."""
    password = config.password_file.read_text(encoding="utf-8").strip() if config.password_file else ""
    return SessionSettings(
        url=config.url,
        namespace=config.namespace,
        timeout_s=config.connect_timeout_s,
        watchdog_s=config.watchdog_s,
        keepalive_s=config.keepalive_s,
        publish_ms=config.publish_ms,
        sampling_ms=config.sampling_ms,
        queue_size=config.queue_size,
        discard_oldest=config.discard == "oldest",
        policy=config.policy,
        certificate=config.certificate,
        private_key=config.private_key,
        server_certificate=config.server_certificate,
        user=config.user,
        password=password,
        user_certificate=config.user_certificate,
        user_private_key=config.user_private_key,
    )


def _delivery(decoded: Iterable[Reading | Quarantined]) -> Delivery:
    rows = list(decoded)
    return Delivery(
        readings=tuple(one for one in rows if isinstance(one, Reading)),
        refused=tuple(one for one in rows if isinstance(one, Quarantined)),
    )


def _lossy(notices: Iterable[Notice], watched: set[str]) -> set[str]:
    """Tags whose values the server says it lost."""
    holes: set[str] = set()
    for notice in notices:
        if notice.missed:
            return set(watched)
        holes |= {tag for tag, data in notice.values if data.StatusCode and overflowed(data.StatusCode.value)}
    return holes & watched


def _words(error: Exception, url: str) -> str:
    text = str(error) or type(error).__name__
    return (
        text if url in text else f"no session with {url}: {text}; check that the server runs and accepts us"
    )


def open_source(config: Config, context: SourceContext) -> Source:
    """Make the source; it connects when its deliveries are asked for."""
    return OpcUaSource(config, context)
