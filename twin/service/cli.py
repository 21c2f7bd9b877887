"""The command line ``twin``: every error names the thing, what came and what would do.

What only one command needs (the plant, Parquet) is imported by that command, so that the
service starts in a second.
"""

import asyncio
import hashlib
import sys
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from twin import __version__
from twin.domain.asset import Line
from twin.domain.errors import ConfigError, TwinError
from twin.service import accounts, cli_learn, cli_runs, cli_sensors
from twin.service.app import open_service
from twin.service.line import LineFile
from twin.service.output import check_output
from twin.service.pages import open_pages
from twin.service.play.desk import PlayDesk
from twin.service.registry import commands
from twin.service.registry.resolve import in_words, resolved, with_sources
from twin.service.report.reporter import Reporter
from twin.service.settings import Settings
from twin.service.surroundings import look_around, made_at_start
from twin.service.terminal import (
    LineArgument,
    complain,
    console,
    interruptible,
    load,
    progress,
    run_until_stopped,
    settings_now,
    warn,
)

CAMPAIGNS = ", ".join(
    sorted(path.name.removesuffix(".yaml") for path in (files("seeds") / "campaigns").iterdir())
)
"""Names of the packaged campaigns."""

app = typer.Typer(
    help="A digital twin and monitoring service for a bioproduction line.", no_args_is_help=True
)
app.add_typer(accounts.app, name="account")
app.add_typer(accounts.trail, name="audit")
app.add_typer(commands.app, name="model")
app.add_typer(cli_runs.app)
app.add_typer(cli_learn.app)
app.add_typer(cli_sensors.app)


def main() -> None:
    """Run the command line; errors of this project end it with exit code 2 and one clear text."""
    try:
        app()
    except TwinError as error:
        complain(str(error))
        sys.exit(2)
    except OSError as error:
        complain(
            f"{error.filename or 'the machine'}: {error.strerror or error}; check the place and its rights"
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(0)


@app.command()
def version() -> None:
    """Print the version."""
    console.print(__version__)


@app.command()
def check(line: LineArgument) -> None:
    """Validate a line file, everything it names here and the TWIN_ variables; opens nothing."""
    line_file, built = load(line)
    faults = look_around(line_file, Settings().data_dir / built.id).found
    try:
        resolved(line_file, built, Settings(), approved_only=True)
        with_sources(line_file, built, Settings())
    except TwinError as error:
        faults.append(str(error))
    if faults:
        raise ConfigError("\n".join(f"{line}: {fault}" for fault in faults))
    for note in made_at_start(line_file, Settings().data_dir / built.id):
        console.print(f"{line}: {note}", soft_wrap=True)
    console.print(
        f"{line}: line {built.id} is usable (vessels {len(built.vessels)}, tags {len(built.tags())}, "
        f"sources {len(line_file.sources)}, subscribers {len(line_file.subscribers)})"
    )


@app.command()
def kinds(
    family: Annotated[
        str, typer.Argument(help="sources, actuators, publishers, historians, ledgers or notifiers")
    ] = "",
    kind: Annotated[str, typer.Argument(help="One kind of that family: its keys")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="All of it as a page")] = False,
) -> None:
    """Say which plug-ins there are and what their sections of a line file may hold."""
    from twin.service import kinds as known
    from twin.service import plugins

    if markdown:
        typer.echo(known.page(), nl=False)
        return
    if kind:
        console.print(known.table(family, kind))
        return
    for one in [family] if family else known.SHOWN:
        for name in plugins.kinds(known.checked(one)):
            console.print(f"[bold]{one:<11}{name:<15}[/]{escape(known.summary(one, name))}")


@app.command()
def doctor(
    line: LineArgument,
    token_file: Annotated[Path | None, typer.Option(help="A program's token, for a running service")] = None,
) -> None:
    """Say the state of every link in words; ends with 1 when one is down or lacks something."""
    from twin.service.doctor import State, examine

    line_file, built = load(line)
    token = token_file.read_text(encoding="utf-8").strip() if token_file else ""
    found = asyncio.run(examine(line_file, built, settings_now(), token))
    table = Table("link", "state", "in words", box=None)
    colours = {State.WELL: "green", State.WARNING: "yellow", State.DOWN: "red", State.UNSEEN: "none"}
    for each in found:
        table.add_row(each.link, Text(each.state, colours[each.state]), escape(each.text))
    console.print(table)
    if any(each.bad for each in found):
        raise typer.Exit(1)


@app.command()
def browse(
    url: Annotated[str, typer.Argument(help="opc.tcp://host:port")],
    out: Annotated[Path | None, typer.Option(metavar="LINE.yaml", help="Where the drafted line goes")] = None,
    settings: Annotated[
        Path | None,
        typer.Option(metavar="SOURCE.yaml", help="Further keys of an opcua source: security, user"),
    ] = None,
) -> None:
    """Look through an OPC UA server and propose what its variables are, as a line file to approve."""
    from twin.service import browse as browsing
    from twin.service.plugins import config_of
    from twin.service.yaml_file import read_yaml

    keys = read_yaml(settings) if settings else {}
    try:
        _, config = config_of("sources", {"kind": "opcua", "id": "browse", **keys, "url": url})
    except ValidationError as error:
        raise ConfigError("\n".join(str(fault["msg"]) for fault in error.errors())) from error
    found = asyncio.run(browsing.browse(cast("Any", config)))
    table = Table("variable", "probably", "sure", "because", box=None)
    for p in found:
        place = "/".join((*p.found.parents, p.found.name))
        table.add_row(escape(place), p.tag or "-", f"{p.guess.confidence:.0%}", escape(p.guess.why))
    console.print(table)
    if out is not None:
        browsing.write(found, cast("Any", config), out)
        console.print(f"{out}: drafted; look at every tag, then twin check {out}")


