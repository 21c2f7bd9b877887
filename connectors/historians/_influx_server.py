"""One InfluxDB server over HTTP: which interface it speaks, what its answers mean. Synchronous.

influxdb-client carries the bytes; its batching writer, which keeps points in memory and gives up
on its own, is not used.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

import orjson
from influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from twin.domain.errors import ConfigError, ConnectorError, StorageError

REMEDIES: Final = {
    401: "Check the account (username, password_file or token_file).",
    403: "The account may not write here: give it write access.",
    404: "The database or bucket does not exist there: create it, or mend `database`/`org`.",
    0: "Mend the configuration of this historian or of the server.",
}
"""What would do, by HTTP status; 0 for any other that waiting does not mend."""
NO_DATABASE: Final = "database not found"
"""How a server begins to say that there is no such database."""
Api: TypeAlias = Literal["v1", "v2"]
T = TypeVar("T")

CAP_S: Final = 30.0
"""Longest wait between two tries [s]; chosen default."""
_ABOUT_A_LINE: Final = (
    "partial write",
    "parse",
    "parsing",
    "field type",
    "retention",
    "line protocol",
    "timestamp",
)


@dataclass(frozen=True, slots=True)
class Account:
    """How to log in; nothing set means without account."""

    username: str = ""
    password_file: Path | None = None
    token_file: Path | None = None

    def options(self) -> dict[str, Any]:
        """What the client library wants to be told."""
        if self.token_file is not None:
            return {"token": _secret(self.token_file)}
        if self.password_file is not None:
            return {"token": f"{self.username}:{_secret(self.password_file)}", "auth_basic": True}
        return {"token": None}


class ServerAwayError(ConnectorError):
    """The server did not take something now; `wait_s` is how long it asked to wait [s]."""

    def __init__(self, message: str, wait_s: float | None = None, *, held: bool = False) -> None:
        super().__init__(message, wait_s=wait_s)
        self.held = held


class Server:
    """The HTTP side. Every call blocks for at most `timeout_s`.

    Raises
    ------
    ServerAwayError
        From every method but `close`: no answer, or one that asks for another try.
    """

    def __init__(
        self, url: str, database: str, org: str, account: Account, timeout_s: float, ca_file: Path | None
    ) -> None:
        self._url = url
        self._database = database
        self._org = org
        self._client = InfluxDBClient(
            url,
            org=org,
            timeout=int(1000 * timeout_s),
            ssl_ca_cert=ca_file and str(ca_file),
            **account.options(),
        )
        self.version = ""

    def ping(self) -> str:
        """Learn the version; empty for servers that do not tell one (and offer no queries)."""
        self.version = self._call("GET", "/ping", {}).headers.get("X-Influxdb-Version", "")
        return self.version

    def post(self, api: Api, lines: Sequence[str]) -> str | None:
        """Write lines; None when all were taken, else what the server says of one or some of them."""
        path, where = ("/write", {"db": self._database}) if api == "v1" else ("/api/v2/write", self._bucket())
        try:
            self._call("POST", path, where | {"precision": "ns"}, "\n".join(lines).encode())
        except LineRefusedError as error:
            return str(error)
        return None

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Series of an InfluxQL statement: ``[{"tags": .., "columns": [..], "values": [[..], ..]}]``.

        Raises
        ------
        StorageError
            The server can not run the statement.
        """
        if not (self.version or self.ping()):
            raise StorageError(
                f"{self._url}: tells no InfluxDB version, so it can be written but not read. "
                f"Use an InfluxDB server, or the sqlite historian, where history is to be shown."
            )
        try:
            response = self._call("GET", "/query", {"db": self._database, "q": statement, "epoch": "ns"})
        except LineRefusedError as error:
            raise StorageError(f"{self._url}: {error} (query {statement[:200]!r}).") from error
        answer = orjson.loads(response.data)
        results = answer.get("results", [{}])
        for problem in (answer.get("error"), *(result.get("error") for result in results)):
            if problem and str(problem).startswith(NO_DATABASE):
                raise StorageError(no_database(self._url, self._database, self.version))
            if problem:
                raise StorageError(f"{self._url}: {problem} (query {statement[:200]!r}).")
        return [series for result in results for series in result.get("series", [])]

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _bucket(self) -> dict[str, str]:
        return {"org": self._org, "bucket": self._database}

    def _call(self, method: str, path: str, query: dict[str, str], body: bytes | None = None) -> Any:
        try:
            response = self._client.api_client.call_api(
                path,
                method,
                query_params=list(query.items()),
                header_params={"Content-Type": "text/plain; charset=utf-8"},
                body=body,
                _preload_content=False,
                _return_http_data_only=True,
            )
            response.data  # noqa: B018  (reads it all and frees the connection)
            return response
        except ApiException as error:
            raise meaning(self._url, error.status or 0, _words(error), _wait(error)) from error
        except (HTTPError, OSError) as error:
            raise ServerAwayError(f"{self._url}: does not answer ({error}).") from error


