"""``twin model``: versions of models proposed, approved, rejected, rolled back, listed, shown."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.table import Table

from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.domain.instant import iso
from twin.domain.people import Actor
from twin.domain.registry import Act, Registry, Sort, Standing, Version, split
from twin.runtime.clock import WallClock
from twin.runtime.people import PeopleBook
from twin.service.build import configured
from twin.service.doctor import ask_service
from twin.service.line import LineFile
from twin.service.registry import files, remote
from twin.service.registry.book import ModelBook
from twin.service.registry.resolve import files_of, read_registry
from twin.service.settings import Settings
from twin.service.terminal import LineArgument, console, load, settings_now

app = typer.Typer(help="Models by name and version: who proposed and approved them.", no_args_is_help=True)

UseArgument = Annotated[str, typer.Argument(metavar="NAME@VERSION", help="Such as growth@3")]
WhyOption = Annotated[str, typer.Option("--why", help="The reason, for the audit trail")]
AsOption = Annotated[str, typer.Option("--as", metavar="ACCOUNT", help="Who does it")]
PasswordOption = Annotated[
    Path | None, typer.Option(help="File with the password; it is asked for when none is named")
]
_Doing = Callable[[ModelBook, Actor], Coroutine[Any, Any, Version]]


@app.command()
def propose(
    line: LineArgument,
    name: Annotated[str, typer.Argument(help="What line files call it")],
    why: WhyOption,
    who: AsOption,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="PARAMETERS.yaml of calibrate, or NORMAL.model of learn"),
    ] = None,
    process: Annotated[
        str,
        typer.Option(help="In place of FILE: a process model with its own parameters, such as cho_fedbatch"),
    ] = "",
    password_file: PasswordOption = None,
) -> None:
    """Propose a file as the next version of a model; nothing uses it until it is approved."""
    line_file, built = load(line)
    kept, _ = _kept(files_of(built, settings_now()), file, process)
    body = {"name": name, "sha256": kept, "why": why}
    _do(
        (line_file, built),
        (who, password_file),
        "models",
        body,
        lambda book, by: book.propose(name, kept, why, by),
    )


def _kept(folder: files.ModelFiles, file: Path | None, process: str) -> tuple[str, object]:
    if (file is None) == (not process):
        raise ConfigError("propose: FILE or --process is needed, and not both")
    if file is not None:
        return folder.keep(file)
    with TemporaryDirectory(prefix="bioline-model-") as own:
        made = Path(own) / f"{process}.yaml"
        made.write_bytes(files.defaults(process))
        return folder.keep(made)


@app.command()
def approve(
    line: LineArgument, use: UseArgument, why: WhyOption, who: AsOption, password_file: PasswordOption = None
) -> None:
    """Approve a proposed version; it runs from the next start of the service."""
    _decide("approve", line, use, why, (who, password_file))


@app.command()
def reject(
    line: LineArgument, use: UseArgument, why: WhyOption, who: AsOption, password_file: PasswordOption = None
) -> None:
    """Reject a proposed version."""
    _decide("reject", line, use, why, (who, password_file))


@app.command()
def rollback(
    line: LineArgument, use: UseArgument, why: WhyOption, who: AsOption, password_file: PasswordOption = None
) -> None:
    """Let a name mean an earlier approved version again, from the next start of the service."""
    _decide("roll-back", line, use, why, (who, password_file))
    line_file, built = load(line)
    _tell_rolled_back(read_registry(line_file, built, settings_now()), use)


def _tell_rolled_back(registry: Registry, use: str) -> None:
    """Say what is in force, and what the same act withdrew."""
    back = registry.version(use)
    withdrawn = [
        each.id
        for each in registry.versions[back.name]
        if each.standing is Standing.WITHDRAWN and each.decided == back.decided
    ]
    console.print(f"{back.id}: in force again, runs from the next start of the service", soft_wrap=True)
    for each in withdrawn:
        console.print(f"{each}: withdrawn; a line file that pins it is refused", soft_wrap=True)


def _decide(what: str, path: Path, use: str, why: str, who: tuple[str, Path | None]) -> None:
    name, number = split(use)
    if number is None:
        raise ConfigError(f"{use}: say which version, such as {name}@1; twin model list has them")
    method = what.replace("-", "_")
    _do(
        load(path),
        who,
        f"models/{name}/{number}/{what}",
        {"why": why},
        lambda book, by: getattr(book, method)(use, why, by),
    )


def _do(
    line: tuple[LineFile, Line], who: tuple[str, Path | None], path: str, body: dict[str, str], doing: _Doing
) -> None:
    """Do it at the service that runs, else in the ledger itself; by an account either way."""
    line_file, built = line
    settings = settings_now()
    name, file = who
    password = file.read_text(encoding="utf-8").strip() if file else typer.prompt("password", hide_input=True)
    if asyncio.run(ask_service(settings, "")) is not None:
        url = f"http://{settings.host}:{settings.port}/"
        told = asyncio.run(remote.act(url, built.id, (name, password), path, body))
        console.print(f"{told['id']}: {told['standing']} (by the service at {url})")
        return
    version = asyncio.run(_beside(line_file, built, settings, (name, password), doing))
    console.print(f"{version.id}: {version.standing}")


async def _beside(
    line_file: LineFile, line: Line, settings: Settings, who: tuple[str, str], doing: _Doing
) -> Version:
    folder = settings.data_dir / line.id
    module, config = configured("ledgers", line_file.ledger, folder)
    now_ns = WallClock().now_ns
    ledger = module.open_ledger(config)
    try:
        people = PeopleBook(ledger, now_ns)
        opened = await people.sign_in(*who, "command line")
        try:
            book = ModelBook(ledger, files_of(line, settings), line_file.models.two_persons, now_ns)
            return await doing(book, opened.actor)
        finally:
            people.sign_out(opened.token, opened.actor)
    finally:
        ledger.close()


@app.command("list")
def list_(line: LineArgument) -> None:
    """Every version with its state, and which the line uses; the service may go on running."""
    line_file, built = load(line)
    registry = read_registry(line_file, built, settings_now())
    table = Table("model", "state", "holds", "sha256", "proposed", "decided", "in use", box=None)
    for name, rows in registry.versions.items():
        for each in rows:
            state = each.standing.value
            if registry.approved.get(name) == each.number:
                state += " (in force)"
            used = ", ".join(sorted(place for place, use in registry.in_use.items() if use == each.id))
            holds = f"{each.sort} {each.model.id} {each.model.version}"
            decided = _who(each.decided) if each.decided else ""
            table.add_row(each.id, state, holds, each.sha256[:12], _who(each.proposed), decided, used)
    console.print(table)


def _who(act: Act) -> str:
    return f"{act.who} {iso(act.t)[:16]}Z"


@app.command()
def show(line: LineArgument, use: UseArgument) -> None:
    """One version: who, when and why, its parameters, and the files and runs it rests on."""
    line_file, built = load(line)
    settings = settings_now()
    version = read_registry(line_file, built, settings).version(use)
    _, contents = files_of(built, settings).open(version)
    console.print(f"{version.id}: {version.standing}, sha256 {version.sha256}", soft_wrap=True)
    ref = contents.model
    console.print(f"{version.sort}: {ref.id} {ref.version}, parameters {ref.parameters}")
    for what, act in ((Standing.PROPOSED, version.proposed), (version.standing, version.decided)):
        if act is not None:
            console.print(f"{what} by {act.who} ({act.role}) {iso(act.t)}: {act.why}", soft_wrap=True)
    table = Table("parameter", "value", box=None)
    for name, value in contents.values:
        table.add_row(name, f"{value:.6g}")
    console.print(table)
    if contents.sort is Sort.PROCESS and not contents.rests_on:
        own = contents.values == files.defaults_of(ref.id)
        console.print("no training runs: " + ("the model's own parameters" if own else "written by hand"))
        return
    rest = Table("rests on", "name", "sha256", box=None)
    for each in contents.rests_on:
        rest.add_row(each.part, each.name, each.sha256[:12])
    console.print(rest)
