"""Answers as JSON, and as files; no cache keeps them."""

from typing import Final

import orjson
from fastapi import Response

from twin.domain.report import ReportFile


def json(data: object) -> Response:
    """`data` as JSON."""
    return Response(orjson.dumps(data), media_type="application/json", headers={"cache-control": "no-store"})


FORMS: Final = {
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


def file(report: ReportFile) -> Response:
    """A report to be saved; no browser shows it as a page of ours."""
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{report.name}"',
        "x-content-sha256": report.content_sha256,
    }
    return Response(report.body, media_type=FORMS[report.name.rpartition(".")[2]], headers=headers)
