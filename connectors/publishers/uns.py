"""A unified namespace on an MQTT broker: the newest of every value, belief and alarm, retained, QoS 1.

Readers find the last value of everything at once when they subscribe. After the broker was away everything is
published again, so that a broker that forgot its retained messages has them back.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, field_validator

from connectors.codecs.uns import LEVEL, Namespace, Value, fault
from connectors.sources._mqtt_broker import BrokerConfig
from connectors.sources._mqtt_link import Down, MqttLink, Rules, Up
from twin.domain.alarm import Alarm
from twin.domain.errors import ConfigError
from twin.ports import LinkChange, Publisher, PublisherContext, Update

PAUSE_S = 0.02
"""Between two looks at what the broker has taken [s]."""
RETAINED_WAIT_S = 10.0
"""Longest wait for the broker to take one update [s]; after that the link is made anew (chosen default)."""


class Config(BrokerConfig):
    """A unified namespace.

    Parameters
    ----------
    id : str
        Identity of the publisher.
    levels : list of str
        Enterprise, site, area: one to three levels before the vessel; lower case.
    """

    kind: Literal["uns"] = "uns"
    id: str = "uns"
    levels: list[str] = Field(min_length=1, max_length=3)

    @field_validator("levels")
    @classmethod
    def _plain(cls, levels: list[str]) -> list[str]:
        for one in levels:
            if LEVEL.fullmatch(one) is None:
                raise ValueError(f"level {one!r}: a-z, 0-9, _ and - would do")
        if levels[0] in ("sim", "replay"):
            raise ValueError(f"level {levels[0]!r} is kept for what does not come from a plant")
        return levels


class UnsPublisher:
    """Publishes updates; keeps the newest of each topic for a broker that comes back."""

    def __init__(self, config: Config, context: PublisherContext, names: Namespace) -> None:
        self.id = config.id
        self._config, self._context, self._names = config, context, names
        self._newest: dict[str, bytes] = {}
        self._open: dict[str, None] = {}
        self._seq: Counter[str] = Counter()
        self._standing: dict[str, Alarm] = {}

    async def publish(self, update: Update) -> None:
        """Take what is new; it is sent by `run`."""
        for topic, value in self._messages(update):
            if fault(topic) is None:
                self._newest[topic] = value.model_dump_json(exclude_none=False).encode()
                self._open[topic] = None

    async def run(self) -> None:
        """Send what was taken, and all of it after each connection, until cancelled."""
        rules = Rules(self._config.session_name(self._context.line.id), (), clean=True)
        link = MqttLink(self._config, rules)
        async with contextlib.aclosing(link.happenings(tick_s=0.1)) as batches:
            async for batch in batches:
                for one in batch:
                    if isinstance(one, Up):
                        self._open = dict.fromkeys(self._newest)
                    if isinstance(one, (Up, Down)):
                        self._tell(isinstance(one, Up), one.text)
                await self._send(link)

    async def _send(self, link: MqttLink) -> None:
        """Publish what is open; what the broker does not take in time stays open."""
        sent = {}
        for topic in list(self._open):
            info = link.publish(topic, self._newest[topic], 1, True)
            if info is None:
                return
            sent[topic] = info, self._newest[topic]
        for _ in range(int(RETAINED_WAIT_S / PAUSE_S)):
            if all(info.rc or info.is_published() for info, _ in sent.values()):
                break
            await asyncio.sleep(PAUSE_S)
        for topic, (info, payload) in sent.items():
            if not info.rc and info.is_published() and self._newest[topic] == payload:
                self._open.pop(topic, None)

    def _messages(self, update: Update) -> Iterator[tuple[str, Value]]:
        for row in update.measurements:
            yield self._names.measured(row, self._next(f"pv {row.tag}"))
        for belief in update.estimates:
            yield self._names.believed(belief, self._next(f"est {belief.name}"))
        changed = {(alarm.event.asset, alarm.event.kind.value) for alarm in update.alarms}
        self._standing |= {alarm.id: alarm for alarm in update.alarms}
        self._standing = {id: alarm for id, alarm in self._standing.items() if alarm.state.value != "normal"}
        for asset, kind in sorted(changed):
            count = sum((a.event.asset, a.event.kind.value) == (asset, kind) for a in self._standing.values())
            yield self._names.standing(asset, kind, count, update.now_ns, self._next(f"alarm {asset} {kind}"))

    def _next(self, key: str) -> int:
        self._seq[key] += 1
        return self._seq[key] - 1

    def _tell(self, up: bool, text: str) -> None:
        words = f"publishes to {text}" if up else text
        self._context.report(LinkChange(self.id, up, words, self._context.clock.now_ns()))


def open_publisher(config: Config, context: PublisherContext) -> Publisher:
    """Make the publisher; it connects when it is run.

    Raises
    ------
    ConfigError
        When two tags would share a topic.
    """
    try:
        names = Namespace(context.line, config.levels)
    except ValueError as error:
        raise ConfigError(f"publisher {config.id}: {error}") from error
    return UnsPublisher(config, context, names)