class LineRefusedError(Exception):
    """The server will never take one or more of the lines (or this query) as they are."""


def meaning(url: str, status: int, words: str, wait_s: float | None) -> Exception:
    """What an answer other than success asks for.

    Parameters
    ----------
    url : str
    status : int
        HTTP status.
    words : str
        The server's message.
    wait_s : float or None
        Its Retry-After [s].
    """
    if status in (400, 413, 422) and (status == 413 or any(mark in words for mark in _ABOUT_A_LINE)):
        return LineRefusedError(words)
    if 400 <= status < 500 and status not in (408, 429):
        remedy = REMEDIES.get(status, REMEDIES[0])
        return ServerAwayError(
            f"{url}: HTTP {status}: {words}. {remedy} Rows are kept meanwhile.", CAP_S, held=True
        )
    return ServerAwayError(f"{url}: HTTP {status}: {words}. Rows are kept and sent later.", wait_s)


def no_database(url: str, name: str, version: str) -> str:
    """That a database is not there, and what makes it on a server of a version."""
    if not version.startswith(("0.", "1.")):
        return f"{url}: database {name!r} is not there; create a bucket of that name, or correct `database`."
    quoted = name if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) else f'"{name}"'
    return (
        f"{url}: database {name!r} is not there; create it with `CREATE DATABASE {quoted}`, or correct "
        "`database`."
    )


def isolate(items: Sequence[T], post: Callable[[Sequence[T]], str | None]) -> list[tuple[T, str]]:
    """Send all; find by halving those that are refused, so that none of the others is lost.

    Parameters
    ----------
    items : sequence
    post : callable
        Sends some; None when all were taken, else the reason.

    Returns
    -------
    list of (item, reason)
    """
    reason = post(items)
    if reason is None:
        return []
    if len(items) == 1:
        return [(items[0], reason)]
    half = len(items) // 2
    return isolate(items[:half], post) + isolate(items[half:], post)


def pause(failures: int, wait_s: float | None) -> float:
    """How long to wait after so many failures in a row [s]: doubling from 0.5 s, capped, with jitter."""
    if wait_s is not None:
        return min(wait_s, 10 * CAP_S)
    return min(CAP_S, 0.5 * 2.0 ** min(failures - 1, 10)) * random.uniform(0.5, 1.0)  # noqa: S311


def _words(error: ApiException) -> str:
    raw = error.body if isinstance(error.body, str) else (error.body or b"").decode("utf-8", "replace")
    try:
        told = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.strip()[:500] or str(error.reason)
    return str(told.get("error") or told.get("message") or raw)[:500] if isinstance(told, dict) else raw[:500]


def _wait(error: ApiException) -> float | None:
    try:
        return max(0.0, float((error.headers or {}).get("Retry-After", "")))
    except ValueError:
        return None


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(
            f"{path}: secret can not be read ({error}). Make the file, readable by the service."
        ) from error
