"""A small HTTP door on uvicorn: who may knock, how much may come, and an answer only after the commit."""

import asyncio
import base64
import contextlib
import hmac
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

import orjson
import uvicorn
from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.sources._mqtt_broker import is_loopback
from twin.domain.errors import ConnectorError

LARGEST_BODY: Final = 8 * 1024 * 1024
"""Of a request, packed and unpacked [bytes] (chosen default; 5,000 lines are below 1 MB)."""


class DoorConfig(BaseModel):
    """Where to listen and whom to let in.

    Parameters
    ----------
    host, port
        Another address than this machine's own needs `token_file`, and `certificate_file` with `key_file` or
        `allow_insecure`.
    token_file : Path or None
        The secret that a sender must show: as Bearer or Token authorisation, or as the password of Basic.
    certificate_file, key_file : Path or None
        For HTTPS.
    allow_insecure : bool
        Permits another address without encryption.
    commit_s : float
        Longest wait for the values to be durable before the sender is asked to come again [s].
    """

    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8186, ge=0, le=65535)
    token_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    allow_insecure: bool = False
    commit_s: float = Field(default=30.0, gt=0)

    @model_validator(mode="after")
    def _secure(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together")
        if is_loopback(self.host):
            return self
        if self.token_file is None:
            raise ValueError(f"{self.host} is reached from other machines: give token_file")
        if self.certificate_file is None and not self.allow_insecure:
            raise ValueError(
                f"{self.host} is reached from other machines: give certificate_file and key_file, "
                "or allow_insecure: true when its network is trusted"
            )
        return self


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to it; `content` becomes JSON."""

    status: int
    content: object = None
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Awaitable[Answer]]


class _RefusedError(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def open_door(config: DoorConfig, handler: Handler) -> AsyncIterator[str]:
    """Listen until left; gives the address.

    Raises
    ------
    ConnectorError
        When the address is taken or a file can not be read.
    """
    try:
        secret = config.token_file.read_text(encoding="utf-8").strip() if config.token_file else ""
        sock = await asyncio.to_thread(_listen, config)
    except OSError as error:
        raise ConnectorError(
            f"can not listen on {config.host}:{config.port} ({error.strerror or error}); another port or "
            "readable files would do"
        ) from error
    if config.token_file and not secret:
        sock.close()
        raise ConnectorError(f"{config.token_file} is empty; put a secret there", retry=False)
    settings = uvicorn.Config(
        _application(handler, secret),
        log_level="critical",
        lifespan="off",
        limit_concurrency=64,
        timeout_graceful_shutdown=1,
        ssl_certfile=config.certificate_file,
        ssl_keyfile=config.key_file,
    )
    server = _Server(settings)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        scheme = "https" if config.certificate_file else "http"
        yield f"{scheme}://{config.host}:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)


def _listen(config: DoorConfig) -> Any:
    import socket

    return socket.create_server((config.host, config.port))


def _application(handler: Handler, secret: str) -> Callable[..., Awaitable[None]]:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        try:
            _let_in(headers, secret)
            asked = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            query = {name: values[-1] for name, values in asked.items()}
            body = await _body(receive, headers.get("content-encoding", ""))
            answer = await handler(Request(scope["method"], urlsplit(scope["path"]).path, query, body))
        except _RefusedError as refusal:
            answer = Answer(refusal.status, {"error": str(refusal)})
        await _respond(send, answer)

    return application


def _let_in(headers: Mapping[str, str], secret: str) -> None:
    if "origin" in headers:
        raise _RefusedError(403, "pages of a browser may not write here")
    if secret and not hmac.compare_digest(_shown(headers.get("authorization", "")).encode(), secret.encode()):
        raise _RefusedError(401, "the token is missing or wrong")


def _shown(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return rest.strip()
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            return base64.b64decode(rest, validate=True).decode("utf-8", "replace").partition(":")[2]
    return ""


async def _body(receive: Any, encoding: str) -> bytes:
    if encoding not in ("", "identity", "gzip"):
        raise _RefusedError(415, f"content encoding {encoding[:20]!r} is not known; gzip or none would do")
    found = bytearray()
    while True:
        message = await receive()
        found += message.get("body", b"")
        if len(found) > LARGEST_BODY:
            raise _RefusedError(413, f"the body is larger than {LARGEST_BODY} bytes; send less at once")
        if message["type"] == "http.disconnect":
            raise _RefusedError(400, "the sender went away")
        if not message.get("more_body", False):
            return _unpacked(bytes(found)) if encoding == "gzip" else bytes(found)


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(packed, LARGEST_BODY + 1)
    except zlib.error as error:
        raise _RefusedError(400, f"the body is no gzip: {error}") from error
    if len(body) > LARGEST_BODY:
        raise _RefusedError(413, f"the body unpacks to more than {LARGEST_BODY} bytes; send less at once")
    if not unpacker.eof:
        raise _RefusedError(400, "the gzip body is cut short")
    return body


async def _respond(send: Any, answer: Answer) -> None:
    body = b"" if answer.content is None else orjson.dumps(answer.content)
    headers = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    if body:
        headers.append((b"content-type", b"application/json"))
    headers += [(name.encode(), value.encode()) for name, value in answer.headers]
    with contextlib.suppress(OSError):
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
