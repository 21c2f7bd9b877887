"""Set points to a Sparkplug edge node: DCMD to a device, NCMD where none is named; QoS 0, not retained.

Sparkplug does not confirm a command. Whether the edge node obeyed is seen when the metric comes back.
"""

import contextlib
import time
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from connectors.codecs.sparkplug import DataType, Metric, Payload, encode, wire_of
from connectors.codecs.sparkplug_messages import NAMESPACE
from connectors.sources._mqtt_broker import BrokerConfig
from connectors.sources._mqtt_link import Down, MqttLink, Rules, Up
from twin.domain.errors import ConnectorError
from twin.domain.tag import Tag
from twin.ports import Actuator, ActuatorContext


class Config(BrokerConfig):
    """An edge node.

    Parameters
    ----------
    id : str
        Identity of the actuator.
    group, edge : str
        Sparkplug group and edge node.
    device, metric : str
        Of ``{asset} {name}``; an empty device commands the node itself (NCMD).
    datatype : str
        Of the metric, as its birth says.
    """

    prefix: ClassVar[str] = "bioline-command"

    kind: Literal["sparkplug"] = "sparkplug"
    id: str
    group: str = Field(default="bioline", pattern=r"^[^/+#\x00]+$")
    edge: str = Field(pattern=r"^[^/+#\x00]+$")
    device: str = "{asset}"
    metric: str = "{name}"
    datatype: Literal["Double", "Float"] = "Double"

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        for text in (self.device, self.metric):
            try:
                text.format(asset="", name="")
            except (KeyError, IndexError, ValueError) as error:
                raise ValueError(f"{text!r} asks for {error}; known: {{asset}} {{name}}") from error
        return self


class SparkplugActuator:
    """Publishes commands, each on a connection of its own."""

    def __init__(self, config: Config, context: ActuatorContext) -> None:
        self._config, self._context = config, context

    async def write(self, tag: str, value: float) -> str:
        """Publish, and say that it was sent."""
        topic, payload = message(self._config, self._context.tags[tag], value, time.time_ns() // 1_000_000)
        rules = Rules(self._config.session_name(self._context.line), (), clean=True)
        link = MqttLink(self._config, rules)
        sent = None
        async with contextlib.aclosing(link.happenings(tick_s=0.05)) as batches:
            async for batch in batches:
                down = next((one for one in batch if isinstance(one, Down)), None)
                if down is not None:
                    raise ConnectorError(f"{tag} could not be commanded: {down.text}")
                if any(isinstance(one, Up) for one in batch):
                    sent = link.publish(topic, payload, 0, False)
                if sent is not None and sent.is_published():
                    return f"sent to {topic}"
        raise ConnectorError(f"{tag} could not be commanded: the connection ended")

    async def close(self) -> None:
        """Nothing is held."""


def message(config: Config, tag: Tag, value: float, now_ms: int) -> tuple[str, bytes]:
    """Topic and payload of a command."""
    device = config.device.format(asset=tag.asset, name=tag.name)
    kind = DataType.DOUBLE if config.datatype == "Double" else DataType.FLOAT
    name = config.metric.format(asset=tag.asset, name=tag.name)
    metric = Metric(name, timestamp_ms=now_ms, datatype=kind, wire=wire_of(value, kind))
    place = f"DCMD/{config.edge}/{device}" if device else f"NCMD/{config.edge}"
    return f"{NAMESPACE}/{config.group}/{place}", encode(Payload(now_ms, None, (metric,)))


def open_actuator(config: Config, context: ActuatorContext) -> Actuator:
    """Make the actuator; it connects at each command."""
    return SparkplugActuator(config, context)
