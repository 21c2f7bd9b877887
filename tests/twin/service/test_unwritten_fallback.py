"""A fallback that the plant does not take, in the whole service: one alarm, closed when it is written."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from servers import Broker, needs

from twin.domain.alarm import Alarm, Priority
from twin.domain.event import Stage
from twin.service.app import Service, open_service
from twin.service.build import load_line
from twin.service.settings import Settings

TAG = {
    "name": "pH_sp",
    "unit": "1",
    "quantity": "pH",
    "kind": "setpoint",
    "low": 0,
    "high": 14,
    "accuracy": 0.1,
}


async def until(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        await asyncio.sleep(0.05)


def alarms(service: Service) -> list[Alarm]:
    return [alarm for alarm in service.pipeline.alarms() if alarm.event.asset == "R1.pH_sp"]


@pytest.mark.servers
async def test_it_is_one_alarm_until_the_broker_is_back(tmp_path: Path) -> None:
    needs("mosquitto")
    broker = Broker(tmp_path / "broker")
    actuator = {"kind": "sparkplug", "id": "skid", "edge": "skid", "port": broker.port}
    write = {"tag": "R1.pH_sp", "actuator": "skid", "low": 6.9, "high": 7.3, "hold_s": 60, "fallback": 7.0}
    line = {
        "schema": 1,
        "line": "held",
        "vessels": [{"id": "R1", "tags": [TAG]}],
        "actuators": [actuator],
        "writes": [write],
    }
    path = tmp_path / "line.json"
    path.write_text(json.dumps(line))
    async with open_service(*load_line(path), Settings(data_dir=tmp_path)) as service:
        service.writeback.held["R1.pH_sp"] = 1
        task = asyncio.create_task(service.run())
        try:
            await until(lambda: bool(alarms(service)))
            (alarm,) = alarms(service)
            assert alarm.priority is Priority.HIGH
            assert alarm.event.detail["code"] == "fallback"
            assert "nothing answers at 127.0.0.1" in str(alarm.event.detail["text"])
            broker.start()
            await until(lambda: alarms(service)[0].event.stage is Stage.CLOSED)
            assert "R1.pH_sp is written: sent to spBv1.0/" in str(alarms(service)[0].event.detail["text"])
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            broker.end()
    assert service.writeback.held == {}
