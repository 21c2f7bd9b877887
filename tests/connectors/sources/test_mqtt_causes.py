"""Why there is no connection to a broker: each cause is told apart, with what would do, as it is now."""

import asyncio
import socket
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from pydantic import ValidationError
from servers import Broker, needs
from watching import Watched, context

from connectors.sources.mqtt import Config, open_source
from simulators.wires import free_port

pytestmark = [pytest.mark.usefixtures("no_leaks"), pytest.mark.servers]


@dataclass
class Authority:
    """An authority that signs certificates, each with its key, as PEM files."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        made = self._builder(self._named, self._private, 100).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = self.folder / f"{self.name}.crt"
        self.file.write_bytes(made.sign(self._private, hashes.SHA256()).public_bytes(Encoding.PEM))

    def _builder(self, subject: x509.Name, key: Any, ends_d: float) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            self._named, subject, key.public_key(), x509.random_serial_number(),
            now - timedelta(days=200), now + timedelta(days=ends_d),
        )  # fmt: skip

    def sign(self, host: str, ends_d: float = 50, password: bytes = b"") -> tuple[Path, Path]:
        private = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        made = self._builder(subject, private, ends_d).add_extension(names, critical=False)
        stem = self.folder / f"{host}-{self.name}-{ends_d}-{len(password)}"
        certificate, key = stem.with_suffix(".pem"), stem.with_suffix(".key")
        certificate.write_bytes(made.sign(self._private, hashes.SHA256()).public_bytes(Encoding.PEM))
        kept = BestAvailableEncryption(password) if password else NoEncryption()
        key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept))
        return certificate, key


@dataclass
class Brokers:
    """Brokers that encrypt, and the authorities about them."""

    folder: Path
    own: Authority
    other: Authority
    running: list[Broker]

    def start(self, *more: str, port: int | None = None) -> Broker:
        broker = Broker(self.folder / str(len(self.running)), more=more, port=port)
        self.running.append(broker)
        broker.start()
        return broker

    def encrypting(self, *more: str, host: str = "localhost", ends_d: float = 50) -> Broker:
        certificate, key = self.own.sign(host, ends_d)
        return self.start(f"certfile {certificate}", f"keyfile {key}", f"cafile {self.own.file}", *more)


@pytest.fixture
def brokers(tmp_path: Path) -> Any:
    needs("mosquitto")
    made = Brokers(tmp_path, Authority(tmp_path, "own"), Authority(tmp_path, "other"), [])
    yield made
    for broker in made.running:
        broker.end()


def source(port: int, **more: Any) -> Any:
    config = {"host": "localhost", "port": port, "retry_s": 0.1, "retry_max_s": 0.2} | more
    return open_source(Config(id="m", **config), context())


async def said(port: int, **more: Any) -> str:
    """What a source that can not connect says; once, however often it tries."""
    async with Watched(source(port, **more)) as got:
        await got.until(lambda: bool(got.links))
        await asyncio.sleep(0.5)
    assert got.ups == [False], [link.text for link in got.links]
    return got.links[0].text


async def test_with_the_right_authority_and_a_certificate_of_ours_it_connects(brokers: Brokers) -> None:
    broker = brokers.encrypting("require_certificate true")
    ours, key = brokers.own.sign("twin")
    files = {"ca_file": brokers.own.file, "certificate_file": ours, "key_file": key}
    async with Watched(source(broker.port, tls=True, **files)) as got:
        await got.until(lambda: got.ups == [True])


async def test_a_certificate_that_is_not_believed_says_why(brokers: Brokers) -> None:
    port = brokers.encrypting().port
    assert await said(port, tls=True, ca_file=brokers.other.file) == (
        f"the certificate of the broker at localhost:{port} is by no authority in {brokers.other.file} "
        "(self-signed certificate in certificate chain); put the certificate of its authority there"
    )
    assert await said(port, tls=True) == (
        f"the certificate of the broker at localhost:{port} is not trusted "
        "(self-signed certificate in certificate chain); give the certificate of its authority as ca_file"
    )
    port = brokers.encrypting(host="broker.plant").port
    assert await said(port, tls=True, ca_file=brokers.own.file) == (
        f"the certificate of the broker at localhost:{port} is for another name (Hostname mismatch, "
        "certificate is not valid for 'localhost'); a host it names would do, or a certificate for this one"
    )
    port = brokers.encrypting(ends_d=-1).port
    assert await said(port, tls=True, ca_file=brokers.own.file) == (
        f"the certificate of the broker at localhost:{port} is not valid now (certificate has expired); "
        "renew it at the broker, or check the clocks"
    )


@pytest.mark.parametrize("version", ["tlsv1.2", "tlsv1.3"])
async def test_a_broker_that_wants_a_certificate_of_ours(brokers: Brokers, version: str) -> None:
    port = brokers.encrypting("require_certificate true", f"tls_version {version}").port
    text = await said(port, tls=True, ca_file=brokers.own.file)
    assert text == (
        f"the broker at localhost:{port} asks for a certificate of ours; give certificate_file and key_file, "
        "of an authority it trusts"
    )
    ours, key = brokers.other.sign("twin")
    text = await said(port, tls=True, ca_file=brokers.own.file, certificate_file=ours, key_file=key)
    assert text.startswith(f"the broker at localhost:{port} does not take our certificate {ours} (")
    assert "UNKNOWN_CA" in text


async def test_tls_where_none_is_spoken_and_none_where_it_is(brokers: Brokers) -> None:
    plain, closed = brokers.start().port, brokers.encrypting().port
    text = await said(plain, tls=True, ca_file=brokers.own.file)
    assert text.startswith(f"no TLS is spoken at localhost:{plain} (")
    assert "tls: false" in text
    for protocol in ("auto", 5, 311):
        assert await said(closed, protocol=protocol) == (
            f"the broker at localhost:{closed} encrypts; give tls: true, or the port on which it does not"
        )


async def test_a_host_that_is_not_known_or_does_not_answer() -> None:
    text = await said(1883, host="broker.invalid", allow_insecure=True)
    assert text.startswith("no machine is called broker.invalid (")
    assert "check host" in text
    port = free_port()
    assert await said(port) == f"nothing answers at localhost:{port}; check that the broker runs"
    assert await said(port, tls=True) == f"nothing answers at localhost:{port}; check that the broker runs"


async def of_the_web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    writer.close()


async def nobodys(port: int) -> None:
    """What is said of a port where no broker listens."""
    short = {"host": "127.0.0.1", "connect_timeout_s": 0.2}
    assert await said(port, **short) == (
        f"127.0.0.1:{port} does not answer our greeting; check that a broker of MQTT listens there, "
        "and that it takes client bioline--m"
    )
    assert (await said(port, tls=True, **short)).startswith(f"no TLS is spoken at 127.0.0.1:{port} (")


async def test_something_else_than_a_broker() -> None:
    async with await asyncio.start_server(of_the_web, "127.0.0.1", 0) as server:
        await nobodys(server.sockets[0].getsockname()[1])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        await nobodys(silent.getsockname()[1])


async def test_files_that_can_not_be_used_are_named(brokers: Brokers) -> None:
    port = brokers.encrypting().port
    none, rubbish = brokers.folder / "none", brokers.folder / "rubbish"
    rubbish.write_bytes(b"\xff\xfe")
    ours, locked = brokers.own.sign("twin", password=b"secret")
    for fields, named in (
        ({"ca_file": none}, f"ca_file {none} ("),
        ({"ca_file": rubbish}, f"ca_file {rubbish} ("),
        ({"certificate_file": ours, "key_file": locked}, f"certificate_file {ours}, key_file {locked} ("),
        ({"user": "twin", "password_file": rubbish}, f"password_file {rubbish} ("),
    ):
        text = await said(port, tls=True, **fields)
        assert text.startswith(f"a file named for the broker can not be read: {named}"), text


async def test_the_text_follows_the_newest_cause(tmp_path: Path, brokers: Brokers) -> None:
    broker = brokers.start()
    async with Watched(source(broker.port)) as got:
        await got.until(lambda: got.ups == [True])
        broker.end()
        await got.until(lambda: "nothing answers" in got.links[-1].text)
        again = brokers.start("allow_anonymous false", port=broker.port)
        await got.until(lambda: "wants an account" in got.links[-1].text)
        again.end()
        await got.until(lambda: "nothing answers" in got.links[-1].text)
        await asyncio.sleep(0.8)
        broker.start()
        await got.until(lambda: got.links[-1].up is True)
    causes = [link.text.partition(";")[0] for link in got.links if link.up is False]
    assert [text for text in causes if "lost" not in text and "greeting" not in text] == [
        f"nothing answers at localhost:{broker.port}",
        f"the broker at localhost:{broker.port} wants an account (Not authorized)",
        f"nothing answers at localhost:{broker.port}",
    ]


@pytest.mark.parametrize("protocol", [5, 311, "auto"])
async def test_MQ_07_a_refused_account_is_tried_again_until_it_is_right(
    guarded_mosquitto: Broker, tmp_path: Path, protocol: Any
) -> None:
    port, secret = guarded_mosquitto.port, tmp_path / "secret"
    secret.write_text("wrong\n")
    text = await said(port, protocol=protocol)
    assert text.startswith(f"the broker at localhost:{port} wants an account (")
    assert text.endswith("give user and password_file. It is tried again")
    text = await said(port, protocol=protocol, user="twin")
    assert text.startswith(f"the broker at localhost:{port} refuses user twin without a password (")
    async with Watched(source(port, protocol=protocol, user="twin", password_file=secret)) as got:
        await got.until(lambda: got.ups == [False])
        assert f"its password in {secret}, which is read at every try" in got.links[0].text
        secret.write_text("right\n")
        await got.until(lambda: got.ups == [False, True])


async def test_an_account_that_is_withdrawn_later_says_so_too(tmp_path: Path, brokers: Brokers) -> None:
    accounts, secret = tmp_path / "accounts", tmp_path / "secret"
    accounts.touch()
    secret.write_text("right")

    def account(word: str) -> None:
        subprocess.run(
            ["mosquitto_passwd", "-b", str(accounts), "twin", word], check=True, capture_output=True
        )

    needs("mosquitto_passwd")
    account("right")
    broker = brokers.start("allow_anonymous false", f"password_file {accounts}")
    async with Watched(source(broker.port, user="twin", password_file=secret)) as got:
        await got.until(lambda: got.ups == [True])
        account("other")
        broker.end()
        broker.start()
        await got.until(lambda: "refuses user twin" in got.links[-1].text)
        secret.write_text("other")
        await got.until(lambda: got.links[-1].up is True)


@pytest.mark.parametrize("host", ["", "a..b", "x" * 64 + ".plant"])
def test_a_host_that_no_machine_can_have_is_refused(host: str) -> None:
    with pytest.raises(ValidationError):
        Config(id="m", host=host, allow_insecure=True)
