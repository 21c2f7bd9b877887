"""Notices as mail over SMTP: plain text, and the same as HTML with the trend when there is a picture.

A refusal of the recipient or of the message for good (5xx) is not tried again; all else is. The
``Message-ID`` is made of the notice's key, so that a repetition is the same mail.
"""

import asyncio
import hashlib
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.codecs.printable import printable
from twin.domain.alarm import Notice, Picture
from twin.domain.errors import ConfigError, ConnectorError
from twin.ports import Notifier

ADDRESS: Final = "mail"
"""What a subscription's own address looks like on this channel."""
STOP: Final = {"en": "Stop these notices", "fr": "Ne plus recevoir ces avis"}
OPEN: Final = {"en": "Open the card", "fr": "Ouvrir la fiche"}
PICTURES: Final = True
"""A mail can show the trend."""


class Config(BaseModel):
    """A mail server.

    Parameters
    ----------
    host : str
        Name or address of the mail server.
    port : int
        Its port; 465 is usual with ``tls``.
    security : str
        ``starttls`` (default), ``tls`` from the first byte, or ``none`` for a server on this machine.
    user : str or None
        Account at the server; None sends without one.
    password_file : Path or None
        File with the password.
    sender : str
        Address in ``From``.
    to : str or None
        Where to, for a subscriber of the line file; None: each subscription has its own address.
    timeout_s : float
        Longest wait for an answer [s].
    """

    model_config = ConfigDict(extra="forbid")

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password_file: Path | None = None
    sender: str = Field(pattern=r"^[^\s@]+@[^\s@]+$")
    to: str | None = Field(default=None, pattern=r"^[^\s@]+@[^\s@]+$")
    timeout_s: float = Field(default=20.0, gt=0, le=120)


def open_notifier(config: Config) -> Notifier:
    """Make the route; nothing is connected yet.

    Raises
    ------
    ConfigError
        The password can not be read, or would go over an open wire.
    """
    if config.user and config.security == "none":
        raise ConfigError("smtp: a password goes over an encrypted wire only; security: starttls would do")
    return Mail(config, _password(config.password_file))


class Mail:
    """A route to mail boxes; one connection for each mail."""

    def __init__(self, config: Config, password: str) -> None:
        self._config, self._password = config, password

    async def send(self, notice: Notice) -> None:
        """Deliver; raise `ConnectorError` when the server did not take it."""
        to = notice.address or self._config.to
        if not to:
            raise ConnectorError("smtp: neither channel nor subscription has an address.", retry=False)
        await asyncio.to_thread(self._send, message(notice, self._config.sender, to))

    async def close(self) -> None:
        """Nothing to release."""

    def _send(self, mail: EmailMessage) -> None:
        c = self._config
        named = f"{c.host}:{c.port}"
        try:
            with self._connected() as server:
                if c.user:
                    server.login(c.user, self._password)
                server.send_message(mail)
        except smtplib.SMTPResponseException as error:
            raise _answered(named, error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPRecipientsRefused as error:
            raise _answered(named, *next(iter(error.recipients.values()))) from error
        except (OSError, smtplib.SMTPException) as error:
            raise ConnectorError(f"{named}: {type(error).__name__} {error}; is the server there?") from error

    def _connected(self) -> smtplib.SMTP:
        c, trusted = self._config, ssl.create_default_context()
        if c.security == "tls":
            return smtplib.SMTP_SSL(c.host, c.port, timeout=c.timeout_s, context=trusted)
        server = smtplib.SMTP(c.host, c.port, timeout=c.timeout_s)
        if c.security == "starttls":
            server.starttls(context=trusted)
        return server


def _answered(named: str, code: int, said: bytes | str) -> ConnectorError:
    """What the server answered; 5xx is for good."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return ConnectorError(f"{named}: {code} {printable(text)[:200]}", retry=code < 500)


def message(notice: Notice, sender: str, to: str) -> EmailMessage:
    """The mail of a notice, in whose text nothing can be a header or a command."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, to
    mail["Subject"] = printable(notice.title)[:200]
    mail["Date"] = format_datetime(datetime.fromtimestamp(notice.alarm.raised_ns / 1e9, UTC))
    digest = hashlib.sha256(notice.key.encode("utf-8", "backslashreplace")).hexdigest()[:32]
    mail["Message-ID"] = f"<{digest}@{sender.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    if notice.stop:
        mail["List-Unsubscribe"] = f"<{notice.stop}>"
    text = [printable(line) for line in notice.text.splitlines()]
    links = [f"{words}: {address}" for words, address in _links(notice)]
    shown = ["", printable(notice.picture.text)] if notice.picture else []
    mail.set_content("\n".join([*text, *shown, *(["", *links] if links else [])]))
    if notice.picture:
        _add_picture(mail, notice, notice.picture, f"{digest}@picture")
    return mail


def _links(notice: Notice) -> list[tuple[str, str]]:
    """Words and address of the card and of the way out, where the pages have an address."""
    rows = [(OPEN[notice.language], notice.link), (STOP[notice.language], notice.stop)]
    return [(text, address) for text, address in rows if address]


def _add_picture(mail: EmailMessage, notice: Notice, picture: Picture, name: str) -> None:
    """The same text as HTML with the picture in it; everything foreign is escaped."""
    text = "<br>".join(escape(printable(line)) for line in notice.text.splitlines())
    links = [f'<p><a href="{escape(address)}">{escape(words)}</a></p>' for words, address in _links(notice)]
    shown, legend = escape(printable(picture.text)), escape(picture.legend)
    mail.add_alternative(
        f'<html lang="{notice.language}"><body><p>{text}</p>'
        f'<p><img src="cid:{name}" alt="{shown}" width="640"></p>'
        f"<p><small>{legend}</small></p>{''.join(links)}</body></html>",
        subtype="html",
    )
    page = mail.get_payload()[1]  # type: ignore[index]
    assert isinstance(page, EmailMessage)
    page.add_related(picture.png, "image", "png", cid=f"<{name}>", filename="trend.png", disposition="inline")


def _password(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"password_file {path}: can not be read ({error}).") from error
