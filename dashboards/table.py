"""Tables for spreadsheets, in which no cell can be a formula."""

import csv as _csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Response


def csv(name: str, rows: Sequence[Mapping[str, Any]]) -> Response:
    """Rows with equal keys as CSV (RFC 4180) to be saved as `name`."""
    text = io.StringIO()
    writer = _csv.writer(text)
    if rows:
        writer.writerow(rows[0].keys())
    writer.writerows([_inert(value) for value in row.values()] for row in rows)
    disposition = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=disposition)


def _inert(value: Any) -> Any:
    """Text that would begin a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value
