"""Supervision of a source: its deliveries go into the channel, its failures into words."""

import asyncio
import contextlib

import structlog

from twin.domain.errors import ConnectorError
from twin.ports import Clock, Delivery, LinkChange, Source
from twin.runtime.channel import Channel

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0

log = structlog.get_logger("supervise")


async def supervise(source: Source, channel: Channel[Delivery], clock: Clock) -> None:
    """Keep a source running until cancelled.

    A `ConnectorError` that waiting may mend is retried after 1 s, doubling to 60 s; one
    that it can not is reported as a link that is down and stays so. Any other exception is
    a fault of the program and ends the service.
    """
    pause = FIRST_PAUSE_S
    while True:
        try:
            async with contextlib.aclosing(source.deliveries()) as deliveries:
                async for delivery in deliveries:
                    pause = FIRST_PAUSE_S
                    await channel.put(delivery)
            return
        except ConnectorError as error:
            log.warning("source down", source=source.id, error=str(error), retry=error.retry)
            await channel.put(_down(source.id, str(error), clock.now_ns()))
            if not error.retry:
                return
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def _down(source: str, text: str, now_ns: int) -> Delivery:
    return Delivery(links=(LinkChange(source, False, text, now_ns),))
