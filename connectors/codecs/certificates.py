"""Certificates in words: whether they count now, and how long they still will. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

NOTICE: Final = timedelta(days=30)
"""A certificate that ends within this is told (chosen default)."""


@dataclass(frozen=True, slots=True)
class Term:
    """From when to when a certificate counts; `name` says whose it is."""

    name: str
    begins: datetime
    ends: datetime

    def fault(self, now: datetime) -> str | None:
        """Words for a certificate that does not count now, or None."""
        if now < self.begins:
            return f"{self.name} counts only from {self.begins:%Y-%m-%d %H:%M} UTC on; check the clocks"
        if now >= self.ends:
            return f"{self.name} ended on {self.ends:%Y-%m-%d %H:%M} UTC; put a new one in its place"
        return None

    def notice(self, now: datetime) -> str | None:
        """Words for one that ends soon, or None."""
        left = self.ends - now
        if left > NOTICE:
            return None
        return f"{self.name} ends on {self.ends:%Y-%m-%d} ({max(left.days, 0)} days left); renew it"


def term(data: bytes, name: str) -> Term:
    """Term of a certificate in DER or PEM.

    Raises
    ------
    ValueError
        When it is neither.
    """
    try:
        pem = data.lstrip().startswith(b"-----BEGIN")
        found = x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise ValueError(f"{name} can not be read as a certificate (DER or PEM): {error}") from error
    return Term(name, found.not_valid_before_utc, found.not_valid_after_utc)
