"""Arguments and options that commands of ``twin`` about stored runs share."""

from pathlib import Path
from typing import Annotated

import typer

FilesArgument = Annotated[
    list[Path] | None, typer.Argument(metavar="FILE...", help="Parquet, CSV or CSV.gz; none with --store")
]
LineOption = Annotated[Path, typer.Option(metavar="LINE.yaml", help="The line the data are of")]
AssaysOption = Annotated[list[Path] | None, typer.Option(help="Laboratory results of the run")]
StoreOption = Annotated[
    bool, typer.Option("--store", help="What the line's historian holds (TWIN_DATA_DIR) in place of files")
]
VesselsOption = Annotated[
    str,
    typer.Option(help="Only these: B3 B8-B12, by name or range, values of others are not read; default all"),
]
NormalOption = Annotated[
    Path | None, typer.Option(metavar="NORMAL.model", help="What was learnt from good runs (twin learn)")
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME@VERSION", help="In place of the line's version; may be unapproved"),
]
TableOption = Annotated[Path | None, typer.Option(metavar="TABLE.md", help="The table: .md, .json or .csv")]
