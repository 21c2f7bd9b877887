"""Stored batches opened from the running service's pages, in a process each: the line goes on undisturbed.

A playback works through its batch at a lower priority, writes nothing, notifies nobody, and answers on a
socket in a folder that only this account can enter. The service passes on what its owner asks.
"""

import asyncio
import contextlib
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

import httpx
import orjson
import structlog

from twin.domain.batch import Stored
from twin.domain.errors import InputError, NotFoundError, TakenError
from twin.domain.people import Actor
from twin.ports import Clock, Closed, Ending, Opened, Passed
from twin.service.batches import BatchLog
from twin.service.line import LineFile
from twin.service.settings import Settings

MOST: Final = 2
"""Playbacks at once (chosen default: one of 14 days of a vessel holds 455 MB)."""
IDLE_S: Final = 900.0
"""A playback that nobody asked for so long is closed [s] (chosen default)."""
START_S: Final = 120.0
"""Longest time until a playback has read its batch [s] (chosen default)."""
STOP_S: Final = 5.0
"""Time a playback has to end by itself [s] (chosen default)."""
LOOK_S: Final = 10.0
"""Between two looks for idle ones [s] (chosen default)."""
REMEMBERED: Final = 100
"""Playbacks of which is known why they were closed (chosen default)."""
DROPPED: Final = frozenset(
    ("connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "cookie", "authorization")
)
"""Headers that are not passed on: those of one connection, and who asks."""
_BASE: Final = "http://playback"

_UNKNOWN: Final = "No such playback is open; the list of batches opens one."

log = structlog.get_logger("playbacks")


@dataclass(slots=True)
class _Playback:
    """A running child and the way to it."""

    opened: Opened
    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    folder: "TemporaryDirectory[str]"
    asked: float = field(default_factory=monotonic)
    asking: int = 0

    @property
    def alive(self) -> bool:
        """True while its process runs."""
        return self.process.returncode is None

    def ending(self, now: float) -> Ending | None:
        """Why it is to be closed; None while somebody looks."""
        if not self.alive:
            return Ending.DIED
        return Ending.IDLE if not self.asking and now - self.asked > IDLE_S else None


class PlayDesk:
    """`twin.ports.Playbacks` over processes.

    Parameters
    ----------
    line_file : LineFile
    line_sha256 : str
        Hash of the line file.
    settings : Settings
    log : BatchLog
        Knows which batches there were.
    clock : Clock
        Of the line.
    """

    def __init__(
        self,
        line_file: LineFile,
        line_sha256: str,
        settings: Settings,
        log: BatchLog,
        clock: Clock,
    ) -> None:
        self._line_file, self._line_sha256 = line_file, line_sha256
        self._settings, self._log, self._clock = settings, log, clock
        self._playbacks: dict[str, _Playback] = {}
        self._closed: dict[str, Closed] = {}
        self._turn = asyncio.Lock()

    def batches(self) -> list[Stored]:
        """Every batch the line knows of, the newest first."""
        return self._log.look(self._clock.now_ns())

    def opened(self, by: Actor) -> Opened | None:
        """What this person has open."""
        alive = (each.opened for each in self._playbacks.values() if each.alive)
        mine = (opened for opened in alive if opened.by == by.name)
        return next(mine, None)

    def closed(self, key: str, by: Actor) -> Closed | None:
        """Why a playback is not open any more; None while it is.

        Raises
        ------
        NotFoundError
            When there was none, it was somebody else's, or too many were closed since.
        """
        if key in self._playbacks:
            playback = self._of(key, by)
            return None if playback.alive else Closed(playback.opened, Ending.DIED)
        found = self._closed.get(key)
        if found is None or found.opened.by != by.name:
            raise NotFoundError(_UNKNOWN)
        return found

    async def open(self, vessel: str, batch: str, by: Actor, instead: str = "") -> Opened:
        """Open a batch; of what the person has open nothing is closed but the one whose key is `instead`.

        Raises
        ------
        NotFoundError
            When the line knows no such batch.
        TakenError
            When the person has another open that is not `instead`.
        InputError
            When as many as may be are open, or the batch can not be played.
        """
        found = next((b for b in self.batches() if (b.vessel, b.batch.id) == (vessel, batch)), None)
        if found is None:
            raise NotFoundError(
                f"No batch {batch!r} of {vessel!r} is known here; the list of batches has all."
            )
        async with self._turn:
            await self._end_idle()
            mine = self.opened(by)
            if mine is not None:
                _check_meant(mine, instead)
                await self._end(mine.key, Ending.REPLACED, (vessel, batch))
            if len(self._playbacks) >= MOST:
                who = ", ".join(each.opened.by for each in self._playbacks.values())
                raise InputError(
                    f"{MOST} playbacks are open already (by {who}); one that is closed, or idle for "
                    f"{IDLE_S / 60:.0f} min, makes room."
                )
            return await self._start(found, by)

    async def _start(self, found: Stored, by: Actor) -> Opened:
        key = secrets.token_urlsafe(12)
        folder = TemporaryDirectory(prefix="bioline-playback-")
        socket = Path(folder.name) / "s"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "twin.service.play.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        opened = Opened(key, found.vessel, found.batch.id, by.name)
        transport = httpx.AsyncHTTPTransport(uds=str(socket))
        client = httpx.AsyncClient(
            transport=transport, base_url=_BASE, timeout=httpx.Timeout(60.0, read=None)
        )
        self._playbacks[key] = _Playback(opened, process, client, folder)
        try:
            await self._told(process, self._order(found, socket, by))
        except BaseException:
            await self._end(key, Ending.DIED)
            raise
        return opened

    def _order(self, found: Stored, socket: Path, by: Actor) -> bytes:
        order = {
            "line_file": self._line_file.model_dump(mode="json", by_alias=True),
            "line_sha256": self._line_sha256,
            "data_dir": str(self._settings.data_dir.resolve()),
            "stored": asdict(found),
            "socket": str(socket),
            "by": by.name,
        }
        return orjson.dumps(order, option=orjson.OPT_APPEND_NEWLINE)

    async def _told(self, process: asyncio.subprocess.Process, order: bytes) -> None:
        """Give a child its order and wait until it answers; its pipe stays open as long as it may live."""
        assert process.stdin
        assert process.stdout
        with contextlib.suppress(ConnectionError):
            process.stdin.write(order)
            await process.stdin.drain()
        try:
            said = await asyncio.wait_for(process.stdout.readline(), START_S)
        except TimeoutError:
            raise InputError(f"The batch was not read within {START_S:.0f} s; try again later.") from None
        answer = (
            orjson.loads(said) if said else {"error": "The playback ended before it answered; see the log."}
        )
        if "error" in answer:
            raise InputError(str(answer["error"]))

    async def close(self, key: str, by: Actor) -> None:
        """Close a playback.

        Raises
        ------
        NotFoundError
            When it is not open, or somebody else's.
        """
        self._of(key, by)
        async with self._turn:
            await self._end(key, Ending.CLOSED)

    async def ask(
        self, key: str, by: Actor, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Passed:
        """Pass a request on to a playback, and its answer back as it comes.

        Raises
        ------
        NotFoundError
            When it is not open, or somebody else's.
        """
        playback = self._of(key, by)
        kept = {name: value for name, value in headers.items() if name.lower() not in DROPPED}
        request = playback.client.build_request(method, path, headers=kept, content=body)
        playback.asking += 1
        try:
            answer = await playback.client.send(request, stream=True)
        except httpx.HTTPError as error:
            playback.asking -= 1
            raise NotFoundError("This playback has ended; open the batch again.") from error
        passed = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED}
        return Passed(answer.status_code, passed, self._body(playback, answer))

    async def _body(self, playback: _Playback, answer: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for part in answer.aiter_raw():
                yield part
        except httpx.HTTPError:
            return  # the playback was closed in the middle of an answer
        finally:
            playback.asking -= 1
            playback.asked = monotonic()
            await answer.aclose()

    def _of(self, key: str, by: Actor) -> _Playback:
        playback = self._playbacks.get(key)
        if playback is not None and playback.opened.by == by.name:
            return playback
        found = self._closed.get(key)
        mine = found is not None and found.opened.by == by.name
        raise NotFoundError(_told(found) if found and mine else _UNKNOWN)

    async def watch(self) -> None:
        """Close what nobody looks at, until cancelled; then close all."""
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                async with self._turn:
                    await self._end_idle()
        finally:
            for key in list(self._playbacks):
                await self._end(key, Ending.CLOSED)

    async def _end_idle(self) -> None:
        now = monotonic()
        for key, why in [(key, each.ending(now)) for key, each in self._playbacks.items()]:
            if why is not None:
                await self._end(key, why)

    async def _end(self, key: str, why: Ending, then: tuple[str, str] | None = None) -> None:
        playback = self._playbacks.pop(key)
        self._closed[key] = Closed(playback.opened, why, then)
        while len(self._closed) > REMEMBERED:
            del self._closed[next(iter(self._closed))]
        assert playback.process.stdin
        playback.process.stdin.close()
        try:
            await asyncio.wait_for(playback.process.wait(), STOP_S)
        except TimeoutError:
            playback.process.kill()
            await playback.process.wait()
        opened = playback.opened
        log.info(
            "playback closed",
            vessel=opened.vessel,
            batch=opened.batch,
            by=opened.by,
            why=why.value,
            exit_code=playback.process.returncode,
        )
        await playback.client.aclose()
        playback.folder.cleanup()


def _check_meant(mine: Opened, instead: str) -> None:
    if mine.key != instead:
        raise TakenError(
            f"You have {mine.vessel} · {mine.batch} open, and each engineer has one playback; close it first "
            f"(DELETE /api/v1/playbacks/{mine.key}), or give `instead: {mine.key}` to close it for this one."
        )


def _told(closed: Closed) -> str:
    name, then = f"{closed.opened.vessel} · {closed.opened.batch}", " · ".join(closed.then or ())
    idle = f"{IDLE_S / 60:.0f}"
    return {
        Ending.CLOSED: f"The playback of {name} was closed by you. The list of batches opens it again.",
        Ending.REPLACED: f"The playback of {name} was closed because you opened {then} in its place. "
        "The list of batches opens it again.",
        Ending.IDLE: f"The playback of {name} was closed because nobody looked at it for {idle} min. "
        "The list of batches opens it again.",
        Ending.DIED: f"The playback of {name} ended by itself; the log of the service says why. "
        "The list of batches opens it again.",
    }[closed.why]
