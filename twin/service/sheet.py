"""A table that is printed, and written as Markdown, JSON or CSV by the name of the file."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from twin.service.output import check_output, whole_file

FORMS: Final = (".md", ".json", ".csv")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table.

    Parameters
    ----------
    document : dict
        All of it, as the JSON has it.
    columns : sequence of str
        Of the CSV.
    rows : sequence of dict
        Of the CSV, each with every column.
    headings : sequence of str
        That people read.
    cells : sequence of sequence of str
        That people read, a row each.
    title, notes : str
        Above the table; the notes are below it, in sentences.
    about : str
        Beside the title in Markdown.
    """

    document: dict[str, Any]
    columns: Sequence[str]
    rows: Sequence[dict[str, Any]]
    headings: Sequence[str]
    cells: Sequence[Sequence[str]]
    title: str
    notes: str = ""
    about: str = ""


def check(path: Path | None, inputs: Sequence[Path]) -> None:
    """Refuse a file name that tells no form, a place that can not be written, or one of the inputs.

    Raises
    ------
    ConfigError
    """
    if path is None:
        return
    check_output(path, inputs, forms=FORMS)


def give(sheet: Sheet, path: Path | None, console: Console) -> None:
    """Print the table, and write it where that is asked for."""
    show(sheet, console)
    if path is not None:
        write(sheet, path)


def write(sheet: Sheet, path: Path) -> None:
    """Write as Markdown, JSON or CSV, by the name; the same table gives the same bytes."""
    forms: dict[str, Callable[[Sheet], bytes]] = {".md": _markdown, ".json": _json, ".csv": _csv}
    with whole_file(path) as sink:
        sink.write(forms[path.suffix](sheet))


def show(sheet: Sheet, console: Console) -> None:
    """Print the table."""
    table = Table(*sheet.headings, box=None, title=sheet.title, caption=sheet.notes or None)
    for cells in sheet.cells:
        table.add_row(*cells)
    console.print(table)


def _markdown(sheet: Sheet) -> bytes:
    lines = [
        f"{sheet.title}. {sheet.about}".rstrip(),
        "",
        *(f"| {' | '.join(c)} |" for c in (sheet.headings, ["---"] * len(sheet.headings), *sheet.cells)),
    ]
    if sheet.notes:
        lines += ["", f"{sheet.notes[0].upper()}{sheet.notes[1:].rstrip('.')}."]
    return ("\n".join(lines) + "\n").encode()


def _json(sheet: Sheet) -> bytes:
    return orjson.dumps(sheet.document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _csv(sheet: Sheet) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, sheet.columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sheet.rows)
    return text.getvalue().encode()
