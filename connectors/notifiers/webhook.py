"""Notices as JSON documents posted to an address.

2xx is accepted. 408, 429 and 5xx, timeouts and lost connections are worth another try, other
answers are not. The header ``Idempotency-Key`` is the same when the same notice comes again;
``X-Bioline-Signature: sha256=<hex>`` is the HMAC-SHA256 of the body when a secret is configured.
"""

import asyncio
import hashlib
import hmac
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from connectors.codecs import notice_json
from connectors.notifiers._addresses import resolve
from twin.domain.alarm import Notice
from twin.domain.errors import ConfigError, ConnectorError
from twin.ports import Notifier

WORTH_ANOTHER_TRY: Final = (408, 425, 429)
LONGEST_WAIT_S: Final = 86_400.0
ADDRESS: Final = "url"
"""What a subscription's own address looks like on this channel."""


class Config(BaseModel):
    """One address.

    Parameters
    ----------
    url : str or None
        ``http`` or ``https``; redirects are not followed. None: each subscription has its own.
    secret_file : Path or None
        File with the secret of the signature.
    timeout_s : float
        Longest wait for an answer [s].
    allow_private : bool
        Permit addresses of private networks and of this machine.
    """

    model_config = ConfigDict(extra="forbid")

    url: HttpUrl | None = None
    secret_file: Path | None = None
    timeout_s: float = Field(default=10.0, gt=0, le=120)
    allow_private: bool = False


def open_notifier(config: Config) -> Notifier:
    """Make the route; nothing is connected yet.

    Raises
    ------
    ConfigError
        The secret can not be read or is empty.
    """
    return Webhook(config, None if config.secret_file is None else _secret(config.secret_file))


class Webhook:
    """A route to one address."""

    def __init__(self, config: Config, secret: bytes | None) -> None:
        self._config = config
        self._url = None if config.url is None else httpx.URL(str(config.url))
        self._secret = secret
        self._client = httpx.AsyncClient(follow_redirects=False, trust_env=False)

    async def send(self, notice: Notice) -> None:
        """Deliver; raise `ConnectorError` when the other side did not take it."""
        url = _address(notice.address) if notice.address else self._url
        if url is None:
            raise ConnectorError("webhook: neither the channel nor the subscription has a url.", retry=False)
        body = notice_json.encode(notice)
        try:
            async with asyncio.timeout(self._config.timeout_s):
                await self._post(url, body, self._headers(notice, body))
        except TimeoutError as error:
            raise ConnectorError(f"{_named(url)}: no answer within {self._config.timeout_s:g} s.") from error
        except httpx.HTTPError as error:
            raise ConnectorError(f"{_named(url)}: {type(error).__name__} {error}".rstrip() + ".") from error

    async def close(self) -> None:
        """Release connections."""
        await self._client.aclose()

    async def _post(self, url: httpx.URL, body: bytes, headers: dict[str, str]) -> None:
        port = url.port or (443 if url.scheme == "https" else 80)
        numbers = await resolve(url.host, port, self._config.allow_private)
        for number in numbers[:-1]:
            with suppress(httpx.ConnectError):
                return await self._post_to(url, number, body, headers)
        return await self._post_to(url, numbers[-1], body, headers)

    async def _post_to(self, url: httpx.URL, number: str, body: bytes, headers: dict[str, str]) -> None:
        request = self._client.build_request(
            "POST",
            url.copy_with(host=number),
            content=body,
            headers=headers | {"Host": url.netloc.decode("ascii").rpartition("@")[2]},
            extensions={"sni_hostname": url.host},
            timeout=self._config.timeout_s,
        )
        response = await self._client.send(request, stream=True)
        try:
            await _judge(_named(url), response)
        finally:
            await response.aclose()

    def _headers(self, notice: Notice, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "bioline-twin",
            "Idempotency-Key": _header_text(notice.key),
        }
        if self._secret is not None:
            signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
            headers["X-Bioline-Signature"] = f"sha256={signature}"
        return headers


def _named(url: httpx.URL) -> str:
    """The address without what may be secret in it."""
    return f"{url.scheme}://{url.netloc.decode().rpartition('@')[2]}{url.path}"


def _address(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ConnectorError(f"webhook: the address is no url ({error}).", retry=False) from error
    if url.scheme not in ("http", "https"):
        raise ConnectorError("webhook: the address is neither http nor https.", retry=False)
    return url


async def _judge(named: str, response: httpx.Response) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    retry = status >= 500 or status in WORTH_ANOTHER_TRY
    said = f"{named}: HTTP {status}"
    if 300 <= status < 400:
        raise ConnectorError(f"{said}: redirects are not followed; write the final address.", retry=False)
    words = await _first_words(response)
    raise ConnectorError(f"{said}{words}.", retry=retry, wait_s=_wait_s(response) if retry else None)


async def _first_words(response: httpx.Response) -> str:
    """The start of an answer, for the log; a long answer is not read."""
    async for chunk in response.aiter_bytes(300):
        text = " ".join(chunk.decode("utf-8", "replace").split())
        return f": {text[:200]}" if text else ""
    return ""


def _wait_s(response: httpx.Response) -> float | None:
    """Retry-After as seconds, whether it was given as seconds or as a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT_S)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return min(max(0.0, (aware - datetime.now(UTC)).total_seconds()), LONGEST_WAIT_S)


def _header_text(text: str) -> str:
    """Text a header can carry; what it can not is escaped, still one to one."""
    return text.encode("unicode_escape").decode("ascii")


def _secret(path: Path) -> bytes:
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"secret_file {path}: can not be read ({error}).") from error
    if not secret:
        raise ConfigError(f"secret_file {path}: is empty; write a secret into it.")
    return secret
