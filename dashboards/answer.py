"""Answers as JSON that no cache keeps."""

import orjson
from fastapi import Response


def json(data: object) -> Response:
    """`data` as JSON."""
    return Response(orjson.dumps(data), media_type="application/json", headers={"cache-control": "no-store"})
