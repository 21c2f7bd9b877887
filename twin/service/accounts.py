"""``twin account`` and ``twin audit``: what is done about people beside the running service."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from twin.domain.audit import verify
from twin.domain.errors import ConfigError, StorageError
from twin.domain.people import Actor, Person, Role
from twin.ports import Ledger, People
from twin.runtime.clock import WallClock
from twin.runtime.people import PeopleBook
from twin.service.build import configured, load_line
from twin.service.line import LineFile
from twin.service.settings import Settings

app = typer.Typer(help="Accounts of a line, while its service is stopped.", no_args_is_help=True)
trail = typer.Typer(help="The audit trail of a line.", no_args_is_help=True)
console = Console(emoji=False)

LineArgument = Annotated[Path, typer.Argument(metavar="LINE.yaml", help="The line file")]
MACHINE = Actor("console", Role.ADMINISTRATOR, "command line")
"""Whoever may start the service may also let people in."""


def greeting(people: People, address: str) -> list[str]:
    """What the service says of sign-in when it starts: in local mode, and the first invitation."""
    if people.local:
        return ["local mode: nobody signs in; whoever reaches this machine's loopback address is operator"]
    if not people.unclaimed():
        return []
    invitation = people.invite(Person("", "", Role.ADMINISTRATOR), MACHINE)
    return [
        "nobody has an account yet; become the administrator with this link (once, within 72 hours):",
        f"  {address}#/welcome?invitation={invitation}",
    ]


@app.command()
def invite(
    line: LineArgument,
    name: Annotated[str, typer.Argument(help="Account name; a known one may choose another password")],
    role: Annotated[Role, typer.Option(help="Of a new account")] = Role.ADMINISTRATOR,
) -> None:
    """Print a one-time link with which a person chooses a password."""
    settings = Settings()
    with _ledger(line, settings) as ledger:
        people = PeopleBook(ledger, WallClock().now_ns)
        known = next((each for each in people.people() if each.name == name.strip().lower()), None)
        invitation = people.invite(known or Person(name, name, role), MACHINE)
    where = f"http://{settings.host}:{settings.port}/"
    console.print("once, within 72 hours, when the service runs again:")
    console.print(f"  {where}#/welcome?invitation={invitation}", soft_wrap=True)


@trail.command("verify")
def verify_trail(
    line: LineArgument,
    head: Annotated[
        str, typer.Option(metavar="NUMBER:HASH", help="A head noted earlier, to find a trail cut short")
    ] = "",
) -> None:
    """Check the hash chain of the audit trail, also while the service runs; prints its head."""
    anchor = _anchor(head)
    line_file, built = load_line(line)
    module, config = configured("ledgers", line_file.ledger, Settings().data_dir / built.id)
    if not hasattr(module, "read_trail"):
        raise ConfigError(f"ledger {line_file.ledger['kind']}: its trail can not be read from outside")
    found = verify(module.read_trail(config), anchor)
    if found.fault:
        raise StorageError(f"audit trail of {built.id}: {found.fault} ({found.entries} entries are sound)")
    console.print(f"audit trail of {built.id}: {found.entries} entries, all as written")
    console.print(f"head {found.entries}:{found.head}", soft_wrap=True)


def _anchor(text: str) -> tuple[int, str] | None:
    if not text:
        return None
    if not re.fullmatch(r"\d+:[0-9a-f]{64}", text):
        raise ConfigError(f"--head {text}: NUMBER:HASH as verify printed it would do")
    number, _, found = text.partition(":")
    return int(number), found


@contextlib.contextmanager
def _ledger(path: Path, settings: Settings) -> Iterator[Ledger]:
    line_file, built = load_line(path)
    ledger = _opened(line_file, settings.data_dir / built.id)
    try:
        yield ledger
    finally:
        ledger.close()


def _opened(line_file: LineFile, folder: Path) -> Ledger:
    module, config = configured("ledgers", line_file.ledger, folder)
    opened: Ledger = module.open_ledger(config)
    return opened
