"""Notices by whatever the library Apprise speaks: chat rooms, pagers, text messages.

The addresses are written into a file by an engineer and never by subscribers, for they hold secrets
and may lead anywhere.
"""

import asyncio
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from connectors.codecs.printable import printable
from twin.domain.alarm import Notice
from twin.domain.errors import ConfigError, ConnectorError
from twin.ports import Notifier

ADDRESS: Final = ""
"""A subscription has no address of its own on this channel."""


class Config(BaseModel):
    """Addresses of Apprise.

    Parameters
    ----------
    urls_file : Path
        File with one address a line.
    """

    model_config = ConfigDict(extra="forbid")

    urls_file: Path


def open_notifier(config: Config) -> Notifier:
    """Make the route; nothing is connected yet.

    Raises
    ------
    ConfigError
        The library is not installed, or an address can not be read or used.
    """
    try:
        import apprise
    except ImportError as error:
        remedy = "pip install 'bioline-twin[apprise]'"
        raise ConfigError(f"apprise: the library is not installed; {remedy}") from error
    try:
        urls = config.urls_file.read_text(encoding="utf-8").split()
    except OSError as error:
        raise ConfigError(f"urls_file {config.urls_file}: can not be read ({error}).") from error
    room = apprise.Apprise()
    for number, url in enumerate(urls, 1):
        if not room.add(url):
            raise ConfigError(f"urls_file {config.urls_file}: line {number} is no address Apprise knows")
    if not urls:
        raise ConfigError(f"urls_file {config.urls_file}: is empty; write one address a line")
    return AppriseRoute(room)


class AppriseRoute:
    """A route to everything the file names."""

    def __init__(self, room: Any) -> None:
        self._room = room

    async def send(self, notice: Notice) -> None:
        """Deliver; raise `ConnectorError` when one of the addresses did not take it."""
        text = "\n".join(printable(line) for line in notice.text.splitlines())
        if not await asyncio.to_thread(self._room.notify, body=text, title=printable(notice.title)):
            raise ConnectorError("apprise: at least one address did not take it; its log says which.")

    async def close(self) -> None:
        """Nothing to release."""
