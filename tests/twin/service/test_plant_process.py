"""The plant in a process of its own ends with the process that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STARTER = """
import asyncio, sys
from pathlib import Path
from simulators.broker import open_broker
from simulators.scenario import Scenario
from simulators.wires import free_port
from twin.service.plant_process import PlantProcess

async def main():
    title = {"en": "Plant", "fr": "Installation"}
    whole = {"schema": 1, "id": "p", "title": title, "duration_h": 1, "vessels": [{"id": "R101"}]}
    with open_broker() as broker:
        plant = PlantProcess(Scenario.model_validate(whole), free_port(), broker.port, Path(sys.argv[1]))
        async with plant.started():
            print("open", flush=True)
            await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="children are read from /proc")
def test_a_plant_ends_when_its_starter_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "open\n"
        children = Path(f"/proc/{starter.pid}/task/{starter.pid}/children").read_text().split()
        assert any("simulators.station" in Path(f"/proc/{c}/cmdline").read_text() for c in children)
        os.kill(starter.pid, signal.SIGKILL)
    until = time.monotonic() + 30.0
    left = [Path(f"/proc/{child}/stat") for child in children]
    assert left
    while (left := [each for each in left if _runs(each)]) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == []


def _runs(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
