"""Who may talk to the plant's OPC UA server: applications by certificate, users by that or a password."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.uacrypto import x509_from_der
from asyncua.crypto.validator import CertificateValidator
from asyncua.crypto.validator import CertificateValidatorOptions as Check
from cryptography import x509

from twin.domain.errors import ConfigError

_log = logging.getLogger(__name__)
_CHECKS: Final = Check.TIME_RANGE | Check.URI | Check.TRUSTED | Check.REVOKED | Check.PEER_CLIENT


@dataclass(frozen=True, slots=True)
class Security:
    """What the server asks of clients; without users everybody who is encrypted may read.

    Parameters
    ----------
    certificate, private_key : Path
        The server's.
    users : tuple of (name, password)
    operators : tuple of str
        Users who may write set points and call methods where the server takes commands.
    user_certificates : tuple of (name, path)
        Users who show a certificate in place of a password; DER or PEM.
    trusted : Path or None
        Folder of certificates (``*.der``, ``*.pem``) of the applications, or of their authorities, that may
        connect; revocation lists in its folder ``crl``. None lets every application connect.
    """

    certificate: Path
    private_key: Path
    users: tuple[tuple[str, str], ...] = ()
    operators: tuple[str, ...] = ()
    user_certificates: tuple[tuple[str, Path], ...] = ()
    trusted: Path | None = None

    def tokens(self) -> list[type]:
        """Kinds of identity a client may show where users are named."""
        kinds = [ua.UserNameIdentityToken] * bool(self.users)
        return kinds + [ua.X509IdentityToken] * bool(self.user_certificates)


class TrustList:
    """The applications that may connect; the folder is read anew for every session.

    Parameters
    ----------
    folder : Path
        As `Security.trusted`.

    Raises
    ------
    ConfigError
        When there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ConfigError(
                f"trusted {folder}: there is no such folder; make it, and put certificates in it"
            )
        self._store = TrustStore([folder], [folder / "crl"])
        self._check = CertificateValidator(_CHECKS, self._store)

    async def __call__(self, certificate: x509.Certificate, application: ua.ApplicationDescription) -> None:
        """Let an application pass, or raise ServiceError with the status that says why not."""
        try:
            await self._store.load()
        except ValueError as error:  # an empty folder, or a file that is no certificate
            _log.warning("trusted certificates can not be loaded, nobody is let in: %s", error)
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted) from error
        await self._check(certificate, application)


class Users:
    """Who may come in, and who of them may operate.

    Parameters
    ----------
    passwords : Mapping[str, str]
        By name.
    operators : frozenset of str
        Names that may write; with no users everybody may.
    certificates : Mapping[str, Path]
        By name.

    Raises
    ------
    ConfigError
        When a user's certificate can not be read.
    """

    def __init__(
        self, passwords: Mapping[str, str], operators: frozenset[str], certificates: Mapping[str, Path]
    ) -> None:
        self._passwords, self._operators = dict(passwords), operators
        self._certificates = {_certificate(path, name): name for name, path in certificates.items()}

    @property
    def known(self) -> bool:
        """True where users are named, so that nobody comes in without a name."""
        return bool(self._passwords or self._certificates)

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        """The user of an identity token, whose signature was verified; None refuses it."""
        if not self.known:
            return User(role=UserRole.User, name=username or "anonymous")
        if username is not None:
            right = username in self._passwords and self._passwords[username] == password
            return User(role=UserRole.User, name=username) if right else None
        shown: x509.Certificate | None = x509_from_der(certificate)
        if shown is None or shown not in self._certificates:
            return None
        in_time = shown.not_valid_before_utc <= datetime.now(UTC) <= shown.not_valid_after_utc
        return User(role=UserRole.User, name=self._certificates[shown]) if in_time else None

    def operates(self, user: User) -> bool:
        """True for an operator."""
        return not self.known or user.name in self._operators


def _certificate(path: Path, user: str) -> x509.Certificate:
    try:
        data = path.read_bytes()
        pem = data.lstrip().startswith(b"-----BEGIN")
        return x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"user {user}: {path} can not be read as a certificate (DER or PEM): {error}"
        ) from error
