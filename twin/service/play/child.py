"""The process of one playback: takes its order from its parent, answers on a socket, ends with its parent."""

import asyncio
import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import Any, Final

import orjson

from twin.domain.batch import Batch, Stored
from twin.domain.errors import TwinError
from twin.domain.people import Actor, Role
from twin.service.batches import line_of
from twin.service.line import LineFile
from twin.service.normal import watches
from twin.service.pages import serve_pages
from twin.service.play.serve import open_play
from twin.service.report.reporter import Reporter
from twin.service.settings import Settings
from twin.service.stored import stored_rows

BEHIND: Final = 10
"""How far the line itself goes before (nice)."""


def main() -> None:
    """Read the order from standard input, answer on standard output, serve until the input ends."""
    os.nice(BEHIND)
    order = orjson.loads(sys.stdin.buffer.readline())
    try:
        asyncio.run(_work(order))
    except TwinError as error:
        _say({"error": str(error)})


def _say(answer: dict[str, str]) -> None:
    sys.stdout.buffer.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


async def _work(order: dict[str, Any]) -> None:
    line_file = LineFile.model_validate(order["line_file"])
    settings = Settings(data_dir=Path(order["data_dir"]))
    raw = order["stored"]
    found = Stored(**{**raw, "batch": Batch(**raw["batch"])})
    line = line_of(line_file, found, settings)
    rows = await stored_rows(line_file, line, settings, found.start_ns, found.end_ns)
    run = f"{found.vessel} · {found.batch.id}"
    sha256, watched = order["line_sha256"], watches(line, settings.data_dir / line.id)
    actor = Actor(order["by"], Role.ENGINEER, "playback")
    async with open_play(line_file, line, rows, run, sha256, watched, actor) as (view, recording):
        del rows
        view.keep(Reporter(line_file, line, settings, sha256, found.end_ns))
        with _listening(Path(order["socket"])) as sock:
            async with serve_pages(view, sock):
                _say({"ready": run})
                work = asyncio.create_task(recording.work())
                await _parent_gone()
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work


def _listening(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(path))
    sock.listen()
    return sock


async def _parent_gone() -> None:
    """Wait until standard input ends: the parent closed it, or is no more."""
    loop = asyncio.get_running_loop()
    gone = loop.create_future()

    def look() -> None:
        if not os.read(sys.stdin.fileno(), 1024) and not gone.done():
            gone.set_result(None)

    loop.add_reader(sys.stdin.fileno(), look)
    try:
        await gone
    finally:
        loop.remove_reader(sys.stdin.fileno())


if __name__ == "__main__":
    main()
