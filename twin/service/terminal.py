"""What every command of ``twin`` shares: the terminal, the settings, the line, a bar of progress."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine, Iterator, MutableMapping
from pathlib import Path
from typing import Annotated, Any, Protocol, cast

import structlog
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from connectors.codecs.printable import printable
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.service.build import load_line
from twin.service.line import LineFile
from twin.service.settings import Settings, misspelt

WIDE = None if sys.stdout.isatty() else 150
"""Columns of text that no terminal shows: enough for the widest table."""
console = Console(width=WIDE, emoji=False)
errors = Console(stderr=True, emoji=False)

LineArgument = Annotated[Path, typer.Argument(metavar="LINE.yaml", help="The line file")]


def settings_now() -> Settings:
    """The TWIN_ variables; refused with every fault of them."""
    faults = misspelt()
    try:
        settings = Settings()
    except ValidationError as error:
        faults += [
            f"TWIN_{str(f['loc'][0]).upper()}: {f['msg']}; came {f['input']!r}"
            if f["loc"]
            else f["msg"].removeprefix("Value error, ")
            for f in error.errors()
        ]
    if faults:
        raise ConfigError("\n".join(faults))
    level = {"debug": 10, "info": 20, "warning": 30, "error": 40}[settings.log_level]
    *before, written = structlog.get_config()["processors"]
    structlog.configure(
        processors=[*(each for each in before if each is not _inert), _inert, written],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    return settings


def _inert(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Show control characters of what came from outside: no value draws on the terminal or forges a line."""
    own = ("stack", "exception")
    return {k: printable(v) if isinstance(v, str) and k not in own else v for k, v in entry.items()}


def load(path: Path) -> tuple[LineFile, Line]:
    """The line; refused with every fault of the environment and of the file."""
    faults: list[str] = []
    for look in (settings_now, lambda: load_line(path)):
        try:
            loaded = look()
        except ConfigError as error:
            faults.append(str(error))
    if faults:
        raise ConfigError("\n".join(faults))
    return cast("tuple[LineFile, Line]", loaded)


class Step(Protocol):
    """Says that so many more are done."""

    def __call__(self, n: int = 1) -> None:
        """Move the bar."""


@contextlib.contextmanager
def progress(of: str = "values", total: int | None = None) -> Iterator[Step]:
    """A bar on a terminal, nothing elsewhere; gives what is called with how many more are done.

    Parameters
    ----------
    of : str
        What is counted, in plural.
    total : int or None
        How many there will be: then the time left is told, else the time gone.
    """
    columns: tuple[ProgressColumn, ...] = (
        TextColumn(f"{{task.completed:>10,.0f}} {of}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    if total is not None:
        left = (TimeRemainingColumn(), TextColumn("left"))
        columns = (TextColumn(of), MofNCompleteColumn(), BarColumn(), *left)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(of, total=total)

        def step(n: int = 1) -> None:
            bar.advance(task, n)

        yield step


def complain(text: str) -> None:
    """Print an error, one cross a line."""
    for line in text.splitlines():
        errors.print(f"[bold red]✗[/] {escape(line)}", soft_wrap=True)


def warn(text: str) -> None:
    """Print on stderr what may not be meant so, one line."""
    errors.print(f"[bold yellow]![/] {escape(text)}", soft_wrap=True)


def moment(option: str, text: str) -> int | None:
    """A time given on the command line [ns since 1970-01-01 UTC]; None when none was."""
    from connectors.codecs.iso_time import parse_ns

    if not text:
        return None
    try:
        return parse_ns(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


def moments(since: str, until: str) -> tuple[int | None, int | None]:
    """The times after ``--from`` and ``--to`` [ns since 1970-01-01 UTC]; refused when exchanged."""
    start_ns, end_ns = moment("--from", since), moment("--to", until)
    if start_ns is not None and end_ns is not None and start_ns >= end_ns:
        raise ConfigError(f"--from {since}: is not before --to {until}; the earlier one first would do")
    return start_ns, end_ns


@contextlib.contextmanager
def interruptible(command: str) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the work within in good order, say so, and exit with 130 or 143.

    Parameters
    ----------
    command : str
        What ended without having written anything.
    """
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except _Interrupted as told:
        complain(f"{command}: ended by {told.number.name}; nothing was written")
        raise typer.Exit(128 + told.number) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Interrupted(KeyboardInterrupt):
    """A signal asked the work to end."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.number = number


def _interrupt(number: int, _: object) -> None:
    raise _Interrupted(signal.Signals(number))


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends, or Ctrl-C or SIGTERM asks it to finish."""

    async def guarded() -> None:
        task = asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(guarded())