@app.command()
def run(
    line: LineArgument,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="In place of TWIN_PORT")] = None,
) -> None:
    """Run the service of a line until Ctrl-C."""
    line_file, built = load(line)
    settings = settings_now()
    if port is not None:
        settings = settings.model_copy(update={"port": port})
    built = resolved(line_file, built, settings, approved_only=True)
    line_file = with_sources(line_file, built, settings)
    reporter = Reporter(line_file, built, settings, hashlib.sha256(line.read_bytes()).hexdigest())
    run_until_stopped(_run(line_file, built, settings, reporter))


async def _run(line_file: LineFile, line: Line, settings: Settings, reporter: Reporter) -> None:
    async with (
        open_service(line_file, line, settings) as service,
        open_pages(service.view, settings) as address,
    ):
        console.print(f"line {line.id}: pages at {address} (Ctrl-C stops)")
        for text in in_words(line, line_file):
            console.print(text, soft_wrap=True)
        for text in accounts.greeting(service.view.people, address):
            console.print(text, soft_wrap=True)
        service.view.reporter = reporter
        desk = PlayDesk(line_file, reporter.line_sha256, settings, service.batches, service.clock)
        service.view.playbacks = desk
        beside = [
            asyncio.create_task(reporter.watch(service.clock, service.batches.look)),
            asyncio.create_task(desk.watch()),
        ]
        try:
            await service.run()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


@app.command()
def demo(
    speed: Annotated[
        float | None, typer.Option(min=0.1, max=20_000, help="Times real time; default as in the scenario")
    ] = None,
    for_: Annotated[
        float | None, typer.Option("--for", min=1, help="Stop by itself after so many seconds")
    ] = None,
    scenario: Annotated[str, typer.Option(help="A packaged scenario or a scenario file")] = "demo",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the pages; 0 takes any free one")
    ] = 8800,
) -> None:
    """Show the whole: two simulated vessels on real wires, their twins, the page, a subscriber."""
    from twin.service import demo as demonstration

    options = demonstration.Options(scenario, speed, for_, not no_browser, port)
    run_until_stopped(demonstration.run(options, settings_now(), console))


@app.command()
def simulate(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO.yaml", help="A file, or a packaged name")] = "",
    out: Annotated[Path | None, typer.Option(help="FILE.parquet; assays and truth go beside it")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Replaces the scenario's seed")] = None,
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Explain every fault and stop")] = False,
    batches: Annotated[int, typer.Option(min=1, help="More than 1: a table of what became of each")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes for many batches")] = 1,
) -> None:
    """Write what the wires of a scenario would have carried, in long format; or run many batches of it."""
    from simulators.monte_carlo import monte_carlo
    from simulators.simulate import simulate as simulated
    from twin.service.scenarios import fault_table, find_scenario

    if list_faults:
        console.print(fault_table())
        return
    if not scenario or out is None:
        raise ConfigError("simulate: SCENARIO.yaml and --out FILE.parquet are needed, or --list-faults")
    check_output(out, [Path(scenario)], forms=[".parquet"])
    if batches > 1:
        chosen = find_scenario(scenario)
        chosen = chosen if seed is None else chosen.model_copy(update={"seed": seed})
        with progress("batches", batches) as step:
            told = monte_carlo(chosen, out, batches, jobs, step)
        console.print(f"{told.table}: {told.batches} batches, {told.resumed} of them from before")
        console.print(f"sha256 {told.sha256}; {100 * told.efficiency:.0f} % of {jobs} cores in batches")
        return
    written = simulated(find_scenario(scenario), out, seed)
    console.print(f"{written.values}: {written.rows} values")
    console.print(f"{written.assays}: {written.assay_rows} laboratory results")
    console.print(f"{written.truth}, {written.faults}: for scoring only; the twin never reads them")


@app.command()
def score(
    campaign: Annotated[
        str, typer.Argument(metavar="CAMPAIGN.yaml", help=f"A file, or a packaged name: {CAMPAIGNS}")
    ],
    out: Annotated[Path, typer.Option(metavar="SCORE.json", help="Where the figures go")],
    jobs: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; the score does not depend on them")
    ] = 1,
    over: Annotated[
        str,
        typer.Option(help="opcua or sparkplug: each batch over real wires too; exit code 1 if they differ"),
    ] = "",
    speed: Annotated[float, typer.Option(min=1, max=20_000, help="With --over: times real time")] = 1200.0,
) -> None:
    """Score the twin on simulated batches: misses, delays, verdicts, false alarms."""
    from twin.service import scorecard
    from twin.service.campaign import campaign_path, load_campaign, plans
    from twin.service.campaign_fit import misfits

    asked = load_campaign(campaign_path(campaign))
    check_output(out, [Path(campaign)])
    for text in misfits(asked):
        warn(text)
    if over:
        from twin.service import agreement  # what serves wires is loaded for nothing else

    with interruptible("score"), progress("batches", len(plans(asked))) as step:
        run = partial(agreement.run, over=over, speed=speed) if over else scorecard.run
        found = run(asked, jobs, step)
    scorecard.write(found, out)
    scorecard.show(found, console)
    if over:
        console.print(agreement.table(found))
    typer.echo(scorecard.headline(found))
    raise typer.Exit(0 if not over or agreement.agrees(found) else 1)
