"""``twin play``: the pages over a stored run, for whoever started it; no store of the line is touched."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time_ns
from typing import Final

from connectors.ledgers.sqlite import SqliteLedger
from twin.domain.asset import Line, Origin
from twin.domain.errors import ConfigError
from twin.domain.measurement import Quarantined, Reading
from twin.domain.people import Actor, Role
from twin.engine.vessel import WatchFactory, no_watch
from twin.runtime.people import PeopleBook
from twin.runtime.subscriptions import SubscriptionBook
from twin.service.line import LineFile
from twin.service.pages import open_pages
from twin.service.play.player import Player
from twin.service.play.recording import Recording
from twin.service.play.view import PlayView
from twin.service.settings import LOOPBACK, Settings

ENGINEER: Final = Actor("engineer", Role.ENGINEER, "replay")


class Alone(PeopleBook):
    """Nobody signs in to a replay: whoever reaches it is its engineer."""

    actor = ENGINEER

    def whose(self, session: str | None, token: str | None, origin: str) -> Actor | None:
        """The engineer."""
        return self.actor


@contextlib.asynccontextmanager
async def open_play(
    line_file: LineFile,
    line: Line,
    rows: Sequence[Reading | Quarantined],
    run: str,
    line_sha256: str,
    watch_of: WatchFactory = no_watch,
    actor: Actor = ENGINEER,
) -> AsyncIterator[tuple[PlayView, Recording]]:
    """A view over a stored run; its own ledger goes when it is closed.

    Raises
    ------
    ConfigError
        When there is no row.
    """
    if not rows:
        raise ConfigError("play: there is no value in the data")
    with TemporaryDirectory(prefix="bioline-play-") as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.sqlite")
        try:
            recording = Recording(line_file, line, rows, watch_of)
            player = Player(recording, run, line_sha256)
            shown = replace(line, origin=Origin.REPLAY)
            people = Alone(ledger, time_ns, local=True)
            people.actor = actor
            yield PlayView(shown, player, people, SubscriptionBook(ledger, (), [], time_ns)), recording
        finally:
            ledger.close()


@contextlib.asynccontextmanager
async def serve(view: PlayView, recording: Recording, settings: Settings) -> AsyncIterator[str]:
    """The pages of a view while the run is worked through; gives their address.

    Raises
    ------
    ConfigError
        When the pages would be reached from other machines.
    """
    if settings.host not in LOOPBACK:
        raise ConfigError(
            f"TWIN_HOST={settings.host}: nobody signs in to a replay; a loopback address would do"
        )
    work = asyncio.create_task(recording.work())
    try:
        async with open_pages(view, settings) as address:
            yield address
            await work
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
