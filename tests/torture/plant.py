"""The senders and their ledger: gap-free counters on both wires, and what each peer has taken of them."""

import asyncio
import json
from pathlib import Path

from simulators.wires import Row
from simulators.wires_mqtt import JsonWire
from twin.domain.measurement import Quality
from twin.runtime.clock import ScaledClock

STEP_S = 0.05
MQTT_TAGS = ("M1.seq", "M2.seq")
OPCUA_TAGS = ("U1.seq", "U2.seq")
STRANGER = "M1.stranger"
"""Sent now and then, and in no tag table: it must be found among the refused values."""
STRANGER_EVERY = 20
LEVEL_PERIOD_S = 12.0

Key = tuple[str, int]


class Plant:
    """Sends until stopped.

    Attributes
    ----------
    sent : dict
        Time [ns] of each (tag, counter).
    taken : set
        (tag, counter) that a peer said it has: acknowledged by the broker, or in the server's history.
    """

    def __init__(self, clock: ScaledClock, mqtt_port: int, journal: Path) -> None:
        self.clock = clock
        self.sent: dict[Key, int] = {}
        self.taken: set[Key] = set()
        self.count = 0
        self.mqtt = JsonWire("127.0.0.1", mqtt_port, on_acknowledged=self._acknowledged)
        self._journal = journal
        self._stopped = asyncio.Event()

    def _acknowledged(self, topic: str, payload: bytes) -> None:
        vessel = topic.split("/")[1]
        values = json.loads(payload)["v"]
        found = {(f"{vessel}.{name}", int(values[name])) for name in ("seq", "stranger") if name in values}
        self.taken |= found

    async def run(self) -> None:
        async with self.mqtt:
            with self._journal.open("a") as journal:
                while not self._stopped.is_set():
                    await self._step(journal)
                    await asyncio.sleep(STEP_S)
                await self.mqtt.drained(60)

    def stop(self) -> None:
        self._stopped.set()

    async def _step(self, journal) -> None:  # type: ignore[no-untyped-def]
        time_ns = self.clock.now_ns() // 1_000_000 * 1_000_000
        number = float(self.count)
        high = self.count * STEP_S % LEVEL_PERIOD_S > LEVEL_PERIOD_S / 2
        rows = [Row(tag, time_ns, number) for tag in MQTT_TAGS]
        rows.append(Row("M1.level", time_ns, 90.0 if high else 40.0, int(Quality.GOOD)))
        if self.count % STRANGER_EVERY == 0:
            rows.append(Row(STRANGER, time_ns, number))
        counted = [row for row in rows if row.tag != "M1.level"]
        self.sent |= {(row.tag, self.count): time_ns for row in counted}
        self.sent |= {(tag, self.count): time_ns for tag in OPCUA_TAGS}
        journal.write("".join(f"{tag} {time_ns} {number}\n" for tag in OPCUA_TAGS))
        journal.flush()
        self.taken |= {(tag, self.count) for tag in OPCUA_TAGS}
        self.count += 1
        await self.mqtt.publish(rows)
