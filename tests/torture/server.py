"""An OPC UA server with a durable history, in a process of its own: JOURNAL PORT TAG...

Its history is the journal, one line ``tag time_ns value`` each; what is in the journal is what the server
has taken. A server that was killed starts again with the whole of it and goes on with what is appended.
"""

import asyncio
import sys
from pathlib import Path

from asyncua import Server, ua

from simulators.wires import Row, WireTag
from simulators.wires_opcua import OpcUaWire


def rows(text: str) -> list[Row]:
    """Rows of whole lines."""
    return [Row(tag, int(time), float(value)) for tag, time, value in map(str.split, text.splitlines())]


class Remembering(OpcUaWire):
    """A server whose history is there before it listens."""

    def __init__(self, tags: list[WireTag], port: int, known: list[Row]) -> None:
        super().__init__(tags, port)
        self._known = known

    async def _add(self, server: Server, folder: ua.NodeId, tag: WireTag, index: int) -> None:
        await super()._add(server, folder, tag, index)
        ring = self._history.ring(self._nodes[tag.id])
        for row in self._known:
            if row.tag == tag.id and row.value is not None:
                ring.add(row.time_ns // 1000, row.value, ua.StatusCodes.Good)


async def main(journal: Path, port: int, tags: list[str]) -> None:
    with journal.open() as file:
        known = file.read()
        whole = known[: known.rfind("\n") + 1]
        rest = known[len(whole) :]
        wire = Remembering([WireTag(tag, "1", -1, 1e9) for tag in tags], port, rows(whole))
        async with wire:
            print("ready", flush=True)
            while True:
                rest += file.read()
                whole = rest[: rest.rfind("\n") + 1]
                rest = rest[len(whole) :]
                await wire.publish(rows(whole))
                await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
