"""A probe head behind a broker that is killed: what was acknowledged last goes out again, in order."""

import asyncio
import json
import signal
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from servers import Broker, needs

from simulators.wires import Row
from simulators.wires_mqtt import JsonWire

PATIENCE_S = 60.0


class Listener:
    """Hears what a broker passes on from its start on."""

    def __init__(self, port: int) -> None:
        self.heard: list[float] = []
        self.ready = False
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("plant/#", 1)
        self.client.on_subscribe = lambda *_: setattr(self, "ready", True)
        self.client.on_message = lambda _c, _d, m: self.heard.append(json.loads(m.payload)["v"]["seq"])
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


async def until(done) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():  # noqa: ASYNC110 - it happens on a thread of the client
            await asyncio.sleep(0.02)


@pytest.mark.servers
async def test_what_was_acknowledged_last_goes_out_again_before_what_waits(tmp_path: Path) -> None:
    needs("mosquitto")
    broker = Broker(tmp_path)
    broker.start()
    try:
        async with JsonWire("127.0.0.1", broker.port) as wire:
            for n in range(5):
                await wire.publish([Row("M1.seq", n * 10**9, float(n))])
            assert await wire.drained(PATIENCE_S)
            broker.end(signal.SIGKILL)
            for n in range(5, 8):
                await wire.publish([Row("M1.seq", n * 10**9, float(n))])
            broker.start()
            listener = Listener(broker.port)
            try:
                await until(lambda: listener.ready)
                assert await wire.drained(PATIENCE_S)
                await until(lambda: 7.0 in listener.heard)
            finally:
                listener.close()
    finally:
        broker.end()
    # the wire waits a second before it comes back; what came before the subscription is not heard
    assert listener.heard[0] <= 4.0
    assert listener.heard == [float(n) for n in range(8)][-len(listener.heard) :]
    assert wire.pending == 0
