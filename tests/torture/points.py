"""Fail-points: named seams between the parts of a running service, at which its process kills itself.

Nothing of this is in the service. The harness composes the same service as ``twin run`` and puts a trap
around one call of one part; the trap ends the process with SIGKILL, as the machine would.
"""

import functools
import inspect
import os
import random
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from twin.domain.measurement import Measurement
from twin.ports import Delivery, Source, WriteReport
from twin.service.app import Service


@dataclass
class Trap:
    """Ends this process at its `passages`-th passage."""

    passages: int

    def passed(self) -> None:
        """Count one passage; the last one does not return."""
        self.passages -= 1
        if self.passages <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def passing(self) -> None:
        """At the last passage end the process within the next milliseconds, wherever it then is."""
        self.passages -= 1
        if self.passages <= 0:
            threading.Timer(random.uniform(0.0, 0.004), os.kill, (os.getpid(), signal.SIGKILL)).start()


Place = Callable[[Service, Trap], None]


def around(
    thing: Any, name: str, before: Callable[[], None] | None = None, after: Callable[[], None] | None = None
) -> None:
    """Replace a method of one object by itself with something done before or after."""
    inner = getattr(thing, name)

    @functools.wraps(inner)
    def called(*args: Any, **kwargs: Any) -> Any:
        if before:
            before()
        result = inner(*args, **kwargs)
        if after:
            after()
        return result

    @functools.wraps(inner)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        if before:
            before()
        result = await inner(*args, **kwargs)
        if after:
            after()
        return result

    setattr(thing, name, awaited if inspect.iscoroutinefunction(inner) else called)


class Tapped:
    """A source whose deliveries pass a trap on their way."""

    def __init__(self, source: Source, seen: Callable[[Delivery], Delivery]) -> None:
        self.id = source.id
        self._source, self._seen = source, seen

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        async for delivery in self._source.deliveries():
            yield self._seen(delivery)


def _tap(service: Service, seen: Callable[[Delivery], Delivery]) -> None:
    service.sources = [Tapped(source, seen) for source in service.sources]


def received(service: Service, trap: Trap) -> None:
    """A delivery was taken from the wire and nothing was done with it."""

    def seen(delivery: Delivery) -> Delivery:
        if delivery.readings:
            trap.passed()
        return delivery

    _tap(service, seen)


def first_acknowledged(service: Service, trap: Trap) -> None:
    """One delivery of a batch was acknowledged, the others were not."""

    def seen(delivery: Delivery) -> Delivery:
        def ack() -> None:
            delivery.ack()
            if delivery.readings:
                trap.passed()

        return replace(delivery, ack=ack)

    _tap(service, seen)


def half_a_batch(service: Service, trap: Trap) -> None:
    """Half of the rows of a batch are durable, the other half is not."""
    write = service.pipeline.historian.write

    async def half(rows: Sequence[Measurement]) -> WriteReport:
        if trap.passages <= 1:
            await write(rows[: len(rows) // 2])
        trap.passed()
        return await write(rows)

    service.pipeline.historian.write = half  # type: ignore[method-assign]


def notice_sent(service: Service, trap: Trap) -> None:
    """The subscriber has taken a notice, the outbox does not know it yet."""
    for notifier in service.deliverer.notifiers.values():
        around(notifier, "send", after=trap.passed)


POINTS: dict[str, Place] = {
    "received": received,
    "before_commit": lambda s, trap: around(s.pipeline.historian, "write", before=trap.passed),
    "half_a_batch": half_a_batch,
    "during_commit": lambda s, trap: around(s.pipeline.historian, "write", before=trap.passing),
    "committed": lambda s, trap: around(s.pipeline.historian, "write", after=trap.passed),
    "refusals_kept": lambda s, trap: around(s.pipeline.ledger, "quarantine", after=trap.passed),
    "first_acknowledged": first_acknowledged,
    "acknowledged": lambda s, trap: around(s.pipeline, "_infer", before=trap.passed),
    "events_found": lambda s, trap: around(s.pipeline.ledger, "commit", before=trap.passed),
    "events_kept": lambda s, trap: around(s.pipeline.ledger, "commit", after=trap.passed),
    "during_snapshot": lambda s, trap: around(s.pipeline.ledger, "save_snapshot", before=trap.passing),
    "snapshot_kept": lambda s, trap: around(s.pipeline.ledger, "save_snapshot", after=trap.passed),
    "notice_sent": notice_sent,
}
"""Where the service dies, in the order a value passes."""

INFLUX_POINTS: dict[str, Place] = {
    "server_asked": lambda s, trap: around(s.historian._server, "post", before=trap.passing),  # type: ignore[attr-defined]
    "server_took": lambda s, trap: around(s.historian._spool, "settle", before=trap.passed),  # type: ignore[attr-defined]
}
"""Those of the spool before a server: rows under way, and rows taken but not forgotten yet."""


async def die_somewhere(service: Service, name: str, passages: int) -> None:
    """Run a service that ends itself at a fail-point."""
    (POINTS | INFLUX_POINTS)[name](service, Trap(passages))
    await service.run()
