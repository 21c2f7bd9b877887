"""How a broker is reached: what MQTT and Sparkplug configurations share, and the files they name."""

import ipaddress
import re
import ssl
from pathlib import Path
from typing import ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from twin.domain.errors import ConnectorError

_PLAIN: Final = re.compile(r"[^A-Za-z0-9_.-]")


def is_loopback(host: str) -> bool:
    """True when `host` is this machine by its name or address (no look-up)."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class BrokerConfig(BaseModel):
    """How a broker is reached.

    Parameters
    ----------
    host, port
        Where the broker listens.
    user
        Account at the broker.
    password_file
        The password is read from the file at every connect, so that it can be changed.
    tls
        Encrypt; without `ca_file` the system's authorities are trusted.
    ca_file
        Certificates of authorities to trust instead of the system's.
    certificate_file, key_file
        Our own certificate and its key, where the broker asks for one.
    allow_insecure
        Permits another machine without TLS or without an account.
    protocol
        MQTT 5, 3.1.1 or ``auto``: 5 first, then 3.1.1 when the broker does not speak 5.
    client_id
        Fixed, so that the broker keeps the session, and of one client only: a broker ends the session of a
        client when another comes with its name. ``bioline-<line>-<id>`` when empty.
    keepalive_s
        Longest silence on the connection before it is probed [s].
    connect_timeout_s
        Longest wait for the broker's answer to a connect [s].
    retry_s, retry_max_s
        First and longest pause between two tries to connect [s].
    window
        Receive maximum: messages the broker may send ahead of our acknowledgement.
    max_packet_bytes
        Larger messages are not sent to us (MQTT 5).
    """

    model_config = ConfigDict(extra="forbid")
    prefix: ClassVar[str] = "bioline"

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=1883, ge=1, le=65535)
    user: str = ""
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    allow_insecure: bool = False
    protocol: Literal["auto", 5, 311] = "auto"
    client_id: str = ""
    keepalive_s: int = Field(default=15, ge=1, le=3600)
    connect_timeout_s: float = Field(default=5.0, gt=0)
    retry_s: float = Field(default=1.0, gt=0)
    retry_max_s: float = Field(default=30.0, gt=0)
    window: int = Field(default=1000, ge=1, le=65535)
    max_packet_bytes: int = Field(default=1_048_576, ge=1024)

    @field_validator("host")
    @classmethod
    def _nameable(cls, host: str) -> str:
        try:
            host.encode("idna")
        except UnicodeError as error:
            raise ValueError(f"{host!r} can not be the name of a machine: {error}") from error
        return host

    @model_validator(mode="after")
    def _secure(self) -> Self:
        if not is_loopback(self.host) and not self.allow_insecure and not (self.tls and self.user):
            raise ValueError(
                f"broker {self.host} is another machine: give tls: true and user with password_file, "
                "or allow_insecure: true when its network is trusted"
            )
        return self

    @property
    def where(self) -> str:
        """Host and port, as people read them."""
        return f"{self.host}:{self.port}"

    def session_name(self, line: str) -> str:
        """Name of the session at the broker: as configured, or made of the line's name and our id.

        Characters that a broker may refuse are replaced by ``-``.
        """
        return self.client_id or _PLAIN.sub("-", f"{self.prefix}-{line}-{getattr(self, 'id', '')}")


def password(config: BrokerConfig) -> str | None:
    """What the password file holds now; None without one.

    Raises
    ------
    ConnectorError
        When it can not be read.
    """
    if config.password_file is None:
        return None
    try:
        return config.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConnectorError(f"password_file {config.password_file} ({error})") from error


class _Closing(ssl.SSLSocket):
    """Closed when the greeting fails; paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def tls_context(config: BrokerConfig) -> ssl.SSLContext:
    """Whom we trust, and who we are, as the files say now.

    Raises
    ------
    ConnectorError
        When a file can not be read or holds no certificate or key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _Closing
    try:
        if config.ca_file:
            context.load_verify_locations(config.ca_file)
        else:
            context.load_default_certs()
    except OSError as error:
        raise ConnectorError(f"ca_file {config.ca_file} ({error})") from error
    if config.certificate_file:
        try:  # without the empty password a key that has one is asked for on the terminal
            context.load_cert_chain(config.certificate_file, config.key_file, password="")
        except OSError as error:
            files = f"certificate_file {config.certificate_file}, key_file {config.key_file}"
            raise ConnectorError(f"{files} ({error})") from error
    return context
