"""Commands of ``twin`` that act on what is stored: files of runs, events, and the stores of a line."""

import asyncio
import contextlib
import hashlib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.markup import escape
from rich.table import Table

from twin.domain.errors import ConfigError, StorageError
from twin.service.options import (
    AssaysOption,
    FilesArgument,
    LineOption,
    ModelOption,
    NormalOption,
    StoreOption,
    TableOption,
    VesselsOption,
)
from twin.service.output import check_output, whole_file
from twin.service.registry.resolve import in_words, resolved
from twin.service.selection import only
from twin.service.terminal import (
    LineArgument,
    console,
    errors,
    load,
    moments,
    progress,
    run_until_stopped,
    settings_now,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from twin.domain.asset import Line
    from twin.domain.measurement import Quarantined, Reading
    from twin.service.line import LineFile
    from twin.service.replay import Tally

app = typer.Typer()


def _with_models(line_file: "LineFile", line: "Line", others: "Sequence[str] | None") -> "Line":
    """The line with its models, and which they are said."""
    line = resolved(line_file, line, settings_now(), approved_only=False, others=others or ())
    for text in in_words(line):
        errors.print(text, soft_wrap=True)
    return line


@app.command()
def export(
    line: LineArgument,
    out: Annotated[Path, typer.Option(metavar="FILE.parquet", help="Where the values go: .parquet or .csv")],
    since: Annotated[str, typer.Option("--from", help="First source time, ISO 8601 with zone")] = "",
    until: Annotated[str, typer.Option("--to", help="Source time to stop before, ISO 8601 with zone")] = "",
    tags: Annotated[list[str] | None, typer.Option("--tag", help="Patterns of ids; all when none")] = None,
) -> None:
    """Write what is stored of a line as Parquet or CSV; the service may go on running."""
    from connectors.codecs.iso_time import LATEST_NS
    from twin.service import export as exporting

    line_file, built = load(line)
    check_output(out, [line], forms=exporting.WRITERS)
    wanted = [t.id for t in built.tags() if not tags or any(fnmatchcase(t.id, p) for p in tags)]
    if not wanted:
        raise ConfigError(f"--tag {', '.join(tags or [])}: matches no tag of the line")
    start_ns, end_ns = moments(since, until)
    span = (start_ns or 0, LATEST_NS if end_ns is None else end_ns)
    of = f"line {built.id}" + (f" (--tag {', '.join(tags)})" if tags else "")

    async def work() -> int:
        async with exporting.open_history(line_file, built, settings_now()) as history:
            return await exporting.export(history, wanted, *span, out, of)

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

    line_file, built = load(line)
    built = resolved(line_file, built, settings_now(), approved_only=False)
    if language not in LANGUAGES:
        raise ConfigError(f"--language {language}: en or fr would do")
    check_output(out, [line], forms=write.FORMS)
    sha256 = hashlib.sha256(line.read_bytes()).hexdigest()
    asked = gather.Asked(vessel, *moments(since, until), by)
    found = asyncio.run(gather.gather(asked, sha256, line_file, built, settings_now()))
    made = document(found, language)
    console.print(f"{out}: sha256 {write.write(made, out)}", soft_wrap=True)
    console.print(f"{write.sidecar(out)}: content {made.sha256()}", soft_wrap=True)


@app.command()
def replay(
    line: LineOption,
    out: Annotated[Path, typer.Option(metavar="EVENTS.jsonl", help="Where the events go")],
    files: FilesArgument = None,
    assays: AssaysOption = None,
    store: StoreOption = False,
    since: Annotated[str, typer.Option("--from", help="With --store: first source time")] = "",
    until: Annotated[str, typer.Option("--to", help="With --store: source time to stop before")] = "",
    speed: Annotated[str, typer.Option(help="max, or N times real time")] = "max",
    normal: NormalOption = None,
    vessels: VesselsOption = "",
    forecasts: Annotated[
        Path | None, typer.Option(metavar="FORECASTS.jsonl", help="Where forecasts go; else none are made")
    ] = None,
    model: ModelOption = None,
) -> None:
    """Feed stored data through the same engine as live; twice gives the same bytes."""
    from twin.service.normal import watches
    from twin.service.replay import Replay

    line_file, built = load(line)
    built = _with_models(line_file, only(built, vessels), model)
    paths, pace = [*(files or []), *(assays or [])], _speed(speed)
    check_output(out, [*paths, line])
    if forecasts is not None:
        check_output(forecasts, [*paths, line, out], "--forecasts")
    rows = _rows(line_file, built, paths, store, (since, until), bool(vessels))
    ahead = whole_file(forecasts, "--forecasts") if forecasts else contextlib.nullcontext()
    with whole_file(out) as sink, ahead as more, progress() as step:
        job = Replay(line_file, built, sink, watches(built, line.parent, normal), more)
        tally = asyncio.run(job.run(rows, pace, step))
        _print_tally(tally)
        if not tally.holds:
            raise StorageError(
                "replay: the counters do not add up; this is a fault of the program, report it"
            )
        if not tally.received:
            raise ConfigError(
                f"replay: there is no value in {', '.join(map(str, paths))}; {out} is not written"
            )
        if not tally.stored:
            raise ConfigError(
                f"replay: nothing was stored; the reasons above say what would do; {out} is not written"
            )


def _rows(
    line_file: "LineFile", line: "Line", paths: list[Path], store: bool, span: tuple[str, str], some: bool
) -> "Iterable[Reading | Quarantined]":
    """Rows of files, or of the line's own store, in order of arrival."""
    from twin.service.replay import check_files, layout_of, read_files
    from twin.service.stored import stored_rows

    if store == bool(paths):
        raise ConfigError("files or --store are needed, and not both")
    start_ns, end_ns = moments(*span)
    if store:
        return asyncio.run(stored_rows(line_file, line, settings_now(), start_ns, end_ns))
    if start_ns is not None or end_ns is not None:
        raise ConfigError("--from and --to go with --store; of files all values are taken")
    check_files(paths)
    return read_files(paths, layout_of(line_file), {v.id for v in line.vessels} if some else None)


@app.command()
def play(
    line: LineOption,
    files: FilesArgument = None,
    assays: AssaysOption = None,
    store: StoreOption = False,
    since: Annotated[str, typer.Option("--from", help="With --store: first source time")] = "",
    until: Annotated[str, typer.Option("--to", help="With --store: source time to stop before")] = "",
    normal: NormalOption = None,
    vessels: VesselsOption = "",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the pages; 0 takes any free one")
    ] = 8801,
    model: ModelOption = None,
) -> None:
    """Open the pages over a stored run: play, pause, step, jump; as it was known then, or is known now."""
    from twin.service.normal import watches
    from twin.service.play.serve import open_play, serve
    from twin.service.replay import all_refused

    line_file, built = load(line)
    built = _with_models(line_file, only(built, vessels), model)
    paths = [*(files or []), *(assays or [])]
    rows = list(_rows(line_file, built, paths, store, (since, until), bool(vessels)))
    refused = all_refused(rows, built)
    if refused is not None:
        _print_tally(refused)
        raise ConfigError("play: nothing of it can be stored; the reasons above say what would do")
    settings = settings_now().model_copy(update={"port": port})
    run = "historian" if store else ", ".join(path.name for path in files or [])
    sha256 = hashlib.sha256(line.read_bytes()).hexdigest()

    async def work() -> None:
        async with (
            open_play(line_file, built, rows, run, sha256, watches(built, line.parent, normal)) as parts,
            serve(*parts, settings) as address,
        ):
            console.print(f"{run}: pages at {address} (Ctrl-C stops)")
            with progress("values", len(rows)) as step:
                done = 0
                while not parts[1].finished:
                    await asyncio.sleep(0.5)
                    step(parts[1].tally.received - done)
                    done = parts[1].tally.received
            console.print(f"{run}: worked through; {len(parts[1].events)} events")
            await asyncio.Event().wait()

    run_until_stopped(work())


