"""Notices on the terminal, two lines each."""

import sys
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.text import Text

from connectors.codecs.iso_time import format_ns
from connectors.codecs.printable import printable
from twin.domain.alarm import Notice, Priority
from twin.ports import Notifier

STYLES: Final = {
    Priority.CRITICAL: "bold white on red",
    Priority.HIGH: "bold red",
    Priority.MEDIUM: "bold yellow",
    Priority.LOW: "bold cyan",
}


class Config(BaseModel):
    """Where to print.

    Parameters
    ----------
    stream : str
        ``stderr`` or ``stdout``.
    """

    model_config = ConfigDict(extra="forbid")

    stream: Literal["stderr", "stdout"] = "stderr"


def open_notifier(config: Config) -> Notifier:
    """Make the route."""
    return ConsoleNotifier(
        Console(file=getattr(sys, config.stream), highlight=False, soft_wrap=True, emoji=False)
    )


class ConsoleNotifier:
    """A route to whoever watches the terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def send(self, notice: Notice) -> None:
        """Print time, priority, tag or asset, and title; then the text, indented."""
        self._console.print(_lines(notice))

    async def close(self) -> None:
        """Nothing to release."""


def _lines(notice: Notice) -> Text:
    event, priority = notice.alarm.event, notice.alarm.priority
    lines = Text(f"{format_ns(event.t)} ", style="dim")
    lines.append(f" {priority.value.upper()} ", style=STYLES[priority])
    lines.append(f" {printable(event.tag or event.asset)}  ", style="bold")
    lines.append(printable(notice.title), style="none")
    for line in notice.text.splitlines():
        lines.append(f"\n    {printable(line)}", style="none")
    return lines
