"""Bad input on real wires: refused with a reason, the service lives, the counters add up."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from simulators.broker import open_broker
from twin.service.app import Service, open_service
from twin.service.build import load_line
from twin.service.jsonl import iso
from twin.service.settings import Settings

TAG = {"name": "pH", "quantity": "pH", "unit": "1", "low": 0, "high": 14, "accuracy": 0.02}


@contextlib.asynccontextmanager
async def running(folder: Path, port: int) -> AsyncIterator[Service]:
    """A service of one vessel on JSON and Sparkplug, up and listening."""
    line = {
        "schema": 1,
        "line": "bad",
        "vessels": [{"id": "R1", "tags": [TAG]}],
        "sources": [
            {"kind": "mqtt", "id": "json", "port": port, "client_id": "bad-input"},
            {"kind": "sparkplug", "id": "spb", "port": port, "host_id": "bad-host"},
        ],
    }
    path = folder / "line.json"
    path.write_text(json.dumps(line))
    async with open_service(*load_line(path), Settings(data_dir=folder)) as service:
        task = asyncio.create_task(service.run())
        try:
            await until(lambda: sum(link.up for link in service.view.links()) == 2)
            yield service
            assert not task.done(), "the service is alive"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(reached: Any, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        await asyncio.sleep(0.05)


@contextlib.contextmanager
def sender(port: int) -> Any:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield lambda topic, payload: client.publish(topic, payload, qos=1).wait_for_publish(5)
    finally:
        client.disconnect()
        client.loop_stop()


def now(offset_s: float = 0.0) -> str:
    return iso(time.time_ns() + int(offset_s * 1e9))


def value(text: str, when: str | None = None) -> bytes:
    return f'{{"t":"{when or now()}","v":{{"pH":{text}}}}}'.encode()


CASES: dict[str, tuple[str, bytes, str]] = {
    "malformed JSON": ("plant/R1/head", b'{"t": ', "malformed"),
    "no JSON at all": ("plant/R1/head", b"\xff\xfe\x00", "malformed"),
    "a list": ("plant/R1/head", b"[1,2]", "malformed"),
    "NaN": ("plant/R1/head", value("NaN"), "malformed"),
    "infinite": ("plant/R1/head", value("Infinity"), "malformed"),
    "1e308": ("plant/R1/head", value("1e308"), "absurd_value"),
    "1e999": ("plant/R1/head", value("1e999"), "not_finite"),
    "text": ("plant/R1/head", value('"7,1"'), "not_a_number"),
    "an object": ("plant/R1/head", value('{"x":1}'), "malformed"),
    "unknown tag": ("plant/R1/head", f'{{"t":"{now()}","v":{{"Ph":7}}}}'.encode(), "unknown_tag"),
    "unknown vessel": ("plant/R9/head", value("7.0"), "unknown_tag"),
    "1970": ("plant/R1/head", value("7.0", "1970-01-01T00:00:00Z"), "past_time"),
    "2100": ("plant/R1/head", value("7.0", "2100-01-01T00:00:00Z"), "future_time"),
    "no time": ("plant/R1/head", b'{"v":{"pH":7.0}}', "malformed"),
    "time as text": ("plant/R1/head", value("7.0", "yesterday"), "malformed"),
    "Sparkplug noise": ("spBv1.0/bioline/NDATA/edge", b"\x0a\xff\xff\xff\xff\x0f", "malformed"),
    "Sparkplug before its birth": ("spBv1.0/bioline/NDATA/edge", b"\x08\x01\x18\x05", ""),
    "Sparkplug type unknown": ("spBv1.0/bioline/NOPE/edge", b"\x08\x01", ""),
}


@pytest.mark.timeout(120)
async def test_each_is_refused_with_its_reason_and_the_service_lives(tmp_path: Path) -> None:
    with contextlib.closing(open_broker()) as broker:
        async with running(tmp_path, broker.port) as service:
            with sender(broker.port) as send:
                for topic, payload, _ in CASES.values():
                    await asyncio.to_thread(send, topic, payload)
                again = value("7.05")
                for payload in (again, again, again.replace(b"7.05", b"7.95")):
                    await asyncio.to_thread(send, "plant/R1/head", payload)
                for offset in (-1.0, -3.0, -2.0):
                    await asyncio.to_thread(send, "plant/R1/head", value("7.1", now(offset)))
                await until(lambda: service.view.counters().stored >= 4)
                await asyncio.sleep(0.5)
            counters = service.view.counters()
            expected = {reason for *_, reason in CASES.values() if reason} | {"conflict"}
            assert expected <= counters.quarantined.keys()
            assert (counters.stored, counters.duplicate) == (4, 1)
            assert counters.holds
            kept = service.ledger.quarantined(1000)
            assert len(kept) == sum(counters.quarantined.values())
            assert all(row.reason and row.detail for row in kept)
