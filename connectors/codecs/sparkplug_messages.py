"""Words of Sparkplug 3.0 that its host application reads and writes: topics, STATE, what a metric says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from connectors.codecs.iso_time import LATEST_NS
from connectors.codecs.json_topics import KEPT_CHARACTERS, clean
from connectors.codecs.sparkplug import BD_SEQ, QUALITY, Metric, Payload, SparkplugError, typed
from twin.domain.measurement import Quality, Quarantined, Raw, Reading
from twin.ports import LinkChange

NAMESPACE: Final = "spBv1.0"
_NODE_KINDS: Final = frozenset({"NBIRTH", "NDATA", "NDEATH", "NCMD"})
_DEVICE_KINDS: Final = frozenset({"DBIRTH", "DDATA", "DDEATH", "DCMD"})
_HOUSEKEEPING: Final = ("Node Control/", "Device Control/", "Node Info/", "Properties/")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a host is told.

    Parameters
    ----------
    source : str
        Identity of the source in readings and link changes.
    host_id : str
        Identity in ``spBv1.0/STATE/<host_id>``; empty for one that listens and says no STATE.
    address : str
        Tag id of a metric; fields ``{group} {edge} {device} {name}``. A metric of the
        node itself has the edge node's id as device.
    reorder_s : float
        How long a missing sequence number is waited for [s].
    rebirth_spacing_s : float
        Least time between two rebirth requests to one edge node [s].
    hold_s : float
        How long the values of a birth wait for older, historical ones that follow it [s].
    """

    source: str
    host_id: str
    address: str = "{device}.{name}"
    reorder_s: float = 2.0
    rebirth_spacing_s: float = 5.0
    hold_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Send:
    """A message to publish."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(slots=True)
class Outcome:
    """What came of one input, in order of arrival."""

    readings: list[Reading] = field(default_factory=list)
    refused: list[Quarantined] = field(default_factory=list)
    links: list[LinkChange] = field(default_factory=list)
    send: list[Send] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Known:
    """What a birth said of one metric."""

    device: str
    name: str
    datatype: int


@dataclass(frozen=True, slots=True)
class Message:
    """A decoded message with the parts of its topic; `device` is empty for the node itself."""

    kind: str
    group: str
    edge: str
    device: str
    payload: Payload
    received_ns: int


@dataclass(slots=True)
class EdgeNode:
    """One edge node as this host sees it."""

    group: str
    edge: str
    born: bool = False
    online: bool = False
    in_step: bool = False  # no message since the last NBIRTH is known to be missing
    bd_seq: int | None = None
    expected: int | None = None
    deadline_s: float | None = None
    asked_s: float | None = None
    asked: int = 0  # rebirths asked for since `asked_s`, which begins the spacing
    wished: bool = False  # a rebirth that is to be asked for when the spacing allows
    fresh: bool = False  # a birth came since the last one was asked for
    newest_ns: int | None = None
    waiting: dict[int, Message] = field(default_factory=dict)
    held: list[Reading] = field(default_factory=list)
    held_until_s: float | None = None
    known: dict[tuple[str, str], Known] = field(default_factory=dict)
    aliases: dict[int, Known] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Group and edge node."""
        return f"{self.group}/{self.edge}"

    def forget(self, device: str) -> None:
        """Only a birth names the metrics of this device again."""
        self.known = {key: known for key, known in self.known.items() if known.device != device}
        self.aliases = {alias: known for alias, known in self.aliases.items() if known.device != device}

    def birth_fault(self, metric: Metric) -> tuple[str, str] | None:
        """Reason and words for a metric of a birth that can not be taken."""
        if not metric.name:
            return "malformed", "a birth metric without a name"
        if metric.datatype is None:
            return "wrong_type", "a birth metric without a data type"
        if metric.alias is not None and metric.alias in self.aliases:
            return "alias_twice", f"alias {metric.alias} already belongs to {self.aliases[metric.alias].name}"
        return None

    def of_device(self, device: str) -> list[Known]:
        """Metrics the births of a device named."""
        return [known for known in self.known.values() if known.device == device]


