"""Mail, MQTT and Apprise against real listeners; hostile text stays text."""

import asyncio
import json
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from test_webhook import NOTICE, Listener

from connectors.notifiers import apprise, mqtt, smtp
from simulators.broker import open_broker
from twin.domain.alarm import Picture
from twin.domain.errors import ConfigError, ConnectorError


@dataclass
class MailServer:
    """Enough of SMTP to take one mail; answers `code` to the recipient."""

    code: int = 250
    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.upper()
            if verb.startswith("RCPT"):
                self.recipients.append(line)
                writer.write(f"{self.code} said so\r\n".encode())
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 kept\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 yes\r\n")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def mail_server(code: int = 250) -> AsyncIterator[MailServer]:
    box = MailServer(code)
    async with await asyncio.start_server(box.serve, "127.0.0.1", 0) as server:
        box.port = server.sockets[0].getsockname()[1]
        yield box


def mail(port: int) -> smtp.Mail:
    config = smtp.Config(host="127.0.0.1", port=port, security="none", sender="twin@example.org")
    route = smtp.open_notifier(config)
    assert isinstance(route, smtp.Mail)
    return route


async def test_a_mail_carries_title_text_key_and_the_way_out() -> None:
    stop = "https://twin.example.org/#/stop?number=s-1&secret=x"
    async with mail_server() as box:
        for _ in range(2):
            await mail(box.port).send(replace(NOTICE, address="anne@example.org", stop=stop))
    first, second = (message_from_bytes(raw, policy=policy.default) for raw in box.mails)
    assert first["Subject"] == "Dérive de sonde"
    assert first["To"] == "anne@example.org"
    assert first["List-Unsubscribe"] == f"<{stop}>"
    assert first["Message-ID"] == second["Message-ID"]
    assert "La sonde pH dérive" in first.get_content()
    assert f"Ne plus recevoir ces avis: {stop}" in first.get_content()


async def test_a_mail_shows_the_picture_and_says_it_in_words() -> None:
    picture = Picture(
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "pH <de> R101 : mesuré 7,1.", "Bleu & orange."
    )
    link = "https://twin.example.org/#/unit/R101?lang=fr&alarm=R101%2Fdrift"
    hostile = "La sonde dérive\n<script>alert(1)</script>"
    sent = replace(NOTICE, address="anne@example.org", text=hostile, link=link, picture=picture)
    async with mail_server() as box:
        await mail(box.port).send(sent)
    got = message_from_bytes(box.mails[0], policy=policy.default)
    plain, page = got.get_body(("plain",)), got.get_body(("html",))
    assert plain
    assert page
    for text in ("La sonde dérive", picture.text, f"Ouvrir la fiche: {link}"):
        assert text in plain.get_content()
    html = page.get_content()
    assert "<script" not in html
    assert 'alt="pH &lt;de&gt; R101 : mesuré 7,1."' in html
    assert "Bleu &amp; orange." in html
    (image,) = (part for part in got.walk() if part.get_content_type() == "image/png")
    assert image.get_content() == picture.png
    assert f'src="cid:{image["Content-ID"][1:-1]}"' in html


async def test_S_06_a_hostile_title_is_no_header_and_a_hostile_text_no_second_mail() -> None:
    hostile = replace(
        NOTICE,
        address="anne@example.org",
        title="a\r\nBcc: all@example.org",
        text="x\r\n.\r\nMAIL FROM:<a@b>\r\n\x1b[2J",
    )
    async with mail_server() as box:
        await mail(box.port).send(hostile)
    assert len(box.mails) == 1
    assert len(box.recipients) == 1
    got = message_from_bytes(box.mails[0], policy=policy.default)
    assert got["Bcc"] is None
    assert "\x1b" not in got.get_content()


@pytest.mark.parametrize(("code", "retry"), [(550, False), (451, True)])
async def test_a_refusal_for_good_is_not_tried_again(code: int, retry: bool) -> None:
    async with mail_server(code) as box:
        with pytest.raises(ConnectorError, match=f"{code} said so") as refused:
            await mail(box.port).send(replace(NOTICE, address="anne@example.org"))
    assert refused.value.retry is retry


async def test_a_mail_server_that_is_away_is_worth_another_try() -> None:
    async with mail_server() as box:
        port = box.port
    with pytest.raises(ConnectorError, match="is the server there") as away:
        await mail(port).send(replace(NOTICE, address="anne@example.org"))
    assert away.value.retry


def test_S_12_a_password_never_goes_over_an_open_wire(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="encrypted"):
        smtp.open_notifier(smtp.Config(host="h", security="none", user="u", sender="a@b"))


@contextmanager
def subscribed(port: int) -> Iterator["queue.Queue[tuple[str, bytes]]"]:
    """What arrives below bioline/notices."""
    seen: queue.Queue[tuple[str, bytes]] = queue.Queue()
    ready = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = lambda _, __, message: seen.put((message.topic, message.payload))
    client.on_subscribe = lambda *_: ready.set()
    client.on_connect = lambda *_: client.subscribe("bioline/notices/#", qos=1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert ready.wait(20)
    yield seen
    client.disconnect()
    client.loop_stop()


async def test_mqtt_publishes_below_its_own_topics_only_and_says_when_the_broker_is_away() -> None:
    with closing(open_broker()) as broker:
        route = mqtt.open_notifier(mqtt.Config(port=broker.port))
        with subscribed(broker.port) as seen:
            await route.send(replace(NOTICE, address="bioline/notices/anne"))
            topic, body = await asyncio.to_thread(seen.get, True, 20.0)
        assert topic == "bioline/notices/anne"
        assert json.loads(body)["title"] == "Dérive de sonde"
        with pytest.raises(ConnectorError, match="has to begin with") as refused:
            await route.send(replace(NOTICE, address="plant/R101/pH/set"))
        assert not refused.value.retry
        port = broker.port
    with pytest.raises(ConnectorError, match="is the broker running"):
        await mqtt.open_notifier(mqtt.Config(port=port)).send(NOTICE)


async def test_apprise_tells_every_address_of_its_file_and_says_when_one_fails(tmp_path: Path) -> None:
    listener = Listener("200 OK")
    urls = tmp_path / "urls"
    async with await asyncio.start_server(listener.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        urls.write_text(f"json://127.0.0.1:{port}/\n")
        route = apprise.open_notifier(apprise.Config(urls_file=urls))
        await route.send(NOTICE)
    assert json.loads(listener.bodies[0])["title"] == "Dérive de sonde"
    with pytest.raises(ConnectorError):
        await route.send(NOTICE)
    urls.write_text("nonsense://x\n")
    with pytest.raises(ConfigError, match="line 1"):
        apprise.open_notifier(apprise.Config(urls_file=urls))
