"""What viewers cost: `python benchmarks/viewers_bench.py --viewers 200 --slow 100 --seconds 30`.

A service's interface over a scripted line: 20 tags at 2 Hz each, told to every viewer as Server-Sent
Events, the readers in a process of their own. Slow readers take a few bytes a second. Prints the age of
values when they reach a viewer, with and without the slow ones, the longest time the loop of the service was
held up, and whether an alarm raised in between reached everybody. Ages are those of one machine under
its load; compare the two rows of one run.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import socket
import statistics
import sys
import time
from pathlib import Path

import uvicorn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/dashboards"))

from scripted_view import ScriptedView, alarm, drift

from dashboards.app import create_app
from twin.domain.measurement import Measurement, Quality

REQUEST = b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def viewer(port: int, until: float, ages: list[float], alarms: list[int]) -> None:
    """Read a stream; keep the age of each value told."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    writer.write(REQUEST)
    event = b""
    with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(until - time.time()):
            while line := await reader.readline():
                if line.startswith(b"event:"):
                    event = line[7:].strip()
                elif event == b"values" and line.startswith(b"data:"):
                    now = time.time()
                    tags = json.loads(line[5:])["tags"]
                    ages += [now - tag["value"] for tag in tags.values() if now - tag["value"] < 3600]
                elif event == b"alarms" and line.startswith(b"data:"):
                    alarms.append(1)
                    event = b""
    writer.close()


async def slow(port: int, until: float) -> None:
    """Read a few bytes a second."""
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(wire, ("127.0.0.1", port))
        await loop.sock_sendall(wire, REQUEST)
        while time.time() < until:
            await loop.sock_recv(wire, 4)
            await asyncio.sleep(1.0)


def watch(port: int, viewers: int, slowly: int, until: float, told: "multiprocessing.Queue[object]") -> None:
    """Every reader, in a process of its own."""

    async def run() -> None:
        ages: list[float] = []
        alarms: list[list[int]] = [[] for _ in range(viewers)]
        jobs = [viewer(port, until, ages, each) for each in alarms]
        await asyncio.gather(*jobs, *(slow(port, until) for _ in range(slowly)))
        told.put((ages, sum(bool(each) for each in alarms)))

    asyncio.run(run())


async def serve(viewers: int, slowly: int, seconds: float) -> None:
    """One row: serve, tell values for some seconds, print what arrived."""
    view = ScriptedView()
    tags = [tag.id for vessel in view.line.vessels for tag in vessel.tags if tag.kind == "online"][:20]
    app = create_app(view)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as sock:
        config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[sock]))
        until = time.time() + seconds + 5
        told = multiprocessing.get_context("spawn").Queue()
        arguments = (sock.getsockname()[1], viewers, slowly, until, told)
        process = multiprocessing.get_context("spawn").Process(target=watch, args=arguments)
        process.start()
        held, raised, cpu, began = 0.0, False, time.process_time(), time.time()
        while (now := time.time()) < until:
            rows = tuple(Measurement(tag, now, Quality.GOOD, int(now * 1e9), int(now * 1e9)) for tag in tags)
            view.push(*rows)
            if not raised and now > until - 5:
                view.raise_alarm(alarm(drift()))
                raised = True
            await asyncio.sleep(0.5)
            held = max(held, time.time() - now - 0.5)
        cores = (time.process_time() - cpu) / (time.time() - began)
        ages, alarmed = await asyncio.to_thread(told.get)  # type: ignore[misc]
        process.join()
        view.stop()
        app.state.live.close()
        server.should_exit = True
        await task
    ages = sorted(ages)
    p50, p95 = statistics.median(ages), ages[int(0.95 * len(ages))]
    print(f"viewers {viewers:4} slow {slowly:4}  values {len(ages):8}  age p50 {p50:.3f} s  p95 {p95:.3f} s")
    print(f"  service {cores:.2f} cores, held up {held:.3f} s, alarm at {alarmed} of {viewers}")


def main() -> None:
    """Measure with and without slow readers."""
    parser = argparse.ArgumentParser(description="What viewers cost")
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--slow", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    for slowly in (0, asked.slow):
        asyncio.run(serve(asked.viewers, slowly, asked.seconds))


if __name__ == "__main__":
    main()
