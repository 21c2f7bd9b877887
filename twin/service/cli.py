"""The command line ``twin``: every error names the thing, what came and what would do.

What only one command needs (the plant, Parquet) is imported by that command, so that the
service starts in a second.
"""

import asyncio
import contextlib
import hashlib
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import orjson
import structlog
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from twin import __version__
from twin.domain.asset import Line
from twin.domain.errors import ConfigError, StorageError, TwinError
from twin.service import accounts
from twin.service.app import open_service
from twin.service.build import load_line
from twin.service.line import LineFile
from twin.service.output import check_output, whole_file
from twin.service.pages import open_pages
from twin.service.selection import only
from twin.service.settings import Settings, misspelt
from twin.service.surroundings import look_around

if TYPE_CHECKING:
    from twin.service.replay import Tally

app = typer.Typer(
    help="A digital twin and monitoring service for a bioproduction line.", no_args_is_help=True
)
app.add_typer(accounts.app, name="account")
app.add_typer(accounts.trail, name="audit")
WIDE = None if sys.stdout.isatty() else 150
"""Columns of text that no terminal shows: enough for the widest table."""
console = Console(width=WIDE)
errors = Console(stderr=True)

LineArgument = Annotated[Path, typer.Argument(metavar="LINE.yaml", help="The line file")]


