"""The webhook against a real listener: what it sends, how answers count, where it may not go."""

import asyncio
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.notifiers._addresses import is_permitted
from connectors.notifiers.webhook import Config, open_notifier
from twin.domain.alarm import Alarm, AlarmState, Notice, Priority
from twin.domain.errors import ConfigError, ConnectorError
from twin.domain.event import Cause, Event, Kind, Stage, Verdict

EVENT = Event(
    1_700_000_000_123_000_000,
    Kind.DRIFT,
    "R101",
    Stage.CONFIRMED,
    "R101.pH/drift/1",
    tag="R101.pH",
    verdict=Verdict.SENSOR,
    since=1_699_990_000_000_000_000,
    size=-0.08,
    unit="1",
    confidence=0.97,
    causes=(Cause("ph_drift", Verdict.SENSOR, "AT-101", "R101.pH", 0.97),),
    evidence=("charge_balance",),
    detail={"rate_per_h": 0.02},
)
ALARM = Alarm("R101.pH/drift/1", AlarmState.UNACK, Priority.HIGH, EVENT, EVENT.t, EVENT.t)
NOTICE = Notice(
    "R101.pH/drift/1/confirmed/anna",
    "anna",
    "fr",
    "Dérive de sonde",
    "La sonde pH dérive",
    ALARM,
    link="https://twin.example.org/#/unit/R101",
)


@dataclass
class Listener:
    answer: str = "204 No Content"
    delay_s: float = 0.0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        size = int(
            next(line[15:] for line in head.split("\r\n") if line.lower().startswith("content-length:"))
        )
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(size))
        await asyncio.sleep(self.delay_s)
        writer.write(f"HTTP/1.1 {self.answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    def header(self, name: str) -> str | None:
        lines = (line.partition(": ") for line in self.heads[-1].split("\r\n"))
        return next((value for key, _, value in lines if key.lower() == name.lower()), None)


@asynccontextmanager
async def listening(**fields: Any) -> AsyncIterator[Listener]:
    listener = Listener(**fields)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?line=7"
    yield listener
    server.close()
    await server.wait_closed()


async def send(url: str, notice: Notice = NOTICE, **fields: Any) -> None:
    notifier = open_notifier(Config(url=url, **{"allow_private": True} | fields))
    try:
        await notifier.send(notice)
    finally:
        await notifier.close()


async def test_the_document_says_everything_in_one_post(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    async with listening() as listener:
        await send(listener.url, secret_file=secret)
        await send(listener.url, secret_file=secret)
    assert listener.heads[0].startswith("POST /hook?line=7 HTTP/1.1")
    assert listener.header("Idempotency-Key") == NOTICE.key
    assert listener.header("Host") == listener.url.split("/")[2]
    expected = hmac.new(b"s3cret", listener.bodies[0], hashlib.sha256).hexdigest()
    assert listener.header("X-Bioline-Signature") == f"sha256={expected}"
    assert listener.bodies[0] == listener.bodies[1]
    document = orjson.loads(listener.bodies[0])
    assert document["schema"] == 1
    assert document["link"] == NOTICE.link
    assert (document["key"], document["language"], document["title"]) == (NOTICE.key, "fr", "Dérive de sonde")
    assert document["alarm"]["raised"] == "2023-11-14T22:13:20.123Z"
    assert document["event"]["verdict"] == "sensor"
    assert document["event"]["since"] == "2023-11-14T19:26:40.000Z"
    assert document["event"]["causes"][0]["code"] == "ph_drift"
    assert document["event"]["detail"] == {"rate_per_h": 0.02}


@pytest.mark.parametrize(
    ("answer", "retry", "wait_s"),
    [
        ("400 Bad Request", False, None),
        ("401 Unauthorized", False, None),
        ("410 Gone", False, None),
        ("302 Found\r\nLocation: http://169.254.169.254/", False, None),
        ("408 Request Timeout", True, None),
        ("429 Too Many Requests\r\nRetry-After: 17", True, 17.0),
        ("500 Internal Server Error", True, None),
        ("503 Service Unavailable\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT", True, 0.0),
        ("503 Service Unavailable\r\nRetry-After: soon", True, None),
    ],
)
async def test_answers_that_are_not_acceptance(answer: str, retry: bool, wait_s: float | None) -> None:
    async with listening(answer=answer) as listener:
        with pytest.raises(ConnectorError, match=f"HTTP {answer[:3]}") as caught:
            await send(listener.url)
    assert (caught.value.retry, caught.value.wait_s) == (retry, wait_s)
    assert len(listener.heads) == 1
    assert "line=7" not in str(caught.value)


async def test_silence_and_closed_doors_may_be_tried_again() -> None:
    async with listening(delay_s=0.5) as listener:
        with pytest.raises(ConnectorError, match=r"no answer within 0\.1 s") as caught:
            await send(listener.url, timeout_s=0.1)
        assert caught.value.retry
        await asyncio.sleep(0.5)
    with pytest.raises(ConnectorError, match="ConnectError") as caught:
        await send(listener.url)
    assert caught.value.retry


async def test_S_08_private_addresses_need_permission() -> None:
    async with listening() as listener:
        for url in (listener.url, listener.url.replace("127.0.0.1", "localhost")):
            with pytest.raises(ConnectorError, match="not a public address") as caught:
                await send(url, allow_private=False)
            assert not caught.value.retry
        assert listener.heads == []
        await send(listener.url.replace("127.0.0.1", "localhost"))
    assert len(listener.heads) == 1


async def test_S_08_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def lookup(*args: Any, **kwargs: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (text, 80)) for text in ("93.184.216.34", "10.0.0.8")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    with pytest.raises(ConnectorError, match=r"leads to 10\.0\.0\.8"):
        await send("http://example.com/", allow_private=False)


async def test_a_name_nobody_knows_may_be_tried_again() -> None:
    with pytest.raises(ConnectorError, match="name not found") as caught:
        await send("http://no-such-host.invalid/")
    assert caught.value.retry


@pytest.mark.parametrize(
    ("text", "plain", "allowed"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1::1", True, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("10.1.2.3", False, True),
        ("192.168.0.9", False, True),
        ("fd00::1", False, True),
        ("::ffff:10.0.0.1", False, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("64:ff9b::0a00:0001", False, True),
        ("2002:7f00:0001::", False, True),
        ("fe80::1", False, False),
        ("0.0.0.0", False, False),
        ("224.0.0.1", False, False),
        ("255.255.255.255", False, False),
    ],
)
def test_S_08_where_a_webhook_may_go(text: str, plain: bool, allowed: bool) -> None:
    address = ipaddress.ip_address(text)
    assert (is_permitted(address, False), is_permitted(address, True)) == (plain, allowed)


def test_secrets_that_can_not_serve_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not be read"):
        open_notifier(Config(url="https://example.com/", secret_file=tmp_path / "none"))  # type: ignore[arg-type]
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        open_notifier(Config(url="https://example.com/", secret_file=tmp_path / "empty"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields", [{"url": "ftp://x/"}, {"url": "/hook"}, {"url": "http://x", "secret": "s"}]
)
def test_configurations_that_can_not_work_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Config.model_validate(fields)
