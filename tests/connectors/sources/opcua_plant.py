"""A server process for the OPC UA tests: R101.seq counts up 50 times a second; killed, it remembers all.

Arguments: port, time 0 [s since 1970], and the URIs of namespaces registered before ours.
"""

import asyncio
import sys
import time

from simulators.wires import Row, WireTag
from simulators.wires_opcua import OpcUaWire

PER_S = 50


async def main(port: int, zero_s: int, others: list[str]) -> None:
    tags = [WireTag("R101.seq", "1", 0.0, 1e9), WireTag("R101.pH", "1", 2.0, 12.0)]
    server = OpcUaWire(tags, port, other_namespaces=others)
    async with server:
        sent = 0
        while True:
            due = int((time.time() - zero_s) * PER_S)
            for start in range(sent, due, 500):
                numbers = range(start, min(start + 500, due))
                await server.publish([Row("R101.seq", _time(zero_s, n), float(n)) for n in numbers])
                await server.publish([Row("R101.pH", _time(zero_s, n), 7.0) for n in numbers if n % 50 == 0])
            if sent == 0:
                print("ready", flush=True)
            sent = due
            await asyncio.sleep(0.05)


def _time(zero_s: int, n: int) -> int:
    return zero_s * 10**9 + n * 10**9 // PER_S


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
