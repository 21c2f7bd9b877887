"""The simulated plant on its wires, in a process of its own so that the service can know nothing of it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from simulators.scenario import Scenario
from twin.domain.errors import ConnectorError
from twin.service.line import ClockSection

READY_S = 120.0
"""Time the plant has to open its wires [s]; it compiles first (chosen default)."""


class PlantProcess:
    """One run of ``python -m simulators.station``.

    Parameters
    ----------
    scenario : Scenario
    opcua_port, mqtt_port : int
        On 127.0.0.1; the plant serves the first, a broker is expected at the second.
    folder : Path
        Where its scenario file goes.

    Attributes
    ----------
    start_ns, wall_ns : int
        Time of the plant's first value, and wall time at which it is due [ns since 1970-01-01 UTC].
    """

    def __init__(self, scenario: Scenario, opcua_port: int, mqtt_port: int, folder: Path) -> None:
        self.scenario, self.opcua_port, self.mqtt_port = scenario, opcua_port, mqtt_port
        self.file = folder / "scenario.json"
        self.start_ns = 0
        self.wall_ns = 0

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Start it, wait until its wires are open; stop it at the end.

        Raises
        ------
        ConnectorError
            When it ended before its wires were open.
        """
        self.file.write_text(self.scenario.model_dump_json(by_alias=True))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulators.station", str(self.file)),
            *("--opcua-port", str(self.opcua_port), "--mqtt-port", str(self.mqtt_port), "--with-stdin"),
            stdin=asyncio.subprocess.PIPE,  # closed when this process ends, however it ends
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            await self._ready(process)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    @property
    def clock(self) -> ClockSection:
        """Section of a line file with the plant's clock, once it has started."""
        origin, wall = (datetime.fromtimestamp(t / 1e9, UTC) for t in (self.start_ns, self.wall_ns))
        return ClockSection(origin=origin, wall=wall, speed=self.scenario.speed)

    async def _ready(self, process: "asyncio.subprocess.Process") -> None:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), READY_S)
        if not line:
            raise ConnectorError(
                "the simulated plant ended before its wires were open; see above", retry=False
            )
        told = json.loads(line)
        self.start_ns, self.wall_ns = int(told["origin_ns"]), int(told["wall_ns"])
