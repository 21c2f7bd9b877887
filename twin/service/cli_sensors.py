"""Commands of ``twin`` about soft sensors."""

from pathlib import Path
from typing import Annotated

import typer

from twin.domain.errors import ConfigError
from twin.service.options import AssaysOption, LineOption, StoreOption, TableOption, VesselsOption
from twin.service.output import check_output
from twin.service.terminal import console, progress

app = typer.Typer()


@app.command("soft-sensors")
def soft_sensors(
    of: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CAMPAIGN.yaml | FILE...",
            help="A campaign (file or packaged name); with --line: Parquet, CSV or CSV.gz of stored runs",
        ),
    ] = None,
    line: Annotated[
        Path | None, typer.Option(metavar="LINE.yaml", help="The line that stored runs are of")
    ] = None,
    assays: AssaysOption = None,
    store: StoreOption = False,
    vessels: VesselsOption = "",
    out: TableOption = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes, for a campaign")] = 1,
) -> None:
    """Say how good every soft sensor is: RMSEP, bias, coverage of its band, beside naive guesses."""
    from twin.service import sensors_table, sheet

    sheet.check(out, [*map(Path, of or ()), *(assays or ()), *([line] if line else ())])
    if line is not None:
        from twin.service.notebook import open_run

        run = open_run(*(of or ()), line=line, assays=assays or (), store=store, vessels=vessels)
        found = sensors_table.of_stored(run.recording, run.line)
    else:
        found = _of_campaign(of or [], bool(assays or store or vessels), jobs)
    made = sensors_table.sheet(found)
    sheet.give(made, out, console)


def _of_campaign(of: list[str], more: bool, jobs: int) -> dict[str, object]:
    from twin.service import sensors_table
    from twin.service.campaign import campaign_path, load_campaign

    if len(of) != 1:
        raise ConfigError(
            "soft-sensors: one campaign, such as quick, is needed; stored runs go with --line LINE.yaml"
        )
    if more or of[0].endswith((".parquet", ".csv", ".gz")):
        raise ConfigError("soft-sensors: stored runs, --assays, --store and --vessels need --line LINE.yaml")
    campaign = load_campaign(campaign_path(of[0]))
    with progress("batches", len(sensors_table.healthy(campaign))) as step:
        return sensors_table.of_campaign(campaign, jobs, step)


@app.command("probe-health")
def probe_health(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="RUNS...", help="Parquet, CSV or CSV.gz; none with --store")
    ] = None,
    *,
    line: LineOption,
    assays: AssaysOption = None,
    store: StoreOption = False,
    vessels: VesselsOption = "",
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG=ERROR", help="In place of the tag's accuracy; may be given again"),
    ] = None,
    out: TableOption = None,
) -> None:
    """Say which probe to recalibrate first: error, drift, gain and life beside laboratory and twin."""
    from twin.service import probes_table, sheet
    from twin.service.notebook import open_run

    sheet.check(out, [*map(Path, runs or ()), *(assays or ()), line])
    limits = dict(map(_limit, limit or ()))
    run = open_run(*(runs or ()), line=line, assays=assays or (), store=store, vessels=vessels)
    made = probes_table.sheet(probes_table.of_stored(run.recording, run.line, limits))
    sheet.give(made, out, console)


def _limit(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ConfigError(f"--limit {text!r}: TAG=ERROR such as pH=0.05 would do") from None


@app.command("fit-spectra")
def fit_spectra(
    spectra: Annotated[
        Path, typer.Argument(metavar="SPECTRA.csv", help="`sample`, and a column for each point of the axis")
    ],
    reference: Annotated[
        Path,
        typer.Option(metavar="REFERENCE.csv", help="`sample`, `group`, a column for each constituent"),
    ],
    out: Annotated[Path, typer.Option(metavar="SPECTRA.model", help="Where the model goes")],
    constituent: Annotated[
        list[str] | None, typer.Option(metavar="NAME=UNIT", help="What is fitted, such as glucose=g/L")
    ] = None,
    axis_unit: Annotated[str, typer.Option(help="Of the axis: cm-1, nm")] = "cm-1",
    range_: Annotated[
        str, typer.Option("--range", metavar="LOW:HIGH", help="Part of the axis that is used")
    ] = "",
    window: Annotated[int, typer.Option(min=0, help="Savitzky-Golay window [points]; 0 for none")] = 15,
    order: Annotated[int, typer.Option(min=0, max=6, help="Its order")] = 2,
    derivative: Annotated[int, typer.Option(min=0, max=3, help="Its derivative")] = 1,
    snv: Annotated[bool, typer.Option("--snv", help="Standard normal variate before the filter")] = False,
    components: Annotated[int, typer.Option(min=1, max=40, help="Most components that are tried")] = 10,
    hold_back: Annotated[
        list[str] | None, typer.Option(help="A group that is only predicted; may be given again")
    ] = None,
    shuffles: Annotated[
        int, typer.Option(min=19, max=1000, help="How often it is fitted to shuffled references, to compare")
    ] = 20,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Write the model even if it is no better than those")
    ] = False,
) -> None:
    """Fit a PLS model to spectra with reference values; a source of kind spectra uses it live."""
    try:
        from twin.service import spectra as fitting
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("sklearn", "chemotools", "scipy"):
            raise
        raise ConfigError(
            "twin fit-spectra needs scikit-learn and chemotools; pip install 'bioline-twin[spectra]'"
        ) from error

    check_output(out, [spectra, reference])
    low, high = fitting.limits(range_)
    settings = fitting.Settings(low, high, window, order, derivative, snv, components)
    held = frozenset(hold_back or ())
    asked = fitting.Asked(spectra, reference, tuple(constituent or ()), axis_unit, held, shuffles, anyway)
    fitting.show(fitting.run(asked, settings, out), console)
