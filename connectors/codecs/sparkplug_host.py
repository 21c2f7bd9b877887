"""The host application side of Sparkplug 3.0 as a state machine: no IO, no clock, no logging.

Messages and times go in, readings, refusals, link changes and messages to send come out.
Rules are those of the Sparkplug 3.0 specification (ISO/IEC 20237); where it leaves a choice,
the choice is written at the place.
"""

from collections.abc import Iterable
from typing import Final

from connectors.codecs.json_topics import KEPT_CHARACTERS, clean
from connectors.codecs.sparkplug import (
    REBIRTH,
    DataType,
    Metric,
    Payload,
    SparkplugError,
    decode,
    encode,
    wire_of,
)
from connectors.codecs.sparkplug_messages import (
    NAMESPACE,
    EdgeNode,
    Known,
    Message,
    Outcome,
    Send,
    Settings,
    bd_seq_of,
    is_housekeeping,
    named,
    offline_since,
    refusal,
    state_payload,
    state_topic,
    status_of,
    time_ns_of,
    value_of,
)
from twin.domain.measurement import Quality, Quarantined, Reading
from twin.ports import LinkChange

_MAX_NODES: Final = 1000
"""Edge nodes remembered at once; beyond, one that is gone is forgotten (chosen default)."""


class Host:
    """State of every edge node, and what follows from each message.

    Two times are handed in: `now_ns`, the line's time that stamps what arrives, and `at_s`,
    any steady clock [s], for the timers.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._nodes: dict[str, EdgeNode] = {}
        self._born_ms: int | None = None

    def connected(self, born_ms: int, at_s: float) -> Outcome:
        """The broker took us: announce ourselves; births may have been missed, so ask for them again.

        `born_ms` is the time the will of this connection carries (SPB-11: the same in both).
        """
        out = Outcome()
        self._born_ms = born_ms
        if self.settings.host_id:
            out.send.append(Send(state_topic(self.settings.host_id), state_payload(True, born_ms), 1, True))
        for node in self._nodes.values():
            node.in_step, node.deadline_s, node.asked_s = False, None, None
            self._release(node, out)
            node.expected = None
            self._ask(node, at_s, out)
        return out

    def disconnected(self) -> Outcome:
        """The broker is away: what waited for order is given out as it is."""
        out = Outcome()
        self._born_ms = None
        for node in self._nodes.values():
            node.deadline_s, node.in_step = None, False
            self._release(node, out)
        return out

    def receive(self, topic: str, payload: bytes, now_ns: int, at_s: float) -> Outcome:
        """One message arrived."""
        out = Outcome()
        parts = topic.split("/")
        if parts[:2] == [NAMESPACE, "STATE"]:
            self._state(parts[2:], payload, out)
            return out
        address = named(parts)
        if address is None:
            self._refuse(out, topic, payload, now_ns, "unknown_topic", "not a topic of Sparkplug B")
            return out
        kind, group, edge, device = address
        if kind in ("NCMD", "DCMD"):
            return out
        try:
            decoded = decode(payload)
        except SparkplugError as error:
            self._refuse(out, topic, payload, now_ns, "malformed", str(error))
            self._ask(self._node(group, edge, out, now_ns), at_s, out)
            return out
        message = Message(kind, group, edge, device, decoded, now_ns)
        self._take(self._node(group, edge, out, now_ns), message, at_s, out)
        return out

    def tick(self, now_ns: int, at_s: float) -> Outcome:
        """Time passed: give up waiting for missing sequence numbers whose time is over (SPB-15)."""
        out = Outcome()
        for node in self._nodes.values():
            self._hold(node, at_s, out)
            if node.deadline_s is not None and at_s >= node.deadline_s:
                self._give_up(node, now_ns, at_s, out)
            elif (node.wished or (node.born and not node.in_step)) and self._born_ms is not None:
                self._ask(node, at_s, out)
        return out

    # --- order -----------------------------------------------------------------------------------

    def _take(self, node: EdgeNode, message: Message, at_s: float, out: Outcome) -> None:
        if message.kind == "NDEATH":
            self._node_death(node, message, out)
        elif message.kind == "NBIRTH":
            self._node_birth(node, message, out)
        elif not node.born:
            self._refuse_all(
                node, message, "no_birth", "its edge node has not been born to this host yet", out
            )
            self._ask(node, at_s, out)
        else:
            self._in_order(node, message, at_s, out)

    def _in_order(self, node: EdgeNode, message: Message, at_s: float, out: Outcome) -> None:
        seq = message.payload.seq
        if seq is None or not 0 <= seq <= 255:
            self._refuse_all(node, message, "bad_sequence", f"sequence number {seq} is not 0 to 255", out)
            self._ask(node, at_s, out)
        elif not node.in_step or node.expected in (None, seq):
            self._apply(node, message, at_s, out)
            node.expected = (seq + 1) % 256
            self._drain(node, at_s, out)
        elif seq in node.waiting:
            self._refuse_all(node, message, "bad_sequence", f"sequence number {seq} came twice", out)
        else:
            node.waiting[seq] = message
            node.deadline_s = at_s + self.settings.reorder_s if node.deadline_s is None else node.deadline_s

    def _drain(self, node: EdgeNode, at_s: float, out: Outcome) -> None:
        while node.expected is not None and node.expected in node.waiting:
            self._apply(node, node.waiting.pop(node.expected), at_s, out)
            node.expected = (node.expected + 1) % 256
        if not node.waiting:
            node.deadline_s = None

    def _release(self, node: EdgeNode, out: Outcome) -> None:
        """Give out what waits, in its order, without waiting longer."""
        start = node.expected or 0
        for seq in sorted(node.waiting, key=lambda number: (number - start) % 256):
            self._apply(node, node.waiting.pop(seq), None, out)
        self._let_go(node, out)

    def _give_up(self, node: EdgeNode, now_ns: int, at_s: float, out: Outcome) -> None:
        start = node.newest_ns
        missing = node.expected
        last = max(node.waiting, key=lambda number: (number - (missing or 0)) % 256)
        node.in_step, node.deadline_s = False, None
        self._release(node, out)
        node.expected = (last + 1) % 256
        gap = None if start is None else (start, now_ns)
        text = (
            f"edge node {node.id}: message {missing} did not come within {self.settings.reorder_s:g} s; "
            "a rebirth is asked for, values until then count as uncertain"
        )
        out.links.append(LinkChange(self.settings.source, None, text, now_ns, gap))
        self._ask(node, at_s, out)

    def _ask(self, node: EdgeNode, at_s: float, out: Outcome) -> None:
        """Request a rebirth (SPB-07): twice in the spacing at most, the second time only after a birth."""
        if node.asked_s is None or at_s - node.asked_s >= self.settings.rebirth_spacing_s:
            node.asked_s, node.asked = at_s, 1
        elif node.fresh and node.asked < 2:
            node.asked += 1
        else:
            node.wished = True
            return
        node.wished = node.fresh = False
        wire = wire_of(True, DataType.BOOLEAN)
        command = encode(
            Payload(self._born_ms, None, (Metric(REBIRTH, datatype=DataType.BOOLEAN, wire=wire),))
        )
        out.send.append(Send(f"{NAMESPACE}/{node.group}/NCMD/{node.edge}", command, 0, False))

    def _hold(self, node: EdgeNode, at_s: float, out: Outcome) -> None:
        """Values of a birth wait a little: an edge node that was cut off sends its history next."""
        if not node.held:
            return
        if node.held_until_s is None:
            node.held_until_s = at_s + self.settings.hold_s
        elif at_s >= node.held_until_s:
            self._let_go(node, out)

    def _let_go(self, node: EdgeNode, out: Outcome) -> None:
        out.readings += node.held
        node.held, node.held_until_s = [], None

    # --- births, deaths, data --------------------------------------------------------------------

    def _apply(self, node: EdgeNode, message: Message, at_s: float | None, out: Outcome) -> None:
        if message.kind == "DBIRTH":
            self._birth(node, message, out)
            if not node.in_step and at_s is not None:
                self._ask(node, at_s, out)
        elif message.kind == "DDEATH":
            time_ns = time_ns_of(message.payload.timestamp_ms)
            self._stale(node, [message.device], message.received_ns, time_ns, out)
            node.forget(message.device)
            self._link(out, message, None, f"device {message.device} of edge node {node.id} went away")
        else:
            for metric in message.payload.metrics:
                self._datum(node, message, metric, at_s, out)

    def _node_birth(self, node: EdgeNode, message: Message, out: Outcome) -> None:
        node.in_step = node.in_step and not node.waiting
        self._release(node, out)
        back = not node.online
        node.known.clear()
        node.aliases.clear()
        node.deadline_s, node.wished = None, False
        node.born = node.online = node.in_step = node.fresh = True
        seq = message.payload.seq  # SPB-04: 0 from a producer that obeys, 0 to 255 accepted
        node.expected = None if seq is None else (seq + 1) % 256
        node.bd_seq = bd_seq_of(message.payload)
        if back:
            self._link(out, message, None, f"edge node {node.id} is there")
        self._birth(node, message, out)

    def _birth(self, node: EdgeNode, message: Message, out: Outcome) -> None:
        node.forget(message.device)
        folded: dict[str, str] = {}
        for metric in message.payload.metrics:
            if is_housekeeping(metric.name):
                continue
            twin = folded.setdefault(metric.name.casefold(), metric.name)
            if twin != metric.name:  # SPB-18
                text = f"{node.id}/{message.device}: metrics {twin!r} and {metric.name!r} differ only by case"
                self._link(out, message, None, text)
            self._learn(node, message, metric, out)

    def _learn(self, node: EdgeNode, message: Message, metric: Metric, out: Outcome) -> None:
        fault = node.birth_fault(metric)
        if fault is not None:
            self._refuse_metric(node, message, metric, *fault, out)
            return
        known = Known(message.device, metric.name, metric.datatype or 0)
        node.known[message.device, metric.name] = known
        if metric.alias is not None:
            node.aliases[metric.alias] = known
        self._value(node, message, metric, known, out)

    def _datum(
        self, node: EdgeNode, message: Message, metric: Metric, at_s: float | None, out: Outcome
    ) -> None:
        if is_housekeeping(metric.name):
            return
        by_alias = metric.alias is not None and not metric.name
        known = (
            node.aliases.get(metric.alias or 0) if by_alias else node.known.get((message.device, metric.name))
        )
        if known is None or known.device != message.device:
            reason = "unknown_alias" if by_alias else "unknown_metric"
            self._refuse_metric(node, message, metric, reason, "no birth of this device has named it", out)
            if at_s is not None:
                self._ask(node, at_s, out)
            return
        if metric.datatype not in (None, known.datatype):
            detail = f"data type {metric.datatype} where the birth said {known.datatype}"
            self._refuse_metric(node, message, metric, "wrong_type", detail, out)
            return
        self._value(node, message, metric, known, out)

    def _value(self, node: EdgeNode, message: Message, metric: Metric, known: Known, out: Outcome) -> None:
        try:
            value, status = value_of(metric, known.datatype), status_of(metric)
            stamp = metric.timestamp_ms if metric.timestamp_ms is not None else message.payload.timestamp_ms
            time_ns = time_ns_of(stamp)
        except SparkplugError as error:
            self._refuse_metric(node, message, metric, "wrong_type", str(error), out, known)
            return
        if stamp is not None and time_ns is None:
            self._refuse_metric(node, message, metric, "bad_time", f"timestamp {stamp} ms", out, known)
            return
        quality = Quality.BAD if value is None and status != Quality.STALE else Quality(status)
        if not node.in_step and quality is Quality.GOOD and metric.alias is not None:
            # between a known loss and the rebirth an alias could have been given to another metric
            quality = Quality.UNCERTAIN
        if time_ns is not None and not metric.is_historical:
            node.newest_ns = max(node.newest_ns or 0, time_ns)
        address = self._address(node, known.device, known.name)
        reading = Reading(
            self.settings.source,
            address,
            value,
            quality,
            time_ns,
            message.received_ns,
            status,
            metric.is_historical,
        )
        if message.kind in ("NBIRTH", "DBIRTH"):
            node.held.append(reading)
            return
        if not metric.is_historical:
            self._let_go(node, out)
        out.readings.append(reading)

    def _node_death(self, node: EdgeNode, message: Message, out: Outcome) -> None:
        """SPB-14: only the death that belongs to the current birth counts."""
        if not node.born or bd_seq_of(message.payload) != node.bd_seq:
            return
        self._release(node, out)
        devices = list(dict.fromkeys(known.device for known in node.known.values()))
        self._stale(node, devices, message.received_ns, message.received_ns, out)
        node.born = node.online = node.in_step = False
        node.deadline_s, node.wished = None, False
        self._link(out, message, None, f"edge node {node.id} is gone; its values are stale")

    def _stale(
        self, node: EdgeNode, devices: Iterable[str], received_ns: int, time_ns: int | None, out: Outcome
    ) -> None:
        self._let_go(node, out)
        for device in devices:
            for known in node.of_device(device):
                address = self._address(node, device, known.name)
                out.readings.append(
                    Reading(
                        self.settings.source,
                        address,
                        None,
                        Quality.STALE,
                        time_ns,
                        received_ns,
                        Quality.STALE,
                    )
                )

    # --- own state -------------------------------------------------------------------------------

    def _state(self, rest: list[str], payload: bytes, out: Outcome) -> None:
        """SPB-12: somebody says we are offline while we are not: say otherwise at once."""
        if rest != [self.settings.host_id] or self._born_ms is None:
            return
        stamp = offline_since(payload)
        if stamp is None:
            return
        self._born_ms = max(self._born_ms, stamp)  # an edge node ignores an older STATE (SPB-16)
        out.send.append(Send(state_topic(self.settings.host_id), state_payload(True, self._born_ms), 1, True))

    # --- helpers ---------------------------------------------------------------------------------

    def _node(self, group: str, edge: str, out: Outcome, now_ns: int) -> EdgeNode:
        key = f"{group}/{edge}"
        node = self._nodes.get(key)
        if node is not None:
            return node
        for other in self._nodes:
            if other.casefold() == key.casefold():
                text = f"edge nodes {other!r} and {key!r} differ only by case"
                out.links.append(LinkChange(self.settings.source, None, text, now_ns))
        if len(self._nodes) >= _MAX_NODES:
            self._nodes.pop(next((k for k, n in self._nodes.items() if not n.born), next(iter(self._nodes))))
        return self._nodes.setdefault(key, EdgeNode(group, edge))

    def _address(self, node: EdgeNode, device: str, name: str) -> str:
        fields = {"group": node.group, "edge": node.edge, "device": device or node.edge, "name": name}
        return clean(self.settings.address.format(**fields))

    def _link(self, out: Outcome, message: Message, up: bool | None, text: str) -> None:
        out.links.append(LinkChange(self.settings.source, up, clean(text), message.received_ns))

    def _refuse(
        self, out: Outcome, topic: str, payload: bytes, now_ns: int, reason: str, detail: str
    ) -> None:
        text = payload[: KEPT_CHARACTERS // 2].hex()
        reading = Reading(self.settings.source, clean(topic), text, Quality.BAD, None, now_ns)
        out.refused.append(Quarantined(reading, reason, clean(detail)))

    def _refuse_all(self, node: EdgeNode, message: Message, reason: str, detail: str, out: Outcome) -> None:
        for metric in message.payload.metrics if message.kind != "DDEATH" else ():
            if not is_housekeeping(metric.name):
                self._refuse_metric(node, message, metric, reason, detail, out)

    def _refuse_metric(
        self,
        node: EdgeNode,
        message: Message,
        metric: Metric,
        reason: str,
        detail: str,
        out: Outcome,
        known: Known | None = None,
    ) -> None:
        name = known.name if known else metric.name or f"#{metric.alias}"
        address = self._address(node, message.device, name)
        out.refused.append(refusal(self.settings.source, address, message, metric, reason, detail))
