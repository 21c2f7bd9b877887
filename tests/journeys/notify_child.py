"""A service's middle, forked for each line on stdin: raises alarms, tells of them, and waits to be killed.

A line is ``LEDGER URL N...``; the child answers ``started PID``, ``raised`` and ``done``.
"""

import asyncio
import os
import sys
from pathlib import Path

from connectors.historians.memory import MemoryHistorian
from connectors.ledgers.sqlite import SqliteLedger
from connectors.notifiers import webhook
from twin.alarms.routing import notices
from twin.domain.asset import Line, Origin
from twin.domain.subscription import Subscription
from twin.engine.core import Engine
from twin.engine.tagbook import TagBook
from twin.ports import LinkChange
from twin.runtime.clock import WallClock
from twin.runtime.deliver import Delivery
from twin.runtime.health import Health
from twin.runtime.hub import Hub
from twin.runtime.pipeline import Pipeline
from twin.service.app import time_window

LINE = Line("l", {}, "", Origin.SIMULATED, ())
S = 1_000_000_000


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def live(path: str, url: str, numbers: list[int]) -> None:
    ledger, clock = SqliteLedger(Path(path)), WallClock()
    pipeline = Pipeline(
        TagBook(()), Engine(LINE, lambda _: None), MemoryHistorian(), ledger, Hub(clock), Health(), clock,
        lambda alarm: notices(alarm, [Subscription("anna")]), time_window(clock),
    )  # fmt: skip
    route = webhook.open_notifier(webhook.Config.model_validate({"url": url, "allow_private": True}))
    await pipeline.recover(LINE)
    telling = asyncio.create_task(Delivery(ledger, {"anna": route}, pipeline.due).run(clock.now_ns))
    for n in numbers:
        pipeline.heard.append(LinkChange(f"source{n}", False, "away", n * S))
        await pipeline.tick(0)
    say("raised")
    while ledger.outbox()["waiting"]:  # noqa: ASYNC110  (the port offers no event to wait for)
        await asyncio.sleep(0.01)
    telling.cancel()
    ledger.close()
    say("done")


for request in sys.stdin:
    place, address, *rest = request.split()
    pid = os.fork()
    if pid == 0:
        say(f"started {os.getpid()}")
        asyncio.run(live(place, address, [int(n) for n in rest]))
        os._exit(0)
    os.waitpid(pid, 0)
    say("ended")