@app.command("what-if")
def what_if(
    line: LineOption,
    vessel: Annotated[str, typer.Option(help="The unit that is asked about, such as R101")],
    files: FilesArgument = None,
    tries: Annotated[
        list[str] | None,
        typer.Option("--try", metavar="NAME: WHAT=VALUE@HOURS ...", help="A scenario; up to four in all"),
    ] = None,
    scenarios: Annotated[
        Path | None, typer.Option(metavar="SCENARIOS.yaml", help="Scenarios of a file")
    ] = None,
    at: Annotated[
        str, typer.Option(help="When: 96h after the first value, or ISO 8601; default the end")
    ] = "",
    assays: AssaysOption = None,
    store: StoreOption = False,
    out: Annotated[
        Path | None, typer.Option(metavar="ANSWER.json", help="The answer with every band")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Say what may be changed there, and stop")] = False,
    model: ModelOption = None,
) -> None:
    """Ask the twin what would happen with other feeds, set points, an earlier harvest, or a fault."""
    from twin.service import whatif

    line_file, built = load(line)
    built = _with_models(line_file, only(built, vessel), model)
    paths = [*(files or []), *(assays or [])]
    if out is not None:
        check_output(out, [*paths, line])
    asked = [*(whatif.load_scenarios(scenarios) if scenarios else ()), *map(whatif.parsed, tries or ())]
    if not asked and not list_:
        raise ConfigError(
            "what-if: no scenario; --try 'more feed: feed_factor=1.3' or --scenarios FILE would do"
        )
    rows = _rows(line_file, built, paths, store, ("", ""), True)
    with progress() as step:
        question = whatif.question_at(vessel, at, line_file, built, rows, step)
    if list_:
        table = Table("what", "from .. to", "unit", box=None)
        for row in whatif.knob_rows(question):
            table.add_row(*row)
        console.print(table)
        return
    answer = question.answer(asked)
    whatif.show(answer, console)
    if out is not None:
        whatif.write(answer, out)


@app.command("next-sample")
def next_sample(
    line: LineOption,
    vessel: Annotated[str, typer.Option(metavar="R101", help="Whose laboratory is asked")],
    files: FilesArgument = None,
    at: Annotated[
        str, typer.Option(metavar="TIME", help="ISO 8601, or 120h from the first value; default the end")
    ] = "",
    assays: AssaysOption = None,
    store: StoreOption = False,
    out: TableOption = None,
    model: ModelOption = None,
) -> None:
    """Say which assay, drawn when in the next day, takes most of the twin's doubt away."""
    from twin.service import sampling_table, sheet, whatif

    line_file, built = load(line)
    built = _with_models(line_file, only(built, vessel), model)
    paths = [*(files or []), *(assays or [])]
    sheet.check(out, [*paths, line])
    rows = _rows(line_file, built, paths, store, ("", ""), True)
    with progress() as step:
        question = whatif.question_at(vessel, at, line_file, built, rows, step)
    made = sampling_table.sheet(sampling_table.of_question(question))
    sheet.give(made, out, console)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUNS...", help="Parquet, CSV or CSV.gz")],
    line: LineOption,
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

    line_file, built = load(line)
    if language not in comparing.WORDS:
        raise ConfigError(f"--language {language}: en or fr would do")
    if out is not None:
        check_output(out, [*runs, line], forms=comparing.FORMS)
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
    for note in tally.notes:
        console.print(escape(note))
