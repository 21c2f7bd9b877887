"""MQTT with JSON payloads: one message per probe head, acknowledged only after the commit.

The session is kept by the broker while the service is away, and messages that were not
acknowledged come again; the store knows them by tag and time.
"""

import contextlib
from collections.abc import AsyncGenerator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.codecs.json_topics import Decoded, Route, decode
from connectors.codecs.topics import TopicTemplate
from connectors.sources._mqtt_broker import BrokerConfig
from connectors.sources._mqtt_link import (
    Arrival,
    Down,
    Happening,
    MqttLink,
    Rules,
    Up,
    delivered,
)
from twin.domain import instant
from twin.ports import Delivery, LinkChange, Source, SourceContext


class TopicConfig(BaseModel):
    """Topics of one form and the tags they carry.

    Parameters
    ----------
    topic : str
        Such as ``plant/{vessel}/{head}``; one field a level.
    tag : str
        Tag id made of the topic's fields and ``{name}``, the key inside the message.
    values : dict
        For devices with a form of their own, one flat JSON object: tag name for each key that is a value.
        Other keys are no values.
    time : str
        Key of the time in such an object, ISO 8601 with a zone.
    """

    model_config = ConfigDict(extra="forbid")

    topic: str
    tag: str = "{vessel}.{name}"
    values: dict[str, str] = Field(default_factory=dict)
    time: str = "timestamp"

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        fields = dict.fromkeys(TopicTemplate(self.topic).fields, "")
        try:
            self.tag.format(**fields, name="")
        except (KeyError, IndexError, ValueError) as error:
            known = ", ".join(f"{{{name}}}" for name in sorted([*fields, "name"]))
            raise ValueError(f"tag {self.tag!r} asks for {error}; {self.topic!r} offers {known}") from error
        return self


class Config(BrokerConfig):
    """An MQTT source.

    Parameters
    ----------
    id : str
        Identity of the source.
    topics : list of TopicConfig
        Messages on other topics of the session are refused with a reason.
    session_h : float
        How long the broker keeps the session while we are away [h] (MQTT 5; 3.1.1 keeps it as
        long as the broker likes).
    batch : int
        Messages handed over at once when several wait.
    """

    kind: Literal["mqtt"] = "mqtt"
    id: str
    topics: list[TopicConfig] = Field(
        default_factory=lambda: [
            TopicConfig(topic="plant/{vessel}/{head}"),
            TopicConfig(topic="lab/{vessel}"),
        ],
        min_length=1,
    )
    session_h: float = Field(default=24.0, gt=0, le=1_000_000)
    batch: int = Field(default=500, ge=1)


class MqttSource:
    """Readings from JSON messages on MQTT topics."""

    def __init__(self, config: Config, context: SourceContext) -> None:
        self.id = config.id
        self._config, self._context = config, context
        self._up, self._heard_ns = False, 0
        self._routes = tuple(
            Route(TopicTemplate(one.topic), one.tag, one.values, one.time) for one in config.topics
        )

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Everything that arrives; see `twin.ports.Source`."""
        rules = Rules(
            client_id=self._config.session_name(self._context.line),
            subscriptions=tuple((route.topic.filter, 1) for route in self._routes),
            clean=False,
            expiry_s=int(self._config.session_h * 3600),
        )
        link = MqttLink(self._config, rules)
        async with contextlib.aclosing(link.happenings(limit=self._config.batch)) as batches:
            async for batch in batches:
                yield self._deliver(batch)

    def _deliver(self, batch: list[Happening]) -> Delivery:
        now_ns = self._context.clock.now_ns()
        arrivals = [one for one in batch if isinstance(one, Arrival)]
        decoded = [self._decode(one, now_ns) for one in arrivals]
        links = [self._change(one, now_ns) for one in batch if isinstance(one, (Up, Down))]
        if arrivals and self._up:
            self._heard_ns = now_ns
        return Delivery(
            readings=tuple(reading for one in decoded for reading in one.readings),
            refused=tuple(row for one in decoded for row in one.refused),
            links=tuple(links),
            ack=delivered(arrivals),
        )

    def _change(self, change: Up | Down, now_ns: int) -> LinkChange:
        """A change of the link; a session that the broker lost leaves a hole since it was last heard."""
        was_up, self._up = self._up, isinstance(change, Up)
        if isinstance(change, Down):
            if was_up:  # paho hears of a broker that vanished after two silent keep-alives at the latest
                silent_ns = int(2e9 * self._config.keepalive_s * self._context.clock.speed)
                self._heard_ns = max(self._heard_ns, now_ns - silent_ns)
            return LinkChange(self.id, False, change.text, now_ns)
        heard_ns, self._heard_ns = self._heard_ns, now_ns
        if change.known or not heard_ns:
            return LinkChange(self.id, True, f"connected to the broker at {change.text}", now_ns)
        return LinkChange(
            self.id,
            True,
            f"connected to the broker at {change.text}; the broker did not know our session; "
            f"values it acknowledged since {instant.iso(heard_ns)} may be missing",
            now_ns,
            (heard_ns, now_ns),
        )

    def _decode(self, arrival: Arrival, now_ns: int) -> Decoded:
        return decode(self.id, arrival.topic, arrival.payload, self._routes, now_ns, arrival.retain)


def open_source(config: Config, context: SourceContext) -> Source:
    """Make the source; it connects when its deliveries are asked for."""
    return MqttSource(config, context)
