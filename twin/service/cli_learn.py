"""Commands of ``twin`` that make models of past runs."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from twin.domain.errors import ConfigError, NotFoundError
from twin.service.options import LineOption
from twin.service.output import check_output
from twin.service.registry.resolve import resolved
from twin.service.terminal import console, load, settings_now

app = typer.Typer()


@app.command()
def learn(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUNS...", help="Parquet, CSV or CSV.gz of good runs")
    ],
    line: LineOption,
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

    line_file, built = load(line)
    check_output(out, [*runs, line])
    asked = learning.Wanted(runs, fit, calibrate, false_alarms, window, align)
    learning.show(learning.run(asked, line_file, built, out), console)


@app.command()
def calibrate(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUNS...", help="Parquet, CSV or CSV.gz with counts of past runs")
    ],
    line: LineOption,
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

    line_file, built = load(line)
    with contextlib.suppress(
        NotFoundError
    ):  # a model that has no approved version yet begins at its own values
        built = resolved(line_file, built, settings_now(), approved_only=False)
    check_output(out, [*runs, line], forms=(".yaml", ".yml"))
    asked = calibration.Wanted(runs, fit, group, leave_one_out, until, keep or ())
    calibration.show(calibration.run(asked, line_file, built, out), console)