def main() -> None:
    """Run the command line; errors of this project end it with exit code 2 and one clear text."""
    try:
        app()
    except TwinError as error:
        _complain(str(error))
        sys.exit(2)
    except OSError as error:
        _complain(
            f"{error.filename or 'the machine'}: {error.strerror or error}; check the place and its rights"
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(0)


def _complain(text: str) -> None:
    for line in text.splitlines():
        errors.print(f"[bold red]✗[/] {escape(line)}", soft_wrap=True)


def _settings() -> Settings:
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
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    return settings


def _load(path: Path) -> tuple[LineFile, Line]:
    """The line; refused with every fault of the environment and of the file."""
    faults: list[str] = []
    for look in (_settings, lambda: load_line(path)):
        try:
            loaded = look()
        except ConfigError as error:
            faults.append(str(error))
    if faults:
        raise ConfigError("\n".join(faults))
    return cast("tuple[LineFile, Line]", loaded)


@app.command()
def version() -> None:
    """Print the version."""
    console.print(__version__)


@app.command()
def check(line: LineArgument) -> None:
    """Validate a line file, everything it names here and the TWIN_ variables; opens nothing."""
    line_file, built = _load(line)
    faults = look_around(line_file, Settings().data_dir / built.id).found
    if faults:
        raise ConfigError("\n".join(f"{line}: {fault}" for fault in faults))
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
    """Say the state of every link in words; ends with 1 when one is down."""
    from twin.service.doctor import examine

    line_file, built = _load(line)
    token = token_file.read_text(encoding="utf-8").strip() if token_file else ""
    found = asyncio.run(examine(line_file, built, _settings(), token))
    table = Table("link", "state", "in words", box=None)
    states = {True: "[green]well[/]", False: "[red]down[/]", None: "-"}
    for each in found:
        table.add_row(each.link, states[each.well], escape(each.text))
    console.print(table)
    if any(each.well is False for each in found):
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
    line_file, built = _load(line)
    settings = _settings()
    if port is not None:
        settings = settings.model_copy(update={"port": port})
    run_until_stopped(_run(line_file, built, settings))


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends, or Ctrl-C or SIGTERM asks it to finish."""

    async def guarded() -> None:
        task = asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(guarded())


async def _run(line_file: LineFile, line: Line, settings: Settings) -> None:
    async with (
        open_service(line_file, line, settings) as service,
        open_pages(service.view, settings) as address,
    ):
        console.print(f"line {line.id}: pages at {address} (Ctrl-C stops)")
        for text in accounts.greeting(service.view.people, address):
            console.print(text, soft_wrap=True)
        await service.run()


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
    run_until_stopped(demonstration.run(options, _settings(), console))


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
    if out.suffix != ".parquet":
        raise ConfigError(f"--out {out}: a name that ends in .parquet would do; that is what is written")
    check_output(out, [Path(scenario)])
    if batches > 1:
        chosen = find_scenario(scenario)
        chosen = chosen if seed is None else chosen.model_copy(update={"seed": seed})
        with _progress("batches") as step:
            told = monte_carlo(chosen, out, batches, jobs, step)
        console.print(f"{told.table}: {told.batches} batches, {told.resumed} of them from before")
        console.print(f"sha256 {told.sha256}; {100 * told.efficiency:.0f} % of {jobs} cores in batches")
        return
    written = simulated(find_scenario(scenario), out, seed)
    console.print(f"{written.values}: {written.rows} values")
    console.print(f"{written.assays}: {written.assay_rows} laboratory results")
    console.print(f"{written.truth}, {written.faults}: for scoring only; the twin never reads them")


@app.command()
def export(
    line: LineArgument,
    out: Annotated[Path, typer.Option(metavar="FILE.parquet", help="Where the values go")],
    since: Annotated[str, typer.Option("--from", help="First source time, ISO 8601 with zone")] = "",
    until: Annotated[str, typer.Option("--to", help="Source time to stop before, ISO 8601 with zone")] = "",
    tags: Annotated[list[str] | None, typer.Option("--tag", help="Patterns of ids; all when none")] = None,
) -> None:
    """Write what is stored of a line as Parquet; the service may go on running."""
    from connectors.codecs.iso_time import LATEST_NS
    from twin.service import export as exporting

    line_file, built = _load(line)
    if out.suffix != ".parquet":
        raise ConfigError(f"--out {out}: a name that ends in .parquet would do; that is what is written")
    check_output(out, [line])
    wanted = [t.id for t in built.tags() if not tags or any(fnmatchcase(t.id, p) for p in tags)]
    if not wanted:
        raise ConfigError(f"--tag {', '.join(tags or [])}: matches no tag of the line")
    span = (_time("--from", since) or 0, _time("--to", until) or LATEST_NS)

    async def work() -> int:
        async with exporting.open_history(line_file, built, _settings()) as history:
            return await exporting.export(history, wanted, *span, out)

    console.print(f"{out}: {asyncio.run(work())} values of {len(wanted)} tags")


@app.command()
def report(
    line: LineArgument,
    vessel: Annotated[str, typer.Option(help="The unit whose batch is reported, such as R101")],
    out: Annotated[Path, typer.Option(metavar="REPORT.pdf", help="PDF/A (.pdf) or a page (.html)")],
    since: Annotated[str, typer.Option("--from", help="First source time; default start of the batch")] = "",
    until: Annotated[str, typer.Option("--to", help="Time to stop before; default the newest value")] = "",
    language: Annotated[str, typer.Option(help="en or fr")] = "en",
    by: Annotated[str, typer.Option(help="For whom it is made, as it is to stand in it")] = "",
) -> None:
    """Make the report of a batch from what is stored; the service may go on running."""
    from twin.alarms.words import LANGUAGES
    from twin.service.report import gather, write
    from twin.service.report.document import document

    line_file, built = _load(line)
    if language not in LANGUAGES:
        raise ConfigError(f"--language {language}: en or fr would do")
    write.check_form(out)
    check_output(out, [line])
    sha256 = hashlib.sha256(line.read_bytes()).hexdigest()
    asked = gather.Asked(vessel, _time("--from", since), _time("--to", until), by)
    found = asyncio.run(gather.gather(asked, sha256, line_file, built, _settings()))
    made = document(found, language)
    console.print(f"{out}: sha256 {write.write(made, out)}", soft_wrap=True)
    console.print(f"{write.sidecar(out)}: content {made.sha256()}", soft_wrap=True)


def _time(option: str, text: str) -> int | None:
    """A time given on the command line [ns since 1970-01-01 UTC]; None when none was."""
    from connectors.codecs.iso_time import parse_ns

    if not text:
        return None
    try:
        return parse_ns(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Parquet, CSV or CSV.gz")],
    line: Annotated[Path, typer.Option(metavar="LINE.yaml", help="The line the data are of")],
    out: Annotated[Path, typer.Option(metavar="EVENTS.jsonl", help="Where the events go")],
    assays: Annotated[list[Path] | None, typer.Option(help="Laboratory results of the run")] = None,
    speed: Annotated[str, typer.Option(help="max, or N times real time")] = "max",
    normal: Annotated[
        Path | None, typer.Option(metavar="NORMAL.model", help="What was learnt from good runs (twin learn)")
    ] = None,
    vessels: Annotated[str, typer.Option(help="Only these: B3 B8-B12, by name or range; default all")] = "",
    forecasts: Annotated[
        Path | None, typer.Option(metavar="FORECASTS.jsonl", help="Where forecasts go; else none are made")
    ] = None,
) -> None:
    """Feed stored data through the same engine as live; twice gives the same bytes."""
    from twin.service.normal import watches
    from twin.service.replay import Replay, check_files, layout_of, read_files

    line_file, built = _load(line)
    built = only(built, vessels)
    paths, pace = [*files, *(assays or [])], _speed(speed)
    check_files(paths)
    check_output(out, [*paths, line])
    if forecasts is not None:
        check_output(forecasts, [*paths, line, out], "--forecasts")
    ahead = whole_file(forecasts, "--forecasts") if forecasts else contextlib.nullcontext()
    with whole_file(out) as sink, ahead as more, _progress() as step:
        job = Replay(line_file, built, sink, watches(built, line.parent, normal), more)
        rows = read_files(paths, layout_of(line_file), {v.id for v in built.vessels} if vessels else None)
        tally = asyncio.run(job.run(rows, pace, step))
        _print_tally(tally)
        if not tally.holds:
            raise StorageError(
                "replay: the counters do not add up; this is a fault of the program, report it"
            )
        if not tally.received:
            raise ConfigError(
                f"replay: there is no value in {', '.join(map(str, paths))}; {out} stays as it was"
            )
        if not tally.stored:
            raise ConfigError(
                f"replay: nothing was stored; the reasons above say what would do; {out} stays as it was"
            )


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUNS...", help="Parquet, CSV or CSV.gz")],
    line: Annotated[Path, typer.Option(metavar="LINE.yaml", help="The line the data are of")],
    vessels: Annotated[str, typer.Option(help="Runs to compare: B3 B8-B12")],
    against: Annotated[str, typer.Option(help="Reference runs: B20-B59")],
    out: Annotated[
        Path | None, typer.Option(metavar="OUT.html", help="A page (.html) or data (.json)")
    ] = None,
    phases: Annotated[int, typer.Option(min=1, max=12, help="How many phases to find")] = 4,
    window: Annotated[float, typer.Option(min=1, max=86_400, help="Window of the courses [s]")] = 720.0,
    align: Annotated[str, typer.Option(help="Tag whose progress tells maturity; default batch age")] = "",
    language: Annotated[str, typer.Option(help="en or fr, of the page")] = "en",
) -> None:
    """Compare runs with reference runs: what differed first, by phase, and how capable they are."""
    from twin.service import compare as comparing

    line_file, built = _load(line)
    if language not in comparing.WORDS:
        raise ConfigError(f"--language {language}: en or fr would do")
    if out is not None:
        check_output(out, [*runs, line])
    asked = comparing.Asked(runs, vessels, against, phases, window, align)
    found = comparing.run(asked, line_file, built)
    comparing.show(found, console)
    if out is not None:
        comparing.write(found, out, language)


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="EVENTS_A.jsonl", help="What was decided")],
    after: Annotated[Path, typer.Argument(metavar="EVENTS_B.jsonl", help="What another version decides")],
    within: Annotated[float, typer.Option(min=0, help="Findings further apart are not the same [h]")] = 72.0,
    out: Annotated[Path | None, typer.Option(metavar="DIFF.json", help="The difference as data")] = None,
) -> None:
    """Compare the decisions of two replays; exit code 1 when they differ."""
    from twin.service import decisions

    if out is not None:
        check_output(out, [before, after])
    found = decisions.compare(decisions.read_findings(before), decisions.read_findings(after), within)
    decisions.show(found, console)
    typer.echo(decisions.headline(found))
    if out is not None:
        with whole_file(out) as sink:
            sink.write(orjson.dumps(decisions.document(found), option=orjson.OPT_INDENT_2))
    raise typer.Exit(0 if found.same else 1)


@app.command()
def learn(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUNS...", help="Parquet, CSV or CSV.gz of good runs")
    ],
    line: Annotated[Path, typer.Option(metavar="LINE.yaml", help="The line the data are of")],
    out: Annotated[Path, typer.Option(metavar="NORMAL.model", help="Where the model goes")],
    fit: Annotated[str, typer.Option(help="Vessels to fit on: B0-B39 B41; default every second run")] = "",
    calibrate: Annotated[str, typer.Option(help="Vessels held back for levels and threshold")] = "",
    false_alarms: Annotated[
        float, typer.Option(min=0.001, max=1000, help="Findings on good runs that are accepted [per 100 h]")
    ] = 0.1,
    window: Annotated[
        float, typer.Option(min=1, max=86_400, help="Window that is judged at once [s]")
    ] = 720.0,
    align: Annotated[str, typer.Option(help="Tag whose progress tells maturity; default batch age")] = "",
) -> None:
    """Learn from good runs what is normal; the file is used by run and replay --normal."""
    from twin.service import learn as learning

    line_file, built = _load(line)
    check_output(out, [*runs, line])
    asked = learning.Wanted(runs, fit, calibrate, false_alarms, window, align)
    learning.show(learning.run(asked, line_file, built, out), console)


@app.command()
def calibrate(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUNS...", help="Parquet, CSV or CSV.gz with counts of past runs")
    ],
    line: Annotated[Path, typer.Option(metavar="LINE.yaml", help="The line the data are of")],
    out: Annotated[Path, typer.Option(metavar="PARAMETERS.yaml", help="Where the parameters go")],
    fit: Annotated[str, typer.Option(help="Vessels to fit on: A-R1 B1-B9; default all")] = "",
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Forecast every group from a fit of the others")
    ] = False,
    group: Annotated[str, typer.Option(help="A vessel's group is what stands before this in its id")] = "-",
    until: Annotated[
        float, typer.Option(min=1, max=10_000, help="Age until which a left-out run is known [h]")
    ] = 122.0,
    keep: Annotated[
        list[str] | None, typer.Option(help="A parameter that is not fitted; may be given again")
    ] = None,
) -> None:
    """Fit the parameters of a process model to past runs, and say what these determine."""
    try:
        from twin.service import calibrate as calibration
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "scipy":
            raise
        raise ConfigError("twin calibrate needs SciPy; pip install 'bioline-twin[calibrate]'") from error

    line_file, built = _load(line)
    check_output(out, [*runs, line])
    asked = calibration.Wanted(runs, fit, group, leave_one_out, until, keep or ())
    calibration.show(calibration.run(asked, line_file, built, out), console)


@app.command()
def score(
    campaign: Annotated[
        str, typer.Argument(metavar="CAMPAIGN.yaml", help="A file, or a packaged name: quick, faults")
    ],
    out: Annotated[Path, typer.Option(metavar="SCORE.json", help="Where the figures go")],
    jobs: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; the score does not depend on them")
    ] = 1,
) -> None:
    """Score the twin on simulated batches: misses, delays, verdicts, false alarms."""
    from twin.service import scorecard
    from twin.service.campaign import campaign_path, load_campaign, plans

    asked = load_campaign(campaign_path(campaign))
    check_output(out, [Path(campaign)])
    with scorecard.progress(len(plans(asked)), errors) as step:
        found = scorecard.run(asked, jobs, step)
    scorecard.write(found, out)
    scorecard.show(found, console)
    typer.echo(scorecard.headline(found))


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.0 < speed < 1e9:
        raise ConfigError(f"--speed {text!r}: max, or a positive number such as 60, would do")
    return speed


@contextlib.contextmanager
def _progress(of: str = "values") -> Iterator[Callable[[int], None]]:
    columns = (TextColumn(f"{{task.completed:>10,.0f}} {of}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("replay", total=None)
        yield lambda n: progress.advance(task, n)


def _print_tally(tally: "Tally") -> None:
    table = Table("what", "count", "the first of them", box=None)
    table.add_row("received", str(tally.received))
    table.add_row("stored", str(tally.stored))
    table.add_row("duplicate", str(tally.duplicate))
    table.add_row("rejected", "0")
    table.add_row("late for the twin (stored)", str(tally.late))
    for reason, count in sorted(tally.quarantined.items()):
        table.add_row(f"quarantined: {reason}", str(count), escape(tally.examples.get(reason, "")))
    for kind, count in sorted(tally.events.items()):
        table.add_row(f"events: {kind}", str(count))
    console.print(table)
