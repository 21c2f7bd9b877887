"""A TCP proxy that does what networks do: cuts, swallows, holds, and comes back."""

import asyncio
from typing import Literal

Mood = Literal["well", "swallow", "hold"]


class FaultProxy:
    """Stands between a client and a peer on the loopback address.

    Parameters
    ----------
    target : int
        Port of the peer.

    Attributes
    ----------
    port : int
        Where clients connect.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self._well = asyncio.Event()
        self._well.set()
        self._mood: Mood = "well"
        self.port = 0

    async def __aenter__(self) -> "FaultProxy":
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    @property
    def lines(self) -> int:
        """Connections that are open."""
        return len(self._lines)

    async def listen(self) -> None:
        """Take connections (again)."""
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Close every connection and take no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._lines):
            task.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def feel(self, mood: Mood) -> None:
        """Pass everything, swallow what comes (a black hole), or hold it back until well again."""
        self._mood = mood
        if mood == "hold":
            self._well.clear()
        else:
            self._well.set()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._line(reader, writer))
        self._lines.add(task)
        task.add_done_callback(self._lines.discard)
        await asyncio.wait({task})

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Both ways until one side ends; a line that can not be made is closed at once."""
        ends = [writer]
        ways: list[asyncio.Task[None]] = []
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            ends.append(back)
            ways = [
                asyncio.create_task(self._pass(reader, back)),
                asyncio.create_task(self._pass(there, writer)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            return
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in ends:
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._well.wait()
            if self._mood != "swallow":
                writer.write(data)
                await writer.drain()