def state_topic(host_id: str) -> str:
    """Topic of a host application's own state."""
    return f"{NAMESPACE}/STATE/{host_id}"


def state_payload(online: bool, time_ms: int) -> bytes:
    """Content of a STATE message."""
    return json.dumps({"online": online, "timestamp": time_ms}, separators=(",", ":")).encode()


def offline_since(payload: bytes) -> int | None:
    """Time of a STATE that says offline [ms since 1970-01-01 UTC]; 0: can not be read; None: online."""
    try:
        data = json.loads(payload)
        online, stamp = data["online"], data["timestamp"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    if online is True:
        return None
    readable = isinstance(stamp, int) and not isinstance(stamp, bool) and 0 < stamp < LATEST_NS // 10**6
    return stamp if readable else 0


def named(parts: list[str]) -> tuple[str, str, str, str] | None:
    """Kind, group, edge node and device (empty for the node itself) of a topic, or None (SPB-01)."""
    if len(parts) not in (4, 5) or parts[0] != NAMESPACE or not all(parts):
        return None
    group, kind, edge = parts[1:4]
    if len(parts) == 4 and kind in _NODE_KINDS:
        return kind, group, edge, ""
    if len(parts) == 5 and kind in _DEVICE_KINDS:
        return kind, group, edge, parts[4]
    return None


def is_housekeeping(name: str) -> bool:
    """True for metrics that are about Sparkplug itself and carry no process value."""
    return name == BD_SEQ or name.startswith(_HOUSEKEEPING)


def bd_seq_of(payload: Payload) -> int | None:
    """Birth and death number of an NBIRTH or NDEATH."""
    wires: Iterator[object] = (
        m.wire.content for m in payload.metrics if m.name == BD_SEQ and m.wire is not None
    )
    found = next(wires, None)
    return found if isinstance(found, int) else None


def value_of(metric: Metric, datatype: int) -> Raw:
    """Value under the type its birth declared, None for null; raises SparkplugError when it does not fit."""
    if metric.is_null:
        return None
    if metric.wire is None:
        raise SparkplugError("neither a value nor is_null")
    value = typed(metric.wire, datatype)
    if isinstance(value, bool):
        raise SparkplugError(f"the truth value {str(value).lower()} where a number is expected")
    if isinstance(value, int) and abs(value) >= 2**63:
        return float(value)  # beyond the integers a store can hold
    return clean(value) if isinstance(value, str) else value


def status_of(metric: Metric) -> int:
    """SPB-17: 0, 192 or 500; left out means good."""
    wire = metric.properties.get(QUALITY)
    if wire is None:
        return int(Quality.GOOD)
    if wire.member != "int_value" or wire.content not in (0, 192, 500):
        raise SparkplugError(f"property Quality is {str(wire.content)[:40]}, not 0, 192 or 500")
    return int(wire.content)


def time_ns_of(time_ms: int | None) -> int | None:
    """Nanoseconds of a timestamp, None when there is none or no store could hold it."""
    return None if time_ms is None or time_ms > LATEST_NS // 10**6 else time_ms * 1_000_000


def shown(metric: Metric) -> Raw:
    """The value as it came, in a form that every store can keep."""
    if metric.wire is None:
        return None
    content = metric.wire.content
    if isinstance(content, (bool, float)) or (isinstance(content, int) and abs(content) < 2**63):
        return content
    return clean(content if isinstance(content, str) else repr(content)[:KEPT_CHARACTERS])


def refusal(
    source: str, address: str, message: Message, metric: Metric, reason: str, detail: str
) -> Quarantined:
    """A metric that is not believed, with its reason."""
    stamp = metric.timestamp_ms if metric.timestamp_ms is not None else message.payload.timestamp_ms
    reading = Reading(
        source,
        address,
        shown(metric),
        Quality.BAD,
        time_ns_of(stamp),
        message.received_ns,
        replayed=metric.is_historical,
    )
    return Quarantined(reading, reason, clean(detail))
