"""The plant's OPC UA server lets in only applications it trusts and users it knows."""

import contextlib
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from simulators.log import LogEvent
from simulators.wires import WireTag
from simulators.wires_commands import Commands
from simulators.wires_opcua import OpcUaWire
from simulators.wires_opcua_security import Security
from twin.domain.errors import ConfigError

NS = "urn:bioline:plant"
TAGS = [WireTag("R101.feed_sp", "mL/h", 0.0, 50.0, set_point=True)]


class Key(NamedTuple):
    certificate: Path
    private: Path


def key(folder: Path, name: str, begins_d: float = -1.0, ends_d: float = 100.0) -> Key:
    """A self-signed certificate of an application (or user) with its private key."""
    private = rsa.generate_private_key(65537, 2048)
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        named, named, private.public_key(), x509.random_serial_number(),
        now + timedelta(days=begins_d), now + timedelta(days=ends_d),
    )  # fmt: skip
    uri = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:test:{name}")])
    made = builder.add_extension(uri, critical=False).sign(private, hashes.SHA256())
    found = Key(folder / f"{name}.der", folder / f"{name}.pem")
    found.certificate.write_bytes(made.public_bytes(Encoding.DER))
    found.private.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return found


class Controller:
    def __init__(self) -> None:
        self.now_s = 5.0
        self.told: list[tuple[str, float]] = []

    def set_point(self, tag_id: str, value: float) -> None:
        self.told.append((tag_id, value))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Key]:
    folder = tmp_path_factory.mktemp("keys")
    names = ("server", "known", "stranger", "ann", "bob", "eve")
    return {name: key(folder, name) for name in names} | {"late": key(folder, "late", -9.0, -1.0)}


async def client(url: str, app: Key, user: Key | None = None) -> Client:
    one = Client(url)
    one.application_uri = f"urn:test:{app.certificate.stem}"
    await one.set_security(SecurityPolicyAes256Sha256RsaPss, app.certificate, app.private)
    if user is not None:
        await one.load_client_certificate(str(user.certificate))
        await one.load_private_key(str(user.private))
    return one


@contextlib.asynccontextmanager
async def server(security: Security) -> AsyncIterator[tuple[str, Controller]]:
    plant = Controller()
    commands = Commands(plant, TAGS, deque[LogEvent]())
    async with OpcUaWire(TAGS, security=security, commands=commands) as wire:
        yield wire.url, plant


async def test_UA_02_an_application_is_let_in_when_its_certificate_is_in_the_folder(
    keys: dict[str, Key], tmp_path: Path
) -> None:
    async with server(Security(*keys["server"], trusted=tmp_path)) as (url, _):
        with pytest.raises(ua.uaerrors.BadCertificateUntrusted):
            async with await client(url, keys["known"]):
                pass
        for name in ("known", "late"):
            data = keys[name].certificate.read_bytes()
            (tmp_path / f"{name}.der").write_bytes(data)
        async with await client(url, keys["known"]) as one:
            assert NS in await one.get_namespace_array()
        with pytest.raises(ua.uaerrors.BadCertificateUntrusted):
            async with await client(url, keys["stranger"]):
                pass
        with pytest.raises(ua.uaerrors.BadCertificateTimeInvalid):
            async with await client(url, keys["late"]):
                pass
        (tmp_path / "known.der").unlink()
        with pytest.raises(ua.uaerrors.BadCertificateUntrusted):
            async with await client(url, keys["known"]):
                pass


@pytest.mark.parametrize("named", ["known", None])
async def test_UA_02_a_certificate_that_is_only_named_opens_nothing(
    keys: dict[str, Key], tmp_path: Path, named: str | None
) -> None:
    (tmp_path / "known.pem").write_bytes(
        x509.load_der_x509_certificate(keys["known"].certificate.read_bytes()).public_bytes(Encoding.PEM)
    )
    async with server(Security(*keys["server"], trusted=tmp_path)) as (url, plant):
        rogue = await client(url, keys["stranger"])
        rogue.application_uri = "urn:test:known"
        asked = rogue.uaclient.create_session

        async def pretending(params: ua.CreateSessionParameters) -> ua.CreateSessionResult:
            params.ClientCertificate = keys[named].certificate.read_bytes() if named else None
            return await asked(params)

        rogue.uaclient.create_session = pretending
        with pytest.raises((ua.uaerrors.BadSecurityChecksFailed, ua.uaerrors.BadCertificateInvalid)):
            async with rogue:
                pass
        assert not plant.told


async def test_UA_03_users_known_by_certificate_operate_or_look_on(keys: dict[str, Key]) -> None:
    known = (("ann", keys["ann"].certificate), ("bob", keys["bob"].certificate))
    security = Security(*keys["server"], (("carl", "c"),), ("ann",), known)
    async with server(security) as (url, plant):
        for name in ("bob", "ann"):
            async with await client(url, keys["stranger"], keys[name]) as one:
                node = one.get_node(f"ns={await one.get_namespace_index(NS)};s=R101.feed_sp")
                if name == "bob":
                    with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                        await node.write_value(5.0)
                else:
                    await node.write_value(7.0)
        by_password = await client(url, keys["stranger"])
        by_password.set_user("carl")
        by_password.set_password("c")
        async with by_password as one:
            assert NS in await one.get_namespace_array()
    assert plant.told == [("R101.feed_sp", 7.0)]


async def test_UA_03_nobody_else_comes_in(keys: dict[str, Key], tmp_path: Path) -> None:
    old = key(tmp_path, "old", -9.0, -1.0)
    known = (("ann", keys["ann"].certificate), ("old", old.certificate))
    async with server(Security(*keys["server"], user_certificates=known)) as (url, _):
        stolen = Key(keys["ann"].certificate, keys["eve"].private)
        for user in (keys["eve"], old, stolen):
            with pytest.raises((ua.uaerrors.BadUserAccessDenied, ua.uaerrors.BadIdentityTokenInvalid)):
                async with await client(url, keys["stranger"], user):
                    pass
        nameless = await client(url, keys["ann"])  # ann's certificate as the application's is not ann
        with pytest.raises(ua.UaError):
            async with nameless:
                pass


def test_a_folder_or_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    for security in (
        Security(tmp_path, tmp_path, trusted=tmp_path / "none"),
        Security(tmp_path, tmp_path, user_certificates=(("ann", tmp_path / "none"),)),
    ):
        with pytest.raises(ConfigError, match="none"):
            OpcUaWire(TAGS, security=security)._internal()
