"""Sparkplug B: the host application of Sparkplug 3.0 around its state machine.

Data of Sparkplug is QoS 0 and the session is clean by rule, so an outage of the service is
bridged by the edge nodes: they see our STATE go offline, keep their values and send them as
historical when we are back.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, Iterable
from typing import Literal, Self

from pydantic import Field, model_validator

from connectors.codecs.sparkplug_host import Host
from connectors.codecs.sparkplug_messages import NAMESPACE, Outcome, Settings, state_payload, state_topic
from connectors.sources._mqtt_broker import BrokerConfig
from connectors.sources._mqtt_link import (
    Arrival,
    Happening,
    MqttLink,
    Rules,
    Up,
    Will,
    delivered,
)
from twin.ports import Delivery, LinkChange, Source, SourceContext


class Config(BrokerConfig):
    """A Sparkplug source.

    Parameters
    ----------
    id : str
        Identity of the source.
    host_id : str
        Identity of this host application, in ``spBv1.0/STATE/<host_id>``; empty listens beside
        another host and says no STATE.
    group : str
        Sparkplug group to follow; ``+`` follows all.
    tag : str
        Tag id of a metric, of ``{group} {edge} {device} {name}``.
    reorder_s : float
        How long a missing message is waited for before a rebirth is asked for [s].
    rebirth_spacing_s : float
        Least time between two rebirth requests to one edge node [s].
    batch : int
        Messages handed over at once when several wait.
    """

    kind: Literal["sparkplug"] = "sparkplug"
    id: str
    host_id: str = Field(default="bioline", pattern=r"^[^/+#\x00]*$")
    group: str = Field(default="bioline", pattern=r"^(\+|[^/+#\x00]+)$")
    tag: str = "{device}.{name}"
    reorder_s: float = Field(default=2.0, gt=0)
    rebirth_spacing_s: float = Field(default=5.0, gt=0)
    batch: int = Field(default=500, ge=1)

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        try:
            self.tag.format(group="", edge="", device="", name="")
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"tag {self.tag!r} asks for {error}; known: {{group}} {{edge}} {{device}} {{name}}"
            ) from error
        return self


class SparkplugSource:
    """Readings from Sparkplug births and data."""

    def __init__(self, config: Config, context: SourceContext) -> None:
        self.id = config.id
        self._config, self._context = config, context
        settings = Settings(config.id, config.host_id, config.tag, config.reorder_s, config.rebirth_spacing_s)
        self._host = Host(settings)
        self._born_ms = 0

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Everything that arrives; see `twin.ports.Source`."""
        link = MqttLink(self._config, self._rules())
        tick_s = min(0.25, self._config.reorder_s / 2)
        async with contextlib.aclosing(link.happenings(tick_s, self._config.batch)) as batches:
            async for batch in batches:
                delivery = self._deliver(batch, link)
                if delivery is not None:
                    yield delivery

    def _rules(self) -> Rules:
        return Rules(
            client_id=self._config.session_name(self._context.line),
            subscriptions=(
                *([(state_topic(self._config.host_id), 1)] if self._config.host_id else []),
                (f"{NAMESPACE}/{self._config.group}/#", 1),
            ),
            clean=True,
            will=self._will,
            goodbye=self._goodbye,
        )

    def _will(self) -> Will | None:
        """SPB-11: each connection has its own time, the same in will and birth; real time, never back."""
        self._born_ms = max(self._born_ms + 1, time.time_ns() // 1_000_000)
        return self._offline(self._born_ms)

    def _goodbye(self) -> Will | None:
        """SPB-13: a clean end says so itself before it disconnects."""
        return self._offline(max(self._born_ms, time.time_ns() // 1_000_000))

    def _offline(self, time_ms: int) -> Will | None:
        """That this host is away; None for one that never said it is there."""
        host = self._config.host_id
        return Will(state_topic(host), state_payload(False, time_ms), 1, True) if host else None

    def _deliver(self, batch: list[Happening], link: MqttLink) -> Delivery | None:
        now_ns, at_s = self._context.clock.now_ns(), time.monotonic()
        outcomes = [self._take(one, now_ns, at_s) for one in batch]
        outcomes.append(self._host.tick(now_ns, at_s))
        for send in (message for outcome in outcomes for message in outcome.send):
            link.publish(send.topic, send.payload, send.qos, send.retain)
        delivery = _delivery(outcomes, [one for one in batch if isinstance(one, Arrival)])
        return delivery if batch or delivery.readings or delivery.refused or delivery.links else None

    def _take(self, happening: Happening, now_ns: int, at_s: float) -> Outcome:
        if isinstance(happening, Arrival):
            return self._host.receive(happening.topic, happening.payload, now_ns, at_s)
        up = isinstance(happening, Up)
        outcome = self._host.connected(self._born_ms, at_s) if up else self._host.disconnected()
        text = f"connected to the broker at {happening.text}" if up else happening.text
        outcome.links.insert(0, LinkChange(self.id, up, text, now_ns))
        return outcome


def _delivery(outcomes: Iterable[Outcome], arrivals: list[Arrival]) -> Delivery:
    outcomes = list(outcomes)
    return Delivery(
        readings=tuple(reading for one in outcomes for reading in one.readings),
        refused=tuple(row for one in outcomes for row in one.refused),
        links=tuple(change for one in outcomes for change in one.links),
        ack=delivered(arrivals),
    )


def open_source(config: Config, context: SourceContext) -> Source:
    """Make the source; it connects when its deliveries are asked for."""
    return SparkplugSource(config, context)
