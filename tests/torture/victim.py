"""The service of a line, composed as ``twin run`` does, which dies at a fail-point: LINE POINT PASSAGES."""

import asyncio
import sys
from pathlib import Path

from torture.points import die_somewhere
from twin.service import app
from twin.service.build import load_line
from twin.service.settings import Settings

SNAPSHOT_S = 0.5
"""So that a snapshot comes within seconds [s]."""


async def main(path: Path, point: str, passages: int) -> None:
    line_file, line = load_line(path)
    app.SNAPSHOT_S = SNAPSHOT_S
    async with app.open_service(line_file, line, Settings()) as service:
        await die_somewhere(service, point, passages)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
