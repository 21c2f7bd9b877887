"""Errors as problem details (RFC 9457): one clear sentence and what to try."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from twin.domain.errors import (
    InputError,
    NotAllowedError,
    NotFoundError,
    SignInError,
    StorageError,
    TakenError,
    TwinError,
)

STATUSES: Final[dict[type[TwinError], int]] = {
    InputError: 422,
    NotAllowedError: 403,
    NotFoundError: 404,
    TakenError: 409,
    StorageError: 503,
}
"""HTTP status by kind of error; the rest is a fault of the service, 500."""


class RefusedError(Exception):
    """A request that can not be answered as asked.

    Parameters
    ----------
    status : int
        HTTP status.
    detail : str
        What came, what would do, what to try.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def respond(status: int, detail: str) -> Response:
    """Problem details as a response."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(orjson.dumps(body), status, media_type="application/problem+json")


def faults(found: Iterable[Mapping[str, Any]]) -> str:
    """Faults that the validation found, as one sentence."""
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in found) + "."


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return respond(error.status, error.detail)


def _http(methods: Callable[[str], frozenset[str]]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path, status = request.scope["path"], error.status_code
        allowed = ", ".join(sorted(methods(path)))
        if status == 404 and allowed:  # the pages at the root answer for all that the router does not take
            status = 405
        known = {
            404: f"There is nothing at {path}. The interface starts at /api/v1/line.",
            405: f"{request.method} is not possible at {path}; possible: {allowed}.",
        }
        response = respond(status, known.get(status, str(error.detail)))
        response.headers.update({**(error.headers or {}), **({"allow": allowed} if status == 405 else {})})
        return response

    return answer


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [{**each, "loc": each["loc"][1:]} for each in error.errors()]  # without "query", "path"
    return respond(422, f"The request can not be used as written. {faults(found)}")


async def _twin(_: Request, error: Exception) -> Response:
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)
    return respond(status, str(error))


async def _sign_in(_: Request, error: Exception) -> Response:
    assert isinstance(error, SignInError)
    response = respond(401 if error.wait_s is None else 429, str(error))
    if error.wait_s is not None:
        response.headers["retry-after"] = str(math.ceil(error.wait_s))
    return response


async def _unexpected(_: Request, __: Exception) -> Response:
    return respond(500, "The service met a fault of its own; its log says which. Monitoring goes on.")


def install(app: FastAPI, methods: Callable[[str], frozenset[str]]) -> None:
    """Answer every error of `app` with problem details; `methods` tells what is possible at a path."""
    app.add_exception_handler(RefusedError, _problem)
    app.add_exception_handler(HTTPException, _http(methods))
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(SignInError, _sign_in)
    app.add_exception_handler(TwinError, _twin)
    app.add_exception_handler(Exception, _unexpected)
